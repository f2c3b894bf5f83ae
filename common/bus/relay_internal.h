/* Inside relay.c: what the relay knows of an event under way, of a bus, and of itself.
 *
 * A flight's owner is the relay; the producer's answer brings it back as its context.
 */
#ifndef PHI_BUS_RELAY_INTERNAL_H
#define PHI_BUS_RELAY_INTERNAL_H

#include "base/metrics.h"
#include "bus/relay.h"
#include "bus/relay_topics.h"

#include <pthread.h>
#include <stdatomic.h>

#define BUCKETS 4096
#define WAYS    2

struct flight {
    struct flight *next;           /* in its bucket */
    struct flight *next_delivered; /* in the list of those whose rows are to be deleted */
    struct phi_relay *relay;
    size_t way;
    bool is_from_table;
    uint8_t id[PHI_EVENT_ID_LEN];
};

/* One bus. A backlog means: nothing is offered from memory, all goes through the table. */
struct way {
    struct phi_producer *producer;
    bool has_backlog;
    bool has_failed; /* something of the table's running batch */
};

struct phi_relay {
    struct phi_store *store;
    size_t queue_max_count;
    int64_t age_ms;
    int64_t period_ms;
    int64_t warn_bytes; /* 0: none */
    int64_t max_bytes;
    atomic_int weight; /* enum phi_relay_weight */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t mutex; /* all below */
    pthread_cond_t changed;
    struct way ways[WAYS];
    size_t way_count;
    struct phi_relay_topics platform_topics;
    struct flight *buckets[BUCKETS];
    size_t flying;          /* sent, not answered */
    size_t flying_table;    /* of these, from the table */
    size_t delivered_count; /* row not deleted yet; still in their buckets */
    struct flight *delivered;
    bool is_woken;
    bool is_stopping;
    bool is_orphan; /* closed with flights left: the last answer frees */

    struct phi_counter *published;
    struct phi_counter *resent;
    struct phi_counter *deferred;
    struct phi_gauge *depth;
    struct phi_gauge *bytes;
};

#endif
