#include "http/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static enum phi_err port_of(int fd, uint16_t *bound)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.v6 = {.sin6_port = 0}};
    socklen_t len = sizeof(name);
    if (getsockname(fd, &name.any, &len) != 0)
        return PHI_ERR_IO;
    *bound = ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
    return PHI_OK;
}

static enum phi_err open_at(const struct addrinfo *at, int *fd, struct phi_error *error)
{
    int on = 1;
    int sock = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (sock < 0)
        return phi_error_set(error, PHI_ERR_IO, "socket", "%s", strerrordesc_np(errno));
    if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(sock, at->ai_addr, at->ai_addrlen) != 0 || listen(sock, BACKLOG) != 0) {
        int why = errno;
        close(sock);
        return phi_error_set(error, PHI_ERR_IO, "port", "%s", strerrordesc_np(why));
    }
    *fd = sock;
    return PHI_OK;
}

enum phi_err phi_http_listen(const char *address, uint16_t port, int *fd, uint16_t *bound,
                             struct phi_error *error)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    char service[8];
    int sock = -1;
    enum phi_err err = PHI_OK;
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(address, service, &hints, &at) != 0)
        return phi_error_set(error, PHI_ERR_CONFIG, "address", "not a numeric IP address");
    PHI_GUARD(open_at(at, &sock, error));
    PHI_GUARD(port_of(sock, bound));
    *fd = sock;
    sock = -1;
out:
    freeaddrinfo(at);
    if (sock >= 0)
        close(sock);
    return err;
}
