/* The serving end of the query RPC (codes/query_message.h): a door behind CURVE and the peers of
 * the registry, whose answers are JSON.
 *
 *   PHI_GUARD(phi_query_rpc_new(service, answer, directory, &rpc));      // in open
 *   PHI_GUARD(phi_query_rpc_start(rpc, &error));                         // in start
 *   phi_query_rpc_peers(rpc);                                     // the registry has changed
 *   phi_query_rpc_stop(rpc, until); … phi_query_rpc_free(rpc);           // in stop, in close
 *
 * The program has the configuration rows of PHI_QUERY_RPC_ROWS.
 */
#ifndef PHI_SERVICE_QUERY_RPC_H
#define PHI_SERVICE_QUERY_RPC_H

#include "codes/query_message.h"
#include "json/json.h"
#include "rpc/server.h"
#include "service/forward.h"
#include "service/service.h"

#define PHI_QUERY_RPC_ROWS(port)                                                                   \
    {.name = "PHI_RPC_BIND",                                                                       \
     .type = PHI_CONFIG_TEXT,                                                                      \
     .fallback = "tcp://127.0.0.1:" port,                                                          \
     .min = 5,                                                                                     \
     .max = 128,                                                                                   \
     .unit = "",                                                                                   \
     .text = "address of the query RPC"},                                                          \
    {                                                                                              \
        .name = "PHI_RPC_CURVE_FILE", .type = PHI_CONFIG_SECRET, .min = 40, .max = 64, .unit = "", \
        .text = "this program's CURVE secret key, Z85 or hex"                                      \
    }

/* One request; borrowed for the time of the answer. */
struct phi_query_ask {
    const struct phi_query_request *request;
    const struct phi_rpc_peer *peer; /* platform, program, scopes that it may ask for */
    struct phi_deadline deadline;
    struct phi_arena *arena; /* 512 KiB at most for each request */
};

/* On a worker thread; may block until the deadline. `out` is the arena's. What it returns becomes
 * the reply's status. */
typedef enum phi_err phi_query_answer(void *context, const struct phi_query_ask *ask, json_t **out,
                                      struct phi_error *error);

/* One request of several that arrived together. */
struct phi_query_one {
    struct phi_query_ask ask; /* they share the arena */
    json_t *out;              /* the arena's */
    enum phi_err status;
};

/* As phi_query_answer for 1 to PHI_RPC_BATCH_MAX requests at once: fills `status` of each, and
 * `out` where that is PHI_OK. */
typedef void phi_query_answers(void *context, struct phi_query_one *ones, size_t count);

struct phi_query_rpc;

/* Takes what comes through the relay too, asked by who signed inside. Before the start; borrowed.
 */
void phi_query_rpc_forward(struct phi_query_rpc *rpc, struct phi_forward *forward);
/* What waits is answered together, instead of one after the other; not what came through a relay.
 * Before the start. */
void phi_query_rpc_together(struct phi_query_rpc *rpc, phi_query_answers *answers);
/* The relay's own end: relay requests go to `pass`, which owns the call. Before the start. */
void phi_query_rpc_pass(struct phi_query_rpc *rpc,
                        void (*pass)(struct phi_rpc_call *call, void *context), void *context);
/* Serves nothing yet. PHI_ERR_MEMORY. */
enum phi_err phi_query_rpc_new(struct phi_service *service, phi_query_answer *answer, void *context,
                               struct phi_query_rpc **out) PHI_MUST_USE;
/* Errors of phi_rpc_server_open, PHI_ERR_KEY. Ready when it returns. */
enum phi_err phi_query_rpc_start(struct phi_query_rpc *rpc, struct phi_error *error) PHI_MUST_USE;
/* Takes the peers of the registry in force. Any thread; NULL is fine. */
void phi_query_rpc_peers(struct phi_query_rpc *rpc);
/* Waits for the calls under way; blocks until `until` at most. NULL is fine. */
void phi_query_rpc_stop(struct phi_query_rpc *rpc, struct phi_deadline until);
/* Stopped, or never started, and no phi_query_rpc_peers under way; NULL is fine. */
void phi_query_rpc_free(struct phi_query_rpc *rpc);

#endif
