/* SM4-CTR of the sizes that are common here, against OpenSSL's with a method fetched once and a
 * context kept: nothing else that it could save. `key` is with a key that was used before, `once`
 * with one that is new each time, as the sealed part of a code has it.
 *
 *   bench_sm4                      PHI_BENCH_CORE=plain, aes or gfni: that form of ours
 */
#include "tests/bench/bench.h"

#include "crypto/sm4/core.h"

#include <openssl/evp.h>

#define REPEAT 16

struct work {
    size_t len;
    bool is_once;
    struct phi_sm4_key key;
    EVP_CIPHER *method;
    EVP_CIPHER_CTX *context;
};

static uint8_t data[8192];
static uint8_t key_bytes[16] = {1, 2, 3};
static uint8_t iv[16] = {4, 5, 6};

static size_t ours(void *argument)
{
    const struct work *work = argument;
    for (int i = 0; i < REPEAT; i++) {
        iv[0]++;
        if (work->is_once)
            bench_require(phi_sm4_ctr(key_bytes, iv, data, work->len, data) == PHI_OK,
                          "SM4 failed");
        else
            phi_sm4_key_ctr(&work->key, iv, data, work->len, data);
    }
    return REPEAT;
}

static size_t openssl(void *argument)
{
    const struct work *work = argument;
    int done = 0;
    for (int i = 0; i < REPEAT; i++) {
        iv[0]++;
        bench_require(EVP_EncryptInit_ex2(work->context, NULL, work->is_once ? key_bytes : NULL, iv,
                                          NULL) == 1 &&
                          EVP_EncryptUpdate(work->context, data, &done, data, (int)work->len) == 1,
                      "OpenSSL's SM4 failed");
    }
    return REPEAT;
}

int main(void)
{
    static const struct {
        const char *name;
        size_t len;
        bool is_once;
    } figures[] = {
        {"sm4.once.17", 17, true},     {"sm4.key.17", 17, false},   {"sm4.key.64", 64, false},
        {"sm4.key.110", 110, false},   {"sm4.key.256", 256, false}, {"sm4.key.1024", 1024, false},
        {"sm4.key.4096", 4096, false},
    };
    const char *core = getenv("PHI_BENCH_CORE"); // NOLINT(concurrency-mt-unsafe)
    const struct bench_options options = bench_options_get();
    struct work work = {.method = EVP_CIPHER_fetch(NULL, "SM4-CTR", NULL),
                        .context = EVP_CIPHER_CTX_new()};
    if (core && !phi_sm4_core_use(core)) {
        fprintf(stderr, "bench_sm4: SKIPPED: this machine has no \"%s\"\n", core);
        return 0;
    }
    fprintf(stderr, "bench_sm4: ours runs on \"%s\"\n", phi_sm4_core_get()->name);
    bench_require(work.method && work.context, "OpenSSL has no SM4");
    bench_require(EVP_EncryptInit_ex2(work.context, work.method, key_bytes, iv, NULL) == 1,
                  "OpenSSL's SM4 failed");
    phi_sm4_key_init(&work.key, key_bytes);
    for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
        struct bench_series own = {.count = 0};
        struct bench_series theirs = {.count = 0};
        work.len = figures[f].len;
        work.is_once = figures[f].is_once;
        for (size_t i = 0; i < options.rounds; i++) {
            bench_series_add(&own, bench_rate(ours, &work, options.ms));
            bench_series_add(&theirs, bench_rate(openssl, &work, options.ms));
        }
        bench_print(figures[f].name, "ops/s", &own, "openssl", &theirs, 1);
    }
    EVP_CIPHER_CTX_free(work.context);
    EVP_CIPHER_free(work.method);
    return 0;
}
