/* A receipt of another platform, before its signature is looked at. */
#include "codes/receipt.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_receipt receipt;
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    if (phi_receipt_decode(phi_view_of(data, len), &receipt, &signed_part, &sig) != PHI_OK)
        return 0;
    uint8_t buffer[PHI_RECEIPT_MAX];
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    fuzz_expect(phi_receipt_encode(&receipt, &out) == PHI_OK);
    fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), signed_part));
    fuzz_expect(sig == data + len - PHI_SM2_SIG_LEN);
    fuzz_expect(phi_receipt_has_audience(&receipt, receipt.audience[0]));
    (void)phi_receipt_is_in_force(&receipt, receipt.issued_s);
    return 0;
}
