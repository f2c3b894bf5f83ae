/* A code off a scanner: bytes, or the text of a QR symbol. What is read can be written again, and
 * phictl shows each of its bytes once, good or not. */
#include "codes/jkm1.h"
#include "fuzz.h"
#include "phictl/code/parts.h"

static void check_parts(const struct phi_jkm1 *code)
{
    static uint8_t buffer[PHI_JKM1_MAX];
    uint8_t id[PHI_JKM1_SERIAL_LEN];
    struct phi_writer out = phi_writer_of(buffer, sizeof(buffer));
    const struct phi_jkm1_parts parts = {.a = code->a,
                                         .platform = code->platform,
                                         .deadline_s = code->deadline_s,
                                         .consent_digest = code->consent_digest};
    fuzz_expect(phi_jkm1_encode(&parts, &out) == PHI_OK);
    fuzz_expect(phi_view_equal(phi_view_of(buffer, phi_writer_len(&out)), code->signed_part));
    fuzz_expect(phi_jkm1_serial(code, code->is_own_form, id) == PHI_OK);
    fuzz_expect(phi_jkm1_revocation_id(code->platform, id, id) == PHI_OK);
    fuzz_expect(!phi_jkm1_is_expired(code, code->deadline_s));
    fuzz_expect(phi_jkm1_is_expired(code, code->deadline_s + 1));
}

static void check_text(struct phi_view text)
{
    static uint8_t bytes[PHI_JKM1_MAX];
    static char again[PHI_JKM1_TEXT_MAX + 1];
    struct phi_jkm1 code;
    size_t len = 0;
    if (phi_jkm1_text_decode(text, bytes, sizeof(bytes), &len) != PHI_OK)
        return;
    phi_jkm1_text_encode(bytes, len, again);
    fuzz_expect(phi_view_equal(phi_view_text(again), text));
    if (phi_jkm1_decode(phi_view_of(bytes, len), &code, NULL) == PHI_OK)
        check_parts(&code);
}

static void check_shown(struct phi_view bytes)
{
    static struct ctl_parts parts;
    size_t at = 0;
    ctl_parts_of(bytes, &parts);
    for (size_t i = 0; i < parts.count; i++) {
        const struct ctl_part *part = &parts.parts[i];
        fuzz_expect(part->offset == at && part->bytes.len > 0);
        fuzz_expect(memchr(part->meaning, '\0', sizeof(part->meaning)) != NULL);
        at += part->bytes.len;
    }
    fuzz_expect(at == bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_jkm1 code;
    struct phi_error error;
    if (phi_jkm1_decode(phi_view_of(data, len), &code, &error) == PHI_OK)
        check_parts(&code);
    check_text(phi_view_of(data, len));
    check_shown(phi_view_of(data, len));
    return 0;
}
