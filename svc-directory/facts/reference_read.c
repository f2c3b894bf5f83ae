/* The values of reference.places and reference.sources (docs/schemas). */
#include "svc-directory/facts/reference.h"

#include "base/text.h"
#include "codes/region.h"

#include <string.h>

#define DEPTH_MAX   4
#define VERSION_MAX 9007199254740991LL

static enum phi_err open_value(const struct phi_msg *msg, uint64_t version, struct phi_arena *arena,
                               struct phi_json_at *root, int64_t *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, root, error));
    PHI_GUARD(phi_json_int(root, "version", 1, VERSION_MAX, out, error));
    if ((uint64_t)*out != version)
        return phi_json_refuse(root, "version", PHI_ERR_FIELD_VALUE, "not the header's", error);
out:
    return err;
}

static enum phi_err copy_key(const struct phi_msg *msg, char *out, size_t size,
                             struct phi_error *error)
{
    if (msg->key.len == 0 || msg->key.len >= size)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "key", "empty or too long");
    memcpy(out, msg->key.data, msg->key.len);
    out[msg->key.len] = '\0';
    return PHI_OK;
}

/* What a region's code covers: all codes with its digits before the zeros, two by two. */
static void bound_region(const char *region, struct reference_place *out)
{
    size_t len = strcmp(region + 2, "0000") == 0 ? 2 : strcmp(region + 4, "00") == 0 ? 4 : 6;
    snprintf(out->place, sizeof(out->place), "r%s", region);
    snprintf(out->low, sizeof(out->low), "r%.*s", (int)len, region);
    snprintf(out->high, sizeof(out->high), "r%.*s%s", (int)len, region, len < 6 ? "~" : "");
}

static enum phi_err read_where(const struct phi_json_at *root, struct reference_place *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const kinds[] = {"region", "community", "venue"};
    const char *region = NULL, *id = NULL;
    size_t kind = 0;
    PHI_GUARD(phi_json_enum(root, "kind", kinds, 3, &kind, error));
    PHI_GUARD(phi_json_word(root, "region", PHI_REGION_LEN, &region, error));
    if (!phi_region_is_valid(phi_view_text(region)))
        return phi_json_refuse(root, "region", PHI_ERR_FIELD_VALUE, "not a region", error);
    if (kind == 0) {
        bound_region(region, out);
        return PHI_OK;
    }
    PHI_GUARD(phi_json_word(root, "placeId", 64, &id, error));
    snprintf(out->place, sizeof(out->place), "p%s", id);
    memcpy(out->low, out->place, sizeof(out->low));
    memcpy(out->high, out->place, sizeof(out->high));
out:
    return err;
}

enum phi_err reference_place_read(const struct phi_msg *msg, uint64_t version,
                                  struct phi_arena *arena, struct reference_place *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const risks[] = {"low", "medium", "high"};
    static const char *const states[] = {"in-force", "withdrawn"};
    struct phi_json_at root;
    struct reference_place place = {0};
    size_t risk = 0, state = 0;
    PHI_GUARD(open_value(msg, version, arena, &root, &place.version, error));
    PHI_GUARD(copy_key(msg, place.entry, sizeof(place.entry), error));
    PHI_GUARD(read_where(&root, &place, error));
    PHI_GUARD(phi_json_enum(&root, "risk", risks, 3, &risk, error));
    PHI_GUARD(phi_json_enum(&root, "state", states, 2, &state, error));
    PHI_GUARD(phi_json_time(&root, "from", &place.from_us, error));
    PHI_GUARD(phi_json_time_opt(&root, "to", INT64_MAX, &place.to_us, error));
    place.risk = state == 0 ? (int)risk + 1 : 0;
    *out = place;
out:
    return err;
}

enum phi_err reference_source_read(const struct phi_msg *msg, uint64_t version,
                                   struct phi_arena *arena, struct reference_source *out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const states[] = {"heard", "silent", "ended"};
    struct phi_json_at root;
    struct reference_source source = {0};
    const char *stream = NULL;
    size_t state = 0;
    PHI_GUARD(open_value(msg, version, arena, &root, &source.version, error));
    PHI_GUARD(copy_key(msg, source.name, sizeof(source.name), error));
    PHI_GUARD(phi_json_word(&root, "source", 64, &stream, error));
    PHI_GUARD(phi_json_enum(&root, "state", states, 3, &state, error));
    PHI_GUARD(phi_json_time(&root, "freshUntil", &source.fresh_until_us, error));
    snprintf(source.source, sizeof(source.source), "%s", stream);
    source.is_ended = state == 2;
    *out = source;
out:
    return err;
}
