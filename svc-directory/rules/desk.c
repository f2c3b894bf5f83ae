#include "svc-directory/rules/desk.h"

enum phi_err rules_officer_of(struct phi_api_call *call, struct officer *out,
                              struct phi_error *error)
{
    return officer_of(call, "rules", out, error);
}

enum phi_err rules_audit(struct phi_api_call *call, const char *step, int64_t version,
                         const char *trial, const struct officer *officer)
{
    json_t *json = json_pack("{s:s, s:I}", "step", step, "version", (json_int_t)version);
    if (trial != NULL && json != NULL)
        json_object_set_new(json, "trialId", json_string(trial));
    return officer_tell(call, "rules", json, officer);
}

enum phi_err rules_standing_read(struct phi_api_call *call, struct phi_conn *conn,
                                 struct rules_standing *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_conn_exec(
        conn, "rules_standing",
        "SELECT coalesce((SELECT max(number) FROM rule_activations), 0), coalesce((SELECT "
        "max(number) FROM rule_activations WHERE from_us <= $1::bigint), 0), coalesce((SELECT back "
        "FROM rule_activations WHERE from_us <= $1::bigint ORDER BY number DESC LIMIT 1), 0), "
        "coalesce((SELECT max(t.version) FROM rule_activations a JOIN rule_trials t USING "
        "(trial_id)), 0)",
        params, 1, &rows, error));
    out->last = phi_rows_i64(rows, 0, 0);
    out->in_force = phi_rows_i64(rows, 0, 1);
    out->back = phi_rows_i64(rows, 0, 2);
    out->version_max = phi_rows_i64(rows, 0, 3);
    int64_t of_file = rules_book_first(directory_of(call)->book)->version;
    if (of_file > out->version_max)
        out->version_max = of_file;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err rules_acquire(struct phi_api_call *call, struct phi_conn **conn)
{
    return phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call),
                             conn);
}

enum phi_err rules_activate(struct phi_api_call *call, const struct rules_standing *standing,
                            struct phi_param trial, int64_t back, int64_t from_us,
                            const struct officer *officer)
{
    const struct phi_param row[] = {PHI_I64(standing->last + 1),
                                    trial,
                                    PHI_I64(back),
                                    PHI_I64(from_us),
                                    PHI_BYTES_OF(officer->digest, PHI_SM3_LEN),
                                    PHI_TEXT(officer->unit),
                                    PHI_I64(phi_api_now_us(call))};
    return phi_api_row(call, PHI_API_OWN + RULES_TABLE_ACTIVATIONS, row, 7);
}
