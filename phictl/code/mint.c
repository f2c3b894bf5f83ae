/* Codes for test benches and laboratories, by key files that lie here. A province's own codes come
 * from svc-codegen, which records the consent and counts the uses of its keys. */
#include "base/text.h"
#include "codes/consent.h"
#include "codes/scope.h"
#include "codeside/codeside.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "json/canonical.h"
#include "phictl/code/status.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "picture/picture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONSENT_MAX 8192
#define ARENA_MAX   (64 * 1024 * 1024)
#define LIFE_MAX_S  (30 * 86400)

/* Keys */

static enum phi_err read_seal_key(const struct ctl_args *args, uint8_t seal_key[PHI_SM4_KEY_LEN],
                                  struct phi_error *error)
{
    char password[CTL_LINE_MAX + 1] = "";
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t len = 0;
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, password, error));
    PHI_GUARD(phi_key_read_secret(ctl_get(args, "seal-key"), password, secret, sizeof(secret), &len,
                                  error));
    if (len != PHI_SM4_KEY_LEN)
        err = phi_error_set(error, PHI_ERR_KEY, "--seal-key", "not a key of 16 bytes");
    else
        memcpy(seal_key, secret, PHI_SM4_KEY_LEN);
out:
    phi_wipe(password, sizeof(password));
    phi_wipe(secret, sizeof(secret));
    return err;
}

static enum phi_err open_codeside(const struct ctl_args *args, struct phi_codeside **out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_codeside_set set = {.id = 1};
    int64_t id = 0;
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "key-set")), 0, UINT8_MAX, &id) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--key-set", "not 0 to 255");
    set.id = (uint8_t)id;
    PHI_GUARD(read_seal_key(args, set.seal_key, error));
    PHI_GUARD(ctl_read_key(args, "sign-key", &set.sign_key, error));
    err = phi_codeside_new(ctl_get(args, "platform"), &set, 1, NULL, out);
    if (err == PHI_ERR_CONFIG)
        (void)phi_error_set(error, err, "--platform", "not a platform id");
    if (err == PHI_OK)
        set.sign_key = NULL;
out:
    phi_sm2_private_free(set.sign_key);
    phi_wipe(&set, sizeof(set));
    return err;
}

/* What goes in */

/* A record for passing as it is, or the elements of Table 1 as JSON, brought into its form. */
static enum phi_err digest_consent(const struct ctl_args *args, struct phi_arena *arena,
                                   uint8_t digest[PHI_SM3_LEN], struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct phi_person person;
    int64_t time_s = 0;
    PHI_GUARD(ctl_read_all(ctl_get(args, "consent"), CONSENT_MAX, &bytes, &len, error));
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    struct phi_view record = phi_view_of(bytes, len);
    json_t *elements = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(elements))
        err = phi_json_canonical(elements, arena, &record);
    else if (phi_consent_parse(record, &person, &time_s) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--consent",
                            "neither name|idNo|idType|country|time nor a JSON object");
    json_decref(elements);
    PHI_GUARD(err);
    PHI_GUARD(phi_consent_digest(record, digest));
out:
    free(bytes);
    return err;
}

static enum phi_err read_subject(const struct ctl_args *args, uint8_t subject[PHI_SUBJECT_LEN],
                                 struct phi_error *error)
{
    const char *given = ctl_get(args, "subject");
    if (given == NULL)
        return phi_random_bytes(subject, PHI_SUBJECT_LEN);
    if (strlen(given) != 2 * PHI_SUBJECT_LEN ||
        phi_hex_decode(phi_view_text(given), subject, PHI_SUBJECT_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--subject", "not 32 hex digits");
    return PHI_OK;
}

static enum phi_err read_flags(const struct ctl_args *args, uint8_t *flags, struct phi_error *error)
{
    enum phi_scope scope = PHI_SCOPE_PASS;
    enum phi_err err = phi_scope_parse(phi_view_text(ctl_get(args, "scope")), &scope);
    if (err != PHI_OK || scope == PHI_SCOPE_SELF)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--scope", "not pass or medical");
    *flags = PHI_JKM1_SCOPE_FLAGS(scope);
    *flags |= ctl_has(args, "one-time") ? PHI_JKM1_ONE_TIME : 0;
    *flags |= ctl_has(args, "paper") ? PHI_JKM1_PAPER : 0;
    *flags |= ctl_has(args, "on-behalf") ? PHI_JKM1_ON_BEHALF : 0;
    return PHI_OK;
}

static enum phi_err read_input(const struct ctl_args *args, struct phi_arena *arena,
                               struct phi_mint_input *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t life_s = 0;
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "life")), 1, LIFE_MAX_S, &life_s) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--life", "not 1 to 2592000 seconds");
    out->deadline_s = phi_clock_now_us(NULL) / 1000000 + life_s;
    PHI_GUARD(read_flags(args, &out->flags, error));
    PHI_GUARD(read_subject(args, out->subject, error));
    PHI_GUARD(digest_consent(args, arena, out->consent_digest, error));
out:
    return err;
}

/* What comes out */

static enum phi_err write_bytes(const char *path, struct phi_view bytes, struct phi_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool is_whole = fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len;
    if (fd >= 0 && (close(fd) != 0 || !is_whole)) {
        (void)unlink(path);
        is_whole = false;
    }
    return is_whole ? PHI_OK
                    : phi_error_set(error, PHI_ERR_IO, path, "exists, or can't be written");
}

static bool format_of(const char *path, enum phi_picture_format *out)
{
    static const char *const ends[] = {
        [PHI_PICTURE_PNG] = ".png", [PHI_PICTURE_SVG] = ".svg", [PHI_PICTURE_PDF] = ".pdf"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < CTL_COUNT(ends); i++) {
        if (strcmp(dot, ends[i]) != 0)
            continue;
        *out = (enum phi_picture_format)i;
        return true;
    }
    return false;
}

static enum phi_err draw(const struct ctl_args *args, const struct phi_minted *minted,
                         struct phi_arena *arena, struct phi_error *error)
{
    const char *path = ctl_get(args, "out");
    struct phi_picture picture = {.text = phi_view_text(minted->text)};
    struct phi_view bytes;
    enum phi_err err = PHI_OK;
    if (path == NULL)
        return PHI_OK;
    if (!format_of(path, &picture.format))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--out", "ends in .png, .svg or .pdf");
    if (!phi_symbology_from_name(phi_view_text(ctl_get(args, "symbol")), &picture.symbology))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--symbol",
                             "not qr, grid-matrix or han-xin");
    PHI_GUARD(phi_picture_neutral(&picture, arena, &bytes));
    PHI_GUARD(write_bytes(path, bytes, error));
out:
    return err;
}

static enum phi_err print(const struct ctl_args *args, const struct phi_minted *minted,
                          const struct phi_mint_input *input)
{
    char deadline[PHI_RFC3339_MAX], serial[2 * PHI_JKM1_SERIAL_LEN + 1], id[33];
    char digest[2 * PHI_SM3_LEN + 1];
    uint8_t revocation[16];
    if (!ctl_has(args, "json")) {
        (void)printf("%s\n", minted->text);
        return PHI_OK;
    }
    enum phi_err err =
        phi_jkm1_revocation_id(ctl_get(args, "platform"), minted->serial, revocation);
    if (err != PHI_OK)
        return err;
    phi_rfc3339_format(input->deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(minted->serial, sizeof(minted->serial)), serial);
    phi_hex_encode(phi_view_of(revocation, sizeof(revocation)), id);
    phi_hex_encode(phi_view_of(input->consent_digest, PHI_SM3_LEN), digest);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "code", minted->text, "serial",
                               serial, "revocationId", id, "deadline", deadline, "consentDigest",
                               digest, "keySet", (int)minted->key_set);
    return ctl_print_json(object) == CTL_OK ? PHI_OK : PHI_ERR_MEMORY;
}

static int run(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    struct phi_codeside *codeside = NULL;
    struct phi_mint_input input = {.flags = 0};
    struct phi_minted minted;
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_input(args, arena, &input, &error));
    PHI_GUARD(open_codeside(args, &codeside, &error));
    PHI_GUARD(phi_codeside_mint(codeside, &input, &minted));
    PHI_GUARD(draw(args, &minted, arena, &error));
    PHI_GUARD(print(args, &minted, &input));
out:
    phi_codeside_free(codeside);
    phi_arena_free(arena);
    phi_wipe(&input, sizeof(input));
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "platform", .value = "CODE", .is_required = true, .text = "the platform's id"},
    {.name = "sign-key", .value = "FILE", .is_required = true, .text = "SM2 key file that signs"},
    {.name = "seal-key", .value = "FILE", .is_required = true, .text = "SM4 key file that seals"},
    CTL_PASSWORD,
    {.name = "consent",
     .value = "FILE",
     .is_required = true,
     .text = "the consent record, name|idNo|idType|country|time, or Table 1 as JSON (-: stdin)"},
    {.name = "key-set", .value = "N", .fallback = "1", .text = "the key set that both are of"},
    {.name = "subject", .value = "HEX", .text = "the holder's subject index; random without"},
    {.name = "life", .value = "SECONDS", .fallback = "300", .text = "until the deadline"},
    {.name = "scope", .value = "pass|medical", .fallback = "pass", .text = "of the consent"},
    {.name = "one-time", .text = "counts once"},
    {.name = "paper", .text = "a paper certificate"},
    {.name = "on-behalf", .text = "shown on behalf of the holder"},
    {.name = "out", .value = "FILE", .text = "draw it too: .png, .svg or .pdf, never overwritten"},
    {.name = "symbol",
     .value = "KIND",
     .fallback = "qr",
     .text = "of the picture: qr, grid-matrix, han-xin"},
    CTL_JSON,
};

const struct ctl_command ctl_code_mint = {
    .group = "code",
    .verb = "mint",
    .about = "make a health code with key files, for test benches: nothing is recorded or counted",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl code mint --platform 320000 --sign-key code.key --seal-key seal.key "
               "--password-file password --consent record --out code.png"};
