/* The envelope of the ZeroMQ RPC. */
#include "fuzz.h"
#include "rpc/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_rpc_frame frame;
    uint8_t header[PHI_RPC_FRAME_HEADER_LEN];
    if (phi_rpc_frame_decode(phi_view_of(data, len), &frame) != PHI_OK)
        return 0;
    phi_rpc_frame_encode_header(&frame, header);
    fuzz_expect(memcmp(header, data, sizeof(header)) == 0);
    fuzz_expect(frame.payload.len == len - sizeof(header));
    (void)phi_rpc_refusal_err(frame.number);
    return 0;
}
