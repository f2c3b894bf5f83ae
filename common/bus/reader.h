/* The topic reader, for compacted registries: no group, no offsets of its own, every partition from
 * its beginning unless told otherwise, each record to a callback; knows when it has caught up, and
 * keeps following.
 *
 *   struct phi_topic_reader_options options = {.bus = bus, .topic = "phi.registry",
 *                                              .record = on_record, .context = trust};
 *   PHI_GUARD(phi_topic_reader_open(&options, &reader, error));
 *   enum phi_err err = phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(5000));
 *   ...
 *   phi_topic_reader_close(reader);
 *
 * (struct phi_reader, without `topic`, is the byte cursor of base/bytes.h.)
 */
#ifndef PHI_BUS_READER_H
#define PHI_BUS_READER_H

#include "bus/bus.h"
#include "bus/event.h"

struct phi_topic_reader;

struct phi_topic_reader_options {
    struct phi_bus_options bus;
    const char
        *topic; /* may appear later on the broker, and may be made anew: then it is read anew */
    /* Called on the reader's own thread, records of one partition in order; the record is borrowed.
     * A record may come again after a broker outage: callbacks keep the highest version. Tombstones
     * come too. */
    void (*record)(const struct phi_msg *msg, void *context);
    /* Where a partition is read from, -1 for its beginning; an offset that is gone gives the
     * beginning. NULL: the beginning of all. The reader's own thread. */
    int64_t (*first)(int32_t partition, void *context);
    /* Of partitions without a `first`: from the first record of this Kafka timestamp on, by the
     * broker's index of times (records of a batch may be older); 0: from the beginning. */
    int64_t since_ms;
    void (*caught_up)(
        void *context); /* each time the end is reached after a (re)start; may be NULL */
    void *context;
};

/* Starts the reader's thread; the broker may come later. PHI_ERR_CONFIG, PHI_ERR_MEMORY. The caller
 * closes. */
enum phi_err phi_topic_reader_open(const struct phi_topic_reader_options *options,
                                   struct phi_topic_reader **out,
                                   struct phi_error *error) PHI_MUST_USE;

/* Blocks until every record that was on the topic when the reader first saw it has been given to
 * `record`. PHI_ERR_DEADLINE (no broker, no such topic, or too much). Any thread but the reader's.
 */
enum phi_err phi_topic_reader_wait_caught_up(struct phi_topic_reader *reader,
                                             struct phi_deadline deadline) PHI_MUST_USE;
bool phi_topic_reader_is_caught_up(
    const struct phi_topic_reader *reader);                         /* once true, stays true */
bool phi_topic_reader_is_up(const struct phi_topic_reader *reader); /* a broker answered lately */

void phi_topic_reader_close(struct phi_topic_reader *reader); /* joins the thread; NULL is fine */

#endif
