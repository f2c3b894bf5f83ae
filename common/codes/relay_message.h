/* The relay's bytes: what a province asks another through the unified platform. Outside, for the
 * relay: whom, which of its services, and a sealed envelope; inside, for the receiver alone: who
 * asks, a key for the answer, the request of another operation, a signature. docs/rpc.md gives the
 * bytes.
 *
 *   PHI_GUARD(phi_relay_request_decode(frame, &request));          // the relay, and the receiver
 *   PHI_GUARD(phi_relay_letter_decode(plain, &letter, &signed_part, &sig));   // the receiver
 *
 * Pure; any thread; nothing blocks or allocates. Decoded views borrow the frame.
 */
#ifndef PHI_CODES_RELAY_MESSAGE_H
#define PHI_CODES_RELAY_MESSAGE_H

#include "crypto/sm2.h"

#define PHI_RELAY_OPERATION    6
#define PHI_RELAY_ENVELOPE_MAX (64 * 1024)
#define PHI_RELAY_FRAME_MAX    (64 + PHI_RELAY_ENVELOPE_MAX)
#define PHI_RELAY_LETTER_MAX   (256 + 48 * 1024 + 4096)

enum phi_relay_service {
    PHI_RELAY_VERIFY = 0, /* svc-verify's RPC */
    PHI_RELAY_QUERY = 1,  /* svc-directory's */
    PHI_RELAY_SERVICES
};

struct phi_relay_request {
    uint32_t left_ms;
    uint8_t request_id[16];
    char target[7];
    enum phi_relay_service service;
    struct phi_view envelope; /* 1..PHI_RELAY_ENVELOPE_MAX */
};

struct phi_relay_answer {
    uint8_t request_id[16];
    struct phi_view envelope;
};

/* What is in a request's envelope. */
struct phi_relay_letter {
    char platform[7]; /* who asks; its program follows from the key's use */
    char key_serial[17];
    char target[7];
    enum phi_relay_service service;
    uint8_t request_id[16]; /* of the frame that carries it */
    int64_t time_us;
    uint8_t answer_key[PHI_SM2_PUBLIC_LEN]; /* made for this request: the answer is sealed to it */
    struct phi_view frame;                  /* the request of the inner operation */
};

/* Whether a payload is of this operation, by its first two bytes. */
bool phi_relay_is(struct phi_view payload);

/* Errors: PHI_ERR_FIELD_VALUE (a field out of its bounds), PHI_ERR_FRAME (no room). */
enum phi_err phi_relay_request_encode(const struct phi_relay_request *request,
                                      struct phi_writer *out) PHI_MUST_USE;
enum phi_err phi_relay_answer_encode(const struct phi_relay_answer *answer,
                                     struct phi_writer *out) PHI_MUST_USE;
/* Without its signature, which is 64 bytes behind. */
enum phi_err phi_relay_letter_encode(const struct phi_relay_letter *letter,
                                     struct phi_writer *out) PHI_MUST_USE;

/* Errors: PHI_ERR_FRAME. */
enum phi_err phi_relay_request_decode(struct phi_view frame,
                                      struct phi_relay_request *out) PHI_MUST_USE;
enum phi_err phi_relay_answer_decode(struct phi_view frame,
                                     struct phi_relay_answer *out) PHI_MUST_USE;
enum phi_err phi_relay_letter_decode(struct phi_view plain, struct phi_relay_letter *out,
                                     struct phi_view *signed_part,
                                     const uint8_t **sig) PHI_MUST_USE;

#endif
