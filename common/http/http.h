/* HTTP/1.1 server over libmicrohttpd. I/O threads parse and buffer; a complete request goes through
 * a bounded queue to worker threads; its answer may be given from any thread, later, exactly once.
 *
 *   static void hello(struct phi_http_request *request, void *context)
 *   {
 *       phi_http_answer(request, 200, "application/json", phi_view_text("{}"), NULL, 0);
 *   }
 *   static const struct phi_http_route routes[] = {
 *       {.method = "POST", .path = "/v1/corrections/{id}/decision", .body_max_bytes = 65536,
 *        .content_type = "application/json", .handle = hello}};
 *   PHI_GUARD(phi_http_open(&(struct phi_http_options){.address = "127.0.0.1", .port = 8105,
 *       .routes = routes, .route_count = 1}, &server, error));
 *   ...
 *   phi_http_stop_accepting(server);
 *   phi_http_close(server, phi_deadline_in_ms(10000));
 *
 * A request belongs to its handler from the call of `handle` (or `handle_many`) until
 * phi_http_answer: it, its arena and its body stay valid that long, also when the client has gone
 * or the total deadline has passed and the server has answered 503 (ERR_DEADLINE) itself; the late
 * answer is then dropped. Whoever got the request must answer it once, always; the pointer is dead
 * afterwards.
 *
 * What the server answers itself, by the error renderer: 404, 405 with Allow, 413, 415, 400 for a
 * malformed target, query or header, 503 with Retry-After when the queue or the memory for bodies
 * is full, when draining, or at the deadline. Every answer carries X-Request-Id, the caller's when
 * it has 8..64 of A-Z a-z 0-9 . _ -, else a new one. HEAD is answered wherever GET is. Requests
 * that are not HTTP at all (broken framing, a head beyond the bounds below by far, or at several
 * of them at once) are refused by the library in its own words or without any.
 *
 * Half-sent requests, idle connections and unread answers are closed by deadlines of our own; past
 * `waiting_max` connections that wait for their client, the one waiting longest is closed.
 */
#ifndef PHI_HTTP_HTTP_H
#define PHI_HTTP_HTTP_H

#include "base/arena.h"
#include "base/time.h"

#define PHI_HTTP_TARGET_MAX     1024 /* bytes of path?query */
#define PHI_HTTP_HEADERS_MAX    32   /* header lines */
#define PHI_HTTP_HEAD_MAX_BYTES 4096 /* names and values together */
#define PHI_HTTP_QUERIES_MAX    32
#define PHI_HTTP_PARAMS_MAX     4
#define PHI_HTTP_REQUEST_ID_MAX 64
#define PHI_HTTP_ERROR_MAX      1024 /* bytes of an error's body */

struct phi_http_server;
struct phi_http_request;

#define PHI_HTTP_TOGETHER_MAX 64

struct phi_http_route {
    const char *method;       /* "GET", "POST", … */
    const char *path;         /* "/v1/corrections/{id}"; the first match in the table counts */
    size_t body_max_bytes;    /* 0: no body */
    const char *content_type; /* what a body must be, charset=utf-8 allowed; NULL: not looked at */
    void (*handle)(struct phi_http_request *request, void *context);
    void *context;
    /* instead of `handle`: what has arrived of the routes with this function, 1..64 at once, in the
     * order of arrival; never waited for. Each request belongs to it as one does to `handle`, its
     * context is its route's. */
    void (*handle_many)(struct phi_http_request **requests, size_t count);
    bool on_io_thread;      /* called on the I/O thread, for what never waits (/healthz) */
    size_t arena_max_bytes; /* bound of phi_http_arena; 0: 1 MiB + 4 * body_max_bytes */
};

struct phi_http_header {
    const char *name;
    const char *value;
};

/* Writes the JSON body of an error, at most `size` bytes, and returns its length. Any thread, also
 * while the handler works on the request; must not wait or allocate. */
typedef size_t phi_http_render(const struct phi_error *error, int64_t now_us, char *out,
                               size_t size, void *context);

/* Zero means the default in brackets. Everything pointed to lives as long as the server. */
struct phi_http_options {
    const char *address;    /* numeric IPv4 or IPv6 ["127.0.0.1"] */
    uint16_t port;          /* 0: the system's choice, see phi_http_port */
    size_t io_threads;      /* [2] */
    size_t workers;         /* [8] */
    size_t queue_max;       /* requests waiting for a worker [1024] */
    size_t connections_max; /* past it new ones wait unaccepted [4096] */
    size_t waiting_max; /* connections idle or with a half-sent request [3/4 of connections_max] */
    size_t bodies_max_bytes; /* of all requests together [128 MiB] */
    size_t
        discard_max_bytes; /* read past a body's bound, to keep the connection usable [128 KiB] */
    int64_t header_deadline_ms; /* from the connection's start to the end of the first headers
                                   [10,000] */
    int64_t idle_deadline_ms;   /* from one answer to the end of the next headers [75,000] */
    int64_t
        total_deadline_ms; /* from the request line to the answer; again for sending it [10,000] */
    int retry_after_s;     /* with 503 and 429 [1] */
    const struct phi_clock *clock; /* for timeStamp; NULL: the system's */
    const struct phi_http_route *routes;
    size_t route_count;
    phi_http_render *render_error; /* [phi_http_error_default] */
    void *render_context;
};

/* Binds, listens and starts the threads (with all signals blocked in them). Blocks shortly.
 * PHI_ERR_CONFIG with place "address", "port" or a route's path, PHI_ERR_IO when the port can't be
 * had, PHI_ERR_MEMORY. */
enum phi_err phi_http_open(const struct phi_http_options *options, struct phi_http_server **out,
                           struct phi_error *error) PHI_MUST_USE;
uint16_t phi_http_port(const struct phi_http_server *server); /* the bound one */

/* No new connections; answers say "Connection: close". Twice is fine. Any thread, doesn't block. */
void phi_http_stop_accepting(struct phi_http_server *server);

/* Stops accepting, refuses new requests with 503 (ERR_DRAINING), waits for those under way until
 * `until`, answers the rest 503, closes all connections, ends the threads. Waits also for handlers
 * that are running on worker threads, whatever the deadline: handlers must have deadlines of their
 * own. Requests handed on to other threads may still be answered afterwards. NULL is fine. One
 * thread. */
void phi_http_close(struct phi_http_server *server, struct phi_deadline until);

/* Gives a request that a worker holds back to the queue, at its end: `rest` is called with it by
 * the next worker that is free, instead of the route's handler. For a part that takes long and
 * would keep others of the same `handle_many` waiting. False when there is no room: then it is
 * still the caller's. */
bool phi_http_hand_on(struct phi_http_request *request,
                      void (*rest)(struct phi_http_request *request, void *context),
                      void *context) PHI_MUST_USE;

/* Ends the request: copies everything, drops the caller's hold on `request`. Adds X-Request-Id, and
 * Retry-After to 503 and 429 unless given. `content_type` may be NULL with an empty body. Any
 * thread, doesn't block. A header that can't stand in HTTP makes the answer a 500. */
void phi_http_answer(struct phi_http_request *request, int status, const char *content_type,
                     struct phi_view body, const struct phi_http_header *headers, size_t count);

/* The same with the error's status and the body of the server's renderer; `error` may be NULL, its
 * code is overridden by `code`. PHI_OK is not an error. */
void phi_http_answer_error(struct phi_http_request *request, enum phi_err code,
                           const struct phi_error *error);

/* {"resultCode":…,"resultDesc":…,"resultDescEn":…,"timeStamp":…,"data":{"field":…,"reason":…}};
 * data is null without place and text. */
phi_http_render phi_http_error_default;
/* The same with bizSerialNum (NULL: left out), for those who know it; 0 when `size` is too small,
 * which PHI_HTTP_ERROR_MAX never is for a serial of up to 64 bytes. Pure. */
size_t phi_http_error_body(const struct phi_error *error, const char *biz_serial, int64_t now_us,
                           char *out, size_t size);

/* What was asked; all borrowed from the request. The holder's thread. */
const char *phi_http_method(const struct phi_http_request *request); /* "HEAD" stays "HEAD" */
const char *
phi_http_target(const struct phi_http_request *request);           /* path?query exactly as sent */
const char *phi_http_path(const struct phi_http_request *request); /* as sent, without the query */
const struct phi_http_route *phi_http_route_of(const struct phi_http_request *request);
/* The header's value, any case of the name; NULL when absent. Authorization, Content-Type, Host,
 * X-Request-Id, traceparent and Phi-* come at most once (else 400). */
const char *phi_http_header(const struct phi_http_request *request, const char *name);
/* Decoded (%XX, + is a space), UTF-8 without U+0000; each name at most once (else 400); NULL when
 * absent. */
const char *phi_http_query(const struct phi_http_request *request, const char *name);
size_t phi_http_query_count(const struct phi_http_request *request);
const char *phi_http_query_name(const struct phi_http_request *request, size_t i);
const char *phi_http_param(const struct phi_http_request *request,
                           const char *name); /* {id}, decoded */
struct phi_view phi_http_body(const struct phi_http_request *request);
const char *phi_http_request_id(const struct phi_http_request *request);
struct phi_arena *phi_http_arena(struct phi_http_request *request);
struct phi_deadline phi_http_deadline(const struct phi_http_request *request);

#endif
