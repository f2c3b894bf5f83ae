/* A round's messages are answered within the producer's message deadline each, so it ends. */
#include "svc-directory/publish/round.h"

#include "base/log.h"
#include "base/metrics.h"
#include "store/columns.h"
#include "svc-directory/publish/sent.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_ARENA (32 * 1024 * 1024)
#define MADE_MAX    64 /* signed together */
#define ACQUIRE_MS  2000

struct sent {
    struct round *round;
    struct phi_view subject;
    int64_t version;
    enum phi_err err;
};

struct round {
    struct directory *directory;
    struct phi_producer *producer;
    const char *topic;
    struct phi_counter *published;
    struct phi_counter *failed;
    struct phi_gauge *pending;
    pthread_mutex_t lock;
    pthread_cond_t seen;
    size_t waiting;
    size_t count;
    struct sent sent[ROUND_MAX];
};

static void on_sent(void *context, enum phi_err err)
{
    struct sent *sent = context;
    struct round *round = sent->round;
    pthread_mutex_lock(&round->lock);
    sent->err = err;
    round->waiting--;
    pthread_cond_signal(&round->seen);
    pthread_mutex_unlock(&round->lock);
}

struct made {
    struct phi_event events[MADE_MAX];
    uint64_t versions[MADE_MAX];
    enum phi_err errs[MADE_MAX];
};

static enum phi_err read_pending(struct phi_conn *conn, const struct phi_array *owned,
                                 struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_ARRAY(owned), PHI_I64(ROUND_MAX)};
    return phi_conn_exec(
        conn, "entries_pending",
        "SELECT e.* FROM unnest($1::bigint[]) AS p CROSS JOIN LATERAL (SELECT " ENTRY_SENT_COLUMNS
        " FROM entries "
        "WHERE published_version < version AND partition = p ORDER BY version LIMIT $2::bigint) e "
        "ORDER BY e.version LIMIT $2::bigint",
        params, 2, rows, NULL);
}

/* The events of rows `first` and on, signed together. */
static void make_events(const struct round *round, const struct phi_rows *rows, size_t first,
                        size_t count, struct phi_arena *arena, struct made *made)
{
    const struct directory *directory = round->directory;
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    enum phi_err errs[MADE_MAX];
    for (size_t i = 0; i < count; i++) {
        struct phi_entry entry;
        made->errs[i] = entry_sent_read(round->directory, rows, first + i, &entry);
        if (made->errs[i] == PHI_OK)
            made->errs[i] =
                entry_sent_make(round->directory, round->topic, &entry, arena, &made->events[i]);
        if (made->errs[i] != PHI_OK)
            made->events[i] = (struct phi_event){0};
        made->versions[i] = entry.version;
    }
    phi_signed_add_many(made->events, made->versions, errs, count, &signer, arena);
    for (size_t i = 0; i < count; i++)
        if (made->errs[i] == PHI_OK)
            made->errs[i] = errs[i];
}

static enum phi_err send_one(struct round *round, const struct phi_event *event, uint64_t version)
{
    struct sent *sent = &round->sent[round->count];
    *sent = (struct sent){
        .round = round, .subject = event->key, .version = (int64_t)version, .err = PHI_ERR_BUS};
    pthread_mutex_lock(&round->lock);
    round->waiting++;
    pthread_mutex_unlock(&round->lock);
    enum phi_err err = phi_producer_send(round->producer, event, on_sent, sent);
    if (err == PHI_OK)
        round->count++;
    else
        on_sent(sent, err);
    return err;
}

static enum phi_err send_some(const struct phi_rows *rows, size_t first, size_t count,
                              struct round *round, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct made made = {.errs = {PHI_OK}};
    make_events(round, rows, first, count, arena, &made);
    for (size_t i = 0; i < count && err == PHI_OK; i++) {
        if (made.errs[i] == PHI_OK) {
            err = send_one(round, &made.events[i], made.versions[i]);
            continue;
        }
        /* a fault of ours in one row: it stays pending, the others go */
        phi_log(PHI_LOG_ERROR, "entry_not_made", PHI_L_ERR(made.errs[i]));
        phi_counter_add(round->failed, 1);
    }
    return err;
}

/* Each message is answered within the producer's message deadline, so this ends. */
static void await_round(struct round *round)
{
    pthread_mutex_lock(&round->lock);
    while (round->waiting > 0)
        pthread_cond_wait(&round->seen, &round->lock);
    pthread_mutex_unlock(&round->lock);
}

static int compare_sent(const void *a, const void *b)
{
    const struct sent *left = a, *right = b;
    return memcmp(left->subject.data, right->subject.data, PHI_SUBJECT_LEN);
}

static enum phi_err mark(struct phi_conn *conn, struct round *round)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64};
    struct phi_columns columns;
    PHI_GUARD(phi_columns_init(&columns, types, 2));
    qsort(round->sent, round->count, sizeof(round->sent[0]), compare_sent);
    for (size_t i = 0; i < round->count; i++) {
        const struct phi_param row[] = {PHI_BYTES(round->sent[i].subject),
                                        PHI_I64(round->sent[i].version)};
        if (round->sent[i].err == PHI_OK)
            PHI_GUARD(phi_columns_add(&columns, row));
    }
    phi_counter_add(round->published, phi_columns_rows(&columns));
    phi_counter_add(round->failed, round->count - phi_columns_rows(&columns));
    if (phi_columns_rows(&columns) > 0)
        PHI_GUARD(phi_conn_exec(
            conn, "entries_published",
            "UPDATE entries e SET published_version = u.version FROM unnest($1::bytea[], "
            "$2::bigint[]) AS u(subject, version) WHERE e.subject = u.subject AND "
            "e.published_version < u.version",
            columns.params, 2, NULL, NULL));
    PHI_GUARD(phi_columns_rows(&columns) == round->count ? PHI_OK : PHI_ERR_BUS);
out:
    phi_columns_fini(&columns);
    return err;
}

static enum phi_err send_round(const struct phi_rows *rows, struct round *round,
                               struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    size_t total = phi_rows_count(rows);
    for (size_t at = 0; at < total && err == PHI_OK; at += MADE_MAX)
        err = send_some(rows, at, total - at < MADE_MAX ? total - at : MADE_MAX, round, arena);
    await_round(round);
    return err;
}

/* One round; `count` is what was pending, up to ROUND_MAX. No connection is held while the broker
 * is awaited. */
enum phi_err round_run(struct round *round, size_t *count)
{
    enum phi_err err = PHI_OK, sent = PHI_OK;
    struct phi_store *store = phi_service_store(round->directory->service);
    struct phi_array *owned = NULL;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct phi_arena *arena = phi_arena_new(ROUND_ARENA);
    *count = 0;
    round->count = 0;
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(owned_array(&round->directory->owned, &owned));
    if (phi_array_count(owned) == 0)
        goto out;
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(read_pending(conn, owned, &rows));
    phi_store_release(conn);
    conn = NULL;
    *count = phi_rows_count(rows);
    phi_gauge_set(round->pending, (int64_t)*count);
    if (*count == 0)
        goto out;
    sent = send_round(rows, round, arena);
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(mark(conn, round));
    PHI_GUARD(sent);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    phi_array_free(owned);
    phi_arena_free(arena);
    return err;
}

static void make_metrics(struct round *round)
{
    round->published = phi_counter_new("phi_directory_entries_published_total",
                                       "entries acknowledged by the platform bus", NULL);
    round->failed = phi_counter_new("phi_directory_entries_failed_total",
                                    "entries not acknowledged, sent again later", NULL);
    round->pending = phi_gauge_new("phi_directory_entries_pending",
                                   "entries waiting to be published, counted up to 2,000", NULL);
}

struct round *round_new(struct directory *directory, struct phi_producer *producer,
                        const char *topic)
{
    struct round *round = calloc(1, sizeof(*round));
    if (round == NULL)
        return NULL;
    round->directory = directory;
    round->producer = producer;
    round->topic = topic;
    pthread_mutex_init(&round->lock, NULL);
    pthread_cond_init(&round->seen, NULL);
    make_metrics(round);
    return round;
}

void round_free(struct round *round)
{
    if (round == NULL)
        return;
    pthread_cond_destroy(&round->seen);
    pthread_mutex_destroy(&round->lock);
    free(round);
}
