/* SM3 and HMAC-SM3 of the sizes that are common here, against OpenSSL's with a method fetched once
 * and a context kept: nothing else that it could save.
 *
 *   bench_sm3                      PHI_BENCH_CORE=plain or ssse3: that form of ours
 */
#include "tests/bench/bench.h"

#include "crypto/sm3/compress.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct work {
    size_t len;
    uint8_t *data;
    struct phi_hmac_key *key;
    EVP_MD *md;
    EVP_MD_CTX *context;
    EVP_MAC_CTX *mac;
};

static size_t ours_digest(void *argument)
{
    const struct work *work = argument;
    uint8_t out[PHI_SM3_LEN];
    for (int i = 0; i < 16; i++)
        bench_require(phi_sm3(phi_view_of(work->data, work->len), out) == PHI_OK, "SM3 failed");
    return 16;
}

static size_t openssl_digest(void *argument)
{
    const struct work *work = argument;
    uint8_t out[PHI_SM3_LEN];
    for (int i = 0; i < 16; i++)
        bench_require(EVP_DigestInit_ex2(work->context, work->md, NULL) == 1 &&
                          EVP_DigestUpdate(work->context, work->data, work->len) == 1 &&
                          EVP_DigestFinal_ex(work->context, out, NULL) == 1,
                      "OpenSSL's SM3 failed");
    return 16;
}

static size_t ours_mac(void *argument)
{
    const struct work *work = argument;
    const struct phi_view part = phi_view_of(work->data, work->len);
    uint8_t out[PHI_SM3_LEN];
    for (int i = 0; i < 16; i++)
        bench_require(phi_hmac_sm3(work->key, &part, 1, out) == PHI_OK, "HMAC failed");
    return 16;
}

static size_t openssl_mac(void *argument)
{
    const struct work *work = argument;
    uint8_t out[PHI_SM3_LEN];
    size_t len = 0;
    for (int i = 0; i < 16; i++)
        bench_require(EVP_MAC_init(work->mac, NULL, 0, NULL) == 1 &&
                          EVP_MAC_update(work->mac, work->data, work->len) == 1 &&
                          EVP_MAC_final(work->mac, out, &len, sizeof(out)) == 1,
                      "OpenSSL's HMAC failed");
    return 16;
}

static void work_init(struct work *work)
{
    static uint8_t data[8192];
    char name[] = "SM3";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    work->data = data;
    work->md = EVP_MD_fetch(NULL, "SM3", NULL);
    work->context = EVP_MD_CTX_new();
    work->mac = EVP_MAC_CTX_new(mac);
    bench_require(work->md && work->context && work->mac, "OpenSSL has no SM3");
    bench_require(EVP_MAC_init(work->mac, data, 32, params) == 1, "OpenSSL has no HMAC");
    bench_require(phi_hmac_key_new(phi_view_of(data, 32), &work->key) == PHI_OK, "no key");
    EVP_MAC_free(mac);
}

static void work_fini(struct work *work)
{
    phi_hmac_key_free(work->key);
    EVP_MD_free(work->md);
    EVP_MD_CTX_free(work->context);
    EVP_MAC_CTX_free(work->mac);
}

int main(void)
{
    static const struct {
        const char *name;
        size_t len;
        size_t (*ours)(void *);
        size_t (*theirs)(void *);
    } figures[] = {
        {"sm3.32", 32, ours_digest, openssl_digest},
        {"sm3.64", 64, ours_digest, openssl_digest},
        {"sm3.142", 142, ours_digest, openssl_digest}, /* Z and a message of 110 bytes */
        {"sm3.1024", 1024, ours_digest, openssl_digest},
        {"sm3.4096", 4096, ours_digest, openssl_digest},
        {"sm3.8192", 8192, ours_digest, openssl_digest},
        {"hmac.17", 17, ours_mac, openssl_mac},
        {"hmac.48", 48, ours_mac, openssl_mac},
        {"hmac.110", 110, ours_mac, openssl_mac},
    };
    const struct bench_options options = bench_options_get();
    const char *core = getenv("PHI_BENCH_CORE"); // NOLINT(concurrency-mt-unsafe)
    struct work work;
    if (core && !phi_sm3_core_use(core)) {
        fprintf(stderr, "bench_sm3: SKIPPED: this machine has no \"%s\"\n", core);
        return 0;
    }
    work_init(&work);
    for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
        struct bench_series ours = {.count = 0};
        struct bench_series theirs = {.count = 0};
        work.len = figures[f].len;
        for (size_t i = 0; i < options.rounds; i++) {
            bench_series_add(&ours, bench_rate(figures[f].ours, &work, options.ms));
            bench_series_add(&theirs, bench_rate(figures[f].theirs, &work, options.ms));
        }
        bench_print(figures[f].name, "ops/s", &ours, "openssl", &theirs, 1);
    }
    work_fini(&work);
    return 0;
}
