#include "base/text.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "rpc/curve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum phi_err print_public(const uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    char serial[PHI_KEY_ID_LEN + 1];
    char hex[2 * PHI_SM2_PUBLIC_LEN + 1];
    enum phi_err err = phi_key_id_of(xy, serial);
    phi_hex_encode(phi_view_of(xy, PHI_SM2_PUBLIC_LEN), hex);
    if (err == PHI_OK)
        (void)printf("serial=%s\npublic=%s\n", serial, hex);
    return err;
}

static enum phi_err new_sm2(const char *path, const char *password, struct phi_error *error)
{
    struct phi_sm2_private *key = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_sm2_private_generate(&key));
    err = phi_key_write_sm2(path, password, key);
    if (err != PHI_OK) {
        (void)phi_error_set(error, err, path, "exists, or can't be written");
        goto out;
    }
    phi_sm2_private_public(key, xy);
    PHI_GUARD(print_public(xy));
out:
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err new_secret(const char *path, const char *password, const char *length,
                               struct phi_error *error)
{
    uint8_t secret[PHI_KEY_SECRET_MAX];
    int64_t len = 0;
    enum phi_err err = PHI_OK;
    if (phi_text_to_i64(phi_view_text(length), PHI_KEY_SECRET_MIN, PHI_KEY_SECRET_MAX, &len) !=
        PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--secret", "not %d..%d",
                             PHI_KEY_SECRET_MIN, PHI_KEY_SECRET_MAX);
    PHI_GUARD(phi_random_bytes(secret, (size_t)len));
    err = phi_key_write_secret(path, password, phi_view_of(secret, (size_t)len));
    if (err != PHI_OK) {
        (void)phi_error_set(error, err, path, "exists, or can't be written");
        goto out;
    }
    (void)printf("secret=%" PRId64 " bytes\n", len);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

static int run_new(const struct ctl_args *args)
{
    char password[CTL_LINE_MAX + 1];
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = ctl_read_line(ctl_get(args, "password-file"), true, password, &error);
    if (err == PHI_OK && ctl_has(args, "secret"))
        err = new_secret(ctl_get(args, "out"), password, ctl_get(args, "secret"), &error);
    else if (err == PHI_OK)
        err = new_sm2(ctl_get(args, "out"), password, &error);
    phi_wipe(password, sizeof(password));
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    if (ctl_has(args, "use"))
        (void)printf("use=%s\n", ctl_get(args, "use"));
    return CTL_OK;
}

static const struct ctl_option new_options[] = {
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text = "the new key file: PKCS#8 under the password, mode 0600; never overwritten"},
    CTL_PASSWORD,
    {.name = "secret",
     .value = "BYTES",
     .text = "a random symmetric key of 16..64 bytes instead of an SM2 pair"},
    {.name = "use", .value = "NAME", .text = "what the key is for; only repeated in the output"},
};

const struct ctl_command ctl_key_new = {.group = "key",
                                        .verb = "new",
                                        .about = "make a key file (SM2 pair or symmetric key)",
                                        .options = new_options,
                                        .option_count = CTL_COUNT(new_options),
                                        .run = run_new};

static int run_public(const struct ctl_args *args)
{
    struct phi_sm2_private *key = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_key(args, "in", &key, &error));
    phi_sm2_private_public(key, xy);
    if (ctl_has(args, "out")) {
        err = phi_public_write(ctl_get(args, "out"), xy);
        if (err != PHI_OK)
            (void)phi_error_set(&error, err, ctl_get(args, "out"), "exists, or can't be written");
        if (err != PHI_OK)
            goto out;
    }
    PHI_GUARD(print_public(xy));
out:
    phi_sm2_private_free(key);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option public_options[] = {
    {.name = "in", .value = "FILE", .is_required = true, .text = "an SM2 key file"},
    CTL_PASSWORD,
    {.name = "out",
     .value = "FILE",
     .text = "write the public half there too (PEM), never overwritten"},
};

const struct ctl_command ctl_key_public = {.group = "key",
                                           .verb = "public",
                                           .about = "show a key's serial and public half",
                                           .options = public_options,
                                           .option_count = CTL_COUNT(public_options),
                                           .run = run_public};

/* One line each: the secret half in FILE, mode 0600, the public half in FILE.pub. */
static enum phi_err write_curve(const char *path, const uint8_t public_key[PHI_CURVE_KEY_LEN],
                                const uint8_t secret_key[PHI_CURVE_KEY_LEN],
                                struct phi_error *error)
{
    char line[PHI_CURVE_HEX_LEN + 2];
    char public_path[1024];
    int len = snprintf(public_path, sizeof(public_path), "%s.pub", path);
    if (len < 0 || (size_t)len >= sizeof(public_path))
        return phi_error_set(error, PHI_ERR_IO, "--out", "too long");
    phi_hex_encode(phi_view_of(secret_key, PHI_CURVE_KEY_LEN), line);
    (void)memcpy(line + PHI_CURVE_HEX_LEN, "\n", 2);
    enum phi_err err = ctl_write_new(path, 0600, line, error);
    phi_hex_encode(phi_view_of(public_key, PHI_CURVE_KEY_LEN), line);
    (void)printf("curve=%s\n", line);
    (void)memcpy(line + PHI_CURVE_HEX_LEN, "\n", 2);
    if (err == PHI_OK)
        err = ctl_write_new(public_path, 0644, line, error);
    phi_wipe(line, sizeof(line));
    return err;
}

static int run_curve(const struct ctl_args *args)
{
    uint8_t public_key[PHI_CURVE_KEY_LEN];
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = phi_curve_keypair(public_key, secret_key);
    if (err == PHI_OK)
        err = write_curve(ctl_get(args, "out"), public_key, secret_key, &error);
    phi_wipe(secret_key, sizeof(secret_key));
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option curve_options[] = {
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text =
         "secret half (hex, mode 0600; for PHI_RPC_CURVE_FILE); the public half goes to FILE.pub"},
};

const struct ctl_command ctl_key_curve = {.group = "key",
                                          .verb = "curve",
                                          .about =
                                              "make a CURVE key pair for the ZeroMQ interfaces",
                                          .options = curve_options,
                                          .option_count = CTL_COUNT(curve_options),
                                          .run = run_curve};
