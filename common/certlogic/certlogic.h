/* CertLogic 1.2.2: rules as data (a profile of JsonLogic with time). The operations are var, if,
 * and, !, ===, in, <, >, <=, >=, +, reduce, plusTime, before, after, not-before, not-after,
 * extractFromUVCI and dccDateOfBirth; there is no division and no "or".
 *
 *   const struct phi_certlogic_rule *rule = NULL;
 *   PHI_GUARD(phi_certlogic_compile(logic, arena, &rule));              // once
 *   PHI_GUARD(phi_certlogic_check(rule, error));                        // of a new file
 *   struct phi_certlogic_outcome outcome;
 *   PHI_GUARD(phi_certlogic_evaluate(rule, data, now, arena, &outcome, error));   // a person
 *   PHI_GUARD(phi_certlogic_truth(outcome.value, &holds, error));
 *
 * Literals are texts, integers (1.0 is one, 1.5 is an error) and booleans. "and" leaves off at the
 * first operand that is falsy. Inside "reduce" only `current` and `accumulator` are visible. Times
 * are compared in milliseconds and only plusTime and dccDateOfBirth make them; a day past the end
 * of its month runs on into the next. What is malformed is an error only where it is evaluated.
 *
 * Depth and steps are bounded. Pure, doesn't block; several threads may share a compiled rule, a
 * document and an arena are one's.
 */
#ifndef PHI_CERTLOGIC_CERTLOGIC_H
#define PHI_CERTLOGIC_CERTLOGIC_H

#include "base/err.h"
#include "certlogic/value.h"

#define PHI_CERTLOGIC_DEPTH_MAX 200
#define PHI_CERTLOGIC_STEPS_MAX 200000
#define PHI_CERTLOGIC_NEVER     INT64_MAX
#define PHI_CERTLOGIC_FACTS_MAX 500 /* what check takes an array's length to be at most */

struct phi_certlogic_rule; /* the arena's that it was compiled into */

/* What is malformed is kept as such. PHI_ERR_MEMORY. */
enum phi_err phi_certlogic_compile(const json_t *logic, struct phi_arena *arena,
                                   const struct phi_certlogic_rule **out) PHI_MUST_USE;

/* Refuses a rule that is malformed anywhere, whose operands can never fit their operation, that
 * needs `now` elsewhere than in plusTime, or whose steps could pass the bound. PHI_ERR_RULE with
 * the place in the logic (".reduce[1].and[0]") and the reason. */
enum phi_err phi_certlogic_check(const struct phi_certlogic_rule *rule,
                                 struct phi_error *error) PHI_MUST_USE;

struct phi_certlogic_outcome {
    const struct phi_certlogic_value *value; /* the data's, the rule's or the arena's */
    int64_t until_ms; /* with the same data it gives the same before this; or …NEVER */
};

/* `now` is the text in `data` that is the clock (its `ms` counts); NULL: there is none. Each
 * comparison of times made of it that the evaluation met is recorded, and the first moment when one
 * of them turns is until_ms, which is written on an error too. PHI_ERR_RULE: the expression is
 * malformed, does not fit the data, or is out of bounds; PHI_ERR_MEMORY. */
enum phi_err phi_certlogic_evaluate(const struct phi_certlogic_rule *rule,
                                    const struct phi_certlogic_value *data,
                                    const struct phi_certlogic_value *now, struct phi_arena *arena,
                                    struct phi_certlogic_outcome *out,
                                    struct phi_error *error) PHI_MUST_USE;

/* PHI_ERR_RULE for what is neither truthy nor falsy (a time). */
enum phi_err phi_certlogic_truth(const struct phi_certlogic_value *value, bool *is_truthy,
                                 struct phi_error *error) PHI_MUST_USE;

#endif
