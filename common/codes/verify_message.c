#include "codes/verify_message.h"

#include "base/text.h"
#include "codes/fields.h"
#include "codes/region.h"

#include <stdlib.h>
#include <string.h>

#define REQUEST     0xa1 /* high half: request or reply; low half: version 1 */
#define REPLY       0xb1
#define BATCH       4
#define FLAG_TEXT   0x0001
#define FLAG_REPEAT 0x0001
#define CHECK_ALL   ((1u << PHI_CHECK_COUNT) - 1)

const char *phi_verify_check_name(unsigned bit)
{
    static const char *const names[PHI_CHECK_COUNT] = {
        "form", "platform", "signature", "deadline", "revocation", "ledger", "subject"};
    for (size_t i = 0; i < PHI_CHECK_COUNT; i++) {
        if (bit == 1u << i)
            return names[i];
    }
    return NULL;
}

bool phi_verify_is_batch(struct phi_view frame)
{
    return frame.len >= 2 && (frame.data[0] == REQUEST || frame.data[0] == REPLY) &&
           frame.data[1] == BATCH;
}

static size_t code_max(const struct phi_verify_request *item)
{
    return item->is_text ? PHI_JKM1_TEXT_MAX : PHI_JKM1_MAX;
}

/* The name of the field that is out of its bounds, or NULL. */
static const char *request_fault(const struct phi_verify_request *item)
{
    if (item->operation < PHI_VERIFY_VERIFY || item->operation > PHI_VERIFY_OWN)
        return "operation";
    if (item->code.len == 0 || item->code.len > code_max(item))
        return "code";
    if (!phi_platform_is_valid(phi_view_text(item->platform)))
        return "platform";
    if (!phi_text_is_word(phi_view_text(item->program), PHI_VERIFY_PROGRAM_MAX))
        return "program";
    if (!phi_text_is_word(phi_view_text(item->app), PHI_VERIFY_APP_MAX))
        return "app";
    return item->scope > PHI_SCOPE_MAX ? "scope" : NULL;
}

/* operation, flags, milliseconds left, request id, challenge */
static void put_head(struct phi_writer *out, uint8_t operation, uint16_t flags, uint32_t left_ms,
                     const uint8_t request_id[16], const uint8_t challenge[16])
{
    phi_write_u8(out, operation);
    phi_write_u16(out, flags);
    phi_write_u32(out, left_ms);
    phi_write_bytes(out, request_id, 16);
    phi_write_bytes(out, challenge, 16);
}

static enum phi_err put_request(const struct phi_verify_request *item, struct phi_writer *out)
{
    if (request_fault(item))
        return PHI_ERR_FIELD_VALUE;
    put_head(out, (uint8_t)item->operation, item->is_text ? FLAG_TEXT : 0, item->left_ms,
             item->request_id, item->challenge);
    phi_write_view16(out, item->code);
    phi_write_bytes(out, item->platform, PHI_REGION_LEN);
    phi_put_text8(out, item->program);
    phi_put_text8(out, item->app);
    phi_write_bytes(out, item->digest, PHI_SM3_LEN);
    phi_write_u8(out, (uint8_t)item->scope);
    if (item->operation == PHI_VERIFY_OWN)
        phi_write_bytes(out, item->holder, PHI_SUBJECT_LEN);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_verify_requests_encode(const struct phi_verify_request *items, size_t count,
                                        struct phi_writer *out)
{
    if (count == 0 || count > PHI_VERIFY_BATCH_MAX)
        return PHI_ERR_FIELD_VALUE;
    enum phi_err err = PHI_OK;
    phi_write_u8(out, REQUEST);
    if (count > 1) {
        phi_write_u8(out, BATCH);
        phi_write_u32(out, items[0].left_ms);
        phi_write_u16(out, (uint16_t)count);
    }
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(put_request(&items[i], out));
out:
    return err;
}

/* The name of the field that is wrong, or NULL. */
static const char *get_request(struct phi_reader *in, struct phi_verify_request *out)
{
    *out = (struct phi_verify_request){0};
    out->operation = (enum phi_verify_operation)phi_read_u8(in);
    uint16_t flags = phi_read_u16(in);
    out->left_ms = phi_read_u32(in);
    phi_read_into(in, out->request_id, 16);
    phi_read_into(in, out->challenge, 16);
    if ((flags & ~FLAG_TEXT) != 0)
        return "flags";
    out->is_text = (flags & FLAG_TEXT) != 0;
    out->code = phi_read_view16(in);
    phi_read_into(in, out->platform, PHI_REGION_LEN);
    phi_get_text8(in, out->program, sizeof(out->program));
    phi_get_text8(in, out->app, sizeof(out->app));
    phi_read_into(in, out->digest, PHI_SM3_LEN);
    out->scope = (enum phi_scope)phi_read_u8(in);
    if (out->operation == PHI_VERIFY_OWN)
        phi_read_into(in, out->holder, PHI_SUBJECT_LEN);
    return in->failed ? "length" : request_fault(out);
}

static enum phi_err frame_error(struct phi_error *error, const char *place)
{
    return phi_error_set(error, PHI_ERR_FRAME, place, "malformed");
}

/* How many items follow, 0 when the frame's beginning is wrong. A batch's time left holds for all.
 */
static size_t begin_batch(struct phi_reader *in, uint32_t *left_ms)
{
    (void)phi_read_u8(in);
    *left_ms = phi_read_u32(in);
    uint16_t count = phi_read_u16(in);
    return in->failed || count > PHI_VERIFY_BATCH_MAX ? 0 : count;
}

enum phi_err phi_verify_requests_decode(struct phi_view frame, struct phi_verify_request *items,
                                        size_t max, size_t *count, struct phi_error *error)
{
    struct phi_reader in = phi_reader_of(frame);
    if (frame.len > PHI_VERIFY_FRAME_MAX || phi_read_u8(&in) != REQUEST)
        return frame_error(error, "version");
    bool is_batch = phi_verify_is_batch(frame);
    uint32_t left_ms = 0;
    size_t expected = is_batch ? begin_batch(&in, &left_ms) : 1;
    if (expected == 0 || expected > max)
        return frame_error(error, "count");
    for (size_t i = 0; i < expected; i++) {
        const char *fault = get_request(&in, &items[i]);
        if (fault)
            return frame_error(error, fault);
        if (is_batch)
            items[i].left_ms = left_ms;
    }
    if (!phi_reader_done(&in))
        return frame_error(error, "length");
    *count = expected;
    return PHI_OK;
}

static bool reply_is_sound(const struct phi_verify_reply *item)
{
    bool has_platform = item->platform[0] != '\0';
    return (unsigned)item->status < PHI_ERR_COUNT && (item->checked & ~CHECK_ALL) == 0 &&
           (item->unchecked & ~CHECK_ALL) == 0 && (item->checked & item->unchecked) == 0 &&
           (!has_platform || phi_platform_is_valid(phi_view_text(item->platform))) &&
           item->deadline_s >= 0 && (item->flags & ~PHI_JKM1_FLAGS_KNOWN) == 0 &&
           item->scope <= PHI_SCOPE_MAX && item->receipt.len <= PHI_RECEIPT_MAX;
}

/* The status travels as the decimal return code of the error table, so that it outlives our enum.
 */
static enum phi_err put_reply(const struct phi_verify_reply *item, struct phi_writer *out)
{
    if (!reply_is_sound(item))
        return PHI_ERR_FIELD_VALUE;
    phi_write_bytes(out, item->request_id, 16);
    phi_write_u16(out, (uint16_t)strtoul(phi_err_return_code(item->status), NULL, 10));
    phi_write_u16(out, item->checked);
    phi_write_u16(out, item->unchecked);
    phi_write_u16(out, item->is_repeat ? FLAG_REPEAT : 0);
    phi_put_text8(out, item->platform);
    phi_write_u64(out, (uint64_t)item->deadline_s);
    phi_write_u8(out, item->flags);
    phi_write_u8(out, (uint8_t)item->scope);
    phi_write_view16(out, item->receipt);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_verify_replies_encode(const struct phi_verify_reply *items, size_t count,
                                       bool is_batch, struct phi_writer *out)
{
    if (count == 0 || count > PHI_VERIFY_BATCH_MAX || (!is_batch && count != 1))
        return PHI_ERR_FIELD_VALUE;
    enum phi_err err = PHI_OK;
    phi_write_u8(out, REPLY);
    phi_write_u8(out, is_batch ? BATCH : 0);
    if (is_batch)
        phi_write_u16(out, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(put_reply(&items[i], out));
out:
    return err;
}

static bool status_of(uint16_t return_code, enum phi_err *out)
{
    for (int i = 0; i < PHI_ERR_COUNT; i++) {
        if (strtoul(phi_err_return_code((enum phi_err)i), NULL, 10) == return_code) {
            *out = (enum phi_err)i;
            return true;
        }
    }
    return false;
}

static bool get_reply(struct phi_reader *in, struct phi_verify_reply *out)
{
    *out = (struct phi_verify_reply){0};
    phi_read_into(in, out->request_id, 16);
    uint16_t status = phi_read_u16(in);
    out->checked = phi_read_u16(in);
    out->unchecked = phi_read_u16(in);
    uint16_t flags = phi_read_u16(in);
    out->is_repeat = (flags & FLAG_REPEAT) != 0;
    phi_get_text8(in, out->platform, sizeof(out->platform));
    out->deadline_s = (int64_t)phi_read_u64(in);
    out->flags = phi_read_u8(in);
    out->scope = (enum phi_scope)phi_read_u8(in);
    out->receipt = phi_read_view16(in);
    return !in->failed && (flags & ~FLAG_REPEAT) == 0 && status_of(status, &out->status) &&
           reply_is_sound(out);
}

enum phi_err phi_verify_replies_decode(struct phi_view frame, struct phi_verify_reply *items,
                                       size_t max, size_t *count)
{
    struct phi_reader in = phi_reader_of(frame);
    if (frame.len > PHI_VERIFY_FRAME_MAX || phi_read_u8(&in) != REPLY)
        return PHI_ERR_FRAME;
    uint8_t kind = phi_read_u8(&in);
    if (kind != 0 && kind != BATCH)
        return PHI_ERR_FRAME;
    size_t expected = kind == BATCH ? phi_read_u16(&in) : 1;
    if (expected == 0 || expected > max)
        return PHI_ERR_FRAME;
    for (size_t i = 0; i < expected; i++) {
        if (!get_reply(&in, &items[i]))
            return PHI_ERR_FRAME;
    }
    if (!phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *count = expected;
    return PHI_OK;
}
