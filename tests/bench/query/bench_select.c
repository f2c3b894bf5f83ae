/* A bare select by primary key, open loop: the floor of a query. Prepared, one round trip each, on
 * one connection or on several, each with a thread that takes the next moment.
 *
 *   bench_select CONNINFO SCHEMA RATE COUNT [CONNECTIONS]  → {"done", "p50_us", "p99_us"}
 */
#include "tests/bench/bench.h"

#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#define CONNECTIONS_MAX 16

static struct {
    struct phi_store *store;
    struct phi_rows *subjects;
    size_t count;
    double every_us;
    int64_t start_us;
    atomic_size_t next;
    int64_t *latency_us;
} load;

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

static void sleep_until(int64_t due_us)
{
    int64_t left_us = due_us - phi_monotonic_us();
    if (left_us > 0)
        nanosleep(
            &(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000},
            NULL);
}

/* Each select has its moment; one that begins late is counted from its moment all the same. */
static void *ask(void *context)
{
    struct phi_conn *conn = context;
    size_t i;
    prctl(PR_SET_TIMERSLACK, 1);
    while ((i = atomic_fetch_add(&load.next, 1)) < load.count) {
        int64_t due_us = load.start_us + (int64_t)((double)i * load.every_us);
        sleep_until(due_us);
        select_one(conn, phi_rows_bytes(load.subjects, i % phi_rows_count(load.subjects), 0));
        load.latency_us[i] = phi_monotonic_us() - due_us;
    }
    return NULL;
}

static void run(struct phi_conn **conns, size_t connections)
{
    pthread_t threads[CONNECTIONS_MAX];
    load.start_us = phi_monotonic_us();
    for (size_t i = 0; i < connections; i++)
        bench_require(pthread_create(&threads[i], NULL, ask, conns[i]) == 0, "a thread");
    for (size_t i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
}

/* The statement is prepared before the time runs. */
static struct phi_conn *connect_one(void)
{
    struct phi_conn *conn = NULL;
    bench_require(phi_store_acquire(load.store, phi_deadline_in_ms(5000), &conn) == PHI_OK,
                  "a connection");
    if (load.subjects == NULL)
        bench_require(phi_conn_exec(conn, "subjects", "SELECT subject FROM entries LIMIT 4096",
                                    NULL, 0, &load.subjects, NULL) == PHI_OK &&
                          phi_rows_count(load.subjects) > 0,
                      "the subjects");
    for (int i = 0; i < 10; i++)
        select_one(conn, phi_rows_bytes(load.subjects, 0, 0));
    return conn;
}

int main(int argc, char **argv)
{
    bench_require(argc == 5 || argc == 6, "CONNINFO SCHEMA RATE COUNT [CONNECTIONS]");
    struct phi_conn *conns[CONNECTIONS_MAX];
    size_t connections = argc == 6 ? strtoul(argv[5], NULL, 10) : 1;
    const struct phi_store_options options = {
        .conninfo = argv[1], .schema = argv[2], .pool_size = connections};
    load.count = strtoul(argv[4], NULL, 10);
    load.every_us = 1e6 / strtod(argv[3], NULL);
    load.latency_us = calloc(load.count + 1, sizeof(*load.latency_us));
    bench_require(load.latency_us != NULL && load.count > 0 && connections > 0 &&
                      connections <= CONNECTIONS_MAX &&
                      phi_store_open(&options, &load.store, NULL) == PHI_OK,
                  "the database");
    for (size_t i = 0; i < connections; i++)
        conns[i] = connect_one();
    run(conns, connections);
    qsort(load.latency_us, load.count, sizeof(int64_t), compare_times);
    printf("{\"done\": %zu, \"p50_us\": %lld, \"p99_us\": %lld}\n", load.count,
           (long long)load.latency_us[load.count / 2],
           (long long)load.latency_us[load.count * 99 / 100]);
    phi_rows_free(load.subjects);
    for (size_t i = 0; i < connections; i++)
        phi_store_release(conns[i]);
    phi_store_close(load.store);
    free(load.latency_us);
    return 0;
}
