#include "svc-platform/rebuild/window.h"

#include "base/log.h"
#include "codes/bucket.h"
#include "svc-platform/heal/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_MS    100
#define LOOK_MS    300 /* between two looks while a comparison is under way */
#define IDLE_MS    1500
#define ACQUIRE_MS 2000
#define SECOND_US  INT64_C(1000000)

struct windows {
    struct platform *platform;
    int64_t patience_us;
    pthread_t thread;
    atomic_bool is_stopping;
};

struct window {
    int64_t rebuild;
    int64_t read_us;
    char region[7];
    int64_t low;
    int64_t high;
    int64_t asked_us;
    int64_t moved_us;
    bool is_over;
};

enum phi_err window_open(struct phi_conn *tx, int64_t rebuild)
{
    const struct phi_param param = PHI_I64(rebuild);
    return phi_conn_exec(tx, "windows_open",
                         "INSERT INTO rebuild_regions (rebuild, region) SELECT DISTINCT rebuild, "
                         "substr(topic, 5, 6) FROM rebuild_parts WHERE rebuild = $1",
                         &param, 1, NULL, NULL);
}

/* The next province in its turn that no other replica has. */
static enum phi_err take(struct phi_conn *tx, int64_t before_us, struct window *out, bool *is_one)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(before_us), PHI_TEXT(out->region)};
    PHI_GUARD(phi_conn_exec(
        tx, "window_take",
        "SELECT w.rebuild, r.read_us, w.region, w.low, w.high, w.asked_us, w.moved_us FROM "
        "rebuild_regions w JOIN rebuilds r ON r.id = w.rebuild WHERE NOT w.is_over AND "
        "w.region > $2 AND r.read_us < $1 ORDER BY w.region, w.rebuild LIMIT 1 FOR UPDATE OF w "
        "SKIP LOCKED",
        params, 2, &rows, NULL));
    *is_one = phi_rows_count(rows) == 1;
    if (!*is_one)
        goto out;
    *out = (struct window){.rebuild = phi_rows_i64(rows, 0, 0),
                           .read_us = phi_rows_i64(rows, 0, 1),
                           .low = phi_rows_i64(rows, 0, 3),
                           .high = phi_rows_i64(rows, 0, 4),
                           .asked_us = phi_rows_i64(rows, 0, 5),
                           .moved_us = phi_rows_i64(rows, 0, 6)};
    snprintf(out->region, sizeof(out->region), "%s", phi_rows_text(rows, 0, 2));
out:
    phi_rows_free(rows);
    return err;
}

struct answers {
    int64_t open;    /* of [low, high): not found equal since all was read */
    int64_t lowest;  /* of the open ones; high without one */
    int64_t last_us; /* when the newest of the window was compared */
};

static enum phi_err look(struct phi_conn *tx, const struct window *window, struct answers *out)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(window->region), PHI_I64(window->read_us),
                                       PHI_I64(window->low), PHI_I64(window->high)};
    PHI_GUARD(phi_conn_exec(
        tx, "window_look",
        "SELECT count(*) FILTER (WHERE b.is_equal IS NOT TRUE), COALESCE(min(n) FILTER (WHERE "
        "b.is_equal IS NOT TRUE), $4::bigint), COALESCE(max(b.compared_us), 0) FROM "
        "generate_series($3::bigint, $4::bigint - 1) AS n LEFT JOIN buckets b ON b.region = $1 AND "
        "b.bucket = n AND b.compared_us > $2",
        params, 4, &rows, NULL));
    *out = (struct answers){.open = phi_rows_i64(rows, 0, 0),
                            .lowest = phi_rows_i64(rows, 0, 1),
                            .last_us = phi_rows_i64(rows, 0, 2)};
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err keep(struct phi_conn *tx, const struct window *window)
{
    const struct phi_param params[] = {PHI_I64(window->rebuild),  PHI_TEXT(window->region),
                                       PHI_I64(window->low),      PHI_I64(window->high),
                                       PHI_I64(window->asked_us), PHI_I64(window->moved_us),
                                       PHI_BOOL(window->is_over)};
    return phi_conn_exec(tx, "window_keep",
                         "UPDATE rebuild_regions SET low = $3, high = $4, asked_us = $5, moved_us "
                         "= $6, is_over = $7 WHERE rebuild = $1 AND region = $2",
                         params, 7, NULL, NULL);
}

/* As many more as have been answered; half a window at least, or the rest. */
static enum phi_err ask_more(struct phi_service *service, struct window *window, int64_t open,
                             int64_t now_us, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    int64_t room = WINDOW_BUCKETS - open, left = PHI_BUCKETS - window->high;
    int64_t more = room < left ? room : left;
    if (more == 0 || (more < WINDOW_BUCKETS / 2 && more < left))
        return PHI_OK;
    PHI_GUARD(heal_ask_digests(service, window->region, (uint16_t)window->high,
                               (uint16_t)(window->high + more - 1), now_us, tx));
    window->high += more;
    window->asked_us = now_us;
out:
    return err;
}

static enum phi_err ask_again(struct phi_service *service, struct window *window, int64_t now_us,
                              struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(heal_ask_digests(service, window->region, (uint16_t)window->low,
                               (uint16_t)(window->high - 1), now_us, tx));
    window->asked_us = now_us;
out:
    return err;
}

/* Nothing moved for so long: a province that said nothing at all is given up; what it did say and
 * what stays different is the ordinary turn's. */
static void give_up(struct window *window, const struct answers *answers, int64_t now_us)
{
    bool is_silent = answers->last_us == 0;
    phi_log(PHI_LOG_WARN, is_silent ? "rebuild_unanswered" : "rebuild_differs",
            PHI_L_WORD("region", window->region), PHI_L_INT("bucket", window->low),
            PHI_L_INT("open", answers->open));
    window->is_over = is_silent;
    window->low = window->high;
    window->moved_us = now_us;
}

static enum phi_err step(struct windows *windows, struct window *window, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = windows->platform->service;
    struct answers answers = {.open = 0};
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    PHI_GUARD(look(tx, window, &answers));
    if (answers.lowest > window->low || window->moved_us == 0)
        window->moved_us = now_us;
    window->low = answers.lowest;
    if (answers.open > 0 && now_us - window->moved_us > windows->patience_us)
        give_up(window, &answers, now_us);
    if (window->low == window->high)
        answers.open = 0;
    window->is_over = window->is_over || window->low == PHI_BUCKETS;
    if (!window->is_over)
        PHI_GUARD(ask_more(service, window, answers.open, now_us, tx));
    if (!window->is_over && now_us - window->asked_us > WINDOW_AGAIN_S * SECOND_US)
        PHI_GUARD(ask_again(service, window, now_us, tx));
    PHI_GUARD(keep(tx, window));
out:
    return err;
}

static enum phi_err run_one(struct windows *windows, struct window *window, bool *is_one)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_service *service = windows->platform->service;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_begin(conn, NULL));
    PHI_GUARD(take(conn, now_us, window, is_one));
    if (*is_one)
        PHI_GUARD(step(windows, window, conn));
    PHI_GUARD(phi_conn_commit(conn, NULL));
    phi_relay_wake(phi_service_relay(service));
out:
    if (err != PHI_OK && conn != NULL)
        phi_conn_rollback(conn);
    phi_store_release(conn);
    return err;
}

/* Each province once; whether there was any. */
static enum phi_err run_all(struct windows *windows, bool *was_any)
{
    enum phi_err err = PHI_OK;
    struct window window = {.region = ""};
    bool is_one = true;
    *was_any = false;
    while (is_one && !atomic_load(&windows->is_stopping)) {
        PHI_GUARD(run_one(windows, &window, &is_one));
        *was_any = *was_any || is_one;
    }
out:
    return err;
}

static void *run(void *context)
{
    struct windows *windows = context;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    struct phi_deadline next = phi_deadline_in_ms(0);
    bool was_failing = false;
    while (!atomic_load(&windows->is_stopping)) {
        bool was_any = false;
        if (phi_deadline_is_past(next)) {
            enum phi_err err = run_all(windows, &was_any);
            if (err != PHI_OK && !was_failing)
                phi_log(PHI_LOG_WARN, "rebuild_not_compared", PHI_L_ERR(err));
            was_failing = err != PHI_OK;
            next = phi_deadline_in_ms(was_any ? LOOK_MS : IDLE_MS);
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

enum phi_err window_start(struct platform *platform)
{
    struct windows *windows = calloc(1, sizeof(*windows));
    if (windows == NULL)
        return PHI_ERR_MEMORY;
    windows->platform = platform;
    windows->patience_us =
        phi_config_int(phi_service_config(platform->service), "PHI_REBUILD_PATIENCE_S") * SECOND_US;
    if (pthread_create(&windows->thread, NULL, run, windows) != 0) {
        free(windows);
        return PHI_ERR_MEMORY;
    }
    platform->windows = windows;
    return PHI_OK;
}

void window_stop(struct platform *platform)
{
    struct windows *windows = platform->windows;
    if (windows == NULL)
        return;
    atomic_store(&windows->is_stopping, true);
    pthread_join(windows->thread, NULL);
    free(windows);
    platform->windows = NULL;
}
