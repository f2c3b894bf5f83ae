/* An attachment's bytes in the database: chunks of 256 KiB, each sealed under the data key of the
 * person whom the case is about, bound to its place.
 *
 *   PHI_GUARD(keep_write(call, &key, id, bytes, digest));             // goes into the commit
 *   PHI_GUARD(keep_read(call, conn, &key, id, size_bytes, &bytes, error));
 *
 * Blocks on the database; a worker's thread. What is handed out is the call's.
 */
#ifndef SVC_CORRECTION_ATTACHMENT_KEEP_H
#define SVC_CORRECTION_ATTACHMENT_KEEP_H

#include "svc-correction/texts.h"

#define ATTACHMENT_LEN       16
#define ATTACHMENT_CHUNK     ((size_t)256 * 1024)
#define ATTACHMENT_MAX_BYTES ((size_t)PHI_API_FILE_MAX)

/* And onto correction.attachment (attachments/chunks.h). `digest`: SM3 of the sealed chunks.
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err keep_write(struct phi_api_call *call, const struct phi_person_key *key,
                        const uint8_t id[ATTACHMENT_LEN], struct phi_view bytes,
                        uint8_t digest[PHI_SM3_LEN]) PHI_MUST_USE;

/* PHI_ERR_NOT_FOUND: erased; else as above, PHI_ERR_STORE, PHI_ERR_DATA_BROKEN. */
enum phi_err keep_read(struct phi_api_call *call, struct phi_conn *conn,
                       const struct phi_person_key *key, const uint8_t id[ATTACHMENT_LEN],
                       int64_t size_bytes, struct phi_view *out,
                       struct phi_error *error) PHI_MUST_USE;

#endif
