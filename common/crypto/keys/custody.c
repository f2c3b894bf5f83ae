#include "crypto/custody.h"

#include "crypto/keys/file.h"
#include "crypto/random.h"
#include "crypto/sm2/backend.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CURVE_TEXT_LEN (2 * PHI_KEY_CURVE_LEN + 1)

enum phi_err phi_key_content_public(const struct phi_key_content *content,
                                    uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    struct phi_sm2_private *key = NULL;
    if (content->kind != PHI_KEY_SM2 || content->len != PHI_SM2_SCALAR_LEN)
        return PHI_ERR_KEY;
    enum phi_err err = phi_sm2_private_new(content->bytes, &key);
    if (err == PHI_OK)
        phi_sm2_private_public(key, xy);
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err name_it(struct phi_key_content *content)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    if (content->kind != PHI_KEY_SM2)
        return phi_key_id_of_secret(phi_view_of(content->bytes, content->len), content->id);
    enum phi_err err = phi_key_content_public(content, xy);
    return err == PHI_OK ? phi_key_id_of(xy, content->id) : err;
}

static bool length_is_right(enum phi_key_kind kind, size_t len)
{
    return kind == PHI_KEY_SECRET ? len >= PHI_KEY_SECRET_MIN && len <= PHI_KEY_SECRET_MAX
                                  : len == PHI_KEY_CURVE_LEN;
}

enum phi_err phi_key_content_of(enum phi_key_kind kind, struct phi_view bytes,
                                struct phi_key_content *out)
{
    if (!length_is_right(kind, bytes.len))
        return PHI_ERR_KEY;
    struct phi_key_content made = {.kind = kind, .len = bytes.len};
    memcpy(made.bytes, bytes.data, bytes.len);
    enum phi_err err = name_it(&made);
    if (err == PHI_OK)
        *out = made;
    phi_wipe(&made, sizeof(made));
    return err;
}

static enum phi_err new_scalar(uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    struct phi_sm2_private *key = NULL;
    enum phi_err err = phi_sm2_private_generate(&key);
    if (err == PHI_OK)
        err = phi_sm2_private_scalar(key, scalar);
    phi_sm2_private_free(key);
    return err;
}

enum phi_err phi_key_content_new(enum phi_key_kind kind, size_t len, struct phi_key_content *out)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_KEY_SECRET_MAX];
    len = kind == PHI_KEY_SM2 ? PHI_SM2_SCALAR_LEN : len;
    if (kind == PHI_KEY_CURVE || !length_is_right(kind, len))
        return PHI_ERR_KEY;
    PHI_GUARD(kind == PHI_KEY_SM2 ? new_scalar(bytes) : phi_random_bytes(bytes, len));
    PHI_GUARD(phi_key_content_of(kind, phi_view_of(bytes, len), out));
out:
    phi_wipe(bytes, sizeof(bytes));
    return err;
}

static enum phi_err read_curve(const char *path, struct phi_key_content *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t text[CURVE_TEXT_LEN + 1], bytes[PHI_KEY_CURVE_LEN];
    size_t len = 0;
    PHI_GUARD(phi_keyfile_read(path, true, text, sizeof(text), &len, error));
    len -= len > 0 && text[len - 1] == '\n' ? 1 : 0;
    if (phi_hex_decode(phi_view_of(text, len), bytes, sizeof(bytes)) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_KEY, phi_keyfile_name(path), "not a key file");
    PHI_GUARD(err);
    PHI_GUARD(phi_key_content_of(PHI_KEY_CURVE, phi_view_of(bytes, sizeof(bytes)), out));
out:
    phi_wipe(text, sizeof(text));
    phi_wipe(bytes, sizeof(bytes));
    return err;
}

/* PKCS#8 tells by itself which of the two it holds, once the password has opened it. */
static enum phi_err read_wrapped(const char *path, const char *password,
                                 struct phi_key_content *out, struct phi_error *error)
{
    struct phi_sm2_private *key = NULL;
    uint8_t bytes[PHI_KEY_SECRET_MAX];
    size_t len = PHI_SM2_SCALAR_LEN;
    enum phi_key_kind kind = PHI_KEY_SM2;
    enum phi_err err = phi_key_read_sm2(path, password, &key, NULL);
    if (err == PHI_OK) {
        err = phi_sm2_private_scalar(key, bytes);
    } else {
        kind = PHI_KEY_SECRET;
        err = phi_key_read_secret(path, password, bytes, sizeof(bytes), &len, error);
    }
    if (err == PHI_OK)
        err = phi_key_content_of(kind, phi_view_of(bytes, len), out);
    phi_sm2_private_free(key);
    phi_wipe(bytes, sizeof(bytes));
    return err;
}

enum phi_err phi_key_content_read(const char *path, const char *password,
                                  struct phi_key_content *out, struct phi_error *error)
{
    static const char pem[] = "-----BEGIN";
    uint8_t text[PHI_KEYFILE_MAX];
    size_t len = 0;
    enum phi_err err = phi_keyfile_read(path, true, text, sizeof(text), &len, error);
    bool is_pem = err == PHI_OK && len > strlen(pem) && memcmp(text, pem, strlen(pem)) == 0;
    phi_wipe(text, sizeof(text));
    if (err != PHI_OK)
        return err;
    return is_pem ? read_wrapped(path, password, out, error) : read_curve(path, out, error);
}

static enum phi_err write_sm2(const char *path, const char *password,
                              const struct phi_key_content *content)
{
    struct phi_sm2_private *key = NULL;
    enum phi_err err = phi_sm2_private_new(content->bytes, &key);
    if (err == PHI_OK)
        err = phi_key_write_sm2(path, password, key);
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err write_curve(const char *path, const struct phi_key_content *content)
{
    char text[CURVE_TEXT_LEN + 1];
    phi_hex_encode(phi_view_of(content->bytes, content->len), text);
    text[CURVE_TEXT_LEN - 1] = '\n';
    enum phi_err err = phi_keyfile_write(path, 0600, phi_view_of(text, CURVE_TEXT_LEN));
    phi_wipe(text, sizeof(text));
    return err;
}

enum phi_err phi_key_content_write(const char *path, const char *password,
                                   const struct phi_key_content *content)
{
    if (content->kind == PHI_KEY_SM2)
        return write_sm2(path, password, content);
    if (content->kind == PHI_KEY_CURVE)
        return write_curve(path, content);
    return phi_key_write_secret(path, password, phi_view_of(content->bytes, content->len));
}

static enum phi_err overwrite(int fd)
{
    struct stat found;
    uint8_t noise[PHI_KEYFILE_MAX];
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return PHI_ERR_IO;
    for (off_t at = 0; at < found.st_size; at += (off_t)sizeof(noise)) {
        enum phi_err err = phi_random_bytes(noise, sizeof(noise));
        if (err != PHI_OK)
            return err;
        if (pwrite(fd, noise, sizeof(noise), at) != (ssize_t)sizeof(noise))
            return PHI_ERR_IO;
    }
    return fsync(fd) == 0 ? PHI_OK : PHI_ERR_IO;
}

enum phi_err phi_key_file_destroy(const char *path)
{
    struct stat found;
    /* an archived file is read only */
    if (lstat(path, &found) != 0 || !S_ISREG(found.st_mode) || chmod(path, 0600) != 0)
        return PHI_ERR_IO;
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return PHI_ERR_IO;
    enum phi_err err = overwrite(fd);
    (void)close(fd);
    if (err == PHI_OK && unlink(path) != 0)
        err = PHI_ERR_IO;
    return err;
}
