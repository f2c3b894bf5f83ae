/* A caller of POST /v1/codes: many connections, on each a signed request at a time.
 *
 *   bench_mint_load PORT PID MS CONNECTIONS  → {"done", "wall_s", "cpu_s", "failed"}
 *       the next request as soon as the answer is there; cpu_s is the processor time of PID
 *   bench_mint_load soak PORT CONNECTIONS OUTSTANDING REQUESTS [GET-PATH]
 *       a line {"sent", "done", "failed", "refused", "reopened"} a second, until so many are
 *       answered or stdin ends; so many outstanding, each on the connection that rested longest.
 *       Lines on stdin, at any time: "token PERSON TOKEN", "application PERSON ID:CHALLENGE",
 *       "code PLACE PERSON TEXT" (then codes are verified). With a path: unsigned GETs of it, and
 *       nothing is read.
 *
 * In the environment: BENCH_APP (its id), BENCH_SECRET (its SM2 scalar, hex); for the first form
 * also BENCH_TOKEN (an id token), BENCH_APPLICATIONS ("id:challenge id:challenge …").
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

#define CONNECTIONS_MAX  16384
#define APPLICATIONS_MAX 16384
#define PERSONS_MAX      1024
#define TOKEN_MAX        4096
#define CODE_MAX         300
#define FEED_MAX         65536
#define ANSWER_MAX       4096
#define REQUEST_MAX      8192
#define LATE_MS          10000

struct connection {
    struct connection *next; /* of those that rest */
    int socket;              /* 0: not open */
    bool is_asked;           /* an answer is to come */
    size_t len;
    char answer[ANSWER_MAX];
};

struct application {
    size_t person;
    char code[CODE_MAX + 1]; /* empty: an application; else one to be verified */
    char id[33];
    char challenge[33];
};

struct load {
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    struct application applications[APPLICATIONS_MAX];
    size_t application_count;
    char tokens[PERSONS_MAX][TOKEN_MAX];
    const char *app_id;
    const char *get_path; /* NULL: codes */
    struct phi_sm2_private *key;
    char run[17]; /* makes the request numbers new */
    int epoll;
    uint64_t sent;
    uint64_t done;
    uint64_t failed;
    uint64_t refused;
    uint64_t reopened;
    uint16_t port;
    struct connection *rested;
    struct connection *rested_last;
    char feed[FEED_MAX];
    size_t feed_len;
    bool feed_ended;
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

static void read_one_person(void)
{
    snprintf(load.tokens[0], TOKEN_MAX, "%s", need("BENCH_TOKEN"));
    read_applications(need("BENCH_APPLICATIONS"));
}

static void prepare(void)
{
    uint8_t scalar[PHI_SM2_SCALAR_LEN], random[8];
    load.app_id = need("BENCH_APP");
    bench_require(phi_hex_decode(phi_view_text(need("BENCH_SECRET")), scalar, sizeof(scalar)) ==
                          PHI_OK &&
                      phi_sm2_private_new(scalar, &load.key) == PHI_OK,
                  "BENCH_SECRET");
    bench_require(phi_random_bytes(random, sizeof(random)) == PHI_OK, "random bytes");
    phi_hex_encode(phi_view_of(random, sizeof(random)), load.run);
}

/* --- requests --- */

/* Of a mint, or of a verification where the application is a code. */
static size_t write_body(char *out, size_t size, int64_t now_us, const struct application *a)
{
    char now[PHI_RFC3339_MAX], rest[512];
    phi_rfc3339_format(now_us, now);
    if (a->code[0] != '\0')
        snprintf(rest, sizeof(rest), "\"operation\":\"verify\",\"scope\":\"pass\",\"code\":\"%s\"",
                 a->code);
    else
        snprintf(rest, sizeof(rest), "\"applicationId\":\"%s\",\"challenge\":\"%s\"", a->id,
                 a->challenge);
    int len = snprintf(out, size,
                       "{\"customNumber\":\"c-1\",\"appName\":\"bench\",\"bizSerialNum\":"
                       "\"mint-%s%016llx\",\"timeStamp\":\"%s\",%s}",
                       load.run, (unsigned long long)load.sent, now, rest);
    bench_require(len > 0 && (size_t)len < size, "room for a body");
    return (size_t)len;
}

static int write_request(char *request, size_t size)
{
    char body[1024];
    struct phi_authorization_made made;
    int64_t now_us = phi_clock_now_us(NULL);
    const struct application *a = &load.applications[load.sent % load.application_count];
    const char *path = a->code[0] != '\0' ? "/v1/codes/verify" : "/v1/codes";
    size_t body_len = write_body(body, sizeof(body), now_us, a);
    bench_require(phi_authorization_make(load.key, load.app_id, "POST", path,
                                         phi_view_of(body, body_len), now_us, &made) == PHI_OK,
                  "signing a request");
    return snprintf(request, size,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                    "Authorization: %s\r\nPhi-Identity: %s\r\n\r\n%s",
                    path, body_len, made.header, load.tokens[a->person], body);
}

static void send_request(struct connection *c)
{
    char request[REQUEST_MAX];
    int len = load.get_path == NULL
                  ? write_request(request, sizeof(request))
                  : snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                             load.get_path);
    bench_require(len > 0 && (size_t)len < sizeof(request), "room for a request");
    /* One request at a time is far below what a socket's buffer takes. */
    ssize_t sent = send(c->socket, request, (size_t)len, MSG_NOSIGNAL);
    /* Of one that the server has closed meanwhile the end is read next. */
    bench_require(sent == len || errno == EPIPE || errno == ECONNRESET, "sending");
    c->len = 0;
    c->is_asked = true;
    load.sent++;
}

/* --- answers --- */

/* Whether the answer is whole. */
static bool is_whole(const struct connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    bench_require(length != NULL && length < end, "an answer without its length");
    if (length == NULL)
        return false;
    return c->len >= (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
}

static void count_answer(const struct connection *c)
{
    bool is_good = strncmp(c->answer, "HTTP/1.1 200", 12) == 0 &&
                   (load.get_path != NULL || strstr(c->answer, "\"resultCode\":\"0000\"") != NULL);
    load.done++;
    if (is_good)
        return;
    if (strncmp(c->answer, "HTTP/1.1 503", 12) == 0) {
        load.refused++;
        return;
    }
    if (load.failed++ == 0)
        fprintf(stderr, "bench_mint_load: %.*s\n", 300, c->answer);
}

/* A connection that the server closed is another one when its turn comes; the request that was
 * under way, if any, is lost. */
static bool reopen(struct connection *c)
{
    bool was_asked = c->is_asked;
    close(c->socket);
    c->socket = 0;
    c->is_asked = false;
    load.reopened++;
    load.done += was_asked;
    return was_asked;
}

static bool receive(struct connection *c)
{
    ssize_t got = recv(c->socket, c->answer + c->len, ANSWER_MAX - 1 - c->len, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0)
        return reopen(c);
    c->len += (size_t)got;
    c->answer[c->len] = '\0';
    bench_require(c->len < ANSWER_MAX - 1, "room for an answer");
    if (!is_whole(c))
        return false;
    c->is_asked = false;
    count_answer(c);
    return true;
}

static void open_connection(struct connection *c)
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
    for (size_t i = 0; i < count; i++)
        open_connection(&load.connections[i]);
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

static void tell(double wall, double cpu, uint64_t done)
{
    uint64_t failed = load.failed + load.refused + load.reopened;
    printf("{\"done\": %llu, \"wall_s\": %.6f, \"cpu_s\": %.6f, \"failed\": %llu}\n",
           (unsigned long long)done, wall, cpu, (unsigned long long)failed);
}

static void run_rate(pid_t pid, int64_t ms, size_t connections)
{
    read_one_person();
    open_connections(connections);
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
    tell(wall, cpu, done);
}

/* --- soak --- */

static void read_line(char *line)
{
    size_t person = 0, place = 0;
    int used = 0;
    struct application a = {.person = 0};
    if (sscanf(line, "token %zu %n", &person, &used) == 1 && used > 0 && person < PERSONS_MAX) {
        snprintf(load.tokens[person], TOKEN_MAX, "%s", line + used);
        return;
    }
    if (sscanf(line, "code %zu %zu %300[A-Z2-7]", &place, &a.person, a.code) == 3) {
        bench_require(place < APPLICATIONS_MAX && a.person < PERSONS_MAX, "a code on stdin");
        load.applications[place] = a;
        if (place >= load.application_count)
            load.application_count = place + 1;
        return;
    }
    bench_require(sscanf(line, "application %zu %32[0-9a-f]:%32[0-9a-f]", &a.person, a.id,
                         a.challenge) == 3 &&
                      a.person < PERSONS_MAX && load.application_count < APPLICATIONS_MAX,
                  "a line on stdin");
    load.applications[load.application_count++] = a;
}

static void read_feed(void)
{
    ssize_t got = read(STDIN_FILENO, load.feed + load.feed_len, FEED_MAX - 1 - load.feed_len);
    load.feed_ended = got <= 0;
    load.feed_len += got > 0 ? (size_t)got : 0;
    load.feed[load.feed_len] = '\0';
    char *at = load.feed;
    for (char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        *end = '\0';
        read_line(at);
        at = end + 1;
    }
    load.feed_len -= (size_t)(at - load.feed);
    memmove(load.feed, at, load.feed_len + 1);
}

static void rest(struct connection *c)
{
    c->next = NULL;
    if (load.rested == NULL)
        load.rested = c;
    else
        load.rested_last->next = c;
    load.rested_last = c;
}

/* The one that has rested longest is the next. */
static void ask_next(void)
{
    struct connection *c = load.rested;
    bool is_ready = load.get_path != NULL || load.application_count > 0;
    if (c == NULL || !is_ready)
        return;
    load.rested = c->next;
    if (c->socket == 0)
        open_connection(c);
    send_request(c);
}

static void take_events(void)
{
    struct epoll_event events[256];
    int count = epoll_wait(load.epoll, events, 256, 100);
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c == NULL)
            read_feed();
        else if (receive(c))
            rest(c);
    }
}

static void progress(void)
{
    printf("{\"sent\": %llu, \"done\": %llu, \"failed\": %llu, \"refused\": %llu, "
           "\"reopened\": %llu}\n",
           (unsigned long long)load.sent, (unsigned long long)load.done,
           (unsigned long long)load.failed, (unsigned long long)load.refused,
           (unsigned long long)load.reopened);
    fflush(stdout);
}

static void run_soak(size_t connections, uint64_t outstanding, uint64_t requests)
{
    struct epoll_event feed = {.events = EPOLLIN, .data.ptr = NULL};
    if (load.get_path == NULL)
        bench_require(epoll_ctl(load.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &feed) == 0, "stdin");
    for (size_t i = 0; i < connections; i++)
        rest(&load.connections[i]);
    int64_t next_us = phi_monotonic_us();
    while (load.done < requests && !load.feed_ended) {
        for (uint64_t sent = UINT64_MAX;
             load.sent - load.done < outstanding && load.sent != sent;) {
            sent = load.sent;
            ask_next();
        }
        take_events();
        if (phi_monotonic_us() < next_us)
            continue;
        next_us += 1000000;
        progress();
    }
    progress();
}

int main(int argc, char **argv)
{
    bool is_soak = argc >= 6 && strcmp(argv[1], "soak") == 0;
    bench_require(is_soak || argc == 5,
                  "PORT PID MS CONNECTIONS, or soak PORT CONNECTIONS OUTSTANDING REQUESTS");
    load.port = (uint16_t)atol(argv[is_soak ? 2 : 1]);
    load.get_path = is_soak && argc > 6 ? argv[6] : NULL;
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t connections = strtoul(argv[is_soak ? 3 : 4], NULL, 10);
    bench_require(load.epoll >= 0 && connections > 0 && connections <= CONNECTIONS_MAX,
                  "CONNECTIONS");
    if (load.get_path == NULL)
        prepare();
    if (is_soak)
        run_soak(connections, strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
    else
        run_rate((pid_t)atol(argv[2]), atol(argv[3]), connections);
    for (size_t i = 0; i < connections; i++)
        if (load.connections[i].socket > 0)
            close(load.connections[i].socket);
    phi_sm2_private_free(load.key);
    return 0;
}
