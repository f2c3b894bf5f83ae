/* SM2 against OpenSSL's and Go's gmsm: signing and verifying 110-byte messages, SM3 and Z included,
 * raw r‖s. One thread; the peers take turns with ours in every round.
 *
 *   bench_sm2 [path of the gmsm peer]            PHI_BENCH_CORE=plain, adx or ifma: that path
 */
#include "tests/bench/bench.h"
#include "tests/bench/sm2/peer.h"

#include "crypto/sm2.h"
#include "crypto/sm2/native/base.h"
#include "crypto/sm2/native/known.h"
#include "crypto/sm2_pool.h"

#define MESSAGE_LEN 110
#define ROWS        64

struct crowd {
    uint8_t messages[ROWS][MESSAGE_LEN];
    struct phi_sm2_job jobs[ROWS];
};

struct side {
    struct phi_sm2_pool *pool;
    struct phi_sm2_private *pair;
    struct phi_sm2_public *key;
    struct crowd crowd;
};

static struct side ours, stranger, openssl;

/* What is measured */

static struct phi_view message_of(const struct side *side, size_t row)
{
    return phi_view_of(side->crowd.messages[row], MESSAGE_LEN);
}

static size_t sign_single(void *argument)
{
    struct side *side = argument;
    for (size_t i = 0; i < 8; i++)
        bench_require(phi_sm2_sign(side->pair, message_of(side, i), side->crowd.jobs[i].sig) ==
                          PHI_OK,
                      "signing failed");
    return 8;
}

static size_t verify_single(void *argument)
{
    struct side *side = argument;
    for (size_t i = 0; i < 8; i++)
        bench_require(phi_sm2_verify(side->key, message_of(side, i), side->crowd.jobs[i].sig) ==
                          PHI_OK,
                      "verifying failed");
    return 8;
}

static void require_all(const struct crowd *crowd)
{
    for (size_t i = 0; i < ROWS; i++)
        bench_require(crowd->jobs[i].result == PHI_OK, "a row of a batch failed");
}

static size_t sign_batch(void *argument)
{
    struct side *side = argument;
    phi_sm2_sign_batch(side->crowd.jobs, ROWS);
    require_all(&side->crowd);
    return ROWS;
}

static size_t verify_batch(void *argument)
{
    struct side *side = argument;
    phi_sm2_verify_batch(side->crowd.jobs, ROWS);
    require_all(&side->crowd);
    return ROWS;
}

/* Signing alone, as in a burst after idle time: what fills the pool is not timed. */
static double pooled_rate(struct side *side, unsigned ms)
{
    double elapsed = 0;
    size_t done = 0;
    while (elapsed * 1000 < ms) {
        (void)phi_sm2_pool_fill(side->pool, PHI_SM2_POOL_MAX);
        const double start = bench_cpu_s();
        for (size_t i = 0; i < PHI_SM2_POOL_MAX; i++)
            bench_require(phi_sm2_pool_sign(side->pool, message_of(side, i % ROWS),
                                            side->crowd.jobs[i % ROWS].sig) == PHI_OK,
                          "signing from the pool failed");
        elapsed += bench_cpu_s() - start;
        done += PHI_SM2_POOL_MAX;
    }
    return (double)done / elapsed;
}

/* Preparing */

static void side_init(struct side *side, const char *backend, const uint8_t scalar[32])
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    bench_require(phi_sm2_backend_use(backend) == PHI_OK, "no such backend");
    bench_require(phi_sm2_private_new(scalar, &side->pair) == PHI_OK, "no key pair");
    phi_sm2_private_public(side->pair, xy);
    bench_require(phi_sm2_public_new(xy, &side->key) == PHI_OK, "no public key");
    for (size_t i = 0; i < ROWS; i++) {
        memset(side->crowd.messages[i], (int)i, MESSAGE_LEN);
        side->crowd.jobs[i] = (struct phi_sm2_job){
            .private_key = side->pair, .public_key = side->key, .message = message_of(side, i)};
    }
    (void)sign_batch(side);
}

struct figure {
    const char *name;
    size_t (*work)(void *);
    struct side *side;
    size_t (*peer_work)(void *); /* OpenSSL has no batches */
    const char *gmsm;            /* what that peer is asked for */
};

static const struct figure figures[] = {
    {"sm2.sign.single", sign_single, &ours, sign_single, "sign"},
    {"sm2.sign.batch", sign_batch, &ours, sign_single, "sign"},
    {"sm2.verify.known.single", verify_single, &ours, verify_single, "verify"},
    {"sm2.verify.known.batch", verify_batch, &ours, verify_single, "verify"},
    {"sm2.verify.unknown", verify_single, &stranger, verify_single, "verify"},
};

static void run_pooled(const struct bench_options *options)
{
    struct bench_series own = {.count = 0};
    struct bench_series theirs = {.count = 0};
    bench_require(phi_sm2_pool_new(ours.pair, PHI_SM2_POOL_MAX, &ours.pool) == PHI_OK, "no pool");
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&own, pooled_rate(&ours, options->ms));
        bench_series_add(&theirs, bench_rate(sign_single, &openssl, options->ms));
    }
    bench_print("sm2.sign.pooled", "ops/s", &own, "openssl", &theirs, 1);
    phi_sm2_pool_free(ours.pool);
}

static void run(const struct figure *figure, const struct bench_options *options, struct peer *gmsm)
{
    struct bench_series own = {.count = 0};
    struct bench_series theirs = {.count = 0};
    struct bench_series go = {.count = 0};
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&own, bench_rate(figure->work, figure->side, options->ms));
        bench_series_add(&theirs, bench_rate(figure->peer_work, &openssl, options->ms));
        if (gmsm)
            bench_series_add(&go, peer_rate(gmsm, figure->gmsm, options->ms));
    }
    bench_print(figure->name, "ops/s", &own, "openssl", &theirs, 1);
    if (gmsm)
        bench_print(figure->name, "ops/s", &own, "gmsm", &go, 1);
}

int main(int argc, char **argv)
{
    const uint8_t scalars[2][32] = {{0x39, 0x45, 0x20, 0x8f, 1, 2, 3}, {0x12, 0x34, 0x56}};
    const struct bench_options options = bench_options_get();
    const char *core = getenv("PHI_BENCH_CORE"); // NOLINT(concurrency-mt-unsafe)
    struct peer gmsm;
    /* no table is earned by use here: a stranger stays one */
    phi_sm2_known_limit(PHI_SM2_SIZE_SMALL, 0);
    side_init(&openssl, "openssl", scalars[0]);
    side_init(&ours, "native", scalars[0]);
    side_init(&stranger, "native", scalars[1]);
    phi_sm2_public_announce(ours.key);
    if (core && !phi_sm2_core_use(core)) {
        fprintf(stderr, "bench_sm2: SKIPPED: this machine has no \"%s\"\n", core);
        return 0;
    }
    fprintf(stderr, "bench_sm2: native runs on \"%s\"\n", phi_sm2_base_get()->core->name);
    if (argc > 1)
        peer_open(&gmsm, argv[1]);
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        run(&figures[i], &options, argc > 1 ? &gmsm : NULL);
    run_pooled(&options);
    if (argc > 1)
        peer_close(&gmsm);
    return 0;
}
