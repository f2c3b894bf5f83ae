#include "codes/query_message.h"

#include <stdlib.h>

#define REQUEST 0xa1 /* as in verify_message.c */
#define REPLY   0xb1
#define QUERY   5

enum phi_err phi_query_request_encode(const struct phi_query_request *request,
                                      struct phi_writer *out)
{
    if (request->receipt.len == 0 || request->receipt.len > PHI_RECEIPT_MAX)
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REQUEST);
    phi_write_u8(out, QUERY);
    phi_write_u32(out, request->left_ms);
    phi_write_bytes(out, request->request_id, sizeof(request->request_id));
    phi_write_view16(out, request->receipt);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_query_request_decode(struct phi_view frame, struct phi_query_request *out)
{
    struct phi_query_request request = {0};
    struct phi_reader in = phi_reader_of(frame);
    bool is_query = phi_read_u8(&in) == REQUEST;
    is_query = phi_read_u8(&in) == QUERY && is_query;
    request.left_ms = phi_read_u32(&in);
    phi_read_into(&in, request.request_id, sizeof(request.request_id));
    request.receipt = phi_read_view16(&in);
    bool is_sized = request.receipt.len > 0 && request.receipt.len <= PHI_RECEIPT_MAX;
    if (!is_query || !is_sized || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = request;
    return PHI_OK;
}

enum phi_err phi_query_reply_encode(const struct phi_query_reply *reply, struct phi_writer *out)
{
    if (reply->json.len > PHI_QUERY_JSON_MAX)
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REPLY);
    phi_write_u8(out, QUERY);
    phi_write_bytes(out, reply->request_id, sizeof(reply->request_id));
    phi_write_bytes(out, phi_err_return_code(reply->status), 4);
    phi_write_view16(out, reply->json);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_query_reply_decode(struct phi_view frame, struct phi_query_reply *out)
{
    struct phi_query_reply reply = {0};
    char code[5] = {0};
    struct phi_reader in = phi_reader_of(frame);
    bool is_query = phi_read_u8(&in) == REPLY;
    is_query = phi_read_u8(&in) == QUERY && is_query;
    phi_read_into(&in, reply.request_id, sizeof(reply.request_id));
    phi_read_into(&in, code, 4);
    reply.json = phi_read_view16(&in);
    reply.status = phi_err_from_return_code(code);
    if (!is_query || reply.json.len > PHI_QUERY_JSON_MAX || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = reply;
    return PHI_OK;
}
