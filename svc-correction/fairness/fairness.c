#include "svc-correction/fairness/fairness.h"

#include "base/log.h"
#include "bus/event_row.h"
#include "bus/signed.h"
#include "json/canonical.h"
#include "svc-correction/anchor/anchor.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US     (86400 * 1000000LL)
#define SPAN_US    (90 * DAY_US)
#define KEEP_US    (400 * DAY_US)
#define ACQUIRE_MS 2000
#define ARENA_MAX  (256 * 1024)

/* --- counting --- */

static enum fairness_outcome outcome_of(const char *word)
{
    static const char *const words[] = {
#define X(outcome, name) name,
        FAIRNESS_OUTCOMES(X)
#undef X
    };
    for (size_t i = 0; i < FAIRNESS_OUTCOME_COUNT; i++)
        if (strcmp(words[i], word) == 0)
            return (enum fairness_outcome)i;
    return FAIRNESS_OPEN;
}

/* Times in whole classes already, so that the groups are few. */
static enum phi_err count_all(struct phi_conn *conn, int64_t cut_us, struct fairness *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(cut_us - SPAN_US), PHI_I64(cut_us), PHI_I64(DAY_US)};
    PHI_GUARD(phi_conn_exec(
        conn, "fairness_count",
        "SELECT source, CASE WHEN state = 'withdrawn' THEN 'withdrawn' WHEN state NOT IN "
        "('decided', 'applied', 'told', 'refused', 'closed') THEN 'open' WHEN outcome = 'refuse' "
        "THEN 'refused' ELSE 'corrected' END AS became, reason, GREATEST(0, (CASE WHEN decided_us "
        "= 0 THEN 0 ELSE decided_us - opened_us + $3::bigint - 1 END) / $3::bigint) AS days, "
        "count(*) FROM cases WHERE opened_us >= $1 AND opened_us < $2 GROUP BY 1, 2, 3, 4",
        params, 3, &rows, error));
    fairness_begin(out);
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        fairness_count(out, phi_rows_text(rows, i, 0), outcome_of(phi_rows_text(rows, i, 1)),
                       phi_rows_text(rows, i, 2), phi_rows_i64(rows, i, 3) * DAY_US,
                       phi_rows_i64(rows, i, 4));
out:
    phi_rows_free(rows);
    return err;
}

/* --- publishing --- */

static enum phi_err make_event(struct phi_service *service, const struct anchor_turn *turn,
                               struct fairness *fairness, struct phi_arena *arena,
                               struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    char from[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    json_t *tables = fairness_tables(fairness);
    phi_rfc3339_format(turn->cut_us - SPAN_US, from);
    phi_rfc3339_format(turn->cut_us, until);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:o}", "region", phi_service_region(service),
                             "day", turn->day, "from", from, "until", until, "tables", tables);
    *event = (struct phi_event){.topic = phi_service_topic(service, "correction.report"),
                                .type = "cn.phi.correction.report",
                                .source = phi_service_source(service),
                                .time_us = phi_clock_now_us(phi_service_clock(service))};
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &event->value));
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(phi_signed_add(event, &signer, (uint64_t)turn->cut_us, arena));
out:
    return err;
}

static enum phi_err keep(struct phi_conn *tx, const struct anchor_turn *turn,
                         const struct phi_event *event, bool *is_ours, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(turn->cut_us), PHI_TEXT(turn->day),
                                       PHI_TEXT_VIEW(event->value)};
    const struct phi_param old = PHI_I64(turn->cut_us - KEEP_US);
    PHI_GUARD(phi_conn_exec(tx, "report_add",
                            "INSERT INTO reports (cut_us, day, value) VALUES ($1, $2, $3) ON "
                            "CONFLICT DO NOTHING",
                            params, 3, &rows, error));
    *is_ours = phi_rows_affected(rows) == 1;
    if (!*is_ours)
        goto out;
    PHI_GUARD(phi_conn_exec(tx, "report_drop", "DELETE FROM reports WHERE cut_us < $1", &old, 1,
                            NULL, error));
    PHI_GUARD(phi_event_put(tx, event, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err make(struct phi_service *service, struct phi_conn *conn,
                         const struct anchor_turn *turn, bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    struct fairness *fairness = calloc(1, sizeof(*fairness));
    PHI_GUARD(arena == NULL || fairness == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(count_all(conn, turn->cut_us, fairness, error));
    PHI_GUARD(make_event(service, turn, fairness, arena, &event));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(keep(conn, turn, &event, is_made, error));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    free(fairness);
    phi_arena_free(arena);
    return err;
}

static enum phi_err is_there(struct phi_conn *conn, int64_t cut_us, bool *out,
                             struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    const struct phi_param cut = PHI_I64(cut_us);
    enum phi_err err = phi_conn_exec(conn, "report_find", "SELECT 1 FROM reports WHERE cut_us = $1",
                                     &cut, 1, &rows, error);
    *out = err == PHI_OK && phi_rows_count(rows) > 0;
    phi_rows_free(rows);
    return err;
}

enum phi_err fairness_look(struct phi_service *service, bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct anchor_turn turn;
    bool is_done = false;
    *is_made = false;
    anchor_newest(phi_clock_now_us(phi_service_clock(service)),
                  phi_config_int(phi_service_config(service), "PHI_ANCHOR_TURN_S"),
                  phi_config_int(phi_service_config(service), "PHI_ANCHOR_AFTER_S"), &turn);
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(is_there(conn, turn.cut_us, &is_done, error));
    if (!is_done)
        PHI_GUARD(make(service, conn, &turn, is_made, error));
out:
    phi_store_release(conn);
    return err;
}
