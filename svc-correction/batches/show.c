/* GET /v1/correction-batches/{id}: the case of a bad batch, its steps, and how far it has got. */
#include "svc-correction/anchor/anchor.h"
#include "svc-correction/batches/batches.h"
#include "svc-correction/steps/steps.h"

#define SHOW_SQL                                                                                   \
    "SELECT c.source, c.institution, c.state, c.outcome, c.reason, c.level, c.opened_us, "         \
    "c.decided_us, c.due_us, COALESCE(b.records, 0), COALESCE(b.people, 0), COALESCE(b.applied, "  \
    "0), COALESCE(b.told, 0), p.first_us, p.last_us, (SELECT count(*) FROM batch_records r WHERE " \
    "r.batch_id = c.case_id AND r.waits) FROM cases c LEFT JOIN batches b ON b.batch_id = "        \
    "c.case_id CROSS JOIN (SELECT COALESCE(min(at_us), 0)::bigint AS first_us, "                   \
    "COALESCE(max(at_us), 0)::bigint AS last_us FROM batch_people WHERE batch_id = $1) p WHERE "   \
    "c.case_id = $1 AND c.matter_kind = 'batch'"
enum {
    AT_SOURCE,
    AT_INSTITUTION,
    AT_STATE,
    AT_OUTCOME,
    AT_REASON,
    AT_LEVEL,
    AT_OPENED,
    AT_DECIDED,
    AT_DUE,
    AT_RECORDS,
    AT_PEOPLE,
    AT_APPLIED,
    AT_TOLD,
    AT_FIRST,
    AT_LAST,
    AT_WAITING
};

#define STEPS_SQL                                                                                  \
    "SELECT seq, at_us, step, state, outcome, reason, unit, actor, salt, digest, head FROM steps " \
    "WHERE case_id = $1 ORDER BY seq"
enum {
    AT_SEQ,
    AT_AT,
    AT_STEP,
    AT_TO,
    AT_WHAT,
    AT_WHY,
    AT_UNIT,
    AT_ACTOR,
    AT_SALT,
    AT_DIGEST,
    AT_HEAD
};

static void add_time(json_t *to, const char *name, int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    if (at_us == 0 || at_us == INT64_MAX)
        return;
    phi_rfc3339_format(at_us, text);
    json_object_set_new(to, name, json_string(text));
}

static json_t *counts_of(const struct phi_rows *rows)
{
    static const struct {
        const char *name;
        size_t column;
    } counts[] = {{"records", AT_RECORDS}, {"people", AT_PEOPLE},   {"applied", AT_APPLIED},
                  {"told", AT_TOLD},       {"waiting", AT_WAITING}, {"escalations", AT_LEVEL}};
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        json_object_set_new(json, counts[i].name,
                            json_integer((json_int_t)phi_rows_i64(rows, 0, counts[i].column)));
    return json;
}

static json_t *batch_of(const uint8_t *batch_id, const char *region, const struct phi_rows *rows)
{
    char id[2 * CASE_LEN + 1];
    enum step_state state = STATE_RECEIVED;
    json_t *json = counts_of(rows);
    phi_hex_encode(phi_view_of(batch_id, CASE_LEN), id);
    (void)step_state_of(phi_view_text(phi_rows_text(rows, 0, AT_STATE)), &state);
    json_t *case_of = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "caseId", id, "batchId", id, "state",
        step_state_name(state), "stateZh", step_state_zh(state), "region", region, "source",
        phi_rows_text(rows, 0, AT_SOURCE), "institution", phi_rows_text(rows, 0, AT_INSTITUTION),
        "outcome", phi_rows_text(rows, 0, AT_OUTCOME), "reason", phi_rows_text(rows, 0, AT_REASON));
    bool is_whole = json != NULL && case_of != NULL && json_object_update(json, case_of) == 0;
    json_decref(case_of);
    if (!is_whole) {
        json_decref(json);
        return NULL;
    }
    add_time(json, "openedAt", phi_rows_i64(rows, 0, AT_OPENED));
    add_time(json, "decidedAt", phi_rows_i64(rows, 0, AT_DECIDED));
    add_time(json, "dueAt", phi_rows_i64(rows, 0, AT_DUE));
    add_time(json, "firstAt", phi_rows_i64(rows, 0, AT_FIRST));
    add_time(json, "lastAt", phi_rows_i64(rows, 0, AT_LAST));
    return json;
}

/* As a case's (GET /v1/corrections/{id}); nothing is written with a batch's. */
static json_t *step_of(const struct phi_rows *rows, size_t i)
{
    static const int columns[] = {AT_ACTOR, AT_SALT, AT_DIGEST, AT_HEAD};
    char at[PHI_RFC3339_MAX], texts[4][2 * PHI_SM3_LEN + 1] = {{0}};
    phi_rfc3339_format(phi_rows_i64(rows, i, AT_AT), at);
    for (size_t j = 0; j < 4; j++)
        phi_hex_encode(phi_rows_bytes(rows, i, (size_t)columns[j]), texts[j]);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "seq",
                     (json_int_t)phi_rows_i64(rows, i, AT_SEQ), "at", at, "step",
                     phi_rows_text(rows, i, AT_STEP), "state", phi_rows_text(rows, i, AT_TO),
                     "outcome", phi_rows_text(rows, i, AT_WHAT), "reason",
                     phi_rows_text(rows, i, AT_WHY), "unit", phi_rows_text(rows, i, AT_UNIT),
                     "link", "actor", texts[0], "noteDigest", "", "salt", texts[1], "digest",
                     texts[2], "head", texts[3]);
}

static enum phi_err add_steps(struct phi_conn *conn, const struct phi_param *id, json_t *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *steps = json_array();
    PHI_GUARD(json_object_set_new(to, "steps", steps) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_conn_exec(conn, "batch_steps", STEPS_SQL, id, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(steps, step_of(rows, i));
out:
    phi_rows_free(rows);
    return err;
}

/* Of another officer's source it is not there. */
static enum phi_err find(struct phi_api_call *call, struct phi_conn *conn,
                         const struct phi_param *id, struct phi_rows **rows,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *region = phi_service_region(phi_api_service(call));
    PHI_GUARD(phi_conn_exec(conn, "batch_show", SHOW_SQL, id, 1, rows, error));
    bool may = phi_rows_count(*rows) > 0 &&
               case_is_officers(phi_api_who(call), region, phi_rows_text(*rows, 0, AT_SOURCE));
    if (!may)
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such batch");
out:
    return err;
}

enum phi_err batch_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t batch_id[CASE_LEN];
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(case_id_of(call, batch_id, error));
    const struct phi_param id = PHI_BYTES_OF(batch_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(find(call, conn, &id, &rows, error));
    json_t *data = batch_of(batch_id, phi_service_region(phi_api_service(call)), rows);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_api_data(call, data);
    PHI_GUARD(add_steps(conn, &id, data, error));
    PHI_GUARD(case_add_proof(call, conn, batch_id, data, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
