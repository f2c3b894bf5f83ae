/* What a step brought into tables besides its own: who filed for somebody, which number of the
 * unified entry it was, what was attached, who proposed an appeal's decision. Members of `kept`
 * (restore/kept.h), each there only where there is something.
 *
 *   PHI_GUARD(rows_write(move->act->rows, json));              // with the event; NULL: nothing
 *   PHI_GUARD(rows_read(&at, &rows));                          // of the opened `kept`
 *   const struct rows_of of = {.tx = tx, .case_id = case_id, …};
 *   PHI_GUARD(rows_restore(&of, &rows, error));                // the rows, as they were
 *
 * rows_restore blocks on the database; the others are pure.
 */
#ifndef SVC_CORRECTION_ROWS_H
#define SVC_CORRECTION_ROWS_H

#include "json/json.h"
#include "svc-correction/attachments/keep.h"
#include "svc-correction/entry/handed.h"
#include "svc-correction/flow/move.h"

/* Texts are the document's. */
struct kept_rows {
    const char *role; /* NULL: filed for oneself */
    uint8_t filer[PHI_SUBJECT_LEN];
    const char *issuer;
    const char *mandate_id;
    int64_t until_us;

    bool has_dispute;
    uint8_t dispute_id[DISPUTE_LEN];

    const char *file_type; /* NULL: nothing was attached */
    uint8_t file_id[ATTACHMENT_LEN];
    int64_t file_number;
    int64_t file_bytes;

    const char *first_unit; /* NULL: the case's own proposer */
    uint8_t first[PHI_SM3_LEN];
};

/* PHI_ERR_MEMORY. */
enum phi_err rows_write(const struct move_rows *rows, json_t *to) PHI_MUST_USE;

/* PHI_ERR_FIELD_*; what is absent, as in records of before, is left NULL or false. */
enum phi_err rows_read(const struct phi_json_at *at, struct kept_rows *out) PHI_MUST_USE;

/* Of which step. */
struct rows_of {
    struct phi_conn *tx;
    const uint8_t *case_id;
    const uint8_t *subject;
    int64_t at_us;
    struct phi_view content_digest;
};

/* What is there stays, but a mandate that lasts longer counts. PHI_ERR_STORE. */
enum phi_err rows_restore(const struct rows_of *of, const struct kept_rows *rows,
                          struct phi_error *error) PHI_MUST_USE;

#endif
