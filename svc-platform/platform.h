/* What svc-platform's doors, its consumer and its trust list share. */
#ifndef SVC_PLATFORM_PLATFORM_H
#define SVC_PLATFORM_PLATFORM_H

#include "bus/consumer.h"
#include "bus/dlq.h"
#include "codes/entry.h"
#include "codes/receipt.h"
#include "service/api.h"
#include "service/query_rpc.h"

#include <pthread.h>
#include <stdatomic.h>

struct platform {
    struct phi_service *service;
    struct phi_sm2_private *trust_key;
    char trust_key_serial[17];
    struct phi_seal_key *store_key; /* dead letters */
    struct phi_dlq *dlq;
    struct phi_consumer *consumer;
    struct phi_query_rpc *rpc;
    pthread_t publisher;
    bool has_publisher;
    atomic_bool stopping;
    struct phi_counter *taken;
    struct phi_counter *refused;
};

/* trust/list.c: the nation's trust list from PHI_PLATFORMS_FILE: a change makes a new signed
 * version, kept in trust_lists and published on phi.registry until the broker has it. */
enum phi_err platform_trust_sign(struct platform *platform, struct phi_error *error) PHI_MUST_USE;
enum phi_err
platform_trust_start(struct platform *platform) PHI_MUST_USE; /* the publishing thread */
void platform_trust_stop(struct platform *platform);
enum phi_err platform_trust_http(struct phi_api_call *call,
                                 struct phi_error *error); /* GET /v1/trust-list */

/* entries/entry_json.c: an entry's JSON as a province published it; refuses what is not of its form. */
enum phi_err platform_entry_read(struct phi_view json, struct phi_arena *arena,
                                 struct phi_entry *out, struct phi_error *error) PHI_MUST_USE;

/* entries/entries.c: consumes phi.<region>.directory of all provinces. */
enum phi_err platform_entries_open(struct platform *platform, struct phi_error *error) PHI_MUST_USE;

/* query/query.c: entries of a receipt's subject. `asking` is the platform that asks: it must be of the
 * receipt's audience, as we must. The answer's JSON {"entries":[…],"strictest":…} is the caller's.
 */
enum phi_err platform_query(struct platform *platform, struct phi_view receipt, const char *asking,
                            struct phi_deadline deadline, struct phi_arena *arena, json_t **out,
                            struct phi_error *error) PHI_MUST_USE;
enum phi_err platform_query_http(struct phi_api_call *call, struct phi_error *error);
enum phi_err platform_rpc_new(struct platform *platform) PHI_MUST_USE; /* query/rpc.c */

#endif
