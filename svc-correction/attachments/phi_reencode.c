/* phi-reencode: a foreign picture on standard input, the same pixels as JPEG on standard output.
 *
 * svc-correction starts one for each picture, so that what a malformed file does to a decoder it
 * does to a process that holds no key, opens no file, starts none and ends within seconds. Exit
 * status 0, 1 (no picture within bounds) or 2 (anything else).
 */
#include "picture/reencode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define CPU_S     5
#define SPACE_MAX ((rlim_t)512 * 1024 * 1024)

static bool limit(int what, rlim_t most)
{
    const struct rlimit bound = {.rlim_cur = most, .rlim_max = most};
    return setrlimit((__rlimit_resource_t)what, &bound) == 0;
}

/* The sanitizers' address space has no bound that could be set. */
static bool confine(void)
{
#if !defined(__SANITIZE_ADDRESS__)
    if (!limit(RLIMIT_AS, SPACE_MAX))
        return false;
#endif
    return limit(RLIMIT_CPU, CPU_S) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NOFILE, 3) &&
           limit(RLIMIT_NPROC, 0) && limit(RLIMIT_CORE, 0) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool read_all(uint8_t *to, size_t max, size_t *len)
{
    for (*len = 0; *len < max;) {
        ssize_t got = read(STDIN_FILENO, to + *len, max - *len);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        *len += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static bool write_all(const uint8_t *from, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDOUT_FILENO, from, len);
        if (put < 0 && errno != EINTR)
            return false;
        from += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

int main(void)
{
    int status = 2;
    size_t len = 0, jpeg_len = 0;
    uint8_t *jpeg = NULL;
    uint8_t *bytes = malloc(PHI_RASTER_FILE_MAX + 1);
    if (bytes == NULL || !confine() || !read_all(bytes, PHI_RASTER_FILE_MAX + 1, &len))
        goto out;
    enum phi_err err = phi_picture_reencode(phi_view_of(bytes, len), &jpeg, &jpeg_len);
    if (err == PHI_OK && write_all(jpeg, jpeg_len))
        status = 0;
    else if (err == PHI_ERR_FIELD_VALUE)
        status = 1;
out:
    free(jpeg);
    free(bytes);
    _exit(status); /* handlers of exit may want what is forbidden here */
}
