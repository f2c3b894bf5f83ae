/* Frames of the query RPC, from either side. */
#include "codes/query_message.h"
#include "fuzz.h"

static uint8_t buffer[PHI_QUERY_REPLY_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view frame = phi_view_of(data, len);
    struct phi_query_request request;
    struct phi_query_reply reply;
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    if (phi_query_request_decode(frame, &request) == PHI_OK) {
        fuzz_expect(phi_query_request_encode(&request, &out) == PHI_OK);
        fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), frame));
    }
    out = phi_writer_of(buffer, sizeof(buffer));
    /* a return code that isn't in the table is read as an internal error */
    if (phi_query_reply_decode(frame, &reply) == PHI_OK && reply.status != PHI_ERR_INTERNAL) {
        fuzz_expect(phi_query_reply_encode(&reply, &out) == PHI_OK);
        fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), frame));
    }
    return 0;
}
