#include "crypto/keys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *phi_keyfile_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum phi_err check(int fd, bool is_secret, const char *name, struct phi_error *error)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return phi_error_set(error, PHI_ERR_IO, name, "can't be read");
    if (!S_ISREG(found.st_mode))
        return phi_error_set(error, PHI_ERR_KEY, name, "not a regular file");
    if (is_secret && (found.st_mode & 07777 & ~0600u) != 0)
        return phi_error_set(error, PHI_ERR_KEY, name, "mode %04o is wider than 0600",
                             (unsigned)(found.st_mode & 07777));
    return PHI_OK;
}

static enum phi_err read_all(int fd, uint8_t *out, size_t size, size_t *len, const char *name,
                             struct phi_error *error)
{
    size_t have = 0;
    for (;;) {
        if (have == size)
            return phi_error_set(error, PHI_ERR_KEY, name, "too long for a key file");
        ssize_t got = read(fd, out + have, size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return phi_error_set(error, PHI_ERR_IO, name, "can't be read");
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *len = have;
    return PHI_OK;
}

enum phi_err phi_keyfile_read(const char *path, bool is_secret, uint8_t *out, size_t size,
                              size_t *len, struct phi_error *error)
{
    const char *name = phi_keyfile_name(path);
    /* non-blocking, so that a FIFO in the file's place doesn't hang the start */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return phi_error_set(error, PHI_ERR_IO, name, "can't be opened");
    enum phi_err err = check(fd, is_secret, name, error);
    if (err == PHI_OK)
        err = read_all(fd, out, size, len, name, error);
    (void)close(fd);
    return err;
}

static bool write_all(int fd, struct phi_view data)
{
    size_t done = 0;
    while (done < data.len) {
        ssize_t put = write(fd, data.data + done, data.len - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

enum phi_err phi_keyfile_write(const char *path, unsigned mode, struct phi_view data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return PHI_ERR_IO;
    bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, data) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok)
        (void)unlink(path);
    return ok ? PHI_OK : PHI_ERR_IO;
}
