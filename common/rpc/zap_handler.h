/* The ZAP handler (ZeroMQ RFC 27) of one libzmq context: answers each CURVE handshake from the
 * allow-list and sets the message property User-Id to the key in hex. Inside the room.
 *
 * libzmq lets everyone in while no handler is bound, unless the socket has ZMQ_ZAP_ENFORCE_DOMAIN:
 * open this before the socket binds, and set that option.
 */
#ifndef PHI_RPC_ZAP_HANDLER_H
#define PHI_RPC_ZAP_HANDLER_H

#include "rpc/zap.h"

#define PHI_RPC_ZAP_DOMAIN "phi-rpc"

struct phi_rpc_zap_handler;

/* Bound when it returns. PHI_ERR_INTERNAL, PHI_ERR_MEMORY. */
enum phi_err phi_rpc_zap_handler_open(void *zmq_context, struct phi_rpc_allow_list *allow,
                                      struct phi_rpc_zap_handler **out) PHI_MUST_USE;
void phi_rpc_zap_handler_close(struct phi_rpc_zap_handler *handler); /* NULL is fine */

#endif
