/* How cases of the unified platform stand, told as they move: a case whose newest step was not told
 * yet is found by state, so that nothing that moves a case has to think of it. */
#include "svc-correction/entry/handed.h"

#include "base/log.h"
#include "bus/event_row.h"
#include "bus/signed.h"
#include "json/canonical.h"

#define CASES_MAX  50
#define STEPS_MAX  "64"
#define ACQUIRE_MS 2000
#define ARENA_MAX  (4 * 1024 * 1024)

enum { AT_CASE, AT_DISPUTE, AT_TOLD, AT_SEQ, AT_STATE, AT_OUTCOME, AT_REASON, AT_DUE };

enum phi_err handed_say(struct phi_service *service, struct phi_conn *tx, const char *type,
                        json_t *json, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    struct phi_event event = {.topic = phi_service_topic(service, DISPUTE_UP),
                              .type = type,
                              .source = phi_service_source(service),
                              .time_us = now_us};
    PHI_GUARD(phi_json_canonical(json, arena, &event.value));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)now_us, arena));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}

static json_t *time_of(int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(at_us, text);
    return json_string(text);
}

static enum phi_err add_steps(struct phi_conn *tx, const struct phi_rows *cases, size_t i,
                              json_t *to, int64_t *seq, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES(phi_rows_bytes(cases, i, AT_CASE)),
                                       PHI_I64(phi_rows_i64(cases, i, AT_TOLD))};
    json_t *steps = json_array();
    PHI_GUARD(json_object_set_new(to, "steps", steps) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_conn_exec(tx, "tell_steps",
                            "SELECT seq, at_us, step, state, outcome, reason FROM steps WHERE "
                            "case_id = $1 AND seq > $2 ORDER BY seq LIMIT " STEPS_MAX,
                            params, 2, &rows, error));
    for (size_t j = 0; j < phi_rows_count(rows); j++) {
        *seq = phi_rows_i64(rows, j, 0);
        json_array_append_new(
            steps, json_pack("{s:I, s:o, s:s, s:s, s:s, s:s}", "seq", (json_int_t)*seq, "at",
                             time_of(phi_rows_i64(rows, j, 1)), "step", phi_rows_text(rows, j, 2),
                             "state", phi_rows_text(rows, j, 3), "outcome",
                             phi_rows_text(rows, j, 4), "reason", phi_rows_text(rows, j, 5)));
    }
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err tell_one(struct phi_service *service, struct phi_conn *tx,
                             const struct phi_rows *rows, size_t i, struct phi_arena *arena,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char id[2 * DISPUTE_LEN + 1], case_id[2 * CASE_LEN + 1];
    int64_t seq = phi_rows_i64(rows, i, AT_SEQ), due_us = phi_rows_i64(rows, i, AT_DUE);
    phi_hex_encode(phi_rows_bytes(rows, i, AT_DISPUTE), id);
    phi_hex_encode(phi_rows_bytes(rows, i, AT_CASE), case_id);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "state", "disputeId", id, "caseId",
                  case_id, "state", phi_rows_text(rows, i, AT_STATE), "outcome",
                  phi_rows_text(rows, i, AT_OUTCOME), "reason", phi_rows_text(rows, i, AT_REASON));
    PHI_GUARD(phi_json_keep(arena, json));
    if (due_us != INT64_MAX)
        PHI_GUARD(json_object_set_new(json, "dueAt", time_of(due_us)) == 0 ? PHI_OK
                                                                           : PHI_ERR_MEMORY);
    PHI_GUARD(add_steps(tx, rows, i, json, &seq, error));
    PHI_GUARD(json_object_set_new(json, "seq", json_integer(seq)) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(handed_say(service, tx, "cn.phi.dispute.state", json, arena, error));
    const struct phi_param params[] = {PHI_BYTES(phi_rows_bytes(rows, i, AT_CASE)), PHI_I64(seq)};
    PHI_GUARD(phi_conn_exec(tx, "tell_told", "UPDATE cases SET told_seq = $2 WHERE case_id = $1",
                            params, 2, NULL, error));
out:
    return err;
}

static enum phi_err tell_all(struct phi_service *service, struct phi_conn *tx,
                             struct phi_arena *arena, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(CASES_MAX)};
    PHI_GUARD(phi_conn_exec(tx, "tell_find",
                            "SELECT c.case_id, h.dispute_id, c.told_seq, c.seq, c.state, "
                            "c.outcome, c.reason, c.due_us FROM (SELECT * FROM cases WHERE "
                            "told_seq < seq ORDER BY case_id LIMIT $1 FOR UPDATE SKIP LOCKED) c "
                            "JOIN handed h ON h.case_id = c.case_id ORDER BY c.case_id",
                            params, 1, &rows, error));
    *count = phi_rows_count(rows);
    for (size_t i = 0; i < *count; i++)
        PHI_GUARD(tell_one(service, tx, rows, i, arena, error));
out:
    phi_rows_free(rows);
    return err;
}

void handed_tell(struct phi_service *service)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_error error = {.code = PHI_OK};
    size_t count = 0;
    const struct correction *correction = phi_service_state(service);
    struct phi_arena *arena = correction->handed == NULL ? NULL : phi_arena_new(ARENA_MAX);
    if (arena == NULL)
        return;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_begin(conn, &error));
    PHI_GUARD(tell_all(service, conn, arena, &count, &error));
    PHI_GUARD(phi_conn_commit(conn, &error));
    if (count > 0)
        phi_relay_wake(phi_service_relay(service));
out:
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "platform_not_told", PHI_L_ERR(err));
    phi_store_release(conn);
    phi_arena_free(arena);
}
