/* Asking another platform through the unified platform's relay, and being asked through it. The
 * relay sees whom, which service and a sealed envelope; who asks is who signed inside.
 *
 *   PHI_GUARD(phi_forward_open(service, &options, &forward, error));          // PHI_FORWARD_ROWS
 *   PHI_GUARD(phi_forward_wrap(forward, &ask, arena, &sent));                 // the asking end
 *   … phi_rpc_call_start(sent.client, sent.payload, …) … reply …
 *   PHI_GUARD(phi_forward_unwrap(&sent, reply, arena, &frame));
 *
 *   PHI_GUARD(phi_forward_take(forward, peer, payload, arena, &got));         // the asked end
 *   … got.frame, of got.platform's got.program …
 *   PHI_GUARD(phi_forward_answer(&got, frame, arena, &payload));
 *
 * Any thread; nothing blocks but a first connection's set-up.
 */
#ifndef PHI_SERVICE_FORWARD_H
#define PHI_SERVICE_FORWARD_H

#include "codes/relay_message.h"
#include "rpc/client.h"
#include "service/service.h"

#define PHI_FORWARD_ROWS                                                                           \
    PHI_SERVICE_KEY_ROW("PHI_ENCRYPTION_KEY_FILE",                                                 \
                        "SM2 key to which other platforms seal what they ask through the relay; "  \
                        "without it none can"),                                                    \
    {                                                                                              \
        .name = "PHI_RELAY_REGIONS", .type = PHI_CONFIG_LIST, .optional = true, .max = 64,         \
        .unit = "",                                                                                \
        .text = "platforms that are asked through the relay only; others when they "               \
                "can't be reached"                                                                 \
    }

struct phi_forward;

struct phi_forward_options {
    const struct phi_sm2_private *key; /* signs what we ask; borrowed */
    enum phi_trust_use use; /* PHI_TRUST_RECEIPT: svc-verify, _DIRECTORY: svc-directory */
    enum phi_relay_service serves;
};

/* PHI_ERR_KEY, PHI_ERR_MEMORY …; the variable is named. Call from the program's open. */
enum phi_err phi_forward_open(struct phi_service *service,
                              const struct phi_forward_options *options, struct phi_forward **out,
                              struct phi_error *error) PHI_MUST_USE;
void phi_forward_close(struct phi_forward *forward); /* NULL is fine; no call is under way */

/* Whether the configuration says that this platform is asked through the relay only. */
bool phi_forward_is_wanted(const struct phi_forward *forward, const char *platform);

/* Whether the list has a relay, and a key of this platform's same
 * service to seal to. NULL `forward`: no. */
bool phi_forward_is_possible(struct phi_forward *forward, const struct phi_trust_view *trust,
                             const char *platform);

struct phi_forward_ask {
    const struct phi_trust_view *trust;
    const char *target;
    enum phi_relay_service service;
    const uint8_t *request_id; /* 16 bytes, the inner request's */
    uint32_t left_ms;
    struct phi_view frame;
};

struct phi_forward_sent {
    struct phi_rpc_client *client;      /* of the relay */
    struct phi_view payload;            /* the arena's */
    struct phi_sm2_private *answer_key; /* the arena's */
    uint8_t request_id[16];
};

/* PHI_ERR_NEIGHBOUR: the list has no relay, or no encryption key of the target;
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. Three operations of SM2. NULL `forward`: PHI_ERR_NEIGHBOUR. */
enum phi_err phi_forward_wrap(struct phi_forward *forward, const struct phi_forward_ask *ask,
                              struct phi_arena *arena, struct phi_forward_sent *out) PHI_MUST_USE;
/* The inner reply. PHI_ERR_FRAME, PHI_ERR_DATA_BROKEN (not for us, or altered), PHI_ERR_MEMORY. */
enum phi_err phi_forward_unwrap(const struct phi_forward_sent *sent, struct phi_view reply,
                                struct phi_arena *arena, struct phi_view *frame) PHI_MUST_USE;

struct phi_forward_got {
    char platform[7];
    const char *program; /* "svc-verify" */
    uint8_t request_id[16];
    uint8_t answer_key[PHI_SM2_PUBLIC_LEN];
    struct phi_view frame; /* the arena's */
};

/* PHI_ERR_FORBIDDEN (not from the relay, not for us, or of a platform that may not ask),
 * PHI_ERR_SIGNATURE, PHI_ERR_TIMESTAMP, PHI_ERR_FRAME, PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err phi_forward_take(struct phi_forward *forward, const struct phi_rpc_peer *peer,
                              struct phi_view payload, struct phi_arena *arena,
                              struct phi_forward_got *out) PHI_MUST_USE;
enum phi_err phi_forward_answer(const struct phi_forward_got *got, struct phi_view frame,
                                struct phi_arena *arena, struct phi_view *payload) PHI_MUST_USE;

#endif
