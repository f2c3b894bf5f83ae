#include "svc-directory/rules/tried.h"

#include "svc-directory/rules/report.h"

#include <stdlib.h>
#include <string.h>

void rules_trial_fini(struct rules_trial *trial)
{
    phi_rows_free(trial->row);
    free(trial->report);
}

enum phi_err rules_trial_read(struct phi_api_call *call, struct phi_conn *conn,
                              struct rules_trial *trial, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = phi_http_param(phi_api_request(call), "id");
    if (phi_hex_decode(phi_view_text(text), trial->id, sizeof(trial->id)) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "id", "not 32 hex digits");
    phi_hex_encode(phi_view_of(trial->id, sizeof(trial->id)), trial->hex);
    const struct phi_param id = PHI_BYTES_OF(trial->id, sizeof(trial->id));
    PHI_GUARD(phi_conn_exec(
        conn, "trial_read",
        "SELECT version, base, from_us, officer, unit, at_us, cursor, report, done_us, (SELECT "
        "step "
        "FROM rule_steps s WHERE s.trial_id = t.trial_id ORDER BY at_us DESC LIMIT 1), EXISTS "
        "(SELECT 1 FROM rule_steps s WHERE s.trial_id = t.trial_id AND step = 'approve') FROM "
        "rule_trials t WHERE trial_id = $1",
        &id, 1, &trial->row, error));
    if (phi_rows_count(trial->row) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such trial");
    trial->report = report_new();
    PHI_GUARD(trial->report == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(report_read(trial->report, phi_rows_text(trial->row, 0, TRIED_REPORT)));
out:
    return err;
}

static const char *state_of(const struct rules_trial *trial)
{
    const char *step = phi_rows_text(trial->row, 0, TRIED_STEP);
    if (step != NULL && strcmp(step, "cancel") == 0)
        return "cancelled";
    if (step != NULL && strcmp(step, "publish") == 0)
        return "published";
    if (!phi_rows_is_null(trial->row, 0, TRIED_DONE))
        return "done";
    return phi_rows_i64(trial->row, 0, TRIED_AT) == 0 ? "waiting" : "running";
}

bool rules_trial_is(const struct rules_trial *trial, const char *state)
{
    return strcmp(state_of(trial), state) == 0;
}

/* People turning red of a thousand, rounded up: any at all is not nought. */
static int64_t red_permille(const struct rules_trial *trial)
{
    int64_t people = trial->report->people;
    return people == 0 ? 0 : (report_turning_red(trial->report) * 1000 + people - 1) / people;
}

bool rules_trial_needs_approval(struct phi_api_call *call, const struct rules_trial *trial)
{
    return red_permille(trial) >
           phi_config_int(phi_service_config(phi_api_service(call)), "PHI_RULES_RED_PERMILLE");
}

/* How far it is, by the first byte of the subject it stands at. */
static int64_t progress_of(const struct rules_trial *trial)
{
    struct phi_view cursor = phi_rows_bytes(trial->row, 0, TRIED_CURSOR);
    if (!phi_rows_is_null(trial->row, 0, TRIED_DONE))
        return 100;
    return cursor.len == 0 ? 0 : cursor.data[0] * 100 / 256;
}

enum phi_err rules_trial_tell(struct phi_api_call *call, const struct rules_trial *trial)
{
    enum phi_err err = PHI_OK;
    char at[PHI_RFC3339_MAX], from[PHI_RFC3339_MAX];
    int64_t at_us = phi_rows_i64(trial->row, 0, TRIED_AT);
    int64_t from_us = phi_rows_i64(trial->row, 0, TRIED_FROM);
    phi_rfc3339_format(at_us, at);
    phi_rfc3339_format(from_us, from);
    json_t *data = json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:b, s:b, s:o}", "trialId", trial->hex,
                             "version", (json_int_t)phi_rows_i64(trial->row, 0, TRIED_VERSION),
                             "base", (json_int_t)phi_rows_i64(trial->row, 0, TRIED_BASE), "state",
                             state_of(trial), "progressPercent", (json_int_t)progress_of(trial),
                             "turningRedPermille", (json_int_t)red_permille(trial), "needsApproval",
                             (int)rules_trial_needs_approval(call, trial), "isApproved",
                             (int)phi_rows_bool(trial->row, 0, TRIED_APPROVED), "report",
                             report_json(trial->report));
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (at_us != 0)
        json_object_set_new(data, "at", json_string(at));
    if (from_us != 0)
        json_object_set_new(data, "from", json_string(from));
    phi_api_data(call, data);
out:
    return err;
}
