/* The small written forms: times, dates, hex, base64, Z85, UTF-8 and its normal forms. */
#include "base/text.h"
#include "base/time.h"
#include "fuzz.h"
#include "rpc/curve.h"

#define INPUT_MAX 1024

static void check_times(struct phi_view text)
{
    char written[PHI_RFC3339_MAX];
    int64_t time = 0, again = 0;
    int year = 0, month = 0, day = 0;
    if (phi_rfc3339_parse(text, &time) == PHI_OK) {
        phi_rfc3339_format(time, written);
        fuzz_expect(phi_rfc3339_parse(phi_view_text(written), &again) == PHI_OK);
        fuzz_expect(time == again);
    }
    if (phi_time14_parse(text, 480, &time) == PHI_OK) {
        phi_time14_format(time, 480, written);
        fuzz_expect(phi_view_equal(phi_view_text(written), text));
    }
    if (phi_date_parse(text, &year, &month, &day) == PHI_OK)
        fuzz_expect(phi_date_is_real(year, month, day));
    if (phi_text_to_i64(text, -5, 5, &time) == PHI_OK)
        fuzz_expect(time >= -5 && time <= 5);
}

static void check_bytes(struct phi_view text)
{
    uint8_t bytes[INPUT_MAX];
    char again[2 * INPUT_MAX + 1];
    uint8_t key[PHI_CURVE_KEY_LEN];
    size_t len = 0;
    if (phi_base64_decode(text, bytes, sizeof(bytes), &len) == PHI_OK) {
        phi_base64_encode(phi_view_of(bytes, len), again);
        fuzz_expect(phi_view_equal(phi_view_text(again), text));
    }
    if (phi_hex_decode(text, bytes, text.len / 2) == PHI_OK) {
        phi_hex_encode(phi_view_of(bytes, text.len / 2), again);
        fuzz_expect(strlen(again) == text.len);
    }
    if (phi_curve_parse(text, key) == PHI_OK && text.len == PHI_CURVE_Z85_LEN) {
        phi_curve_z85_format(key, again);
        fuzz_expect(phi_view_equal(phi_view_text(again), text));
    }
}

static void check_text(struct phi_view text, struct phi_arena *arena)
{
    struct phi_view once = {0}, twice = {0};
    bool is_utf8 = phi_text_is_utf8(text);
    if (is_utf8)
        fuzz_expect(phi_text_count(text) <= text.len);
    (void)phi_text_has_control(text);
    if (phi_text_nfc(text, arena, &once) == PHI_OK) {
        fuzz_expect(is_utf8 && phi_text_is_utf8(once));
        fuzz_expect(phi_text_nfc(once, arena, &twice) == PHI_OK);
        fuzz_expect(phi_view_equal(once, twice));
    }
    if (phi_text_nfkc_upper(text, arena, &once) == PHI_OK)
        fuzz_expect(is_utf8 && phi_text_is_utf8(once));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view text = phi_view_of(data, len);
    if (len > INPUT_MAX)
        return 0;
    struct phi_arena *arena = fuzz_arena(1024 * 1024);
    check_times(text);
    check_bytes(text);
    check_text(text, arena);
    phi_arena_free(arena);
    return 0;
}
