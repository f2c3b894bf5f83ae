/* The province's rules as data: each one's logic over a person's facts, the grade it gives when it
 * holds, the reason as a word, and what to tell the citizen. Forms: rules/rules.schema.json,
 * rules/input.schema.json.
 *
 *   struct rules *rules = NULL;
 *   PHI_GUARD(rules_read(path, "320000", &rules, error));
 *   struct rules_verdict verdict;
 *   rules_grade(rules, input, now_us, &verdict);          // verdict.grade, verdict.fired[0..count)
 *   rules_free(rules);
 *
 * The strictest rule that holds wins; none: grey. A rule that errs is skipped, counted and shown,
 * and what would be green is then grey. Immutable once read: any number of threads may grade with
 * the same rules.
 */
#ifndef SVC_DIRECTORY_RULES_H
#define SVC_DIRECTORY_RULES_H

#include "codes/entry.h"
#include "json/json.h"

#define RULES_MAX          128
#define RULES_WORD_MAX     PHI_ENTRY_REASON_MAX
#define RULES_REASON_ERROR "rule-error" /* shown beside a rule that erred */

struct rule {
    char id[RULES_WORD_MAX + 1];
    int64_t version;
    const char *zh;
    const char *en;
    const json_t *logic;
    enum phi_grade grade;
    char reason[RULES_WORD_MAX + 1];
    int64_t valid_from_us;
    int64_t valid_to_us; /* not including; INT64_MAX when open */
    struct phi_counter *errors;
};

struct rules {
    struct phi_arena *arena;
    int64_t version;
    size_t count;
    struct rule items[RULES_MAX];
};

struct rules_verdict {
    enum phi_grade grade;
    size_t count;
    const struct rule
        *fired[RULES_MAX]; /* strictest first; those of green only when nothing else fired */
    size_t error_count;
    const struct rule *erred[RULES_MAX];
};

/* Reads and checks a rule file. PHI_ERR_CONFIG with place "PHI_RULES_FILE" or the path in the file.
 */
enum phi_err rules_read(const char *path, const char *region, struct rules **out,
                        struct phi_error *error) PHI_MUST_USE;
void rules_free(struct rules *rules); /* NULL is fine */

/* Grades one input document. Never fails: a rule that can't be evaluated is one that erred. */
void rules_grade(const struct rules *rules, const json_t *input, int64_t now_us,
                 struct rules_verdict *out);
/* One rule alone; false also when it errs. */
bool rules_holds(const struct rule *rule, const json_t *input);
const struct rule *rules_find(const struct rules *rules,
                              const char *id); /* NULL: no such rule now */

/* What an entry keeps of a verdict: [{"reason","rule","version"}], at most PHI_ENTRY_REASONS_MAX;
 * the caller's reference. PHI_ERR_MEMORY. */
enum phi_err rules_reasons(const struct rules_verdict *verdict, json_t **out) PHI_MUST_USE;

#endif
