/* What the files of this room share; nobody else includes it.
 *
 * Threads: I/O threads (io.c), each with a daemon of the library, run intake.c, body.c, dispatch.c
 * and the callbacks of connections.c; workers run handlers; the timer runs timer.c; answers come
 * from anywhere. Locks: a request's lock may be held while the library's own are taken (suspend,
 * resume); the server's lock is the innermost and never held while calling out. Lives: a request is
 * held by its connection until the library says it is completed, and by its handler until the
 * answer; the server is held by its opener and by each request.
 */
#ifndef PHI_HTTP_INTERNAL_H
#define PHI_HTTP_INTERNAL_H

#include "base/metrics.h"
#include "base/queue.h"
#include "http/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* A connection waits for its client (idle, or with a half-sent request), for its handler, or for
 * its client to take the answer. */
enum phi_http_phase { PHI_HTTP_WAITING, PHI_HTTP_HANDLING, PHI_HTTP_SENDING, PHI_HTTP_CLOSING };

struct phi_http_conn {
    struct phi_http_conn *previous;
    struct phi_http_conn *next;
    int fd;
    enum phi_http_phase phase;
    int64_t deadline_us;
    struct phi_http_request *request; /* borrowed: between request line and completion */
};

struct phi_http_conns {
    struct phi_http_conn *first;
    struct phi_http_conn *last;
    size_t count;
};

struct phi_http_pair {
    const char *name;
    const char *value;
};

/* ANSWERED: the response is set, by the handler or in its place. */
enum phi_http_state { PHI_HTTP_INTAKE, PHI_HTTP_HANDED, PHI_HTTP_ANSWERED };

struct phi_http_request {
    struct phi_http_server *server;
    struct phi_http_io *io; /* the thread of its connection */
    _Atomic int holders;
    struct MHD_Connection *connection;

    pthread_mutex_t lock; /* guards the next four */
    enum phi_http_state state;
    bool is_suspended;
    int status;
    struct MHD_Response *response;

    bool has_begun;         /* the headers were looked at */
    struct phi_error error; /* of the intake; code PHI_OK for none */
    char allow[64];         /* with PHI_ERR_METHOD */
    char method[16];
    char request_id[PHI_HTTP_REQUEST_ID_MAX + 1];
    int64_t started_us;
    struct phi_deadline deadline;
    const struct phi_http_route *route;
    void (*rest)(struct phi_http_request *request, void *context); /* handed on for it, or NULL */
    void *rest_context;
    struct phi_arena *arena; /* NULL as long as no route was found */
    const char *path;
    struct phi_http_pair *headers;
    size_t header_count;
    struct phi_http_pair queries[PHI_HTTP_QUERIES_MAX];
    size_t query_count;
    struct phi_http_pair params[PHI_HTTP_PARAMS_MAX];
    size_t param_count;
    uint8_t *body;
    size_t body_len;
    size_t body_size;
    uint64_t body_declared; /* Content-Length; 0 for none, UINT64_MAX past any bound */
    size_t discarded;
    char target[]; /* empty when over its bound */
};

#define PHI_HTTP_STATUS_SLOTS 18

/* One more than routes: the last is for requests without a route. */
struct phi_http_meter {
    struct phi_histogram *seconds;
    _Atomic(struct phi_counter *) by_status[PHI_HTTP_STATUS_SLOTS];
};

struct phi_http_io {
    struct phi_http_server *server;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    bool has_thread;
    bool is_quiesced;
    int wake_fd;
    _Atomic bool is_woken; /* written to, and not looked at since */
};

struct phi_http_server {
    struct phi_http_options options; /* defaults filled in */
    _Atomic int holders;
    struct phi_http_io *ios;
    size_t io_count;
    _Atomic size_t listeners; /* I/O threads that still listen; the last one closes listen_fd */
    _Atomic bool io_ends;
    int listen_fd;
    uint16_t port;
    struct phi_queue *queue;
    struct phi_queue *together; /* of requests that go together, with workers of its own, or NULL */
    _Atomic size_t started;     /* workers that know their queue */
    pthread_t *workers;
    size_t worker_count;
    pthread_t timer;
    bool has_timer;
    _Atomic size_t bodies_bytes;
    _Atomic bool is_stopping; /* answers say "Connection: close" */

    pthread_mutex_t lock;   /* guards the rest */
    pthread_cond_t changed; /* closing and a request was completed, or the timer shall end */
    bool is_closing;        /* no new request is handed to a handler */
    bool timer_ends;
    struct phi_http_conns waiting; /* PHI_HTTP_WAITING, the longest first */
    struct phi_http_conns others;
    size_t in_flight; /* HANDLING or SENDING */

    struct phi_http_meter *meters;
    struct phi_gauge *connections_gauge;
    struct phi_gauge *in_flight_gauge;
    struct phi_gauge *queue_gauge;
    struct phi_gauge *bodies_gauge;
    struct phi_counter *late_counter;    /* connections closed by a deadline */
    struct phi_counter *crowded_counter; /* connections closed past waiting_max */
};

/* server.c */
void phi_http_server_drop(struct phi_http_server *server);

/* io.c */
enum phi_err phi_http_io_start(struct phi_http_server *server) PHI_MUST_USE;
void phi_http_io_wake(struct phi_http_io *io); /* something has changed for it */
void phi_http_io_wake_all(struct phi_http_server *server);
void phi_http_io_stop(
    struct phi_http_server *server); /* joins the threads, closes all connections */

/* listen.c: a bound, listening socket */
enum phi_err phi_http_listen(const char *address, uint16_t port, int *fd, uint16_t *bound,
                             struct phi_error *error) PHI_MUST_USE;

/* connections.c: callbacks and changes of phase, all on an I/O thread */
void phi_http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code);
void phi_http_conn_begin(struct phi_http_request *request);     /* request line */
void phi_http_conn_got_head(struct phi_http_request *request);  /* headers complete */
bool phi_http_conn_hand_over(struct phi_http_request *request); /* false: the server is closing */
void phi_http_conn_send(struct phi_http_request *request);      /* answer queued */
void phi_http_conn_complete(struct phi_http_request *request);
/* under the server's lock: the library will see the end of the stream and close */
void phi_http_conn_cut(struct phi_http_server *server, struct phi_http_conn *conn);

/* timer.c */
enum phi_err phi_http_timer_start(struct phi_http_server *server) PHI_MUST_USE;
void phi_http_timer_stop(struct phi_http_server *server);
void phi_http_expire_all(struct phi_http_server *server, enum phi_err code);
bool phi_http_condition_init(pthread_cond_t *condition);
void phi_http_wait_changed(struct phi_http_server *server, int64_t until_us); /* locked */

/* intake.c: the library's callbacks */
void *phi_http_on_request_line(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result phi_http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *data_size, void **context);
void phi_http_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                           enum MHD_RequestTerminationCode code);

/* head.c: request id, headers, what is said about the body; errors go into request->error */
void phi_http_head_id(struct phi_http_request *request);
enum phi_err phi_http_head_read(struct phi_http_request *request) PHI_MUST_USE;
bool phi_http_head_expects(const struct phi_http_request *request); /* Expect: 100-continue */
void phi_http_head_declared(struct phi_http_request *request);

/* target.c */
enum phi_err phi_http_target_check(struct phi_http_request *request) PHI_MUST_USE;
enum phi_err phi_http_target_queries(struct phi_http_request *request) PHI_MUST_USE;
/* decodes %XX (and + when asked) into the arena: PHI_ERR_QUERY, PHI_ERR_MEMORY */
enum phi_err phi_http_decode(struct phi_http_request *request, struct phi_view text, bool plus,
                             const char **out) PHI_MUST_USE;

/* route.c: PHI_ERR_NO_ROUTE, PHI_ERR_METHOD (allow is filled) */
enum phi_err phi_http_route_check(const struct phi_http_route *route) PHI_MUST_USE;
enum phi_err phi_http_route_find(struct phi_http_request *request) PHI_MUST_USE;
enum phi_err phi_http_route_params(struct phi_http_request *request) PHI_MUST_USE;

/* body.c */
enum MHD_Result phi_http_body_take(struct phi_http_request *request, const char *data,
                                   size_t *size);
void phi_http_body_free(struct phi_http_request *request);
bool phi_http_body_is_hopeless(const struct phi_http_request *request); /* not worth reading */

/* dispatch.c: the request is complete */
enum MHD_Result phi_http_dispatch(struct phi_http_request *request);
enum MHD_Result phi_http_send(struct phi_http_request *request); /* the answer that is set */
enum MHD_Result phi_http_send_error(struct phi_http_request *request);

/* workers.c */
enum phi_err phi_http_workers_push(struct phi_http_request *request) PHI_MUST_USE;
enum phi_err phi_http_workers_start(struct phi_http_server *server) PHI_MUST_USE;
void phi_http_workers_stop(struct phi_http_server *server);

/* request.c */
struct phi_http_request *phi_http_request_new(struct phi_http_io *io, const char *target,
                                              struct MHD_Connection *connection);
void phi_http_request_hold(struct phi_http_request *request);
void phi_http_request_drop(struct phi_http_request *request);

/* answer.c: the first answer counts; a response is consumed either way */
bool phi_http_settle(struct phi_http_request *request, int status, struct MHD_Response *response);
struct MHD_Response *phi_http_error_response(struct phi_http_request *request, enum phi_err code,
                                             const struct phi_error *error);

/* meter.c */
enum phi_err phi_http_meters_new(struct phi_http_server *server) PHI_MUST_USE;
void phi_http_meter_answer(struct phi_http_request *request, int status);

#endif
