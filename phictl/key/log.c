/* The audit log of a folder of keys: lines "<hash> <json>", each hash being the SM3 of the one
 * before and of its JSON. The manifest, which is under a MAC, holds the number of lines and the
 * last hash. */
#include "phictl/key/folder.h"

#include <stdio.h>
#include <string.h>

#define HASH_HEX (2 * PHI_SM3_LEN)

static enum phi_err chain(uint8_t head[PHI_SM3_LEN], struct phi_view json)
{
    uint8_t next[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_of(head, PHI_SM3_LEN), json};
    enum phi_err err = phi_sm3_parts(parts, 2, next);
    if (err == PHI_OK)
        memcpy(head, next, sizeof(next));
    return err;
}

static enum phi_err broken(struct phi_error *error, uint64_t number, const char *why)
{
    char place[48];
    (void)snprintf(place, sizeof(place), "audit.log, line %llu", (unsigned long long)number);
    return phi_error_set(error, PHI_ERR_DATA_BROKEN, place, "%s", why);
}

/* The line's JSON, when its hash follows from `head`. */
static enum phi_err read_line(struct phi_view line, uint8_t head[PHI_SM3_LEN],
                              struct phi_view *json)
{
    char hex[HASH_HEX + 1];
    if (line.len < HASH_HEX + 3 || line.data[HASH_HEX] != ' ')
        return PHI_ERR_DATA_BROKEN;
    *json = phi_view_of(line.data + HASH_HEX + 1, line.len - HASH_HEX - 1);
    enum phi_err err = chain(head, *json);
    phi_hex_encode(phi_view_of(head, PHI_SM3_LEN), hex);
    if (err == PHI_OK && memcmp(hex, line.data, HASH_HEX) != 0)
        err = PHI_ERR_DATA_BROKEN;
    return err;
}

enum phi_err key_log_walk(struct phi_view text, const struct phi_manifest *manifest,
                          void (*each)(struct phi_view json, void *context), void *context,
                          uint64_t *count, uint8_t head[PHI_SM3_LEN], size_t *end,
                          struct phi_error *error)
{
    struct phi_view left = text;
    struct phi_view json;
    const uint8_t *newline = NULL;
    memset(head, 0, PHI_SM3_LEN);
    *count = 0;
    while (left.len > 0 && (newline = memchr(left.data, '\n', left.len)) != NULL) {
        size_t len = (size_t)(newline - left.data);
        if (read_line(phi_view_of(left.data, len), head, &json) != PHI_OK)
            return broken(error, *count + 1, "does not follow from the one before");
        *count += 1;
        if (*count == manifest->step_count && memcmp(head, manifest->step_head, PHI_SM3_LEN) != 0)
            return broken(error, *count, "is not the one that the manifest knows");
        if (each != NULL)
            each(json, context);
        left = phi_view_of(newline + 1, left.len - len - 1);
    }
    *end = text.len - left.len;
    if (*count < manifest->step_count)
        return broken(error, *count + 1, "is missing");
    return PHI_OK;
}

enum phi_err key_log_line(struct phi_view json, uint8_t head[PHI_SM3_LEN], struct phi_arena *arena,
                          struct phi_view *out)
{
    size_t len = HASH_HEX + 1 + json.len + 1;
    char *line = phi_arena_alloc(arena, len + 1);
    if (line == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = chain(head, json);
    if (err != PHI_OK)
        return err;
    phi_hex_encode(phi_view_of(head, PHI_SM3_LEN), line);
    line[HASH_HEX] = ' ';
    memcpy(line + HASH_HEX + 1, json.data, json.len);
    line[len - 1] = '\n';
    *out = phi_view_of(line, len);
    return PHI_OK;
}
