#include "svc-codegen/retention/retain.h"

#include "base/log.h"
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#define DAY_S      ((int64_t)86400)
#define DAY_US     (DAY_S * 1000000)
#define STEP_ROWS  1000
#define STEPS_MAX  100 /* in one round: 100,000 rows of each kind */
#define EVERY_MS   60000
#define ACQUIRE_MS 2000

struct retain {
    struct retain_options options;
    struct phi_queue *ending; /* closed: stop */
    pthread_t thread;
};

/* SKIP LOCKED: what another replica is deleting is left to it. */
static const char applications_sql[] =
    "WITH gone AS (DELETE FROM applications WHERE application_id = ANY (ARRAY(SELECT "
    "application_id FROM applications WHERE term_until_us < $1 ORDER BY term_until_us LIMIT $2 "
    "FOR UPDATE SKIP LOCKED)) RETURNING 1) SELECT count(*) FROM gone";
/* A batch line goes together with its code, never before it: it is how the code is found again. */
static const char codes_sql[] =
    "WITH old AS MATERIALIZED (SELECT serial_hmac FROM codes WHERE deadline_s < $1 "
    "ORDER BY deadline_s LIMIT $2 FOR UPDATE SKIP LOCKED), "
    "lines AS (DELETE FROM batch_lines b USING old WHERE b.serial_hmac = old.serial_hmac), "
    "gone AS (DELETE FROM codes c USING old WHERE c.serial_hmac = old.serial_hmac RETURNING 1) "
    "SELECT count(*) FROM gone";

static const char requests_sql[] =
    "WITH gone AS (DELETE FROM consent_requests WHERE request_id = ANY (ARRAY(SELECT request_id "
    "FROM consent_requests WHERE until_us < $1 ORDER BY until_us LIMIT $2 FOR UPDATE SKIP LOCKED)) "
    "RETURNING 1) SELECT count(*) FROM gone";
static const char looks_sql[] =
    "WITH gone AS (DELETE FROM consent_looks WHERE request_id = ANY (ARRAY(SELECT request_id FROM "
    "consent_looks WHERE seen_us < $1 ORDER BY seen_us LIMIT $2 FOR UPDATE SKIP LOCKED)) "
    "RETURNING 1) SELECT count(*) FROM gone";

static enum phi_err delete_before(struct phi_conn *conn, const char *name, const char *sql,
                                  int64_t before, size_t max, size_t *deleted,
                                  struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(before), PHI_I64(max)};
    enum phi_err err = phi_conn_exec(conn, name, sql, params, 2, &rows, error);
    if (err == PHI_OK)
        *deleted = (size_t)phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    return err;
}

enum phi_err retain_step(struct phi_conn *conn, const struct policy *policy, int64_t now_us,
                         size_t max, struct retain_deleted *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t requests = 0;
    *out = (struct retain_deleted){0};
    PHI_GUARD(delete_before(conn, "retain_applications", applications_sql,
                            now_us - policy->application_keep_days * DAY_US, max,
                            &out->applications, error));
    PHI_GUARD(delete_before(conn, "retain_codes", codes_sql,
                            now_us / 1000000 - policy->consent_keep_days * DAY_S, max, &out->codes,
                            error));
    PHI_GUARD(delete_before(conn, "retain_requests", requests_sql, now_us - DAY_US, max, &requests,
                            error));
    PHI_GUARD(delete_before(conn, "retain_looks", looks_sql,
                            now_us - policy->consent_keep_days * DAY_US, max, &out->looks, error));
    out->looks += requests;
out:
    return err;
}

/* The connection goes back between the steps, so that requests come in between. */
static enum phi_err step(const struct retain *retain, struct retain_deleted *out,
                         struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    const struct retain_options *o = &retain->options;
    enum phi_err err = phi_store_acquire(o->store, phi_deadline_in_ms(ACQUIRE_MS), &conn);
    if (err != PHI_OK)
        return phi_error_set(error, err, "retain", "no connection to the database");
    err = retain_step(conn, o->policy, phi_clock_now_us(o->clock), STEP_ROWS, out, error);
    phi_store_release(conn);
    return err;
}

static void look_once(const struct retain *retain)
{
    struct retain_deleted all = {0}, some = {.codes = STEP_ROWS};
    struct phi_error error = {0};
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < STEPS_MAX && err == PHI_OK && !phi_queue_is_closed(retain->ending) &&
                       (some.applications == STEP_ROWS || some.codes == STEP_ROWS);
         i++) {
        err = step(retain, &some, &error);
        all.applications += some.applications;
        all.codes += some.codes;
    }
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "retain_failed", PHI_L_DETAIL(&error));
    if (all.applications + all.codes > 0)
        phi_log(PHI_LOG_INFO, "retain_deleted",
                PHI_L_INT("applications", (int64_t)all.applications),
                PHI_L_INT("codes", (int64_t)all.codes));
}

static void *run(void *context)
{
    const struct retain *retain = context;
    void *nothing[1];
    while (!phi_queue_is_closed(retain->ending)) {
        look_once(retain);
        (void)phi_queue_pop(retain->ending, nothing, 1, phi_deadline_in_ms(EVERY_MS));
    }
    return NULL;
}

enum phi_err retain_start(const struct retain_options *options, struct retain **out)
{
    struct retain *retain = calloc(1, sizeof(*retain));
    if (retain == NULL)
        return PHI_ERR_MEMORY;
    retain->options = *options;
    retain->ending = phi_queue_new(1);
    if (retain->ending == NULL || pthread_create(&retain->thread, NULL, run, retain) != 0) {
        phi_queue_free(retain->ending);
        free(retain);
        return PHI_ERR_MEMORY;
    }
    *out = retain;
    return PHI_OK;
}

void retain_stop(struct retain *retain)
{
    if (retain == NULL)
        return;
    phi_queue_close(retain->ending);
    pthread_join(retain->thread, NULL);
    phi_queue_free(retain->ending);
    free(retain);
}
