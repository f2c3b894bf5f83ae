/* Watching, on a thread of its own: judges the callers twice a second, writes what it finds (a row
 * of `cuts` and an event on audit in one transaction), and takes over what other replicas cut and
 * operators restore. An operator restores with a signed record (phictl caller restore) that is
 * newer than the cut. */
#include "svc-verify/verify.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "bus/event_row.h"
#include "json/canonical.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_MS     500
#define ACQUIRE_MS   1000
#define FINDINGS_MAX 256 /* a look's; the rest is found again at the next */
#define CUTS_MAX     4096

struct finding {
    char name[WATCH_NAME_MAX];
    enum watch_step step;
    enum watch_measure measure;
    int64_t value;
    int64_t bound;
};

struct keeper {
    struct verify *verify;
    int64_t now_us;
    struct finding findings[FINDINGS_MAX];
    size_t count; /* kept for the next look when the database is away */
};

static void on_finding(void *context, const struct watch_finding *finding)
{
    struct keeper *keeper = context;
    if (finding->step == WATCH_CUT)
        watch_cut(finding->caller);
    phi_counter_add(keeper->verify->watched[finding->step], 1);
    if (keeper->count == FINDINGS_MAX)
        return;
    struct finding *kept = &keeper->findings[keeper->count++];
    memcpy(kept->name, finding->name, sizeof(kept->name));
    kept->step = finding->step;
    kept->measure = finding->measure;
    kept->value = finding->value;
    kept->bound = finding->bound;
}

/* Under a key of its own for each caller, so that what is told of it stays in order. */
static enum phi_err put_event(struct keeper *keeper, struct phi_conn *tx, const char *what,
                              json_t *data, const char *caller, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t key[PHI_SM3_LEN];
    char time[PHI_RFC3339_MAX];
    struct phi_service *service = keeper->verify->service;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    phi_rfc3339_format(keeper->now_us, time);
    if (arena == NULL || data == NULL || json_object_set_new(data, "at", json_string(time)) != 0) {
        json_decref(data);
        phi_arena_free(arena);
        return PHI_ERR_MEMORY;
    }
    struct phi_event event = {.topic = phi_service_topic(service, "audit"),
                              .type = what,
                              .source = phi_service_source(service),
                              .time_us = keeper->now_us,
                              .key = phi_view_of(key, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_json_keep(arena, data));
    PHI_GUARD(phi_sm3(phi_view_text(caller), key));
    PHI_GUARD(phi_json_canonical(data, arena, &event.value));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err put_cut(struct keeper *keeper, struct phi_conn *tx,
                            const struct finding *finding, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(finding->name), PHI_I64(keeper->now_us),
                                       PHI_TEXT(watch_measure_name(finding->measure)),
                                       PHI_I64(finding->value), PHI_I64(finding->bound)};
    return phi_conn_exec(tx, "cut",
                         "INSERT INTO cuts (caller, cut_us, measure, value, bound) VALUES ($1, $2, "
                         "$3, $4, $5) ON CONFLICT DO NOTHING",
                         params, 5, NULL, error);
}

static enum phi_err put_finding(struct keeper *keeper, struct phi_conn *tx,
                                const struct finding *finding, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_cut = finding->step == WATCH_CUT;
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:I, s:I}", "caller", finding->name, "step",
                  is_cut ? "cut" : "warned", "measure", watch_measure_name(finding->measure),
                  "value", (json_int_t)finding->value, "bound", (json_int_t)finding->bound);
    if (is_cut)
        err = put_cut(keeper, tx, finding, error);
    if (err != PHI_OK) {
        json_decref(data);
        return err;
    }
    phi_log(PHI_LOG_WARN, is_cut ? "caller_cut_off" : "caller_warned",
            PHI_L_WORD("measure", watch_measure_name(finding->measure)),
            PHI_L_INT("value", finding->value), PHI_L_INT("bound", finding->bound));
    return put_event(keeper, tx, "cn.phi.audit.caller", data, finding->name, error);
}

static enum phi_err put_findings(struct keeper *keeper, struct phi_conn *conn,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (keeper->count == 0)
        return PHI_OK;
    PHI_GUARD(phi_conn_begin(conn, error));
    for (size_t i = 0; i < keeper->count; i++)
        PHI_GUARD(put_finding(keeper, conn, &keeper->findings[i], error));
    PHI_GUARD(phi_conn_commit(conn, error));
    keeper->count = 0;
    phi_relay_wake(phi_service_relay(keeper->verify->service));
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    return err;
}

/* When an operator restored this caller last; 0: never. */
static int64_t restored_us(struct verify *verify, const char *caller)
{
    const struct phi_registry_view *view =
        phi_registry_acquire(phi_service_registry(verify->service));
    int64_t us = phi_registry_restored_us(view, caller);
    phi_registry_release(view);
    return us;
}

static enum phi_err put_restored(struct keeper *keeper, struct phi_conn *conn, const char *caller,
                                 int64_t cut_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(caller), PHI_I64(cut_us), PHI_I64(keeper->now_us)};
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_conn_exec(conn, "restore",
                            "UPDATE cuts SET restored_us = $3 WHERE caller = $1 AND cut_us = $2 "
                            "AND restored_us IS NULL",
                            params, 3, &rows, error));
    /* of several replicas one tells */
    if (phi_rows_affected(rows) == 1)
        PHI_GUARD(put_event(keeper, conn, "cn.phi.audit.caller",
                            json_pack("{s:s, s:s}", "caller", caller, "step", "restored"), caller,
                            error));
    PHI_GUARD(phi_conn_commit(conn, error));
    phi_relay_wake(phi_service_relay(keeper->verify->service));
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    phi_rows_free(rows);
    return err;
}

/* What is cut off now, by whichever replica, is cut off here; what was and no longer is, isn't. */
static enum phi_err take_over(struct keeper *keeper, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct verify *verify = keeper->verify;
    const struct phi_param params[] = {PHI_I64(CUTS_MAX)};
    PHI_GUARD(
        phi_conn_exec(conn, "cuts",
                      "SELECT caller, cut_us FROM (SELECT DISTINCT ON (caller) caller, cut_us, "
                      "restored_us FROM cuts ORDER BY caller, cut_us DESC) AS last WHERE "
                      "restored_us IS NULL LIMIT $1",
                      params, 1, &rows, error));
    watch_begin_cuts(verify->watch);
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        const char *caller = phi_rows_text(rows, i, 0);
        int64_t cut_us = phi_rows_i64(rows, i, 1);
        if (restored_us(verify, caller) > cut_us)
            PHI_GUARD(put_restored(keeper, conn, caller, cut_us, error));
        else
            watch_confirm_cut(verify->watch, caller);
    }
    watch_end_cuts(verify->watch, keeper->now_us);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err look(struct keeper *keeper, struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    enum phi_err err = PHI_OK;
    keeper->now_us = phi_clock_now_us(keeper->verify->clock);
    watch_judge(keeper->verify->watch, keeper->now_us, on_finding, keeper);
    PHI_GUARD(phi_store_acquire(phi_service_store(keeper->verify->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(put_findings(keeper, conn, error));
    PHI_GUARD(take_over(keeper, conn, error));
out:
    phi_store_release(conn);
    return err;
}

/* A database that is away is said by others; what was found waits, and what is cut stays cut. */
static void *run(void *context)
{
    struct keeper *keeper = context;
    struct phi_queue *stop = keeper->verify->watch_stop;
    void *nothing[1];
    while (!phi_queue_is_closed(stop)) {
        struct phi_error error = {0};
        (void)phi_queue_pop(stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
        if (!phi_queue_is_closed(stop) && look(keeper, &error) != PHI_OK)
            phi_log(PHI_LOG_DEBUG, "watch_waits", PHI_L_DETAIL(&error));
    }
    free(keeper);
    return NULL;
}

enum phi_err verify_watch_start(struct verify *verify, struct phi_error *error)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    verify->watch_stop = phi_queue_new(1);
    if (keeper == NULL || verify->watch_stop == NULL) {
        free(keeper);
        return PHI_ERR_MEMORY;
    }
    keeper->verify = verify;
    enum phi_err err = look(keeper, error); /* who was cut off before the start stays so */
    if (err == PHI_OK && pthread_create(&verify->watch_thread, NULL, run, keeper) != 0)
        err = PHI_ERR_MEMORY;
    if (err != PHI_OK) {
        free(keeper);
        return err;
    }
    verify->has_watch_thread = true;
    return PHI_OK;
}

void verify_watch_stop(struct verify *verify)
{
    if (verify->watch_stop != NULL)
        phi_queue_close(verify->watch_stop);
    if (verify->has_watch_thread)
        pthread_join(verify->watch_thread, NULL);
    phi_queue_free(verify->watch_stop);
    watch_close(verify->watch);
}
