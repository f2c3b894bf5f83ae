/* The serving end of the verify RPC: a ROUTER behind CURVE and an allow-list; one thread reads and
 * writes, worker threads get what has arrived in batches. docs/rpc.md has the bytes.
 *
 *   struct phi_rpc_server_options options = {.bind = "tcp://0.0.0.0:5102", .allow = allow,
 *       .handle = verify_calls, .context = verifier};
 *   memcpy(options.secret_key, secret, PHI_CURVE_KEY_LEN);
 *   PHI_GUARD(phi_rpc_server_open(&options, &server, &error));
 *   ...
 *   phi_rpc_server_stop_accepting(server);
 *   phi_rpc_server_close(server, phi_deadline_in_ms(5000));
 */
#ifndef PHI_RPC_SERVER_H
#define PHI_RPC_SERVER_H

#include "base/time.h"
#include "rpc/zap.h"

#define PHI_RPC_PAYLOAD_MAX    (128 * 1024)
#define PHI_RPC_REQUEST_ID_LEN 16
#define PHI_RPC_BATCH_MAX      64

struct phi_rpc_server;
struct phi_rpc_call; /* one request, from its arrival to its one answer */

/* Called on a worker thread with 1..batch_max calls none of which is past its deadline. It owns
 * them: each must end in exactly one phi_rpc_reply, phi_rpc_refuse or phi_rpc_drop, at once or
 * later, from any thread. The array itself is borrowed for the time of the call. */
typedef void phi_rpc_handler(struct phi_rpc_call **calls, size_t count, void *context);

/* Zero means the default in brackets. */
struct phi_rpc_server_options {
    const char *bind; /* "tcp://127.0.0.1:*" takes a free port */
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
    struct phi_rpc_allow_list *allow; /* borrowed until closed */
    phi_rpc_handler *handle;
    void *context;
    int workers_count;       /* [2] */
    size_t batch_max;        /* [64], at most 64 */
    size_t queue_max;        /* calls waiting for a worker; past it an overload refusal [1024] */
    size_t calls_max;        /* calls without an answer yet; past it an overload refusal [4096] */
    int message_hwm_count;   /* messages a connection may have waiting, each way [256] */
    int handshake_ms;        /* [3000] */
    int64_t deadline_max_ms; /* a longer time left is cut to this [30000] */
};

/* Copies the options. PHI_ERR_CONFIG with the field in error->place; PHI_ERR_IO when the address
 * can't be bound; PHI_ERR_MEMORY. Ready when it returns. */
enum phi_err phi_rpc_server_open(const struct phi_rpc_server_options *options,
                                 struct phi_rpc_server **out, struct phi_error *error) PHI_MUST_USE;

/* The address bound, with the port that was taken. Borrowed from the server. */
const char *phi_rpc_server_address(const struct phi_rpc_server *server);

/* From now on every new call is refused with PHI_ERR_DRAINING; those taken go on. Any thread. */
void phi_rpc_server_stop_accepting(struct phi_rpc_server *server);

/* Waits until the calls taken are answered, or the deadline; then closes. A call still held by a
 * handler may be answered afterwards: it goes nowhere. Blocks; not from a handler. NULL is fine. */
void phi_rpc_server_close(struct phi_rpc_server *server, struct phi_deadline deadline);

/* Of a call; all borrowed until its answer. Any thread. */
const struct phi_rpc_peer *phi_rpc_call_peer(const struct phi_rpc_call *call);
struct phi_view phi_rpc_call_payload(const struct phi_rpc_call *call);
struct phi_deadline phi_rpc_call_deadline(const struct phi_rpc_call *call);
const uint8_t *phi_rpc_call_request_id(const struct phi_rpc_call *call); /* 16 bytes */

/* Many answers with one hand-over to the thread that sends: each call's payload is laid first
 * (copied; laid again it is replaced) and nothing leaves before phi_rpc_send. Errors:
 * PHI_ERR_INTERNAL over PHI_RPC_PAYLOAD_MAX, PHI_ERR_MEMORY: the call has no answer then. One
 * thread at a time for one call. */
enum phi_err phi_rpc_lay(struct phi_rpc_call *call, struct phi_view payload) PHI_MUST_USE;
/* Sends what was laid for 1 or more calls of one server, which are gone afterwards; one without an
 * answer is refused with PHI_ERR_MEMORY. Never blocks, any thread. */
void phi_rpc_send(struct phi_rpc_call **calls, size_t count);

/* The one answer; `payload` is copied, `call` is gone afterwards. Never blocks, any thread. Over
 * PHI_RPC_PAYLOAD_MAX it becomes a refusal with PHI_ERR_INTERNAL. */
void phi_rpc_reply(struct phi_rpc_call *call, struct phi_view payload);
/* An answer of the transport: the caller's phi_rpc_call returns `err`. PHI_OK counts as
 * PHI_ERR_INTERNAL. */
void phi_rpc_refuse(struct phi_rpc_call *call, enum phi_err err);
/* No answer at all: for work found past its deadline. */
void phi_rpc_drop(struct phi_rpc_call *call);

#endif
