/* A record of person.key, of whoever may write there. */
#include "fuzz.h"
#include "person/key.h"

#define ARENA_MAX (1024 * 1024)

static const char subject[] = "ZZZZZZZZZZZZZZZZ";
static struct phi_seal_key *health;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[32] = {1};
    struct phi_person_key key;
    if (len > 16384)
        return 0;
    if (health == NULL)
        fuzz_expect(phi_seal_key_new(1, phi_view_of(secret, sizeof(secret)), &health) == PHI_OK);
    const struct phi_msg msg = {.topic = "phi.320000.person.key",
                                .key = phi_view_of(subject, PHI_SUBJECT_LEN),
                                .value = phi_view_of(data, len)};
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    if (phi_person_key_read(&msg, "320000", health, arena, &key, NULL) == PHI_OK)
        fuzz_expect(key.version > 0 && key.version <= PHI_PERSON_VERSION_MAX);
    phi_arena_free(arena);
    return 0;
}
