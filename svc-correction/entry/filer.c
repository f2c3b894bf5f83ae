#include "svc-correction/entry/filer.h"

#include <string.h>

/* --- the mandate --- */

static enum phi_err check(struct phi_service *service, const struct phi_person *who, int64_t now_us,
                          struct phi_arena *arena, struct filer *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_view *view = NULL;
    PHI_GUARD(phi_registry_hold(phi_service_registry(service), arena, &view));
    const struct phi_mandate_ask ask = {
        .registry = view,
        .guardian = who,
        .region = phi_service_region(service),
        .max_days = phi_config_int(phi_service_config(service), "PHI_MANDATE_MAX_DAYS"),
        .now_us = now_us};
    PHI_GUARD(phi_mandate_check(&out->mandate, &ask, arena, error));
out:
    return err;
}

enum phi_err filer_of(struct phi_service *service, const struct phi_person *who,
                      const struct phi_json_at *behalf, int64_t now_us, struct phi_arena *arena,
                      struct filer *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    *out = (struct filer){.at_us = now_us};
    PHI_GUARD(phi_subject_index(correction->index_key, who, out->actor));
    memcpy(out->subject, out->actor, PHI_SUBJECT_LEN);
    if (behalf->value == NULL)
        return PHI_OK;
    PHI_GUARD(phi_mandate_read(behalf, &out->mandate, error));
    PHI_GUARD(check(service, who, now_us, arena, out, error));
    PHI_GUARD(phi_subject_index(correction->index_key, &out->mandate.ward, out->subject));
    if (phi_equal_secret(out->subject, out->actor, PHI_SUBJECT_LEN))
        return phi_error_set(error, PHI_ERR_MANDATE, "$.onBehalfOf.ward", "nobody else");
    out->role = strcmp(out->mandate.relation, "community") == 0 ? FILER_WORKER : FILER_GUARDIAN;
out:
    return err;
}

enum phi_err filer_read(struct phi_api_call *call, struct filer *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), behalf;
    PHI_GUARD(phi_json_object_opt(&body, "onBehalfOf", &behalf, error));
    PHI_GUARD(filer_of(phi_api_service(call), &phi_api_who(call)->person, &behalf,
                       phi_api_now_us(call), phi_api_arena(call), out, error));
out:
    return err;
}

/* --- rows --- */

void filer_row(const struct filer *filer, const uint8_t *case_id,
               struct phi_param row[FILER_COLUMNS])
{
    const struct phi_param params[FILER_COLUMNS] = {PHI_BYTES_OF(case_id, CASE_LEN),
                                                    PHI_BYTES_OF(filer->actor, PHI_SUBJECT_LEN),
                                                    PHI_BYTES_OF(filer->subject, PHI_SUBJECT_LEN),
                                                    PHI_TEXT(filer->role),
                                                    PHI_TEXT(filer->mandate.issuer),
                                                    PHI_TEXT(filer->mandate.mandate_id),
                                                    PHI_I64(filer->mandate.until_us),
                                                    PHI_I64(filer->at_us)};
    memcpy(row, params, sizeof(params));
}

enum phi_err filer_keep(struct phi_api_call *call, const struct filer *filer,
                        const uint8_t *case_id)
{
    struct phi_param row[FILER_COLUMNS];
    if (filer->role == NULL)
        return PHI_OK;
    filer_row(filer, case_id, row);
    return phi_api_row(call, TABLE_FILERS, row, FILER_COLUMNS);
}

enum phi_err filer_find(struct phi_conn *conn, const uint8_t *case_id, const uint8_t *who,
                        int64_t now_us, const char **role, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(case_id, CASE_LEN),
                                       PHI_BYTES_OF(who, PHI_SUBJECT_LEN), PHI_I64(now_us)};
    *role = NULL;
    PHI_GUARD(phi_conn_exec(conn, "filer_find",
                            "SELECT role FROM filers WHERE case_id = $1 AND filer = $2 AND "
                            "until_us > $3",
                            params, 3, &rows, error));
    if (phi_rows_count(rows) > 0)
        *role =
            strcmp(phi_rows_text(rows, 0, 0), FILER_WORKER) == 0 ? FILER_WORKER : FILER_GUARDIAN;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err filer_is_of(struct phi_conn *conn, const uint8_t *subject, const uint8_t *who,
                         bool *is, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN),
                                       PHI_BYTES_OF(who, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_conn_exec(conn, "filer_is_of",
                            "SELECT 1 FROM filers WHERE subject = $1 AND filer = $2 LIMIT 1",
                            params, 2, &rows, error));
    *is = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}
