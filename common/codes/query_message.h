/* The query RPC's bytes: a receipt in, a JSON answer out; or a subject of the asking region in, the
 * version that has arrived out. Spoken on 5110 (the nation's entries of the receipt's subject) and
 * on 5104 (masked identity, the home's entry, what the scope allows) in the framing of
 * verify_message.h. Reader and writer together; docs/rpc.md gives the bytes.
 *
 *   PHI_GUARD(phi_query_request_encode(&request, &writer));
 *   PHI_GUARD(phi_query_request_decode(frame, &request));
 *   …
 *   PHI_GUARD(phi_query_reply_decode(frame, &reply));          // reply.json: {"entries":[…]}
 *
 * Pure; any thread; nothing blocks or allocates. Decoded views borrow the frame.
 */
#ifndef PHI_CODES_QUERY_MESSAGE_H
#define PHI_CODES_QUERY_MESSAGE_H

#include "codes/receipt.h"

#define PHI_QUERY_JSON_MAX    (48 * 1024)
#define PHI_QUERY_REQUEST_MAX (32 + PHI_RECEIPT_MAX)
#define PHI_QUERY_REPLY_MAX   (32 + PHI_QUERY_JSON_MAX)

enum phi_query_operation {
    PHI_QUERY_QUERY = 5,
    PHI_QUERY_SEEN = 7, /* how far an entry of the asking region has got: {"version": "…"} */
};

struct phi_query_request {
    enum phi_query_operation operation;
    uint32_t left_ms;
    uint8_t request_id[16];
    struct phi_view receipt;          /* QUERY: 1..PHI_RECEIPT_MAX bytes, signed */
    uint8_t subject[PHI_SUBJECT_LEN]; /* SEEN */
};

struct phi_query_reply {
    enum phi_query_operation operation;
    uint8_t request_id[16];
    enum phi_err status;  /* PHI_OK, PHI_ERR_RECEIPT, PHI_ERR_STORE … */
    struct phi_view json; /* empty unless PHI_OK */
};

/* Errors: PHI_ERR_FIELD_VALUE (a field out of its bounds), PHI_ERR_FRAME (no room). */
enum phi_err phi_query_request_encode(const struct phi_query_request *request,
                                      struct phi_writer *out) PHI_MUST_USE;
enum phi_err phi_query_reply_encode(const struct phi_query_reply *reply,
                                    struct phi_writer *out) PHI_MUST_USE;

/* Errors: PHI_ERR_FRAME. */
enum phi_err phi_query_request_decode(struct phi_view frame,
                                      struct phi_query_request *out) PHI_MUST_USE;
enum phi_err phi_query_reply_decode(struct phi_view frame,
                                    struct phi_query_reply *out) PHI_MUST_USE;

#endif
