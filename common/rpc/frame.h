/* The envelope of one message between client and server; its bytes are in docs/rpc.md. Inside the
 * room.
 *
 *   struct phi_rpc_frame frame;
 *   if (phi_rpc_frame_decode(bytes, &frame) != PHI_OK) … drop, or refuse when frame.can_refuse
 */
#ifndef PHI_RPC_FRAME_H
#define PHI_RPC_FRAME_H

#include "rpc/server.h"

#define PHI_RPC_FRAME_MAGIC      0x5048 /* "PH" */
#define PHI_RPC_FRAME_VERSION    1
#define PHI_RPC_FRAME_HEADER_LEN 32
#define PHI_RPC_FRAME_MAX        (PHI_RPC_FRAME_HEADER_LEN + PHI_RPC_PAYLOAD_MAX)
/* what libzmq is told: the CURVE command's own 33 bytes come on top */
#define PHI_RPC_WIRE_MAX (PHI_RPC_FRAME_MAX + 64)

enum phi_rpc_frame_kind {
    PHI_RPC_FRAME_REQUEST = 1,
    PHI_RPC_FRAME_REPLY = 2,
    PHI_RPC_FRAME_REFUSAL = 3,
};

struct phi_rpc_frame {
    enum phi_rpc_frame_kind kind;
    uint32_t number; /* request: milliseconds left; reply: 0; refusal: the error's return code */
    uint64_t call;   /* the asking client's own number of the call, sent back as it came */
    uint8_t request_id[PHI_RPC_REQUEST_ID_LEN];
    struct phi_view payload; /* borrowed; of a refusal empty */
    bool can_refuse; /* on failure: ours by magic, but a version or kind that isn't known here */
};

/* `out` has room for PHI_RPC_FRAME_HEADER_LEN bytes; the payload follows it. */
void phi_rpc_frame_encode_header(const struct phi_rpc_frame *frame, uint8_t *out);
/* PHI_ERR_FRAME; then only can_refuse, call and request_id mean anything. */
enum phi_err phi_rpc_frame_decode(struct phi_view bytes, struct phi_rpc_frame *out) PHI_MUST_USE;

/* A refusal's number and back; PHI_ERR_NEIGHBOUR for one that isn't in the table. */
uint32_t phi_rpc_refusal_number(enum phi_err err);
enum phi_err phi_rpc_refusal_err(uint32_t number);

#endif
