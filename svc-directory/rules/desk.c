#include "svc-directory/rules/desk.h"

#include "bus/signed.h"
#include "json/canonical.h"

enum phi_err rules_officer_of(struct phi_api_call *call, struct rules_officer *out,
                              struct phi_error *error)
{
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    bool is_one = staff != NULL && phi_words_has(&staff->roles, "rules") &&
                  phi_words_has(&staff->regions, phi_service_region(phi_api_service(call)));
    if (!is_one)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of this province's rules");
    out->unit = staff->unit;
    return phi_api_who_digest(call, out->digest);
}

enum phi_err rules_audit(struct phi_api_call *call, const char *step, int64_t version,
                         const char *trial, const struct rules_officer *officer)
{
    enum phi_err err = PHI_OK;
    char who[2 * PHI_SM3_LEN + 1], at[PHI_RFC3339_MAX];
    uint8_t key[PHI_SM3_LEN];
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "audit"),
                              .type = "cn.phi.audit.rules",
                              .key = phi_view_of(key, PHI_SUBJECT_LEN)};
    const struct directory *directory = directory_of(call);
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    phi_hex_encode(phi_view_of(officer->digest, PHI_SM3_LEN), who);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json = json_pack("{s:s, s:I, s:s, s:s, s:s}", "step", step, "version",
                             (json_int_t)version, "officer", who, "unit", officer->unit, "at", at);
    if (trial != NULL && json != NULL)
        json_object_set_new(json, "trialId", json_string(trial));
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_sm3(phi_view_text("rules"), key));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)phi_api_now_us(call), phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
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
                            const struct rules_officer *officer)
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
