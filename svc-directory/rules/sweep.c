/* A batch of the sweep that follows an activation: people of one partition in the order of their
 * subjects, graded anew; who it is at stands in the same transaction. */
#include "svc-directory/grading/grading.h"
#include "svc-directory/rules/life.h"

#include "base/log.h"
#include "base/metrics.h"
#include "svc-directory/publish/publish.h"

#include <string.h>

#define BATCH_MAX 500
#define ARENA_MAX (64 * 1024 * 1024)

struct sweep {
    struct grading grading;
    int64_t number;
    struct phi_rows *row;
    struct phi_rows *people;
    struct phi_error error;
};

/* The lock on the row keeps a second owner of the partition waiting, who then goes on from here. */
static enum phi_err take_place(struct sweep *s, bool *is_done)
{
    enum phi_err err = PHI_OK;
    const struct phi_param params[] = {PHI_I64(s->number), PHI_I64(s->grading.partition)};
    PHI_GUARD(phi_conn_exec(s->grading.tx, "sweep_begin",
                            "INSERT INTO rule_sweeps (number, partition) VALUES ($1::bigint, "
                            "$2::bigint) ON CONFLICT DO NOTHING",
                            params, 2, NULL, &s->error));
    PHI_GUARD(phi_conn_exec(s->grading.tx, "sweep_take",
                            "SELECT cursor, done_us FROM rule_sweeps WHERE number = $1::bigint AND "
                            "partition = $2::bigint FOR UPDATE",
                            params, 2, &s->row, &s->error));
    *is_done = phi_rows_count(s->row) == 0 || !phi_rows_is_null(s->row, 0, 1);
out:
    return err;
}

static enum phi_err read_people(struct sweep *s)
{
    const struct phi_param params[] = {PHI_I64(s->grading.partition),
                                       PHI_BYTES(phi_rows_bytes(s->row, 0, 0)), PHI_I64(BATCH_MAX)};
    return phi_conn_exec(
        s->grading.tx, "sweep_people",
        "SELECT subject FROM entries WHERE partition = $1::bigint AND subject > $2 "
        "ORDER BY subject LIMIT $3::bigint",
        params, 3, &s->people, &s->error);
}

static enum phi_err grade(struct sweep *s)
{
    size_t count = phi_rows_count(s->people);
    uint8_t(*subjects)[PHI_SUBJECT_LEN] =
        phi_arena_alloc(s->grading.arena, (count + 1) * PHI_SUBJECT_LEN);
    if (subjects == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        memcpy(subjects[i], phi_rows_bytes(s->people, i, 0).data, PHI_SUBJECT_LEN);
    return count == 0
               ? PHI_OK
               : grading_run(&s->grading, (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, count);
}

static enum phi_err keep(struct sweep *s, bool is_done)
{
    size_t count = phi_rows_count(s->people);
    struct phi_view cursor =
        count > 0 ? phi_rows_bytes(s->people, count - 1, 0) : phi_rows_bytes(s->row, 0, 0);
    const struct phi_param params[] = {PHI_I64(s->number),
                                       PHI_I64(s->grading.partition),
                                       PHI_BYTES(cursor),
                                       PHI_I64(count),
                                       PHI_I64(s->grading.tally[TALLY_CHANGED]),
                                       is_done ? PHI_I64(s->grading.now_us) : PHI_NULL};
    return phi_conn_exec(
        s->grading.tx, "sweep_keep",
        "UPDATE rule_sweeps SET cursor = $3, people = people + $4::bigint, changed "
        "= changed + $5::bigint, done_us = $6::bigint WHERE number = $1::bigint "
        "AND partition = $2::bigint",
        params, 6, NULL, &s->error);
}

static enum phi_err run_batch(struct sweep *s, bool *is_done)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(take_place(s, is_done));
    if (*is_done)
        return PHI_OK;
    PHI_GUARD(read_people(s));
    PHI_GUARD(grade(s));
    *is_done = phi_rows_count(s->people) < BATCH_MAX;
    PHI_GUARD(keep(s, *is_done));
out:
    return err;
}

enum phi_err sweep_run(struct directory *directory, struct phi_conn *conn, int64_t now_us,
                       int64_t number, int32_t partition, size_t *count, bool *is_done)
{
    enum phi_err err = PHI_OK;
    uint64_t tally[TALLY_COUNT] = {0};
    struct sweep s = {.number = number,
                      .grading = {.directory = directory,
                                  .tx = conn,
                                  .arena = phi_arena_new(ARENA_MAX),
                                  .partition = partition,
                                  .now_us = now_us,
                                  .tally = tally}};
    *count = 0;
    PHI_GUARD(s.grading.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_begin(conn, &s.error));
    PHI_GUARD(run_batch(&s, is_done));
    PHI_GUARD(phi_conn_commit(conn, &s.error));
    *count = phi_rows_count(s.people);
    for (int i = 0; i < TALLY_COUNT; i++)
        phi_counter_add(directory->counters[i], tally[i]);
    if (tally[TALLY_CHANGED] > 0)
        publisher_wake(directory->publisher);
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    if (err != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "sweep_failed", PHI_L_ERR(err), PHI_L_DETAIL(&s.error));
    phi_rows_free(s.row);
    phi_rows_free(s.people);
    phi_arena_free(s.grading.arena);
    return err;
}
