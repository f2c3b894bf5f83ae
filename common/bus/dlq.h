/* Dead letters: poison never blocks a partition. The whole record is sealed; in clear stand only
 * the reason's name and where it came from. Topic phi.<region>.dlq.<program>.
 *
 *   PHI_GUARD(phi_dlq_open(&(struct phi_dlq_options){.region = "320000",
 *       .program = "svc-directory", .seal_key = key}, &dlq, error));
 *   PHI_GUARD(phi_dlq_put(dlq, tx, msg, PHI_ERR_JSON));   // in the consumer's transaction
 *   ...
 *   PHI_GUARD(phi_dlq_read(msg, seal_key, arena, &original, &reason, error));   // to replay
 */
#ifndef PHI_BUS_DLQ_H
#define PHI_BUS_DLQ_H

#include "bus/event.h"
#include "bus/producer.h"
#include "crypto/seal.h"
#include "store/store.h"

struct phi_dlq;

struct phi_dlq_options {
    const char *region;                  /* six digits */
    const char *program;                 /* "svc-directory" */
    const struct phi_seal_key *seal_key; /* of the side that owns the data; outlives the dlq */
    struct phi_producer *producer;       /* for phi_dlq_send; may be NULL */
};

enum phi_err phi_dlq_open(const struct phi_dlq_options *options, struct phi_dlq **out,
                          struct phi_error *error) PHI_MUST_USE;
void phi_dlq_close(struct phi_dlq *dlq); /* NULL is fine */

/* Lays the letter into the outbox within `tx`: it is as sure as the offset that moves past the
 * record; the relay publishes it. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err phi_dlq_put(struct phi_dlq *dlq, struct phi_conn *tx, const struct phi_msg *msg,
                         enum phi_err reason) PHI_MUST_USE;

/* Straight to the producer, for readers without a transaction; never blocks. Errors of
 * phi_producer_send. */
enum phi_err phi_dlq_send(struct phi_dlq *dlq, const struct phi_msg *msg,
                          enum phi_err reason) PHI_MUST_USE;

/* Builds the letter's event (value sealed, all parts in `arena`): what both of the above publish.
 */
enum phi_err phi_dlq_write(const struct phi_dlq *dlq, const struct phi_msg *msg,
                           enum phi_err reason, struct phi_arena *arena,
                           struct phi_event *letter) PHI_MUST_USE;

/* Opens a letter: `original` and its parts live in `arena`, `reason` is the error's stable name.
 * PHI_ERR_HEADER, PHI_ERR_DATA_BROKEN, PHI_ERR_FRAME, PHI_ERR_MEMORY. */
enum phi_err phi_dlq_read(const struct phi_msg *letter, const struct phi_seal_key *seal_key,
                          struct phi_arena *arena, struct phi_msg *original, const char **reason,
                          struct phi_error *error) PHI_MUST_USE;

#endif
