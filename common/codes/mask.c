#include "codes/mask.h"

#include "base/mutant.h"
#include "base/text.h"

#include <string.h>

#define STARS_MAX 8

static size_t char_len(struct phi_view text)
{
    size_t len = 1;
    while (len < text.len && (text.data[len] & 0xc0) == 0x80)
        len++;
    return len;
}

static struct phi_view last_char(struct phi_view text)
{
    size_t from = text.len - 1;
    while (from > 0 && (text.data[from] & 0xc0) == 0x80)
        from--;
    return phi_view_of(text.data + from, text.len - from);
}

static enum phi_err put(struct phi_arena *arena, struct phi_view head, size_t stars,
                        struct phi_view tail, struct phi_view *out)
{
    uint8_t *text = phi_arena_alloc(arena, head.len + stars + tail.len + 1);
    if (!text)
        return PHI_ERR_MEMORY;
    memcpy(text, head.data, head.len);
    memset(text + head.len, '*', stars);
    if (tail.len > 0)
        memcpy(text + head.len + stars, tail.data, tail.len);
    *out = phi_view_of(text, head.len + stars + tail.len);
    return PHI_OK;
}

enum phi_err phi_mask_name(struct phi_view name, struct phi_arena *arena, struct phi_view *out)
{
    if (name.len == 0 || !phi_text_is_utf8(name))
        return PHI_ERR_FIELD_VALUE;
    size_t count = phi_text_count(name);
    if (PHI_MUTANT(name_unmasked))
        return put(arena, name, 0, phi_view_of(NULL, 0), out);
    struct phi_view none = phi_view_of(NULL, 0);
    struct phi_view head = phi_view_of(name.data, char_len(name));
    if (count <= 2)
        return put(arena, count == 2 ? head : phi_view_text(""), 1, none, out);
    size_t stars = count - 2 < STARS_MAX ? count - 2 : STARS_MAX;
    return put(arena, head, stars, last_char(name), out);
}

static size_t kept(size_t len)
{
    return len >= 12 ? 4 + 3 * PHI_MUTANT(number_half_masked) : 2;
}

enum phi_err phi_mask_id_no(struct phi_view id_no, struct phi_arena *arena, struct phi_view *out)
{
    if (!phi_text_is_word(id_no, 64))
        return PHI_ERR_FIELD_VALUE;
    struct phi_view none = phi_view_of(NULL, 0);
    if (id_no.len < 6)
        return put(arena, phi_view_of(id_no.data, id_no.len > 1), id_no.len > 1 ? id_no.len - 1 : 1,
                   none, out);
    size_t keep = kept(id_no.len);
    return put(arena, phi_view_of(id_no.data, keep), id_no.len - 2 * keep,
               phi_view_of(id_no.data + id_no.len - keep, keep), out);
}
