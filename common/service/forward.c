#include "service/forward.h"

#include "codes/region.h"
#include "crypto/envelope.h"
#include "crypto/random.h"
#include "service/neighbours.h"

#include <stdlib.h>
#include <string.h>

#define SESSION_LEN 32
#define SERIAL_LEN  16
#define SEAL_KEY_ID 1
#define RECEIVERS_MAX                                                                              \
    8 /* encryption keys of a platform: of one service, in their turn, or of who doesn't say */
#define WINDOW_US      (60 * INT64_C(1000000))
#define REQUEST_NAME   "relay.request"
#define ANSWER_NAME    "relay.answer"
#define SEALED_MAX     (SERIAL_LEN + 2 + PHI_ENVELOPE_MAX)
#define VERIFY_PROGRAM "svc-verify"
#define QUERY_PROGRAM  "svc-directory"

struct phi_forward {
    struct phi_service *service;
    struct phi_forward_options options;
    char key_serial[17];
    struct phi_sm2_private *encryption; /* NULL: nobody can ask us this way */
    char encryption_serial[17];
    struct phi_neighbours *relays;
};

static enum phi_err open_encryption(struct phi_forward *forward, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    static const char variable[] = "PHI_ENCRYPTION_KEY_FILE";
    err = phi_service_key_sm2(forward->service, variable, &forward->encryption, error);
    if (err == PHI_ERR_CONFIG &&
        phi_config_text(phi_service_config(forward->service), variable) == NULL)
        return PHI_OK;
    PHI_GUARD(err);
    phi_sm2_private_public(forward->encryption, xy);
    PHI_GUARD(phi_key_id_of(xy, forward->encryption_serial));
out:
    return err;
}

enum phi_err phi_forward_open(struct phi_service *service,
                              const struct phi_forward_options *options, struct phi_forward **out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN], secret[PHI_CURVE_KEY_LEN] = {0};
    struct phi_forward *forward = calloc(1, sizeof(*forward));
    PHI_GUARD(forward == NULL ? PHI_ERR_MEMORY : PHI_OK);
    forward->service = service;
    forward->options = *options;
    phi_sm2_private_public(options->key, xy);
    PHI_GUARD(phi_key_id_of(xy, forward->key_serial));
    PHI_GUARD(open_encryption(forward, error));
    PHI_GUARD(phi_service_key_curve(service, "PHI_RPC_CURVE_FILE", secret, error));
    PHI_GUARD(phi_neighbours_open(PHI_TRUST_RELAY, secret, &forward->relays));
    *out = forward;
    forward = NULL;
out:
    phi_wipe(secret, sizeof(secret));
    phi_forward_close(forward);
    return err;
}

void phi_forward_close(struct phi_forward *forward)
{
    if (forward == NULL)
        return;
    phi_neighbours_close(forward->relays);
    phi_sm2_private_free(forward->encryption);
    free(forward);
}

bool phi_forward_is_wanted(const struct phi_forward *forward, const char *platform)
{
    if (forward == NULL)
        return false;
    const struct phi_config *config = phi_service_config(forward->service);
    for (size_t i = 0; i < phi_config_list_count(config, "PHI_RELAY_REGIONS"); i++)
        if (strcmp(phi_config_list_item(config, "PHI_RELAY_REGIONS", i), platform) == 0)
            return true;
    return false;
}

/* --- sealing: SM2 carries a fresh key for SM4 and HMAC-SM3, to each key of the receiver --- */

static enum phi_err write_wrapped(const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_view session,
                                  struct phi_writer *to)
{
    enum phi_err err = PHI_OK;
    uint8_t wrapped[PHI_ENVELOPE_MAX];
    size_t len = 0;
    char serial[17];
    PHI_GUARD(phi_key_id_of(xy, serial));
    PHI_GUARD(phi_envelope_seal(xy, session, wrapped, sizeof(wrapped), &len));
    phi_write_bytes(to, serial, SERIAL_LEN);
    phi_write_view16(to, phi_view_of(wrapped, len));
out:
    return err;
}

static enum phi_err seal(const uint8_t *const *receivers, size_t count, const char *context,
                         const uint8_t request_id[16], struct phi_view plain,
                         struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[SESSION_LEN] = {0};
    const struct phi_view session = phi_view_of(bytes, sizeof(bytes));
    struct phi_seal_key *key = NULL;
    struct phi_view sealed;
    PHI_GUARD(phi_random_bytes(bytes, sizeof(bytes)));
    PHI_GUARD(phi_seal_key_new(SEAL_KEY_ID, session, &key));
    PHI_GUARD(phi_seal(key, context, request_id, plain, arena, &sealed));
    size_t size = 1 + count * SEALED_MAX + sealed.len;
    uint8_t *room = phi_arena_alloc(arena, size);
    PHI_GUARD(room == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer to = phi_writer_of(room, size);
    phi_write_u8(&to, (uint8_t)count);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(write_wrapped(receivers[i], session, &to));
    phi_write_view(&to, sealed);
    PHI_GUARD(to.failed ? PHI_ERR_FRAME : PHI_OK);
    *out = phi_view_of(room, phi_writer_len(&to));
out:
    phi_wipe(bytes, sizeof(bytes));
    phi_seal_key_free(key);
    return err;
}

/* The one that is wrapped to our key; an empty view when none is. */
static enum phi_err find_wrapped(struct phi_reader *in, const char *serial, struct phi_view *out)
{
    unsigned count = phi_read_u8(in);
    *out = (struct phi_view){0};
    if (count == 0 || count > RECEIVERS_MAX)
        return PHI_ERR_FRAME;
    for (unsigned i = 0; i < count; i++) {
        struct phi_view named = phi_read_view(in, SERIAL_LEN);
        struct phi_view wrapped = phi_read_view16(in);
        if (phi_view_equal(named, phi_view_text(serial)))
            *out = wrapped;
    }
    if (in->failed)
        return PHI_ERR_FRAME;
    return out->len == 0 ? PHI_ERR_DATA_BROKEN : PHI_OK;
}

static enum phi_err unseal(const struct phi_sm2_private *own, const char *serial,
                           const char *context, const uint8_t request_id[16],
                           struct phi_view envelope, struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    uint8_t session[SESSION_LEN] = {0};
    size_t len = 0;
    struct phi_seal_key *key = NULL;
    struct phi_reader in = phi_reader_of(envelope);
    struct phi_view wrapped;
    PHI_GUARD(find_wrapped(&in, serial, &wrapped));
    struct phi_view sealed = phi_read_view(&in, phi_reader_left(&in));
    PHI_GUARD(phi_envelope_open(own, wrapped, session, sizeof(session), &len));
    PHI_GUARD(len == sizeof(session) ? PHI_OK : PHI_ERR_DATA_BROKEN);
    PHI_GUARD(phi_seal_key_new(SEAL_KEY_ID, phi_view_of(session, sizeof(session)), &key));
    PHI_GUARD(phi_unseal(key, context, request_id, sealed, arena, out));
out:
    phi_wipe(session, sizeof(session));
    phi_seal_key_free(key);
    return err;
}

/* --- the asking end --- */

/* The encryption keys in force of the platform's service; they live as long as the view. */
static size_t encryption_keys(const struct phi_trust_view *trust, const char *target,
                              enum phi_relay_service service, int64_t now_us,
                              const uint8_t *out[RECEIVERS_MAX])
{
    const struct phi_trust_key *keys[RECEIVERS_MAX];
    const struct phi_trust_platform *platform = phi_trust_platform(trust, target);
    if (platform == NULL || platform->status != PHI_TRUST_ACTIVE)
        return 0;
    size_t count = phi_trust_encryption_keys(
        platform, service == PHI_RELAY_VERIFY ? PHI_TRUST_FOR_VERIFY : PHI_TRUST_FOR_DIRECTORY,
        now_us, keys, RECEIVERS_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] = keys[i]->xy;
    return count;
}

bool phi_forward_is_possible(struct phi_forward *forward, const struct phi_trust_view *trust,
                             const char *platform)
{
    const uint8_t *keys[RECEIVERS_MAX];
    if (forward == NULL)
        return false;
    int64_t now_us = phi_clock_now_us(phi_service_clock(forward->service));
    return encryption_keys(trust, platform, forward->options.serves, now_us, keys) > 0 &&
           phi_neighbours_client(forward->relays, trust, PHI_REGION_NATION) != NULL;
}

static void free_key(void *key)
{
    phi_sm2_private_free(key);
}

static enum phi_err make_answer_key(struct phi_arena *arena, struct phi_sm2_private **out,
                                    uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    enum phi_err err = PHI_OK;
    struct phi_sm2_private *key = NULL;
    PHI_GUARD(phi_sm2_private_generate(&key));
    PHI_GUARD(phi_arena_on_free(arena, free_key, key));
    phi_sm2_private_public(key, xy);
    *out = key;
    key = NULL;
out:
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err write_letter(struct phi_forward *forward, const struct phi_relay_letter *letter,
                                 struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    uint8_t sig[PHI_SM2_SIG_LEN];
    size_t size = PHI_SM2_SIG_LEN + 256 + letter->frame.len;
    uint8_t *bytes = phi_arena_alloc(arena, size);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer to = phi_writer_of(bytes, size);
    PHI_GUARD(phi_relay_letter_encode(letter, &to));
    PHI_GUARD(phi_sm2_sign(forward->options.key, phi_view_of(bytes, phi_writer_len(&to)), sig));
    phi_write_bytes(&to, sig, sizeof(sig));
    PHI_GUARD(to.failed ? PHI_ERR_FRAME : PHI_OK);
    *out = phi_view_of(bytes, phi_writer_len(&to));
out:
    return err;
}

static enum phi_err write_request(const struct phi_forward_ask *ask, struct phi_view envelope,
                                  struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_relay_request request = {
        .left_ms = ask->left_ms, .service = ask->service, .envelope = envelope};
    size_t size = 64 + envelope.len;
    uint8_t *bytes = phi_arena_alloc(arena, size);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    memcpy(request.request_id, ask->request_id, sizeof(request.request_id));
    memcpy(request.target, ask->target, sizeof(request.target));
    struct phi_writer to = phi_writer_of(bytes, size);
    PHI_GUARD(phi_relay_request_encode(&request, &to));
    *out = phi_view_of(bytes, phi_writer_len(&to));
out:
    return err;
}

enum phi_err phi_forward_wrap(struct phi_forward *forward, const struct phi_forward_ask *ask,
                              struct phi_arena *arena, struct phi_forward_sent *out)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain, envelope;
    if (forward == NULL || strlen(ask->target) != PHI_REGION_LEN)
        return PHI_ERR_NEIGHBOUR;
    int64_t now_us = phi_clock_now_us(phi_service_clock(forward->service));
    const uint8_t *keys[RECEIVERS_MAX];
    size_t count = encryption_keys(ask->trust, ask->target, ask->service, now_us, keys);
    out->client = phi_neighbours_client(forward->relays, ask->trust, PHI_REGION_NATION);
    PHI_GUARD(count == 0 || out->client == NULL ? PHI_ERR_NEIGHBOUR : PHI_OK);
    struct phi_relay_letter letter = {
        .service = ask->service, .time_us = now_us, .frame = ask->frame};
    memcpy(letter.platform, phi_service_region(forward->service), sizeof(letter.platform));
    memcpy(letter.key_serial, forward->key_serial, sizeof(letter.key_serial));
    memcpy(letter.target, ask->target, sizeof(letter.target));
    memcpy(letter.request_id, ask->request_id, sizeof(letter.request_id));
    memcpy(out->request_id, ask->request_id, sizeof(out->request_id));
    PHI_GUARD(make_answer_key(arena, &out->answer_key, letter.answer_key));
    PHI_GUARD(write_letter(forward, &letter, arena, &plain));
    PHI_GUARD(seal(keys, count, REQUEST_NAME, ask->request_id, plain, arena, &envelope));
    PHI_GUARD(write_request(ask, envelope, arena, &out->payload));
out:
    return err;
}

enum phi_err phi_forward_unwrap(const struct phi_forward_sent *sent, struct phi_view reply,
                                struct phi_arena *arena, struct phi_view *frame)
{
    enum phi_err err = PHI_OK;
    struct phi_relay_answer answer;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char serial[17];
    PHI_GUARD(phi_relay_answer_decode(reply, &answer));
    PHI_GUARD(memcmp(answer.request_id, sent->request_id, sizeof(answer.request_id)) == 0
                  ? PHI_OK
                  : PHI_ERR_FRAME);
    phi_sm2_private_public(sent->answer_key, xy);
    PHI_GUARD(phi_key_id_of(xy, serial));
    PHI_GUARD(unseal(sent->answer_key, serial, ANSWER_NAME, sent->request_id, answer.envelope,
                     arena, frame));
out:
    return err;
}

/* --- the asked end --- */

/* The signer's key says which program asks. */
static enum phi_err check_signer(struct phi_forward *forward, const struct phi_relay_letter *letter,
                                 struct phi_view signed_part, const uint8_t *sig,
                                 const char **program)
{
    static const struct {
        enum phi_trust_use use;
        const char *program;
    } programs[] = {{PHI_TRUST_RECEIPT, VERIFY_PROGRAM}, {PHI_TRUST_DIRECTORY, QUERY_PROGRAM}};
    enum phi_err err = PHI_ERR_FORBIDDEN;
    int64_t now_us = phi_clock_now_us(phi_service_clock(forward->service));
    const struct phi_trust_view *trust = phi_trust_acquire(phi_service_trust(forward->service));
    const struct phi_trust_platform *platform = phi_trust_platform(trust, letter->platform);
    bool is_active = platform != NULL && platform->status == PHI_TRUST_ACTIVE;
    for (size_t i = 0; is_active && i < 2; i++) {
        const struct phi_trust_key *key =
            phi_trust_key(platform, programs[i].use, letter->key_serial, now_us);
        if (key == NULL)
            continue;
        *program = programs[i].program;
        err = phi_sm2_verify(key->public_key, signed_part, sig);
        break;
    }
    phi_trust_release(trust);
    return err;
}

static enum phi_err check_letter(struct phi_forward *forward,
                                 const struct phi_relay_request *request,
                                 const struct phi_relay_letter *letter)
{
    int64_t off_us = phi_clock_now_us(phi_service_clock(forward->service)) - letter->time_us;
    bool is_ours = strcmp(letter->target, phi_service_region(forward->service)) == 0 &&
                   letter->service == forward->options.serves &&
                   letter->service == request->service &&
                   memcmp(letter->request_id, request->request_id, 16) == 0;
    if (!is_ours)
        return PHI_ERR_FORBIDDEN;
    return off_us > WINDOW_US || off_us < -WINDOW_US ? PHI_ERR_TIMESTAMP : PHI_OK;
}

enum phi_err phi_forward_take(struct phi_forward *forward, const struct phi_rpc_peer *peer,
                              struct phi_view payload, struct phi_arena *arena,
                              struct phi_forward_got *out)
{
    enum phi_err err = PHI_OK;
    struct phi_relay_request request;
    struct phi_relay_letter letter;
    struct phi_view plain, signed_part;
    const uint8_t *sig = NULL;
    if (forward == NULL || forward->encryption == NULL ||
        strcmp(peer->platform, PHI_REGION_NATION) != 0)
        return PHI_ERR_FORBIDDEN;
    PHI_GUARD(phi_relay_request_decode(payload, &request));
    PHI_GUARD(unseal(forward->encryption, forward->encryption_serial, REQUEST_NAME,
                     request.request_id, request.envelope, arena, &plain));
    PHI_GUARD(phi_relay_letter_decode(plain, &letter, &signed_part, &sig));
    PHI_GUARD(check_letter(forward, &request, &letter));
    PHI_GUARD(check_signer(forward, &letter, signed_part, sig, &out->program));
    memcpy(out->platform, letter.platform, sizeof(out->platform));
    memcpy(out->request_id, letter.request_id, sizeof(out->request_id));
    memcpy(out->answer_key, letter.answer_key, sizeof(out->answer_key));
    out->frame = letter.frame;
out:
    return err;
}

enum phi_err phi_forward_answer(const struct phi_forward_got *got, struct phi_view frame,
                                struct phi_arena *arena, struct phi_view *payload)
{
    enum phi_err err = PHI_OK;
    struct phi_relay_answer answer;
    const uint8_t *const receiver = got->answer_key;
    PHI_GUARD(seal(&receiver, 1, ANSWER_NAME, got->request_id, frame, arena, &answer.envelope));
    memcpy(answer.request_id, got->request_id, sizeof(answer.request_id));
    size_t size = 64 + answer.envelope.len;
    uint8_t *bytes = phi_arena_alloc(arena, size);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer to = phi_writer_of(bytes, size);
    PHI_GUARD(phi_relay_answer_encode(&answer, &to));
    *payload = phi_view_of(bytes, phi_writer_len(&to));
out:
    return err;
}
