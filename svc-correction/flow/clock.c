/* Cases past their time: those that wait for the citizen go back to the source, the others are
 * escalated, by themselves. Each replica looks; the number of a step
 * is given once. */
#include "svc-correction/batches/batches.h"
#include "svc-correction/entry/handed.h"
#include "svc-correction/flow/stored.h"

#include "base/log.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EVERY_MS   1000
#define TICK_MS    100
#define ACQUIRE_MS 2000
#define BATCH_MAX  100
#define ARENA_MAX  (1024 * 1024)

struct case_clock {
    struct phi_service *service;
    pthread_t thread;
    atomic_bool stopping;
    struct phi_counter *overdue;
};

static enum phi_err move_one(struct case_clock *clock, struct phi_conn *tx,
                             const struct phi_rows *rows, size_t i, struct phi_arena *arena,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now = {.seq = 0};
    bool is_ours = false, awaits = false;
    PHI_GUARD(stored_take(rows, i, &now));
    if (now.state == STATE_DECIDED)
        PHI_GUARD(stored_awaits(tx, now.case_id, &awaits, error));
    const struct step_row *waited = step_find(now.state, ACT_WAITED);
    const struct step_row *way = waited == NULL ? step_find(now.state, ACT_ESCALATE) : waited;
    PHI_GUARD(way == NULL ? PHI_ERR_DATA_BROKEN : PHI_OK);
    const struct move_act act = {.step = step_act_name(way->act),
                                 .to = way->to,
                                 .outcome = waited == NULL ? now.outcome : "",
                                 .reason = waited != NULL ? ""
                                           : awaits       ? "record-awaited"
                                                          : now.reason,
                                 .unit = "",
                                 .is_escalation = waited == NULL};
    PHI_GUARD(stored_move(clock->service, tx, &now, &act, arena, &is_ours, error));
out:
    return err;
}

static enum phi_err run_batch(struct case_clock *clock, struct phi_conn *tx,
                              struct phi_arena *arena, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(phi_service_clock(clock->service));
    const struct phi_param params[] = {PHI_I64(now_us), PHI_I64(BATCH_MAX)};
    PHI_GUARD(phi_conn_exec(tx, "clock_due",
                            "SELECT * FROM (SELECT " STORED_COLUMNS " FROM cases WHERE due_us < $1 "
                            "ORDER BY due_us LIMIT $2) late ORDER BY case_id",
                            params, 2, &rows, error));
    *count = phi_rows_count(rows);
    for (size_t i = 0; i < *count; i++)
        PHI_GUARD(move_one(clock, tx, rows, i, arena, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err look(struct case_clock *clock, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    *count = 0;
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(clock->service), phi_deadline_in_ms(ACQUIRE_MS),
                                &conn));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(run_batch(clock, conn, arena, count, error));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    phi_store_release(conn);
    phi_arena_free(arena);
    return err;
}

static void look_all(struct case_clock *clock)
{
    size_t count = BATCH_MAX;
    while (count == BATCH_MAX && !atomic_load(&clock->stopping)) {
        struct phi_error error = {.code = PHI_OK};
        if (look(clock, &count, &error) != PHI_OK) {
            phi_log(PHI_LOG_WARN, "overdue_not_moved", PHI_L_DETAIL(&error));
            return;
        }
        phi_counter_add(clock->overdue, count);
        if (count > 0)
            phi_relay_wake(phi_service_relay(clock->service));
    }
}

static void sweep_all(struct case_clock *clock)
{
    size_t count = BATCH_SWEEP_MAX;
    while (count >= BATCH_SWEEP_MAX && !atomic_load(&clock->stopping)) {
        struct phi_error error = {.code = PHI_OK};
        if (batch_sweep(clock->service, &count, &error) != PHI_OK) {
            phi_log(PHI_LOG_WARN, "batches_not_swept", PHI_L_DETAIL(&error));
            return;
        }
        if (count > 0)
            phi_relay_wake(phi_service_relay(clock->service));
    }
}

static void *run(void *context)
{
    struct case_clock *clock = context;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    struct phi_deadline next = phi_deadline_in_ms(EVERY_MS);
    while (!atomic_load(&clock->stopping)) {
        nanosleep(&tick, NULL);
        handed_tell(clock->service);
        if (!phi_deadline_is_past(next))
            continue;
        look_all(clock);
        sweep_all(clock);
        next = phi_deadline_in_ms(EVERY_MS);
    }
    return NULL;
}

enum phi_err case_clock_start(struct phi_service *service)
{
    struct correction *correction = phi_service_state(service);
    struct case_clock *clock = calloc(1, sizeof(*clock));
    if (clock == NULL)
        return PHI_ERR_MEMORY;
    clock->service = service;
    clock->overdue =
        phi_counter_new("phi_correction_overdue_total", "cases past the time of their state", NULL);
    if (pthread_create(&clock->thread, NULL, run, clock) != 0) {
        free(clock);
        return PHI_ERR_INTERNAL;
    }
    correction->clock = clock;
    return PHI_OK;
}

void case_clock_stop(struct correction *correction)
{
    struct case_clock *clock = correction->clock;
    if (clock == NULL)
        return;
    atomic_store(&clock->stopping, true);
    pthread_join(clock->thread, NULL);
    free(clock);
    correction->clock = NULL;
}
