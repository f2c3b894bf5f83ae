/* Facts on source.tests as svc-declare writes them, straight onto the bus: as many people as
 * wanted, new ones each time, each with so many negative tests of the last hours, one after the
 * other; of one person in a hundred by another method.
 *
 *   bench_directory_load BROKERS REGION PEOPLE FACTS KEYS    → {"facts": 50000}
 *
 * KEYS is the folder of a program that may read the bus and the health key. */
#include "tests/bench/bench.h"

#include "base/text.h"
#include "bus/producer.h"
#include "bus/signed.h"
#include "codes/factid.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "crypto/seal.h"

#include <stdatomic.h>
#include <unistd.h>

#define SOURCE       "source.tests"
#define INSTITUTION  "lab-app"
#define SEALED_LEN   220 /* as of a test's personal text */
#define OBSERVED_US  3600000000LL
#define ARENA_MAX    65536
#define FLUSH_MS     60000
#define PASSWORD_MAX 128

struct load {
    const char *region;
    char topic[PHI_TOPIC_MAX];
    struct phi_hmac_key *bus;
    struct phi_seal_key *health;
    struct phi_producer *producer;
    atomic_ulong kept;
    atomic_ulong lost;
};

static struct load load;

static void on_sent(void *context, enum phi_err err)
{
    (void)context;
    atomic_fetch_add(err == PHI_OK ? &load.kept : &load.lost, 1);
}

/* --- keys --- */

static void read_password(const char *folder, char out[PASSWORD_MAX])
{
    char path[512];
    snprintf(path, sizeof(path), "%s/password", folder);
    FILE *file = fopen(path, "r");
    bench_require(file != NULL && fgets(out, PASSWORD_MAX, file) != NULL, "the keys' password");
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
}

static struct phi_view read_secret(const char *folder, const char *use, uint8_t *secret)
{
    char path[512], password[PASSWORD_MAX];
    size_t len = 0;
    read_password(folder, password);
    snprintf(path, sizeof(path), "%s/%s.key", folder, use);
    bench_require(
        phi_key_read_secret(path, password, secret, PHI_KEY_SECRET_MAX, &len, NULL) == PHI_OK, use);
    return phi_view_of(secret, len);
}

static void read_keys(const char *folder)
{
    uint8_t secret[PHI_KEY_SECRET_MAX], digest[PHI_SM3_LEN];
    struct phi_view view = read_secret(folder, "bus", secret);
    bench_require(phi_hmac_key_new(view, &load.bus) == PHI_OK, "the bus key");
    view = read_secret(folder, "health", secret);
    bench_require(phi_sm3(view, digest) == PHI_OK, "the health key's id");
    uint32_t id = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
                  digest[3];
    bench_require(phi_seal_key_new(id, view, &load.health) == PHI_OK, "the health key");
}

/* --- facts --- */

static const char *hex_of(struct phi_arena *arena, const uint8_t *bytes, size_t len)
{
    char *text = phi_arena_alloc(arena, 2 * len + 1);
    bench_require(text != NULL, "memory");
    phi_hex_encode(phi_view_of(bytes, len), text);
    return text;
}

static const char *random_hex(struct phi_arena *arena, size_t len)
{
    uint8_t bytes[PHI_SM3_LEN];
    bench_require(phi_random_bytes(bytes, len) == PHI_OK, "random bytes");
    return hex_of(arena, bytes, len);
}

static const char *base64_of(struct phi_arena *arena, struct phi_view view)
{
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(view.len) + 1);
    bench_require(text != NULL, "memory");
    phi_base64_encode(view, text);
    return text;
}

/* Who it is, under the health key; and as many bytes as the rest of what is personal. */
static const char *seal_person(struct phi_arena *arena, const uint8_t *subject)
{
    struct phi_view sealed;
    const char *plain = "{\"country\":\"CHN\",\"idNo\":\"320102199003071234\",\"idType\":\"111\","
                        "\"name\":\"测试甲子\"}";
    bench_require(phi_seal(load.health, "people.identity_sealed", subject, phi_view_text(plain),
                           arena, &sealed) == PHI_OK,
                  "sealing");
    return base64_of(arena, sealed);
}

static struct phi_view value_of(struct phi_arena *arena, const uint8_t *subject, int64_t now_us,
                                const char *method)
{
    static const uint8_t personal[SEALED_LEN];
    uint8_t id[PHI_FACT_ID_LEN];
    char observed[PHI_RFC3339_MAX], recorded[PHI_RFC3339_MAX];
    const char *number = random_hex(arena, 10);
    bench_require(phi_fact_id(phi_view_text(load.region), phi_view_text(SOURCE),
                              phi_view_text(INSTITUTION), phi_view_text(number), 1, id) == PHI_OK,
                  "a fact's id");
    phi_rfc3339_format(now_us - OBSERVED_US, observed);
    phi_rfc3339_format(now_us, recorded);
    const char *text = phi_arena_printf(
        arena,
        "{\"content\":{\"eventKey\":\"%s\",\"method\":\"%s\",\"result\":\"negative\","
        "\"sampledAt\":\"%s\"},\"digest\":\"%s\",\"factId\":\"%s\",\"identity\":\"%s\","
        "\"institution\":\"" INSTITUTION "\",\"observedAt\":\"%s\",\"recordNo\":\"%s\","
        "\"recordedAt\":\"%s\",\"region\":\"%s\",\"revision\":1,\"sealed\":\"%s\",\"source\":"
        "\"" SOURCE "\",\"subject\":\"%s\",\"subjectKeyVersion\":1}",
        random_hex(arena, PHI_FACT_ID_LEN), method, observed, random_hex(arena, PHI_SM3_LEN),
        hex_of(arena, id, sizeof(id)), seal_person(arena, subject), observed, number, recorded,
        load.region, base64_of(arena, phi_view_of(personal, SEALED_LEN)),
        hex_of(arena, subject, PHI_SUBJECT_LEN));
    bench_require(text != NULL, "memory");
    return phi_view_text(text);
}

static void send_fact(const uint8_t *subject, const char *method)
{
    int64_t now_us = phi_clock_now_us(NULL);
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    bench_require(arena != NULL, "memory");
    struct phi_event event = {.topic = load.topic,
                              .type = "cn.phi." SOURCE,
                              .source = "/phi/bench",
                              .time_us = now_us,
                              .key = phi_view_of(subject, PHI_SUBJECT_LEN),
                              .value = value_of(arena, subject, now_us, method)};
    bench_require(phi_event_new_id(&event) == PHI_OK &&
                      phi_mac_add(&event, load.bus, arena) == PHI_OK,
                  "an event");
    enum phi_err err = phi_producer_send(load.producer, &event, on_sent, NULL);
    while (err == PHI_ERR_OVERLOAD) {
        usleep(2000);
        err = phi_producer_send(load.producer, &event, on_sent, NULL);
    }
    bench_require(err == PHI_OK, "sending");
    phi_arena_free(arena);
}

int main(int argc, char **argv)
{
    bench_require(argc == 6, "BROKERS REGION PEOPLE FACTS KEYS");
    load.region = argv[2];
    unsigned long people = strtoul(argv[3], NULL, 10), facts = strtoul(argv[4], NULL, 10);
    snprintf(load.topic, sizeof(load.topic), "phi.%s." SOURCE, load.region);
    read_keys(argv[5]);
    const struct phi_producer_options options = {.bus = {.brokers = argv[1], .client_id = "bench"},
                                                 .message_deadline_ms = FLUSH_MS};
    bench_require(phi_producer_open(&options, &load.producer, NULL) == PHI_OK, "the bus");
    for (unsigned long i = 0; i < people; i++) {
        uint8_t subject[PHI_SUBJECT_LEN];
        bench_require(phi_random_bytes(subject, sizeof(subject)) == PHI_OK, "random bytes");
        for (unsigned long k = 0; k < facts; k++)
            send_fact(subject, i % 100 == 0 ? "antibody" : "nucleic-acid");
    }
    bench_require(phi_producer_flush(load.producer, phi_deadline_in_ms(FLUSH_MS)) == PHI_OK &&
                      atomic_load(&load.kept) == people * facts,
                  "every fact kept by the bus");
    printf("{\"facts\": %lu}\n", atomic_load(&load.kept));
    phi_producer_close(load.producer);
    phi_seal_key_free(load.health);
    phi_hmac_key_free(load.bus);
    return 0;
}
