#include "phictl/files.h"

#include "crypto/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum phi_err ctl_read_line(const char *path, bool is_secret, char out[CTL_LINE_MAX + 1],
                           struct phi_error *error)
{
    struct stat about;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &about) != 0) {
        if (file != NULL)
            (void)fclose(file);
        return phi_error_set(error, PHI_ERR_IO, path, "%s", strerrordesc_np(errno));
    }
    if (is_secret && (about.st_mode & 077) != 0) {
        (void)fclose(file);
        return phi_error_set(error, PHI_ERR_KEY, path, "its mode is wider than 0600");
    }
    char *line = fgets(out, CTL_LINE_MAX + 1, file);
    (void)fclose(file);
    if (line == NULL)
        return phi_error_set(error, PHI_ERR_IO, path, "empty");
    out[strcspn(out, "\r\n")] = '\0';
    return PHI_OK;
}

enum phi_err ctl_read_all(const char *path, size_t max, uint8_t **out, size_t *len,
                          struct phi_error *error)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    uint8_t *bytes = malloc(max + 1);
    if (file == NULL || bytes == NULL) {
        free(bytes);
        return phi_error_set(error, PHI_ERR_IO, path, "%s", strerrordesc_np(errno));
    }
    size_t got = fread(bytes, 1, max + 1, file);
    bool failed = ferror(file) != 0;
    if (file != stdin)
        (void)fclose(file);
    if (failed || got > max) {
        free(bytes);
        return failed
                   ? phi_error_set(error, PHI_ERR_IO, path, "can't be read")
                   : phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, path, "more than %zu bytes", max);
    }
    *out = bytes;
    *len = got;
    return PHI_OK;
}

enum phi_err ctl_write_new(const char *path, int mode, const char *text, struct phi_error *error)
{
    size_t len = strlen(text);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return phi_error_set(error, PHI_ERR_IO, path, "%s", strerrordesc_np(errno));
    bool whole = write(fd, text, len) == (ssize_t)len;
    if (close(fd) != 0 || !whole) {
        (void)unlink(path);
        return phi_error_set(error, PHI_ERR_IO, path, "can't be written");
    }
    return PHI_OK;
}

enum phi_err ctl_read_key(const struct ctl_args *args, const char *name,
                          struct phi_sm2_private **out, struct phi_error *error)
{
    char password[CTL_LINE_MAX + 1];
    enum phi_err err = ctl_read_line(ctl_get(args, "password-file"), true, password, error);
    if (err == PHI_OK)
        err = phi_key_read_sm2(ctl_get(args, name), password, out, error);
    phi_wipe(password, sizeof(password));
    return err;
}

enum phi_err ctl_read_public(const char *text, uint8_t xy[PHI_SM2_PUBLIC_LEN],
                             struct phi_error *error)
{
    struct phi_sm2_public *key = NULL;
    if (strlen(text) != 2 * PHI_SM2_PUBLIC_LEN ||
        phi_hex_decode(phi_view_text(text), xy, PHI_SM2_PUBLIC_LEN) != PHI_OK)
        return phi_public_read(text, xy, error);
    enum phi_err err = phi_sm2_public_new(xy, &key);
    phi_sm2_public_free(key);
    if (err != PHI_OK)
        return phi_error_set(error, err, "public", "not a point of the curve");
    return PHI_OK;
}
