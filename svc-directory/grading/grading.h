/* Grading: a person's entry is a function of the facts and decisions that stand in the database,
 * the rules, and the clock.
 *
 *   const struct grading grading = {.directory = directory, .tx = tx, .arena = arena,
 *       .partition = 3, .now_us = now_us, .tally = tally};
 *   PHI_GUARD(grading_run(&grading, subjects, count));    // inside the transaction `tx`
 *
 * One transaction grades people of a partition at a time, whichever replica's it is: the later one
 * sees what the earlier wrote. Blocks for the database.
 */
#ifndef SVC_DIRECTORY_GRADING_H
#define SVC_DIRECTORY_GRADING_H

#include "svc-directory/directory.h"

#define FACTS_PER_PERSON 500
#define FACTS_WINDOW_US  RULES_WINDOW_US

struct grading {
    struct directory *directory;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int32_t partition;
    int64_t now_us;
    uint64_t *tally; /* TALLY_COUNT numbers */
};

/* Grades the subjects (sorted, each once, all of the partition) anew and writes the entries that
 * changed, a line of history where grade or reasons did, and what the person's apps are told. */
enum phi_err grading_run(const struct grading *grading, const uint8_t (*subjects)[PHI_SUBJECT_LEN],
                         size_t count) PHI_MUST_USE;

/* --- known.c: which facts there are --- */

enum grading_column {
    GRADING_SUBJECT, /* whose grade, not whose document: linked documents are one person */
    GRADING_SOURCE,
    GRADING_INSTITUTION,
    GRADING_OBSERVED,
    GRADING_CONTENT,
    GRADING_RECORD_NO,
    GRADING_REVISION,
    GRADING_RECORDED,
    GRADING_EVENT_KEY,
    GRADING_DECIDED, /* when the record was retracted; NULL: it counts */
    GRADING_CASE,    /* whose decision it is */
    GRADING_RISK, /* of the places where the fact says the person was: 1 low … 3 high; or NULL */
    GRADING_RISK_AT, /* until when they were there */
    GRADING_MADE,    /* a decision made it */
    GRADING_RELIEF,  /* until when it is set aside, or was; NULL: never */
    GRADING_COLUMNS
};
/* Every record's latest revision within the rules' window, as of a time: what came later is not
 * seen. By subject, then newest first, at most FACTS_PER_PERSON each. The caller frees `rows`. */
enum phi_err grading_facts(struct phi_conn *conn, const struct phi_array *subjects, int64_t now_us,
                           int64_t as_of_us, struct phi_rows **rows,
                           struct phi_error *error) PHI_MUST_USE;
bool grading_counts(const struct phi_rows *rows, size_t row); /* not retracted */
/* Set aside while a case about it runs. */
bool grading_is_relieved(const struct phi_rows *rows, size_t row, int64_t now_us);
/* "low", "medium", "high": the strictest published risk of where the person was; NULL: none. */
const char *grading_risk(const struct phi_rows *rows, size_t row);

/* --- input.c --- */

/* What the rules see of rows first..last (not including) of grading_facts that count, and are
 * not set aside at that time, which it borrows; the arena's. A fact about places has two members
 * more in its content: placeRisk (low, medium, high) and placeRiskAt. PHI_ERR_DATA_BROKEN,
 * PHI_ERR_MEMORY. */
enum phi_err input_of_rows(const struct phi_rows *rows, size_t first, size_t last, int64_t now_us,
                           struct phi_arena *arena, struct rules_input **out) PHI_MUST_USE;
uint32_t input_source_bit(const char *source); /* annex B.2: bit 0 = a … bit 13 = n; 0 unknown */

#endif
