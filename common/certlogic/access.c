#include "certlogic/rule.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX   15 /* of an index; what is longer is no index of anything here */
#define PER_STEP     16 /* members or items looked at for one step of the bound */
#define SURROGATE    0x10000u
#define IS_CONTINUED 0x80u

/* --- paths --- */

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A fragment as an index, in the manner of parseInt: the digits it begins with. */
static bool index_of(struct phi_view fragment, int64_t *out)
{
    size_t i = 0;
    int64_t number = 0;
    while (i < fragment.len && is_space(fragment.data[i]))
        i++;
    bool has_sign = i < fragment.len && (fragment.data[i] == '-' || fragment.data[i] == '+');
    bool is_negative = has_sign && fragment.data[i] == '-';
    size_t first = i += has_sign;
    for (; i < fragment.len && fragment.data[i] >= '0' && fragment.data[i] <= '9'; i++)
        if (i < first + DIGITS_MAX)
            number = number * 10 + (fragment.data[i] - '0');
    *out = is_negative ? -number : number;
    return i > first;
}

static enum phi_err step_parse(struct phi_arena *arena, struct phi_view fragment,
                               struct certlogic_step *out)
{
    out->is_length = phi_view_equal(fragment, phi_view_text("length"));
    out->has_index = index_of(fragment, &out->index);
    if (out->has_index) { /* of an object too, it is the number as it is written that counts */
        const char *text = phi_arena_printf(arena, "%lld", (long long)out->index);
        if (text == NULL)
            return PHI_ERR_MEMORY;
        out->key = phi_view_text(text);
        return PHI_OK;
    }
    out->key = phi_arena_view(arena, fragment);
    return out->key.data == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static size_t count_steps(struct phi_view path)
{
    size_t count = path.len > 0;
    for (size_t i = 0; i < path.len; i++)
        count += path.data[i] == '.';
    return count;
}

static void find_root(struct phi_certlogic_rule *out)
{
    static const struct {
        const char *name;
        enum certlogic_root root;
    } roots[] = {{"current", CERTLOGIC_CURRENT}, {"accumulator", CERTLOGIC_ACCUMULATOR}};
    for (size_t i = 0; i < 2 && out->count > 0; i++)
        if (phi_view_equal(out->of.path[0].key, phi_view_text(roots[i].name)))
            out->root = (uint8_t)roots[i].root;
}

enum phi_err certlogic_path_parse(struct phi_arena *arena, struct phi_view path,
                                  struct phi_certlogic_rule *out)
{
    enum phi_err err = PHI_OK;
    size_t count = count_steps(path), at = 0;
    struct certlogic_step *steps = phi_arena_alloc(arena, count * sizeof(*steps));
    PHI_GUARD(steps == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        while (at + len < path.len && path.data[at + len] != '.')
            len++;
        PHI_GUARD(step_parse(arena, phi_view_of(path.data + at, len), &steps[i]));
        at += len + 1;
    }
    out->of.path = steps;
    out->count = (uint32_t)count;
    find_root(out);
out:
    return err;
}

/* --- one step --- */

static const struct phi_certlogic_value *member_of(const struct phi_certlogic_value *object,
                                                   struct phi_view key, uint32_t *charge)
{
    *charge += object->count / PER_STEP;
    for (size_t i = object->count; i > 0; i--) { /* of two of one name the last counts */
        const struct phi_certlogic_member *member = &object->of.members[i - 1];
        if (member->key.len == key.len &&
            (key.len == 0 || memcmp(member->key.data, key.data, key.len) == 0))
            return member->value;
    }
    return &phi_certlogic_null;
}

static size_t bytes_of(uint8_t lead)
{
    return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Length in UTF-16 units. */
static uint32_t length_of(const struct phi_certlogic_value *text)
{
    uint32_t units = 0;
    for (size_t i = 0; i < text->count; i += bytes_of((uint8_t)text->of.text[i]))
        units += (uint8_t)text->of.text[i] >= 0xf0 ? 2 : 1;
    return units;
}

/* Half of a character beyond U+FFFF, coded as if it were one. */
static const struct phi_certlogic_value *half_of(struct phi_arena *arena, const char *at,
                                                 bool is_second)
{
    const uint8_t *b = (const uint8_t *)at;
    uint32_t point = (b[0] & 7u) << 18 | (b[1] & 63u) << 12 | (b[2] & 63u) << 6 | (b[3] & 63u);
    point -= SURROGATE;
    uint32_t unit = is_second ? 0xdc00u + (point & 0x3ffu) : 0xd800u + (point >> 10);
    uint8_t coded[3] = {(uint8_t)(0xe0u | unit >> 12), (uint8_t)(IS_CONTINUED | (unit >> 6 & 63u)),
                        (uint8_t)(IS_CONTINUED | (unit & 63u))};
    const char *copy = phi_arena_copy(arena, coded, sizeof(coded));
    return copy == NULL ? NULL : phi_certlogic_value_text(arena, phi_view_of(copy, sizeof(coded)));
}

static const struct phi_certlogic_value *
character_of(struct phi_arena *arena, const struct phi_certlogic_value *text, int64_t index)
{
    int64_t unit = 0;
    for (size_t i = 0; i < text->count && index >= 0;) {
        const char *at = text->of.text + i;
        size_t bytes = bytes_of((uint8_t)*at);
        int units = bytes == 4 ? 2 : 1;
        if (index < unit + units && units == 2)
            return half_of(arena, at, index > unit);
        if (index < unit + units)
            return phi_certlogic_value_text(arena, phi_view_of(at, bytes));
        unit += units;
        i += bytes;
    }
    return &phi_certlogic_null;
}

const struct phi_certlogic_value *certlogic_step_into(struct phi_arena *arena,
                                                      const struct phi_certlogic_value *from,
                                                      const struct certlogic_step *step,
                                                      uint32_t *charge)
{
    switch (from->type) {
    case PHI_CERTLOGIC_OBJECT:
        return member_of(from, step->key, charge);
    case PHI_CERTLOGIC_ARRAY:
        if (step->is_length)
            return phi_certlogic_value_number(arena, from->count);
        if (step->has_index && step->index >= 0 && step->index < from->count)
            return from->of.items[step->index];
        return &phi_certlogic_null;
    case PHI_CERTLOGIC_TEXT:
        *charge += from->count / PER_STEP;
        if (step->is_length)
            return phi_certlogic_value_number(arena, length_of(from));
        return step->has_index ? character_of(arena, from, step->index) : &phi_certlogic_null;
    default:
        return &phi_certlogic_null;
    }
}
