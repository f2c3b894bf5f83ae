/* What people and institutions hand in: a body of health or trips, a line of a data source or of
 * the list of places. */
#include "fuzz.h"
#include "forms/form.h"

#include <string.h>

#define ARENA_MAX (2 * 1024 * 1024)
#define NOW_US    1772337600000000LL /* 2026-03-01T12:00:00+08:00 */

static void check_body(struct phi_view json, struct phi_arena *arena)
{
    struct phi_json_at body;
    struct phi_error error = {.code = PHI_OK};
    struct form_health health;
    static struct form_trips trips;
    if (phi_json_read(json, 8, arena, &body, &error) != PHI_OK)
        return;
    if (form_health_read(&body, NOW_US, arena, &health, &error) == PHI_OK)
        fuzz_expect(json_is_object(health.content) && health.observed_us <= NOW_US + 5000000);
    if (form_trips_read(&body, NOW_US, arena, &trips, &error) == PHI_OK)
        fuzz_expect(trips.count >= 1 && trips.count <= FORM_TRIPS_MAX);
}

static void check_line(struct phi_view line, const struct form_kind *kind, struct phi_arena *arena)
{
    struct form_source source;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = form_source_read(kind, line, NOW_US, arena, &source, &error);
    if (err == PHI_OK)
        fuzz_expect(json_is_object(source.content) && json_is_object(source.personal));
    else
        fuzz_expect(err == PHI_ERR_MEMORY || error.code == err);
}

static void check_place(struct phi_view line, struct phi_arena *arena)
{
    struct form_place place;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = form_place_read(line, NOW_US, arena, &place, &error);
    if (err == PHI_OK)
        fuzz_expect(json_is_object(place.content) && strchr(place.key, '/') != NULL);
    else
        fuzz_expect(err == PHI_ERR_MEMORY || error.code == err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 16384)
        return 0;
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    check_body(phi_view_of(data, len), arena);
    for (size_t i = 0; form_kind_at(i) != NULL; i++)
        check_line(phi_view_of(data, len), form_kind_at(i), arena);
    check_place(phi_view_of(data, len), arena);
    phi_arena_free(arena);
    return 0;
}
