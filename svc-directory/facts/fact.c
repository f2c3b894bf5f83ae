#include "svc-directory/facts/fact.h"

#include "base/text.h"
#include "json/canonical.h"

#include <string.h>

#define DEPTH_MAX    12
#define CONTENT_MAX  (16 * 1024)
#define SEALED_MAX   (32 * 1024)
#define IDENTITY_MAX 2048
#define CASE_MAX     64
#define VERSION_MAX  9007199254740991LL
#define DIGEST_LABEL "directory.fact"

/* The record's key, the value's subject and its region must say the same: who owns the partition
 * may act. */
static enum phi_err read_place(const struct phi_msg *msg, const struct phi_json_at *root,
                               const struct phi_json_at *with_region, const char *region,
                               uint8_t subject[PHI_SUBJECT_LEN], struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *its_region = NULL;
    PHI_GUARD(phi_json_hex(root, "subject", subject, PHI_SUBJECT_LEN, error));
    if (!phi_view_equal(msg->key, phi_view_of(subject, PHI_SUBJECT_LEN)))
        return phi_json_refuse(root, "subject", PHI_ERR_FIELD_VALUE, "not the record's key", error);
    PHI_GUARD(phi_json_word(with_region, "region", 6, &its_region, error));
    if (strcmp(its_region, region) != 0)
        return phi_json_refuse(with_region, "region", PHI_ERR_FORBIDDEN, "another region's", error);
out:
    return err;
}

static enum phi_err open_value(const struct phi_msg *msg, struct phi_arena *arena,
                               struct phi_json_at *root, struct phi_error *error)
{
    if (msg->value.len > FACT_VALUE_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "value", "over 64 KiB");
    return phi_json_read(msg->value, DEPTH_MAX, arena, root, error);
}

static enum phi_err read_record(const struct phi_json_at *root, struct fact *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *source = NULL;
    PHI_GUARD(phi_json_word(root, "source", 64, &source, error));
    if (strcmp(source, out->source) != 0)
        return phi_json_refuse(root, "source", PHI_ERR_FIELD_VALUE, "not the topic's", error);
    PHI_GUARD(phi_json_word(root, "institution", FACT_INSTITUTION_MAX, &out->institution, error));
    PHI_GUARD(phi_json_word(root, "recordNo", FACT_RECORD_MAX, &out->record_no, error));
    PHI_GUARD(phi_json_int(root, "revision", 1, UINT32_MAX, &out->revision, error));
    PHI_GUARD(phi_json_int(root, "subjectKeyVersion", 1, 255, &out->subject_key, error));
    PHI_GUARD(phi_json_time(root, "observedAt", &out->observed_us, error));
    PHI_GUARD(phi_json_time(root, "recordedAt", &out->recorded_us, error));
    PHI_GUARD(phi_json_hex_opt(root, "customer", out->customer, PHI_NOTICE_PERSON_LEN,
                               &out->has_customer, error));
out:
    return err;
}

static enum phi_err check_id(const struct phi_json_at *root, const char *region, struct fact *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t made[PHI_FACT_ID_LEN];
    PHI_GUARD(phi_json_hex(root, "factId", out->id, PHI_FACT_ID_LEN, error));
    PHI_GUARD(phi_fact_id(phi_view_text(region), phi_view_text(out->source),
                          phi_view_text(out->institution), phi_view_text(out->record_no),
                          (uint32_t)out->revision, made));
    if (memcmp(made, out->id, PHI_FACT_ID_LEN) != 0)
        return phi_json_refuse(root, "factId", PHI_ERR_DATA_BROKEN, "not made of its parts", error);
    PHI_GUARD(fact_record(region, out->source, out->institution, out->record_no, out->record));
out:
    return err;
}

enum phi_err fact_record(const char *region, const char *source, const char *institution,
                         const char *record_no, uint8_t out[PHI_FACT_ID_LEN])
{
    return phi_fact_id(phi_view_text(region), phi_view_text(source), phi_view_text(institution),
                       phi_view_text(record_no), 0, out);
}

static enum phi_err read_content(const struct phi_json_at *root, struct phi_arena *arena,
                                 struct fact *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_object(root, "content", &out->content_json, error));
    PHI_GUARD(phi_json_hex_opt(&out->content_json, "eventKey", out->event_key, FACT_EVENT_KEY_LEN,
                               &out->has_event_key, error));
    PHI_GUARD(phi_json_canonical(out->content_json.value, arena, &out->content));
    if (out->content.len > CONTENT_MAX)
        return phi_json_refuse(root, "content", PHI_ERR_BODY_TOO_LARGE, "over 16 KiB", error);
out:
    return err;
}

/* The identity among the personal text, in a form of its own. */
static enum phi_err read_identity(struct phi_view plain, struct phi_arena *arena,
                                  struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    const char *name = NULL, *id_type = NULL, *id_no = NULL, *country = NULL;
    PHI_GUARD(phi_json_read(plain, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_text(&root, "name", 1, 100, &name, error));
    PHI_GUARD(phi_json_word(&root, "idType", 3, &id_type, error));
    PHI_GUARD(phi_json_text(&root, "idNo", 1, 32, &id_no, error));
    PHI_GUARD(phi_json_word(&root, "country", 3, &country, error));
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "idType", id_type, "idNo", id_no,
                             "country", country);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, out));
out:
    return err;
}

static enum phi_err unseal(const struct phi_json_at *root, const struct fact_keys *keys,
                           struct phi_arena *arena, const struct fact *fact, struct phi_view *plain,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed = {0};
    bool is_there = false;
    *plain = phi_view_of(NULL, 0);
    uint8_t *bytes = phi_arena_alloc(arena, SEALED_MAX);
    const char *context = phi_arena_printf(arena, "%s.sealed", fact->source);
    PHI_GUARD(bytes == NULL || context == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64_opt(root, "sealed", PHI_SEAL_OVERHEAD, SEALED_MAX, bytes, &sealed.len,
                                  &is_there, error));
    sealed.data = bytes;
    if (!is_there)
        return PHI_OK;
    if (phi_unseal(keys->health, context, fact->subject, sealed, arena, plain) != PHI_OK)
        return phi_json_refuse(root, "sealed", PHI_ERR_DATA_BROKEN, "can't be opened", error);
out:
    return err;
}

static enum phi_err digest(const struct fact_keys *keys, struct phi_view plain, struct fact *fact)
{
    char observed[PHI_RFC3339_MAX];
    const struct phi_view feed = phi_view_text("\n");
    phi_rfc3339_format(fact->observed_us, observed);
    const struct phi_view parts[] = {
        phi_view_text(DIGEST_LABEL),
        feed,
        phi_view_of(fact->subject, PHI_SUBJECT_LEN),
        phi_view_text(observed),
        feed,
        fact->content,
        feed,
        plain,
    };
    return phi_hmac_sm3(keys->bus, parts, sizeof(parts) / sizeof(parts[0]), fact->digest);
}

/* Records of before persons had data keys: digest and identity are made of what is sealed. */
static enum phi_err read_sealed(const struct phi_json_at *root, const struct fact_keys *keys,
                                struct phi_arena *arena, struct fact *fact, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    PHI_GUARD(unseal(root, keys, arena, fact, &plain, error));
    PHI_GUARD(digest(keys, plain, fact));
    if (plain.len > 0)
        PHI_GUARD(read_identity(plain, arena, &fact->identity, error));
out:
    return err;
}

/* The writer's digest, and who the person is as it was sealed: no data key is needed to take a fact
 * in, so nothing waits for one. */
static enum phi_err read_personal(const struct phi_json_at *root, const struct fact_keys *keys,
                                  struct phi_arena *arena, struct fact *fact,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at at;
    bool is_there = false;
    PHI_GUARD(phi_json_member(root, "digest", false, &at, error));
    if (at.value == NULL)
        return read_sealed(root, keys, arena, fact, error);
    PHI_GUARD(phi_json_as_hex(&at, fact->digest, sizeof(fact->digest), error));
    uint8_t *bytes = phi_arena_alloc(arena, IDENTITY_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64_opt(root, "identity", PHI_SEAL_OVERHEAD, IDENTITY_MAX, bytes,
                                  &fact->identity_sealed.len, &is_there, error));
    fact->identity_sealed.data = bytes;
out:
    return err;
}

enum phi_err fact_read(const struct phi_msg *msg, const char *source, const char *region,
                       const struct fact_keys *keys, struct phi_arena *arena, struct fact *out,
                       struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    struct fact fact = {.source = source};
    PHI_GUARD(phi_mac_verify(msg, keys->bus, error));
    PHI_GUARD(open_value(msg, arena, &root, error));
    PHI_GUARD(read_place(msg, &root, &root, region, fact.subject, error));
    PHI_GUARD(read_record(&root, &fact, error));
    PHI_GUARD(check_id(&root, region, &fact, error));
    PHI_GUARD(read_content(&root, arena, &fact, error));
    PHI_GUARD(read_personal(&root, keys, arena, &fact, error));
    *out = fact;
out:
    return err;
}

/* As a number, or as a decimal text from writers whose numbers are too narrow. */
static enum phi_err read_version(const struct phi_json_at *root, int64_t *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at at;
    PHI_GUARD(phi_json_member(root, "decisionVersion", true, &at, error));
    if (!json_is_string(at.value))
        return phi_json_as_int(&at, 1, VERSION_MAX, out, error);
    if (phi_text_to_i64(phi_view_text(json_string_value(at.value)), 1, VERSION_MAX, out) != PHI_OK)
        return phi_json_refuse(&at, NULL, PHI_ERR_FIELD_VALUE, "not a version", error);
out:
    return err;
}

static enum phi_err read_named(const struct phi_json_at *fact, struct decision *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_word(fact, "source", 64, &out->source, error));
    PHI_GUARD(phi_json_word(fact, "institution", FACT_INSTITUTION_MAX, &out->institution, error));
    PHI_GUARD(phi_json_word(fact, "recordNo", FACT_RECORD_MAX, &out->record_no, error));
out:
    return err;
}

/* What a decision says instead, as a record of the same source with the case as its institution's
 * number. The digest needs nothing personal: there is none on this topic. */
static enum phi_err read_made(const struct phi_json_at *root, const char *region,
                              const struct fact_keys *keys, struct phi_arena *arena,
                              struct decision *d, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at record;
    struct fact *fact = &d->fact;
    *fact = (struct fact){.source = d->source,
                          .revision = 1,
                          .subject_key = PHI_SUBJECT_KEY_VERSION,
                          .recorded_us = d->decided_us,
                          .is_made = true,
                          .of_version = d->version};
    memcpy(fact->subject, d->subject, PHI_SUBJECT_LEN);
    memcpy(fact->of_record, d->record, PHI_FACT_ID_LEN);
    PHI_GUARD(phi_json_object(root, "record", &record, error));
    PHI_GUARD(
        phi_json_word(&record, "institution", FACT_INSTITUTION_MAX, &fact->institution, error));
    PHI_GUARD(phi_json_word(&record, "recordNo", FACT_RECORD_MAX, &fact->record_no, error));
    PHI_GUARD(phi_json_time(&record, "observedAt", &fact->observed_us, error));
    PHI_GUARD(phi_fact_id(phi_view_text(region), phi_view_text(fact->source),
                          phi_view_text(fact->institution), phi_view_text(fact->record_no), 1,
                          fact->id));
    PHI_GUARD(fact_record(region, fact->source, fact->institution, fact->record_no, fact->record));
    PHI_GUARD(read_content(&record, arena, fact, error));
    PHI_GUARD(digest(keys, phi_view_of(NULL, 0), fact));
    bool is_own = memcmp(fact->record, d->record, PHI_FACT_ID_LEN) == 0;
    if (is_own != (d->action == DECISION_ADD))
        err = phi_json_refuse(&record, "recordNo", PHI_ERR_FIELD_VALUE, "not the action's", error);
    d->has_fact = true;
out:
    return err;
}

#define RELIEF_MAX_US (72 * 3600 * 1000000LL)

/* Bounded here too, whoever signs. */
static enum phi_err read_relief(const struct phi_json_at *root, struct decision *d,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_time(root, "until", &d->until_us, error));
    if (d->until_us <= d->decided_us || d->until_us > d->decided_us + RELIEF_MAX_US)
        err = phi_json_refuse(root, "until", PHI_ERR_FIELD_VALUE, "not within 72 hours", error);
out:
    return err;
}

static enum phi_err read_observed(const struct phi_json_at *root, struct decision *d,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at at;
    d->observed_us = INT64_MAX;
    PHI_GUARD(phi_json_member(root, "observedAt", false, &at, error));
    if (at.value != NULL)
        PHI_GUARD(phi_json_time(root, "observedAt", &d->observed_us, error));
out:
    return err;
}

static const char *const actions[] = {"retract", "stand", "amend", "add", "relieve", "resume"};

const char *decision_action_name(enum decision_action action)
{
    return actions[action];
}

enum phi_err decision_read(const struct phi_msg *msg, const char *region,
                           const struct phi_pinned_key *pinned, size_t pinned_count,
                           const struct fact_keys *keys, struct phi_arena *arena,
                           struct decision *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint64_t version = 0;
    PHI_GUARD(phi_signed_verify(msg, pinned, pinned_count, &version, error));
    PHI_GUARD(decision_open(msg, region, keys, arena, out, error));
out:
    return err;
}

enum phi_err decision_open(const struct phi_msg *msg, const char *region,
                           const struct fact_keys *keys, struct phi_arena *arena,
                           struct decision *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root, fact;
    struct decision decision = {0};
    size_t action = 0;
    PHI_GUARD(open_value(msg, arena, &root, error));
    PHI_GUARD(phi_json_object(&root, "fact", &fact, error));
    PHI_GUARD(read_place(msg, &root, &fact, region, decision.subject, error));
    PHI_GUARD(phi_json_enum(&root, "action", actions, sizeof(actions) / sizeof(actions[0]), &action,
                            error));
    decision.action = (enum decision_action)action;
    decision.is_retracted = action == DECISION_RETRACT || action == DECISION_AMEND;
    PHI_GUARD(phi_json_word(&root, "caseId", CASE_MAX, &decision.case_id, error));
    PHI_GUARD(read_version(&root, &decision.version, error));
    PHI_GUARD(phi_json_time(&root, "decidedAt", &decision.decided_us, error));
    PHI_GUARD(read_observed(&root, &decision, error));
    PHI_GUARD(read_named(&fact, &decision, error));
    PHI_GUARD(fact_record(region, decision.source, decision.institution, decision.record_no,
                          decision.record));
    if (action == DECISION_AMEND || action == DECISION_ADD)
        PHI_GUARD(read_made(&root, region, keys, arena, &decision, error));
    if (action == DECISION_RELIEVE)
        PHI_GUARD(read_relief(&root, &decision, error));
    *out = decision;
out:
    return err;
}
