/* What the owner of a partition owes the nation: entries whose published version lags. The table is
 * itself the outbox; a round reads pending entries in order, sends them signed, waits for every
 * acknowledgement and marks those that were kept. Consumers keep the highest version, so a double
 * does no harm. */
#include "svc-directory/facts/columns.h"
#include "svc-directory/directory.h"

#include "base/log.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_MAX      500
#define ROUND_ARENA    (8 * 1024 * 1024)
#define IDLE_MS        1000
#define BACKOFF_MS     1000
#define ACQUIRE_MS     2000
#define MESSAGE_MS     5000
#define PARTITIONS_MAX 4096

struct sent {
    struct round *round;
    struct phi_view subject;
    int64_t version;
    enum phi_err err;
};

struct round {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    size_t waiting;
    size_t count;
    struct sent sent[ROUND_MAX];
};

struct publisher {
    struct directory *directory;
    struct phi_producer *producer;
    char *topic;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* with all below */
    pthread_cond_t woken;
    bool is_stopping;
    bool is_awake;
    unsigned owned[PARTITIONS_MAX]; /* topics of which this replica has the partition */
    struct phi_counter *published;
    struct phi_counter *failed;
    struct phi_gauge *pending;
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

static enum phi_err owned_array(struct publisher *publisher, struct phi_array **out)
{
    enum phi_err err = PHI_OK;
    struct phi_array *array = phi_array_new(PHI_COLUMN_I64);
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    pthread_mutex_lock(&publisher->lock);
    for (int64_t i = 0; i < PARTITIONS_MAX && err == PHI_OK; i++)
        if (publisher->owned[i] > 0)
            err = phi_array_add(array, PHI_I64(i));
    pthread_mutex_unlock(&publisher->lock);
    PHI_GUARD(err);
    *out = array;
    array = NULL;
out:
    phi_array_free(array);
    return err;
}

enum pending_column {
    PENDING_SUBJECT,
    PENDING_GRADE,
    PENDING_REASONS,
    PENDING_MASK,
    PENDING_VERSION,
    PENDING_FROM,
    PENDING_UPDATED
};

static enum phi_err read_pending(struct publisher *publisher, struct phi_conn *conn,
                                 const struct phi_array *owned, struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_ARRAY(owned), PHI_I64(ROUND_MAX)};
    (void)publisher;
    return phi_conn_exec(
        conn, "entries_pending",
        "SELECT subject, grade, reasons, sources_mask, version, from_us, updated_us FROM entries "
        "WHERE published_version < version AND partition = ANY($1::bigint[]) "
        "ORDER BY version LIMIT $2::bigint",
        params, 2, rows, NULL);
}

static enum phi_err fill_reasons(const char *text, struct phi_entry *entry)
{
    enum phi_err err = PHI_OK;
    json_t *reasons = NULL, *words = NULL;
    PHI_GUARD(phi_json_parse(phi_view_text(text), 4, &reasons, NULL));
    words = person_reason_words(reasons);
    PHI_GUARD(words == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < json_array_size(words) && i < PHI_ENTRY_REASONS_MAX; i++)
        snprintf(entry->reasons[entry->reasons_count++], sizeof(entry->reasons[0]), "%s",
                 json_string_value(json_array_get(words, i)));
out:
    json_decref(reasons);
    json_decref(words);
    return err;
}

static enum phi_err fill_entry(const struct publisher *publisher, const struct phi_rows *rows,
                               size_t row, struct phi_entry *entry)
{
    *entry = (struct phi_entry){
        .grade = (enum phi_grade)phi_rows_i64(rows, row, PENDING_GRADE),
        .sources_mask = (uint32_t)phi_rows_i64(rows, row, PENDING_MASK),
        .version = (uint64_t)phi_rows_i64(rows, row, PENDING_VERSION),
        .from_us = phi_rows_i64(rows, row, PENDING_FROM),
        .until_us = PHI_ENTRY_NEVER_US,
        .then = (enum phi_grade)phi_rows_i64(rows, row, PENDING_GRADE),
        .updated_us = phi_rows_i64(rows, row, PENDING_UPDATED),
    };
    memcpy(entry->subject, phi_rows_bytes(rows, row, PENDING_SUBJECT).data, PHI_SUBJECT_LEN);
    snprintf(entry->region, sizeof(entry->region), "%s",
             phi_service_region(publisher->directory->service));
    return fill_reasons(phi_rows_text(rows, row, PENDING_REASONS), entry);
}

static enum phi_err make_event(const struct publisher *publisher, const struct phi_entry *entry,
                               struct phi_arena *arena, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    const struct directory *directory = publisher->directory;
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    struct phi_view value;
    PHI_GUARD(phi_entry_format(entry, arena, &value));
    *event = (struct phi_event){
        .topic = publisher->topic,
        .type = "cn.phi.directory",
        .source = phi_service_source(directory->service),
        .time_us = entry->updated_us,
        .key = phi_view_of(entry->subject, PHI_SUBJECT_LEN),
        .value = value,
    };
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(phi_signed_add(event, &signer, entry->version, arena));
out:
    return err;
}

static enum phi_err send_one(struct publisher *publisher, const struct phi_rows *rows, size_t row,
                             struct round *round, struct phi_arena *arena)
{
    struct phi_entry entry;
    struct phi_event event;
    struct sent *sent = &round->sent[round->count];
    enum phi_err err = fill_entry(publisher, rows, row, &entry);
    if (err == PHI_OK)
        err = make_event(publisher, &entry, arena, &event);
    if (err != PHI_OK) {
        /* a fault of ours in one row: it stays pending, the others go */
        phi_log(PHI_LOG_ERROR, "entry_not_made", PHI_L_ERR(err));
        phi_counter_add(publisher->failed, 1);
        return PHI_OK;
    }
    *sent = (struct sent){.round = round,
                          .subject = phi_rows_bytes(rows, row, PENDING_SUBJECT),
                          .version = (int64_t)entry.version,
                          .err = PHI_ERR_BUS};
    pthread_mutex_lock(&round->lock);
    round->waiting++;
    pthread_mutex_unlock(&round->lock);
    err = phi_producer_send(publisher->producer, &event, on_sent, sent);
    if (err == PHI_OK)
        round->count++;
    else
        on_sent(sent, err);
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

static enum phi_err mark(struct publisher *publisher, struct phi_conn *conn, struct round *round)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64};
    struct columns columns;
    PHI_GUARD(columns_init(&columns, types, 2));
    qsort(round->sent, round->count, sizeof(round->sent[0]), compare_sent);
    for (size_t i = 0; i < round->count; i++) {
        const struct phi_param row[] = {PHI_BYTES(round->sent[i].subject),
                                        PHI_I64(round->sent[i].version)};
        if (round->sent[i].err == PHI_OK)
            PHI_GUARD(columns_add(&columns, row));
    }
    phi_counter_add(publisher->published, columns_rows(&columns));
    phi_counter_add(publisher->failed, round->count - columns_rows(&columns));
    if (columns_rows(&columns) > 0)
        PHI_GUARD(phi_conn_exec(
            conn, "entries_published",
            "UPDATE entries e SET published_version = u.version FROM unnest($1::bytea[], "
            "$2::bigint[]) AS u(subject, version) WHERE e.subject = u.subject AND "
            "e.published_version < u.version",
            columns.params, 2, NULL, NULL));
    PHI_GUARD(columns_rows(&columns) == round->count ? PHI_OK : PHI_ERR_BUS);
out:
    columns_fini(&columns);
    return err;
}

static enum phi_err send_round(struct publisher *publisher, const struct phi_rows *rows,
                               struct round *round, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < phi_rows_count(rows) && err == PHI_OK; i++)
        err = send_one(publisher, rows, i, round, arena);
    await_round(round);
    return err;
}

/* One round; `count` is what was pending, up to ROUND_MAX. No connection is held while the broker
 * is awaited. */
static enum phi_err run_round(struct publisher *publisher, struct round *round, size_t *count)
{
    enum phi_err err = PHI_OK, sent = PHI_OK;
    struct phi_store *store = phi_service_store(publisher->directory->service);
    struct phi_array *owned = NULL;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct phi_arena *arena = phi_arena_new(ROUND_ARENA);
    *count = 0;
    round->count = 0;
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(owned_array(publisher, &owned));
    if (phi_array_count(owned) == 0)
        goto out;
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(read_pending(publisher, conn, owned, &rows));
    phi_store_release(conn);
    conn = NULL;
    *count = phi_rows_count(rows);
    phi_gauge_set(publisher->pending, (int64_t)*count);
    if (*count == 0)
        goto out;
    sent = send_round(publisher, rows, round, arena);
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(mark(publisher, conn, round));
    PHI_GUARD(sent);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    phi_array_free(owned);
    phi_arena_free(arena);
    return err;
}

/* Until woken, stopped, or the time is over; false when stopping. */
static bool rest(struct publisher *publisher, int64_t ms, bool may_wake)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&publisher->lock);
    int timed_out = 0;
    while (!publisher->is_stopping && !(may_wake && publisher->is_awake) && timed_out == 0)
        timed_out = pthread_cond_timedwait(&publisher->woken, &publisher->lock, &until);
    publisher->is_awake = false;
    bool goes_on = !publisher->is_stopping;
    pthread_mutex_unlock(&publisher->lock);
    return goes_on;
}

static void tell_health(struct publisher *publisher, bool *was_failing, enum phi_err err)
{
    struct directory *directory = publisher->directory;
    phi_service_set_degraded(directory->service, "platform-bus",
                             !phi_bus_is_up(publisher->producer));
    pthread_mutex_lock(&directory->lock);
    /* without a consumer the program is stopping */
    bool is_taking = directory->consumer == NULL || (phi_consumer_is_up(directory->consumer) &&
                                                     !phi_consumer_is_stopped(directory->consumer));
    pthread_mutex_unlock(&directory->lock);
    phi_service_set_degraded(directory->service, "facts", !is_taking);
    if ((err != PHI_OK) == *was_failing)
        return;
    *was_failing = err != PHI_OK;
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "entries_kept_back", PHI_L_ERR(err));
    else
        phi_log(PHI_LOG_INFO, "entries_flow_again", PHI_L_WORD("rest", "drained_from_the_table"));
}

static void *run(void *context)
{
    struct publisher *publisher = context;
    struct round *round = calloc(1, sizeof(*round));
    bool was_failing = false, goes_on = true;
    if (round == NULL) {
        phi_log(PHI_LOG_ERROR, "publisher_failed", PHI_L_ERR(PHI_ERR_MEMORY));
        return NULL;
    }
    pthread_mutex_init(&round->lock, NULL);
    pthread_cond_init(&round->seen, NULL);
    while (goes_on) {
        size_t count = 0;
        enum phi_err err = run_round(publisher, round, &count);
        goes_on = rest(publisher,
                       err != PHI_OK        ? BACKOFF_MS
                       : count == ROUND_MAX ? 0
                                            : IDLE_MS,
                       err == PHI_OK);
        tell_health(publisher, &was_failing, err);
    }
    if (!was_failing) {
        size_t count = 0;
        (void)run_round(publisher, round, &count); /* what the last batches changed */
    }
    pthread_cond_destroy(&round->seen);
    pthread_mutex_destroy(&round->lock);
    free(round);
    return NULL;
}

static enum phi_err open_producer(struct publisher *publisher, struct phi_error *error)
{
    struct phi_service *service = publisher->directory->service;
    struct phi_producer_options options = {
        .bus = {.brokers = phi_config_text(phi_service_config(service), "PHI_PLATFORM_BUS"),
                .client_id = phi_service_program(service)},
        .name = "platform_bus",
        .message_deadline_ms = MESSAGE_MS};
    return phi_producer_open(&options, &publisher->producer, error);
}

static void make_metrics(struct publisher *publisher)
{
    publisher->published = phi_counter_new("phi_directory_entries_published_total",
                                           "entries acknowledged by the platform bus", NULL);
    publisher->failed = phi_counter_new("phi_directory_entries_failed_total",
                                        "entries not acknowledged, sent again later", NULL);
    publisher->pending = phi_gauge_new("phi_directory_entries_pending",
                                       "entries waiting to be published, counted up to 500", NULL);
}

enum phi_err publisher_open(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    pthread_condattr_t monotonic;
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    PHI_GUARD(publisher == NULL ? PHI_ERR_MEMORY : PHI_OK);
    directory->publisher = publisher;
    publisher->directory = directory;
    publisher->topic = strdup(phi_service_topic(directory->service, "directory"));
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&publisher->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    make_metrics(publisher);
    PHI_GUARD(publisher->topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(open_producer(publisher, error));
out:
    return err;
}

enum phi_err publisher_start(struct publisher *publisher)
{
    if (pthread_create(&publisher->thread, NULL, run, publisher) != 0)
        return PHI_ERR_MEMORY;
    publisher->has_thread = true;
    return PHI_OK;
}

void publisher_owns(struct publisher *publisher, int32_t partition, bool is_owner)
{
    if (partition < 0 || partition >= PARTITIONS_MAX)
        return;
    pthread_mutex_lock(&publisher->lock);
    if (is_owner)
        publisher->owned[partition]++;
    else if (publisher->owned[partition] > 0)
        publisher->owned[partition]--;
    pthread_mutex_unlock(&publisher->lock);
    if (is_owner)
        publisher_wake(publisher);
}

void publisher_wake(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->is_awake = true;
    pthread_cond_signal(&publisher->woken);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_close(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    pthread_mutex_lock(&publisher->lock);
    publisher->is_stopping = true;
    pthread_cond_signal(&publisher->woken);
    pthread_mutex_unlock(&publisher->lock);
    if (publisher->has_thread)
        pthread_join(publisher->thread, NULL);
    phi_producer_close(publisher->producer);
    pthread_cond_destroy(&publisher->woken);
    pthread_mutex_destroy(&publisher->lock);
    free(publisher->topic);
    free(publisher);
}
