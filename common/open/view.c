#include "open/view.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define UTC8_US   (8 * 3600 * 1000000LL)
#define DEPTH_MAX 8
#define WORD_MAX  48
#define SMALL_MAX 1000

void phi_open_month(int64_t at_us, char out[PHI_OPEN_MONTH_LEN + 1])
{
    char text[PHI_TIME14_LEN + 1];
    phi_time14_format(at_us / 1000000, 480, text);
    snprintf(out, PHI_OPEN_MONTH_LEN + 1, "%.4s-%.2s", text, text + 4);
}

int64_t phi_open_hour(int64_t at_us)
{
    return at_us < 0 ? 0 : at_us - at_us % PHI_OPEN_HOUR_US;
}

enum phi_err phi_open_key_new(struct phi_view secret, const char *project, const char *month,
                              struct phi_hmac_key **out)
{
    enum phi_err err = PHI_OK;
    struct phi_hmac_key *root = NULL;
    uint8_t mac[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_text("phi.open"), phi_view_of("", 1),
                                     phi_view_text(project), phi_view_of("", 1),
                                     phi_view_text(month)};
    PHI_GUARD(phi_hmac_key_new(secret, &root));
    PHI_GUARD(phi_hmac_sm3(root, parts, 5, mac));
    PHI_GUARD(phi_hmac_key_new(phi_view_of(mac, sizeof(mac)), out));
out:
    phi_hmac_key_free(root);
    phi_wipe(mac, sizeof(mac));
    return err;
}

enum phi_err phi_open_pseudonym(const struct phi_hmac_key *key, const char *kind,
                                struct phi_view id, uint8_t out[PHI_OPEN_PERSON_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t mac[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_text(kind), phi_view_of("", 1), id};
    PHI_GUARD(phi_hmac_sm3(key, parts, 3, mac));
    memcpy(out, mac, PHI_OPEN_PERSON_LEN);
out:
    return err;
}

/* --- what may be seen --- */

enum kind {
    CODED,  /* a word of a value set, a yes or no, a small number */
    REGION, /* six digits: the first four */
    HOUR,
    PERSON, /* 16 bytes in hex */
    CODE,   /* 32 bytes in hex */
    INSIDE  /* an object or a list: what is in it, by the same list */
};

/* By name. tests/unit/test_open_view.c holds this against every member of docs/schemas. */
static const struct member {
    const char *name;
    enum kind kind;
} members[] = {
    {"action", CODED},
    {"antibody", CODED},
    {"appliedAt", HOUR},
    {"arrivedAt", HOUR},
    {"at", HOUR},
    {"basicRegion", REGION},
    {"before", CODED},
    {"changedAt", HOUR},
    {"class", CODED},
    {"conditions", CODED},
    {"contact", CODED},
    {"contactAt", HOUR},
    {"content", INSIDE},
    {"country", CODED},
    {"crossedAt", HOUR},
    {"deadline", HOUR},
    {"decidedAt", HOUR},
    {"declarant", CODED},
    {"departedAt", HOUR},
    {"diagnosedAt", HOUR},
    {"diagnosis", CODED},
    {"direction", CODED},
    {"disposition", CODED},
    {"distance", CODED},
    {"dose", CODED},
    {"eventAt", HOUR},
    {"freshUntil", HOUR},
    {"from", HOUR},
    {"fromRegion", REGION},
    {"grade", CODED},
    {"household", CODED},
    {"inspectedAt", HOUR},
    {"isPooled", CODED},
    {"isSampled", CODED},
    {"isolation", CODED},
    {"kind", CODED},
    {"lastAt", HOUR},
    {"measure", CODED},
    {"method", CODED},
    {"mintedAt", HOUR},
    {"mode", CODED},
    {"observedAt", HOUR},
    {"oneTime", CODED},
    {"onsetAt", HOUR},
    {"outcome", CODED},
    {"outcomeAt", HOUR},
    {"paper", CODED},
    {"passedAt", HOUR},
    {"person", PERSON},
    {"placeKind", CODED},
    {"platform", REGION},
    {"portRegion", REGION},
    {"publishedAt", HOUR},
    {"reason", CODED},
    {"reasons", CODED},
    {"recordType", CODED},
    {"recordedAt", HOUR},
    {"region", REGION},
    {"reopenedAt", HOUR},
    {"reportedAt", HOUR},
    {"residenceRegion", REGION},
    {"result", CODED},
    {"resultCode", CODED},
    {"revision", CODED},
    {"revokedAt", HOUR},
    {"risk", CODED},
    {"riskLevel", CODED},
    {"riskStays", INSIDE},
    {"role", CODED},
    {"sampledAt", HOUR},
    {"scene", CODED},
    {"scope", CODED},
    {"serialHmac", CODE},
    {"setting", CODED},
    {"severity", CODED},
    {"since", HOUR},
    {"source", CODED},
    {"state", CODED},
    {"status", CODED},
    {"stays", INSIDE},
    {"step", CODED},
    {"subject", PERSON},
    {"surveyedAt", HOUR},
    {"symptoms", CODED},
    {"temperature", CODED},
    {"then", CODED},
    {"time", HOUR},
    {"to", HOUR},
    {"toRegion", REGION},
    {"until", HOUR},
    {"updated", HOUR},
    {"updatedAt", HOUR},
    {"vaccinationDoses", CODED},
    {"vaccine", CODED},
    {"verifiedAt", HOUR},
    {"visitedAt", HOUR},
    {"withdrawn", CODED},
};

static int by_name(const void *name, const void *member)
{
    return strcmp(name, ((const struct member *)member)->name);
}

static const struct member *find(const char *name)
{
    return bsearch(name, members, sizeof(members) / sizeof(members[0]), sizeof(members[0]),
                   by_name);
}

/* A word of a value set: nothing that could be an id, a number of a record, a digest. */
static bool is_coded(const char *text)
{
    size_t len = strlen(text), digits = 0;
    if (len == 0 || len > WORD_MAX || !phi_text_is_word(phi_view_of(text, len), WORD_MAX))
        return false;
    for (size_t i = 0; i < len; i++)
        digits += isdigit((unsigned char)text[i]) != 0;
    return digits <= 4;
}

/* --- making it --- */

struct view {
    const struct phi_hmac_key *key;
    size_t depth;
};

static json_t *coarse(const struct view *view, enum kind kind, const json_t *value);

static json_t *region(const char *text)
{
    bool is_one = strlen(text) == 6 && strspn(text, "0123456789") == 6;
    return is_one ? json_stringn(text, 4) : NULL;
}

static json_t *hour(const char *text)
{
    char out[PHI_RFC3339_MAX];
    int64_t at_us = 0;
    if (phi_rfc3339_parse(phi_view_text(text), &at_us) != PHI_OK)
        return NULL;
    phi_rfc3339_format(phi_open_hour(at_us), out);
    return json_string(out);
}

static json_t *pseudonym(const struct view *view, enum kind kind, const char *text)
{
    uint8_t id[PHI_SM3_LEN], out[PHI_OPEN_PERSON_LEN];
    char hex[2 * PHI_OPEN_PERSON_LEN + 1];
    size_t len = kind == PERSON ? PHI_OPEN_PERSON_LEN : PHI_SM3_LEN;
    if (phi_hex_decode(phi_view_text(text), id, len) != PHI_OK ||
        phi_open_pseudonym(view->key, kind == PERSON ? "person" : "code", phi_view_of(id, len),
                           out) != PHI_OK)
        return NULL;
    phi_hex_encode(phi_view_of(out, sizeof(out)), hex);
    return json_string(hex);
}

static json_t *text(const struct view *view, enum kind kind, const char *value)
{
    switch (kind) {
    case CODED:
        return is_coded(value) ? json_string(value) : NULL;
    case REGION:
        return region(value);
    case HOUR:
        return hour(value);
    case PERSON:
    case CODE:
        return pseudonym(view, kind, value);
    default:
        return NULL;
    }
}

/* Large numbers are versions, and those are times. */
static json_t *number(enum kind kind, const json_t *value)
{
    double size = json_number_value(value);
    return kind == CODED && size > -SMALL_MAX && size < SMALL_MAX ? json_deep_copy(value) : NULL;
}

static json_t *list(const struct view *view, enum kind kind, const json_t *value)
{
    json_t *out = json_array();
    for (size_t i = 0; out != NULL && i < json_array_size(value); i++) {
        json_t *item = coarse(view, kind, json_array_get(value, i));
        if (item != NULL && json_array_append_new(out, item) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static const char *shown_as(const struct member *member)
{
    if (member->kind == PERSON)
        return "person";
    return member->kind == CODE ? "code" : member->name;
}

static json_t *object(const struct view *outer, const json_t *value)
{
    const struct view view = {.key = outer->key, .depth = outer->depth + 1};
    const char *name;
    json_t *inner;
    json_t *out = view.depth > DEPTH_MAX ? NULL : json_object();
    json_object_foreach((json_t *)value, name, inner)
    {
        const struct member *member = find(name);
        json_t *seen = out == NULL || member == NULL ? NULL : coarse(&view, member->kind, inner);
        if (seen != NULL && json_object_set_new(out, shown_as(member), seen) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* NULL: not to be seen, or no memory; a record then shows less, never more. */
static json_t *coarse(const struct view *view, enum kind kind, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return text(view, kind, json_string_value(value));
    case JSON_ARRAY:
        return list(view, kind, value);
    case JSON_OBJECT:
        return kind == INSIDE ? object(view, value) : NULL;
    case JSON_INTEGER:
    case JSON_REAL:
        return number(kind, value);
    case JSON_TRUE:
    case JSON_FALSE:
        return kind == CODED ? json_boolean(json_is_true(value)) : NULL;
    default:
        return NULL;
    }
}

enum phi_err phi_open_view(const struct phi_hmac_key *key, const json_t *value, json_t **out)
{
    const struct view view = {.key = key};
    json_t *seen = json_is_object(value) ? object(&view, value) : json_object();
    if (seen == NULL)
        return PHI_ERR_MEMORY;
    *out = seen;
    return PHI_OK;
}
