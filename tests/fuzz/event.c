/* A record off the bus. The input: key, value, then headers, each part after a u16 length; a
 * header's name ends at its first zero byte. */
#include "bus/event.h"
#include "bus/signed.h"
#include "fuzz.h"

#define ARENA_MAX (1024 * 1024)

static void read_msg(struct phi_reader *in, struct phi_arena *arena, struct phi_msg *out)
{
    *out = (struct phi_msg){.topic = "phi.320000.declare.health", .time_ms = -1};
    out->key = phi_read_view16(in);
    out->value = phi_read_view16(in);
    out->is_tombstone = out->value.len == 0;
    while (phi_reader_left(in) > 0 && out->header_count < PHI_MSG_HEADERS_MAX) {
        struct phi_view rest = phi_read_view16(in);
        char *name = phi_arena_text(arena, fuzz_cut(&rest, '\0'));
        fuzz_expect(name != NULL);
        out->headers[out->header_count++] = (struct phi_header){.name = name, .value = rest};
    }
}

static void check_again(const struct phi_event *event, struct phi_arena *arena)
{
    struct phi_msg msg = {.topic = event->topic, .key = event->key, .value = event->value};
    struct phi_event again;
    struct phi_error error;
    msg.is_tombstone = event->is_tombstone;
    fuzz_expect(phi_event_headers(event, arena, msg.headers, &msg.header_count) == PHI_OK);
    fuzz_expect(phi_event_parse(&msg, arena, &again, &error) == PHI_OK);
    fuzz_expect(memcmp(event->id, again.id, sizeof(again.id)) == 0);
    fuzz_expect(event->time_us == again.time_us && event->extra_count == again.extra_count);
    fuzz_expect(strcmp(event->type, again.type) == 0 && strcmp(event->source, again.source) == 0);
}

static void check_signature(const struct phi_msg *msg)
{
    static struct phi_sm2_public *key;
    static struct phi_hmac_key *mac;
    static const uint8_t secret[32] = {1};
    uint64_t version = 0;
    struct phi_error error;
    if (key == NULL) {
        struct phi_sm2_private *private_key = NULL;
        uint8_t xy[PHI_SM2_PUBLIC_LEN];
        fuzz_expect(phi_sm2_private_generate(&private_key) == PHI_OK);
        phi_sm2_private_public(private_key, xy);
        fuzz_expect(phi_sm2_public_new(xy, &key) == PHI_OK);
        fuzz_expect(phi_hmac_key_new(phi_view_of(secret, sizeof(secret)), &mac) == PHI_OK);
        phi_sm2_private_free(private_key);
    }
    const struct phi_pinned_key pinned = {.key_serial = "0123456789abcdef", .key = key};
    fuzz_expect(phi_signed_verify(msg, &pinned, 1, &version, &error) != PHI_OK);
    fuzz_expect(phi_mac_verify(msg, mac, &error) != PHI_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_reader in = phi_reader_of(phi_view_of(data, len));
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    struct phi_msg msg;
    struct phi_event event;
    struct phi_error error;
    read_msg(&in, arena, &msg);
    if (phi_event_parse(&msg, arena, &event, &error) == PHI_OK)
        check_again(&event, arena);
    check_signature(&msg);
    phi_arena_free(arena);
    return 0;
}
