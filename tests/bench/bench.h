/* What the C benchmarks share: rates by the thread's own processor time, medians of alternating
 * rounds, and the JSON line of a figure.
 *
 *   struct bench_series ours = {0}, peer = {0};
 *   for (size_t i = 0; i < options.rounds; i++) {
 *       bench_series_add(&ours, bench_rate(sign_ours, &work, options.ms));
 *       bench_series_add(&peer, bench_rate(sign_theirs, &work, options.ms));
 *   }
 *   bench_print("sm2.sign.single", "ops/s", &ours, "openssl", &peer, 1);
 *
 * Processor time, not the clock: other programs on the machine don't count (their share of caches
 * does, for ours and the peer alike).
 */
#ifndef PHI_TESTS_BENCH_BENCH_H
#define PHI_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 99

struct bench_options {
    size_t rounds; /* odd */
    unsigned ms;   /* of one measurement, at least */
};

struct bench_series {
    double values[BENCH_ROUNDS_MAX];
    size_t count;
};

static inline double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* `work` does some operations and returns how many; it ends the program when one goes wrong. */
static inline double bench_rate(size_t (*work)(void *), void *argument, unsigned ms)
{
    size_t done = 0;
    const double start = bench_cpu_s();
    double elapsed = 0;
    while (elapsed * 1000 < ms) {
        done += work(argument);
        elapsed = bench_cpu_s() - start;
    }
    return (double)done / elapsed;
}

static inline void bench_series_add(struct bench_series *series, double value)
{
    if (series->count < BENCH_ROUNDS_MAX)
        series->values[series->count++] = value;
}

static inline int bench_compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(const struct bench_series *series)
{
    struct bench_series sorted = *series;
    qsort(sorted.values, sorted.count, sizeof(sorted.values[0]), bench_compare);
    return sorted.count ? sorted.values[sorted.count / 2] : 0;
}

static inline void bench_print(const char *name, const char *unit, const struct bench_series *ours,
                               const char *peer, const struct bench_series *theirs, int cores)
{
    const double a = bench_median(ours);
    const double b = bench_median(theirs);
    printf("{\"bench\": \"%s\", \"ours\": %.1f, \"unit\": \"%s\", \"peer\": \"%s\", "
           "\"peer_value\": %.1f, \"ratio\": %.2f, \"cores\": %d, \"n\": %zu}\n",
           name, a, unit, peer, b, b > 0 ? a / b : 0, cores, ours->count);
    fflush(stdout);
}

static inline void bench_require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "bench: %s\n", what);
        exit(1);
    }
}

/* PHI_BENCH_ROUNDS and PHI_BENCH_MS, as tests/bench/run sets them. */
static inline struct bench_options bench_options_get(void)
{
    const char *rounds = getenv("PHI_BENCH_ROUNDS"); // NOLINT(concurrency-mt-unsafe)
    const char *ms = getenv("PHI_BENCH_MS");         // NOLINT(concurrency-mt-unsafe)
    struct bench_options options = {.rounds = rounds ? strtoul(rounds, NULL, 10) : 9,
                                    .ms = ms ? (unsigned)strtoul(ms, NULL, 10) : 100};
    bench_require(options.rounds >= 1 && options.rounds <= BENCH_ROUNDS_MAX,
                  "PHI_BENCH_ROUNDS is 1 to 99");
    return options;
}

#endif
