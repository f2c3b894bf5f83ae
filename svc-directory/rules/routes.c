/* Rule sets over HTTP: what is in force and to come, for everybody; trials, and what follows them,
 * for officers of the province's rules. */
#include "svc-directory/rules/life.h"
#include "svc-directory/rules/report.h"

#include "bus/signed.h"
#include "crypto/random.h"
#include "json/canonical.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX  60000   /* the body of a request has 64 KiB */
#define LEAD_US      2000000 /* from publishing to in force: all replicas have read it by then */
#define AHEAD_MAX_US (366 * 86400 * 1000000LL)

static const enum phi_column activation_columns[] = {
    PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64,
    PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
static const enum phi_column step_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_TEXT, PHI_COLUMN_I64};
static const enum phi_column trial_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64,
                                                PHI_COLUMN_I64,   PHI_COLUMN_I64, PHI_COLUMN_BYTES,
                                                PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT};

const struct phi_lane_table rules_tables[RULES_TABLES] = {
    {.name = "rule_activations",
     .columns = activation_columns,
     .column_count = 7,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_OVERLOAD, /* two at once: the next try sees the other's */
     .insert_sql = "INSERT INTO rule_activations (number, trial_id, back, from_us, officer, unit, "
                   "at_us) SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], "
                   "$4::bigint[], $5::bytea[], $6::text[], $7::bigint[]) ON CONFLICT (number) DO "
                   "NOTHING RETURNING number"},
    {.name = "rule_steps",
     .columns = step_columns,
     .column_count = 5,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql = "INSERT INTO rule_steps (trial_id, step, officer, unit, at_us) SELECT * FROM "
                   "unnest($1::bytea[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) ON "
                   "CONFLICT (trial_id, step) DO NOTHING RETURNING trial_id, step"},
    {.name = "rule_trials",
     .columns = trial_columns,
     .column_count = 8,
     .key_count = 1,
     .insert_sql = "INSERT INTO rule_trials (trial_id, version, base, from_us, requested_us, "
                   "officer, unit, content) SELECT * FROM unnest($1::bytea[], $2::bigint[], "
                   "$3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[], $8::text[]) "
                   "ON CONFLICT (trial_id) DO NOTHING"},
};

/* --- officers --- */

struct officer {
    uint8_t digest[PHI_SM3_LEN];
    const char *unit;
};

static enum phi_err officer_of(struct phi_api_call *call, struct officer *out,
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

/* What was done, by whom, on audit; under the version's key, so that it stays in order. */
static enum phi_err tell(struct phi_api_call *call, const char *step, int64_t version,
                         const char *trial, const struct officer *officer)
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

/* --- what stands in the tables --- */

/* The newest activation, the newest in force, and the version of the newest. */
struct standing {
    int64_t last;
    int64_t in_force;
    int64_t back; /* of the one in force */
    int64_t version_max;
};

static enum phi_err read_standing(struct phi_api_call *call, struct phi_conn *conn,
                                  struct standing *out, struct phi_error *error)
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

static enum phi_err acquire(struct phi_api_call *call, struct phi_conn **conn)
{
    return phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call),
                             conn);
}

static enum phi_err activate(struct phi_api_call *call, const struct standing *standing,
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

/* --- GET /v1/rules --- */

static json_t *set_json(const struct rules_force *force, bool is_in_force)
{
    char from[PHI_RFC3339_MAX];
    json_t *json = json_pack("{s:I, s:I, s:b, s:O}", "activation", (json_int_t)force->number,
                             "version", (json_int_t)force->rules->version, "inForce",
                             (int)is_in_force, "rules", force->rules->document);
    if (json == NULL || force->number == 0)
        return json;
    phi_rfc3339_format(force->from_us, from);
    json_object_set_new(json, "from", json_string(from));
    return json;
}

static enum phi_err sign(struct phi_api_call *call, json_t *data)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    uint8_t signature[PHI_SM2_SIG_LEN];
    char text[PHI_BASE64_LEN(PHI_SM2_SIG_LEN) + 1];
    const struct directory *directory = directory_of(call);
    PHI_GUARD(phi_json_canonical(data, phi_api_arena(call), &bytes));
    PHI_GUARD(phi_sm2_sign(directory->directory_key, bytes, signature));
    phi_base64_encode(phi_view_of(signature, sizeof(signature)), text);
    if (json_object_set_new(data, "keySerial", json_string(directory->directory_key_id)) != 0 ||
        json_object_set_new(data, "signature", json_string(text)) != 0)
        return PHI_ERR_MEMORY;
out:
    return err;
}

enum phi_err rules_route_list(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules_force *sets = phi_arena_alloc(phi_api_arena(call), RULES_SETS_MAX * sizeof(*sets));
    json_t *data =
        json_pack("{s:s, s:[]}", "region", phi_service_region(phi_api_service(call)), "sets");
    (void)error;
    PHI_GUARD(sets == NULL || data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    size_t count =
        rules_book_list(directory_of(call)->book, phi_api_now_us(call), sets, RULES_SETS_MAX);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(
            json_array_append_new(json_object_get(data, "sets"), set_json(&sets[i], i == 0)) == 0
                ? PHI_OK
                : PHI_ERR_MEMORY);
    PHI_GUARD(sign(call, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

/* --- POST /v1/rules/trials --- */

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
    struct standing standing = {.last = 0};
    const char *content = NULL;
    int64_t version = 0, from_us = 0;
    uint8_t id[RULES_TRIAL_LEN];
    char hex[2 * RULES_TRIAL_LEN + 1];
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(read_rules(call, &content, &version, error));
    PHI_GUARD(read_from(call, &from_us, error));
    PHI_GUARD(acquire(call, &conn));
    PHI_GUARD(read_standing(call, conn, &standing, error));
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
    PHI_GUARD(tell(call, "try", version, hex, &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "trialId", hex, "state", "waiting"));
out:
    phi_store_release(conn);
    return err;
}

/* --- a trial --- */

enum trial_column {
    TRIAL_VERSION,
    TRIAL_BASE,
    TRIAL_FROM,
    TRIAL_OFFICER,
    TRIAL_UNIT,
    TRIAL_AT,
    TRIAL_CURSOR,
    TRIAL_REPORT,
    TRIAL_DONE,
    TRIAL_STEP, /* the newest of its steps, or NULL */
    TRIAL_APPROVED
};

struct trial {
    uint8_t id[RULES_TRIAL_LEN];
    char hex[2 * RULES_TRIAL_LEN + 1];
    struct phi_rows *row;
    struct report *report;
};

static void trial_fini(struct trial *trial)
{
    phi_rows_free(trial->row);
    free(trial->report);
}

static enum phi_err trial_read(struct phi_api_call *call, struct phi_conn *conn,
                               struct trial *trial, struct phi_error *error)
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
    PHI_GUARD(report_read(trial->report, phi_rows_text(trial->row, 0, TRIAL_REPORT)));
out:
    return err;
}

static const char *state_of(const struct trial *trial)
{
    const char *step = phi_rows_text(trial->row, 0, TRIAL_STEP);
    if (step != NULL && strcmp(step, "cancel") == 0)
        return "cancelled";
    if (step != NULL && strcmp(step, "publish") == 0)
        return "published";
    if (!phi_rows_is_null(trial->row, 0, TRIAL_DONE))
        return "done";
    return phi_rows_i64(trial->row, 0, TRIAL_AT) == 0 ? "waiting" : "running";
}

static bool is_state(const struct trial *trial, const char *state)
{
    return strcmp(state_of(trial), state) == 0;
}

/* People turning red of a thousand, rounded up: any at all is not nought. */
static int64_t red_permille(const struct trial *trial)
{
    int64_t people = trial->report->people;
    return people == 0 ? 0 : (report_turning_red(trial->report) * 1000 + people - 1) / people;
}

static bool needs_approval(struct phi_api_call *call, const struct trial *trial)
{
    return red_permille(trial) >
           phi_config_int(phi_service_config(phi_api_service(call)), "PHI_RULES_RED_PERMILLE");
}

/* How far it is, by the first byte of the subject it stands at. */
static int64_t progress_of(const struct trial *trial)
{
    struct phi_view cursor = phi_rows_bytes(trial->row, 0, TRIAL_CURSOR);
    if (!phi_rows_is_null(trial->row, 0, TRIAL_DONE))
        return 100;
    return cursor.len == 0 ? 0 : cursor.data[0] * 100 / 256;
}

static enum phi_err trial_tell(struct phi_api_call *call, const struct trial *trial)
{
    enum phi_err err = PHI_OK;
    char at[PHI_RFC3339_MAX], from[PHI_RFC3339_MAX];
    int64_t at_us = phi_rows_i64(trial->row, 0, TRIAL_AT);
    int64_t from_us = phi_rows_i64(trial->row, 0, TRIAL_FROM);
    phi_rfc3339_format(at_us, at);
    phi_rfc3339_format(from_us, from);
    json_t *data = json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:b, s:b, s:o}", "trialId", trial->hex,
                             "version", (json_int_t)phi_rows_i64(trial->row, 0, TRIAL_VERSION),
                             "base", (json_int_t)phi_rows_i64(trial->row, 0, TRIAL_BASE), "state",
                             state_of(trial), "progressPercent", (json_int_t)progress_of(trial),
                             "turningRedPermille", (json_int_t)red_permille(trial), "needsApproval",
                             (int)needs_approval(call, trial), "isApproved",
                             (int)phi_rows_bool(trial->row, 0, TRIAL_APPROVED), "report",
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

enum phi_err rules_route_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    struct trial trial = {.row = NULL};
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(acquire(call, &conn));
    PHI_GUARD(trial_read(call, conn, &trial, error));
    PHI_GUARD(trial_tell(call, &trial));
out:
    trial_fini(&trial);
    phi_store_release(conn);
    return err;
}

/* --- POST /v1/rules/trials/{id}/steps --- */

static enum phi_err check_cancel(const struct trial *trial, struct phi_error *error)
{
    bool is_over = is_state(trial, "cancelled") || is_state(trial, "published");
    return is_over ? phi_error_set(error, PHI_ERR_STATE, "id", "the trial is over") : PHI_OK;
}

/* The second pair of eyes: another account and another unit. */
static enum phi_err check_approve(const struct trial *trial, const struct officer *officer,
                                  struct phi_error *error)
{
    struct phi_view first = phi_rows_bytes(trial->row, 0, TRIAL_OFFICER);
    if (!is_state(trial, "done"))
        return phi_error_set(error, PHI_ERR_STATE, "id", "the trial is not done");
    if (phi_view_equal(first, phi_view_of(officer->digest, PHI_SM3_LEN)))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "whoever tried it can't approve it");
    if (strcmp(phi_rows_text(trial->row, 0, TRIAL_UNIT), officer->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the approval must come from another unit");
    return PHI_OK;
}

static enum phi_err check_publish(struct phi_api_call *call, const struct trial *trial,
                                  const struct standing *standing, struct phi_error *error)
{
    if (!is_state(trial, "done"))
        return phi_error_set(error, PHI_ERR_STATE, "id", "the trial is not done, or is over");
    if (phi_rows_i64(trial->row, 0, TRIAL_BASE) != standing->last)
        return phi_error_set(error, PHI_ERR_STATE, "id",
                             "other rules were published since: try it again");
    if (needs_approval(call, trial) && !phi_rows_bool(trial->row, 0, TRIAL_APPROVED))
        return phi_error_set(error, PHI_ERR_STATE, "id",
                             "more people turn red than one officer may decide: a second one, of "
                             "another unit, must approve");
    return PHI_OK;
}

static enum phi_err publish(struct phi_api_call *call, struct phi_conn *conn,
                            const struct trial *trial, const struct officer *officer,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct standing standing = {.last = 0};
    int64_t from_us = phi_rows_i64(trial->row, 0, TRIAL_FROM);
    int64_t soonest_us = phi_api_now_us(call) + LEAD_US;
    PHI_GUARD(read_standing(call, conn, &standing, error));
    PHI_GUARD(check_publish(call, trial, &standing, error));
    PHI_GUARD(activate(call, &standing, PHI_BYTES_OF(trial->id, sizeof(trial->id)),
                       standing.in_force, from_us > soonest_us ? from_us : soonest_us, officer));
out:
    return err;
}

enum phi_err rules_route_step(struct phi_api_call *call, struct phi_error *error)
{
    static const char *const steps[] = {"cancel", "approve", "publish"};
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    struct trial trial = {.row = NULL};
    struct phi_json_at body = phi_api_body(call);
    size_t step = 0;
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(phi_json_enum(&body, "step", steps, 3, &step, error));
    PHI_GUARD(acquire(call, &conn));
    PHI_GUARD(trial_read(call, conn, &trial, error));
    PHI_GUARD(step == 0   ? check_cancel(&trial, error)
              : step == 1 ? check_approve(&trial, &officer, error)
                          : publish(call, conn, &trial, &officer, error));
    const struct phi_param row[] = {PHI_BYTES_OF(trial.id, sizeof(trial.id)), PHI_TEXT(steps[step]),
                                    PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
                                    PHI_TEXT(officer.unit), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + RULES_TABLE_STEPS, row, 5));
    PHI_GUARD(
        tell(call, steps[step], phi_rows_i64(trial.row, 0, TRIAL_VERSION), trial.hex, &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "trialId", trial.hex, "step", steps[step]));
out:
    trial_fini(&trial);
    phi_store_release(conn);
    return err;
}

/* --- POST /v1/rules/rollback --- */

/* What is to come is taken back first; without any it is what is in force. */
static enum phi_err read_target(struct phi_conn *conn, int64_t number, struct phi_rows **rows,
                                struct phi_error *error)
{
    const struct phi_param params[] = {PHI_I64(number)};
    return phi_conn_exec(conn, "rules_target",
                         "SELECT a.trial_id, a.back, t.version FROM rule_activations a LEFT JOIN "
                         "rule_trials t USING (trial_id) WHERE a.number = $1::bigint",
                         params, 1, rows, error);
}

static enum phi_err roll_back(struct phi_api_call *call, struct phi_conn *conn,
                              const struct officer *officer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct standing standing = {.last = 0};
    struct phi_rows *rows = NULL;
    struct phi_param trial = PHI_NULL;
    PHI_GUARD(read_standing(call, conn, &standing, error));
    if (standing.last == 0)
        return phi_error_set(error, PHI_ERR_STATE, "rules", "nothing to go back to");
    int64_t number = standing.last > standing.in_force ? standing.in_force : standing.back;
    PHI_GUARD(read_target(conn, number, &rows, error));
    int64_t back = phi_rows_count(rows) == 0 ? 0 : phi_rows_i64(rows, 0, 1);
    bool is_file = phi_rows_count(rows) == 0 || phi_rows_is_null(rows, 0, 0);
    int64_t version =
        is_file ? rules_book_first(directory_of(call)->book)->version : phi_rows_i64(rows, 0, 2);
    if (!is_file)
        trial = PHI_BYTES(phi_rows_bytes(rows, 0, 0));
    PHI_GUARD(activate(call, &standing, trial, back, phi_api_now_us(call), officer));
    PHI_GUARD(tell(call, "rollback", version, NULL, officer));
    phi_api_data(call, json_pack("{s:I, s:I}", "activation", (json_int_t)standing.last + 1,
                                 "version", (json_int_t)version));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err rules_route_rollback(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(acquire(call, &conn));
    PHI_GUARD(roll_back(call, conn, &officer, error));
out:
    phi_store_release(conn);
    return err;
}
