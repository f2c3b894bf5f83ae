/* POST /v1/codes/revoke: the holder by the code itself; the issuer's staff by code, serial, subject
 * or key set. In force here with the commit, elsewhere with the record on code.revoked. */
#include "svc-verify/revoke/revoke.h"

#include "base/log.h"
#include "json/canonical.h"

#include <string.h>

#define TARGETS 4

enum target { TARGET_CODE, TARGET_SERIAL, TARGET_SUBJECT, TARGET_KEY_SET };

struct asked {
    enum target target;
    struct phi_revocation entry;
    enum phi_err verdict; /* about the code, 2xxx */
};

static struct verify *verify_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

static bool is_issuers(struct phi_api_call *call)
{
    const struct phi_identity *who = phi_api_who(call);
    const struct phi_registry_staff *staff = who->staff;
    return who->is_staff && staff != NULL && phi_words_has(&staff->roles, "code.revoke") &&
           phi_words_has(&staff->regions, verify_of(call)->region);
}

/* Each member that is there has its type; exactly one of the four says what. */
static enum phi_err read_target(const struct phi_json_at *body, enum target *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    uint8_t id[PHI_REVOCATION_ID_LEN];
    bool has_serial = false, has_subject = false;
    int64_t key_set = 0, time_us = 0;
    PHI_GUARD(phi_json_text_opt(body, "code", 1, PHI_JKM1_TEXT_MAX, NULL, &code, error));
    PHI_GUARD(phi_json_hex_opt(body, "serial", id, sizeof(id), &has_serial, error));
    PHI_GUARD(phi_json_hex_opt(body, "subject", id, sizeof(id), &has_subject, error));
    PHI_GUARD(phi_json_int_opt(body, "keySetId", 0, 255, -1, &key_set, error));
    PHI_GUARD(phi_json_time_opt(body, "deadlineFrom", 0, &time_us, error));
    PHI_GUARD(phi_json_time_opt(body, "deadlineUntil", 0, &time_us, error));
    const bool has[] = {[TARGET_CODE] = code != NULL,
                        [TARGET_SERIAL] = has_serial,
                        [TARGET_SUBJECT] = has_subject,
                        [TARGET_KEY_SET] = key_set >= 0};
    if (has[TARGET_CODE] + has[TARGET_SERIAL] + has[TARGET_SUBJECT] + has[TARGET_KEY_SET] != 1)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "$.code",
                             "one of code, serial, subject, keySetId is needed");
    for (int i = 0; i < TARGETS; i++)
        *out = has[i] ? (enum target)i : *out;
out:
    return err;
}

/* Codes between two deadlines, neither over nor later than any code lives. */
static enum phi_err read_span(const struct phi_json_at *body, int64_t now_s,
                              struct phi_revocation *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t from_us = 0, until_us = 0;
    PHI_GUARD(phi_json_time(body, "deadlineFrom", &from_us, error));
    PHI_GUARD(phi_json_time(body, "deadlineUntil", &until_us, error));
    out->from_s = from_us / 1000000;
    out->until_s = until_us / 1000000;
    if (out->from_s < 0 || out->from_s > out->until_s || out->until_s < now_s ||
        out->until_s > now_s + REVOKE_LONGEST_S)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.deadlineUntil",
                             "not between now and 31 days from now, or before deadlineFrom");
out:
    return err;
}

/* A forged code would let anybody revoke any serial: only a good signature opens the seal. */
static enum phi_err judge_code(struct phi_api_call *call, const struct phi_jkm1 *code,
                               const struct phi_trust_key *key)
{
    enum phi_err err = PHI_OK;
    struct verify *verify = verify_of(call);
    struct phi_codeside_content content;
    uint8_t subject[PHI_SUBJECT_LEN];
    PHI_GUARD(key == NULL ? PHI_ERR_CODE_SIGNATURE : PHI_OK);
    PHI_GUARD(phi_jkm1_verify(code, key->public_key));
    PHI_GUARD(phi_jkm1_is_expired(code, phi_api_now_us(call) / 1000000) ? PHI_ERR_CODE_EXPIRED
                                                                        : PHI_OK);
    if (is_issuers(call))
        return PHI_OK;
    PHI_GUARD(phi_codeside_is_ours(verify->codeside, code) ? PHI_OK : PHI_ERR_NOT_HOLDER);
    PHI_GUARD(phi_codeside_unseal(verify->codeside, code, &content));
    PHI_GUARD(phi_subject_index(verify->index_key, &phi_api_who(call)->person, subject));
    if (!phi_equal_secret(subject, content.subject, PHI_SUBJECT_LEN))
        err = PHI_ERR_NOT_HOLDER;
out:
    return err;
}

static enum phi_err find_key(struct phi_api_call *call, const struct phi_jkm1 *code,
                             const struct phi_trust_key **out)
{
    const struct phi_trust_view *view = NULL;
    enum phi_err err = phi_trust_hold(verify_of(call)->trust, phi_api_arena(call), &view);
    if (err != PHI_OK)
        return err;
    const struct phi_trust_platform *platform = phi_trust_platform(view, code->platform);
    *out =
        platform == NULL ? NULL : phi_trust_code_key(platform, code->key_set, phi_api_now_us(call));
    return PHI_OK;
}

static enum phi_err decode(struct phi_api_call *call, const char *text, struct phi_jkm1 *out)
{
    enum phi_err err = PHI_OK;
    size_t len = 0;
    uint8_t *bytes = phi_arena_alloc(phi_api_arena(call), PHI_JKM1_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_jkm1_text_decode(phi_view_text(text), bytes, PHI_JKM1_MAX, &len));
    PHI_GUARD(phi_jkm1_decode(phi_view_of(bytes, len), out, NULL));
out:
    return err;
}

static enum phi_err read_code(struct phi_api_call *call, struct asked *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct verify *verify = verify_of(call);
    struct phi_json_at body = phi_api_body(call);
    struct phi_jkm1 code;
    const struct phi_trust_key *key = NULL;
    const char *text = NULL;
    PHI_GUARD(phi_json_text(&body, "code", 1, PHI_JKM1_TEXT_MAX, &text, error));
    PHI_GUARD(decode(call, text, &code));
    if (!code.is_own_form || strcmp(code.platform, verify->region) != 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "$.code",
                             "not a code of this platform: its issuer revokes it");
    PHI_GUARD(find_key(call, &code, &key));
    PHI_GUARD(judge_code(call, &code, key));
    PHI_GUARD(phi_jkm1_revocation_id(code.platform, code.serial, out->entry.id));
    out->entry.kind = PHI_REVOKED_CODE;
    out->entry.until_s = code.deadline_s;
out:
    if (phi_err_is_verdict(err)) {
        out->verdict = err;
        return PHI_OK;
    }
    return err;
}

/* A serial alone doesn't tell its code's deadline: it is held as long as any code lives. */
static enum phi_err read_serial(struct phi_api_call *call, struct asked *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t serial[PHI_JKM1_SERIAL_LEN];
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_hex(&body, "serial", serial, sizeof(serial), error));
    PHI_GUARD(phi_jkm1_revocation_id(verify_of(call)->region, serial, out->entry.id));
    out->entry.kind = PHI_REVOKED_CODE;
    out->entry.until_s = phi_api_now_us(call) / 1000000 + REVOKE_LONGEST_S;
out:
    return err;
}

static enum phi_err read_many(struct phi_api_call *call, struct asked *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t key_set = 0;
    if (out->target == TARGET_SUBJECT) {
        out->entry.kind = PHI_REVOKED_SUBJECT;
        PHI_GUARD(phi_json_hex(&body, "subject", subject, sizeof(subject), error));
        PHI_GUARD(phi_revocation_subject_id(verify_of(call)->serial_key, subject, out->entry.id));
    } else {
        out->entry.kind = PHI_REVOKED_KEY_SET;
        PHI_GUARD(phi_json_int(&body, "keySetId", 0, 255, &key_set, error));
        phi_revocation_key_set_id((uint8_t)key_set, out->entry.id);
    }
    PHI_GUARD(read_span(&body, phi_api_now_us(call) / 1000000, &out->entry, error));
out:
    return err;
}

static enum phi_err read_asked(struct phi_api_call *call, struct asked *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct verify_revoke *revoke = verify_of(call)->revoke;
    PHI_GUARD(read_target(&body, &out->target, error));
    if (phi_api_who(call)->is_staff ? !is_issuers(call) : out->target != TARGET_CODE)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer who may revoke codes of this platform");
    if (out->target == TARGET_CODE)
        PHI_GUARD(read_code(call, out, error));
    else if (out->target == TARGET_SERIAL)
        PHI_GUARD(read_serial(call, out, error));
    else
        PHI_GUARD(read_many(call, out, error));
    uint64_t last = phi_revocations_last_version(revoke->set);
    uint64_t now_us = (uint64_t)phi_api_now_us(call);
    out->entry.version = now_us > last ? now_us : last + 1;
    memcpy(out->entry.platform, revoke->verify->region, sizeof(out->entry.platform));
out:
    return err;
}

/* On the lane's thread: in force at this replica before the answer. */
static void after(struct phi_api_call *call, void *context)
{
    const struct asked *asked = context;
    struct verify_revoke *revoke = verify_of(call)->revoke;
    enum phi_err err =
        phi_revocations_put(revoke->set, &asked->entry, phi_api_now_us(call) / 1000000);
    if (err != PHI_OK && err != PHI_ERR_STATE)
        phi_log(PHI_LOG_ERROR, "revocation_not_held", PHI_L_ERR(err));
}

static json_t *audit_value(struct phi_api_call *call, const struct phi_revocation *entry,
                           const uint8_t who[PHI_SM3_LEN])
{
    char id[2 * PHI_REVOCATION_ID_LEN + 1], actor[2 * PHI_SM3_LEN + 1];
    char at[PHI_RFC3339_MAX], from[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(entry->id, PHI_REVOCATION_ID_LEN), id);
    phi_hex_encode(phi_view_of(who, PHI_SM3_LEN), actor);
    phi_rfc3339_format(phi_api_now_us(call), at);
    phi_rfc3339_format(entry->from_s * 1000000, from);
    phi_rfc3339_format(entry->until_s * 1000000, until);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "step", "revoked", "kind",
                             phi_revoked_kind_name(entry->kind), "id", id, "deadlineUntil", until,
                             "actor", actor, "unit", phi_api_who(call)->staff->unit, "at", at);
    if (json != NULL && entry->kind != PHI_REVOKED_CODE)
        json_object_set_new(json, "deadlineFrom", json_string(from));
    return json;
}

/* What staff revoke is told on audit; what a holder does with their own code is not. */
static enum phi_err add_audit(struct phi_api_call *call, const struct phi_revocation *entry,
                              const uint8_t who[PHI_SM3_LEN])
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    if (!is_issuers(call))
        return PHI_OK;
    json_t *json = audit_value(call, entry, who);
    struct phi_event event = {.topic = phi_service_topic(service, "audit"),
                              .type = "cn.phi.audit.revocation",
                              .key = phi_view_of(who, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_service_sign_event(service, &event, entry->version, phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, struct asked *asked)
{
    enum phi_err err = PHI_OK;
    const struct phi_revocation *entry = &asked->entry;
    uint8_t who[PHI_SM3_LEN];
    struct phi_event event;
    PHI_GUARD(phi_api_who_digest(call, who));
    const struct phi_param row[REVOCATIONS_COLUMNS] = {
        [REVOCATIONS_PLATFORM] = PHI_TEXT(entry->platform),
        [REVOCATIONS_KIND] = PHI_TEXT(phi_revoked_kind_name(entry->kind)),
        [REVOCATIONS_ID] = PHI_BYTES_OF(entry->id, PHI_REVOCATION_ID_LEN),
        [REVOCATIONS_FROM] = PHI_I64(entry->from_s),
        [REVOCATIONS_UNTIL] = PHI_I64(entry->until_s),
        [REVOCATIONS_VERSION] = PHI_I64((int64_t)entry->version),
        [REVOCATIONS_WHO] = PHI_BYTES_OF(who, sizeof(who)),
    };
    PHI_GUARD(phi_api_row(call, TABLE_REVOCATIONS, row, REVOCATIONS_COLUMNS));
    PHI_GUARD(revoke_record_write(verify_of(call)->revoke, entry, phi_api_now_us(call),
                                  phi_api_arena(call), &event));
    PHI_GUARD(phi_api_event(call, &event));
    PHI_GUARD(add_audit(call, entry, who));
    phi_api_after_commit(call, after, asked);
out:
    return err;
}

static void tell(struct phi_api_call *call, const struct phi_revocation *entry)
{
    char at[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_api_now_us(call), at);
    phi_rfc3339_format(entry->until_s * 1000000, until);
    phi_api_data(call, json_pack("{s:s, s:s, s:s}", "kind", phi_revoked_kind_name(entry->kind),
                                 "revokedAt", at, "deadlineUntil", until));
}

enum phi_err verify_revoke_post(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct asked *asked = phi_arena_alloc(phi_api_arena(call), sizeof(*asked));
    PHI_GUARD(asked == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_asked(call, asked, error));
    if (asked->verdict != PHI_OK) {
        phi_api_verdict(call, asked->verdict);
        goto out;
    }
    size_t max =
        (size_t)phi_config_int(phi_service_config(phi_api_service(call)), "PHI_REVOCATIONS_MAX");
    PHI_GUARD(phi_revocations_count(verify_of(call)->revoke->set) >= max ? PHI_ERR_OVERLOAD
                                                                         : PHI_OK);
    PHI_GUARD(keep(call, asked));
    tell(call, &asked->entry);
out:
    return err;
}
