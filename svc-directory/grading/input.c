/* From the database's rows to what the rules see. */
#include "svc-directory/grading/grading.h"

#include "codes/sources.h"

/* The content, with what is published about its places. */
static struct phi_view content_of(const struct phi_rows *rows, size_t row, struct phi_arena *arena)
{
    struct phi_view content = phi_view_text(phi_rows_text(rows, row, GRADING_CONTENT));
    const char *risk = grading_risk(rows, row);
    char at[PHI_RFC3339_MAX];
    if (risk == NULL || content.len < 2)
        return content;
    phi_rfc3339_format(phi_rows_i64(rows, row, GRADING_RISK_AT), at);
    const char *text = phi_arena_printf(arena, "%.*s,\"placeRisk\":\"%s\",\"placeRiskAt\":\"%s\"}",
                                        (int)content.len - 1, (const char *)content.data, risk, at);
    return text == NULL ? phi_view_of(NULL, 0) : phi_view_text(text);
}

static struct rules_fact fact_of(const struct phi_rows *rows, size_t row, struct phi_arena *arena)
{
    return (struct rules_fact){
        .source = phi_view_text(phi_rows_text(rows, row, GRADING_SOURCE)),
        .institution = phi_view_text(phi_rows_text(rows, row, GRADING_INSTITUTION)),
        .content = content_of(rows, row, arena),
        .observed_us = phi_rows_i64(rows, row, GRADING_OBSERVED),
    };
}

enum phi_err input_of_rows(const struct phi_rows *rows, size_t first, size_t last, int64_t now_us,
                           struct phi_arena *arena, struct rules_input **out)
{
    size_t count = 0;
    struct rules_fact *facts = phi_arena_alloc(arena, (last - first + 1) * sizeof(*facts));
    if (facts == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = first; i < last && count < FACTS_PER_PERSON; i++) {
        if (!grading_counts(rows, i) || grading_is_relieved(rows, i, now_us))
            continue;
        facts[count] = fact_of(rows, i, arena);
        if (facts[count++].content.data == NULL)
            return PHI_ERR_MEMORY;
    }
    return rules_input_new(arena, facts, count, now_us, out);
}

uint32_t input_source_bit(const char *source)
{
    return phi_source_bit(source);
}
