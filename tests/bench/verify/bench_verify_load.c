/* A caller of svc-verify's RPC over libzmq itself, for the benchmarks: keeps requests outstanding,
 * or sends at a rate whatever comes back (open loop); and the floors in whose terms it is told.
 *
 *   bench_verify_load rate ADDRESS PID MS OUTSTANDING       → {"done", "all", "wall_s", "cpu_s"}
 *   bench_verify_load latency ADDRESS verify|check MS RATE  → {"sent", "done", "p50_us", …}
 *   bench_verify_load echo ADDRESS                          a bare ROUTER that sends back
 *
 * With BENCH_SUBJECTS, a file of subjects in hex, it is svc-platform's nationwide query that is
 * asked, with receipts about them that BENCH_RECEIPT (svc-verify's scalar) signs.
 *
 * Keys in the environment, hex: BENCH_SERVER (its CURVE public key), BENCH_PUBLIC and BENCH_SECRET
 * (ours), BENCH_CODE (the platform's SM2 scalar), BENCH_SEAL; BENCH_REGION, BENCH_KEY_SET.
 */
#include "tests/bench/bench.h"

#include "codes/query_message.h"
#include "codes/region.h"
#include "codes/verify_message.h"
#include "codeside/codeside.h"
#include "crypto/key.h"
#include "crypto/random.h"

#include <poll.h>
#include <sys/prctl.h>
#include <zmq.h>

#define CODES       4096
#define RECEIPTS    1024 /* at most: signed at the start, good for a minute */
#define HEADER      32
#define LATE_S      3
#define SAMPLES_MAX 4000000

struct load {
    void *context;
    void *socket;
    struct phi_minted *codes;
    struct phi_verify_request request;
    uint8_t (*receipts)[PHI_RECEIPT_MAX]; /* NULL: codes are asked about */
    size_t receipt_lens[RECEIPTS];
    size_t receipt_count;
    uint64_t sent;
    uint64_t done;
    uint64_t failed;
    int64_t *at_us; /* of sending, by number modulo SAMPLES_MAX; when it should have been sent */
    int64_t *took_us;
};

static struct load load;

static const char *need(const char *name)
{
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe)
    if (value == NULL) {
        fprintf(stderr, "bench_verify_load: %s is not set\n", name);
        exit(2);
    }
    return value;
}

static void need_hex(const char *name, uint8_t *out, size_t len)
{
    bench_require(phi_hex_decode(phi_view_text(need(name)), out, len) == PHI_OK, name);
}

/* --- the socket --- */

static void set(void *socket, int option, const void *value, size_t len)
{
    bench_require(zmq_setsockopt(socket, option, value, len) == 0, "a socket option");
}

static void set_int(void *socket, int option, int value)
{
    set(socket, option, &value, sizeof(value));
}

static void open_socket(int type, bool is_server)
{
    uint8_t key[32];
    load.context = zmq_ctx_new();
    load.socket = zmq_socket(load.context, type);
    set_int(load.socket, ZMQ_LINGER, 0);
    set_int(load.socket, ZMQ_SNDHWM, 100000);
    set_int(load.socket, ZMQ_RCVHWM, 100000);
    need_hex("BENCH_SECRET", key, sizeof(key));
    set(load.socket, ZMQ_CURVE_SECRETKEY, key, sizeof(key));
    if (is_server) {
        set_int(load.socket, ZMQ_CURVE_SERVER, 1);
        return;
    }
    need_hex("BENCH_PUBLIC", key, sizeof(key));
    set(load.socket, ZMQ_CURVE_PUBLICKEY, key, sizeof(key));
    need_hex("BENCH_SERVER", key, sizeof(key));
    set(load.socket, ZMQ_CURVE_SERVERKEY, key, sizeof(key));
}

/* --- requests --- */

static void mint_codes(void)
{
    struct phi_codeside *codeside = NULL;
    uint8_t scalar[32];
    struct phi_codeside_set sets = {.id = (uint8_t)strtoul(need("BENCH_KEY_SET"), NULL, 10)};
    struct phi_mint_input input = {.flags = PHI_JKM1_SCOPE_FLAGS(PHI_SCOPE_PASS)};
    need_hex("BENCH_CODE", scalar, sizeof(scalar));
    need_hex("BENCH_SEAL", sets.seal_key, sizeof(sets.seal_key));
    bench_require(phi_sm2_private_new(scalar, &sets.sign_key) == PHI_OK, "the code key");
    bench_require(phi_codeside_new(need("BENCH_REGION"), &sets, 1, NULL, &codeside) == PHI_OK,
                  "the code side");
    load.codes = calloc(CODES, sizeof(*load.codes));
    input.deadline_s = phi_clock_now_us(NULL) / 1000000 + 3600;
    for (uint32_t i = 0; i < CODES; i++) {
        memcpy(input.subject, &i, sizeof(i));
        bench_require(phi_codeside_mint(codeside, &input, &load.codes[i]) == PHI_OK, "minting");
    }
    phi_codeside_free(codeside);
}

static void sign_receipts(const char *path)
{
    uint8_t scalar[32], xy[PHI_SM2_PUBLIC_LEN];
    char line[64];
    struct phi_sm2_private *key = NULL;
    int64_t now_s = phi_clock_now_us(NULL) / 1000000;
    struct phi_receipt receipt = {.requester = "320000.svc-directory",
                                  .app = "bench",
                                  .has_subject = true,
                                  .audience_count = 2,
                                  .issued_s = now_s,
                                  .expires_s = now_s + PHI_RECEIPT_LIFE_MAX_S};
    need_hex("BENCH_RECEIPT", scalar, sizeof(scalar));
    bench_require(phi_sm2_private_new(scalar, &key) == PHI_OK, "the receipt key");
    phi_sm2_private_public(key, xy);
    bench_require(phi_key_id_of(xy, receipt.key_id) == PHI_OK, "its serial");
    snprintf(receipt.issuer, sizeof(receipt.issuer), "%s", need("BENCH_REGION"));
    snprintf(receipt.audience[0], sizeof(receipt.audience[0]), "%s", receipt.issuer);
    snprintf(receipt.audience[1], sizeof(receipt.audience[1]), "%s", PHI_REGION_NATION);
    load.receipts = calloc(RECEIPTS, sizeof(*load.receipts));
    FILE *subjects = fopen(path, "r");
    bench_require(load.receipts != NULL && subjects != NULL, "the subjects");
    while (load.receipt_count < RECEIPTS && fgets(line, sizeof(line), subjects) != NULL) {
        struct phi_writer out =
            phi_writer_of(load.receipts[load.receipt_count], sizeof(load.receipts[0]));
        bench_require(phi_hex_decode(phi_view_of(line, strcspn(line, "\n")), receipt.subject,
                                     sizeof(receipt.subject)) == PHI_OK &&
                          phi_random_bytes(receipt.receipt_id, 16) == PHI_OK &&
                          phi_receipt_sign(&receipt, key, &out) == PHI_OK,
                      "a receipt");
        load.receipt_lens[load.receipt_count++] = phi_writer_len(&out);
    }
    bench_require(load.receipt_count > 0, "a subject");
    fclose(subjects);
    phi_sm2_private_free(key);
}

static void prepare_request(const char *operation)
{
    load.request = (struct phi_verify_request){
        .operation = strcmp(operation, "check") == 0 ? PHI_VERIFY_CHECK : PHI_VERIFY_VERIFY,
        .left_ms = 5000,
        .is_text = true,
        .program = "bench",
        .app = "bench-gate",
        .scope = PHI_SCOPE_PASS};
    snprintf(load.request.platform, sizeof(load.request.platform), "%s", need("BENCH_REGION"));
    bench_require(phi_random_bytes(load.request.request_id, 16) == PHI_OK, "random bytes");
}

static enum phi_err write_query(uint64_t number, struct phi_writer *out)
{
    size_t i = number % load.receipt_count;
    struct phi_query_request query = {.operation = PHI_QUERY_QUERY,
                                      .left_ms = 5000,
                                      .receipt =
                                          phi_view_of(load.receipts[i], load.receipt_lens[i])};
    memcpy(query.request_id, load.request.request_id, sizeof(query.request_id));
    return phi_query_request_encode(&query, out);
}

/* PH, version, kind, milliseconds left, number of the call, request id; then the payload. */
static size_t write_frame(uint8_t *bytes, size_t size)
{
    struct phi_writer out = phi_writer_of(bytes, size);
    uint64_t number = load.sent;
    memcpy(load.request.request_id, &number, sizeof(number));
    if (load.receipts == NULL)
        load.request.code = phi_view_text(load.codes[number % CODES].text);
    phi_write_bytes(&out, "PH\1\1", 4);
    phi_write_u32(&out, 5000);
    phi_write_u64(&out, number);
    phi_write_bytes(&out, load.request.request_id, 16);
    bench_require((load.receipts != NULL
                       ? write_query(number, &out)
                       : phi_verify_requests_encode(&load.request, 1, &out)) == PHI_OK,
                  "a request");
    return phi_writer_len(&out);
}

static void send_one(int64_t at_us)
{
    uint8_t bytes[HEADER + PHI_VERIFY_REQUEST_MAX + PHI_QUERY_REQUEST_MAX];
    size_t len = write_frame(bytes, sizeof(bytes));
    load.at_us[load.sent % SAMPLES_MAX] = at_us;
    bench_require(zmq_send(load.socket, bytes, len, 0) >= 0, "sending");
    load.sent++;
}

/* Behind envelope, version, kind and request id: two bytes of status, or a code in digits. */
static bool receive_one(void)
{
    uint8_t bytes[2048];
    int len = zmq_recv(load.socket, bytes, sizeof(bytes), ZMQ_DONTWAIT);
    if (len < 0)
        return false;
    struct phi_reader in = phi_reader_of(phi_view_of(bytes, (size_t)len));
    (void)phi_read_view(&in, 8);
    uint64_t number = phi_read_u64(&in);
    load.took_us[load.done % SAMPLES_MAX] = phi_monotonic_us() - load.at_us[number % SAMPLES_MAX];
    bool is_request = bytes[3] == 1; /* sent back by the echo */
    uint8_t zero = load.receipts != NULL ? '0' : 0;
    bool is_good = len > HEADER + 20 && bytes[3] == 2 && bytes[HEADER + 18] == zero &&
                   bytes[HEADER + 19] == zero;
    if (!is_request && !is_good)
        load.failed++;
    load.done++;
    return true;
}

static void wait_for_answers(long ms)
{
    zmq_pollitem_t item = {.socket = load.socket, .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, ms);
}

/* Sleeps until an answer may be there or the moment has come: a caller that spins takes a processor
 * from the service. Only after receive_one found nothing: then the descriptor tells of news. */
static void wait_until_us(int64_t due_us)
{
    int64_t left_us = due_us - phi_monotonic_us();
    struct pollfd item = {.events = POLLIN};
    size_t size = sizeof(item.fd);
    if (left_us <= 0)
        return;
    bench_require(zmq_getsockopt(load.socket, ZMQ_FD, &item.fd, &size) == 0, "the descriptor");
    ppoll(&item, 1,
          &(struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000},
          NULL);
}

/* --- figures --- */

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    bench_require(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0,
                  "the service's clock");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keep_outstanding(uint64_t outstanding, int64_t until_us)
{
    while (phi_monotonic_us() < until_us) {
        while (load.sent - load.done < outstanding)
            send_one(phi_monotonic_us());
        wait_for_answers(100);
        while (receive_one())
            ;
    }
}

static void run_rate(pid_t pid, int64_t ms, uint64_t outstanding)
{
    keep_outstanding(outstanding, phi_monotonic_us() + ms * 200); /* a fifth to warm up */
    uint64_t before = load.done;
    double cpu = cpu_of(pid);
    int64_t start_us = phi_monotonic_us();
    keep_outstanding(outstanding, start_us + ms * 1000);
    double wall = (double)(phi_monotonic_us() - start_us) / 1e6;
    printf("{\"done\": %llu, \"all\": %llu, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"failed\": %llu}\n",
           (unsigned long long)(load.done - before), (unsigned long long)load.done, wall,
           cpu_of(pid) - cpu, (unsigned long long)load.failed);
}

static int compare_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t percentile(double share)
{
    size_t count = load.done < SAMPLES_MAX ? load.done : SAMPLES_MAX;
    return count == 0 ? -1 : load.took_us[(size_t)((double)(count - 1) * share)];
}

/* Each request has its moment; one that leaves late is counted from its moment all the same. */
static void run_latency(int64_t ms, double rate)
{
    int64_t start_us = phi_monotonic_us();
    uint64_t total = (uint64_t)(rate * (double)ms / 1000);
    prctl(PR_SET_TIMERSLACK, 1);
    while (load.sent < total) {
        int64_t due_us = start_us + (int64_t)((double)load.sent * 1e6 / rate);
        if (due_us <= phi_monotonic_us())
            send_one(due_us);
        while (receive_one())
            ;
        wait_until_us(start_us + (int64_t)((double)load.sent * 1e6 / rate));
    }
    int64_t until_us = phi_monotonic_us() + LATE_S * 1000000;
    while (load.done < load.sent && phi_monotonic_us() < until_us) {
        wait_for_answers(10);
        while (receive_one())
            ;
    }
    qsort(load.took_us, load.done < SAMPLES_MAX ? load.done : SAMPLES_MAX, sizeof(int64_t),
          compare_us);
    printf("{\"sent\": %llu, \"done\": %llu, \"failed\": %llu, \"p50_us\": %lld, \"p99_us\": %lld, "
           "\"p999_us\": %lld}\n",
           (unsigned long long)load.sent, (unsigned long long)load.done,
           (unsigned long long)load.failed, (long long)percentile(0.5), (long long)percentile(0.99),
           (long long)percentile(0.999));
}

static void run_echo(const char *address)
{
    open_socket(ZMQ_ROUTER, true);
    bench_require(zmq_bind(load.socket, address) == 0, "binding");
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        zmq_msg_t part;
        int more = 1;
        while (more) {
            zmq_msg_init(&part);
            if (zmq_msg_recv(&part, load.socket, 0) < 0)
                return;
            more = zmq_msg_more(&part);
            zmq_msg_send(&part, load.socket, more ? ZMQ_SNDMORE : 0);
        }
    }
}

int main(int argc, char **argv)
{
    bench_require(argc >= 3, "rate|latency|echo ADDRESS …");
    if (strcmp(argv[1], "echo") == 0) {
        run_echo(argv[2]);
        return 0;
    }
    bench_require(argc == 6, "rate ADDRESS PID MS OUTSTANDING, latency ADDRESS OPERATION MS RATE");
    load.at_us = calloc(SAMPLES_MAX, sizeof(int64_t));
    load.took_us = calloc(SAMPLES_MAX, sizeof(int64_t));
    bool is_rate = strcmp(argv[1], "rate") == 0;
    const char *subjects = getenv("BENCH_SUBJECTS"); // NOLINT(concurrency-mt-unsafe)
    if (subjects != NULL)
        sign_receipts(subjects);
    else
        mint_codes();
    prepare_request(is_rate ? "verify" : argv[3]);
    open_socket(ZMQ_DEALER, false);
    bench_require(zmq_connect(load.socket, argv[2]) == 0, "connecting");
    if (is_rate)
        run_rate((pid_t)atol(argv[3]), atol(argv[4]), strtoull(argv[5], NULL, 10));
    else
        run_latency(atol(argv[4]), strtod(argv[5], NULL));
    return 0;
}
