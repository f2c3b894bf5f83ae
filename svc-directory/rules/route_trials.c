/* POST /v1/rules/trials, GET /v1/rules/trials/{id}, POST /v1/rules/trials/{id}/steps. */
#include "svc-directory/rules/tried.h"

#include "crypto/random.h"

#include <string.h>

#define CONTENT_MAX  60000   /* the body of a request has 64 KiB */
#define LEAD_US      2000000 /* from publishing to in force: all replicas have read it by then */
#define AHEAD_MAX_US (366 * 86400 * 1000000LL)

static enum phi_err read_from(struct phi_api_call *call, int64_t *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    int64_t now_us = phi_api_now_us(call);
    PHI_GUARD(phi_json_time_opt(&body, "from", 0, out, error));
    if (*out != 0 && (*out <= now_us || *out > now_us + AHEAD_MAX_US))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.from", "not within a year from now");
out:
    return err;
}

/* The place in the file behind the member that holds it. */
static enum phi_err refuse_file(const struct phi_error *why, struct phi_error *error)
{
    char place[sizeof(why->place) + 8];
    snprintf(place, sizeof(place), "$.rules%s", why->place[0] == '$' ? why->place + 1 : why->place);
    enum phi_err code = why->code == PHI_ERR_MEMORY ? PHI_ERR_MEMORY : PHI_ERR_FIELD_VALUE;
    return phi_error_set(error, code, place, "%s", why->text);
}

static enum phi_err read_rules(struct phi_api_call *call, const char **content, int64_t *version,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_error why = {.code = PHI_OK};
    struct rules *rules = NULL;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_lines(&body, "rules", 1, CONTENT_MAX, content, error));
    if (rules_parse(phi_view_text(*content), phi_service_region(phi_api_service(call)), &rules,
                    &why) != PHI_OK)
        return refuse_file(&why, error);
    *version = rules->version;
    rules_free(rules);
out:
    return err;
}

enum phi_err rules_route_try(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    struct rules_standing standing = {.last = 0};
    const char *content = NULL;
    int64_t version = 0, from_us = 0;
    uint8_t id[RULES_TRIAL_LEN];
    char hex[2 * RULES_TRIAL_LEN + 1];
    PHI_GUARD(rules_officer_of(call, &officer, error));
    PHI_GUARD(read_rules(call, &content, &version, error));
    PHI_GUARD(read_from(call, &from_us, error));
    PHI_GUARD(rules_acquire(call, &conn));
    PHI_GUARD(rules_standing_read(call, conn, &standing, error));
    if (version <= standing.version_max)
        PHI_GUARD(phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.rules.version",
                                "not above that of every set that was in force"));
    PHI_GUARD(phi_random_bytes(id, sizeof(id)));
    const struct phi_param row[] = {
        PHI_BYTES_OF(id, sizeof(id)),  PHI_I64(version),
        PHI_I64(standing.last),        PHI_I64(from_us),
        PHI_I64(phi_api_now_us(call)), PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
        PHI_TEXT(officer.unit),        PHI_TEXT(content)};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + RULES_TABLE_TRIALS, row, 8));
    phi_hex_encode(phi_view_of(id, sizeof(id)), hex);
    PHI_GUARD(rules_audit(call, "try", version, hex, &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "trialId", hex, "state", "waiting"));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err rules_route_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    struct rules_trial trial = {.row = NULL};
    PHI_GUARD(rules_officer_of(call, &officer, error));
    PHI_GUARD(rules_acquire(call, &conn));
    PHI_GUARD(rules_trial_read(call, conn, &trial, error));
    PHI_GUARD(rules_trial_tell(call, &trial));
out:
    rules_trial_fini(&trial);
    phi_store_release(conn);
    return err;
}

/* --- POST /v1/rules/trials/{id}/steps --- */

static enum phi_err check_cancel(const struct rules_trial *trial, struct phi_error *error)
{
    bool is_over = rules_trial_is(trial, "cancelled") || rules_trial_is(trial, "published");
    return is_over ? phi_error_set(error, PHI_ERR_STATE, "id", "the trial is over") : PHI_OK;
}

/* The second pair of eyes: another account and another unit. */
static enum phi_err check_approve(const struct rules_trial *trial, const struct officer *officer,
                                  struct phi_error *error)
{
    if (!rules_trial_is(trial, "done"))
        return phi_error_set(error, PHI_ERR_STATE, "id", "the trial is not done");
    return officer_second(phi_rows_bytes(trial->row, 0, TRIED_OFFICER),
                          phi_rows_text(trial->row, 0, TRIED_UNIT), officer, error);
}

static enum phi_err check_publish(struct phi_api_call *call, const struct rules_trial *trial,
                                  const struct rules_standing *standing, struct phi_error *error)
{
    if (!rules_trial_is(trial, "done"))
        return phi_error_set(error, PHI_ERR_STATE, "id", "the trial is not done, or is over");
    if (phi_rows_i64(trial->row, 0, TRIED_BASE) != standing->last)
        return phi_error_set(error, PHI_ERR_STATE, "id",
                             "other rules were published since: try it again");
    if (rules_trial_needs_approval(call, trial) && !phi_rows_bool(trial->row, 0, TRIED_APPROVED))
        return phi_error_set(error, PHI_ERR_STATE, "id",
                             "more people turn red than one officer may decide: a second one, of "
                             "another unit, must approve");
    return PHI_OK;
}

static enum phi_err publish(struct phi_api_call *call, struct phi_conn *conn,
                            const struct rules_trial *trial, const struct officer *officer,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules_standing standing = {.last = 0};
    int64_t from_us = phi_rows_i64(trial->row, 0, TRIED_FROM);
    int64_t soonest_us = phi_api_now_us(call) + LEAD_US;
    PHI_GUARD(rules_standing_read(call, conn, &standing, error));
    PHI_GUARD(check_publish(call, trial, &standing, error));
    PHI_GUARD(rules_activate(call, &standing, PHI_BYTES_OF(trial->id, sizeof(trial->id)),
                             standing.in_force, from_us > soonest_us ? from_us : soonest_us,
                             officer));
out:
    return err;
}

enum phi_err rules_route_step(struct phi_api_call *call, struct phi_error *error)
{
    static const char *const steps[] = {"cancel", "approve", "publish"};
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    struct rules_trial trial = {.row = NULL};
    struct phi_json_at body = phi_api_body(call);
    size_t step = 0;
    PHI_GUARD(rules_officer_of(call, &officer, error));
    PHI_GUARD(phi_json_enum(&body, "step", steps, 3, &step, error));
    PHI_GUARD(rules_acquire(call, &conn));
    PHI_GUARD(rules_trial_read(call, conn, &trial, error));
    PHI_GUARD(step == 0   ? check_cancel(&trial, error)
              : step == 1 ? check_approve(&trial, &officer, error)
                          : publish(call, conn, &trial, &officer, error));
    const struct phi_param row[] = {PHI_BYTES_OF(trial.id, sizeof(trial.id)), PHI_TEXT(steps[step]),
                                    PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
                                    PHI_TEXT(officer.unit), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + RULES_TABLE_STEPS, row, 5));
    PHI_GUARD(rules_audit(call, steps[step], phi_rows_i64(trial.row, 0, TRIED_VERSION), trial.hex,
                          &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "trialId", trial.hex, "step", steps[step]));
out:
    rules_trial_fini(&trial);
    phi_store_release(conn);
    return err;
}
