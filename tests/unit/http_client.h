/* A plain socket client for the tests of the HTTP room: sends what it is told, reads one answer at
 * a time. */
#ifndef PHI_TESTS_HTTP_CLIENT_H
#define PHI_TESTS_HTTP_CLIENT_H

#include "base/bytes.h"

#define CLIENT_WAIT_MS 20000

struct client {
    int fd;
    size_t len;
    char data[65536]; /* what came and was not read as an answer yet */
};

struct reply {
    int status; /* 0: the connection ended instead */
    char head[4096];
    char body[32768];
};

void client_open(struct client *client, uint16_t port); /* fails the test */
bool client_try(struct client *client, uint16_t port);  /* false: refused */
void client_close(struct client *client);
bool client_send(struct client *client, const void *data,
                 size_t len); /* false: the peer has closed */
bool client_send_text(struct client *client, const char *text);
/* One answer; `is_head` when it has no body whatever its Content-Length says. */
struct reply client_read(struct client *client, bool is_head);
bool client_is_closed(struct client *client, int wait_ms); /* by the peer, within the time */
/* The header's value in `out`, "" when absent. */
void reply_header(const struct reply *reply, const char *name, char *out, size_t size);

#endif
