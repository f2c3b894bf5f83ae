/* svc-verify's core on one thread, without transport and database: decoding, all checks and
 * unsealing of 64 codes at a time, against the bare signature check of the same codes; and the same
 * with receipts, against bare checks and signatures.
 *
 *   bench_verify_core
 */
#include "tests/bench/bench.h"

#include "base/memory.h"
#include "svc-verify/revoke/revoke.h"
#include "svc-verify/verify.h"

#define ROWS      64
#define REGION    "320000"
#define KEY_SET   7
#define CODE_DAYS 3

struct stage {
    struct verify verify;
    struct verify_revoke revoke;
    struct phi_arena *arena;
    struct phi_sm2_private *code_pair;
    struct phi_sm2_public *code_key;
    struct phi_minted minted[ROWS];
    struct phi_jkm1 codes[ROWS];
    struct phi_verify_request requests[ROWS];
    struct phi_sm2_job checks[ROWS];
    struct phi_sm2_job signatures[ROWS];
    bool has_receipts;
};

static struct stage stage;

/* What is measured */

static void nothing(struct verify_job **jobs, size_t count, bool is_as_prepared)
{
    (void)jobs;
    (void)count;
    (void)is_as_prepared;
}

static const struct verify_door door = {.answer = nothing};

static size_t ours(void *argument)
{
    struct stage *s = argument;
    const struct phi_deadline deadline = phi_deadline_in_ms(1000);
    struct verify_bench *bench = verify_bench_get(&s->verify);
    struct verify_batch *batch = verify_batch_new(&s->verify, &door, ROWS);
    bench_require(bench != NULL && batch != NULL, "out of memory");
    for (size_t i = 0; i < ROWS; i++)
        bench_require(verify_batch_add(batch, &s->requests[i], 1u << PHI_SCOPE_PASS, deadline),
                      "out of memory");
    verify_check(bench, batch->jobs, batch->count);
    if (s->has_receipts)
        verify_sign_receipts(bench, batch->jobs, batch->count);
    for (size_t i = 0; i < ROWS; i++)
        bench_require(batch->jobs[i]->reply.status == PHI_OK, "a good code was refused");
    verify_batch_drop(batch);
    return ROWS;
}

static size_t bare(void *argument)
{
    struct stage *s = argument;
    phi_sm2_verify_batch(s->checks, ROWS);
    if (s->has_receipts)
        phi_sm2_sign_batch(s->signatures, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        bench_require(s->checks[i].result == PHI_OK, "a signature was refused");
    return ROWS;
}

/* The stages of `ours`, each by itself */

static size_t read_texts(void *argument)
{
    const struct stage *s = argument;
    uint8_t bytes[PHI_JKM1_LEN];
    size_t len = 0;
    for (size_t i = 0; i < ROWS; i++)
        bench_require(phi_jkm1_text_decode(s->requests[i].code, bytes, sizeof(bytes), &len) ==
                          PHI_OK,
                      "a text");
    return ROWS;
}

static size_t read_parts(void *argument)
{
    const struct stage *s = argument;
    struct phi_jkm1 code;
    for (size_t i = 0; i < ROWS; i++)
        bench_require(phi_jkm1_decode(phi_view_of(s->minted[i].bytes, PHI_JKM1_LEN), &code, NULL) ==
                          PHI_OK,
                      "a code");
    return ROWS;
}

static size_t check_signatures(void *argument)
{
    struct stage *s = argument;
    phi_sm2_verify_batch(s->checks, ROWS);
    return ROWS;
}

static size_t unseal(void *argument)
{
    const struct stage *s = argument;
    struct phi_codeside_content content;
    for (size_t i = 0; i < ROWS; i++)
        bench_require(phi_codeside_unseal(s->verify.codeside, &s->codes[i], &content) == PHI_OK,
                      "a seal");
    return ROWS;
}

static size_t name_serials(void *argument)
{
    const struct stage *s = argument;
    uint8_t mac[PHI_SM3_LEN];
    for (size_t i = 0; i < ROWS; i++) {
        const struct phi_view serial = phi_view_of(s->codes[i].serial, PHI_JKM1_SERIAL_LEN);
        bench_require(phi_hmac_sm3(s->verify.serial_key, &serial, 1, mac) == PHI_OK, "a MAC");
    }
    return ROWS;
}

static size_t sign_receipts(void *argument)
{
    struct stage *s = argument;
    phi_sm2_sign_batch(s->signatures, ROWS);
    return ROWS;
}

static double ns_of(size_t (*work)(void *), unsigned ms)
{
    return 1e9 / bench_rate(work, &stage, ms);
}

/* In ns a code, beside the whole; what is left over is memory, copies and the trust list. */
static void run_stages(const struct bench_options *options)
{
    static const struct {
        const char *name;
        size_t (*work)(void *);
    } stages[] = {{"text", read_texts}, {"parts", read_parts},    {"signature", check_signatures},
                  {"unseal", unseal},   {"serial", name_serials}, {"receipt", sign_receipts}};
    double whole = ns_of(ours, options->ms), sum = 0;
    for (size_t i = 0; i <= sizeof(stages) / sizeof(stages[0]); i++) {
        bool is_rest = i == sizeof(stages) / sizeof(stages[0]);
        double ns = is_rest ? whole - sum : ns_of(stages[i].work, options->ms);
        sum += ns;
        printf("{\"bench\": \"verify.core.stage.%s\", \"ours\": %.0f, \"unit\": \"ns/code\", "
               "\"peer\": \"all stages\", \"peer_value\": %.0f, \"ratio\": %.2f, \"cores\": 1, "
               "\"n\": 1}\n",
               is_rest ? "rest" : stages[i].name, ns, whole, ns / whole);
    }
}

/* Preparing */

static void require_ok(enum phi_err err, const char *what)
{
    bench_require(err == PHI_OK, what);
}

static void serial_of(const struct phi_sm2_private *pair, uint8_t xy[PHI_SM2_PUBLIC_LEN],
                      char serial[17])
{
    phi_sm2_private_public(pair, xy);
    require_ok(phi_key_id_of(xy, serial), "key id");
}

static void open_trust(struct stage *s)
{
    struct phi_sm2_private *owner = NULL;
    struct phi_trust_options options = {.brokers = NULL};
    struct phi_trust_key key = {.use = PHI_TRUST_CODE, .key_set_id = KEY_SET, .to_us = INT64_MAX};
    const struct phi_trust_platform platform = {
        .id = REGION, .name = "bench", .keys = &key, .key_count = 1};
    const struct phi_trust_list list = {
        .version = 1, .issued_us = 1, .platforms = &platform, .platform_count = 1};
    char serial[17];
    require_ok(phi_sm2_private_generate(&owner), "owner's key");
    serial_of(owner, options.owner, serial);
    serial_of(s->code_pair, key.xy, key.serial);
    const struct phi_signer signer = {.key_serial = serial, .key = owner};
    struct phi_record record = {.key = phi_view_text(PHI_TRUST_KEY), .version = 1};
    require_ok(phi_trust_open(&options, &s->verify.trust, NULL), "trust list");
    require_ok(phi_trust_encode(&list, s->arena, &record.value, NULL), "trust list's form");
    require_ok(phi_record_sign(PHI_TRUST_TOPIC, &signer, s->arena, &record), "its signature");
    require_ok(phi_trust_apply(s->verify.trust, &record, NULL), "its taking in");
    phi_sm2_private_free(owner);
}

static void open_verify(struct stage *s)
{
    static const uint8_t serial_key[32] = {1, 2, 3};
    struct phi_codeside_set set = {.id = KEY_SET, .sign_key = s->code_pair};
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    memset(set.seal_key, 9, sizeof(set.seal_key));
    s->verify.region = REGION;
    s->revoke.set = phi_revocations_new(1000);
    s->verify.revoke = &s->revoke;
    bench_require(s->revoke.set != NULL, "a set of revocations");
    require_ok(phi_codeside_new(REGION, &set, 1, NULL, &s->verify.codeside), "code side");
    require_ok(
        phi_seal_key_new(1, phi_view_of(serial_key, sizeof(serial_key)), &s->verify.kept_key),
        "a key for what is kept");
    require_ok(phi_hmac_key_new(phi_view_of(serial_key, sizeof(serial_key)), &s->verify.serial_key),
               "serial key");
    require_ok(phi_sm2_private_generate(&s->verify.receipt_key), "receipt key");
    serial_of(s->verify.receipt_key, xy, s->verify.receipt_key_id);
    require_ok(verify_benches_open(&s->verify), "benches");
}

static void make_request(struct stage *s, size_t i)
{
    const struct phi_mint_input input = {.subject = {(uint8_t)i},
                                         .flags = PHI_JKM1_SCOPE_FLAGS(PHI_SCOPE_PASS),
                                         .deadline_s =
                                             phi_clock_now_us(NULL) / 1000000 + CODE_DAYS * 86400};
    require_ok(phi_codeside_mint(s->verify.codeside, &input, &s->minted[i]), "minting");
    s->requests[i] = (struct phi_verify_request){.operation = PHI_VERIFY_CHECK,
                                                 .request_id = {(uint8_t)i},
                                                 .code = phi_view_text(s->minted[i].text),
                                                 .is_text = true,
                                                 .platform = REGION,
                                                 .program = "svc-directory",
                                                 .app = "scan-app",
                                                 .scope = PHI_SCOPE_PASS};
    require_ok(phi_jkm1_decode(phi_view_of(s->minted[i].bytes, PHI_JKM1_LEN), &s->codes[i], NULL),
               "decoding");
    const size_t signed_len = PHI_JKM1_LEN - PHI_SM2_SIG_LEN;
    s->checks[i].public_key = s->code_key;
    s->checks[i].message = phi_view_of(s->minted[i].bytes, signed_len);
    memcpy(s->checks[i].sig, s->minted[i].bytes + signed_len, PHI_SM2_SIG_LEN);
    s->signatures[i].private_key = s->verify.receipt_key;
    s->signatures[i].message = phi_view_of(s->minted[i].bytes, PHI_JKM1_LEN);
}

static void prepare(struct stage *s)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    s->arena = phi_arena_new(1 << 20);
    require_ok(phi_sm2_private_generate(&s->code_pair), "code key");
    phi_sm2_private_public(s->code_pair, xy);
    require_ok(phi_sm2_public_new(xy, &s->code_key), "code key");
    phi_sm2_public_announce(s->code_key);
    open_trust(s);
    open_verify(s);
    for (size_t i = 0; i < ROWS; i++)
        make_request(s, i);
}

static void run(const char *name, const char *peer, const struct bench_options *options)
{
    struct bench_series own = {.count = 0};
    struct bench_series floor = {.count = 0};
    for (size_t i = 0; i < options->rounds; i++) {
        bench_series_add(&own, bench_rate(ours, &stage, options->ms));
        bench_series_add(&floor, bench_rate(bare, &stage, options->ms));
    }
    bench_print(name, "codes/s", &own, peer, &floor, 1);
}

int main(void)
{
    const struct bench_options options = bench_options_get();
    phi_memory_set_up(); /* as the service does */
    prepare(&stage);
    run("verify.core", "bare signature check", &options);
    stage.has_receipts = true;
    for (size_t i = 0; i < ROWS; i++)
        stage.requests[i].operation = PHI_VERIFY_VERIFY;
    run("verify.core.receipt", "bare check and signature", &options);
    run_stages(&options);
    return 0;
}
