#include "svc-declare/fact.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <string.h>

#define DIGEST_LABEL "declare.content"

/* The middle of "idType|idNo|country". */
static struct phi_view canonical_number(struct phi_view canonical)
{
    return phi_view_of(canonical.data + 4, canonical.len - 8);
}

enum phi_err fact_person(const struct phi_person *person, struct phi_arena *arena, json_t **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view canonical;
    PHI_GUARD(phi_subject_canonical(person, arena, &canonical, error));
    struct phi_view number = canonical_number(canonical);
    json_t *json = json_pack("{s:s%, s:s%, s:s%, s:s%}", "name", (const char *)person->name.data,
                             person->name.len, "idType", (const char *)person->id_type.data,
                             person->id_type.len, "idNo", (const char *)number.data, number.len,
                             "country", (const char *)person->country.data, person->country.len);
    PHI_GUARD(phi_json_keep(arena, json));
    *out = json;
out:
    return err;
}

static enum phi_err digest(const struct fact_keys *keys, struct phi_arena *arena, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    char observed[PHI_RFC3339_MAX];
    struct phi_view content, personal;
    phi_rfc3339_format(fact->observed_us, observed);
    PHI_GUARD(phi_json_canonical(fact->content, arena, &content));
    PHI_GUARD(phi_json_canonical(fact->personal, arena, &personal));
    const struct phi_view feed = phi_view_text("\n");
    const struct phi_view parts[] = {
        phi_view_text(DIGEST_LABEL),
        feed,
        phi_view_of(fact->subject, PHI_SUBJECT_LEN),
        phi_view_text(observed),
        feed,
        content,
        feed,
        personal,
    };
    PHI_GUARD(phi_hmac_sm3(keys->bus, parts, sizeof(parts) / sizeof(parts[0]), fact->digest));
out:
    return err;
}

enum phi_err fact_identify(const struct fact_keys *keys, const char *region,
                           struct phi_arena *arena, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_fact_id(phi_view_text(region), phi_view_text(fact->stream),
                          phi_view_text(fact->institution), phi_view_text(fact->record_no),
                          fact->revision, fact->id));
    PHI_GUARD(digest(keys, arena, fact));
out:
    return err;
}

static enum phi_err seal(const struct fact_keys *keys, struct phi_arena *arena, struct fact *fact,
                         char **base64)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    const char *context = phi_arena_printf(arena, "%s.sealed", fact->stream);
    PHI_GUARD(context == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(fact->personal, arena, &plain));
    PHI_GUARD(phi_seal(keys->health, context, fact->subject, plain, arena, &fact->sealed));
    *base64 = phi_arena_alloc(arena, PHI_BASE64_LEN(fact->sealed.len) + 1);
    PHI_GUARD(*base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(fact->sealed, *base64);
out:
    return err;
}

static json_t *value_json(const struct fact *fact, const char *region, const char *sealed)
{
    char id[2 * PHI_FACT_ID_LEN + 1], subject[2 * PHI_SUBJECT_LEN + 1];
    char observed[PHI_RFC3339_MAX], recorded[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(fact->id, PHI_FACT_ID_LEN), id);
    phi_hex_encode(phi_view_of(fact->subject, PHI_SUBJECT_LEN), subject);
    phi_rfc3339_format(fact->observed_us, observed);
    phi_rfc3339_format(fact->recorded_us, recorded);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:i, s:s, s:s, s:O, s:s}", "factId", id,
                     "region", region, "source", fact->stream, "institution", fact->institution,
                     "recordNo", fact->record_no, "revision", (json_int_t)fact->revision, "subject",
                     subject, "subjectKeyVersion", PHI_SUBJECT_KEY_VERSION, "observedAt", observed,
                     "recordedAt", recorded, "content", fact->content, "sealed", sealed);
}

enum phi_err fact_complete(const struct fact_keys *keys, const char *region, const char *topic,
                           struct phi_arena *arena, struct fact *fact, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    char *sealed = NULL;
    struct phi_view value;
    PHI_GUARD(seal(keys, arena, fact, &sealed));
    PHI_GUARD(phi_json_canonical(fact->content, arena, &fact->content_bytes));
    json_t *json = value_json(fact, region, sealed);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &value));
    *event = (struct phi_event){
        .topic = topic,
        .type = phi_arena_printf(arena, "cn.phi.%s", fact->stream),
        .time_us = fact->recorded_us,
        .key = phi_view_of(fact->subject, PHI_SUBJECT_LEN),
        .value = value,
    };
    PHI_GUARD(event->type == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_mac_add(event, keys->bus, arena));
out:
    return err;
}
