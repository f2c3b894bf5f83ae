/* What the nationwide query answers: every region's entry, and the strictest. Regions whose
 * platform is suspended are named and left out. */
#include "svc-platform/query/query.h"

#include "codes/grade.h"

#include <stdio.h>
#include <string.h>

static enum phi_grade grade_at(const struct phi_rows *rows, size_t i, int64_t now_us)
{
    bool is_over = now_us > phi_rows_i64(rows, i, QUERY_UNTIL);
    return (enum phi_grade)phi_rows_i64(rows, i, is_over ? QUERY_THEN : QUERY_GRADE);
}

static json_t *reasons_of(const char *joined)
{
    json_t *list = json_array();
    while (*joined != '\0') {
        size_t len = strcspn(joined, ",");
        json_array_append_new(list, json_stringn(joined, len));
        joined += len + (joined[len] == ',');
    }
    return list;
}

static json_t *entry_of(const struct phi_rows *rows, size_t i, int64_t now_us)
{
    char from[PHI_RFC3339_MAX], updated[PHI_RFC3339_MAX], version[24];
    phi_rfc3339_format(phi_rows_i64(rows, i, QUERY_FROM), from);
    phi_rfc3339_format(phi_rows_i64(rows, i, QUERY_UPDATED), updated);
    snprintf(version, sizeof(version), "%lld", (long long)phi_rows_i64(rows, i, QUERY_VERSION));
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s}", "region", phi_rows_text(rows, i, QUERY_REGION), "version",
        version, "grade", phi_grade_code(grade_at(rows, i, now_us)), "reasons",
        reasons_of(phi_rows_text(rows, i, QUERY_REASONS)), "from", from, "updatedAt", updated);
}

/* Who reads the answer sees that a region is missing, and since when; not what it said. */
static json_t *left_out(const struct phi_rows *rows, size_t i, const char *state)
{
    char updated[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, QUERY_UPDATED), updated);
    return json_pack("{s:s, s:s, s:s}", "region", phi_rows_text(rows, i, QUERY_REGION), "state",
                     state, "updatedAt", updated);
}

enum phi_err platform_query_answer(const struct phi_rows *rows, size_t first, size_t count,
                                   const struct phi_trust_view *trust, int64_t now_us, json_t **out)
{
    json_t *entries = json_array(), *missing = json_array();
    enum phi_grade strictest = PHI_GRADE_GREY;
    for (size_t i = first; i < first + count; i++) {
        const char *state = platform_standing(trust, phi_rows_text(rows, i, QUERY_REGION));
        if (state != NULL) {
            json_array_append_new(missing, left_out(rows, i, state));
            continue;
        }
        strictest = phi_grade_stricter(strictest, grade_at(rows, i, now_us));
        json_array_append_new(entries, entry_of(rows, i, now_us));
    }
    *out = json_pack("{s:o, s:s, s:o}", "entries", entries, "strictest", phi_grade_code(strictest),
                     "leftOut", missing);
    return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
}
