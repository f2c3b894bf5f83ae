/* GET /v1/correction-batches/{id}: how far a bad batch has got, by the id of its retraction at
 * svc-declare: for how many people svc-directory has said that it counts. */
#include "svc-correction/flow/batches.h"

enum phi_err batch_add(struct phi_conn *tx, const uint8_t batch_id[CASE_LEN],
                       struct phi_view subject, int64_t at_us, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(batch_id, CASE_LEN), PHI_BYTES(subject),
                                       PHI_I64(at_us)};
    if (subject.len != PHI_SUBJECT_LEN)
        return PHI_OK;
    return phi_conn_exec(tx, "batch_add",
                         "INSERT INTO batch_people (batch_id, subject, at_us) SELECT $1::bytea, "
                         "$2::bytea, $3::bigint WHERE NOT EXISTS (SELECT 1 FROM cases WHERE "
                         "case_id = $1) ON CONFLICT DO NOTHING",
                         params, 3, NULL, error);
}

static enum phi_err check_officer(struct phi_api_call *call, struct phi_error *error)
{
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    const char *region = phi_service_region(phi_api_service(call));
    return phi_words_has(&staff->roles, "decide") && phi_words_has(&staff->regions, region)
               ? PHI_OK
               : phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "no officer for disputes");
}

static json_t *told(const uint8_t *batch_id, const struct phi_rows *rows)
{
    char id[2 * CASE_LEN + 1], first[PHI_RFC3339_MAX], last[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(batch_id, CASE_LEN), id);
    phi_rfc3339_format(phi_rows_i64(rows, 0, 1), first);
    phi_rfc3339_format(phi_rows_i64(rows, 0, 2), last);
    return json_pack("{s:s, s:I, s:s, s:s}", "batchId", id, "people",
                     (json_int_t)phi_rows_i64(rows, 0, 0), "firstAt", first, "lastAt", last);
}

enum phi_err batch_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t batch_id[CASE_LEN];
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(check_officer(call, error));
    PHI_GUARD(case_id_of(call, batch_id, error));
    const struct phi_param id = PHI_BYTES_OF(batch_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "batch_show",
                            "SELECT count(*), COALESCE(min(at_us), 0)::bigint, "
                            "COALESCE(max(at_us), 0)::bigint FROM batch_people WHERE batch_id = $1",
                            &id, 1, &rows, error));
    if (phi_rows_i64(rows, 0, 0) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such batch"));
    phi_api_data(call, told(batch_id, rows));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
