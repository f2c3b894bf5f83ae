/* What a restored svc-correction needs of a step beside what correction.step tells in clear: sealed
 * under the health side's key, for this service alone, as the member `kept`. What was written is in
 * it as the table has it, so only where it is sealed under the person's own key.
 *
 *   PHI_GUARD(kept_seal(correction, &move, arena, &base64));          // with the event
 *   PHI_GUARD(kept_open(correction, &root, subject, arena, &kept));   // of a record
 *
 * Pure; any thread. What it gives is the arena's.
 */
#ifndef SVC_CORRECTION_KEPT_H
#define SVC_CORRECTION_KEPT_H

#include "json/json.h"
#include "svc-correction/flow/move.h"
#include "svc-correction/restore/rows.h"

/* The case after the step, and what the step's row has besides. */
struct kept {
    uint8_t matter[PHI_SM3_LEN];
    int64_t subject_key;
    int64_t due_us;
    int64_t level;
    int64_t decision_version; /* 0: no decision */
    const char *institution;
    const char *record_no;
    const char *outcome;      /* of the case */
    const char *reason;       /* of the case */
    struct phi_view proposer; /* empty: nobody */
    const char *proposer_unit;
    const char *matter_kind;
    struct phi_view content; /* as the table has it; empty: none */
    struct phi_view note;    /* empty: none, or none that may lie on a topic */
    struct kept_rows rows;   /* what it brought into other tables */
};

/* PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err kept_seal(const struct correction *correction, const struct move *move,
                       struct phi_arena *arena, const char **out) PHI_MUST_USE;

/* `root` is the record's value, `subject` its key. PHI_ERR_FIELD_*, PHI_ERR_DATA_BROKEN,
 * PHI_ERR_MEMORY. */
enum phi_err kept_open(const struct correction *correction, const struct phi_json_at *root,
                       const uint8_t *subject, struct phi_arena *arena,
                       struct kept *out) PHI_MUST_USE;

#endif
