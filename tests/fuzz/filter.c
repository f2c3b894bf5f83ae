/* A revocation filter, before its signature is looked at: by the suite's reader and by the
 * scanners' library's, which share nothing and must agree. */
#include "codes/filter.h"
#include "fuzz.h"
#include "parts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_filter filter;
    struct scan_filter other;
    uint8_t id[PHI_REVOCATION_ID_LEN] = {0};
    enum phi_err err = phi_filter_read(phi_view_of(data, len), &filter, NULL);
    fuzz_expect((err == PHI_OK) == (scan_filter_read(data, len, &other) == PHI_SCAN_GOOD));
    if (err != PHI_OK)
        return 0;
    fuzz_expect(filter.sequence == other.sequence && filter.not_after_s == other.not_after_s);
    fuzz_expect(filter.sig == data + len - PHI_SM2_SIG_LEN);
    for (size_t at = 0; at + sizeof(id) < len; at += len / 16 + 1) {
        memcpy(id, data + at, sizeof(id));
        fuzz_expect(phi_filter_has(&filter, id) == scan_filter_has(&other, id));
    }
    for (size_t i = 0; i < filter.range_count; i++) {
        struct phi_filter_range range = phi_filter_range_at(&filter, i);
        bool is_met = range.from_s <= range.until_s;
        fuzz_expect(!is_met ||
                    phi_filter_has_key_set(&filter, range.platform, range.key_set, range.from_s));
        fuzz_expect(scan_filter_has_key_set(&other, range.platform, range.key_set, range.from_s) ==
                    phi_filter_has_key_set(&filter, range.platform, range.key_set, range.from_s));
    }
    scan_filter_drop(&other);
    return 0;
}
