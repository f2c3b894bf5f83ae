#include "base/text.h"
#include "phictl/commands.h"
#include "phictl/key/folder.h"
#include "rpc/curve.h"

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

/* With a manifest the key belongs to its folder, whichever way its name is said. */
static enum phi_err place(const struct key_folder *folder, struct phi_key_entry *entry,
                          char path[KEY_PATH_MAX], struct phi_error *error)
{
    const char *out = ctl_get(folder->args, "out");
    const char *slash = out == NULL ? NULL : strrchr(out, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - out);
    key_entry_name_file(entry);
    if (out != NULL) {
        const char *name = slash == NULL ? out : slash + 1;
        bool is_here = slash == NULL
                           ? strcmp(folder->folder, ".") == 0
                           : strlen(folder->folder) == len && memcmp(folder->folder, out, len) == 0;
        if (!is_here || !phi_text_is_word(phi_view_text(name), PHI_KEY_FILE_MAX))
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--out",
                                 "not a file in the manifest's folder");
        (void)snprintf(entry->file, sizeof(entry->file), "%s", name);
    }
    return key_folder_file(folder, entry, path, error);
}

static enum phi_err make_content(const struct ctl_args *args, struct phi_key_content *out,
                                 struct phi_error *error)
{
    int64_t len = 0;
    if (!ctl_has(args, "secret"))
        return phi_key_content_new(PHI_KEY_SM2, 0, out);
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "secret")), PHI_KEY_SECRET_MIN,
                        PHI_KEY_SECRET_MAX, &len) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--secret", "not %d..%d",
                             PHI_KEY_SECRET_MIN, PHI_KEY_SECRET_MAX);
    return phi_key_content_new(PHI_KEY_SECRET, (size_t)len, out);
}

static enum phi_err write_content(const char *path, const char *password,
                                  const struct phi_key_content *content, struct phi_error *error)
{
    enum phi_err err = phi_key_content_write(path, password, content);
    if (err != PHI_OK)
        return phi_error_set(error, err, path, "exists, or can't be written");
    return PHI_OK;
}

static enum phi_err tell_new(const struct phi_key_content *content)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    if (content->kind != PHI_KEY_SM2) {
        (void)printf("secret=%zu bytes\n", content->len);
        return PHI_OK;
    }
    enum phi_err err = phi_key_content_public(content, xy);
    return err == PHI_OK ? print_public(xy) : err;
}

static enum phi_err new_in_folder(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry entry = {.state = PHI_KEY_LIVE};
    char path[KEY_PATH_MAX];
    PHI_GUARD(key_entry_options(folder->args, folder->now_us / 1000000, &entry, error));
    PHI_GUARD(make_content(folder->args, &content, error));
    entry.kind = content.kind;
    memcpy(entry.id, content.id, sizeof(entry.id));
    PHI_GUARD(place(folder, &entry, path, error));
    err = phi_manifest_add(folder->manifest, &entry);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, "--set", "a key of this use and set is there"));
    PHI_GUARD(key_folder_step(folder, "generate", &entry, error));
    PHI_GUARD(write_content(path, folder->password, &content, error));
    PHI_GUARD(tell_new(&content));
    key_entry_print("generated", &entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(&content, sizeof(content));
    return err;
}

static enum phi_err new_alone(const struct ctl_args *args, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    struct phi_key_content content = {.len = 0};
    if (!ctl_has(args, "out"))
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "--out", "or --manifest");
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, password, error));
    PHI_GUARD(make_content(args, &content, error));
    PHI_GUARD(write_content(ctl_get(args, "out"), password, &content, error));
    PHI_GUARD(tell_new(&content));
    if (ctl_has(args, "use"))
        (void)printf("use=%s\n", ctl_get(args, "use"));
out:
    phi_wipe(password, sizeof(password));
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run_new(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    if (ctl_has(args, "manifest"))
        return key_folder_run(args, KEY_FOLDER_MADE, new_in_folder);
    enum phi_err err = new_alone(args, &error);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option new_options[] = {
    {.name = "out",
     .value = "FILE",
     .text = "the new key file: PKCS#8 under the password, mode 0600; never overwritten"},
    {.name = "secret",
     .value = "BYTES",
     .text = "a random symmetric key of 16..64 bytes instead of an SM2 pair"},
    {.name = "use", .value = "NAME", .text = "what the key is for; needed with --manifest"},
    {.name = "manifest",
     .value = "FILE",
     .text = "put it under this manifest, which is made when it is not there; the file then lies "
             "beside it, and --out may be left out"},
    KEY_TIME_OPTIONS,
    CTL_PASSWORD,
    KEY_AUDIT_OPTIONS,
};

const struct ctl_command ctl_key_new = {
    .group = "key",
    .verb = "new",
    .about = "generate a key (SM2 pair or symmetric key)",
    .options = new_options,
    .option_count = CTL_COUNT(new_options),
    .run = run_new,
    .example =
        "phictl key new --manifest keys/manifest --password-file password --use code --set 1"};

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
                                           .run = run_public,
                                           .example = "phictl key public --in app.key "
                                                      "--password-file password --out app.pem"};

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
                                          .run = run_curve,
                                          .example = "phictl key curve --out curve.key"};
