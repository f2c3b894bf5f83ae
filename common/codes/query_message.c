#include "codes/query_message.h"

#include <stdlib.h>

#define REQUEST 0xa1 /* as in verify_message.c */
#define REPLY   0xb1

static bool is_operation(uint8_t operation)
{
    return operation == PHI_QUERY_QUERY || operation == PHI_QUERY_SEEN;
}

enum phi_err phi_query_request_encode(const struct phi_query_request *request,
                                      struct phi_writer *out)
{
    bool is_seen = request->operation == PHI_QUERY_SEEN;
    if (!is_operation((uint8_t)request->operation))
        return PHI_ERR_FIELD_VALUE;
    if (!is_seen && (request->receipt.len == 0 || request->receipt.len > PHI_RECEIPT_MAX))
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REQUEST);
    phi_write_u8(out, (uint8_t)request->operation);
    phi_write_u32(out, request->left_ms);
    phi_write_bytes(out, request->request_id, sizeof(request->request_id));
    if (is_seen)
        phi_write_bytes(out, request->subject, sizeof(request->subject));
    else
        phi_write_view16(out, request->receipt);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_query_request_decode(struct phi_view frame, struct phi_query_request *out)
{
    struct phi_query_request request = {0};
    struct phi_reader in = phi_reader_of(frame);
    bool is_good = phi_read_u8(&in) == REQUEST;
    uint8_t operation = phi_read_u8(&in);
    is_good = is_operation(operation) && is_good;
    request.operation = (enum phi_query_operation)operation;
    request.left_ms = phi_read_u32(&in);
    phi_read_into(&in, request.request_id, sizeof(request.request_id));
    if (operation == PHI_QUERY_SEEN) {
        phi_read_into(&in, request.subject, sizeof(request.subject));
    } else {
        request.receipt = phi_read_view16(&in);
        is_good = is_good && request.receipt.len > 0 && request.receipt.len <= PHI_RECEIPT_MAX;
    }
    if (!is_good || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = request;
    return PHI_OK;
}

enum phi_err phi_query_reply_encode(const struct phi_query_reply *reply, struct phi_writer *out)
{
    if (reply->json.len > PHI_QUERY_JSON_MAX || !is_operation((uint8_t)reply->operation))
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REPLY);
    phi_write_u8(out, (uint8_t)reply->operation);
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
    bool is_good = phi_read_u8(&in) == REPLY;
    uint8_t operation = phi_read_u8(&in);
    is_good = is_operation(operation) && is_good;
    reply.operation = (enum phi_query_operation)operation;
    phi_read_into(&in, reply.request_id, sizeof(reply.request_id));
    phi_read_into(&in, code, 4);
    reply.json = phi_read_view16(&in);
    reply.status = phi_err_from_return_code(code);
    if (!is_good || reply.json.len > PHI_QUERY_JSON_MAX || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = reply;
    return PHI_OK;
}
