#include "svc-declare/fact.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <string.h>

#define DIGEST_LABEL "declare.content"

static enum phi_err digest(const struct fact_keys *keys, struct phi_arena *arena, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    char observed[PHI_RFC3339_MAX];
    struct phi_view content, personal = phi_view_text("");
    phi_rfc3339_format(fact->observed_us, observed);
    PHI_GUARD(phi_json_canonical(fact->content, arena, &content));
    if (fact->personal != NULL)
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

struct sealed_texts {
    const char *sealed; /* base64; both NULL when nothing is personal */
    const char *identity;
};

static enum phi_err seal(const struct phi_seal_key *key, const char *context,
                         const struct fact *fact, const json_t *json, struct phi_arena *arena,
                         struct phi_view *sealed, const char **base64)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    PHI_GUARD(context == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, &plain));
    PHI_GUARD(phi_seal(key, context, fact->subject, plain, arena, sealed));
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(sealed->len) + 1);
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(*sealed, text);
    *base64 = text;
out:
    return err;
}

/* Who the person is, of all that is personal. */
static enum phi_err identity_of(const json_t *personal, struct phi_arena *arena, json_t **out)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"name", "idType", "idNo", "country"};
    json_t *identity = json_object();
    PHI_GUARD(phi_json_keep(arena, identity));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        PHI_GUARD(json_object_set(identity, members[i], json_object_get(personal, members[i])) == 0
                      ? PHI_OK
                      : PHI_ERR_MEMORY);
    *out = identity;
out:
    return err;
}

static enum phi_err seal_texts(const struct fact_keys *keys, struct phi_arena *arena,
                               struct fact *fact, struct sealed_texts *out)
{
    enum phi_err err = PHI_OK;
    struct phi_seal_key *key = NULL;
    json_t *identity = NULL;
    struct phi_view sealed_identity;
    PHI_GUARD(identity_of(fact->personal, arena, &identity));
    PHI_GUARD(phi_person_key_open(keys->health, fact->key, &key));
    PHI_GUARD(seal(key, phi_arena_printf(arena, "%s.sealed", fact->stream), fact, fact->personal,
                   arena, &fact->sealed, &out->sealed));
    PHI_GUARD(seal(key, PHI_PERSON_IDENTITY_SEALED, fact, identity, arena, &sealed_identity,
                   &out->identity));
out:
    phi_seal_key_free(key);
    return err;
}

static json_t *value_json(const struct fact *fact, const char *region,
                          const struct sealed_texts *texts)
{
    char id[2 * PHI_FACT_ID_LEN + 1], subject[2 * PHI_SUBJECT_LEN + 1], digest[2 * PHI_SM3_LEN + 1];
    char observed[PHI_RFC3339_MAX], recorded[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(fact->id, PHI_FACT_ID_LEN), id);
    phi_hex_encode(phi_view_of(fact->subject, PHI_SUBJECT_LEN), subject);
    phi_hex_encode(phi_view_of(fact->digest, PHI_SM3_LEN), digest);
    phi_rfc3339_format(fact->observed_us, observed);
    phi_rfc3339_format(fact->recorded_us, recorded);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:i, s:s, s:s, s:s, s:O, s:s*, s:s*}",
                     "factId", id, "region", region, "source", fact->stream, "institution",
                     fact->institution, "recordNo", fact->record_no, "revision",
                     (json_int_t)fact->revision, "subject", subject, "subjectKeyVersion",
                     PHI_SUBJECT_KEY_VERSION, "observedAt", observed, "recordedAt", recorded,
                     "digest", digest, "content", fact->content, "sealed", texts->sealed,
                     "identity", texts->identity);
}

enum phi_err fact_complete(const struct fact_keys *keys, const char *region, const char *topic,
                           struct phi_arena *arena, struct fact *fact, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct sealed_texts texts = {0};
    struct phi_view value;
    if (fact->personal != NULL)
        PHI_GUARD(seal_texts(keys, arena, fact, &texts));
    PHI_GUARD(phi_json_canonical(fact->content, arena, &fact->content_bytes));
    json_t *json = value_json(fact, region, &texts);
    PHI_GUARD(phi_json_keep(arena, json));
    if (fact->customer[0] != '\0')
        json_object_set_new(json, "customer", json_string(fact->customer));
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
