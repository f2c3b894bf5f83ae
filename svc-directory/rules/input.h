/* What the rules see of a person (rules/input.schema.json): {now, facts: [{source, institution,
 * observedAt, content, now}]}. Inside reduce only a fact is visible, so each carries now; they all
 * share the one text, which is how the evaluator knows the clock.
 *
 *   struct rules_input *input = NULL;
 *   PHI_GUARD(rules_input_new(arena, facts, count, now_us, &input));   // facts newest first
 *   rules_grade(rules, input, now_us, &verdict);
 *
 * It lives as long as its arena, which evaluation uses too. One thread at a time; doesn't block.
 */
#ifndef SVC_DIRECTORY_RULES_INPUT_H
#define SVC_DIRECTORY_RULES_INPUT_H

#include "certlogic/certlogic.h"

#define RULES_WINDOW_US (30 * 86400 * 1000000LL) /* how old a fact the rules see */

struct rules_fact {
    struct phi_view source; /* "source.tests" */
    struct phi_view institution;
    struct phi_view content; /* JSON as on the topic; borrowed as long as the input lives */
    int64_t observed_us;
};

struct rules_input {
    struct phi_arena *arena;
    struct phi_certlogic_value *now;
    struct phi_certlogic_value *array; /* of the facts in the window */
    const struct phi_certlogic_value *document;
    const struct rules_fact *facts; /* newest first */
    size_t count;
};

/* Borrows the facts and their texts. PHI_ERR_DATA_BROKEN (a content that is no JSON object),
 * PHI_ERR_MEMORY. */
enum phi_err rules_input_new(struct phi_arena *arena, const struct rules_fact *facts, size_t count,
                             int64_t now_us, struct rules_input **out) PHI_MUST_USE;

/* Moves the clock: sets now, and leaves out the facts older than the window. Gives the moment when
 * the next of them will leave it, or INT64_MAX. */
int64_t rules_input_set_clock(struct rules_input *input, int64_t now_us);

/* A text member of fact i's content; empty when there is none. */
struct phi_view rules_input_word(const struct rules_input *input, size_t fact, const char *member);

#endif
