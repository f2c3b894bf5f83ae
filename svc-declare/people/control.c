#include "svc-declare/people/control.h"

#include "codes/region.h"

#include <string.h>

#define DEPTH_MAX      3
#define EVERY_MAX_H    (31 * 24)
#define HOUR_US        (3600 * 1000000LL)
#define REGION_MIN_LEN 2

/* Two, four or six digits of regions that there are. */
static bool begins_a_region(const char *text)
{
    char whole[PHI_REGION_LEN + 1] = "000000";
    size_t len = strlen(text);
    if (len < REGION_MIN_LEN || len > PHI_REGION_LEN || len % 2 != 0)
        return false;
    for (size_t i = 0; i < len; i++)
        whole[i] = text[i];
    return phi_region_is_valid(phi_view_text(whole));
}

static enum phi_err read_period(const struct phi_json_at *at, struct control_period *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "from", "to", "everyHours"};
    int64_t hours = 0;
    PHI_GUARD(phi_json_only(at, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_word(at, "region", PHI_REGION_LEN, &out->region, error));
    if (!begins_a_region(out->region))
        return phi_json_refuse(at, "region", PHI_ERR_RULE, "no region's first digits", error);
    PHI_GUARD(phi_json_time(at, "from", &out->from_us, error));
    PHI_GUARD(phi_json_time(at, "to", &out->to_us, error));
    if (out->to_us <= out->from_us)
        return phi_json_refuse(at, "to", PHI_ERR_RULE, "not after from", error);
    PHI_GUARD(phi_json_int(at, "everyHours", 1, EVERY_MAX_H, &hours, error));
    out->every_us = hours * HOUR_US;
out:
    return err;
}

enum phi_err control_read(struct phi_view bytes, struct phi_arena *arena, struct control *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    struct control found = {0};
    PHI_GUARD(phi_json_read(bytes, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_as_array(&root, 0, CONTROL_PERIODS_MAX, &found.count, error));
    found.items = phi_arena_alloc(arena, (found.count + 1) * sizeof(*found.items));
    PHI_GUARD(found.items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < found.count; i++) {
        struct phi_json_at item = phi_json_item(&root, i);
        PHI_GUARD(read_period(&item, &found.items[i], error));
    }
    *out = found;
out:
    return err;
}

const struct control_period *control_find(const struct control *control, const char *region,
                                          int64_t now_us)
{
    const struct control_period *best = NULL;
    for (size_t i = 0; i < control->count; i++) {
        const struct control_period *one = &control->items[i];
        bool is_in_force = one->from_us <= now_us && now_us < one->to_us &&
                           strncmp(region, one->region, strlen(one->region)) == 0;
        if (is_in_force && (best == NULL || one->every_us < best->every_us))
            best = one;
    }
    return best;
}

struct control_due control_judge(const struct control_period *period, int64_t last_us,
                                 int64_t now_us)
{
    int64_t at_us = last_us == 0 ? period->from_us : last_us + period->every_us;
    if (at_us < period->from_us)
        at_us = period->from_us;
    if (at_us <= now_us)
        return (struct control_due){.is_due = true, .at_us = at_us};
    return (struct control_due){.is_due = false, .at_us = at_us < period->to_us ? at_us : 0};
}
