/* A caller of POST /v1/codes: many connections, on each a signed request at a time, the next one as
 * soon as the answer is there.
 *
 *   bench_mint_load PORT PID MS CONNECTIONS  → {"done", "wall_s", "cpu_s", "failed"}
 *
 * cpu_s is the processor time of PID. In the environment: BENCH_APP (its id), BENCH_SECRET (its SM2
 * scalar, hex), BENCH_TOKEN (an id token), BENCH_APPLICATIONS ("id:challenge id:challenge …").
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

#define CONNECTIONS_MAX  4096
#define APPLICATIONS_MAX 1024
#define ANSWER_MAX       8192
#define REQUEST_MAX      8192
#define LATE_MS          10000

struct connection {
    int socket;
    size_t len;
    char answer[ANSWER_MAX];
};

struct application {
    char id[33];
    char challenge[33];
};

struct load {
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    struct application applications[APPLICATIONS_MAX];
    size_t application_count;
    const char *app_id;
    const char *token;
    struct phi_sm2_private *key;
    char run[17]; /* makes the request numbers new */
    int epoll;
    uint64_t sent;
    uint64_t done;
    uint64_t failed;
};

static struct load load;

static const char *need(const char *name)
{
    const char *value = getenv(name); // NOLINT(concurrency-mt-unsafe)
    if (value == NULL) {
        fprintf(stderr, "bench_mint_load: %s is not set\n", name);
        exit(2);
    }
    return value;
}

static void read_applications(const char *text)
{
    int used = 0;
    while (load.application_count < APPLICATIONS_MAX) {
        struct application *a = &load.applications[load.application_count];
        if (sscanf(text, " %32[0-9a-f]:%32[0-9a-f]%n", a->id, a->challenge, &used) != 2)
            break;
        text += used;
        load.application_count++;
    }
    bench_require(load.application_count > 0, "BENCH_APPLICATIONS");
}

static void prepare(void)
{
    uint8_t scalar[PHI_SM2_SCALAR_LEN], random[8];
    load.app_id = need("BENCH_APP");
    load.token = need("BENCH_TOKEN");
    read_applications(need("BENCH_APPLICATIONS"));
    bench_require(phi_hex_decode(phi_view_text(need("BENCH_SECRET")), scalar, sizeof(scalar)) ==
                          PHI_OK &&
                      phi_sm2_private_new(scalar, &load.key) == PHI_OK,
                  "BENCH_SECRET");
    bench_require(phi_random_bytes(random, sizeof(random)) == PHI_OK, "random bytes");
    phi_hex_encode(phi_view_of(random, sizeof(random)), load.run);
}

/* --- requests --- */

static size_t write_body(char *out, size_t size, int64_t now_us)
{
    char now[PHI_RFC3339_MAX];
    const struct application *a = &load.applications[load.sent % load.application_count];
    phi_rfc3339_format(now_us, now);
    int len = snprintf(out, size,
                       "{\"customNumber\":\"c-1\",\"appName\":\"bench\",\"bizSerialNum\":"
                       "\"mint-%s%016llx\",\"timeStamp\":\"%s\",\"applicationId\":\"%s\","
                       "\"challenge\":\"%s\"}",
                       load.run, (unsigned long long)load.sent, now, a->id, a->challenge);
    bench_require(len > 0 && (size_t)len < size, "room for a body");
    return (size_t)len;
}

static void send_request(struct connection *c)
{
    char body[1024], request[REQUEST_MAX];
    struct phi_authorization_made made;
    int64_t now_us = phi_clock_now_us(NULL);
    size_t body_len = write_body(body, sizeof(body), now_us);
    bench_require(phi_authorization_make(load.key, load.app_id, "POST", "/v1/codes",
                                         phi_view_of(body, body_len), now_us, &made) == PHI_OK,
                  "signing a request");
    int len = snprintf(request, sizeof(request),
                       "POST /v1/codes HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                       "Authorization: %s\r\nPhi-Identity: %s\r\n\r\n%s",
                       body_len, made.header, load.token, body);
    bench_require(len > 0 && (size_t)len < sizeof(request), "room for a request");
    /* One request at a time is far below what a socket's buffer takes. */
    bench_require(send(c->socket, request, (size_t)len, MSG_NOSIGNAL) == len, "sending");
    c->len = 0;
    load.sent++;
}

/* --- answers --- */

/* Whether the answer is whole. */
static bool is_whole(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end == NULL ? NULL : strcasestr(c->answer, "\r\nContent-Length:");
    if (end == NULL)
        return false;
    bench_require(length != NULL && length < end, "an answer without its length");
    return c->len >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static void count_answer(const struct connection *c)
{
    bool is_good = strncmp(c->answer, "HTTP/1.1 200", 12) == 0 &&
                   strstr(c->answer, "\"resultCode\":\"0000\"") != NULL;
    load.done++;
    if (is_good)
        return;
    if (load.failed++ == 0)
        fprintf(stderr, "bench_mint_load: %.*s\n", 300, c->answer);
}

static bool receive(struct connection *c)
{
    ssize_t got = recv(c->socket, c->answer + c->len, ANSWER_MAX - 1 - c->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    bench_require(got > 0, "the connection was closed");
    c->len += (size_t)got;
    c->answer[c->len] = '\0';
    bench_require(c->len < ANSWER_MAX - 1, "room for an answer");
    if (!is_whole(c))
        return false;
    count_answer(c);
    return true;
}

static void open_connections(uint16_t port, size_t count)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    bench_require(load.epoll >= 0, "epoll");
    for (size_t i = 0; i < count; i++) {
        struct connection *c = &load.connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bench_require(connect(c->socket, (const struct sockaddr *)&to, sizeof(to)) == 0,
                      "connecting");
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        bench_require(epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->socket, &event) == 0, "epoll");
    }
    load.connection_count = count;
}

/* Answers what comes until then with the next requests; at last only takes what is on its way. */
static void run_until(int64_t until_us, bool is_last)
{
    struct epoll_event events[256];
    while (is_last ? load.done < load.sent : phi_monotonic_us() < until_us) {
        int count = epoll_wait(load.epoll, events, 256, 100);
        bench_require(!is_last || phi_monotonic_us() < until_us, "an answer came too late");
        for (int i = 0; i < count; i++)
            if (receive(events[i].data.ptr) && !is_last)
                send_request(events[i].data.ptr);
    }
}

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    bench_require(clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0,
                  "the service's clock");
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    bench_require(argc == 5, "PORT PID MS CONNECTIONS");
    pid_t pid = (pid_t)atol(argv[2]);
    int64_t ms = atol(argv[3]);
    size_t connections = strtoul(argv[4], NULL, 10);
    bench_require(connections > 0 && connections <= CONNECTIONS_MAX, "CONNECTIONS");
    prepare();
    open_connections((uint16_t)atol(argv[1]), connections);
    for (size_t i = 0; i < connections; i++)
        send_request(&load.connections[i]);
    run_until(phi_monotonic_us() + ms * 200, false); /* a fifth to warm up */
    uint64_t before = load.done;
    double cpu = cpu_of(pid);
    int64_t start_us = phi_monotonic_us();
    run_until(start_us + ms * 1000, false);
    double wall = (double)(phi_monotonic_us() - start_us) / 1e6;
    uint64_t done = load.done - before;
    cpu = cpu_of(pid) - cpu;
    run_until(phi_monotonic_us() + LATE_MS * 1000, true);
    printf("{\"done\": %llu, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"failed\": %llu}\n",
           (unsigned long long)done, wall, cpu, (unsigned long long)load.failed);
    for (size_t i = 0; i < connections; i++)
        close(load.connections[i].socket);
    phi_sm2_private_free(load.key);
    return 0;
}
