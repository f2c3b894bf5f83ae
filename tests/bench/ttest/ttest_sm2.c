/* Does the time of signing depend on its secrets? Welch's t between two classes of measurements,
 * taken in random order: a fixed secret against random ones, in the manner of dudect (Reparaz,
 * Balasch, Verbauwhede 2017). |t| under 4.5 is no evidence of a leak, over 10 is one. The last line
 * is a control that leaks on purpose: its |t| must be large, or the test has no teeth.
 *
 *   ttest_sm2                 PHI_BENCH_MS times 1,000 measurements of a nonce, 50 of a key
 */
#include "tests/bench/bench.h"

#include "crypto/random.h"
#include "crypto/sm2.h"
#include "crypto/sm2/native/base.h"
#include "crypto/sm2/native/invert.h"

#include <math.h>

#define POOL   64
#define ROWS   16
#define CROPS  5
#define ALARM  4.5
#define WARMUP 200

/* The secrets of the two classes: the same one over and over, and random ones. */
static struct phi_u256 secrets[2][POOL];
static const struct phi_sm2_base *base;

/* What the timed part works on always lies in the same place, and is put there well before. */
static struct phi_sm2_multiple multiples[ROWS];
static struct phi_u256 number;
static struct phi_sm2_private *pair;

static void prepare_multiples(int class, size_t at)
{
    for (size_t i = 0; i < ROWS; i++)
        multiples[i].k = secrets[class][(at + i) % POOL];
}

static void nonce_single(void)
{
    base->core->multiply(&base->secret, multiples, 1);
}

static void nonce_batch(void)
{
    base->core->multiply(&base->secret, multiples, ROWS);
}

static void prepare_number(int class, size_t at)
{
    number = secrets[class][at];
}

static void inverse(void)
{
    struct phi_u256 out;
    phi_sm2_invert(&out, &number, &phi_sm2_invert_n);
    __asm__ volatile("" : : "m"(out));
}

static void prepare_pair(int class, size_t at)
{
    uint8_t scalar[32];
    phi_sm2_private_free(pair);
    u256_to_bytes(&secrets[class][at], scalar);
    bench_require(phi_sm2_private_new(scalar, &pair) == PHI_OK, "no key");
}

static void key(void)
{
    uint8_t sig[PHI_SM2_SIG_LEN];
    bench_require(phi_sm2_sign(pair, phi_view_text("one code"), sig) == PHI_OK, "signing failed");
}

static void control(void)
{
    volatile unsigned count = 0;
    for (unsigned bit = 0; bit < 256; bit++)
        if (u256_bits(&number, bit, 1))
            count = count + 1;
}

/* Ticks of one call, after what was before it has left the processor. */
static uint64_t time_of(void (*work)(void))
{
#ifdef __x86_64__
    unsigned core;
    for (int i = 0; i < 64; i++)
        __asm__ volatile("lfence" : : : "memory");
    const uint64_t start = __builtin_ia32_rdtscp(&core);
    __asm__ volatile("lfence" : : : "memory");
    work();
    return __builtin_ia32_rdtscp(&core) - start;
#else
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    work();
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (uint64_t)(end.tv_sec - start.tv_sec) * 1000000000 + (uint64_t)end.tv_nsec -
           (uint64_t)start.tv_nsec;
#endif
}

/* Statistics */

struct moments {
    double count, mean, squares;
};

static void moments_add(struct moments *m, double value)
{
    const double before = value - m->mean;
    m->count++;
    m->mean += before / m->count;
    m->squares += before * (value - m->mean);
}

static double welch(const struct moments m[2])
{
    if (m[0].count < 2 || m[1].count < 2)
        return 0;
    const double a = m[0].squares / (m[0].count - 1) / m[0].count;
    const double b = m[1].squares / (m[1].count - 1) / m[1].count;
    return a + b > 0 ? fabs(m[0].mean - m[1].mean) / sqrt(a + b) : 0;
}

struct samples {
    uint64_t *time;
    uint8_t *class;
    size_t count;
};

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The largest t of those over all measurements under a percentile: interrupts hide small leaks in
 * the uncropped ones. */
static double largest_t(const struct samples *samples)
{
    static const double crops[CROPS] = {0.5, 0.75, 0.9, 0.97, 0.995};
    uint64_t *sorted = malloc(samples->count * sizeof(*sorted));
    double largest = 0;
    bench_require(sorted != NULL, "no memory");
    memcpy(sorted, samples->time, samples->count * sizeof(*sorted));
    qsort(sorted, samples->count, sizeof(*sorted), compare_u64);
    for (size_t c = 0; c < CROPS; c++) {
        const uint64_t limit = sorted[(size_t)((double)samples->count * crops[c])];
        struct moments moments[2] = {{.count = 0}, {.count = 0}};
        for (size_t i = 0; i < samples->count; i++)
            if (samples->time[i] <= limit)
                moments_add(&moments[samples->class[i]], (double)samples->time[i]);
        largest = fmax(largest, welch(moments));
    }
    free(sorted);
    return largest;
}

static uint32_t dice(void)
{
    static uint32_t numbers[1024];
    static size_t left;
    if (left == 0) {
        bench_require(phi_random_bytes(numbers, sizeof(numbers)) == PHI_OK, "no randomness");
        left = 1024;
    }
    return numbers[--left];
}

struct test {
    const char *name;
    void (*prepare)(int class, size_t at);
    void (*work)(void);
    size_t count; /* of measurements, for each millisecond of PHI_BENCH_MS */
};

static double measure(const struct test *test, size_t count)
{
    struct samples samples = {malloc(count * sizeof(uint64_t)), malloc(count), count};
    bench_require(samples.time && samples.class, "no memory");
    for (size_t i = 0; i < WARMUP + count; i++) {
        const uint32_t d = dice();
        const size_t at = i < WARMUP ? 0 : i - WARMUP;
        samples.class[at] = d & 1;
        test->prepare(samples.class[at], (d >> 1) % POOL);
        samples.time[at] = time_of(test->work);
    }
    const double t = largest_t(&samples);
    free(samples.time);
    free(samples.class);
    return t;
}

static void report(const char *name, const char *core, double t, size_t count)
{
    printf("{\"bench\": \"ttest.sm2.%s.%s\", \"ours\": %.2f, \"unit\": \"|t|\", \"peer\": "
           "\"alarm\", \"peer_value\": %.1f, \"ratio\": %.2f, \"cores\": 1, \"n\": %zu}\n",
           name, core, t, ALARM, t / ALARM, count);
    fflush(stdout);
}

static void secrets_init(void)
{
    uint8_t bytes[32];
    for (size_t i = 0; i < POOL; i++) {
        bench_require(phi_random_bytes(bytes, sizeof(bytes)) == PHI_OK, "no randomness");
        bytes[0] &= 0x7f;
        secrets[0][i] = (struct phi_u256){{1, 0, 0, 0}};
        secrets[1][i] = u256_from_bytes(bytes);
    }
}

static void run(const struct test *test, const char *core, unsigned ms)
{
    const size_t count = test->count * ms;
    report(test->name, core, measure(test, count), count);
}

int main(void)
{
    static const char *const cores[] = {"plain", "adx", "ifma"};
    static const struct test tests[] = {{"nonce.single", prepare_multiples, nonce_single, 1000},
                                        {"nonce.batch", prepare_multiples, nonce_batch, 100},
                                        {"key", prepare_pair, key, 50}};
    static const struct test inverses = {"inverse", prepare_number, inverse, 3000};
    static const struct test leaky = {"control", prepare_number, control, 1000};
    const struct bench_options options = bench_options_get();
    base = phi_sm2_base_get();
    secrets_init();
    for (size_t c = 0; c < sizeof(cores) / sizeof(cores[0]); c++) {
        if (!phi_sm2_core_use(cores[c])) {
            fprintf(stderr, "ttest_sm2: SKIPPED: this machine has no \"%s\"\n", cores[c]);
            continue;
        }
        for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
            run(&tests[i], cores[c], options.ms);
    }
    run(&inverses, "all", options.ms);
    run(&leaky, "leaky", options.ms);
    phi_sm2_private_free(pair);
    return 0;
}
