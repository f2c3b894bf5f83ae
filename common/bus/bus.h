/* The bus: what every client of one Kafka shares. librdkafka stays behind this room.
 *
 *   struct phi_bus_options bus = {.brokers = "127.0.0.1:9092", .client_id = "svc-declare"};
 *   PHI_GUARD(phi_producer_open(&(struct phi_producer_options){.bus = bus}, &producer, error));
 *   int32_t owner = phi_partition_of(key, partition_count);
 */
#ifndef PHI_BUS_BUS_H
#define PHI_BUS_BUS_H

#include "base/bytes.h"
#include "base/time.h"

/* All texts are borrowed during the open call only. NULL security fields: plaintext, no
 * authentication. */
struct phi_bus_options {
    const char *brokers;   /* host:port[,host:port…] */
    const char *client_id; /* the program's name */
    const char *username;  /* SCRAM-SHA-512 */
    const char *password;
    const char *ca_file; /* TLS when set */
};

/* The partition of a key, the same in every client of the suite (docs: first 12 bits, big-endian,
 * modulo count): a 16-byte key is a subject index and its own first 12 bits count; of any other
 * key, the first 12 bits of its SM3. Returns -1 for an empty key (any partition will do), a count
 * below 1 or a failed digest. */
int32_t phi_partition_of(struct phi_view key, int32_t count);

/* The cluster's own id, as a NUL-terminated text the caller frees with free(). Blocks up to the
 * deadline. PHI_ERR_BUS when no broker answered, PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err phi_bus_cluster_id(const struct phi_bus_options *options, struct phi_deadline deadline,
                                char **out, struct phi_error *error) PHI_MUST_USE;

#endif
