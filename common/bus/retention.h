/* How long a topic keeps its records.
 *
 *   PHI_GUARD(phi_topic_retention_ms(&bus, topic, phi_deadline_in_ms(3000), &kept_ms, error));
 */
#ifndef PHI_BUS_RETENTION_H
#define PHI_BUS_RETENTION_H

#include "bus/bus.h"

/* The topic's retention.ms; -1: without end (also of compacted topics, whose newest records of each
 * key stay). Blocks up to the deadline. PHI_ERR_BUS, PHI_ERR_DEADLINE, PHI_ERR_CONFIG,
 * PHI_ERR_MEMORY. */
enum phi_err phi_topic_retention_ms(const struct phi_bus_options *options, const char *topic,
                                    struct phi_deadline deadline, int64_t *out,
                                    struct phi_error *error) PHI_MUST_USE;

#endif
