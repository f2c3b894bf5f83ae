#include "codes/relay_message.h"

#include "codes/region.h"

#include <string.h>

#define REQUEST        0xa1 /* as in verify_message.c */
#define REPLY          0xb1
#define LETTER_VERSION 1
#define SERIAL_LEN     16

bool phi_relay_is(struct phi_view payload)
{
    return payload.len >= 2 && payload.data[0] == REQUEST && payload.data[1] == PHI_RELAY_OPERATION;
}

static void write_view32(struct phi_writer *out, struct phi_view view)
{
    phi_write_u32(out, (uint32_t)view.len);
    phi_write_view(out, view);
}

static struct phi_view read_view32(struct phi_reader *in)
{
    return phi_read_view(in, phi_read_u32(in));
}

static bool is_envelope(struct phi_view envelope)
{
    return envelope.len > 0 && envelope.len <= PHI_RELAY_ENVELOPE_MAX;
}

static bool is_service(unsigned service)
{
    return service < PHI_RELAY_SERVICES;
}

/* Six digits of a platform; false and an empty text for anything else. */
static bool read_platform(struct phi_reader *in, char out[7])
{
    phi_read_into(in, (uint8_t *)out, 6);
    out[6] = '\0';
    return !in->failed && phi_platform_is_valid(phi_view_of(out, 6));
}

static bool read_serial(struct phi_reader *in, char out[SERIAL_LEN + 1])
{
    phi_read_into(in, (uint8_t *)out, SERIAL_LEN);
    out[SERIAL_LEN] = '\0';
    return !in->failed && strspn(out, "0123456789abcdef") == SERIAL_LEN;
}

enum phi_err phi_relay_request_encode(const struct phi_relay_request *request,
                                      struct phi_writer *out)
{
    if (!phi_platform_is_valid(phi_view_text(request->target)) ||
        !is_service((unsigned)request->service) || !is_envelope(request->envelope))
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REQUEST);
    phi_write_u8(out, PHI_RELAY_OPERATION);
    phi_write_u32(out, request->left_ms);
    phi_write_bytes(out, request->request_id, sizeof(request->request_id));
    phi_write_bytes(out, request->target, 6);
    phi_write_u8(out, (uint8_t)request->service);
    write_view32(out, request->envelope);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_relay_request_decode(struct phi_view frame, struct phi_relay_request *out)
{
    struct phi_relay_request request = {0};
    struct phi_reader in = phi_reader_of(frame);
    bool is_good = phi_read_u8(&in) == REQUEST;
    is_good = phi_read_u8(&in) == PHI_RELAY_OPERATION && is_good;
    request.left_ms = phi_read_u32(&in);
    phi_read_into(&in, request.request_id, sizeof(request.request_id));
    is_good = read_platform(&in, request.target) && is_good;
    unsigned service = phi_read_u8(&in);
    request.service = (enum phi_relay_service)service;
    request.envelope = read_view32(&in);
    if (!is_good || !is_service(service) || !is_envelope(request.envelope) || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = request;
    return PHI_OK;
}

enum phi_err phi_relay_answer_encode(const struct phi_relay_answer *answer, struct phi_writer *out)
{
    if (!is_envelope(answer->envelope))
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, REPLY);
    phi_write_u8(out, PHI_RELAY_OPERATION);
    phi_write_bytes(out, answer->request_id, sizeof(answer->request_id));
    write_view32(out, answer->envelope);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_relay_answer_decode(struct phi_view frame, struct phi_relay_answer *out)
{
    struct phi_relay_answer answer = {0};
    struct phi_reader in = phi_reader_of(frame);
    bool is_good = phi_read_u8(&in) == REPLY;
    is_good = phi_read_u8(&in) == PHI_RELAY_OPERATION && is_good;
    phi_read_into(&in, answer.request_id, sizeof(answer.request_id));
    answer.envelope = read_view32(&in);
    if (!is_good || !is_envelope(answer.envelope) || !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = answer;
    return PHI_OK;
}

enum phi_err phi_relay_letter_encode(const struct phi_relay_letter *letter, struct phi_writer *out)
{
    bool is_good = phi_platform_is_valid(phi_view_text(letter->platform)) &&
                   phi_platform_is_valid(phi_view_text(letter->target)) &&
                   strlen(letter->key_serial) == SERIAL_LEN &&
                   is_service((unsigned)letter->service) && letter->frame.len > 0 &&
                   letter->frame.len <= PHI_RELAY_LETTER_MAX - 256;
    if (!is_good)
        return PHI_ERR_FIELD_VALUE;
    phi_write_u8(out, LETTER_VERSION);
    phi_write_bytes(out, letter->platform, 6);
    phi_write_bytes(out, letter->key_serial, SERIAL_LEN);
    phi_write_bytes(out, letter->target, 6);
    phi_write_u8(out, (uint8_t)letter->service);
    phi_write_bytes(out, letter->request_id, sizeof(letter->request_id));
    phi_write_u64(out, (uint64_t)letter->time_us);
    phi_write_bytes(out, letter->answer_key, sizeof(letter->answer_key));
    write_view32(out, letter->frame);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_relay_letter_decode(struct phi_view plain, struct phi_relay_letter *out,
                                     struct phi_view *signed_part, const uint8_t **sig)
{
    struct phi_relay_letter letter = {0};
    if (plain.len <= PHI_SM2_SIG_LEN)
        return PHI_ERR_FRAME;
    struct phi_reader in = phi_reader_of(phi_view_of(plain.data, plain.len - PHI_SM2_SIG_LEN));
    bool is_good = phi_read_u8(&in) == LETTER_VERSION;
    is_good = read_platform(&in, letter.platform) && is_good;
    is_good = read_serial(&in, letter.key_serial) && is_good;
    is_good = read_platform(&in, letter.target) && is_good;
    unsigned service = phi_read_u8(&in);
    letter.service = (enum phi_relay_service)service;
    phi_read_into(&in, letter.request_id, sizeof(letter.request_id));
    letter.time_us = (int64_t)phi_read_u64(&in);
    phi_read_into(&in, letter.answer_key, sizeof(letter.answer_key));
    letter.frame = read_view32(&in);
    if (!is_good || !is_service(service) || letter.frame.len == 0 || letter.time_us < 0 ||
        !phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = letter;
    *signed_part = phi_view_of(plain.data, plain.len - PHI_SM2_SIG_LEN);
    *sig = plain.data + plain.len - PHI_SM2_SIG_LEN;
    return PHI_OK;
}
