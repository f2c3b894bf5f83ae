#include "codes/jkm1.h"

#include "base/mutant.h"
#include "codes/region.h"

#include <string.h>

#define YEAR_10000_S 253402300800

enum phi_err phi_jkm1_encode(const struct phi_jkm1_parts *parts, struct phi_writer *out)
{
    if (parts->a.len == 0 || parts->a.len > PHI_JKM1_A_MAX)
        return PHI_ERR_FIELD_VALUE;
    if (!phi_platform_is_valid(phi_view_text(parts->platform)))
        return PHI_ERR_FIELD_VALUE;
    if (parts->deadline_s < 0 || parts->deadline_s >= YEAR_10000_S)
        return PHI_ERR_FIELD_VALUE;
    char deadline[PHI_TIME14_LEN + 1];
    phi_time14_format(parts->deadline_s, PHI_MUTANT(deadline_written_local) ? 480 : 0, deadline);
    phi_write_u16(out, (uint16_t)(parts->a.len + (PHI_MUTANT(a_counts_itself) ? 2 : 0)));
    phi_write_view(out, parts->a);
    phi_write_u16(out, PHI_JKM1_B_LEN + (PHI_MUTANT(b_counts_itself) ? 2 : 0));
    phi_write_u16(out, PHI_JKM1_VERSION + PHI_MUTANT(version_two));
    phi_write_view(out, phi_view_text("JKM1"));
    phi_write_view(out, phi_view_text(parts->platform));
    phi_write_view(out, phi_view_text(deadline));
    phi_write_bytes(out, parts->consent_digest, PHI_SM3_LEN);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

static enum phi_err malformed(struct phi_error *error, const char *place, const char *text)
{
    return phi_error_set(error, PHI_ERR_CODE_MALFORMED, place, "%s", text);
}

static enum phi_err decode_a(struct phi_reader *in, struct phi_jkm1 *out, struct phi_error *error)
{
    uint16_t len = phi_read_u16(in);
    if (in->failed)
        return malformed(error, "A.length", "cut off");
    if (len == 0 || len > PHI_JKM1_A_MAX)
        return malformed(error, "A.length", "not of 1 to 4,096 bytes");
    out->a = phi_read_view(in, len);
    if (in->failed)
        return malformed(error, "A", "cut off");
    out->is_own_form = len == PHI_JKM1_A_LEN;
    if (out->is_own_form) {
        struct phi_reader a = phi_reader_of(out->a);
        out->key_set = phi_read_u8(&a);
        phi_read_into(&a, out->serial, PHI_JKM1_SERIAL_LEN);
        out->sealed = phi_read_view(&a, PHI_JKM1_SEALED_LEN);
    }
    return PHI_OK;
}

/* Type and version come before the fixed length: another version may be longer. */
static enum phi_err decode_b_head(struct phi_reader *b, struct phi_jkm1 *out,
                                  struct phi_error *error)
{
    out->version = phi_read_u16(b);
    struct phi_view type = phi_read_view(b, 4);
    if (b->failed)
        return malformed(error, "B.length", "too short for version and type");
    if (!phi_view_equal(type, phi_view_text("JKM1")))
        return phi_error_set(error, PHI_ERR_CODE_VERSION, "B.type", "not JKM1");
    if (out->version != PHI_JKM1_VERSION && !PHI_MUTANT(any_version))
        return phi_error_set(error, PHI_ERR_CODE_VERSION, "B.version", "not 1");
    return PHI_OK;
}

static enum phi_err decode_b(struct phi_view bytes, struct phi_jkm1 *out, struct phi_error *error)
{
    struct phi_reader b = phi_reader_of(bytes);
    enum phi_err err = decode_b_head(&b, out, error);
    if (err != PHI_OK)
        return err;
    if (bytes.len != PHI_JKM1_B_LEN)
        return malformed(error, "B.length", "not 58");
    struct phi_view platform = phi_read_view(&b, PHI_REGION_LEN);
    struct phi_view deadline = phi_read_view(&b, PHI_TIME14_LEN);
    phi_read_into(&b, out->consent_digest, PHI_SM3_LEN);
    if (!phi_platform_is_valid(platform))
        return malformed(error, "B.platform", "not a platform id");
    if (phi_time14_parse(deadline, PHI_MUTANT(deadline_read_local) ? 480 : 0, &out->deadline_s) !=
        PHI_OK)
        return malformed(error, "B.deadline", "not a time");
    memcpy(out->platform, platform.data, PHI_REGION_LEN);
    return PHI_OK;
}

enum phi_err phi_jkm1_decode(struct phi_view bytes, struct phi_jkm1 *out, struct phi_error *error)
{
    struct phi_jkm1 code = {0};
    struct phi_reader in = phi_reader_of(bytes);
    enum phi_err err = decode_a(&in, &code, error);
    if (err != PHI_OK)
        return err;
    uint16_t len = phi_read_u16(&in);
    if (in.failed)
        return malformed(error, "B.length", "cut off");
    struct phi_view b = phi_read_view(&in, len);
    if (in.failed)
        return malformed(error, "B", "cut off");
    err = decode_b(b, &code, error);
    if (err != PHI_OK)
        return err;
    code.signed_part = phi_view_of(bytes.data, bytes.len - phi_reader_left(&in));
    struct phi_view sig = phi_read_view(&in, PHI_SM2_SIG_LEN);
    if (in.failed)
        return malformed(error, "S", "cut off");
    if (!phi_reader_done(&in) && !PHI_MUTANT(left_over_taken))
        return malformed(error, "S", "bytes are left over");
    code.sig = sig.data;
    *out = code;
    return PHI_OK;
}

enum phi_err phi_jkm1_verify(const struct phi_jkm1 *code, const struct phi_sm2_public *key)
{
    enum phi_err err = phi_sm2_verify(key, code->signed_part, code->sig);
    return err == PHI_ERR_SIGNATURE ? PHI_ERR_CODE_SIGNATURE : err;
}

bool phi_jkm1_is_expired(const struct phi_jkm1 *code, int64_t now_s)
{
    return now_s > code->deadline_s - PHI_MUTANT(deadline_early) + PHI_MUTANT(deadline_late);
}

enum phi_err phi_jkm1_serial(const struct phi_jkm1 *code, bool is_own,
                             uint8_t out[PHI_JKM1_SERIAL_LEN])
{
    if (is_own && code->is_own_form) {
        memcpy(out, code->serial, PHI_JKM1_SERIAL_LEN);
        return PHI_OK;
    }
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3(code->signed_part, digest);
    if (err == PHI_OK)
        memcpy(out, digest, PHI_JKM1_SERIAL_LEN);
    return err;
}

enum phi_err phi_jkm1_revocation_id(const char *platform, const uint8_t serial[PHI_JKM1_SERIAL_LEN],
                                    uint8_t out[16])
{
    const struct phi_view parts[] = {phi_view_text(platform),
                                     phi_view_of(serial, PHI_JKM1_SERIAL_LEN)};
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3_parts(parts, 2, digest);
    if (err == PHI_OK)
        memcpy(out, digest, 16);
    return err;
}
