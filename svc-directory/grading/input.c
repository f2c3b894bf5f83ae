/* From the database's rows to what the rules see. */
#include "svc-directory/grading/grading.h"

#include "codes/sources.h"

static struct rules_fact fact_of(const struct phi_rows *rows, size_t row)
{
    return (struct rules_fact){
        .source = phi_view_text(phi_rows_text(rows, row, GRADING_SOURCE)),
        .institution = phi_view_text(phi_rows_text(rows, row, GRADING_INSTITUTION)),
        .content = phi_view_text(phi_rows_text(rows, row, GRADING_CONTENT)),
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
    for (size_t i = first; i < last && count < FACTS_PER_PERSON; i++)
        if (grading_counts(rows, i))
            facts[count++] = fact_of(rows, i);
    return rules_input_new(arena, facts, count, now_us, out);
}

uint32_t input_source_bit(const char *source)
{
    return phi_source_bit(source);
}
