#include "http/internal.h"

#include <stdlib.h>
#include <sys/socket.h>

static void append(struct phi_http_conns *list, struct phi_http_conn *conn)
{
    conn->previous = list->last;
    conn->next = NULL;
    if (list->last != NULL)
        list->last->next = conn;
    else
        list->first = conn;
    list->last = conn;
    list->count++;
}

static void take_out(struct phi_http_conns *list, struct phi_http_conn *conn)
{
    if (conn->previous != NULL)
        conn->previous->next = conn->next;
    else
        list->first = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    else
        list->last = conn->previous;
    list->count--;
}

static struct phi_http_conns *list_of(struct phi_http_server *server, enum phi_http_phase phase)
{
    return phase == PHI_HTTP_WAITING ? &server->waiting : &server->others;
}

static bool is_in_flight(enum phi_http_phase phase)
{
    return phase == PHI_HTTP_HANDLING || phase == PHI_HTTP_SENDING;
}

static void count_in_flight(struct phi_http_server *server, bool before, bool after)
{
    if (before == after)
        return;
    server->in_flight = after ? server->in_flight + 1 : server->in_flight - 1;
    phi_gauge_set(server->in_flight_gauge, (int64_t)server->in_flight);
    if (server->is_closing)
        pthread_cond_broadcast(&server->changed);
}

/* Always to the end of its list: `waiting` stays in order of how long each has waited. */
static void enter(struct phi_http_server *server, struct phi_http_conn *conn,
                  enum phi_http_phase phase)
{
    take_out(list_of(server, conn->phase), conn);
    count_in_flight(server, is_in_flight(conn->phase), is_in_flight(phase));
    conn->phase = phase;
    append(list_of(server, phase), conn);
}

/* The descriptor is the library's; it tells us before closing it, and takes our lock for that. */
void phi_http_conn_cut(struct phi_http_server *server, struct phi_http_conn *conn)
{
    shutdown(conn->fd, SHUT_RDWR);
    enter(server, conn, PHI_HTTP_CLOSING);
    conn->deadline_us = INT64_MAX;
}

static void make_room(struct phi_http_server *server)
{
    while (server->waiting.first != NULL && server->waiting.count > server->options.waiting_max) {
        phi_counter_add(server->crowded_counter, 1);
        phi_http_conn_cut(server, server->waiting.first);
    }
}

static void show_count(struct phi_http_server *server)
{
    phi_gauge_set(server->connections_gauge,
                  (int64_t)(server->waiting.count + server->others.count));
}

static void opened(struct phi_http_server *server, struct MHD_Connection *connection,
                   void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct phi_http_conn *conn = calloc(1, sizeof(*conn));
    *context = conn;
    if (conn == NULL || info == NULL)
        return;
    conn->fd = info->connect_fd;
    conn->phase = PHI_HTTP_WAITING;
    conn->deadline_us = phi_monotonic_us() + server->options.header_deadline_ms * 1000;
    pthread_mutex_lock(&server->lock);
    append(&server->waiting, conn);
    make_room(server);
    show_count(server);
    pthread_mutex_unlock(&server->lock);
}

static void closed(struct phi_http_server *server, struct phi_http_conn *conn)
{
    pthread_mutex_lock(&server->lock);
    count_in_flight(server, is_in_flight(conn->phase), false);
    take_out(list_of(server, conn->phase), conn);
    show_count(server);
    pthread_mutex_unlock(&server->lock);
    free(conn);
}

void phi_http_on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct phi_http_server *server = ((struct phi_http_io *)cls)->server;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        opened(server, connection, socket_context);
    else if (*socket_context != NULL)
        closed(server, *socket_context);
}

static struct phi_http_conn *conn_of(struct phi_http_request *request)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

void phi_http_conn_begin(struct phi_http_request *request)
{
    struct phi_http_conn *conn = conn_of(request);
    if (conn == NULL)
        return;
    pthread_mutex_lock(&request->server->lock);
    conn->request = request;
    pthread_mutex_unlock(&request->server->lock);
}

void phi_http_conn_got_head(struct phi_http_request *request)
{
    struct phi_http_conn *conn = conn_of(request);
    if (conn == NULL)
        return;
    pthread_mutex_lock(&request->server->lock);
    if (conn->phase == PHI_HTTP_WAITING)
        conn->deadline_us = request->deadline.at_us;
    pthread_mutex_unlock(&request->server->lock);
}

/* One step under the lock: whoever closes the server sees either no handler or all of it. */
bool phi_http_conn_hand_over(struct phi_http_request *request)
{
    struct phi_http_server *server = request->server;
    struct phi_http_conn *conn = conn_of(request);
    pthread_mutex_lock(&server->lock);
    bool done = conn != NULL && conn->phase == PHI_HTTP_WAITING && !server->is_closing;
    if (done) {
        enter(server, conn, PHI_HTTP_HANDLING);
        conn->deadline_us = request->deadline.at_us;
    }
    pthread_mutex_unlock(&server->lock);
    return done;
}

void phi_http_conn_send(struct phi_http_request *request)
{
    struct phi_http_server *server = request->server;
    struct phi_http_conn *conn = conn_of(request);
    if (conn == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    if (conn->phase != PHI_HTTP_CLOSING) {
        enter(server, conn, PHI_HTTP_SENDING);
        conn->deadline_us = phi_monotonic_us() + server->options.total_deadline_ms * 1000;
    }
    pthread_mutex_unlock(&server->lock);
}

void phi_http_conn_complete(struct phi_http_request *request)
{
    struct phi_http_server *server = request->server;
    struct phi_http_conn *conn = conn_of(request);
    if (conn == NULL)
        return;
    pthread_mutex_lock(&server->lock);
    conn->request = NULL;
    if (conn->phase != PHI_HTTP_CLOSING) {
        enter(server, conn, PHI_HTTP_WAITING);
        conn->deadline_us = phi_monotonic_us() + server->options.idle_deadline_ms * 1000;
        make_room(server);
    }
    pthread_mutex_unlock(&server->lock);
}
