#include "http_client.h"

#include "base/time.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

bool client_try(struct client *client, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->len = 0;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(client->fd >= 0);
    return connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

void client_open(struct client *client, uint16_t port)
{
    assert_true(client_try(client, port));
}

void client_close(struct client *client)
{
    close(client->fd);
    client->fd = -1;
}

bool client_send(struct client *client, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(client->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool client_send_text(struct client *client, const char *text)
{
    return client_send(client, text, strlen(text));
}

/* false: the end of the stream, or nothing in time */
static bool receive(struct client *client, int wait_ms)
{
    struct pollfd ready = {.fd = client->fd, .events = POLLIN};
    assert_true(client->len < sizeof(client->data) - 1);
    if (poll(&ready, 1, wait_ms) <= 0)
        return false;
    ssize_t got =
        recv(client->fd, client->data + client->len, sizeof(client->data) - 1 - client->len, 0);
    if (got <= 0)
        return false;
    client->len += (size_t)got;
    return true;
}

static char *end_of_head(struct client *client)
{
    client->data[client->len] = '\0';
    char *end = strstr(client->data, "\r\n\r\n");
    return end == NULL ? NULL : end + 4;
}

struct reply client_read(struct client *client, bool is_head)
{
    struct reply reply = {.status = 0};
    char length[32];
    char *end;
    while ((end = end_of_head(client)) == NULL) {
        if (!receive(client, CLIENT_WAIT_MS))
            return reply;
    }
    size_t head_len = (size_t)(end - client->data);
    assert_true(head_len < sizeof(reply.head));
    memcpy(reply.head, client->data, head_len);
    reply_header(&reply, "Content-Length", length, sizeof(length));
    size_t body_len = is_head ? 0 : strtoul(length, NULL, 10);
    assert_true(body_len < sizeof(reply.body));
    while (client->len < head_len + body_len) {
        if (!receive(client, CLIENT_WAIT_MS))
            return reply;
    }
    memcpy(reply.body, client->data + head_len, body_len);
    client->len -= head_len + body_len;
    memmove(client->data, client->data + head_len + body_len, client->len);
    assert_int_equal(strncmp(reply.head, "HTTP/1.1 ", 9), 0);
    reply.status = (int)strtol(reply.head + 9, NULL, 10);
    return reply;
}

bool client_is_closed(struct client *client, int wait_ms)
{
    struct phi_deadline until = phi_deadline_in_ms(wait_ms);
    char byte;
    do {
        struct pollfd ready = {.fd = client->fd, .events = POLLIN};
        if (poll(&ready, 1, (int)phi_deadline_left_ms(until)) > 0 &&
            recv(client->fd, &byte, 1, 0) <= 0)
            return true;
    } while (!phi_deadline_is_past(until));
    return false;
}

void reply_header(const struct reply *reply, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    out[0] = '\0';
    for (const char *line = strstr(reply->head, "\r\n"); line != NULL;
         line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(out, size, "%.*s", (int)strcspn(line + len + 2, "\r"), line + len + 2);
            return;
        }
    }
}
