/* What comes to the relay's door, and what is in its envelopes. */
#include "codes/relay_message.h"
#include "fuzz.h"

#include <string.h>

static void outside(struct phi_view frame)
{
    static uint8_t bytes[PHI_RELAY_FRAME_MAX];
    struct phi_relay_request request;
    struct phi_relay_answer answer;
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    if (phi_relay_request_decode(frame, &request) == PHI_OK) {
        fuzz_expect(phi_relay_is(frame));
        fuzz_expect(phi_relay_request_encode(&request, &to) == PHI_OK);
        fuzz_expect(phi_view_equal(phi_view_of(bytes, phi_writer_len(&to)), frame));
    }
    to = phi_writer_of(bytes, sizeof(bytes));
    if (phi_relay_answer_decode(frame, &answer) == PHI_OK) {
        fuzz_expect(phi_relay_answer_encode(&answer, &to) == PHI_OK);
        fuzz_expect(phi_view_equal(phi_view_of(bytes, phi_writer_len(&to)), frame));
    }
}

static void inside(struct phi_view plain)
{
    static uint8_t bytes[PHI_RELAY_LETTER_MAX];
    struct phi_relay_letter letter;
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    struct phi_writer to = phi_writer_of(bytes, sizeof(bytes));
    if (phi_relay_letter_decode(plain, &letter, &signed_part, &sig) != PHI_OK)
        return;
    fuzz_expect(sig + PHI_SM2_SIG_LEN == plain.data + plain.len);
    if (phi_relay_letter_encode(&letter, &to) == PHI_OK)
        fuzz_expect(phi_view_equal(phi_view_of(bytes, phi_writer_len(&to)), signed_part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    outside(phi_view_of(data, len));
    inside(phi_view_of(data, len));
    return 0;
}
