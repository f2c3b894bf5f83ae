#include "svc-correction/attachments/reencode.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "phi-reencode"

struct exchange {
    int socket; /* both ways */
    struct phi_view rest;
    uint8_t *out;
    size_t size;
    size_t len;
    bool is_over; /* more came than there is room for */
};

/* --- the process --- */

/* A socket for both its ends, nothing else of ours: no descriptor, no signal that we hold back. */
static enum phi_err spawn(const char *program, int socket, pid_t *pid)
{
    char *const arguments[] = {(char *)NAME, NULL}, *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? PHI_OK : PHI_ERR_INTERNAL;
}

static enum phi_err reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return PHI_ERR_INTERNAL;
    if (!WIFEXITED(status))
        return PHI_ERR_FIELD_VALUE; /* past its bounds of time or memory, or down with the file */
    return WEXITSTATUS(status) == 0   ? PHI_OK
           : WEXITSTATUS(status) == 1 ? PHI_ERR_FIELD_VALUE
                                      : PHI_ERR_INTERNAL;
}

/* --- to it and back --- */

static void give(struct exchange *x)
{
    ssize_t sent = send(x->socket, x->rest.data, x->rest.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        x->rest = phi_view_of(x->rest.data + sent, x->rest.len - (size_t)sent);
    bool is_deaf = sent < 0 && errno != EAGAIN && errno != EINTR;
    if (x->rest.len == 0 || is_deaf) {
        x->rest.len = 0;
        shutdown(x->socket, SHUT_WR);
    }
}

/* false at the end. */
static bool take(struct exchange *x)
{
    uint8_t beyond;
    bool is_full = x->len == x->size;
    ssize_t got = recv(x->socket, is_full ? &beyond : x->out + x->len,
                       is_full ? 1 : x->size - x->len, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    x->is_over = is_full && got > 0;
    x->len += is_full ? 0 : (size_t)got;
    return got > 0 && !x->is_over;
}

static enum phi_err exchange(struct exchange *x, struct phi_deadline deadline)
{
    if (x->rest.len == 0)
        shutdown(x->socket, SHUT_WR);
    while (!phi_deadline_is_past(deadline)) {
        struct pollfd poller = {.fd = x->socket,
                                .events = (short)(POLLIN | (x->rest.len > 0 ? POLLOUT : 0))};
        if (poll(&poller, 1, (int)phi_deadline_left_ms(deadline)) < 0 && errno != EINTR)
            return PHI_ERR_INTERNAL;
        if (x->rest.len > 0 && (poller.revents & (POLLOUT | POLLERR | POLLHUP)) != 0)
            give(x);
        if ((poller.revents & (POLLIN | POLLERR | POLLHUP)) != 0 && !take(x))
            return x->is_over ? PHI_ERR_FIELD_VALUE : PHI_OK;
    }
    return PHI_ERR_DEADLINE;
}

enum phi_err reencode_run(const char *program, struct phi_view bytes, struct phi_deadline deadline,
                          uint8_t *out, size_t size, size_t *len)
{
    int ends[2];
    pid_t pid = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return PHI_ERR_INTERNAL;
    struct exchange x = {.socket = ends[0], .rest = bytes, .out = out, .size = size};
    enum phi_err err = spawn(program, ends[1], &pid);
    close(ends[1]);
    if (err == PHI_OK) {
        err = exchange(&x, deadline);
        if (err != PHI_OK)
            kill(pid, SIGKILL);
        enum phi_err end = reap(pid);
        err = err == PHI_OK ? end : err;
    }
    close(ends[0]);
    *len = err == PHI_OK ? x.len : 0;
    return err;
}

bool reencode_program(char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - 1);
    if (len <= 0)
        return false;
    out[len] = '\0';
    char *slash = strrchr(out, '/');
    size_t room = slash == NULL ? 0 : size - (size_t)(slash + 1 - out);
    if (room <= strlen(NAME))
        return false;
    snprintf(slash + 1, room, NAME);
    return access(out, X_OK) == 0;
}
