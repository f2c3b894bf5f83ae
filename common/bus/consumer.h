/* The consumer: batches of one topic-partition, handled inside the PostgreSQL transaction that
 * moves the offset by compare-and-set, so that each record counts exactly once in the store.
 *
 *   struct phi_consumer_options options = {.bus = bus, .group = "svc-directory", .store = store,
 *       .topics = topics, .topic_count = 2, .dlq = dlq, .handle = handle, .context = service};
 *   PHI_GUARD(phi_consumer_open(&options, &consumer, error));
 *   ...
 *   phi_consumer_close(consumer, phi_deadline_in_ms(5000));
 *
 * Eager `range` assignment: one replica owns partition i of every subscribed subject-keyed topic.
 * Offsets are PostgreSQL's (cluster id, topic, partition, next); what is committed to Kafka is a
 * hint for lag metrics.
 */
#ifndef PHI_BUS_CONSUMER_H
#define PHI_BUS_CONSUMER_H

#include "bus/bus.h"
#include "bus/event.h"
#include "store/store.h"

#define PHI_CONSUMER_LANES_MAX 8

struct phi_consumer;
struct phi_dlq;

/* Borrowed until the handler returns. */
struct phi_batch {
    const char *topic;
    int32_t partition;
    int32_t partitions;         /* how many the topic has */
    const struct phi_msg *msgs; /* 1..batch_max, in order */
    size_t count;
    int64_t first; /* where the previous batch ended: not msgs[0].offset, offsets have gaps */
    int64_t next;  /* where this one ends */
    size_t lane;   /* who carries it: of one lane one batch at a time, until `committed` */
    int64_t
        high; /* the partition's end as last heard, -1 unknown: high <= next means at the head */
};

/* Zero means the default in brackets. Pointers other than store, dlq and context are borrowed
 * during open. */
struct phi_consumer_options {
    struct phi_bus_options bus;
    const char *group;
    const char *const
        *topics; /* a name that begins with '^' is a pattern; may appear later on the broker */
    size_t topic_count;
    struct phi_store *store;
    struct phi_dlq
        *dlq; /* poison that the handler could not deal with; NULL: the partition stops aloud */
    size_t batch_max;   /* records [256] */
    size_t lanes;       /* threads that carry batches to the store, 1..PHI_CONSUMER_LANES_MAX [1]; a
                     partition of every topic is always the same one's */
    int64_t linger_ms;  /* how long a batch may wait to fill [20] */
    int64_t session_ms; /* the group's session time-out: how long a killed replica's partitions
                           stand still at most [6,000] */
    bool restart_when_lost; /* topic made anew (offset out of range): true start from what is there,
                               aloud; false that partition stops, aloud */

    /* Runs on the lane's thread inside `tx`, which has already moved the offset. PHI_OK
     * commits; the handler itself sends poison to the dlq (phi_dlq_put on `tx`). PHI_ERR_FENCED
     * aborts and joins anew. PHI_ERR_STORE and other retryable errors roll back and come again,
     * with back-off, for as long as this replica owns the partition. Any other error: three tries,
     * then one record at a time, and the record that still fails goes to the dlq. Must end well
     * before session_ms × 30. */
    enum phi_err (*handle)(struct phi_batch *batch, struct phi_conn *tx, void *context);
    /* After COMMIT, on the lane's thread; may be NULL. Not called when the answer to a COMMIT was
     * lost: a hint, no promise. */
    void (*committed)(const struct phi_batch *batch, void *context);
    /* This replica owns (true) or no longer owns (false) the partition; on the consumer's thread
     * while no handler runs; may be NULL. */
    void (*owns)(const char *topic, int32_t partition, bool is_owner, void *context);
    void *context;
};

/* Starts the consumer's thread and returns; broker and database may come later. PHI_ERR_CONFIG,
 * PHI_ERR_MEMORY. */
enum phi_err phi_consumer_open(const struct phi_consumer_options *options,
                               struct phi_consumer **out, struct phi_error *error) PHI_MUST_USE;

/* Any thread. Up: the group has answered and nothing says that all brokers are gone. Stopped: some
 * partition stands still until a person acts (lost offsets, another cluster, poison without a dlq).
 */
bool phi_consumer_is_up(const struct phi_consumer *consumer);
bool phi_consumer_is_stopped(const struct phi_consumer *consumer);
size_t phi_consumer_owned(const struct phi_consumer *consumer); /* partitions owned now */
/* How many partitions the topics have, the most of any owned one; 0 before any was owned. */
int32_t phi_consumer_partitions(const struct phi_consumer *consumer);

/* Finishes the running batch and leaves the group. The handler is awaited also past the deadline
 * (it has the store's); leaving takes 3 s at most, or up to the deadline: then PHI_ERR_DEADLINE,
 * the group learns it by the session's time-out, and a thread that touches nothing of the caller's
 * keeps the object until the process ends. NULL is fine. */
enum phi_err phi_consumer_close(struct phi_consumer *consumer, struct phi_deadline deadline);

#endif
