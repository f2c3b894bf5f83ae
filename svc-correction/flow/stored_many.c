/* Many moves of stored cases at once: what a batch of the bus brings. */
#include "svc-correction/flow/stored.h"

#include "bus/event_row.h"
#include "bus/signed.h"
#include "store/columns.h"

#include <string.h>

enum phi_err stored_moves_room(struct stored_moves *out, size_t room, struct phi_arena *arena)
{
    *out = (struct stored_moves){.room = room};
    out->made = phi_arena_alloc(arena, room * sizeof(*out->made));
    out->events = phi_arena_alloc(arena, room * sizeof(*out->events));
    out->numbers = phi_arena_alloc(arena, room * sizeof(*out->numbers));
    bool is_there = out->made != NULL && out->events != NULL && out->numbers != NULL;
    return is_there ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err stored_moves_add(struct stored_moves *moves, struct phi_service *service,
                              struct case_now *now, const struct move_act *act,
                              struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    struct stored_made *made = &moves->made[moves->count];
    struct phi_event *event = &moves->events[moves->count];
    PHI_GUARD(moves->count == moves->room ? PHI_ERR_INTERNAL : PHI_OK);
    made->now = *now;
    made->act = *act;
    PHI_GUARD(move_make(&made->now, &made->act, correction,
                        phi_clock_now_us(phi_service_clock(service)), arena, &made->move));
    *event = (struct phi_event){.topic = phi_service_topic(service, "correction.step"),
                                .type = "cn.phi.correction.step",
                                .source = phi_service_source(service),
                                .time_us = made->move.at_us,
                                .key = phi_view_of(made->now.subject, PHI_SUBJECT_LEN),
                                .value = made->move.event};
    PHI_GUARD(phi_event_new_id(event));
    moves->numbers[moves->count++] = (uint64_t)made->move.seq;
    move_take(&made->move, now);
out:
    return err;
}

/* --- writing --- */

/* The lane's tables, written outside of the lane. */
static const struct phi_lane_table *table_of(enum correction_table table)
{
    return &correction_tables[table - PHI_API_OWN];
}

static enum phi_err write_steps(const struct stored_moves *moves, struct phi_conn *tx,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_columns columns = {0};
    const struct phi_lane_table *table = table_of(TABLE_STEPS);
    PHI_GUARD(phi_columns_init(&columns, table->columns, table->column_count));
    for (size_t i = 0; i < moves->count; i++) {
        struct phi_param row[MOVE_STEP_COLUMNS];
        move_step_row(&moves->made[i].move, row);
        PHI_GUARD(phi_columns_add(&columns, row));
    }
    PHI_GUARD(phi_conn_exec(tx, "stored_steps", table->insert_sql, columns.params, columns.count,
                            &rows, error));
    if (phi_rows_count(rows) != moves->count)
        err = phi_error_set(error, PHI_ERR_OVERLOAD, "steps", "a case has moved meanwhile");
out:
    phi_rows_free(rows);
    phi_columns_fini(&columns);
    return err;
}

static bool is_last_of_case(const struct stored_moves *moves, size_t i)
{
    return i + 1 == moves->count ||
           memcmp(moves->made[i].now.case_id, moves->made[i + 1].now.case_id, CASE_LEN) != 0;
}

static enum phi_err write_cases(const struct stored_moves *moves, struct phi_conn *tx,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    const struct phi_lane_table *table = table_of(TABLE_CASES_MOVED);
    PHI_GUARD(phi_columns_init(&columns, table->columns, table->column_count));
    for (size_t i = 0; i < moves->count; i++) {
        struct phi_param row[MOVE_CASE_COLUMNS];
        if (!is_last_of_case(moves, i))
            continue;
        move_case_row(&moves->made[i].move, row);
        PHI_GUARD(phi_columns_add(&columns, row));
    }
    PHI_GUARD(phi_columns_write(&columns, tx, "stored_cases", table->insert_sql, error));
out:
    phi_columns_fini(&columns);
    return err;
}

static enum phi_err sign(const struct stored_moves *moves, struct phi_service *service,
                         struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    enum phi_err *errs = phi_arena_alloc(arena, moves->count * sizeof(*errs));
    PHI_GUARD(errs == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_signed_add_many(moves->events, moves->numbers, errs, moves->count, &signer, arena);
    for (size_t i = 0; i < moves->count; i++)
        PHI_GUARD(errs[i]);
out:
    return err;
}

enum phi_err stored_moves_write(const struct stored_moves *moves, struct phi_service *service,
                                struct phi_conn *tx, struct phi_arena *arena,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (moves->count == 0)
        return PHI_OK;
    PHI_GUARD(sign(moves, service, arena));
    PHI_GUARD(write_steps(moves, tx, error));
    PHI_GUARD(write_cases(moves, tx, error));
    PHI_GUARD(phi_event_put_all(tx, moves->events, moves->count, arena, error));
out:
    return err;
}
