/* Two ways out: from memory at once (phi_relay_offer), and from the table (the relay's thread). A
 * flight is an event between its sending and the deletion of its row; its id keeps the table's
 * reader away from it. */
#include "bus/relay_internal.h"

#include "base/log.h"
#include "bus/bus_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MAX      500
#define DELETE_MAX    1000
#define TICK_MS       200
#define ACQUIRE_MS    2000
#define BATCH_WAIT_MS 60000
#define EAGER_AGE_MS  200
#define COUNT_MAX     100000
#define ROW_ARENA     (64 * 1024)
#define ROW_BYTES     4096 /* more than a row takes */
#define OFFER_MAX     64   /* events that take off under one lock */

/* --- flights; the mutex is held --- */

static struct flight **find(struct phi_relay *relay, const uint8_t id[PHI_EVENT_ID_LEN])
{
    /* The tail of a UUIDv7 is random. */
    size_t bucket = (id[14] << 8 | id[15]) % BUCKETS;
    struct flight **at = &relay->buckets[bucket];
    while (*at && memcmp((*at)->id, id, PHI_EVENT_ID_LEN) != 0)
        at = &(*at)->next;
    return at;
}

static void forget(struct phi_relay *relay, struct flight *flight)
{
    struct flight **at = find(relay, flight->id);
    if (*at)
        *at = flight->next;
    free(flight);
}

/* NULL when it flies already or there is no memory. */
static struct flight *take_off(struct phi_relay *relay, size_t way, const uint8_t *id,
                               bool from_table)
{
    struct flight **at = find(relay, id);
    struct flight *flight = *at ? NULL : calloc(1, sizeof(*flight));
    if (!flight)
        return NULL;
    flight->relay = relay;
    flight->way = way;
    flight->is_from_table = from_table;
    memcpy(flight->id, id, PHI_EVENT_ID_LEN);
    *at = flight;
    relay->flying++;
    relay->flying_table += from_table;
    return flight;
}

static void land(struct phi_relay *relay, struct flight *flight)
{
    relay->flying--;
    relay->flying_table -= flight->is_from_table;
    if (relay->flying == 0 || (flight->is_from_table && relay->flying_table == 0) ||
        relay->delivered_count >= DELETE_MAX)
        pthread_cond_broadcast(&relay->changed);
}

static void begin_backlog(struct phi_relay *relay, size_t way)
{
    if (!relay->ways[way].has_backlog)
        phi_log(PHI_LOG_INFO, "outbox_backlog_begins", PHI_L_INT("bus", way));
    relay->ways[way].has_backlog = true;
}

/* --- answers of the producer, on its thread --- */

static void relay_free(struct phi_relay *relay);

static void on_done(void *context, enum phi_err err)
{
    struct flight *flight = context;
    struct phi_relay *relay = flight->relay;
    pthread_mutex_lock(&relay->mutex);
    land(relay, flight);
    bool is_last = relay->is_orphan && relay->flying == 0;
    if (err == PHI_OK) {
        phi_counter_add(relay->published, 1);
        phi_counter_add(relay->resent, flight->is_from_table);
        flight->next_delivered = relay->delivered;
        relay->delivered = flight;
        relay->delivered_count++;
    } else {
        begin_backlog(relay, flight->way);
        relay->ways[flight->way].has_failed = true;
        forget(relay, flight);
    }
    pthread_mutex_unlock(&relay->mutex);
    if (is_last)
        relay_free(relay);
}

/* The mutex is held. */
static size_t way_of(struct phi_relay *relay, const char *topic)
{
    return relay->way_count > 1 && phi_relay_topics_match(&relay->platform_topics, topic) ? 1 : 0;
}

/* Sends what has taken off; false when it came down at once. */
static bool launch(struct phi_relay *relay, struct flight *flight, const struct phi_event *event)
{
    enum phi_err err =
        phi_producer_send_checked(relay->ways[flight->way].producer, event, on_done, flight);
    if (err == PHI_OK)
        return true;
    if (!phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "outbox_event_refused", PHI_L_WORD("topic", event->topic),
                PHI_L_ERR(err));
    pthread_mutex_lock(&relay->mutex);
    land(relay, flight);
    begin_backlog(relay, flight->way);
    relay->ways[flight->way].has_failed = true;
    forget(relay, flight);
    pthread_mutex_unlock(&relay->mutex);
    return false;
}

/* --- from memory --- */

/* NULL: the event is the table's. The mutex is held. */
static struct flight *take_in(struct phi_relay *relay, const struct phi_event *event,
                              const bool is_up[WAYS])
{
    size_t way = way_of(relay, event->topic);
    if (relay->flying + relay->delivered_count >= relay->queue_max_count || !is_up[way])
        begin_backlog(relay, way);
    if (!relay->ways[way].has_backlog && !relay->is_stopping)
        return take_off(relay, way, event->id, false);
    phi_counter_add(relay->deferred, 1);
    return NULL;
}

/* At most OFFER_MAX. */
static void offer_some(struct phi_relay *relay, const struct phi_event *const *events, size_t count)
{
    struct flight *flights[OFFER_MAX];
    bool is_up[WAYS] = {false};
    for (size_t way = 0; way < relay->way_count; way++)
        is_up[way] = phi_bus_is_up(relay->ways[way].producer);
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < count; i++)
        flights[i] = take_in(relay, events[i], is_up);
    pthread_mutex_unlock(&relay->mutex);
    for (size_t i = 0; i < count; i++) {
        if (flights[i])
            (void)launch(relay, flights[i], events[i]);
    }
}

void phi_relay_offer_all(struct phi_relay *relay, const struct phi_event *const *events,
                         size_t count)
{
    for (size_t done = 0; done < count; done += OFFER_MAX)
        offer_some(relay, events + done, count - done < OFFER_MAX ? count - done : OFFER_MAX);
}

void phi_relay_offer(struct phi_relay *relay, const struct phi_event *events, size_t count)
{
    const struct phi_event *some[OFFER_MAX];
    for (size_t done = 0; done < count;) {
        size_t step = 0;
        while (step < OFFER_MAX && done < count)
            some[step++] = &events[done++];
        offer_some(relay, some, step);
    }
}

void phi_relay_wake(struct phi_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    relay->is_woken = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->mutex);
}

bool phi_relay_has_backlog(struct phi_relay *relay)
{
    bool has_backlog = false;
    pthread_mutex_lock(&relay->mutex);
    for (size_t i = 0; i < relay->way_count; i++)
        has_backlog = has_backlog || relay->ways[i].has_backlog;
    pthread_mutex_unlock(&relay->mutex);
    return has_backlog;
}

enum phi_relay_weight phi_relay_weight(const struct phi_relay *relay)
{
    return (enum phi_relay_weight)atomic_load(&relay->weight);
}

/* --- deleting rows that the broker has --- */

static struct flight *take_delivered(struct phi_relay *relay, uint8_t (*ids)[PHI_EVENT_ID_LEN],
                                     size_t *count)
{
    struct flight *list = NULL;
    *count = 0;
    pthread_mutex_lock(&relay->mutex);
    while (relay->delivered && *count < DELETE_MAX) {
        struct flight *flight = relay->delivered;
        relay->delivered = flight->next_delivered;
        memcpy(ids[(*count)++], flight->id, PHI_EVENT_ID_LEN);
        flight->next_delivered = list;
        list = flight;
    }
    pthread_mutex_unlock(&relay->mutex);
    return list;
}

static void settle_delivered(struct phi_relay *relay, struct flight *list, bool is_deleted)
{
    pthread_mutex_lock(&relay->mutex);
    while (list) {
        struct flight *flight = list;
        list = flight->next_delivered;
        if (is_deleted) {
            relay->delivered_count--;
            forget(relay, flight);
        } else {
            flight->next_delivered = relay->delivered;
            relay->delivered = flight;
        }
    }
    pthread_mutex_unlock(&relay->mutex);
}

static enum phi_err delete_delivered(struct phi_relay *relay, struct phi_conn *conn)
{
    uint8_t(*ids)[PHI_EVENT_ID_LEN] = malloc(DELETE_MAX * sizeof(*ids));
    enum phi_err err = ids ? PHI_OK : PHI_ERR_MEMORY;
    size_t count = 0;
    while (err == PHI_OK) {
        struct flight *list = take_delivered(relay, ids, &count);
        if (!list)
            break;
        err = phi_outbox_delete(conn, (const uint8_t(*)[16])ids, count, NULL, NULL);
        settle_delivered(relay, list, err == PHI_OK);
    }
    free(ids);
    return err;
}

/* --- from the table --- */

/* 1 sent, 0 left alone (it flies already), -1 refused. */
static int send_row(struct phi_relay *relay, size_t way, const struct phi_rows *rows, size_t row)
{
    int result = -1;
    struct phi_event event;
    struct flight *flight = NULL;
    struct phi_view id = phi_rows_bytes(rows, row, PHI_OUTBOX_EVENT_ID);
    struct phi_arena *arena = phi_arena_new(ROW_ARENA);
    if (!arena || id.len != PHI_EVENT_ID_LEN)
        goto out;
    if (phi_event_from_row(rows, row, arena, &event, NULL) != PHI_OK) {
        phi_log(PHI_LOG_ERROR, "outbox_row_broken", PHI_L_INT("bus", way));
        goto out;
    }
    pthread_mutex_lock(&relay->mutex);
    flight = take_off(relay, way, event.id, true);
    pthread_mutex_unlock(&relay->mutex);
    result = !flight ? 0 : (launch(relay, flight, &event) ? 1 : -1);
out:
    phi_arena_free(arena);
    return result;
}

static void wait_table_flights(struct phi_relay *relay)
{
    struct phi_deadline deadline = phi_deadline_in_ms(BATCH_WAIT_MS);
    pthread_mutex_lock(&relay->mutex);
    while (relay->flying_table > 0 && !relay->is_stopping &&
           phi_bus_cond_wait(&relay->changed, &relay->mutex, deadline))
        ;
    pthread_mutex_unlock(&relay->mutex);
}

static enum phi_err read_rows(struct phi_relay *relay, struct phi_conn *conn, size_t way,
                              int64_t until_us, struct phi_rows **rows)
{
    if (relay->way_count == 1)
        return phi_outbox_read(conn, until_us, READ_MAX, rows, NULL);
    return phi_outbox_read_topics(conn, until_us, relay->platform_topics.pattern, way == 1,
                                  READ_MAX, rows, NULL);
}

/* One round: up to READ_MAX rows out, their rows deleted. `sent` 0: there was nothing to send. */
static enum phi_err drain_round(struct phi_relay *relay, struct phi_conn *conn, size_t way,
                                int64_t until_us, size_t *sent)
{
    struct phi_rows *rows = NULL;
    enum phi_err err = read_rows(relay, conn, way, until_us, &rows);
    *sent = 0;
    if (err != PHI_OK)
        return err;
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        *sent += send_row(relay, way, rows, i) > 0;
    phi_rows_free(rows);
    if (*sent)
        wait_table_flights(relay);
    return delete_delivered(relay, conn);
}

static bool is_stopping(struct phi_relay *relay)
{
    pthread_mutex_lock(&relay->mutex);
    bool is = relay->is_stopping;
    pthread_mutex_unlock(&relay->mutex);
    return is;
}

/* Until nothing is left, or something fails. */
static void drain_way(struct phi_relay *relay, struct phi_conn *conn, size_t way, bool is_eager)
{
    size_t sent = 1;
    bool has_failed = false;
    pthread_mutex_lock(&relay->mutex);
    struct way *at = &relay->ways[way];
    bool had_backlog = at->has_backlog;
    at->has_failed = false;
    pthread_mutex_unlock(&relay->mutex);
    if (!phi_bus_is_up(at->producer))
        return;
    int64_t age_ms = had_backlog ? 0 : (is_eager ? EAGER_AGE_MS : relay->age_ms);
    while (sent > 0 && !has_failed && !is_stopping(relay)) {
        int64_t until_us = phi_clock_now_us(NULL) - age_ms * 1000;
        if (drain_round(relay, conn, way, until_us, &sent) != PHI_OK)
            return;
        pthread_mutex_lock(&relay->mutex);
        has_failed = at->has_failed;
        if (sent == 0 && !has_failed && had_backlog) {
            at->has_backlog = false;
            phi_log(PHI_LOG_INFO, "outbox_backlog_gone", PHI_L_INT("bus", way));
        }
        pthread_mutex_unlock(&relay->mutex);
    }
}

/* Another replica of the service is the schema's relay now: a backlog of ours is gone once no row
 * is left. */
static void look_at_backlog(struct phi_relay *relay, struct phi_conn *conn, size_t way)
{
    struct phi_rows *rows = NULL;
    if (read_rows(relay, conn, way, phi_clock_now_us(NULL), &rows) != PHI_OK)
        return;
    pthread_mutex_lock(&relay->mutex);
    if (phi_rows_count(rows) == 0)
        relay->ways[way].has_backlog = false;
    pthread_mutex_unlock(&relay->mutex);
    phi_rows_free(rows);
}

static bool is_past(int64_t bound, int64_t bytes, size_t depth)
{
    int64_t rows = bound / ROW_BYTES < COUNT_MAX ? bound / ROW_BYTES : COUNT_MAX;
    return bound > 0 && bytes >= bound && (int64_t)depth >= rows;
}

static void weigh(struct phi_relay *relay, struct phi_conn *conn)
{
    size_t depth = 0;
    int64_t bytes = 0;
    if (phi_outbox_count(conn, COUNT_MAX, &depth, NULL) != PHI_OK ||
        phi_outbox_size(conn, &bytes, NULL) != PHI_OK)
        return;
    phi_gauge_set(relay->depth, (int64_t)depth);
    phi_gauge_set(relay->bytes, bytes);
    int weight = is_past(relay->max_bytes, bytes, depth)    ? PHI_RELAY_FULL
                 : is_past(relay->warn_bytes, bytes, depth) ? PHI_RELAY_HEAVY
                                                            : PHI_RELAY_LIGHT;
    if (atomic_exchange(&relay->weight, weight) != weight)
        phi_log(PHI_LOG_WARN, "outbox_weight", PHI_L_INT("weight", weight),
                PHI_L_INT("bytes", bytes));
}

static void look_at_table(struct phi_relay *relay, struct phi_conn *conn, bool is_eager)
{
    bool is_held = false;
    if (phi_outbox_lock(conn, &is_held, NULL) != PHI_OK)
        return;
    for (size_t way = 0; way < relay->way_count; way++) {
        if (is_held)
            drain_way(relay, conn, way, is_eager);
        else if (phi_relay_has_backlog(relay))
            look_at_backlog(relay, conn, way);
    }
    weigh(relay, conn);
    if (is_held)
        phi_outbox_unlock(conn);
}

/* --- the thread --- */

/* What one turn of the thread is to do. */
struct turn {
    bool is_due;        /* the table is to be looked at */
    bool is_eager;      /* someone asked for it: young rows too */
    bool has_delivered; /* rows are to be deleted */
};

/* Sleeps a tick, less when much has been delivered (but for a database that fails). */
static struct turn wait_turn(struct phi_relay *relay, struct phi_deadline period, bool is_failing)
{
    struct turn turn = {0};
    struct phi_deadline tick = phi_deadline_min(phi_deadline_in_ms(TICK_MS), period);
    pthread_mutex_lock(&relay->mutex);
    while (!relay->is_stopping && (is_failing || relay->delivered_count < DELETE_MAX) &&
           phi_bus_cond_wait(&relay->changed, &relay->mutex, tick))
        ;
    turn.is_eager = relay->is_woken;
    turn.is_due = turn.is_eager || phi_deadline_is_past(period);
    turn.has_delivered = relay->delivered != NULL;
    relay->is_woken = false;
    pthread_mutex_unlock(&relay->mutex);
    return turn;
}

static enum phi_err do_turn(struct phi_relay *relay, struct turn turn)
{
    struct phi_conn *conn = NULL;
    enum phi_err err = phi_store_acquire(relay->store, phi_deadline_in_ms(ACQUIRE_MS), &conn);
    if (err != PHI_OK)
        return err;
    err = delete_delivered(relay, conn);
    if (err == PHI_OK && turn.is_due)
        look_at_table(relay, conn, turn.is_eager);
    phi_store_release(conn);
    return err;
}

static void *relay_main(void *context)
{
    struct phi_relay *relay = context;
    struct phi_deadline period = phi_deadline_in_ms(relay->period_ms);
    bool is_failing = false;
    bool is_again = false; /* rows that were too young for an eager look get another one */
    pthread_setname_np(pthread_self(), "relay");
    while (!is_stopping(relay)) {
        struct turn turn = wait_turn(relay, period, is_failing);
        if (!turn.is_due && !turn.has_delivered)
            continue;
        bool was_woken = turn.is_eager;
        turn.is_eager = turn.is_eager || is_again;
        is_failing = do_turn(relay, turn) != PHI_OK;
        if (turn.is_due || is_failing) {
            is_again = was_woken;
            period = phi_deadline_in_ms(is_again && !is_failing ? EAGER_AGE_MS : relay->period_ms);
        }
    }
    return NULL;
}

/* --- life --- */

static void relay_free(struct phi_relay *relay)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (relay->buckets[i]) {
            struct flight *flight = relay->buckets[i];
            relay->buckets[i] = flight->next;
            free(flight);
        }
    }
    phi_relay_topics_fini(&relay->platform_topics);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->mutex);
    free(relay);
}

static void make_metrics(struct phi_relay *relay, const char *schema)
{
    char labels[80];
    snprintf(labels, sizeof(labels), "schema=\"%s\"", schema);
    relay->published =
        phi_counter_new("phi_outbox_published_total", "events kept by the broker", labels);
    relay->resent = phi_counter_new(
        "phi_outbox_resent_total", "events published from the table, some of them doubles", labels);
    relay->deferred =
        phi_counter_new("phi_outbox_deferred_total", "events left to the table at once", labels);
    relay->depth = phi_gauge_new("phi_outbox_depth", "rows not published yet", labels);
    relay->bytes = phi_gauge_new("phi_outbox_bytes", "what the outbox takes on the disk", labels);
}

static enum phi_err relay_init(struct phi_relay *relay, const struct phi_relay_options *options,
                               struct phi_error *error)
{
    const char *pattern = options->platform_topics ? options->platform_topics : PHI_PLATFORM_TOPICS;
    relay->store = options->store;
    relay->queue_max_count = options->queue_max_count ? options->queue_max_count : 10000;
    relay->age_ms = options->age_ms > 0 ? options->age_ms : 2000;
    relay->period_ms = options->period_ms > 0 ? options->period_ms : 1000;
    relay->warn_bytes = options->warn_bytes;
    relay->max_bytes = options->max_bytes;
    relay->ways[0].producer = options->producer;
    relay->ways[1].producer = options->platform_producer;
    relay->way_count = options->platform_producer ? 2 : 1;
    make_metrics(relay, options->schema ? options->schema : phi_store_schema(options->store));
    enum phi_err err = phi_relay_topics_init(&relay->platform_topics, pattern, error);
    if (err != PHI_OK)
        return err;
    relay->has_thread = pthread_create(&relay->thread, NULL, relay_main, relay) == 0;
    return relay->has_thread ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err phi_relay_open(const struct phi_relay_options *options, struct phi_relay **out,
                            struct phi_error *error)
{
    if (!options->store || !options->producer)
        return phi_error_set(error, PHI_ERR_CONFIG, "relay",
                             "a relay needs a store and a producer");
    struct phi_relay *relay = calloc(1, sizeof(*relay));
    if (!relay)
        return PHI_ERR_MEMORY;
    pthread_mutex_init(&relay->mutex, NULL);
    phi_bus_cond_init(&relay->changed);
    enum phi_err err = relay_init(relay, options, error);
    if (err == PHI_OK)
        *out = relay;
    else
        relay_free(relay);
    return err;
}

static void wait_flights(struct phi_relay *relay, struct phi_deadline deadline)
{
    pthread_mutex_lock(&relay->mutex);
    while (relay->flying > 0 && phi_bus_cond_wait(&relay->changed, &relay->mutex, deadline))
        ;
    pthread_mutex_unlock(&relay->mutex);
}

enum phi_err phi_relay_close(struct phi_relay *relay, struct phi_deadline deadline)
{
    struct phi_conn *conn = NULL;
    if (!relay)
        return PHI_OK;
    pthread_mutex_lock(&relay->mutex);
    relay->is_stopping = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->mutex);
    pthread_join(relay->thread, NULL);
    wait_flights(relay, deadline);
    if (phi_store_acquire(relay->store, phi_deadline_min(deadline, phi_deadline_in_ms(ACQUIRE_MS)),
                          &conn) == PHI_OK) {
        (void)delete_delivered(relay, conn); /* what stays is published once more: a double */
        phi_store_release(conn);
    }
    pthread_mutex_lock(&relay->mutex);
    bool is_left = relay->flying > 0;
    relay->is_orphan = is_left;
    pthread_mutex_unlock(&relay->mutex);
    if (!is_left)
        relay_free(relay);
    return is_left ? PHI_ERR_DEADLINE : PHI_OK;
}
