/* Uses stand in partitions of a week by their time, the ledger in partitions of a day by the codes'
 * deadline: made ahead, and dropped whole when their time is over. Request ids are deleted by age.
 */
#include "svc-verify/verify.h"

#include "base/log.h"
#include "base/queue.h"

#define DAY_S         ((int64_t)86400)
#define USES_SPAN_US  (7 * DAY_S * 1000000)
#define USES_AHEAD    4  /* weeks */
#define LEDGER_AHEAD  40 /* days: more than the longest life of a code, 30 */
#define LEDGER_BEHIND 1  /* an expired code never gets as far as the ledger */
/* longer than any caller repeats a request; the 24 h of HTTP's are within */
#define REQUESTS_KEEP_US (2 * DAY_S * 1000000)
#define REQUESTS_AT_ONCE 10000
#define EVERY_MS         60000
#define ACQUIRE_MS       2000

static enum phi_err number(struct phi_conn *conn, const char *name, const char *sql,
                           const struct phi_param *params, size_t count, int64_t *out,
                           struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = phi_conn_exec(conn, name, sql, params, count, &rows, error);
    if (err == PHI_OK)
        *out = phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    return err;
}

static enum phi_err make(struct phi_conn *conn, const char *table, int64_t span, int64_t first,
                         int64_t last, struct phi_error *error)
{
    int64_t made = 0;
    const struct phi_param params[] = {PHI_TEXT(table), PHI_I64(span), PHI_I64(first),
                                       PHI_I64(last)};
    enum phi_err err =
        number(conn, "spans_make", "SELECT make_spans($1, $2, $3, $4)", params, 4, &made, error);
    if (err == PHI_OK && made > 0)
        phi_log(PHI_LOG_INFO, "spans_made", PHI_L_WORD("table", table), PHI_L_INT("count", made));
    return err;
}

static enum phi_err drop(struct phi_conn *conn, const char *table, int64_t first,
                         struct phi_error *error)
{
    int64_t dropped = 0;
    const struct phi_param params[] = {PHI_TEXT(table), PHI_I64(first)};
    enum phi_err err =
        number(conn, "spans_drop", "SELECT drop_spans($1, $2)", params, 2, &dropped, error);
    if (err == PHI_OK && dropped > 0)
        phi_log(PHI_LOG_INFO, "spans_dropped", PHI_L_WORD("table", table),
                PHI_L_INT("count", dropped));
    return err;
}

static enum phi_err prune_requests(struct phi_conn *conn, int64_t now_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t deleted = REQUESTS_AT_ONCE;
    const struct phi_param params[] = {PHI_I64(now_us - REQUESTS_KEEP_US),
                                       PHI_I64(REQUESTS_AT_ONCE)};
    while (err == PHI_OK && deleted == REQUESTS_AT_ONCE)
        err =
            number(conn, "requests_prune",
                   "WITH gone AS (DELETE FROM requests WHERE ctid = ANY (ARRAY(SELECT ctid FROM "
                   "requests WHERE used_us < $1 LIMIT $2)) RETURNING 1) SELECT count(*) FROM gone",
                   params, 2, &deleted, error);
    return err;
}

static enum phi_err look_after(struct verify *verify, struct phi_conn *conn,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_clock_now_us(verify->clock);
    int64_t week = now_us / USES_SPAN_US;
    int64_t day = now_us / 1000000 / DAY_S;
    PHI_GUARD(make(conn, "uses", USES_SPAN_US, week, week + USES_AHEAD, error));
    PHI_GUARD(make(conn, "ledger", DAY_S, day - LEDGER_BEHIND, day + LEDGER_AHEAD, error));
    PHI_GUARD(drop(conn, "uses", (now_us - verify->uses_keep_us) / USES_SPAN_US, error));
    PHI_GUARD(drop(conn, "ledger", day - LEDGER_BEHIND, error));
    PHI_GUARD(prune_requests(conn, now_us, error));
out:
    return err;
}

static enum phi_err look_once(struct verify *verify, struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    enum phi_err err = phi_store_acquire(phi_service_store(verify->service),
                                         phi_deadline_in_ms(ACQUIRE_MS), &conn);
    if (err != PHI_OK)
        return phi_error_set(error, err, "spans", "no connection to the database");
    err = look_after(verify, conn, error);
    phi_store_release(conn);
    return err;
}

static void *run(void *context)
{
    struct verify *verify = context;
    void *nothing[1];
    while (!phi_queue_is_closed(verify->spans_stop)) {
        struct phi_error error = {0};
        (void)phi_queue_pop(verify->spans_stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
        if (!phi_queue_is_closed(verify->spans_stop) && look_once(verify, &error) != PHI_OK)
            phi_log(PHI_LOG_WARN, "spans_failed", PHI_L_DETAIL(&error));
    }
    return NULL;
}

enum phi_err verify_spans_start(struct verify *verify, struct phi_error *error)
{
    enum phi_err err = look_once(verify, error);
    if (err != PHI_OK)
        return err;
    verify->spans_stop = phi_queue_new(1);
    if (verify->spans_stop == NULL || pthread_create(&verify->spans_thread, NULL, run, verify) != 0)
        return PHI_ERR_MEMORY;
    verify->has_spans_thread = true;
    return PHI_OK;
}

void verify_spans_stop(struct verify *verify)
{
    if (verify->spans_stop == NULL)
        return;
    phi_queue_close(verify->spans_stop);
    if (verify->has_spans_thread)
        pthread_join(verify->spans_thread, NULL);
    phi_queue_free(verify->spans_stop);
}
