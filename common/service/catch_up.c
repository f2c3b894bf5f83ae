#include "service/catch_up.h"

#include "base/log.h"
#include "bus/reader.h"
#include "bus/retention.h"
#include "service/parts.h"

#include <stdlib.h>

#define SECOND_US   1000000LL
#define HOUR_US     (3600 * SECOND_US)
#define LOOK_US     (10 * SECOND_US)
#define SPARE_US    (48 * HOUR_US)
#define BROKER_MS   3000
#define SLOW_MS     60000
#define READ_MS     (6 * 3600 * 1000LL)
#define ACQUIRE_MS  5000
#define BATCH       200
#define ARENA_BYTES (256 * 1024)

/* Shared by the readers' threads; `lock` goes with all below it. */
struct catching {
    struct phi_service *service;
    int64_t alive_us;
    struct phi_error *error;
    pthread_mutex_t lock;
    struct phi_conn *conn;
    bool is_behind;
    bool is_look;      /* nothing is kept yet: whether anything is missing */
    size_t open_count; /* records of the open transaction */
    uint64_t read_count, new_count;
    enum phi_err err; /* the first */
};

struct reading {
    struct catching *all;
    const struct phi_catch_up_stream *stream;
    struct phi_topic_reader *reader;
};

static enum phi_err end_batch(struct catching *c)
{
    if (c->open_count == 0)
        return PHI_OK;
    c->open_count = 0;
    if (c->is_look) {
        phi_conn_rollback(c->conn);
        return PHI_OK;
    }
    return phi_conn_commit(c->conn, c->error);
}

static enum phi_err take(struct catching *c, const struct phi_catch_up_stream *stream,
                         const struct phi_msg *msg)
{
    enum phi_err err = PHI_OK;
    bool is_new = false;
    struct phi_arena *arena = phi_arena_new(stream->room == 0 ? ARENA_BYTES : stream->room);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (c->open_count == 0)
        PHI_GUARD(phi_conn_begin(c->conn, c->error));
    c->open_count++;
    c->read_count++;
    PHI_GUARD(stream->keep(c->service, msg, c->conn, arena, &is_new, c->error));
    c->new_count += is_new;
    if (c->open_count >= BATCH)
        PHI_GUARD(end_batch(c));
out:
    phi_arena_free(arena);
    return err;
}

static void on_record(const struct phi_msg *msg, void *context)
{
    struct reading *reading = context;
    struct catching *c = reading->all;
    pthread_mutex_lock(&c->lock);
    if (c->err == PHI_OK)
        c->err = take(c, reading->stream, msg);
    pthread_mutex_unlock(&c->lock);
}

static void on_end(void *context)
{
    struct catching *c = ((struct reading *)context)->all;
    pthread_mutex_lock(&c->lock);
    if (c->err == PHI_OK)
        c->err = end_batch(c);
    pthread_mutex_unlock(&c->lock);
}

static enum phi_err open_reading(struct reading *r, int64_t since_us, struct phi_error *error)
{
    const struct phi_topic_reader_options options = {
        .bus = phi_service_bus(r->all->service),
        .topic = phi_service_topic(r->all->service, r->stream->stream),
        .record = on_record,
        .since_ms = since_us / 1000,
        .caught_up = on_end,
        .context = r};
    return phi_topic_reader_open(&options, &r->reader, error);
}

/* A broker that answers is worth waiting for; one that is away is not. */
static enum phi_err wait_for(struct phi_topic_reader *reader, struct phi_deadline until)
{
    enum phi_err err = phi_topic_reader_wait_caught_up(reader, until);
    if (err == PHI_ERR_DEADLINE && phi_topic_reader_is_up(reader))
        err = phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(SLOW_MS));
    return err;
}

/* All streams beside each other: most have nothing to say. */
static enum phi_err read_since(struct catching *c, const struct phi_catch_up_stream *streams,
                               size_t count, int64_t since_us, int64_t wait_ms)
{
    enum phi_err err = PHI_OK;
    struct phi_deadline until = phi_deadline_in_ms(wait_ms);
    struct reading *readings = calloc(count, sizeof(*readings));
    PHI_GUARD(readings == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        readings[i] = (struct reading){.all = c, .stream = &streams[i]};
        PHI_GUARD(open_reading(&readings[i], since_us, c->error));
    }
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(wait_for(readings[i].reader, until));
out:
    for (size_t i = 0; readings != NULL && i < count; i++)
        phi_topic_reader_close(readings[i].reader);
    free(readings);
    /* what came after the ends of the streams is in an open transaction still */
    if (c->err == PHI_OK && err == PHI_OK)
        c->err = end_batch(c);
    phi_conn_rollback(c->conn);
    c->open_count = 0;
    return c->err != PHI_OK ? c->err : err;
}

/* Whatever was told since the backup must still be there, with two days to spare. */
static enum phi_err check_retention(struct catching *c, const char *topic)
{
    enum phi_err err = PHI_OK;
    int64_t kept_ms = 0;
    const struct phi_bus_options bus = phi_service_bus(c->service);
    int64_t age_us = phi_clock_now_us(phi_service_clock(c->service)) - c->alive_us;
    PHI_GUARD(phi_topic_retention_ms(&bus, topic, phi_deadline_in_ms(SLOW_MS), &kept_ms, c->error));
    if (kept_ms >= 0 && kept_ms < (age_us + SPARE_US) / 1000)
        err = phi_error_set(c->error, PHI_ERR_CONFIG, topic,
                            "the database is %lld h old and the topic keeps %lld h: less than the "
                            "database's age and 48 h",
                            (long long)(age_us / HOUR_US), (long long)(kept_ms / 3600000));
out:
    return err;
}

static enum phi_err catch_up(struct catching *c, const struct phi_catch_up_stream *streams,
                             size_t count)
{
    enum phi_err err = PHI_OK;
    c->is_look = true;
    err = read_since(c, streams, count, c->alive_us - LOOK_US, BROKER_MS);
    c->is_look = false;
    c->is_behind = c->new_count > 0;
    if (!c->is_behind)
        return err; /* nothing is missing, or nobody could be asked */
    PHI_GUARD(err == PHI_ERR_DEADLINE ? PHI_OK : err);
    phi_log(PHI_LOG_WARN, "database_is_behind", PHI_L_INT("since_us", c->alive_us));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(check_retention(c, phi_service_topic(c->service, streams[i].stream)));
    c->new_count = 0;
    c->read_count = 0;
    PHI_GUARD(read_since(c, streams, count, c->alive_us - HOUR_US, READ_MS));
    phi_log(PHI_LOG_WARN, "caught_up", PHI_L_INT("read", (int64_t)c->read_count),
            PHI_L_INT("kept", (int64_t)c->new_count));
out:
    return err;
}

static enum phi_err alive_since(struct phi_conn *conn, int64_t *out, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    enum phi_err err =
        phi_conn_exec(conn, "alive_find", "SELECT at_us FROM alive", NULL, 0, &rows, error);
    if (err == PHI_OK)
        *out = phi_rows_count(rows) == 1 ? phi_rows_i64(rows, 0, 0) : 0;
    phi_rows_free(rows);
    return err;
}

void phi_service_tell_alive(struct phi_service *service, struct phi_conn *conn)
{
    const struct phi_param now = PHI_I64(phi_clock_now_us(phi_service_clock(service)));
    if (!atomic_load(&service->is_caught_up))
        return;
    if (phi_conn_exec(
            conn, "alive_tell",
            "INSERT INTO alive (is_here, at_us) VALUES (true, $1) ON CONFLICT (is_here) DO "
            "UPDATE SET at_us = greatest(alive.at_us, excluded.at_us)",
            &now, 1, NULL, NULL) != PHI_OK)
        phi_log(PHI_LOG_WARN, "alive_not_told", PHI_L_WORD("rest", "comes_again"));
}

enum phi_err phi_service_catch_up(struct phi_service *service,
                                  const struct phi_catch_up_stream *streams, size_t count,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct catching c = {.service = service, .error = error, .lock = PTHREAD_MUTEX_INITIALIZER};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &c.conn));
    PHI_GUARD(alive_since(c.conn, &c.alive_us, error));
    if (c.alive_us > 0)
        PHI_GUARD(catch_up(&c, streams, count));
    atomic_store(&service->is_caught_up, true);
out:
    phi_store_release(c.conn);
    if (err != PHI_ERR_DEADLINE || c.is_behind)
        return err;
    phi_log(PHI_LOG_WARN, "not_caught_up", PHI_L_WORD("why", "no_answer_of_the_bus"));
    return PHI_OK;
}
