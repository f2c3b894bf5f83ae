/* The nation's trust list: what is read is written and read again as the same. */
#include "auth/trust.h"
#include "fuzz.h"

#define ARENA_MAX (8 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_trust_list list, again;
    struct phi_view once = {0}, twice = {0};
    struct phi_error error;
    if (len > 32768)
        return 0;
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    if (phi_trust_decode(phi_view_of(data, len), arena, &list, &error) == PHI_OK) {
        fuzz_expect(phi_trust_encode(&list, arena, &once, &error) == PHI_OK);
        fuzz_expect(phi_trust_decode(once, arena, &again, &error) == PHI_OK);
        fuzz_expect(phi_trust_encode(&again, arena, &twice, &error) == PHI_OK);
        fuzz_expect(phi_view_equal(once, twice));
    }
    phi_arena_free(arena);
    return 0;
}
