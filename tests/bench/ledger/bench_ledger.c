/* One-time uses through the lane against bare batched inserts into the same table: 256 rows a
 * statement, committed each. Run by tests/tools/with-postgres, which gives the database.
 *
 *   bench_ledger            lines ledger.rate (the guard alone) and ledger.use.rate (all that a use
 *                           keeps: request id, ledger, use, outbox)
 *   bench_ledger commit MS RATE   the floor of latencies: a bare group commit of what has arrived,
 *                           open loop → {"p50_us", "p99_us", "p999_us"}
 */
#include "tests/bench/bench.h"

#include "base/arena.h"
#include "base/file.h"
#include "crypto/random.h"
#include "service/api.h"
#include "store/migrate.h"
#include "store/tables.h"
#include "svc-verify/verify.h"

#define ROWS        256
#define OUTSTANDING 1024
#define SQL_MAX     (32 * 1024)
#define SAMPLES_MAX 2000000

static struct phi_lane_table tables[PHI_API_OWN + VERIFY_TABLES] = {
    PHI_LANE_NONCES, PHI_LANE_IDEMPOTENCY, PHI_LANE_OUTBOX};
static struct phi_store *store;
static struct phi_lane *lane;
static int64_t deadline_s;
static bool has_all;
static _Atomic uint64_t told;
static _Atomic uint64_t failed;

static void require_ok(enum phi_err err, const struct phi_error *error, const char *what)
{
    if (err == PHI_OK)
        return;
    fprintf(stderr, "bench_ledger: %s: %s %s: %s\n", what, phi_err_return_code(err), error->place,
            error->text);
    exit(1);
}

static const char *read_sql(struct phi_arena *arena, const char *name)
{
    char path[512];
    struct phi_view bytes;
    struct phi_error none = {0};
    snprintf(path, sizeof(path), "%s/%s", VERIFY_SQL, name);
    require_ok(phi_file_read(path, SQL_MAX, arena, &bytes), &none, path);
    return phi_arena_text(arena, bytes);
}

static void open_tables(const char *schema)
{
    struct phi_error error = {0};
    struct phi_arena *arena = phi_arena_new(1 << 20);
    const char *conninfo = getenv("PHI_TEST_DB"); // NOLINT(concurrency-mt-unsafe)
    bench_require(conninfo != NULL, "run me by tests/tools/with-postgres");
    const struct phi_migration migrations[] = {
        {1, "lane", phi_lane_ddl},
        {2, "requests", phi_requests_ddl},
        {3, "outbox", phi_outbox_ddl},
        {100, "verify", read_sql(arena, "100_verify.sql")},
        {101, "spans", read_sql(arena, "101_spans.sql")},
        {103, "revocations", read_sql(arena, "103_revocations.sql")}};
    require_ok(phi_migrate(conninfo, schema, migrations, 6, &error), &error, "migrations");
    struct phi_store_options options = {.conninfo = conninfo, .schema = schema};
    require_ok(phi_store_open(&options, &store, &error), &error, "store");
    phi_arena_free(arena);
}

static struct phi_conn *connection(void)
{
    struct phi_conn *conn = NULL;
    bench_require(phi_store_acquire(store, phi_deadline_in_ms(5000), &conn) == PHI_OK,
                  "a database");
    return conn;
}

static void make_spans(void)
{
    struct phi_error error = {0};
    struct phi_conn *conn = connection();
    deadline_s = phi_clock_now_us(NULL) / 1000000 + 300;
    require_ok(
        phi_conn_script(conn,
                        "SELECT make_spans('ledger', 86400, extract(epoch FROM now())::bigint "
                        "/ 86400, extract(epoch FROM now())::bigint / 86400 + 1);"
                        "SELECT make_spans('uses', 604800000000, (extract(epoch FROM now()) * "
                        "1000000)::bigint / 604800000000, (extract(epoch FROM now()) * "
                        "1000000)::bigint / 604800000000 + 1)",
                        &error),
        &error, "spans");
    phi_store_release(conn);
}

/* --- ours --- */

static void on_told(void *context, const struct phi_commit_result *result)
{
    (void)context;
    if (result->err != PHI_OK)
        atomic_fetch_add(&failed, 1);
    atomic_fetch_add(&told, 1);
}

static void add_ledger(struct phi_commit *commit, const uint8_t id[32], int64_t now_us)
{
    const struct phi_param row[] = {PHI_I64(deadline_s), PHI_BYTES_OF(id, 32), PHI_I64(now_us)};
    bench_require(phi_commit_add(commit, TABLE_LEDGER, row, 3) == PHI_OK, "a ledger row");
}

static void add_rest(struct phi_commit *commit, const uint8_t id[32], int64_t now_us)
{
    static const char headers[] =
        "{\"ce_specversion\":\"1.0\",\"ce_id\":\"01934f3e-0000-7000-8000-000000000000\",\"ce_"
        "type\":"
        "\"cn.phi.code.verified\",\"ce_source\":\"/phi/320000/svc-verify\",\"ce_time\":"
        "\"2026-11-21T08:00:00.123456+08:00\",\"content-type\":\"application/json\"}";
    static const char value[] =
        "{\"app\":\"scan-app\",\"platform\":\"320000\",\"program\":\"svc-directory\","
        "\"resultCode\":"
        "\"0000\",\"scope\":\"pass\",\"serialHmac\":"
        "\"0000000000000000000000000000000000000000000000"
        "000000000000000000\",\"verifiedAt\":\"2026-11-21T08:00:00.123456+08:00\"}";
    const struct phi_param request[REQUESTS_COLUMNS] = {
        PHI_TEXT("320000"),   PHI_TEXT("svc-directory"),
        PHI_BYTES_OF(id, 16), PHI_BYTES_OF(id, 32),
        PHI_BYTES_OF(id, 32), PHI_I64(0),
        PHI_TEXT("0000"),     PHI_I64(now_us)};
    const struct phi_param use[USES_COLUMNS] = {
        PHI_BYTES_OF(id, 16), PHI_TEXT("320000"),   PHI_TEXT("svc-directory"), PHI_BYTES_OF(id, 16),
        PHI_I64(1),           PHI_BYTES_OF(id, 32), PHI_TEXT("scan-app"),      PHI_I64(0),
        PHI_TEXT("0000"),     PHI_I64(1),           PHI_I64(deadline_s),       PHI_I64(now_us)};
    const struct phi_param event[PHI_OUTBOX_COLUMNS] = {
        PHI_BYTES_OF(id, 16), PHI_TEXT("phi.320000.code.verified"),
        PHI_BYTES_OF(id, 16), PHI_I64(-1),
        PHI_TEXT(headers),    PHI_BYTES_OF(value, sizeof(value) - 1),
        PHI_I64(now_us)};
    bench_require(phi_commit_add(commit, TABLE_REQUESTS, request, REQUESTS_COLUMNS) == PHI_OK &&
                      phi_commit_add(commit, TABLE_USES, use, USES_COLUMNS) == PHI_OK &&
                      phi_commit_add(commit, PHI_API_OUTBOX, event, PHI_OUTBOX_COLUMNS) == PHI_OK,
                  "rows");
}

static void submit_rows(size_t count)
{
    struct phi_submission items[ROWS];
    uint8_t ids[ROWS][32];
    int64_t now_us = phi_clock_now_us(NULL);
    bench_require(phi_random_bytes(ids, sizeof(ids)) == PHI_OK, "random bytes");
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct phi_submission){
            .commit = phi_commit_new(lane), .done = on_told, .deadline = phi_deadline_in_ms(20000)};
        add_ledger(items[i].commit, ids[i], now_us);
        if (has_all)
            add_rest(items[i].commit, ids[i], now_us);
    }
    phi_commit_submit_all(items, count);
    for (size_t i = 0; i < count; i++)
        bench_require(items[i].err == PHI_OK, "the lane refused");
}

static double ours(unsigned ms)
{
    uint64_t start = atomic_load(&told), sent = start;
    int64_t start_us = phi_monotonic_us();
    int64_t until_us = start_us + ms * 1000;
    while (phi_monotonic_us() < until_us) {
        uint64_t left = OUTSTANDING - (sent - atomic_load(&told));
        if (left >= ROWS / 4) {
            submit_rows(ROWS / 4);
            sent += ROWS / 4;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        }
    }
    uint64_t done = atomic_load(&told) - start;
    double s = (double)(phi_monotonic_us() - start_us) / 1e6;
    while (atomic_load(&told) < sent)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    bench_require(atomic_load(&failed) == 0, "a use failed");
    return (double)done / s;
}

/* --- the floor --- */

static void insert_rows(struct phi_conn *conn, size_t count)
{
    struct phi_error error = {0};
    uint8_t ids[ROWS][32];
    struct phi_array *deadlines = phi_array_new(PHI_COLUMN_I64);
    struct phi_array *serials = phi_array_new(PHI_COLUMN_BYTES);
    struct phi_array *times = phi_array_new(PHI_COLUMN_I64);
    int64_t now_us = phi_clock_now_us(NULL);
    bench_require(phi_random_bytes(ids, sizeof(ids)) == PHI_OK, "random bytes");
    for (size_t i = 0; i < count; i++)
        bench_require(phi_array_add(deadlines, PHI_I64(deadline_s)) == PHI_OK &&
                          phi_array_add(serials, PHI_BYTES_OF(ids[i], 32)) == PHI_OK &&
                          phi_array_add(times, PHI_I64(now_us)) == PHI_OK,
                      "out of memory");
    const struct phi_param params[] = {PHI_ARRAY(deadlines), PHI_ARRAY(serials), PHI_ARRAY(times)};
    require_ok(phi_conn_exec(conn, "bare",
                             "INSERT INTO ledger (deadline_s, serial_hmac, used_us) SELECT * FROM "
                             "unnest($1::bigint[], $2::bytea[], $3::bigint[])",
                             params, 3, NULL, &error),
               &error, "bare insert");
    phi_array_free(deadlines);
    phi_array_free(serials);
    phi_array_free(times);
}

static double bare(unsigned ms)
{
    struct phi_conn *conn = connection();
    size_t done = 0;
    int64_t start_us = phi_monotonic_us();
    while (phi_monotonic_us() < start_us + ms * 1000) {
        insert_rows(conn, ROWS);
        done += ROWS;
    }
    double s = (double)(phi_monotonic_us() - start_us) / 1e6;
    phi_store_release(conn);
    return (double)done / s;
}

static void run(const char *name, const struct bench_options *options)
{
    struct bench_series own = {.count = 0};
    struct bench_series floor = {.count = 0};
    unsigned ms = options->ms * 5;
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&own, ours(ms));
        bench_series_add(&floor, bare(ms));
    }
    bench_print(name, "uses/s", &own, "bare batched inserts", &floor, 2);
}

/* --- the floor of latencies --- */

static int compare_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Rows come at their moments; whenever the connection is free, what has come is committed. */
static void run_commit(int64_t ms, double rate)
{
    int64_t *took_us = calloc(SAMPLES_MAX, sizeof(*took_us));
    struct phi_conn *conn = connection();
    size_t done = 0, total = (size_t)(rate * (double)ms / 1000);
    total = total < SAMPLES_MAX ? total : SAMPLES_MAX;
    insert_rows(conn, 1);
    const int64_t start_us = phi_monotonic_us();
    while (done < total) {
        size_t due = (size_t)((double)(phi_monotonic_us() - start_us) * rate / 1e6);
        size_t count = due < total ? due - done : total - done;
        if (due <= done) {
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
            continue;
        }
        count = count < ROWS ? count : ROWS;
        insert_rows(conn, count);
        int64_t now_us = phi_monotonic_us();
        for (size_t i = 0; i < count; i++)
            took_us[done + i] = now_us - (start_us + (int64_t)((double)(done + i) * 1e6 / rate));
        done += count;
    }
    phi_store_release(conn);
    qsort(took_us, total, sizeof(*took_us), compare_us);
    printf("{\"p50_us\": %lld, \"p99_us\": %lld, \"p999_us\": %lld}\n",
           (long long)took_us[total / 2], (long long)took_us[total * 99 / 100],
           (long long)took_us[total * 999 / 1000]);
    free(took_us);
}

int main(int argc, char **argv)
{
    const struct bench_options options = bench_options_get();
    struct phi_error error = {0};
    memcpy(&tables[PHI_API_OWN], verify_tables, sizeof(struct phi_lane_table) * VERIFY_TABLES);
    open_tables("ledger_bench");
    make_spans();
    if (argc == 4 && strcmp(argv[1], "commit") == 0) {
        run_commit(atol(argv[2]), strtod(argv[3], NULL));
    } else {
        struct phi_lane_options lane_options = {
            .name = "bench", .tables = tables, .table_count = PHI_API_OWN + VERIFY_TABLES};
        require_ok(phi_lane_open(store, &lane_options, &lane, &error), &error, "lane");
        run("ledger.rate", &options);
        has_all = true;
        run("ledger.use.rate", &options);
        phi_lane_close(lane);
    }
    phi_store_close(store);
    return 0;
}
