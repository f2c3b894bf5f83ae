#include "svc-directory/facts/stays.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ID_MAX (STAY_PLACE_MAX - 1)

/* Members of the sources' schemas (docs/schemas). */
struct shape {
    const char *source;
    const char *list; /* NULL: the content itself is the one stay */
    const char *region;
    const char *place; /* NULL: none */
    const char *from;
    const char *to;
    bool may_last;
};

static const struct shape shapes[] = {
    {"declare.health", "riskStays", "region", NULL, "from", "to", false},
    {"declare.trip", NULL, "fromRegion", NULL, "departedAt", "departedAt", false},
    {"declare.trip", NULL, "toRegion", NULL, "arrivedAt", "arrivedAt", false},
    {"source.travel", NULL, "fromRegion", NULL, "departedAt", "departedAt", false},
    {"source.travel", NULL, "toRegion", NULL, "arrivedAt", "arrivedAt", false},
    {"source.surveys", "stays", "region", NULL, "from", "to", false},
    {"source.roaming", NULL, "region", NULL, "from", "to", false},
    {"source.venues", NULL, "region", "placeId", "from", "to", true},
    {"source.checkpoints", NULL, "region", "placeId", "passedAt", "passedAt", false},
    {"source.contacts", NULL, "region", NULL, "contactAt", "contactAt", false},
};

struct list {
    struct stay *items;
    size_t count;
    size_t max;
};

static void add(struct list *list, char kind, const char *id, int64_t from_us, int64_t to_us)
{
    if (list->count == list->max || id == NULL || !phi_text_is_word(phi_view_text(id), ID_MAX))
        return;
    struct stay *stay = &list->items[list->count++];
    stay->from_us = from_us;
    stay->to_us = to_us;
    snprintf(stay->place, sizeof(stay->place), "%c%s", kind, id);
}

static void read_stay(const struct shape *shape, const json_t *value, struct list *list)
{
    const struct phi_json_at at = phi_json_root(value);
    int64_t from_us = 0, to_us = INT64_MAX;
    if (phi_json_time(&at, shape->from, &from_us, NULL) != PHI_OK)
        return;
    bool has_end = shape->may_last
                       ? phi_json_time_opt(&at, shape->to, INT64_MAX, &to_us, NULL) == PHI_OK
                       : phi_json_time(&at, shape->to, &to_us, NULL) == PHI_OK;
    if (!has_end || to_us < from_us)
        return;
    add(list, 'r', json_string_value(json_object_get(value, shape->region)), from_us, to_us);
    if (shape->place != NULL)
        add(list, 'p', json_string_value(json_object_get(value, shape->place)), from_us, to_us);
}

size_t stays_of(const char *source, const json_t *content, struct stay *out, size_t max)
{
    struct list list = {.items = out, .max = max};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(shapes[i].source, source) != 0)
            continue;
        if (shapes[i].list == NULL) {
            read_stay(&shapes[i], content, &list);
            continue;
        }
        const json_t *array = json_object_get(content, shapes[i].list);
        for (size_t k = 0; k < json_array_size(array); k++)
            read_stay(&shapes[i], json_array_get(array, k), &list);
    }
    return list.count;
}
