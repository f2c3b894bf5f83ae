/* A directory entry as another province published it. */
#include "fuzz.h"
#include "svc-platform/platform.h"

#define ARENA_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_entry entry, again;
    struct phi_view json = {0};
    struct phi_error error;
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    if (platform_entry_read(phi_view_of(data, len), arena, &entry, &error) == PHI_OK &&
        phi_entry_format(&entry, arena, &json) == PHI_OK) {
        fuzz_expect(platform_entry_read(json, arena, &again, &error) == PHI_OK);
        fuzz_expect(again.version == entry.version && again.grade == entry.grade);
        fuzz_expect(again.from_us == entry.from_us && again.until_us == entry.until_us);
    }
    phi_arena_free(arena);
    return 0;
}
