/* A bare select by primary key, open loop on one connection: the floor of a query.
 *
 *   bench_select CONNINFO SCHEMA RATE COUNT  → {"done", "p50_us", "p99_us"}
 */
#include "tests/bench/bench.h"

#include "store/store.h"

#include <unistd.h>

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void select_one(struct phi_conn *conn, struct phi_view subject)
{
    struct phi_rows *rows = NULL;
    const struct phi_param param = PHI_BYTES(subject);
    bench_require(
        phi_conn_exec(conn, "bare_select",
                      "SELECT grade, until_us, then_grade FROM entries WHERE subject = $1", &param,
                      1, &rows, NULL) == PHI_OK &&
            phi_rows_count(rows) == 1,
        "a select");
    phi_rows_free(rows);
}

int main(int argc, char **argv)
{
    bench_require(argc == 5, "CONNINFO SCHEMA RATE COUNT");
    struct phi_store *store = NULL;
    struct phi_conn *conn = NULL;
    struct phi_rows *subjects = NULL;
    const struct phi_store_options options = {.conninfo = argv[1], .schema = argv[2]};
    size_t count = strtoul(argv[4], NULL, 10);
    double every_us = 1e6 / strtod(argv[3], NULL);
    int64_t *latency_us = calloc(count + 1, sizeof(*latency_us));
    bench_require(latency_us != NULL && count > 0 &&
                      phi_store_open(&options, &store, NULL) == PHI_OK &&
                      phi_store_acquire(store, phi_deadline_in_ms(5000), &conn) == PHI_OK &&
                      phi_conn_exec(conn, "subjects", "SELECT subject FROM entries LIMIT 4096",
                                    NULL, 0, &subjects, NULL) == PHI_OK &&
                      phi_rows_count(subjects) > 0,
                  "the database");
    int64_t start_us = phi_monotonic_us();
    for (size_t i = 0; i < count; i++) {
        int64_t due_us = start_us + (int64_t)((double)i * every_us);
        while (phi_monotonic_us() < due_us)
            usleep(50);
        select_one(conn, phi_rows_bytes(subjects, i % phi_rows_count(subjects), 0));
        latency_us[i] = phi_monotonic_us() - due_us;
    }
    qsort(latency_us, count, sizeof(int64_t), compare_times);
    printf("{\"done\": %zu, \"p50_us\": %lld, \"p99_us\": %lld}\n", count,
           (long long)latency_us[count / 2], (long long)latency_us[count * 99 / 100]);
    phi_rows_free(subjects);
    phi_store_release(conn);
    phi_store_close(store);
    free(latency_us);
    return 0;
}
