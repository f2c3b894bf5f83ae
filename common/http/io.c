#include "http/internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Of each connection, also an idle one: 10,000 of them are most of a service's memory. Holds the
 * target, the headers with the library's 60 bytes about each, and the answer's headers. */
#define CONNECTION_BYTES ((size_t)7168)
#define WAIT_MS          1000

/* The target is looked at by us alone, byte by byte as sent. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    return strlen(text);
}

/* Polled from outside: with threads of its own the library (0.9.75) reads events in lots of 128
 * and, when a lot is full, waits for the next one before it handles the first: 128 connections with
 * something to say at the same moment would all hang. MHD_run never waits. */
static enum phi_err start_daemon(struct phi_http_io *io)
{
    struct phi_http_server *server = io->server;
    const struct phi_http_options *options = &server->options;
    size_t limit = (options->connections_max + options->io_threads - 1) / options->io_threads;
    io->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, phi_http_on_request, io,
        MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED, phi_http_on_completed, io,
        MHD_OPTION_NOTIFY_CONNECTION, phi_http_on_connection, io, MHD_OPTION_URI_LOG_CALLBACK,
        phi_http_on_request_line, io, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL,
        MHD_OPTION_END);
    return io->daemon == NULL ? PHI_ERR_IO : PHI_OK;
}

/* The last thread to let go of the listening socket closes it: from then on the system refuses. */
static void quiesce(struct phi_http_io *io)
{
    struct phi_http_server *server = io->server;
    MHD_quiesce_daemon(io->daemon);
    io->is_quiesced = true;
    if (atomic_fetch_sub(&server->listeners, 1) == 1)
        close(server->listen_fd);
}

static int wait_ms(struct phi_http_io *io)
{
    MHD_UNSIGNED_LONG_LONG left = WAIT_MS;
    if (MHD_get_timeout(io->daemon, &left) == MHD_YES && left < WAIT_MS)
        return (int)left;
    return WAIT_MS;
}

static void *run(void *argument)
{
    struct phi_http_io *io = argument;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(io->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN},
                           {.fd = io->wake_fd, .events = POLLIN}};
    eventfd_t count = 0;
    while (!atomic_load(&io->server->io_ends)) {
        if (atomic_load(&io->server->is_stopping) && !io->is_quiesced)
            quiesce(io);
        poll(fds, 2, wait_ms(io));
        if ((fds[1].revents & POLLIN) != 0)
            eventfd_read(io->wake_fd, &count);
        /* Before the run: what changes from here on wakes again. */
        atomic_store(&io->is_woken, false);
        MHD_run(io->daemon);
    }
    return NULL;
}

static enum phi_err start_one(struct phi_http_io *io)
{
    enum phi_err err = PHI_OK;
    io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->wake_fd < 0)
        return PHI_ERR_IO;
    PHI_GUARD(start_daemon(io));
    atomic_fetch_add(&io->server->listeners, 1);
    if (pthread_create(&io->thread, NULL, run, io) != 0)
        return PHI_ERR_MEMORY;
    io->has_thread = true;
out:
    return err;
}

enum phi_err phi_http_io_start(struct phi_http_server *server)
{
    enum phi_err err = PHI_OK;
    server->ios = calloc(server->options.io_threads, sizeof(*server->ios));
    if (server->ios == NULL)
        return PHI_ERR_MEMORY;
    while (server->io_count < server->options.io_threads) {
        struct phi_http_io *io = &server->ios[server->io_count++];
        io->server = server;
        PHI_GUARD(start_one(io));
    }
out:
    return err;
}

void phi_http_io_wake(struct phi_http_io *io)
{
    if (io->wake_fd >= 0 && !atomic_exchange(&io->is_woken, true))
        eventfd_write(io->wake_fd, 1);
}

void phi_http_io_wake_all(struct phi_http_server *server)
{
    for (size_t i = 0; i < server->io_count; i++)
        phi_http_io_wake(&server->ios[i]);
}

static void stop_one(struct phi_http_io *io)
{
    if (io->has_thread)
        pthread_join(io->thread, NULL);
    if (io->daemon != NULL && !io->is_quiesced)
        quiesce(io);
    if (io->daemon != NULL)
        MHD_stop_daemon(io->daemon);
    if (io->wake_fd >= 0)
        close(io->wake_fd);
}

void phi_http_io_stop(struct phi_http_server *server)
{
    atomic_store(&server->io_ends, true);
    phi_http_io_wake_all(server);
    if (server->io_count == 0 && server->listen_fd >= 0)
        close(server->listen_fd);
    for (size_t i = 0; i < server->io_count; i++)
        stop_one(&server->ios[i]);
    server->io_count = 0;
    free(server->ios);
    server->ios = NULL;
}
