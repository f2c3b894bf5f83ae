/* The value of a fact that svc-directory reads off the bus, under a right
 * MAC: a program of ours that went astray, not a stranger. */
#include "fuzz.h"
#include "svc-directory/facts/fact.h"

#define ARENA_MAX (4 * 1024 * 1024)

static const char subject[] = "ZZZZZZZZZZZZZZZZ";
static struct fact_keys keys;

static void make_keys(void)
{
    static const uint8_t secret[32] = {1};
    if (keys.bus != NULL)
        return;
    fuzz_expect(phi_hmac_key_new(phi_view_of(secret, sizeof(secret)), &keys.bus) == PHI_OK);
    fuzz_expect(phi_seal_key_new(1, phi_view_of(secret, sizeof(secret)), &keys.health) == PHI_OK);
}

static void check_fact(struct phi_view value, const char *source, struct phi_arena *arena)
{
    struct phi_msg msg = {.topic = "phi.320000.fuzz", .value = value};
    struct phi_event event = {.topic = msg.topic, .value = value};
    struct phi_error error = {.code = PHI_OK};
    struct fact fact;
    msg.key = event.key = phi_view_of(subject, PHI_SUBJECT_LEN);
    if (phi_mac_add(&event, keys.bus, arena) != PHI_OK)
        return;
    memcpy(msg.headers, event.extra, event.extra_count * sizeof(event.extra[0]));
    msg.header_count = event.extra_count;
    if (fact_read(&msg, source, "320000", &keys, arena, &fact, &error) == PHI_OK)
        fuzz_expect(fact.content.len > 0 && fact.revision > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view value = phi_view_of(data, len);
    if (len == 0 || len > 16384)
        return 0;
    make_keys();
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    check_fact(value, "source.tests", arena);
    check_fact(value, "declare.health", arena);
    phi_arena_free(arena);
    return 0;
}
