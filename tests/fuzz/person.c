/* A person's document as an id token or a source's line names it, and the consent record. */
#include "codes/consent.h"
#include "codes/idtype.h"
#include "fuzz.h"

#define ARENA_MAX (1024 * 1024)

static void check_person(const struct phi_person *person, struct phi_arena *arena)
{
    struct phi_view record = {0};
    struct phi_person again;
    int64_t time_s = 0;
    if (phi_consent_format(person, 1795219200, arena, &record) != PHI_OK)
        return;
    fuzz_expect(phi_consent_parse(record, &again, &time_s) == PHI_OK);
    fuzz_expect(time_s == 1795219200);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_person person = {0};
    int64_t time_s = 0;
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    if (phi_consent_parse(phi_view_of(data, len), &person, &time_s) == PHI_OK)
        check_person(&person, arena);
    phi_arena_free(arena);
    return 0;
}
