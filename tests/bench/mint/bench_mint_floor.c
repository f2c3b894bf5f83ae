/* The floors of minting over HTTP: the same bytes over the same HTTP library, what has arrived
 * together, without database, broker, JSON of requests and policy.
 *
 *   bench_mint_floor crypto   after the cryptography of a mint: caller's signature, the id token's
 *                             digest, consent record sealed, code signed and sealed, answer signed
 *                             and sealed
 *   bench_mint_floor bare     without any
 *
 * Prints its port and serves until it is killed. The caller's public key comes in BENCH_PUBLIC,
 * hex; all other keys are made up.
 */
#include "tests/bench/bench.h"

#include "auth/signature.h"
#include "codes/consent.h"
#include "codeside/codeside.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "http/http.h"

#define TOGETHER    PHI_HTTP_TOGETHER_MAX
#define BODY_MAX    1024
#define LIFE_S      300
#define KEY_SERIAL  "0123456789abcdef"
#define BODY_BYTES  65536
#define CONNECTIONS 10240

struct floor {
    bool is_bare;
    struct phi_sm2_public *caller_key;
    struct phi_sm2_private *answer_key;
    struct phi_codeside *codeside;
    struct phi_hmac_key *serial_key;
    struct phi_seal_key *store_key;
};

struct mint {
    struct phi_http_request *request;
    struct phi_arena *arena;
    struct phi_authorization authorization;
    struct phi_view message;
    uint8_t token_digest[PHI_SM3_LEN];
    struct phi_mint_input input;
    char body[BODY_MAX];
};

static struct floor bench;

static void require_ok(enum phi_err err, const char *what)
{
    bench_require(err == PHI_OK, what);
}

/* --- steps of the cryptography --- */

/* METHOD, target, timestamp, nonce, body, each with its line's end. */
static struct phi_view message_of(const struct mint *m)
{
    struct phi_view body = phi_http_body(m->request);
    size_t size = body.len + PHI_HTTP_TARGET_MAX + 64;
    char *text = phi_arena_alloc(m->arena, size);
    bench_require(text != NULL, "out of memory");
    int len =
        snprintf(text, size, "%s\n%s\n%s\n%s\n", phi_http_method(m->request),
                 phi_http_target(m->request), m->authorization.timestamp, m->authorization.nonce);
    memcpy(text + len, body.data, body.len);
    text[(size_t)len + body.len] = '\n';
    return phi_view_of(text, (size_t)len + body.len + 1);
}

static void begin(struct mint *m, struct phi_http_request *request)
{
    struct phi_error error = {0};
    m->request = request;
    m->arena = phi_http_arena(request);
    const char *header = phi_http_header(request, "Authorization");
    bench_require(header != NULL, "a request without Authorization");
    require_ok(phi_authorization_parse(phi_view_text(header), &m->authorization, &error),
               "a caller's header");
}

static void check_callers(struct mint *mints, size_t count)
{
    struct phi_sm2_job jobs[TOGETHER];
    for (size_t i = 0; i < count; i++) {
        mints[i].message = message_of(&mints[i]);
        jobs[i] = (struct phi_sm2_job){.public_key = bench.caller_key, .message = mints[i].message};
        memcpy(jobs[i].sig, mints[i].authorization.signature, sizeof(jobs[i].sig));
    }
    phi_sm2_verify_batch(jobs, count);
    for (size_t i = 0; i < count; i++)
        require_ok(jobs[i].result, "a caller's signature");
}

/* A token that was checked before is known by its digest. */
static void check_token(struct mint *m)
{
    const char *token = phi_http_header(m->request, "Phi-Identity");
    bench_require(token != NULL, "a request without Phi-Identity");
    require_ok(phi_sm3(phi_view_text(token), m->token_digest), "a token's digest");
}

static void seal_consent(struct mint *m)
{
    static const struct phi_person person = {.name = {(const uint8_t *)"测试甲子", 12},
                                             .id_type = {(const uint8_t *)"111", 3},
                                             .id_no = {(const uint8_t *)"320102189001010011", 18},
                                             .country = {(const uint8_t *)"CHN", 3}};
    struct phi_view record, sealed;
    int64_t now_s = phi_clock_now_us(NULL) / 1000000;
    m->input =
        (struct phi_mint_input){.flags = PHI_JKM1_SCOPE_FLAGS(PHI_SCOPE_PASS) | PHI_JKM1_ONE_TIME,
                                .deadline_s = now_s + LIFE_S};
    memcpy(m->input.subject, m->token_digest, PHI_SUBJECT_LEN);
    require_ok(phi_consent_format(&person, now_s, m->arena, &record), "a record");
    require_ok(phi_consent_digest(record, m->input.consent_digest), "a record's digest");
    require_ok(
        phi_seal(bench.store_key, "bench.consent", m->input.subject, record, m->arena, &sealed),
        "sealing a record");
}

static void seal_code(struct mint *m, const struct phi_minted *minted)
{
    uint8_t hmac[PHI_SM3_LEN];
    struct phi_view sealed;
    const struct phi_view serial = phi_view_of(minted->serial, PHI_JKM1_SERIAL_LEN);
    require_ok(minted->result, "minting");
    require_ok(phi_hmac_sm3(bench.serial_key, &serial, 1, hmac), "a serial's HMAC");
    require_ok(phi_seal(bench.store_key, "bench.code", m->input.subject,
                        phi_view_text(minted->text), m->arena, &sealed),
               "sealing a code");
}

/* --- the answer --- */

static void write_body(struct mint *m, const char *code, int64_t now_us)
{
    char now[PHI_RFC3339_MAX], deadline[PHI_RFC3339_MAX], digest[2 * PHI_SM3_LEN + 1];
    phi_rfc3339_format(now_us, now);
    phi_rfc3339_format(m->input.deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(m->input.consent_digest, PHI_SM3_LEN), digest);
    int len = snprintf(
        m->body, sizeof(m->body),
        "{\"resultCode\":\"%s\",\"resultDesc\":\"%s\",\"resultDescEn\":\"%s\","
        "\"bizSerialNum\":\"mint-0123456789abcdef0123456789abcdef\",\"timeStamp\":\"%s\","
        "\"data\":{\"code\":\"%s\",\"deadline\":\"%s\",\"scene\":\"pass-once\",\"oneTime\":true,"
        "\"paper\":false,\"onBehalf\":false,\"consentDigest\":\"%s\"}}",
        phi_err_return_code(PHI_OK), phi_err_text_zh(PHI_OK), phi_err_text_en(PHI_OK), now, code,
        deadline, digest);
    bench_require(len > 0 && (size_t)len < sizeof(m->body), "room for an answer");
}

static void send_answer(const struct mint *m, const struct phi_answer_signature *s)
{
    const struct phi_http_header headers[] = {{"Phi-Timestamp", s->timestamp},
                                              {"Phi-Nonce", s->nonce},
                                              {"Phi-Signature", s->signature},
                                              {"Phi-Key-Serial", s->key_serial}};
    phi_http_answer(m->request, 200, "application/json", phi_view_text(m->body), headers, 4);
}

static void sign_answers(struct mint *mints, size_t count, int64_t now_us)
{
    struct phi_signature_reply replies[TOGETHER];
    struct phi_view sealed;
    for (size_t i = 0; i < count; i++)
        replies[i] = (struct phi_signature_reply){.status = 200,
                                                  .now_us = now_us,
                                                  .nonce = mints[i].authorization.nonce,
                                                  .body = phi_view_text(mints[i].body)};
    phi_signature_answer_batch(bench.answer_key, KEY_SERIAL, replies, count);
    for (size_t i = 0; i < count; i++) {
        struct mint *m = &mints[i];
        require_ok(replies[i].result, "signing an answer");
        require_ok(phi_seal(bench.store_key, "bench.answer", m->input.subject, replies[i].body,
                            m->arena, &sealed),
                   "sealing an answer");
        send_answer(m, &replies[i].signature);
    }
}

static void handle_crypto(struct phi_http_request **requests, size_t count)
{
    struct mint mints[TOGETHER];
    struct phi_mint_input inputs[TOGETHER];
    struct phi_minted minted[TOGETHER];
    int64_t now_us = phi_clock_now_us(NULL);
    for (size_t i = 0; i < count; i++)
        begin(&mints[i], requests[i]);
    check_callers(mints, count);
    for (size_t i = 0; i < count; i++) {
        check_token(&mints[i]);
        seal_consent(&mints[i]);
        inputs[i] = mints[i].input;
    }
    phi_codeside_mint_batch(bench.codeside, inputs, minted, count);
    for (size_t i = 0; i < count; i++) {
        seal_code(&mints[i], &minted[i]);
        write_body(&mints[i], minted[i].text, now_us);
    }
    sign_answers(mints, count, now_us);
}

/* As many bytes as the others answer. */
static void handle_bare(struct phi_http_request **requests, size_t count)
{
    static const struct phi_answer_signature same = {
        .timestamp = "1795248000",
        .nonce = "0123456789abcdef01234567",
        .signature = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4"
                     "OWFiY2RlZg==",
        .key_serial = KEY_SERIAL};
    char code[PHI_JKM1_TEXT_LEN + 1];
    struct mint m = {.input = {.deadline_s = phi_clock_now_us(NULL) / 1000000 + LIFE_S}};
    memset(code, 'A', PHI_JKM1_TEXT_LEN);
    code[PHI_JKM1_TEXT_LEN] = '\0';
    for (size_t i = 0; i < count; i++) {
        m.request = requests[i];
        write_body(&m, code, phi_clock_now_us(NULL));
        send_answer(&m, &same);
    }
}

/* --- keys and the server --- */

static void make_keys(void)
{
    uint8_t caller[PHI_SM2_PUBLIC_LEN], random[32];
    const char *hex = getenv("BENCH_PUBLIC"); // NOLINT(concurrency-mt-unsafe)
    bench_require(hex != NULL, "BENCH_PUBLIC is not set");
    require_ok(phi_hex_decode(phi_view_text(hex), caller, sizeof(caller)), "BENCH_PUBLIC");
    require_ok(phi_sm2_public_new(caller, &bench.caller_key), "the caller's key");
    struct phi_codeside_set set = {.id = 1};
    require_ok(phi_sm2_private_generate(&set.sign_key), "the code key");
    require_ok(phi_sm2_private_generate(&bench.answer_key), "the answer key");
    require_ok(phi_random_bytes(set.seal_key, sizeof(set.seal_key)), "random bytes");
    require_ok(phi_codeside_new("320000", &set, 1, NULL, &bench.codeside), "the code side");
    require_ok(phi_random_bytes(random, sizeof(random)), "random bytes");
    require_ok(phi_hmac_key_new(phi_view_of(random, sizeof(random)), &bench.serial_key),
               "the serial key");
    require_ok(phi_seal_key_new(1, phi_view_of(random, sizeof(random)), &bench.store_key),
               "the store key");
}

int main(int argc, char **argv)
{
    bench_require(argc == 2, "crypto or bare");
    bench.is_bare = strcmp(argv[1], "bare") == 0;
    make_keys();
    const struct phi_http_route route = {.method = "POST",
                                         .path = "/v1/codes",
                                         .body_max_bytes = BODY_BYTES,
                                         .content_type = "application/json",
                                         .handle_many =
                                             bench.is_bare ? handle_bare : handle_crypto};
    /* The rest by the library's defaults, which are the services' too. */
    const struct phi_http_options options = {
        .connections_max = CONNECTIONS, .routes = &route, .route_count = 1};
    struct phi_http_server *server = NULL;
    struct phi_error error = {0};
    require_ok(phi_http_open(&options, &server, &error), "the server");
    printf("%u\n", phi_http_port(server));
    fflush(stdout);
    for (;;)
        nanosleep(&(struct timespec){.tv_sec = 60}, NULL);
}
