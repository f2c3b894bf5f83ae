/* Offsets of consumed partitions, moved by compare-and-set in the transaction that holds the
 * batch's results (data.md, Partitions and owners): the row decides who owns a partition, Kafka's
 * own offsets don't.
 *
 *   // at assignment
 *   PHI_GUARD(phi_offsets_load(conn, cluster_id, topic, partition, 0, &next, &error));
 *   // for each batch
 *   PHI_GUARD(phi_conn_begin(conn, &error));
 *   PHI_GUARD(phi_offsets_advance(conn, cluster_id, topic, partition, next, batch_end, &error));
 *   … the batch's rows …;
 *   PHI_GUARD(phi_conn_commit(conn, &error));
 */
#ifndef PHI_STORE_OFFSETS_H
#define PHI_STORE_OFFSETS_H

#include "store/store.h"

/* The position where the previous batch ended. A partition that was never seen under this cluster
 * id gets a row with `start`. Outside a transaction. */
enum phi_err phi_offsets_load(struct phi_conn *conn, const char *cluster_id, const char *topic,
                              int32_t partition, int64_t start, int64_t *next,
                              struct phi_error *error) PHI_MUST_USE;

/* Moves `first` → `next` inside the caller's transaction, waiting for another owner's open one.
 * PHI_ERR_FENCED: the row isn't at `first` any more, another replica owns the partition: roll back.
 */
enum phi_err phi_offsets_advance(struct phi_conn *conn, const char *cluster_id, const char *topic,
                                 int32_t partition, int64_t first, int64_t next,
                                 struct phi_error *error) PHI_MUST_USE;

/* Sets the row whatever it was: a topic made anew, a restore. Said aloud by the caller. */
enum phi_err phi_offsets_reset(struct phi_conn *conn, const char *cluster_id, const char *topic,
                               int32_t partition, int64_t next,
                               struct phi_error *error) PHI_MUST_USE;

/* True when offsets of `topic` exist under other cluster ids only: the bus was replaced. */
enum phi_err phi_offsets_is_foreign(struct phi_conn *conn, const char *cluster_id,
                                    const char *topic, bool *is_foreign,
                                    struct phi_error *error) PHI_MUST_USE;

#endif
