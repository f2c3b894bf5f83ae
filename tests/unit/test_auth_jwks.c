/* Fetching a JWKS over a real loopback socket: status, bounds, redirects, silence. */
#include "auth/jwks.h"
#include "case.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY "{\"keys\":[]}"

/* One connection, one canned answer. */
struct server {
    int fd;
    int port;
    const char *answer; /* NULL: none, until the client goes away */
    size_t body_bytes;  /* filler after the answer */
    pthread_t thread;
};

static void fill(int fd, size_t bytes)
{
    char block[4096];
    memset(block, 'x', sizeof(block));
    while (bytes > 0) {
        size_t part = bytes < sizeof(block) ? bytes : sizeof(block);
        if (send(fd, block, part, MSG_NOSIGNAL) != (ssize_t)part)
            return;
        bytes -= part;
    }
}

static void *serve(void *context)
{
    struct server *server = context;
    char request[4096];
    struct pollfd waiting = {.fd = server->fd, .events = POLLIN};
    if (poll(&waiting, 1, 5000) != 1)
        return NULL;
    int fd = accept(server->fd, NULL, NULL);
    if (recv(fd, request, sizeof(request), 0) > 0 && server->answer != NULL) {
        (void)!send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
        fill(fd, server->body_bytes);
    } else {
        waiting.fd = fd;
        (void)poll(&waiting, 1, 5000);
    }
    (void)close(fd);
    return NULL;
}

static void start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->fd, 4), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void only_a_whole_answer_within_bounds_counts(void **state)
{
    static const struct {
        const char *name;
        const char *answer;
        size_t body_bytes;
        enum phi_err err;
    } cases[] = {
        {"good", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\n" BODY, 0,
         PHI_OK},
        {"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 0,
         PHI_ERR_NEIGHBOUR},
        {"elsewhere",
         "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n"
         "Connection: close\r\n\r\n",
         0, PHI_ERR_NEIGHBOUR},
        {"too long", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n",
         100000, PHI_ERR_NEIGHBOUR},
        {"too long, not said", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 100000,
         PHI_ERR_NEIGHBOUR},
        {"cut off", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n" BODY, 0,
         PHI_ERR_NEIGHBOUR},
        {"not HTTP", "hello\r\n\r\n", 0, PHI_ERR_NEIGHBOUR},
        {"silent", NULL, 0, PHI_ERR_NEIGHBOUR},
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct server server = {.answer = cases[i].answer, .body_bytes = cases[i].body_bytes};
        char url[64];
        size_t len = 0;
        uint8_t *out = malloc(PHI_JWKS_MAX_BYTES);
        start(&server);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/jwks", server.port);
        enum phi_err err = phi_jwks_fetch_curl(NULL, url, 500, out, PHI_JWKS_MAX_BYTES, &len);
        assert_int_equal(pthread_join(server.thread, NULL), 0);
        (void)close(server.fd);
        phi_check(cases[i].name, err == cases[i].err);
        phi_check(cases[i].name, err != PHI_OK || (len == 11 && memcmp(out, BODY, 11) == 0));
        free(out);
    }
}

static void a_provider_that_does_not_listen_is_away(void **state)
{
    uint8_t out[16];
    size_t len = 0;
    (void)state;
    assert_int_equal(phi_jwks_fetch_curl(NULL, "http://127.0.0.1:1/", 500, out, sizeof(out), &len),
                     PHI_ERR_NEIGHBOUR);
    assert_int_equal(phi_jwks_fetch_curl(NULL, "file:///etc/hostname", 500, out, sizeof(out), &len),
                     PHI_ERR_NEIGHBOUR);
}

/* Sets that hold no key of ours: the token's is not found, and the provider is not asked again at
 * once. */
static int asked;

static enum phi_err give(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                         size_t size, size_t *len)
{
    const char *set = context;
    (void)url;
    (void)timeout_ms;
    asked++;
    *len = strlen(set) < size ? strlen(set) : size;
    memcpy(out, set, *len);
    return PHI_OK;
}

#define EC_KEY       "\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\""
#define KEY_OF(x, y) "{\"keys\":[{" EC_KEY ",\"x\":\"" x "\",\"y\":\"" y "\"}]}"

static void broken_key_sets_give_no_key(void **state)
{
    static const char *const sets[] = {
        "",
        "[]",
        "{}",
        "{\"keys\":1}",
        "{\"keys\":[]}",
        "{\"keys\":[1,null,\"x\"]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"AA\",\"y\":\"AA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":1,\"y\":[]}]}",
        KEY_OF("axfR8uErQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
               "T-NC4v4af=uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"),
        KEY_OF("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
               "T-NC4v4af5u*5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"),
        KEY_OF("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZ",
               "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"),
        KEY_OF("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
               "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY"),
        KEY_OF("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY=",
               "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU="),
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"k\",\"x\":\"AA\",\"y\":\"AA\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(sets); i++) {
        struct phi_jwks *jwks = NULL;
        asked = 0;
        assert_int_equal(phi_jwks_new(give, (void *)(uintptr_t)sets[i], 500, &jwks), PHI_OK);
        for (int turn = 0; turn < 3; turn++)
            phi_check(sets[i], phi_jwks_verify(jwks, "https://x/", "k", phi_view_text("a.b.c"),
                                               NULL) == PHI_ERR_NEIGHBOUR);
        phi_check(sets[i], asked == 1);
        phi_jwks_free(jwks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_answer_within_bounds_counts),
        cmocka_unit_test(a_provider_that_does_not_listen_is_away),
        cmocka_unit_test(broken_key_sets_give_no_key),
    };
    return cmocka_run_group_tests_name("auth: keys of providers", tests, NULL, NULL);
}
