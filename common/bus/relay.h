/* The relay of the outbox: events whose rows were group-committed are published from memory after
 * the commit; what memory could not hold or send goes through the table, one replica at a time
 * (advisory lock), until the backlog is gone. Event ids stay, so that consumers drop the doubles.
 * Survives any broker outage.
 *
 *   PHI_GUARD(phi_relay_open(&(struct phi_relay_options){.store = store, .schema = "codegen",
 *       .producer = producer}, &relay, error));
 *   phi_relay_offer(relay, &event, 1);         // in the lane's done(), after PHI_OK
 *   ...
 *   phi_relay_close(relay, phi_deadline_in_ms(5000));
 */
#ifndef PHI_BUS_RELAY_H
#define PHI_BUS_RELAY_H

#include "bus/event.h"
#include "bus/event_row.h"
#include "bus/producer.h"

struct phi_relay;

/* The topics of the platform bus, as a POSIX extended regular expression. */
#define PHI_PLATFORM_TOPICS                                                                        \
    "^phi\\.(registry|000000\\..+|[0-9]{6}\\.(directory|directory\\.request|code\\.revoked|"       \
    "dispute\\."                                                                                   \
    "(down|up)))$"

enum phi_relay_weight { PHI_RELAY_LIGHT, PHI_RELAY_HEAVY, PHI_RELAY_FULL };

/* Zero means the default in brackets. */
struct phi_relay_options {
    struct phi_store *store;
    const char *schema; /* label of the metrics; the lock goes by the connection's schema */
    struct phi_producer *producer;          /* PHI_BUS */
    struct phi_producer *platform_producer; /* PHI_PLATFORM_BUS; NULL: one bus for all */
    const char *platform_topics;            /* which topics go there [PHI_PLATFORM_TOPICS] */
    size_t queue_max_count;                 /* events in memory [10,000] */
    int64_t age_ms;                         /* rows older than this are the table's [2,000] */
    int64_t period_ms;                      /* how often the table is looked at [1,000] */
    int64_t warn_bytes;                     /* on the disk: PHI_RELAY_HEAVY from there on [none] */
    int64_t max_bytes;                      /* PHI_RELAY_FULL from there on [none] */
};

/* Starts the relay's thread. PHI_ERR_MEMORY, PHI_ERR_CONFIG. The caller closes, before producer and
 * store. */
enum phi_err phi_relay_open(const struct phi_relay_options *options, struct phi_relay **out,
                            struct phi_error *error) PHI_MUST_USE;

/* Publishes events whose outbox rows are committed. Copies; never blocks, never fails: what can't
 * go now is in the table. Any thread. */
void phi_relay_offer(struct phi_relay *relay, const struct phi_event *events, size_t count);
/* The same, of events that don't stand side by side. */
void phi_relay_offer_all(struct phi_relay *relay, const struct phi_event *const *events,
                         size_t count);

/* Makes the relay look at the table now: after a transaction that laid rows there itself
 * (phi_dlq_put, a consumer's handler). Any thread. */
void phi_relay_wake(struct phi_relay *relay);

bool phi_relay_has_backlog(struct phi_relay *relay); /* any thread */

/* What the table takes on the disk, as seen at the last look, past its two bounds. It counts only
 * while many rows wait (100,000, or where that is less a row for each 4 KiB of the bound): a table
 * that was drained stays large, and its room is used again. Any thread. */
enum phi_relay_weight phi_relay_weight(const struct phi_relay *relay);

/* Waits for what is in flight, deletes what was delivered, joins the thread. What is left stays in
 * the table. PHI_ERR_DEADLINE when something was left in flight. NULL is fine. */
enum phi_err phi_relay_close(struct phi_relay *relay, struct phi_deadline deadline);

#endif
