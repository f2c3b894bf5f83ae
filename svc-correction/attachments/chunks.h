/* An attachment's sealed chunks on `correction.attachment`, so that a database restored from a
 * backup has them again: only what is sealed under the person's own data key, which an erasure
 * destroys. Each record is one chunk, keyed by the person, signed by the key of decisions.
 *
 *   struct chunk_teller teller;
 *   PHI_GUARD(chunks_begin(call, key, id, &teller));
 *   PHI_GUARD(chunks_tell(&teller, i, sealed));         // goes into the call's commit
 *   PHI_GUARD(chunk_keep(service, msg, tx, arena, &is_new, error));       // at a restore
 *
 * chunk_keep blocks on the database; the others are the request's.
 */
#ifndef SVC_CORRECTION_CHUNKS_H
#define SVC_CORRECTION_CHUNKS_H

#include "bus/event.h"
#include "svc-correction/attachments/keep.h"

#define CHUNK_STREAM "correction.attachment"
#define CHUNK_ROOM   ((size_t)2 * 1024 * 1024) /* what chunk_keep needs of an arena */

struct chunk_teller {
    struct phi_api_call *call;
    const struct phi_person_key *key;
    const uint8_t *id;
    char *value; /* one record after the other is written here; NULL: nothing is told */
};

/* Nothing is told of a person without a data key of their own. PHI_ERR_MEMORY. */
enum phi_err chunks_begin(struct phi_api_call *call, const struct phi_person_key *key,
                          const uint8_t id[ATTACHMENT_LEN], struct chunk_teller *out) PHI_MUST_USE;
/* PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err chunks_tell(const struct chunk_teller *teller, size_t chunk,
                         struct phi_view sealed) PHI_MUST_USE;

/* As struct phi_catch_up_stream's keep: into the table unless it is there, or was sealed under a
 * key that the person no longer has. */
enum phi_err chunk_keep(struct phi_service *service, const struct phi_msg *msg, struct phi_conn *tx,
                        struct phi_arena *arena, bool *is_new,
                        struct phi_error *error) PHI_MUST_USE;

#endif
