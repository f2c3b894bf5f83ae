/* What a platform gets once it is approved: certificates of the platform CA, a user of the bus. */
#include "svc-platform/members/members.h"

#include "crypto/envelope.h"
#include "crypto/random.h"

#include <string.h>

#define DAY_US         (INT64_C(86400) * 1000000)
#define PASSWORD_BYTES 24

static enum phi_err certify(const struct platform *platform, const struct member_request *one,
                            int64_t from_us, int64_t to_us, char pem[PHI_CERTIFICATE_BYTES_MAX],
                            struct phi_error *error)
{
    enum phi_certificate_use use;
    enum phi_err err = phi_certificate_use_parse(phi_trust_use_name(one->use), &use);
    if (err != PHI_OK)
        return err;
    const struct phi_certificate_terms terms = {
        .uses = 1u << use, .from_s = from_us / 1000000 - 300, .to_s = to_us / 1000000};
    return phi_certificate_issue(platform->ca, platform->ca_key, phi_view_text(one->pem), &terms,
                                 pem, PHI_CERTIFICATE_BYTES_MAX, error);
}

/* A key that is there gets a new certificate and a later end: that is its renewal. */
static enum phi_err keep_key(struct phi_api_call *call, struct member_turn *turn,
                             const struct member_request *one, int64_t to_us, const char *pem,
                             struct phi_error *error)
{
    const struct phi_param row[] = {PHI_TEXT(turn->member.region),
                                    PHI_TEXT(phi_trust_use_name(one->use)),
                                    PHI_I64(one->key_set),
                                    PHI_TEXT(one->serial),
                                    PHI_BYTES_OF(one->xy, sizeof(one->xy)),
                                    PHI_TEXT(pem),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_I64(to_us),
                                    PHI_TEXT(phi_trust_holder_name(one->holder))};
    return phi_conn_exec(
        turn->conn, "member_key_keep",
        "INSERT INTO member_keys (region, use, key_set, serial, public, certificate, from_us, "
        "to_us, service) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (region, use, "
        "serial) DO UPDATE SET certificate = $6, to_us = $8, service = $9",
        row, 9, NULL, error);
}

enum phi_err member_issue(struct phi_api_call *call, struct member_turn *turn,
                          const struct member_requests *requests, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(call));
    char pem[PHI_CERTIFICATE_BYTES_MAX];
    int64_t from_us = phi_api_now_us(call);
    int64_t to_us = from_us + platform->certificate_us;
    if (platform->ca == NULL)
        return phi_error_set(error, PHI_ERR_STATE, "PHI_CA_FILE",
                             "this replica holds no platform CA");
    for (size_t i = 0; i < requests->count; i++) {
        PHI_GUARD(certify(platform, &requests->items[i], from_us, to_us, pem, error));
        PHI_GUARD(keep_key(call, turn, &requests->items[i], to_us, pem, error));
    }
out:
    return err;
}

static enum phi_err keep_user(struct phi_api_call *call, struct member_turn *turn,
                              const char *password, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(call));
    uint8_t subject[PHI_SEAL_SUBJECT_LEN] = {0};
    struct phi_view sealed;
    memcpy(subject, turn->member.region, 6);
    PHI_GUARD(phi_seal(platform->store_key, "platform.member_users.password", subject,
                       phi_view_text(password), phi_api_arena(call), &sealed));
    const struct phi_param row[] = {PHI_TEXT(turn->member.region), PHI_BYTES(sealed)};
    PHI_GUARD(phi_conn_exec(turn->conn, "member_user_keep",
                            "INSERT INTO member_users VALUES ($1, $2, true) ON CONFLICT (region) "
                            "DO UPDATE SET password_sealed = $2, is_active = true",
                            row, 2, NULL, error));
out:
    return err;
}

static enum phi_err seal_parcel(struct phi_api_call *call, struct member_turn *turn,
                                struct phi_view plain, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t sealed[PHI_ENVELOPE_MAX];
    char text[PHI_BASE64_LEN(PHI_ENVELOPE_MAX) + 1];
    size_t len = 0;
    PHI_GUARD(phi_envelope_seal(turn->member.encryption, plain, sealed, sizeof(sealed), &len));
    phi_base64_encode(phi_view_of(sealed, len), text);
    PHI_GUARD(member_keep_parcel(call, turn, "bus", text, error));
out:
    return err;
}

enum phi_err member_open_bus(struct phi_api_call *call, struct member_turn *turn,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t random[PASSWORD_BYTES];
    char password[2 * PASSWORD_BYTES + 1];
    PHI_GUARD(phi_random_bytes(random, sizeof(random)));
    phi_hex_encode(phi_view_of(random, sizeof(random)), password);
    const char *plain = phi_arena_printf(phi_api_arena(call),
                                         "user=province-%s\npassword=%s\n"
                                         "mechanism=SCRAM-SHA-512\n",
                                         turn->member.region, password);
    PHI_GUARD(plain == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(keep_user(call, turn, password, error));
    PHI_GUARD(seal_parcel(call, turn, phi_view_text(plain), error));
out:
    phi_wipe(random, sizeof(random));
    phi_wipe(password, sizeof(password));
    return err;
}
