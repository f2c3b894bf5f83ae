/* Minting for a signed institution (paper certificates for a care home): a line in, a line out.
 *
 *   PHI_GUARD(batch_read(&chunk, line));            // up to BATCH_LINES_MAX
 *   PHI_GUARD(batch_mint(&chunk, error));           // one commit
 *
 * A line goes by the institution's own serial: sent again it gets the code it has, so a batch that
 * broke off is sent again whole.
 */
#ifndef SVC_CODEGEN_BATCH_H
#define SVC_CODEGEN_BATCH_H

#include "svc-codegen/minting/mint.h"

#define BATCH_LINES_MAX      64 /* a transaction */
#define BATCH_LINE_MAX_BYTES 4096

#define BATCH_COLUMNS 5 /* of TABLE_BATCH_LINES */

enum batch_result { BATCH_MINTED, BATCH_AGAIN, BATCH_REJECTED };

struct batch_line {
    enum batch_result result;
    struct phi_error error; /* of a rejected one */
    const char *serial;     /* NULL: could not be read */
    const char *consent_ref;
    struct phi_person person;
    int64_t paper_days;
    uint8_t digest[PHI_SM3_LEN]; /* of the line's canonical form */
    struct recent_entry code;
};

struct batch {
    struct phi_api_call *call;
    struct phi_arena *arena; /* the chunk's own */
    struct batch_line lines[BATCH_LINES_MAX];
    size_t count;
};

/* A line that is wrong is rejected, with PHI_OK; PHI_ERR_MEMORY and the like. */
enum phi_err batch_read(struct batch *batch, struct phi_view line) PHI_MUST_USE;

/* Mints what was read and not rejected, commits it, or finds what was minted for it before.
 * PHI_ERR_STORE, PHI_ERR_DEADLINE, PHI_ERR_OVERLOAD: nothing of this chunk is known to be kept.
 * Blocks. */
enum phi_err batch_mint(struct batch *batch, struct phi_error *error) PHI_MUST_USE;

#endif
