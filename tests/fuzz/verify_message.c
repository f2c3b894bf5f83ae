/* Frames of the verify RPC, from either side. */
#include "codes/verify_message.h"
#include "fuzz.h"

static uint8_t buffer[PHI_VERIFY_FRAME_MAX];

static void check_requests(struct phi_view frame)
{
    static struct phi_verify_request items[PHI_VERIFY_BATCH_MAX];
    struct phi_error error;
    size_t count = 0;
    if (phi_verify_requests_decode(frame, items, PHI_VERIFY_BATCH_MAX, &count, &error) != PHI_OK)
        return;
    fuzz_expect(count >= 1 && count <= PHI_VERIFY_BATCH_MAX);
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    fuzz_expect(phi_verify_requests_encode(items, count, &out) == PHI_OK);
    /* a batch's items lose the milliseconds of their own */
    if (!phi_verify_is_batch(frame))
        fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), frame));
}

static void check_replies(struct phi_view frame)
{
    static struct phi_verify_reply items[PHI_VERIFY_BATCH_MAX];
    size_t count = 0;
    if (phi_verify_replies_decode(frame, items, PHI_VERIFY_BATCH_MAX, &count) != PHI_OK)
        return;
    fuzz_expect(count >= 1 && count <= PHI_VERIFY_BATCH_MAX);
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    bool is_batch = phi_verify_is_batch(frame);
    fuzz_expect(phi_verify_replies_encode(items, count, is_batch, &out) == PHI_OK);
    fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), frame));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > sizeof(buffer))
        return 0;
    check_requests(phi_view_of(data, len));
    check_replies(phi_view_of(data, len));
    return 0;
}
