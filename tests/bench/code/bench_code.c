/* Writing, reading and checking one health code of 160 bytes, against floors: OpenSSL's base64 of
 * as many bytes for what only moves bytes (a text form that checks less), and the bare verification
 * of the same signature by the same known key for the check.
 *
 *   bench_code
 */
#include "tests/bench/bench.h"

#include "codes/jkm1.h"
#include "codeside/codeside.h"

#include <openssl/evp.h>

#define STEPS      64
#define BASE64_LEN (4 * ((PHI_JKM1_LEN + 2) / 3))

struct work {
    struct phi_codeside *codeside;
    struct phi_sm2_public *key;
    struct phi_mint_input input;
    struct phi_minted minted;
    unsigned char base64[BASE64_LEN + 1];
    volatile uint8_t sink; /* nothing is left out as unused */
};

static size_t text_encode(void *argument)
{
    struct work *work = argument;
    char text[PHI_JKM1_TEXT_LEN + 1];
    for (int i = 0; i < STEPS; i++) {
        phi_jkm1_text_encode(work->minted.bytes, PHI_JKM1_LEN, text);
        work->sink = (uint8_t)text[i];
    }
    return STEPS;
}

static size_t base64_encode(void *argument)
{
    struct work *work = argument;
    unsigned char text[BASE64_LEN + 1];
    for (int i = 0; i < STEPS; i++) {
        bench_require(EVP_EncodeBlock(text, work->minted.bytes, PHI_JKM1_LEN) == BASE64_LEN,
                      "base64 failed");
        work->sink = text[i];
    }
    return STEPS;
}

static size_t text_decode(void *argument)
{
    struct work *work = argument;
    uint8_t bytes[PHI_JKM1_LEN];
    size_t len = 0;
    for (int i = 0; i < STEPS; i++) {
        bench_require(phi_jkm1_text_decode(phi_view_of(work->minted.text, PHI_JKM1_TEXT_LEN), bytes,
                                           sizeof(bytes), &len) == PHI_OK,
                      "a text that doesn't decode");
        work->sink = bytes[i];
    }
    return STEPS;
}

static size_t base64_decode(void *argument)
{
    struct work *work = argument;
    unsigned char bytes[BASE64_LEN];
    for (int i = 0; i < STEPS; i++) {
        bench_require(EVP_DecodeBlock(bytes, work->base64, BASE64_LEN) > 0, "base64 failed");
        work->sink = bytes[i];
    }
    return STEPS;
}

/* A and B with their lengths, what is to be signed. */
static size_t encode(void *argument)
{
    struct work *work = argument;
    uint8_t bytes[PHI_JKM1_LEN];
    const struct phi_jkm1_parts parts = {.a = phi_view_of(work->minted.bytes + 2, PHI_JKM1_A_LEN),
                                         .platform = "320000",
                                         .deadline_s = work->input.deadline_s,
                                         .consent_digest = work->input.consent_digest};
    for (int i = 0; i < STEPS; i++) {
        struct phi_writer writer = phi_writer_of(bytes, sizeof(bytes));
        bench_require(phi_jkm1_encode(&parts, &writer) == PHI_OK, "parts that don't encode");
        work->sink = bytes[i];
    }
    return STEPS;
}

static void read_text(struct work *work, uint8_t bytes[PHI_JKM1_LEN], struct phi_jkm1 *code)
{
    size_t len = 0;
    bench_require(phi_jkm1_text_decode(phi_view_of(work->minted.text, PHI_JKM1_TEXT_LEN), bytes,
                                       PHI_JKM1_LEN, &len) == PHI_OK &&
                      phi_jkm1_decode(phi_view_of(bytes, len), code, NULL) == PHI_OK,
                  "a code that doesn't decode");
}

static size_t decode(void *argument)
{
    struct work *work = argument;
    uint8_t bytes[PHI_JKM1_LEN];
    struct phi_jkm1 code;
    for (int i = 0; i < STEPS; i++) {
        read_text(work, bytes, &code);
        work->sink = code.serial[0];
    }
    return STEPS;
}

/* As svc-verify goes through a code of its own: text, form, signature, deadline, seal. */
static size_t check(void *argument)
{
    struct work *work = argument;
    uint8_t bytes[PHI_JKM1_LEN];
    struct phi_jkm1 code;
    struct phi_codeside_content content;
    for (int i = 0; i < STEPS; i++) {
        read_text(work, bytes, &code);
        bench_require(phi_jkm1_verify(&code, work->key) == PHI_OK, "a code that doesn't verify");
        bench_require(!phi_jkm1_is_expired(&code, work->input.deadline_s), "an expired code");
        bench_require(phi_codeside_unseal(work->codeside, &code, &content) == PHI_OK,
                      "a code that doesn't unseal");
        work->sink = content.subject[0];
    }
    return STEPS;
}

static size_t bare_verify(void *argument)
{
    struct work *work = argument;
    const struct phi_view message = phi_view_of(work->minted.bytes, PHI_JKM1_LEN - PHI_SM2_SIG_LEN);
    const uint8_t *sig = work->minted.bytes + PHI_JKM1_LEN - PHI_SM2_SIG_LEN;
    for (int i = 0; i < STEPS; i++)
        bench_require(phi_sm2_verify(work->key, message, sig) == PHI_OK,
                      "a signature that doesn't verify");
    return STEPS;
}

static void work_init(struct work *work)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_codeside_set set = {.id = 1, .seal_key = {1, 2, 3}};
    work->input = (struct phi_mint_input){
        .subject = {4, 5, 6}, .deadline_s = INT64_C(4102444799), .consent_digest = {7, 8, 9}};
    bench_require(phi_sm2_private_generate(&set.sign_key) == PHI_OK, "no key");
    phi_sm2_private_public(set.sign_key, xy);
    bench_require(phi_sm2_public_new(xy, &work->key) == PHI_OK, "no public key");
    bench_require(phi_codeside_new("320000", &set, 1, NULL, &work->codeside) == PHI_OK &&
                      phi_codeside_mint(work->codeside, &work->input, &work->minted) == PHI_OK,
                  "no code");
    bench_require(EVP_EncodeBlock(work->base64, work->minted.bytes, PHI_JKM1_LEN) == BASE64_LEN,
                  "base64 failed");
}

int main(void)
{
    static const struct {
        const char *name;
        size_t (*ours)(void *);
        const char *peer;
        size_t (*theirs)(void *);
    } figures[] = {
        {"code.text.encode", text_encode, "openssl base64", base64_encode},
        {"code.text.decode", text_decode, "openssl base64", base64_decode},
        {"code.encode", encode, "openssl base64", base64_encode},
        {"code.decode", decode, "openssl base64", base64_decode},
        {"code.check", check, "bare sm2 verify", bare_verify},
    };
    static struct work work;
    const struct bench_options options = bench_options_get();
    work_init(&work);
    for (size_t f = 0; f < sizeof(figures) / sizeof(figures[0]); f++) {
        struct bench_series ours = {.count = 0};
        struct bench_series theirs = {.count = 0};
        for (size_t i = 0; i < options.rounds; i++) {
            bench_series_add(&ours, bench_rate(figures[f].ours, &work, options.ms));
            bench_series_add(&theirs, bench_rate(figures[f].theirs, &work, options.ms));
        }
        bench_print(figures[f].name, "ops/s", &ours, figures[f].peer, &theirs, 1);
    }
    phi_codeside_free(work.codeside);
    phi_sm2_public_free(work.key);
    return 0;
}
