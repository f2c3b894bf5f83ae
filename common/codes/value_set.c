#include "codes/value_set.h"

#include <string.h>

struct phi_value_set {
    const char *name;
    const unsigned char *bytes;
    const size_t *len;
};

/* By name; the build adds the bytes of each file. */
#define SETS(X)                                                                                    \
    X("antibody", antibody)                                                                        \
    X("case-class", case_class)                                                                    \
    X("condition", condition)                                                                      \
    X("contact", contact)                                                                          \
    X("contact-setting", contact_setting)                                                          \
    X("direction", direction)                                                                      \
    X("disposition", disposition)                                                                  \
    X("distance", distance)                                                                        \
    X("fever-diagnosis", fever_diagnosis)                                                          \
    X("gbt2260", gbt2260)                                                                          \
    X("gbt2261-1", gbt2261_1)                                                                      \
    X("gbt2659", gbt2659)                                                                          \
    X("household", household)                                                                      \
    X("id-type", id_type)                                                                          \
    X("isolation", isolation)                                                                      \
    X("measure", measure)                                                                          \
    X("outcome", outcome)                                                                          \
    X("place-kind", place_kind)                                                                    \
    X("place-role", place_role)                                                                    \
    X("record-type", record_type)                                                                  \
    X("risk-level", risk_level)                                                                    \
    X("severity", severity)                                                                        \
    X("symptom", symptom)                                                                          \
    X("test-method", test_method)                                                                  \
    X("test-result", test_result)                                                                  \
    X("transport", transport)                                                                      \
    X("vaccine", vaccine)

#define X(name, id)                                                                                \
    extern const unsigned char phi_embed_##id##_tsv[];                                             \
    extern const size_t phi_embed_##id##_tsv_len;
SETS(X)
#undef X

static const struct phi_value_set sets[] = {
#define X(name, id) {name, phi_embed_##id##_tsv, &phi_embed_##id##_tsv_len},
    SETS(X)
#undef X
};

const struct phi_value_set *phi_value_set_at(size_t i)
{
    return i < sizeof(sets) / sizeof(sets[0]) ? &sets[i] : NULL;
}

const struct phi_value_set *phi_value_set_find(const char *name)
{
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
    return NULL;
}

const char *phi_value_set_name(const struct phi_value_set *set)
{
    return set->name;
}

/* The line that begins at `at`, without its end; `next` is where the following one begins. */
static struct phi_view line_at(const struct phi_value_set *set, size_t at, size_t *next)
{
    const unsigned char *feed = memchr(set->bytes + at, '\n', *set->len - at);
    size_t end = feed == NULL ? *set->len : (size_t)(feed - set->bytes);
    *next = feed == NULL ? end : end + 1;
    return phi_view_of(set->bytes + at, end - at);
}

static struct phi_view code_of(struct phi_view line)
{
    const uint8_t *tab = memchr(line.data, '\t', line.len);
    return phi_view_of(line.data, tab == NULL ? line.len : (size_t)(tab - line.data));
}

struct phi_view phi_value_set_title(const struct phi_value_set *set)
{
    size_t next = 0;
    struct phi_view line = line_at(set, 0, &next);
    return phi_view_of(line.data + 2, line.len - 2);
}

bool phi_value_set_next(const struct phi_value_set *set, size_t *at, struct phi_view *code)
{
    while (*at < *set->len) {
        struct phi_view line = line_at(set, *at, at);
        if (line.len == 0 || line.data[0] == '#')
            continue;
        *code = code_of(line);
        return true;
    }
    return false;
}

static int compare(struct phi_view a, struct phi_view b)
{
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where the line around `at` begins, not before `low`. */
static size_t begin_of(const struct phi_value_set *set, size_t low, size_t at)
{
    while (at > low && set->bytes[at - 1] != '\n')
        at--;
    return at;
}

/* The lines are sorted by code ('#' sorts before every code): bisection over the bytes. */
bool phi_value_set_has(const struct phi_value_set *set, struct phi_view code)
{
    size_t low = 0, high = *set->len, next = 0;
    if (code.len == 0 || code.data[0] == '#')
        return false;
    while (low < high) {
        size_t at = begin_of(set, low, low + (high - low) / 2);
        int order = compare(code, code_of(line_at(set, at, &next)));
        if (order == 0)
            return true;
        if (order < 0)
            high = at;
        else
            low = next;
    }
    return false;
}
