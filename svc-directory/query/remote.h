/* Another platform's directory, asked with a receipt while we look at our own.
 *
 *   struct remote *home = remote_ask(call, client, receipt, request_id);
 *   … our own entry …
 *   struct phi_json_at *told = remote_finish(home, arena); // {"entries": […]}; NULL: no answer
 *
 * Always finish what was asked, once. On a worker's thread; remote_finish blocks until the answer
 * or the ask's deadline (1.5 s, and never beyond the call's).
 */
#ifndef SVC_DIRECTORY_REMOTE_H
#define SVC_DIRECTORY_REMOTE_H

#include "codes/query_message.h"
#include "rpc/client.h"
#include "service/api.h"

struct remote;

/* NULL: not asked, for want of memory, time or room; or `client` is NULL. */
struct remote *remote_ask(struct phi_api_call *call, struct phi_rpc_client *client,
                          const struct phi_query_request *request);
/* The home province's directory: directly, or through the relay where that is wanted or there is no
 * way; when it does not answer directly, the relay has the rest of the time. */
struct remote *remote_ask_home(struct phi_api_call *call, const char *platform,
                               const struct phi_query_request *request);
/* The JSON answered, the arena's. NULL: none, or no good one; NULL is taken. */
struct phi_json_at *remote_finish(struct remote *remote, struct phi_arena *arena);

#endif
