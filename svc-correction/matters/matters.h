/* 纠错事项 (GB/T 38963 6.8): what a case may be about, and how it may end, as one table. A case is
 * known by region, source, institution and record number of what it is about; matters other than a
 * record write into them what names them: one open case for a person and a matter is one rule.
 *
 *   const struct matter_row *matter = matter_at(now->matter_kind);
 *   if ((matter->outcomes & OUTCOME_BIT(OUTCOME_AMEND)) == 0) …   // not for this matter
 *
 * Pure; any thread.
 */
#ifndef SVC_CORRECTION_MATTERS_H
#define SVC_CORRECTION_MATTERS_H

#include "base/bytes.h"

#include <stdbool.h>

/* X(enumerator, word) */
#define MATTER_OUTCOMES(X)                                                                         \
    X(RETRACT, "retract")     /* the record does not count */                                      \
    X(AMEND, "amend")         /* it does not, and the case says what was so */                     \
    X(ADD, "add")             /* the case says what was missing */                                 \
    X(REDECLARE, "redeclare") /* the person is to declare their basic information anew */          \
    X(REFUSE, "refuse")

enum matter_outcome {
#define X(outcome, word) OUTCOME_##outcome,
    MATTER_OUTCOMES(X)
#undef X
        OUTCOME_COUNT
};

#define OUTCOME_BIT(outcome) (1u << (outcome))

extern const char *const matter_outcomes[OUTCOME_COUNT];

enum matter_kind {
    MATTER_FACT,
    MATTER_GRADE,
    MATTER_IDENTITY,
    MATTER_MISSING,
    MATTER_BATCH, /* of many records at once: nobody files it (batches/batches.h) */
    MATTER_COUNT
};
#define MATTER_FILED MATTER_BATCH /* how many may be filed: the first of the table */

struct matter_row {
    const char *name;   /* in requests and answers */
    const char *source; /* whose officers it is given to; NULL: the record's own source */
    unsigned outcomes;  /* OUTCOME_BIT of each */
    bool names_record;  /* who proposes to retract or amend says which record */
};

extern const char *const matter_names[MATTER_COUNT];
const struct matter_row *matter_at(enum matter_kind kind);
/* false: no such matter. */
bool matter_of(struct phi_view name, enum matter_kind *out);

/* The items of basic information that a matter of identity may be about. */
extern const char *const matter_items[];
extern const size_t matter_items_count;

/* One of the data sources, or of what people declare (codes/sources.h). */
bool matter_source_is_known(const char *stream);

#endif
