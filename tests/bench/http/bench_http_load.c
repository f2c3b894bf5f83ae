/* A caller of signed routes, open loop: requests leave at a rate, whatever comes back.
 *
 *   bench_http_load PORT RATE CONNECTIONS COUNT [FILE] < REQUESTS
 *       → {"done", "failed", "wall_s", "p50_us", "p99_us", "max_us"}
 *
 * REQUESTS: lines "PATH TOKEN MEMBERS", MEMBERS being what the body has beside the envelope,
 * without braces, or - for a GET; they are sent in order, over and over, COUNT of them. Latency
 * counts from when a request was due. FILE: for each request, in order, when its answer was there
 * (unix time in us).
 * In the environment: BENCH_APP (its id), BENCH_SECRET (its SM2 scalar, hex).
 */
#include "tests/bench/bench.h"

#include "auth/signature.h"
#include "crypto/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define ANSWER_MAX      16384
#define REQUEST_MAX     16384
#define LINE_MAX_BYTES  8192
#define LATE_US         60000000

struct request {
    char *path;
    char *token;
    char *members;
};

struct connection {
    int socket;
    bool is_asked;
    size_t asked; /* which */
    size_t len;
    char answer[ANSWER_MAX];
};

struct load {
    struct request *requests;
    size_t request_count;
    struct connection connections[CONNECTIONS_MAX];
    struct connection *idle[CONNECTIONS_MAX];
    size_t idle_count;
    const char *app_id;
    struct phi_sm2_private *key;
    char run[17]; /* makes the request numbers new */
    int epoll;
    uint16_t port;
    int64_t start_us;
    double every_us;
    size_t count;
    size_t sent;
    size_t done;
    size_t failed;
    int64_t *latency_us;
    int64_t *done_us; /* unix time */
};

static struct load load;

static void read_requests(void)
{
    static char line[LINE_MAX_BYTES];
    size_t room = 0;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *rest = NULL;
        if (load.request_count == room) {
            room = room ? 2 * room : 1024;
            load.requests = realloc(load.requests, room * sizeof(load.requests[0]));
            bench_require(load.requests != NULL, "memory");
        }
        line[strcspn(line, "\n")] = '\0';
        char *path = strtok_r(line, " ", &rest), *token = strtok_r(NULL, " ", &rest);
        bench_require(path != NULL && token != NULL && rest != NULL, "a line on stdin");
        load.requests[load.request_count++] =
            (struct request){strdup(path), strdup(token), strdup(rest)};
    }
    bench_require(load.request_count > 0, "requests");
}

static void prepare(void)
{
    uint8_t scalar[PHI_SM2_SCALAR_LEN], random[8];
    const char *secret = getenv("BENCH_SECRET"); // NOLINT(concurrency-mt-unsafe)
    load.app_id = getenv("BENCH_APP");           // NOLINT(concurrency-mt-unsafe)
    bench_require(load.app_id != NULL && secret != NULL &&
                      phi_hex_decode(phi_view_text(secret), scalar, sizeof(scalar)) == PHI_OK &&
                      phi_sm2_private_new(scalar, &load.key) == PHI_OK,
                  "BENCH_APP, BENCH_SECRET");
    bench_require(phi_random_bytes(random, sizeof(random)) == PHI_OK, "random bytes");
    phi_hex_encode(phi_view_of(random, sizeof(random)), load.run);
}

static int write_get(char *out, size_t size, const struct request *request)
{
    struct phi_authorization_made made;
    bench_require(phi_authorization_make(load.key, load.app_id, "GET", request->path,
                                         phi_view_of(NULL, 0), phi_clock_now_us(NULL),
                                         &made) == PHI_OK,
                  "signing a request");
    return snprintf(out, size,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s\r\n"
                    "Phi-Identity: %s\r\n\r\n",
                    request->path, made.header, request->token);
}

static int write_request(char *out, size_t size, const struct request *request)
{
    if (strcmp(request->members, "-") == 0)
        return write_get(out, size, request);
    char body[REQUEST_MAX / 2], now[PHI_RFC3339_MAX];
    struct phi_authorization_made made;
    int64_t now_us = phi_clock_now_us(NULL);
    phi_rfc3339_format(now_us, now);
    int len = snprintf(body, sizeof(body),
                       "{\"customNumber\":\"c-1\",\"appName\":\"bench\",\"bizSerialNum\":"
                       "\"load-%s%08zx\",\"timeStamp\":\"%s\",%s}",
                       load.run, load.sent, now, request->members);
    bench_require(len > 0 && (size_t)len < sizeof(body), "room for a body");
    bench_require(phi_authorization_make(load.key, load.app_id, "POST", request->path,
                                         phi_view_of(body, (size_t)len), now_us, &made) == PHI_OK,
                  "signing a request");
    return snprintf(out, size,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    "Content-Type: application/json\r\nContent-Length: %d\r\n"
                    "Authorization: %s\r\nPhi-Identity: %s\r\n\r\n%s",
                    request->path, len, made.header, request->token, body);
}

static void send_next(struct connection *c)
{
    char text[REQUEST_MAX];
    int len = write_request(text, sizeof(text), &load.requests[load.sent % load.request_count]);
    bench_require(len > 0 && (size_t)len < sizeof(text), "room for a request");
    bench_require(send(c->socket, text, (size_t)len, MSG_NOSIGNAL) == len, "sending");
    c->len = 0;
    c->is_asked = true;
    c->asked = load.sent++;
}

static bool is_whole(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    return end != NULL && length != NULL &&
           c->len >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static int64_t due_us(size_t which)
{
    return load.start_us + (int64_t)((double)which * load.every_us);
}

static void connect_one(struct connection *c)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(load.port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_require(connect(c->socket, (const struct sockaddr *)&to, sizeof(to)) == 0, "connecting");
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    bench_require(epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->socket, &event) == 0, "epoll");
}

static void open_connections(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        connect_one(&load.connections[i]);
        load.idle[load.idle_count++] = &load.connections[i];
    }
}

static void receive(struct connection *c)
{
    ssize_t got = recv(c->socket, c->answer + c->len, ANSWER_MAX - 1 - c->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 && !c->is_asked) { /* it had rested too long for the server */
        close(c->socket);
        connect_one(c);
        return;
    }
    bench_require(got > 0 && c->len + (size_t)got < ANSWER_MAX - 1, "an answer");
    c->len += (size_t)got;
    c->answer[c->len] = '\0';
    if (!is_whole(c))
        return;
    bool is_good = strstr(c->answer, "\"resultCode\":\"0000\"") != NULL;
    if (!is_good && load.failed++ == 0)
        fprintf(stderr, "bench_http_load: %.600s\n", c->answer);
    load.latency_us[c->asked] = phi_monotonic_us() - due_us(c->asked);
    load.done_us[c->asked] = is_good ? phi_clock_now_us(NULL) : 0;
    load.done++;
    c->is_asked = false;
    load.idle[load.idle_count++] = c;
}

static void run(void)
{
    struct epoll_event events[64];
    load.start_us = phi_monotonic_us();
    while (load.done < load.count) {
        int64_t now_us = phi_monotonic_us();
        while (load.sent < load.count && load.idle_count > 0 && due_us(load.sent) <= now_us)
            send_next(load.idle[--load.idle_count]);
        int64_t wait_us = load.sent < load.count ? due_us(load.sent) - now_us : 100000;
        int count = epoll_wait(load.epoll, events, 64,
                               load.idle_count == 0 || wait_us > 100000 ? 100
                               : wait_us > 1000                         ? (int)(wait_us / 1000)
                                                                        : 0);
        for (int i = 0; i < count; i++)
            receive(events[i].data.ptr);
        bench_require(now_us - load.start_us < LATE_US + due_us(load.count) - load.start_us,
                      "answers in time");
    }
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void write_times(const char *path)
{
    FILE *file = fopen(path, "w");
    bench_require(file != NULL, path);
    for (size_t i = 0; i < load.count; i++)
        fprintf(file, "%lld\n", (long long)load.done_us[i]);
    bench_require(fclose(file) == 0, path);
}

int main(int argc, char **argv)
{
    bench_require(argc == 5 || argc == 6, "PORT RATE CONNECTIONS COUNT [FILE]");
    size_t connections = strtoul(argv[3], NULL, 10);
    load.port = (uint16_t)atol(argv[1]);
    load.every_us = 1e6 / strtod(argv[2], NULL);
    load.count = strtoul(argv[4], NULL, 10);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.latency_us = calloc(load.count + 1, sizeof(int64_t));
    load.done_us = calloc(load.count + 1, sizeof(int64_t));
    bench_require(load.epoll >= 0 && load.count > 0 && load.latency_us != NULL &&
                      load.done_us != NULL && connections > 0 && connections <= CONNECTIONS_MAX,
                  "CONNECTIONS, COUNT");
    prepare();
    read_requests();
    open_connections(connections);
    run();
    double wall_s = (double)(phi_monotonic_us() - load.start_us) / 1e6;
    if (argc == 6)
        write_times(argv[5]);
    qsort(load.latency_us, load.count, sizeof(int64_t), compare_times);
    printf("{\"done\": %zu, \"failed\": %zu, \"wall_s\": %.6f, \"p50_us\": %lld, \"p99_us\": %lld, "
           "\"max_us\": %lld}\n",
           load.done, load.failed, wall_s, (long long)load.latency_us[load.count / 2],
           (long long)load.latency_us[load.count * 99 / 100],
           (long long)load.latency_us[load.count - 1]);
    return load.failed > 0;
}
