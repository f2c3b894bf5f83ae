/* What the rules say about one person's facts, now and next.
 *
 *   struct judge judge = {.rules = rules, .reasons = reasons, .rows = rows, .first = 0, .last = 4,
 *       .now_us = now_us, .arena = arena};
 *   PHI_GUARD(judge_run(&judge, &judgement));
 *
 * Strictest first: rules; then 审核中 (at least) where a new record tells of an event whose record
 * was retracted; then grey instead of green where a rule erred or a needed source is silent. Blocks
 * only as reasons_encode does.
 */
#ifndef SVC_DIRECTORY_JUDGE_H
#define SVC_DIRECTORY_JUDGE_H

#include "svc-directory/grading/decide.h"
#include "svc-directory/grading/grading.h"
#include "svc-directory/grading/reasons.h"

#define JUDGE_REASON_REOPENED "case-reopened"
#define JUDGE_REASON_RELIEF   "interim-relief"
#define JUDGE_REASON_SILENT   "source-silent"

struct judge {
    const struct rules *rules;
    struct reasons *reasons;
    const struct phi_rows *rows; /* of grading_facts */
    size_t first;
    size_t last; /* not including */
    int64_t now_us;
    struct phi_arena *arena;
    const char *const *silent; /* needed sources past their rhythm */
    size_t silent_count;
};

/* The judgement's reasons are the arena's. */
enum phi_err judge_run(const struct judge *judge, struct judgement *out) PHI_MUST_USE;

/* A reason in words: its rule's, or our own; empty for a rule that is gone. Pure. */
void judge_words(const struct rules *rules, const char *reason, const char *rule, const char **zh,
                 const char **en);

/* Whether a case is reopened: by a record that counts and came after another record about the same
 * event (source, event key) of the person had been retracted. The rows of both. Pure. */
bool judge_reopened(const struct phi_rows *rows, size_t first, size_t last, size_t *by,
                    size_t *retracted);

#endif
