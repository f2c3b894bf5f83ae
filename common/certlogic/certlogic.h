/* CertLogic: rules as data (a subset of JsonLogic with time). The operations are var, if, and, !,
 * ===, in, <, >, <=, >=, +, reduce, plusTime, before, after, not-before and not-after; there is no
 * division and no "or".
 *
 *   json_t *rule = json_loads("{\"<\": [{\"var\": \"a.b\"}, 3]}", 0, NULL);
 *   bool holds = false;
 *   PHI_GUARD(certlogic_test(rule, document, &holds, error));
 *
 * Literals are texts, integers (1.0 is one, 1.5 is an error) and booleans. "and" leaves off at the
 * first operand that is falsy. Inside "reduce" only `current` and `accumulator` are visible. Times
 * are compared in milliseconds and only plusTime makes them; a day past the end of its month runs
 * on into the next.
 *
 * Depth and steps are bounded. Pure, doesn't block; several threads may share a rule, a document is
 * one's.
 */
#ifndef SVC_DIRECTORY_CERTLOGIC_H
#define SVC_DIRECTORY_CERTLOGIC_H

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

#define CERTLOGIC_DEPTH_MAX 64
#define CERTLOGIC_STEPS_MAX 200000
#define CERTLOGIC_INT_MAX   9007199254740991LL /* 2^53 - 1 */

/* What an expression gives; the caller json_decref()s `out`; a time comes as text in UTC with
 * milliseconds. PHI_ERR_RULE: the expression is malformed or does not fit the data; PHI_ERR_MEMORY.
 */
enum phi_err certlogic_evaluate(const json_t *logic, const json_t *data, json_t **out,
                                struct phi_error *error) PHI_MUST_USE;

/* Whether it gives something truthy. PHI_ERR_RULE also for what is neither truthy nor falsy (a
 * time, a number with a fraction). */
enum phi_err certlogic_test(const json_t *logic, const json_t *data, bool *holds,
                            struct phi_error *error) PHI_MUST_USE;

/* "2021-02-30" or "2021-02-28T12:00:00.5+08:00" → ms since 1970; PHI_ERR_RULE. */
enum phi_err certlogic_time_parse(const char *text, int64_t *ms) PHI_MUST_USE;
/* unit: "year", "month", "day", "hour". PHI_ERR_RULE. */
enum phi_err certlogic_time_plus(int64_t ms, int64_t amount, const char *unit,
                                 int64_t *out) PHI_MUST_USE;
#define CERTLOGIC_TIME_MAX 96
void certlogic_time_format(int64_t ms, char out[CERTLOGIC_TIME_MAX]);

#endif
