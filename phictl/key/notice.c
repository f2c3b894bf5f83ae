/* phictl key notice: the notice key of an app (codes/notice.h), sealed to the app's own key; and
 * how the app opens it. */
#include "codes/notice.h"
#include "crypto/envelope.h"
#include "crypto/key.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUS_KEY_MAX 64

static enum phi_err derive(const struct ctl_args *args, uint8_t out[PHI_NOTICE_KEY_LEN],
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    uint8_t secret[BUS_KEY_MAX];
    size_t len = 0;
    struct phi_hmac_key *key = NULL;
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, password, error));
    PHI_GUARD(phi_key_read_secret(ctl_get(args, "bus-key"), password, secret, sizeof(secret), &len,
                                  error));
    PHI_GUARD(phi_hmac_key_new(phi_view_of(secret, len), &key));
    PHI_GUARD(phi_notice_key(key, phi_view_text(ctl_get(args, "app")), out));
out:
    phi_wipe(password, sizeof(password));
    phi_wipe(secret, sizeof(secret));
    phi_hmac_key_free(key);
    return err;
}

static enum phi_err seal(const struct ctl_args *args, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t notice[PHI_NOTICE_KEY_LEN], xy[PHI_SM2_PUBLIC_LEN], sealed[PHI_ENVELOPE_MAX];
    char text[PHI_BASE64_LEN(PHI_ENVELOPE_MAX) + 1];
    size_t len = 0;
    PHI_GUARD(ctl_read_public(ctl_get(args, "to"), xy, error));
    PHI_GUARD(derive(args, notice, error));
    PHI_GUARD(
        phi_envelope_seal(xy, phi_view_of(notice, sizeof(notice)), sealed, sizeof(sealed), &len));
    phi_base64_encode(phi_view_of(sealed, len), text);
    PHI_GUARD(ctl_write_new(ctl_get(args, "out"), 0644, text, error));
out:
    phi_wipe(notice, sizeof(notice));
    return err;
}

static enum phi_err unseal(const struct ctl_args *args, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char text[CTL_LINE_MAX + 1], hex[2 * PHI_NOTICE_KEY_LEN + 1];
    uint8_t sealed[PHI_ENVELOPE_MAX], notice[PHI_NOTICE_KEY_LEN];
    size_t len = 0, plain_len = 0;
    struct phi_sm2_private *key = NULL;
    PHI_GUARD(ctl_read_key(args, "unseal-key", &key, error));
    PHI_GUARD(ctl_read_line(ctl_get(args, "in"), false, text, error));
    PHI_GUARD(phi_base64_decode(phi_view_text(text), sealed, sizeof(sealed), &len));
    PHI_GUARD(phi_envelope_open(key, phi_view_of(sealed, len), notice, sizeof(notice), &plain_len));
    if (plain_len != sizeof(notice))
        PHI_GUARD(phi_error_set(error, PHI_ERR_KEY, "--in", "not a notice key"));
    phi_hex_encode(phi_view_of(notice, sizeof(notice)), hex);
    PHI_GUARD(ctl_write_new(ctl_get(args, "out"), 0600, hex, error));
out:
    phi_wipe(notice, sizeof(notice));
    phi_wipe(hex, sizeof(hex));
    phi_sm2_private_free(key);
    return err;
}

static int run(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    bool is_seal = ctl_has(args, "bus-key") && ctl_has(args, "app") && ctl_has(args, "to");
    bool is_open = ctl_has(args, "in") && ctl_has(args, "unseal-key");
    if (is_seal == is_open)
        return ctl_fail(phi_error_set(&error, PHI_ERR_CONFIG, "--bus-key",
                                      "with --app and --to; or --in with --unseal-key"),
                        &error);
    enum phi_err err = is_seal ? seal(args, &error) : unseal(args, &error);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "bus-key", .value = "FILE", .text = "the health side's bus key"},
    {.name = "app", .value = "ID", .text = "the app that is told (PHI_NOTICE_APPS)"},
    {.name = "to", .value = "PEM|HEX", .text = "the app's public key"},
    {.name = "in", .value = "FILE", .text = "as the app: what was handed over"},
    {.name = "unseal-key", .value = "FILE", .text = "as the app: its SM2 key"},
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text = "the parcel; as the app the key in hex, mode 0600"},
    CTL_PASSWORD,
};

const struct ctl_command ctl_key_notice = {
    .group = "key",
    .verb = "notice",
    .about = "hand an app its notice key, sealed to it; or open it",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl key notice --bus-key bus.key --password-file password --app citizen-app "
               "--to app.pub --out notice.parcel"};
