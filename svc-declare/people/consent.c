/* The citizen's consent to collection: which notice was shown, for what, when. Without one in force
 * nothing a citizen declares is taken; it can be withdrawn at any time, for what comes after. */
#include "svc-declare/people/own.h"
#include "svc-declare/people/settled.h"

#include "crypto/random.h"

#define VERSION_MAX 32
#define LIST_MAX    200

static const char *const purposes[] = {PURPOSE_CODE};

struct consent {
    uint8_t id[CONSENT_ID_LEN];
    struct acting acting;
    const char *notice_version;
    const char *purpose;
};

static enum phi_err parse(struct phi_api_call *call, struct consent *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    size_t purpose = 0;
    PHI_GUARD(phi_json_word(&body, "noticeVersion", VERSION_MAX, &out->notice_version, error));
    PHI_GUARD(phi_json_enum(&body, "purpose", purposes, 1, &purpose, error));
    out->purpose = purposes[purpose];
    PHI_GUARD(acting_read(call, &out->acting, error));
out:
    return err;
}

static enum phi_err tell(struct phi_api_call *call, const struct consent *consent,
                         const char *given_by)
{
    const struct acting *acting = &consent->acting;
    char id[2 * CONSENT_ID_LEN + 1], actor[2 * PHI_SUBJECT_LEN + 1];
    phi_hex_encode(phi_view_of(consent->id, CONSENT_ID_LEN), id);
    phi_hex_encode(phi_view_of(acting->actor, PHI_SUBJECT_LEN), actor);
    return settled_tell(call, acting->subject, SETTLED_CONSENT,
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "consentId", id,
                                  "noticeVersion", consent->notice_version, "purpose",
                                  consent->purpose, "app", phi_api_app(call)->app_id, "givenBy",
                                  given_by, "grantedBy", acting->is_on_behalf ? actor : NULL));
}

static enum phi_err keep(struct phi_api_call *call, const struct consent *consent)
{
    enum phi_err err = PHI_OK;
    const struct acting *acting = &consent->acting;
    const char *given_by = acting->is_on_behalf ? acting_declarant(acting) : "self";
    const struct phi_param row[] = {
        PHI_BYTES_OF(consent->id, CONSENT_ID_LEN),
        PHI_BYTES_OF(acting->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(phi_api_app(call)->app_id),
        PHI_TEXT(consent->notice_version),
        PHI_TEXT(consent->purpose),
        PHI_I64(phi_api_now_us(call)),
        acting->is_on_behalf ? PHI_BYTES_OF(acting->actor, PHI_SUBJECT_LEN) : PHI_NULL,
        PHI_TEXT(given_by),
    };
    PHI_GUARD(phi_api_row(call, TABLE_CONSENTS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(tell(call, consent, given_by));
out:
    return err;
}

/* The first need of a data key is near: made now, it is everywhere before the first declaration. */
static enum phi_err make_key(struct phi_api_call *call, const uint8_t *subject,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_person_key key;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(keys_for_person(call, conn, subject, &key, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err declare_consent(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct consent consent = {0};
    char id[2 * CONSENT_ID_LEN + 1], recorded[PHI_RFC3339_MAX];
    PHI_GUARD(parse(call, &consent, error));
    PHI_GUARD(make_key(call, consent.acting.subject, error));
    PHI_GUARD(phi_random_bytes(consent.id, CONSENT_ID_LEN));
    PHI_GUARD(keep(call, &consent));
    phi_hex_encode(phi_view_of(consent.id, CONSENT_ID_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call), recorded);
    phi_api_data(call, json_pack("{s:s, s:s}", "consentId", id, "recordedAt", recorded));
out:
    return err;
}

static enum phi_err count_in_force(struct phi_api_call *call, const uint8_t *subject,
                                   const char *purpose, int64_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN), PHI_TEXT(purpose)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "consents_in_force",
                            "SELECT count(*) FROM consents WHERE subject = $1 AND purpose = $2 AND "
                            "withdrawn_us IS NULL",
                            params, 2, &rows, error));
    *count = phi_rows_i64(rows, 0, 0);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* POST /v1/consents/withdraw: all consents for the purpose that are in force. */
enum phi_err declare_withdraw(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct acting acting;
    char withdrawn[PHI_RFC3339_MAX];
    size_t purpose = 0;
    int64_t count = 0;
    PHI_GUARD(phi_json_enum(&body, "purpose", purposes, 1, &purpose, error));
    PHI_GUARD(acting_read(call, &acting, error));
    PHI_GUARD(count_in_force(call, acting.subject, purposes[purpose], &count, error));
    if (count == 0)
        return phi_error_set(error, PHI_ERR_STATE, "$.purpose", "no consent for it is in force");
    PHI_GUARD(settled_end_consents(call, acting.subject, purposes[purpose]));
    phi_rfc3339_format(phi_api_now_us(call), withdrawn);
    phi_api_data(call, json_pack("{s:s, s:s, s:I}", "purpose", purposes[purpose], "withdrawnAt",
                                 withdrawn, "consents", (json_int_t)count));
out:
    return err;
}

static json_t *consent_json(const struct phi_rows *rows, size_t row)
{
    char id[2 * CONSENT_ID_LEN + 1], recorded[PHI_RFC3339_MAX], withdrawn[PHI_RFC3339_MAX];
    bool is_in_force = phi_rows_is_null(rows, row, 4);
    phi_hex_encode(phi_rows_bytes(rows, row, 0), id);
    phi_rfc3339_format(phi_rows_i64(rows, row, 3), recorded);
    phi_rfc3339_format(phi_rows_i64(rows, row, 4), withdrawn);
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s}", "consentId", id, "noticeVersion",
                     phi_rows_text(rows, row, 1), "purpose", phi_rows_text(rows, row, 2),
                     "recordedAt", recorded, "withdrawnAt", is_in_force ? NULL : withdrawn, "app",
                     phi_rows_text(rows, row, 5), "givenBy", phi_rows_text(rows, row, 6));
}

enum phi_err consents_read(struct phi_conn *conn, const uint8_t *subject, struct phi_arena *arena,
                           json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *list = json_array();
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN), PHI_I64(LIST_MAX)};
    PHI_GUARD(phi_json_keep(arena, list));
    PHI_GUARD(phi_conn_exec(conn, "consents_of",
                            "SELECT consent_id, notice_version, purpose, recorded_us, "
                            "withdrawn_us, app_id, given_by FROM consents WHERE subject = $1 ORDER "
                            "BY recorded_us DESC LIMIT $2",
                            params, 2, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(json_array_append_new(list, consent_json(rows, i)) == 0 ? PHI_OK
                                                                          : PHI_ERR_MEMORY);
    *out = list;
out:
    phi_rows_free(rows);
    return err;
}

/* GET /v1/consents: one's own, the newest first. */
enum phi_err declare_consents(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    json_t *list = NULL;
    uint8_t subject[PHI_SUBJECT_LEN];
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, subject));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(consents_read(conn, subject, phi_api_arena(call), &list, error));
    phi_api_data(call, json_pack("{s:O}", "consents", list));
out:
    phi_store_release(conn);
    return err;
}
