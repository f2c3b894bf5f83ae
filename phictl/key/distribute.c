/* 密钥分发: bundles and parcels, written and read. */
#include "phictl/key/parcel.h"

#include "base/time.h"
#include "crypto/envelope.h"
#include "json/canonical.h"
#include "phictl/commands.h"
#include "phictl/key/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARCEL_MAX   8192
#define PARCEL_HEAD  "phi-key-parcel 1\nto "
#define BUNDLE_MAX   8192
#define BUNDLE_SIGNS "phi-key-bundle 1\n"

/* Bundles */

static enum phi_err signed_bytes(const json_t *bundle, struct phi_arena *arena,
                                 struct phi_view *out)
{
    struct phi_view json;
    enum phi_err err = phi_json_canonical(bundle, arena, &json);
    if (err != PHI_OK)
        return err;
    size_t head = strlen(BUNDLE_SIGNS);
    uint8_t *bytes = phi_arena_alloc(arena, head + json.len);
    if (bytes == NULL)
        return PHI_ERR_MEMORY;
    struct phi_writer writer = phi_writer_of(bytes, head + json.len);
    phi_write_bytes(&writer, BUNDLE_SIGNS, head);
    phi_write_view(&writer, json);
    *out = phi_view_of(bytes, head + json.len);
    return PHI_OK;
}

static enum phi_err sign_bundle(json_t *bundle, const struct phi_key_content *content,
                                struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_sm2_private *key = NULL;
    struct phi_view bytes;
    uint8_t sig[PHI_SM2_SIG_LEN];
    char text[PHI_BASE64_LEN(PHI_SM2_SIG_LEN) + 1];
    PHI_GUARD(signed_bytes(bundle, arena, &bytes));
    PHI_GUARD(phi_sm2_private_new(content->bytes, &key));
    PHI_GUARD(phi_sm2_sign(key, bytes, sig));
    phi_base64_encode(phi_view_of(sig, sizeof(sig)), text);
    json_object_set_new(bundle, "proof", json_string(text));
out:
    phi_sm2_private_free(key);
    return err;
}

static json_t *bundle_of(const struct phi_key_entry *entry, const uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    char hex[2 * PHI_SM2_PUBLIC_LEN + 1], time[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(xy, PHI_SM2_PUBLIC_LEN), hex);
    json_t *bundle =
        json_pack("{s:s, s:s, s:s}", "use", entry->use, "serial", entry->id, "public", hex);
    if (strcmp(entry->use, "code") == 0)
        json_object_set_new(bundle, "keySetId", json_integer(entry->set));
    phi_rfc3339_format(entry->from_s * 1000000, time);
    if (entry->from_s != 0)
        json_object_set_new(bundle, "from", json_string(time));
    phi_rfc3339_format(entry->to_s == PHI_KEY_TIME_OPEN ? 0 : entry->to_s * 1000000, time);
    if (entry->to_s != PHI_KEY_TIME_OPEN)
        json_object_set_new(bundle, "to", json_string(time));
    return bundle;
}

static enum phi_err write_bundle(struct key_folder *folder, const struct phi_key_entry *entry,
                                 const struct phi_key_content *content, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char *text = NULL;
    json_t *bundle = NULL;
    if (content->kind != PHI_KEY_SM2)
        return phi_error_set(error, PHI_ERR_KEY, "--id",
                             "has no public half: it travels sealed, --to RECIPIENT");
    PHI_GUARD(phi_key_content_public(content, xy));
    bundle = bundle_of(entry, xy);
    PHI_GUARD(bundle == NULL ? PHI_ERR_MEMORY : sign_bundle(bundle, content, folder->arena));
    text = json_dumps(bundle, JSON_INDENT(2) | JSON_SORT_KEYS);
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY
                           : ctl_write_new(ctl_get(folder->args, "out"), 0644, text, error));
    if (ctl_has(folder->args, "pem") &&
        phi_public_write(ctl_get(folder->args, "pem"), xy) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_IO, ctl_get(folder->args, "pem"),
                            "exists, or can't be written");
out:
    free(text);
    json_decref(bundle);
    return err;
}

static enum phi_err check_bundle(json_t *bundle, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN], sig[PHI_SM2_SIG_LEN];
    char serial[PHI_KEY_ID_LEN + 1];
    size_t len = 0;
    struct phi_view bytes;
    struct phi_sm2_public *key = NULL;
    const char *hex = json_string_value(json_object_get(bundle, "public"));
    const char *said = json_string_value(json_object_get(bundle, "serial"));
    const char *proof = json_string_value(json_object_get(bundle, "proof"));
    if (hex == NULL || said == NULL || proof == NULL ||
        phi_hex_decode(phi_view_text(hex), xy, sizeof(xy)) != PHI_OK ||
        phi_base64_decode(phi_view_text(proof), sig, sizeof(sig), &len) != PHI_OK ||
        len != sizeof(sig))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "bundle", "not a bundle of a public key");
    PHI_GUARD(phi_sm2_public_new(xy, &key));
    PHI_GUARD(phi_key_id_of(xy, serial));
    PHI_GUARD(strcmp(serial, said) == 0 ? PHI_OK : PHI_ERR_SIGNATURE);
    json_object_del(bundle, "proof");
    PHI_GUARD(signed_bytes(bundle, arena, &bytes));
    PHI_GUARD(phi_sm2_verify(key, bytes, sig));
out:
    phi_sm2_public_free(key);
    return err;
}

enum phi_err key_bundle_read(const char *path, json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *text = NULL;
    size_t len = 0;
    json_t *bundle = NULL;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(ctl_read_all(path, BUNDLE_MAX, &text, &len, error));
    PHI_GUARD(phi_json_parse(phi_view_of(text, len), 4, &bundle, error));
    PHI_GUARD(check_bundle(bundle, arena, error));
    *out = bundle;
    bundle = NULL;
out:
    if (err == PHI_ERR_SIGNATURE)
        (void)phi_error_set(error, err, path, "its proof is not by the key that it names");
    json_decref(bundle);
    free(text);
    phi_arena_free(arena);
    return err;
}

/* Parcels: the manifest's line of the key and its bytes, sealed to the recipient. */

static enum phi_err seal_parcel(const struct phi_key_entry *entry,
                                const struct phi_key_content *content,
                                const uint8_t to[PHI_SM2_PUBLIC_LEN], char text[PARCEL_MAX])
{
    enum phi_err err = PHI_OK;
    char plain[PHI_KEY_LINE_MAX + 2 * PHI_KEY_SECRET_MAX + 3], serial[PHI_KEY_ID_LEN + 1];
    uint8_t sealed[PHI_ENVELOPE_MAX];
    size_t len = 0;
    phi_key_entry_format(entry, plain);
    size_t at = strlen(plain);
    plain[at++] = '\n';
    phi_hex_encode(phi_view_of(content->bytes, content->len), plain + at);
    PHI_GUARD(phi_key_id_of(to, serial));
    PHI_GUARD(phi_envelope_seal(to, phi_view_text(plain), sealed, sizeof(sealed), &len));
    int head = snprintf(text, PARCEL_MAX, PARCEL_HEAD "%s\n", serial);
    phi_base64_encode(phi_view_of(sealed, len), text + head);
    memcpy(text + strlen(text), "\n", 2);
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static enum phi_err write_parcel(struct key_folder *folder, const struct phi_key_entry *entry,
                                 const struct phi_key_content *content, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t to[PHI_SM2_PUBLIC_LEN];
    char text[PARCEL_MAX];
    PHI_GUARD(ctl_read_public(ctl_get(folder->args, "to"), to, error));
    PHI_GUARD(seal_parcel(entry, content, to, text));
    PHI_GUARD(ctl_write_new(ctl_get(folder->args, "out"), 0600, text, error));
out:
    return err;
}

static enum phi_err read_parcel(struct phi_view plain, struct phi_key_content *content,
                                struct phi_key_entry *entry)
{
    uint8_t bytes[PHI_KEY_SECRET_MAX];
    const uint8_t *newline = plain.len > 0 ? memchr(plain.data, '\n', plain.len) : NULL;
    if (newline == NULL)
        return PHI_ERR_KEY;
    size_t line = (size_t)(newline - plain.data), len = (plain.len - line - 1) / 2;
    enum phi_err err = phi_key_entry_parse(phi_view_of(plain.data, line), entry);
    if (err == PHI_OK &&
        (len > sizeof(bytes) || entry->state != PHI_KEY_LIVE ||
         phi_hex_decode(phi_view_of(newline + 1, plain.len - line - 1), bytes, len) != PHI_OK))
        err = PHI_ERR_KEY;
    if (err == PHI_OK)
        err = phi_key_content_of(entry->kind, phi_view_of(bytes, len), content);
    if (err == PHI_OK && strcmp(content->id, entry->id) != 0)
        err = PHI_ERR_KEY;
    phi_wipe(bytes, sizeof(bytes));
    return err;
}

/* The base64 of the third line. */
static enum phi_err sealed_of(struct phi_view text, uint8_t sealed[PHI_ENVELOPE_MAX], size_t *len)
{
    size_t head = strlen(PARCEL_HEAD) + PHI_KEY_ID_LEN + 1;
    if (text.len < head + 2 || memcmp(text.data, PARCEL_HEAD, strlen(PARCEL_HEAD)) != 0 ||
        text.data[head - 1] != '\n' || text.data[text.len - 1] != '\n')
        return PHI_ERR_KEY;
    return phi_base64_decode(phi_view_of(text.data + head, text.len - head - 1), sealed,
                             PHI_ENVELOPE_MAX, len) == PHI_OK
               ? PHI_OK
               : PHI_ERR_KEY;
}

static enum phi_err read_unseal_key(const struct ctl_args *args, struct phi_sm2_private **out,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    const char *file = ctl_get(args, "unseal-password-file");
    PHI_GUARD(
        ctl_read_line(file != NULL ? file : ctl_get(args, "password-file"), true, password, error));
    PHI_GUARD(phi_key_read_sm2(ctl_get(args, "unseal-key"), password, out, error));
out:
    phi_wipe(password, sizeof(password));
    return err;
}

enum phi_err key_parcel_open(const struct ctl_args *args, struct phi_key_content *content,
                             struct phi_key_entry *entry, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t sealed[PHI_ENVELOPE_MAX], plain[PHI_ENVELOPE_PLAIN_MAX];
    uint8_t *text = NULL;
    size_t len = 0, sealed_len = 0, plain_len = 0;
    struct phi_sm2_private *key = NULL;
    PHI_GUARD(ctl_read_all(ctl_get(args, "in"), PARCEL_MAX, &text, &len, error));
    PHI_GUARD(sealed_of(phi_view_of(text, len), sealed, &sealed_len));
    PHI_GUARD(read_unseal_key(args, &key, error));
    PHI_GUARD(
        phi_envelope_open(key, phi_view_of(sealed, sealed_len), plain, sizeof(plain), &plain_len));
    PHI_GUARD(read_parcel(phi_view_of(plain, plain_len), content, entry));
out:
    if (err != PHI_OK && error->code == PHI_OK)
        (void)phi_error_set(error, err, ctl_get(args, "in"),
                            "not a parcel for this key, or altered");
    phi_sm2_private_free(key);
    phi_wipe(plain, sizeof(plain));
    free(text);
    return err;
}

static enum phi_err distribute(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry *entry = NULL;
    PHI_GUARD(key_folder_find(folder, &entry, error));
    if (entry->state != PHI_KEY_LIVE && ctl_has(folder->args, "to"))
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "--id", "the key is out of use"));
    PHI_GUARD(key_folder_read(folder, entry, &content, error));
    PHI_GUARD(key_folder_step(folder, "distribute", entry, error));
    PHI_GUARD(ctl_has(folder->args, "to") ? write_parcel(folder, entry, &content, error)
                                          : write_bundle(folder, entry, &content, error));
    key_entry_print("distributed", entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, distribute);
}

static const struct ctl_option options[] = {
    KEY_ID_OPTION,
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text = "what is given away: the public half as a bundle with a proof by its private half "
             "(for platform key), or with --to the whole key as a parcel"},
    {.name = "pem", .value = "FILE", .text = "the public half there too, as a PEM"},
    {.name = "to",
     .value = "PEM|HEX",
     .text = "the recipient's SM2 public key: only its owner opens the parcel (key store)"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_distribute = {
    .group = "key",
    .verb = "distribute",
    .about = "give a key's public half to all, or the whole key to one",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl key distribute --manifest keys/manifest --password-file password --id "
               "0123456789abcdef --to verify.pub --out seal.parcel"};
