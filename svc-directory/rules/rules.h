/* The province's rules as data: each one's logic over a person's facts, the grade it gives when it
 * holds, the reason as a word, and what to tell the citizen. Forms: rules/rules.schema.json,
 * rules/input.schema.json, rules/result.schema.json.
 *
 *   struct rules *rules = NULL;
 *   PHI_GUARD(rules_read(path, "320000", &rules, error));
 *   struct rules_outcome outcome;
 *   rules_outcome(rules, input, now_us, &outcome);   // .verdict.grade, .verdict.fired[0..count)
 *   rules_free(rules);                               // .until_us, .then
 *
 * The strictest rule that holds wins; none: grey. A rule that errs is skipped, counted and shown,
 * and what would be green is then grey. Immutable once read: any number of threads may grade with
 * the same rules.
 */
#ifndef SVC_DIRECTORY_RULES_H
#define SVC_DIRECTORY_RULES_H

#include "codes/entry.h"
#include "json/json.h"
#include "svc-directory/rules/input.h"

#define RULES_MAX          128
#define RULES_WORD_MAX     PHI_ENTRY_REASON_MAX
#define RULES_REASON_ERROR "rule-error" /* shown beside a rule that erred */
#define RULES_NEVER        INT64_MAX

struct rule {
    char id[RULES_WORD_MAX + 1];
    int64_t version;
    const char *zh;
    const char *en;
    const json_t *logic;
    const struct phi_certlogic_rule *compiled;
    enum phi_grade grade;
    char reason[RULES_WORD_MAX + 1];
    int64_t valid_from_us;
    int64_t valid_to_us;        /* not including; INT64_MAX when open */
    struct phi_counter *errors; /* NULL: not counted */
};

struct rules {
    struct phi_arena *arena;
    const json_t *document; /* the file */
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
    int64_t until_us; /* the same facts give the same before this; or RULES_NEVER */
};

struct rules_outcome {
    struct rules_verdict verdict;
    int64_t until_us;    /* when grade or reasons change if no fact comes; or RULES_NEVER */
    enum phi_grade then; /* the grade from until_us on; the verdict's when that is RULES_NEVER */
};

/* Reads and checks a rule file. PHI_ERR_CONFIG with place "PHI_RULES_FILE" or the path in the file.
 */
enum phi_err rules_read(const char *path, const char *region, struct rules **out,
                        struct phi_error *error) PHI_MUST_USE;
/* The same of the file's text: any error of phi_json_read and its readers, with its place in the
 * file ("$.rules[3].logic.and[1]"). */
enum phi_err rules_parse(struct phi_view text, const char *region, struct rules **out,
                         struct phi_error *error) PHI_MUST_USE;
/* From here on rules that err are counted (phi_directory_rule_errors_total). */
void rules_metrics(struct rules *rules);
void rules_free(struct rules *rules); /* NULL is fine */

/* Grades a person's facts as they stand at `now_us`: those of the window until then. Never fails: a
 * rule that can't be evaluated is one that erred. Moves the input's clock. */
void rules_grade(const struct rules *rules, struct rules_input *input, int64_t now_us,
                 struct rules_verdict *out);
/* The same, and what time alone will make of it: it looks on from each moment when something could
 * turn until grade or reasons do, RULES_TURNS_MAX times at most; then until_us is the last moment
 * it came to, with `then` the same grade. */
#define RULES_TURNS_MAX 16
void rules_outcome(const struct rules *rules, struct rules_input *input, int64_t now_us,
                   struct rules_outcome *out);
/* One rule alone, at `now_us`; false also when it errs. */
bool rules_holds(const struct rule *rule, struct rules_input *input, int64_t now_us);
const struct rule *rules_find(const struct rules *rules,
                              const char *id); /* NULL: no such rule now */

/* What an entry keeps of a verdict: [{"reason","rule","version"}], at most PHI_ENTRY_REASONS_MAX;
 * the caller's reference. PHI_ERR_MEMORY. */
enum phi_err rules_reasons(const struct rules_verdict *verdict, json_t **out) PHI_MUST_USE;

#endif
