#include "codes/receipt.h"

#include "base/text.h"
#include "codes/fields.h"
#include "codes/region.h"

#include <string.h>

#define MAGIC       "PHIR"
#define VERSION     1
#define HAS_SUBJECT 0x01
#define SKEW_S      5

static bool key_id_is_sound(const char *key_id)
{
    return strlen(key_id) == 16 && strspn(key_id, "0123456789abcdef") == 16;
}

static bool audience_is_sound(const struct phi_receipt *receipt)
{
    if (receipt->audience_count == 0 || receipt->audience_count > PHI_RECEIPT_AUDIENCE_MAX)
        return false;
    for (size_t i = 0; i < receipt->audience_count; i++) {
        if (!phi_platform_is_valid(phi_view_text(receipt->audience[i])))
            return false;
    }
    return true;
}

/* Any two numbers may stand there: the difference is taken only of times that have one. */
static bool life_is_sound(const struct phi_receipt *receipt)
{
    return receipt->issued_s >= 0 && receipt->expires_s >= receipt->issued_s &&
           receipt->expires_s - receipt->issued_s <= PHI_RECEIPT_LIFE_MAX_S;
}

static bool is_sound(const struct phi_receipt *receipt)
{
    return life_is_sound(receipt) && receipt->scope <= PHI_SCOPE_MAX &&
           phi_platform_is_valid(phi_view_text(receipt->issuer)) &&
           key_id_is_sound(receipt->key_id) && audience_is_sound(receipt) &&
           phi_text_is_word(phi_view_text(receipt->requester), PHI_RECEIPT_REQUESTER_MAX) &&
           phi_text_is_word(phi_view_text(receipt->app), PHI_RECEIPT_REQUESTER_MAX);
}

static const uint8_t unknown[PHI_SUBJECT_LEN];

enum phi_err phi_receipt_encode(const struct phi_receipt *receipt, struct phi_writer *out)
{
    if (!is_sound(receipt))
        return PHI_ERR_FIELD_VALUE;
    phi_write_bytes(out, MAGIC, 4);
    phi_write_u8(out, VERSION);
    phi_write_u8(out, receipt->has_subject ? HAS_SUBJECT : 0);
    phi_write_bytes(out, receipt->receipt_id, 16);
    phi_write_bytes(out, receipt->issuer, PHI_REGION_LEN);
    phi_write_bytes(out, receipt->key_id, 16);
    phi_write_bytes(out, receipt->serial_hmac, PHI_SM3_LEN);
    phi_write_bytes(out, receipt->has_subject ? receipt->subject : unknown, PHI_SUBJECT_LEN);
    phi_put_text8(out, receipt->requester);
    phi_put_text8(out, receipt->app);
    phi_write_u8(out, (uint8_t)receipt->audience_count);
    for (size_t i = 0; i < receipt->audience_count; i++)
        phi_write_bytes(out, receipt->audience[i], PHI_REGION_LEN);
    phi_write_u8(out, (uint8_t)receipt->scope);
    phi_write_bytes(out, receipt->challenge, 16);
    phi_write_u64(out, (uint64_t)receipt->issued_s);
    phi_write_u64(out, (uint64_t)receipt->expires_s);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_receipt_sign(const struct phi_receipt *receipt, const struct phi_sm2_private *key,
                              struct phi_writer *out)
{
    const uint8_t *start = out->at;
    uint8_t sig[PHI_SM2_SIG_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_receipt_encode(receipt, out));
    PHI_GUARD(phi_sm2_sign(key, phi_view_of(start, (size_t)(out->at - start)), sig));
    phi_write_bytes(out, sig, sizeof(sig));
    if (out->failed)
        return PHI_ERR_FRAME;
out:
    return err;
}

static bool head_is_known(struct phi_reader *in, struct phi_receipt *out)
{
    struct phi_view magic = phi_read_view(in, 4);
    uint8_t version = phi_read_u8(in);
    uint8_t flags = phi_read_u8(in);
    out->has_subject = (flags & HAS_SUBJECT) != 0;
    return !in->failed && memcmp(magic.data, MAGIC, 4) == 0 && version == VERSION &&
           (flags & ~HAS_SUBJECT) == 0;
}

/* Bytes that mean nothing are not let through: they would be signed, and somebody would read them.
 */
static void decode_subject(struct phi_reader *in, struct phi_receipt *out)
{
    phi_read_into(in, out->subject, PHI_SUBJECT_LEN);
    if (!out->has_subject && memcmp(out->subject, unknown, PHI_SUBJECT_LEN) != 0)
        in->failed = true;
}

static void decode_audience(struct phi_reader *in, struct phi_receipt *out)
{
    out->audience_count = phi_read_u8(in);
    if (out->audience_count > PHI_RECEIPT_AUDIENCE_MAX)
        in->failed = true;
    for (size_t i = 0; !in->failed && i < out->audience_count; i++)
        phi_read_into(in, out->audience[i], PHI_REGION_LEN);
}

enum phi_err phi_receipt_decode(struct phi_view bytes, struct phi_receipt *out,
                                struct phi_view *signed_part, const uint8_t **sig)
{
    struct phi_receipt receipt = {0};
    struct phi_reader in = phi_reader_of(bytes);
    if (bytes.len > PHI_RECEIPT_MAX || !head_is_known(&in, &receipt))
        return PHI_ERR_RECEIPT;
    phi_read_into(&in, receipt.receipt_id, 16);
    phi_read_into(&in, receipt.issuer, PHI_REGION_LEN);
    phi_read_into(&in, receipt.key_id, 16);
    phi_read_into(&in, receipt.serial_hmac, PHI_SM3_LEN);
    decode_subject(&in, &receipt);
    phi_get_text8(&in, receipt.requester, sizeof(receipt.requester));
    phi_get_text8(&in, receipt.app, sizeof(receipt.app));
    decode_audience(&in, &receipt);
    receipt.scope = (enum phi_scope)phi_read_u8(&in);
    phi_read_into(&in, receipt.challenge, 16);
    receipt.issued_s = (int64_t)phi_read_u64(&in);
    receipt.expires_s = (int64_t)phi_read_u64(&in);
    if (in.failed || phi_reader_left(&in) != PHI_SM2_SIG_LEN || !is_sound(&receipt))
        return PHI_ERR_RECEIPT;
    *signed_part = phi_view_of(bytes.data, bytes.len - PHI_SM2_SIG_LEN);
    *sig = phi_read_view(&in, PHI_SM2_SIG_LEN).data;
    *out = receipt;
    return PHI_OK;
}

bool phi_receipt_is_in_force(const struct phi_receipt *receipt, int64_t now_s)
{
    return receipt->issued_s - SKEW_S <= now_s && now_s <= receipt->expires_s;
}

bool phi_receipt_has_audience(const struct phi_receipt *receipt, const char *region)
{
    for (size_t i = 0; i < receipt->audience_count; i++) {
        if (strcmp(receipt->audience[i], region) == 0)
            return true;
    }
    return false;
}
