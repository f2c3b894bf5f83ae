/* Inside the consumer only. consumer.c: life, thread, polling; consumer_part.c: which partitions
 * are owned and where they stand; consumer_work.c: one batch through PostgreSQL; consumer_lanes.c:
 * several at once.
 *
 *   while (running) {
 *       phi_consumer_settle(c);
 *       gather(c);
 *       phi_consumer_work(c);
 *   }
 */
#ifndef PHI_BUS_CONSUMER_INTERNAL_H
#define PHI_BUS_CONSUMER_INTERNAL_H

#include "bus/bus_internal.h"
#include "bus/consumer.h"

#include <stdatomic.h>

#define PHI_CONSUMER_PARTS_MAX 1024
#define PHI_PART_BYTES_MAX     (8 * 1024 * 1024)

struct phi_counter;
struct phi_gauge;

/* A partition that this replica owns. */
struct phi_part {
    char *topic;
    int32_t partition;
    int32_t partitions; /* of its topic */
    int64_t next;       /* where the last committed batch ended */
    bool is_stopped;    /* a person is needed */
    bool is_paused;
    rd_kafka_message_t **held; /* taken from the bus, not committed; room for batch_max */
    size_t held_count;
    size_t held_bytes;
    int tries;
    int64_t retry_at_us;  /* 0: now */
    int64_t single_until; /* records below this offset go one by one; 0: none */
};

/* A part's batch on its way. */
struct phi_job {
    struct phi_part *part;
    struct phi_batch batch; /* its records are the lane's, gone with the lane's next job */
    bool is_run;            /* not when the consumer stops meanwhile */
    enum phi_err err;
    bool has_reached_handler;
};

struct phi_lane_of {
    struct phi_consumer *consumer;
    size_t number;
    struct phi_msg *msgs; /* room for batch_max */
    pthread_t thread;
    bool has_thread; /* the first is the consumer's own */
};

struct phi_consumer {
    struct phi_consumer_options options; /* texts are copies */
    rd_kafka_t *handle;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    atomic_bool is_up;
    atomic_bool is_stopped;
    atomic_size_t owned;
    atomic_int partition_count; /* the most that any owned topic has */
    pthread_mutex_t mutex;      /* with `changed` */
    pthread_cond_t changed;
    struct phi_consumer *next_left; /* of those that are still leaving */
    bool has_ended;                 /* the thread: no handler runs any more */
    bool has_left;                  /* the group */

    /* The thread's own from here on. */
    rd_kafka_topic_partition_list_t *wanted; /* what the group gave; NULL: nothing */
    bool is_settled;                         /* `parts` stand and are being fetched */
    int64_t settle_at_us;
    char *cluster_id;
    struct phi_part parts[PHI_CONSUMER_PARTS_MAX];
    size_t part_count;
    struct phi_job *jobs; /* of this round; a lane writes its own while the thread waits */
    size_t job_count;
    int64_t hinted_us;
    int64_t probed_us;

    struct phi_lane_of lanes[PHI_CONSUMER_LANES_MAX];
    pthread_mutex_t lane_lock; /* with all below */
    pthread_cond_t lane_woken;
    pthread_cond_t lanes_done;
    uint64_t round;
    size_t lanes_busy;
    bool lanes_end;

    struct phi_counter *records;
    struct phi_counter *batches;
    struct phi_counter *retries;
    struct phi_counter *fenced;
    struct phi_counter *poison;
    struct phi_gauge *lag;
    struct phi_gauge *partitions;
};

/* --- consumer_part.c --- */

/* Where the group gives and takes; `wanted` is copied. Nothing is fetched before
 * phi_consumer_settle. */
void phi_consumer_assigned(struct phi_consumer *consumer,
                           const rd_kafka_topic_partition_list_t *wanted);
void phi_consumer_revoked(struct phi_consumer *consumer);
/* Stops fetching, drops what is held and reads the offsets anew in `delay_ms`. */
void phi_consumer_unsettle(struct phi_consumer *consumer, int64_t delay_ms);
/* Reads every wanted partition's offset from the store and begins to fetch there; tries again later
 * when database or broker is away. */
void phi_consumer_settle(struct phi_consumer *consumer);
struct phi_part *phi_consumer_part(struct phi_consumer *consumer, const char *topic,
                                   int32_t partition);
/* Keeps a record for its part; takes it over. */
void phi_consumer_hold(struct phi_consumer *consumer, rd_kafka_message_t *msg);
/* Lets go of the first `count` held records. */
void phi_part_let_go(struct phi_part *part, size_t count);
void phi_part_pause(struct phi_consumer *consumer, struct phi_part *part, bool is_paused);
void phi_part_stop(struct phi_consumer *consumer, struct phi_part *part, const char *why);
/* Tells Kafka where the owned partitions stand, for lag metrics only. */
void phi_consumer_hint(struct phi_consumer *consumer);

/* --- consumer_work.c --- */

/* Carries what the parts hold through a transaction each, and decides what comes next. */
void phi_consumer_work(struct phi_consumer *consumer);
/* The transaction of a job; any lane. */
void phi_job_run(struct phi_consumer *consumer, struct phi_job *job, struct phi_msg *msgs,
                 size_t lane);

/* --- consumer_lanes.c --- */

enum phi_err phi_lanes_open(struct phi_consumer *consumer) PHI_MUST_USE;
void phi_lanes_run(struct phi_consumer *consumer); /* the round's jobs, all of them */
void phi_lanes_close(struct phi_consumer *consumer);

#endif
