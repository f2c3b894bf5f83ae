#include "svc-declare/sources/rhythm.h"

#include "codes/sources.h"

#include <string.h>

#define DEPTH_MAX       3
#define INSTITUTION_MAX 64
#define SOURCE_MAX      32
#define EVERY_MAX_S     (31 * 86400)
#define SECOND_US       1000000LL

static enum phi_err read_item(const struct phi_json_at *at, struct rhythm *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"source", "institution", "everySeconds"};
    int64_t every_s = 0;
    PHI_GUARD(phi_json_only(at, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_word(at, "source", SOURCE_MAX, &out->source, error));
    if (phi_source_bit(out->source) == 0)
        return phi_json_refuse(at, "source", PHI_ERR_FIELD_VALUE, "no data source", error);
    PHI_GUARD(phi_json_word(at, "institution", INSTITUTION_MAX, &out->institution, error));
    PHI_GUARD(phi_json_int(at, "everySeconds", 1, EVERY_MAX_S, &every_s, error));
    out->every_us = every_s * SECOND_US;
out:
    return err;
}

static bool is_there(const struct rhythms *rhythms, const struct rhythm *one)
{
    for (size_t i = 0; i < rhythms->count; i++)
        if (strcmp(rhythms->items[i].source, one->source) == 0 &&
            strcmp(rhythms->items[i].institution, one->institution) == 0)
            return true;
    return false;
}

enum phi_err rhythms_read(struct phi_view bytes, struct phi_arena *arena, struct rhythms *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    struct rhythms found = {0};
    size_t count = 0;
    PHI_GUARD(phi_json_read(bytes, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_as_array(&root, 0, RHYTHMS_MAX, &count, error));
    found.items = phi_arena_alloc(arena, (count + 1) * sizeof(*found.items));
    PHI_GUARD(found.items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&root, i);
        struct rhythm *one = &found.items[found.count];
        PHI_GUARD(read_item(&item, one, error));
        if (is_there(&found, one))
            return phi_json_refuse(&item, NULL, PHI_ERR_FIELD_VALUE, "there twice", error);
        found.count++;
    }
    *out = found;
out:
    return err;
}

struct rhythm_state rhythm_judge(const struct rhythm *rhythm, int64_t last_us, int64_t since_us,
                                 int64_t now_us)
{
    int64_t from_us = last_us > since_us ? last_us : since_us;
    struct rhythm_state state = {.last_us = last_us};
    state.fresh_until_us = from_us + rhythm->every_us + rhythm->every_us / 4;
    state.is_silent = now_us > state.fresh_until_us;
    return state;
}

bool rhythm_is_news(const struct rhythm_state *before, const struct rhythm_state *now,
                    int64_t every_us)
{
    int64_t moved_us = now->fresh_until_us - before->fresh_until_us;
    return before->is_silent != now->is_silent || moved_us < 0 || moved_us > every_us / 4;
}
