/* 公正性统计: how many disputes about which source came to what, why, and how long they took: once a
 * day, over the cases that were opened in the 90 days before, on `correction.report`, signed. The
 * cells are fixed, under 10 nothing is shown, nor what would give it away, and what is shown is
 * rounded to 5 (open/cells.h).
 *
 *   PHI_GUARD(fairness_look(service, &is_made, &error));        // every second or so
 *   fairness_count(&fairness, source, outcome, reason, took_us, count);   // pure
 *   json_t *tables = fairness_tables(&fairness);
 *
 * Blocks for the database; any thread.
 */
#ifndef SVC_CORRECTION_FAIRNESS_H
#define SVC_CORRECTION_FAIRNESS_H

#include "open/cells.h"
#include "svc-correction/correction.h"

/* What became of a case, from its state and its outcome. */
#define FAIRNESS_OUTCOMES(X)                                                                       \
    X(CORRECTED, "corrected")                                                                      \
    X(REFUSED, "refused")                                                                          \
    X(WITHDRAWN, "withdrawn")                                                                      \
    X(OPEN, "open")

enum fairness_outcome {
#define X(outcome, name) FAIRNESS_##outcome,
    FAIRNESS_OUTCOMES(X)
#undef X
        FAIRNESS_OUTCOME_COUNT
};

struct fairness {
    struct phi_cells outcomes; /* source by outcome */
    struct phi_cells times;    /* source by how long it took until the decision */
    struct phi_cells reasons;  /* of decisions, by outcome */
};

void fairness_begin(struct fairness *fairness);
/* `took_us` until the decision, 0: none. */
void fairness_count(struct fairness *fairness, const char *source, enum fairness_outcome outcome,
                    const char *reason, int64_t took_us, int64_t count);
/* {outcomes, times, reasons}: each {columns, rows: [{name, cells}]}, null for what is hidden. Ends
 * the counting. The caller owns it; NULL: no memory. */
json_t *fairness_tables(struct fairness *fairness);

/* Makes the report that is due. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO, PHI_ERR_DEADLINE. */
enum phi_err fairness_look(struct phi_service *service, bool *is_made,
                           struct phi_error *error) PHI_MUST_USE;

#endif
