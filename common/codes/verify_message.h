/* The verify RPC's bytes: requests and replies, one or up to 256 in a frame. Reader and writer
 * together; docs/rpc.md gives the bytes.
 *
 *   PHI_GUARD(phi_verify_requests_encode(&request, 1, &writer));
 *   PHI_GUARD(phi_verify_requests_decode(frame, items, PHI_VERIFY_BATCH_MAX, &count, error));
 *   …
 *   PHI_GUARD(phi_verify_replies_encode(&reply, 1, phi_verify_is_batch(frame), &writer));
 *   PHI_GUARD(phi_verify_replies_decode(frame, replies, max, &count));
 *
 * Pure; any thread; nothing blocks or allocates. Decoded views borrow the frame.
 */
#ifndef PHI_CODES_VERIFY_MESSAGE_H
#define PHI_CODES_VERIFY_MESSAGE_H

#include "codes/jkm1.h"
#include "codes/receipt.h"

#define PHI_VERIFY_BATCH_MAX   256
#define PHI_VERIFY_PROGRAM_MAX 32
#define PHI_VERIFY_APP_MAX     64
#define PHI_VERIFY_REQUEST_MAX (40 + 168 + PHI_JKM1_TEXT_MAX) /* a frame of one */
#define PHI_VERIFY_REPLY_MAX   (64 + PHI_RECEIPT_MAX)         /* a frame of one */
#define PHI_VERIFY_FRAME_MAX   (128 * 1024) /* the transport's bound on a payload */

enum phi_verify_operation {
    PHI_VERIFY_VERIFY = 1, /* records the use, spends a one-time code */
    PHI_VERIFY_CHECK = 2,  /* form, signature, deadline, revocation; no record, no subject */
    PHI_VERIFY_OWN = 3,    /* the holder's own code, for a picture; no record */
};
/* 4 is the batch's frame; 5 (query) and 6 (relay) are kept for other ports. */

struct phi_verify_request {
    enum phi_verify_operation operation;
    uint32_t left_ms; /* in a batch the first item's holds for all */
    uint8_t request_id[16];
    uint8_t challenge[16];
    struct phi_view code; /* 1..PHI_JKM1_TEXT_MAX or PHI_JKM1_MAX bytes */
    bool is_text;         /* the code is in its text form */
    char platform[7];     /* the requester: platform, program, app or device */
    char program[PHI_VERIFY_PROGRAM_MAX + 1];
    char app[PHI_VERIFY_APP_MAX + 1];
    uint8_t digest[PHI_SM3_LEN];     /* SM3 of the requester's signed request */
    uint8_t holder[PHI_SUBJECT_LEN]; /* OWN only: whose code it must be, else PHI_ERR_NOT_HOLDER */
    enum phi_scope scope;            /* asked */
};

/* What was looked at; a bit stands in `checked` or in `unchecked`, or in neither when not asked
 * for. */
enum phi_verify_check {
    PHI_CHECK_FORM = 0x0001,
    PHI_CHECK_PLATFORM = 0x0002, /* the trust list */
    PHI_CHECK_SIGNATURE = 0x0004,
    PHI_CHECK_DEADLINE = 0x0008,
    PHI_CHECK_REVOCATION = 0x0010,
    PHI_CHECK_LEDGER = 0x0020, /* one-time */
    PHI_CHECK_SUBJECT = 0x0040,
};
#define PHI_CHECK_COUNT 7
const char *
phi_verify_check_name(unsigned bit); /* "signature"; NULL for no single known bit; static */

struct phi_verify_reply {
    uint8_t request_id[16];
    enum phi_err status; /* PHI_OK, a verdict (2xxx), PHI_ERR_ISSUER, or why it was refused */
    uint16_t checked;
    uint16_t unchecked;
    bool is_repeat;          /* the recorded answer of an earlier request with the same id */
    char platform[7];        /* the code's issuer; empty when the form was not read */
    int64_t deadline_s;      /* 0 when the form was not read */
    uint8_t flags;           /* the code's flag byte; 0 when not unsealed */
    enum phi_scope scope;    /* granted */
    struct phi_view receipt; /* signed receipt, or empty; borrowed */
};

/* Writes a frame: plain when count is 1, else a batch (2..256).
 * Errors: PHI_ERR_FIELD_VALUE (a field out of its bounds), PHI_ERR_FRAME (no room). */
enum phi_err phi_verify_requests_encode(const struct phi_verify_request *items, size_t count,
                                        struct phi_writer *out) PHI_MUST_USE;

/* Reads either frame into `items` (room for `max`). Errors: PHI_ERR_FRAME with the field in
 * `place`; `error` may be NULL. */
enum phi_err phi_verify_requests_decode(struct phi_view frame, struct phi_verify_request *items,
                                        size_t max, size_t *count,
                                        struct phi_error *error) PHI_MUST_USE;

/* Whether a request or reply frame is a batch, to answer in the same form; false for anything else.
 */
bool phi_verify_is_batch(struct phi_view frame);

/* Writes a reply frame; a batch's answer is a batch, whatever its count.
 * Errors: PHI_ERR_FIELD_VALUE, PHI_ERR_FRAME (no room). */
enum phi_err phi_verify_replies_encode(const struct phi_verify_reply *items, size_t count,
                                       bool is_batch, struct phi_writer *out) PHI_MUST_USE;

/* Reads either reply frame. Errors: PHI_ERR_FRAME. */
enum phi_err phi_verify_replies_decode(struct phi_view frame, struct phi_verify_reply *items,
                                       size_t max, size_t *count) PHI_MUST_USE;

#endif
