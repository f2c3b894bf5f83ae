/* An auditor's look at a consent record takes two: one asks, stating by what law, another account
 * of another unit lets it happen within PHI_AUDIT_REQUEST_MS and gets the record, once. Nobody
 * looks at their own. The row that the person is shown, the event on audit and the nonce are
 * committed before the record is given. */
#include "svc-codegen/consent/consent.h"

#include "base/text.h"
#include "crypto/random.h"
#include "json/canonical.h"

#include <string.h>

#define DIGITS_MAX 10 /* in a row: documents and telephones of persons have more */

struct auditor {
    uint8_t who[PHI_SM3_LEN];
    uint8_t person[PHI_SUBJECT_LEN];
    const char *unit;
};

/* A look on its way; views are the arena's or the rows'. */
struct look {
    struct auditor auditor; /* who calls */
    uint8_t request_id[CONSENT_REQUEST_LEN];
    struct phi_view serial_hmac;
    const char *reference;
    int64_t until_us;
    struct phi_view asked_who; /* of the first, with the second step */
    struct phi_view asked_person;
    const char *asked_unit;
    int64_t requested_us;
};

static enum phi_err read_auditor(struct phi_api_call *call, struct auditor *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_identity *who = phi_api_who(call);
    const struct phi_registry_staff *staff = who->staff;
    const char *region = phi_service_region(phi_api_service(call));
    bool is_auditor = staff != NULL && phi_words_has(&staff->roles, "auditor") &&
                      phi_words_has(&staff->regions, region);
    if (!is_auditor)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "no auditor of this region");
    if (!who->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    PHI_GUARD(phi_api_who_digest(call, out->who));
    PHI_GUARD(codegen_subject(call, out->person));
    out->unit = staff->unit;
out:
    return err;
}

/* A law and a file's number, never a person's. */
static enum phi_err read_reference(struct phi_api_call *call, const char **out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct phi_view plain;
    PHI_GUARD(phi_json_text(&body, "legalReference", 4, CONSENT_REFERENCE_MAX, out, error));
    PHI_GUARD(phi_text_nfkc_upper(phi_view_text(*out), phi_api_arena(call), &plain));
    size_t run = 0;
    for (size_t i = 0; i < plain.len && run <= DIGITS_MAX; i++)
        run = plain.data[i] >= '0' && plain.data[i] <= '9' ? run + 1 : 0;
    if (run > DIGITS_MAX)
        err = phi_json_refuse(&body, "legalReference", PHI_ERR_FIELD_VALUE,
                              "a number as long as a document's", error);
out:
    return err;
}

static enum phi_err add_event(struct phi_api_call *call, const struct look *look, const char *step)
{
    enum phi_err err = PHI_OK;
    char id[2 * CONSENT_REQUEST_LEN + 1], serial[2 * PHI_SM3_LEN + 1], actor[2 * PHI_SM3_LEN + 1];
    char at[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(look->request_id, CONSENT_REQUEST_LEN), id);
    phi_hex_encode(look->serial_hmac, serial);
    phi_hex_encode(phi_view_of(look->auditor.who, PHI_SM3_LEN), actor);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "step", step, "requestId", id,
                             "serialHmac", serial, "actor", actor, "unit", look->auditor.unit,
                             "legalReference", look->reference, "at", at);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "audit"),
                              .type = "cn.phi.audit.consent",
                              .key = phi_view_of(look->serial_hmac.data, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_service_sign_event(phi_api_service(call), &event, (uint64_t)phi_api_now_us(call),
                                     phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

/* The code is there, and the auditor neither its holder nor who granted it. */
static enum phi_err check_not_own(const struct phi_rows *code, const struct auditor *auditor,
                                  struct phi_error *error)
{
    const struct phi_view me = phi_view_of(auditor->person, PHI_SUBJECT_LEN);
    if (phi_rows_count(code) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "$.code", "no record of this code");
    bool is_own = phi_view_equal(phi_rows_bytes(code, 0, 0), me) ||
                  phi_view_equal(phi_rows_bytes(code, 0, 3), me);
    if (is_own)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "nobody audits themselves");
    return PHI_OK;
}

static enum phi_err find_code(struct phi_conn *conn, struct phi_view serial_hmac,
                              struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param key = PHI_BYTES(serial_hmac);
    return phi_conn_exec(conn, "audit_code",
                         "SELECT subject, consent_digest, consent_sealed, grantor, scene FROM "
                         "codes WHERE serial_hmac = $1",
                         &key, 1, rows, error);
}

/* --- the first: asks --- */

static enum phi_err keep_request(struct phi_api_call *call, struct look *look)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_api_now_us(call);
    const struct phi_config *config = phi_service_config(phi_api_service(call));
    look->until_us = now_us + 1000 * phi_config_int(config, "PHI_AUDIT_REQUEST_MS");
    PHI_GUARD(phi_uuid7(now_us, look->request_id));
    const struct phi_param row[] = {PHI_BYTES_OF(look->request_id, CONSENT_REQUEST_LEN),
                                    PHI_BYTES(look->serial_hmac),
                                    PHI_BYTES_OF(look->auditor.who, PHI_SM3_LEN),
                                    PHI_BYTES_OF(look->auditor.person, PHI_SUBJECT_LEN),
                                    PHI_TEXT(look->auditor.unit),
                                    PHI_TEXT(look->reference),
                                    PHI_I64(now_us),
                                    PHI_I64(look->until_us)};
    PHI_GUARD(phi_api_row(call, TABLE_CONSENT_REQUESTS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(add_event(call, look, "requested"));
out:
    return err;
}

enum phi_err codegen_audit_request(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct look asked = {0}, *look = &asked;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct consent_code code;
    char id[2 * CONSENT_REQUEST_LEN + 1], until[PHI_RFC3339_MAX];
    PHI_GUARD(read_auditor(call, &look->auditor, error));
    PHI_GUARD(consent_code_parse(call, &code, error));
    PHI_GUARD(read_reference(call, &look->reference, error));
    look->serial_hmac =
        phi_arena_view(phi_api_arena(call), phi_view_of(code.serial_hmac, PHI_SM3_LEN));
    PHI_GUARD(look->serial_hmac.data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(find_code(conn, look->serial_hmac, &rows, error));
    PHI_GUARD(check_not_own(rows, &look->auditor, error));
    PHI_GUARD(keep_request(call, look));
    phi_hex_encode(phi_view_of(look->request_id, CONSENT_REQUEST_LEN), id);
    phi_rfc3339_format(look->until_us, until);
    phi_api_data(call, json_pack("{s:s, s:s}", "requestId", id, "until", until));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* --- the second: lets it happen --- */

static enum phi_err find_request(struct phi_conn *conn, const struct look *look,
                                 struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param id = PHI_BYTES_OF(look->request_id, CONSENT_REQUEST_LEN);
    return phi_conn_exec(conn, "audit_request",
                         "SELECT serial_hmac, who, person, unit, legal_reference, requested_us, "
                         "until_us FROM consent_requests WHERE request_id = $1",
                         &id, 1, rows, error);
}

static enum phi_err take_request(struct phi_api_call *call, const struct phi_rows *rows,
                                 struct look *look, struct phi_error *error)
{
    if (phi_rows_count(rows) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such request");
    look->serial_hmac = phi_rows_bytes(rows, 0, 0);
    look->asked_who = phi_rows_bytes(rows, 0, 1);
    look->asked_person = phi_rows_bytes(rows, 0, 2);
    look->asked_unit = phi_rows_text(rows, 0, 3);
    look->reference = phi_rows_text(rows, 0, 4);
    look->requested_us = phi_rows_i64(rows, 0, 5);
    look->until_us = phi_rows_i64(rows, 0, 6);
    if (look->until_us <= phi_api_now_us(call))
        return phi_error_set(error, PHI_ERR_STATE, "id", "the request's time is over");
    return PHI_OK;
}

/* Another account, another person behind it, another unit. */
static enum phi_err check_second(const struct look *look, struct phi_error *error)
{
    const struct auditor *me = &look->auditor;
    bool is_same = phi_view_equal(look->asked_who, phi_view_of(me->who, PHI_SM3_LEN)) ||
                   phi_view_equal(look->asked_person, phi_view_of(me->person, PHI_SUBJECT_LEN));
    if (is_same)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "who asked can't let it happen");
    if (look->asked_unit == NULL || me->unit == NULL || strcmp(look->asked_unit, me->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "of the same unit as who asked");
    return PHI_OK;
}

static enum phi_err keep_look(struct phi_api_call *call, const struct look *look,
                              const struct phi_rows *code)
{
    enum phi_err err = PHI_OK;
    struct phi_view grantor = phi_rows_bytes(code, 0, 3);
    const struct phi_param row[] = {PHI_BYTES_OF(look->request_id, CONSENT_REQUEST_LEN),
                                    PHI_BYTES(look->serial_hmac),
                                    PHI_BYTES(phi_rows_bytes(code, 0, 0)),
                                    grantor.len == 0 ? PHI_NULL : PHI_BYTES(grantor),
                                    PHI_BYTES(phi_rows_bytes(code, 0, 1)),
                                    PHI_TEXT(phi_rows_text(code, 0, 4)),
                                    PHI_BYTES(look->asked_who),
                                    PHI_TEXT(look->asked_unit),
                                    PHI_BYTES_OF(look->auditor.who, PHI_SM3_LEN),
                                    PHI_TEXT(look->auditor.unit),
                                    PHI_TEXT(look->reference),
                                    PHI_I64(look->requested_us),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_CONSENT_LOOKS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(add_event(call, look, "seen"));
out:
    return err;
}

static enum phi_err show(struct phi_api_call *call, const struct look *look,
                         const struct phi_rows *code, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view record = {0};
    char digest[2 * PHI_SM3_LEN + 1];
    const struct consent_sealed sealed = {.subject = phi_rows_bytes(code, 0, 0),
                                          .digest = phi_rows_bytes(code, 0, 1),
                                          .sealed = phi_rows_bytes(code, 0, 2)};
    PHI_GUARD(check_not_own(code, &look->auditor, error));
    PHI_GUARD(consent_open(call, &sealed, &record));
    PHI_GUARD(keep_look(call, look, code));
    phi_hex_encode(sealed.digest, digest);
    phi_api_data(call, json_pack("{s:s%, s:s, s:s}", "record", (const char *)record.data,
                                 record.len, "digest", digest, "legalReference", look->reference));
out:
    return err;
}

static enum phi_err read_id(struct phi_api_call *call, struct look *look, struct phi_error *error)
{
    const char *id = phi_http_param(phi_api_request(call), "id");
    bool is_id = strlen(id) == 2 * CONSENT_REQUEST_LEN &&
                 phi_hex_decode(phi_view_text(id), look->request_id, CONSENT_REQUEST_LEN) == PHI_OK;
    return is_id ? PHI_OK : phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such request");
}

enum phi_err codegen_audit_approve(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct look approved = {0}, *look = &approved;
    struct phi_conn *conn = NULL;
    struct phi_rows *request = NULL, *code = NULL;
    PHI_GUARD(read_auditor(call, &look->auditor, error));
    PHI_GUARD(read_id(call, look, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(find_request(conn, look, &request, error));
    PHI_GUARD(take_request(call, request, look, error));
    PHI_GUARD(check_second(look, error));
    PHI_GUARD(find_code(conn, look->serial_hmac, &code, error));
    PHI_GUARD(show(call, look, code, error));
out:
    phi_rows_free(code);
    phi_rows_free(request);
    phi_store_release(conn);
    return err;
}
