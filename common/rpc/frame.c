#include "rpc/frame.h"

#include <stdlib.h>

void phi_rpc_frame_encode_header(const struct phi_rpc_frame *frame, uint8_t *out)
{
    struct phi_writer writer = phi_writer_of(out, PHI_RPC_FRAME_HEADER_LEN);
    phi_write_u16(&writer, PHI_RPC_FRAME_MAGIC);
    phi_write_u8(&writer, PHI_RPC_FRAME_VERSION);
    phi_write_u8(&writer, (uint8_t)frame->kind);
    phi_write_u32(&writer, frame->number);
    phi_write_u64(&writer, frame->call);
    phi_write_bytes(&writer, frame->request_id, PHI_RPC_REQUEST_ID_LEN);
}

static bool is_sound(uint8_t version, uint8_t kind, const struct phi_rpc_frame *frame)
{
    if (version != PHI_RPC_FRAME_VERSION || kind < PHI_RPC_FRAME_REQUEST ||
        kind > PHI_RPC_FRAME_REFUSAL)
        return false;
    if (kind == PHI_RPC_FRAME_REPLY && frame->number != 0)
        return false;
    if (kind == PHI_RPC_FRAME_REFUSAL && frame->payload.len != 0)
        return false;
    return frame->payload.len <= PHI_RPC_PAYLOAD_MAX;
}

enum phi_err phi_rpc_frame_decode(struct phi_view bytes, struct phi_rpc_frame *out)
{
    struct phi_reader in = phi_reader_of(bytes);
    *out = (struct phi_rpc_frame){.can_refuse = false};
    bool is_ours = phi_read_u16(&in) == PHI_RPC_FRAME_MAGIC;
    uint8_t version = phi_read_u8(&in);
    uint8_t kind = phi_read_u8(&in);
    out->number = phi_read_u32(&in);
    out->call = phi_read_u64(&in);
    phi_read_into(&in, out->request_id, PHI_RPC_REQUEST_ID_LEN);
    out->payload = phi_read_view(&in, phi_reader_left(&in));
    if (in.failed || !is_ours)
        return PHI_ERR_FRAME;
    if (!is_sound(version, kind, out)) {
        /* a reply or refusal is never answered, whatever its version: two servers could go on for
         * ever */
        out->can_refuse = kind != PHI_RPC_FRAME_REPLY && kind != PHI_RPC_FRAME_REFUSAL;
        return PHI_ERR_FRAME;
    }
    out->kind = (enum phi_rpc_frame_kind)kind;
    return PHI_OK;
}

uint32_t phi_rpc_refusal_number(enum phi_err err)
{
    if (err == PHI_OK)
        err = PHI_ERR_INTERNAL;
    return (uint32_t)strtoul(phi_err_return_code(err), NULL, 10);
}

enum phi_err phi_rpc_refusal_err(uint32_t number)
{
    for (int err = PHI_OK + 1; err < PHI_ERR_COUNT; err++) {
        if (phi_rpc_refusal_number((enum phi_err)err) == number)
            return (enum phi_err)err;
    }
    return PHI_ERR_NEIGHBOUR;
}
