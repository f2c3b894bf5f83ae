#include "svc-platform/statistics/statistics.h"

#include "base/log.h"
#include "codes/bucket.h"
#include "codes/region.h"
#include "json/canonical.h"
#include "open/cells.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPAN_ROWS     200000 /* counted in one statement, about */
#define ACQUIRE_MS    2000
#define RETRY_US      (5 * INT64_C(1000000))
#define REGIONS_MAX   (PHI_CELLS_ROWS_MAX - 1)
#define GRADE_COLUMNS (PHI_GRADE_COUNT + 1)
#define KEEP_US       (35 * INT64_C(86400000000))
#define STAT_ARENA    (1024 * 1024)

struct statistics {
    struct platform *platform;
    pthread_t thread;
    atomic_bool is_stopping;
    int64_t every_us;
};

struct count {
    const struct phi_trust_view *trust;
    struct phi_cells cells;
    char regions[REGIONS_MAX][7];
    size_t region_count;
    char left_out[REGIONS_MAX][7];
    size_t left_out_count;
};

/* Found there, but of a platform whose word does not count now. */
static void leave_out(struct count *count, const char *region)
{
    size_t i = 0;
    while (i < count->left_out_count && strcmp(count->left_out[i], region) != 0)
        i++;
    if (i == count->left_out_count && i < REGIONS_MAX)
        memcpy(count->left_out[count->left_out_count++], region, 7);
}

static size_t row_of(struct count *count, const char *region)
{
    size_t i = 0;
    while (i < count->region_count && strcmp(count->regions[i], region) != 0)
        i++;
    if (i == count->region_count && i < REGIONS_MAX) {
        memcpy(count->regions[i], region, 7);
        count->region_count++;
    }
    return i;
}

static void add(struct count *count, const struct phi_rows *rows)
{
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        const char *region = phi_rows_text(rows, i, 0);
        if (platform_standing(count->trust, region) != NULL) {
            leave_out(count, region);
            continue;
        }
        size_t row = row_of(count, region);
        int64_t grade = phi_rows_i64(rows, i, 1);
        if (row < REGIONS_MAX && grade >= 0 && grade < PHI_GRADE_COUNT)
            count->cells.counts[row][grade] += phi_rows_i64(rows, i, 2);
    }
}

/* Buckets [first, first + spans) of all regions, each entry with its `then` applied. */
static enum phi_err count_span(struct phi_conn *conn, uint16_t first, uint16_t last, int64_t now_us,
                               struct count *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    uint8_t low[PHI_SUBJECT_LEN], high[PHI_SUBJECT_LEN], unused[PHI_SUBJECT_LEN];
    phi_bucket_range(first, low, unused);
    phi_bucket_range(last, unused, high);
    const struct phi_param params[] = {PHI_BYTES_OF(low, sizeof(low)),
                                       PHI_BYTES_OF(high, sizeof(high)), PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(conn, "statistics_count",
                            "SELECT region, CASE WHEN until_us < $3 THEN then_grade ELSE grade END "
                            "AS now_grade, count(*) FROM entries WHERE subject BETWEEN $1 AND $2 "
                            "AND NOT is_withdrawn GROUP BY 1, 2",
                            params, 3, &rows, NULL));
    add(count, rows);
out:
    phi_rows_free(rows);
    return err;
}

/* In how many statements, so that none takes long. */
static enum phi_err spans_of(struct phi_conn *conn, int64_t *out)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(conn, "statistics_size",
                            "SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = "
                            "'entries'::regclass",
                            NULL, 0, &rows, NULL));
    *out = phi_rows_i64(rows, 0, 0) / SPAN_ROWS + 1;
    *out = *out > PHI_BUCKETS ? PHI_BUCKETS : *out;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err count_all(struct statistics *statistics, struct phi_conn *conn, int64_t now_us,
                              struct count *count)
{
    enum phi_err err = PHI_OK;
    int64_t spans = 1;
    PHI_GUARD(spans_of(conn, &spans));
    for (int64_t i = 0; i < spans && !atomic_load(&statistics->is_stopping); i++)
        PHI_GUARD(count_span(conn, (uint16_t)(i * PHI_BUCKETS / spans),
                             (uint16_t)((i + 1) * PHI_BUCKETS / spans - 1), now_us, count));
    PHI_GUARD(atomic_load(&statistics->is_stopping) ? PHI_ERR_DRAINING : PHI_OK);
out:
    return err;
}

static int by_region(const void *a, const void *b, void *context)
{
    const struct count *count = context;
    return strcmp(count->regions[*(const size_t *)a], count->regions[*(const size_t *)b]);
}

static int by_code(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The order in which rows came says something; that of the codes does not. */
static void sort(struct count *count)
{
    size_t order[REGIONS_MAX];
    struct count *sorted = calloc(1, sizeof(*sorted));
    if (sorted == NULL)
        return;
    for (size_t i = 0; i < count->region_count; i++)
        order[i] = i;
    qsort_r(order, count->region_count, sizeof(order[0]), by_region, count);
    *sorted = *count;
    for (size_t i = 0; i < count->region_count; i++) {
        memcpy(sorted->regions[i], count->regions[order[i]], 7);
        memcpy(sorted->cells.counts[i], count->cells.counts[order[i]],
               sizeof(count->cells.counts[0]));
    }
    *count = *sorted;
    free(sorted);
    qsort(count->left_out, count->left_out_count, sizeof(count->left_out[0]), by_code);
}

static json_t *row_json(const struct phi_cells *cells, size_t row)
{
    json_t *json = json_object();
    for (size_t c = 0; json != NULL && c < cells->columns; c++) {
        const char *name = c == PHI_GRADE_COUNT ? "all" : phi_grade_code((enum phi_grade)c);
        json_t *value = cells->is_hidden[row][c]
                            ? json_null()
                            : json_integer((json_int_t)phi_cells_rounded(cells->counts[row][c]));
        if (json_object_set_new(json, name, value) != 0) {
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

static json_t *count_json(struct count *count, int64_t now_us)
{
    char at[PHI_RFC3339_MAX];
    struct phi_cells *cells = &count->cells;
    cells->rows = count->region_count + 1;
    cells->columns = GRADE_COLUMNS;
    phi_cells_sum(cells);
    phi_cells_hide(cells);
    phi_rfc3339_format(now_us, at);
    json_t *regions = json_array();
    for (size_t r = 0; r < count->region_count; r++)
        json_array_append_new(regions, json_pack("{s:s, s:o}", "region", count->regions[r],
                                                 "people", row_json(cells, r)));
    json_t *left_out = json_array();
    for (size_t i = 0; i < count->left_out_count; i++)
        json_array_append_new(left_out, json_string(count->left_out[i]));
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:o}", "countedAt", at, "shownFrom",
                     PHI_CELLS_SHOWN_MIN, "roundedTo", PHI_CELLS_ROUND, "regions", regions,
                     "nation", row_json(cells, count->region_count), "leftOut", left_out);
}

/* One of the replicas counts for a turn; the others find it done. */
static enum phi_err keep(struct phi_conn *conn, int64_t slot, int64_t now_us, json_t *json)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    struct phi_arena *arena = phi_arena_new(STAT_ARENA);
    PHI_GUARD(arena == NULL || json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, &text));
    const struct phi_param params[] = {PHI_I64(slot), PHI_I64(now_us), PHI_TEXT_VIEW(text)};
    const struct phi_param old[] = {PHI_I64(now_us - KEEP_US)};
    PHI_GUARD(phi_conn_exec(conn, "statistics_keep",
                            "INSERT INTO statistics (slot, made_us, value) VALUES ($1, $2, $3) ON "
                            "CONFLICT (slot) DO NOTHING",
                            params, 3, NULL, NULL));
    PHI_GUARD(phi_conn_exec(conn, "statistics_drop", "DELETE FROM statistics WHERE made_us < $1",
                            old, 1, NULL, NULL));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err is_there(struct phi_conn *conn, int64_t slot, bool *out)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param param = PHI_I64(slot);
    PHI_GUARD(phi_conn_exec(conn, "statistics_is_there", "SELECT 1 FROM statistics WHERE slot = $1",
                            &param, 1, &rows, NULL));
    *out = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err run_once(struct statistics *statistics)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    json_t *json = NULL;
    bool is_counted = false;
    struct phi_service *service = statistics->platform->service;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    struct count *count = calloc(1, sizeof(*count));
    PHI_GUARD(count == NULL ? PHI_ERR_MEMORY : PHI_OK);
    count->trust = phi_trust_acquire(phi_service_trust(service));
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(is_there(conn, now_us / statistics->every_us, &is_counted));
    if (is_counted)
        goto out;
    /* Without a list nobody's word counts, and that is not what is to be shown for an hour. */
    PHI_GUARD(phi_trust_is_usable(phi_service_trust(service)) ? PHI_OK : PHI_ERR_NEIGHBOUR);
    PHI_GUARD(count_all(statistics, conn, now_us, count));
    sort(count);
    json = count_json(count, now_us);
    PHI_GUARD(keep(conn, now_us / statistics->every_us, now_us, json));
out:
    json_decref(json);
    phi_store_release(conn);
    if (count != NULL)
        phi_trust_release(count->trust);
    free(count);
    return err;
}

static void *run(void *context)
{
    struct statistics *statistics = context;
    const struct timespec tick = {.tv_nsec = 100 * 1000000L};
    int64_t next_us = 0, last_slot = -1;
    while (!atomic_load(&statistics->is_stopping)) {
        int64_t slot = phi_clock_now_us(NULL) / statistics->every_us;
        if (slot != last_slot && phi_monotonic_us() >= next_us) {
            enum phi_err err = run_once(statistics);
            if (err == PHI_OK)
                last_slot = slot;
            else if (err != PHI_ERR_DRAINING)
                phi_log(PHI_LOG_WARN, "statistics_not_counted", PHI_L_ERR(err));
            next_us = phi_monotonic_us() + RETRY_US;
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

enum phi_err statistics_start(struct platform *platform)
{
    struct statistics *statistics = calloc(1, sizeof(*statistics));
    if (statistics == NULL)
        return PHI_ERR_MEMORY;
    statistics->platform = platform;
    statistics->every_us =
        phi_config_int(phi_service_config(platform->service), "PHI_STATISTICS_S") * 1000000;
    if (pthread_create(&statistics->thread, NULL, run, statistics) != 0) {
        free(statistics);
        return PHI_ERR_MEMORY;
    }
    platform->statistics = statistics;
    return PHI_OK;
}

void statistics_stop(struct platform *platform)
{
    struct statistics *statistics = platform->statistics;
    if (statistics == NULL)
        return;
    atomic_store(&statistics->is_stopping, true);
    pthread_join(statistics->thread, NULL);
    free(statistics);
    platform->statistics = NULL;
}

enum phi_err platform_statistics_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "statistics_newest",
                            "SELECT value FROM statistics ORDER BY slot DESC LIMIT 1", NULL, 0,
                            &rows, error));
    if (phi_rows_count(rows) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "statistics", "not counted yet"));
    char *text = phi_arena_text(phi_api_arena(call), phi_rows_bytes(rows, 0, 0));
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_api_data_text(call, phi_view_text(text));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
