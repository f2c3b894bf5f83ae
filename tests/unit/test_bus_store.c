/* Consumer, outbox relay and dead letters: librdkafka's mock cluster and a real PostgreSQL
 * (tests/tools/with-postgres). */
#include "bus/consumer.h"
#include "bus/dlq.h"
#include "bus/event_row.h"
#include "bus/reader.h"
#include "bus/relay.h"

#include "store_fixture.h"

#include "bus_kit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC      "phi.320000.declare.health"
#define OTHER      "phi.320000.declare.trip"
#define PARTITIONS 8

static const char counted_ddl[] =
    "CREATE TABLE counted (topic text, partition int, at bigint, n text, times int DEFAULT 1,"
    " PRIMARY KEY (topic, partition, at))";

static const struct phi_migration migrations[] = {
    {1, "outbox", phi_outbox_ddl}, {2, "offsets", phi_offsets_ddl}, {3, "counted", counted_ddl}};

static struct phi_store *open_store(const char *schema)
{
    struct phi_error error = {0};
    struct phi_store *store = NULL;
    assert_ok(phi_migrate(fixture_conninfo(), schema, migrations, 3, &error));
    struct phi_store_options options = {.conninfo = fixture_conninfo(),
                                        .schema = schema,
                                        .pool_size = 6,
                                        .statement_timeout_ms = 4000};
    assert_ok(phi_store_open(&options, &store, &error));
    return store;
}

static int64_t count_of(struct phi_store *store, const char *name, const char *sql)
{
    return fixture_number(store, name, sql);
}

static int64_t counted(struct phi_store *store)
{
    return count_of(store, "counted", "SELECT count(*) FROM counted");
}

static int64_t counted_twice(struct phi_store *store)
{
    return count_of(store, "twice", "SELECT count(*) FROM counted WHERE times > 1");
}

static int64_t outbox_rows(struct phi_store *store)
{
    return count_of(store, "outbox_rows", "SELECT count(*) FROM outbox");
}

/* --- a handler that counts every record once, and can be told to fail --- */

struct worker {
    atomic_int calls;
    atomic_int fail_store;  /* so many calls say PHI_ERR_STORE */
    atomic_int fail_fenced; /* … PHI_ERR_FENCED */
    const char *poison;     /* a value that can't be handled */
    atomic_int committed;
    atomic_int owned;
    long slow_ms;
};

static enum phi_err count_one(const struct phi_msg *msg, struct phi_conn *tx)
{
    return phi_conn_exec(
        tx, "count_one",
        "INSERT INTO counted (topic, partition, at, n) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (topic, partition, at) DO UPDATE SET times = counted.times + 1",
        (struct phi_param[]){PHI_TEXT(msg->topic), PHI_I64(msg->partition), PHI_I64(msg->offset),
                             PHI_TEXT_VIEW(msg->value)},
        4, NULL, NULL);
}

static bool take_one(atomic_int *left)
{
    int now = atomic_load(left);
    while (now > 0)
        if (atomic_compare_exchange_weak(left, &now, now - 1))
            return true;
    return false;
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct worker *worker = context;
    atomic_fetch_add(&worker->calls, 1);
    if (worker->slow_ms)
        kit_pause_ms(worker->slow_ms);
    for (size_t i = 0; i < batch->count; i++) {
        if (worker->poison && phi_view_equal(batch->msgs[i].value, phi_view_text(worker->poison)))
            PHI_GUARD(PHI_ERR_JSON);
        PHI_GUARD(count_one(&batch->msgs[i], tx));
    }
    if (take_one(&worker->fail_store))
        err = PHI_ERR_STORE;
    else if (take_one(&worker->fail_fenced))
        err = PHI_ERR_FENCED;
out:
    return err;
}

static void on_committed(const struct phi_batch *batch, void *context)
{
    struct worker *worker = context;
    atomic_fetch_add(&worker->committed, (int)batch->count);
}

static void on_owns(const char *topic, int32_t partition, bool is_owner, void *context)
{
    (void)topic;
    (void)partition;
    struct worker *worker = context;
    atomic_fetch_add(&worker->owned, is_owner ? 1 : -1);
}

static struct phi_consumer *open_consumer(const struct kit_cluster *cluster,
                                          struct phi_store *store, struct worker *worker,
                                          struct phi_dlq *dlq, bool restart)
{
    static const char *const topics[] = {TOPIC, OTHER};
    struct phi_consumer *consumer = NULL;
    struct phi_error error = {0};
    struct phi_consumer_options options = {
        .bus = {.brokers = cluster->brokers, .client_id = "test"},
        .group = "svc-test",
        .topics = topics,
        .topic_count = 2,
        .store = store,
        .dlq = dlq,
        .batch_max = 100,
        .session_ms = 6000,
        .restart_when_lost = restart,
        .handle = handle,
        .committed = on_committed,
        .owns = on_owns,
        .context = worker};
    assert_ok(phi_consumer_open(&options, &consumer, &error));
    return consumer;
}

static void send_range(struct phi_producer *producer, const char *topic, unsigned from, unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        struct kit_event room;
        struct phi_event event = kit_event(&room, topic, n);
        assert_ok(phi_producer_send(producer, &event, NULL, NULL));
    }
}

static void make_topics(struct kit_cluster *cluster)
{
    kit_topic(cluster, TOPIC, PARTITIONS);
    kit_topic(cluster, OTHER, PARTITIONS);
}

/* Two replicas: one comes while records flow, the first one goes; each record counts exactly once.
 */
static void test_rebalance(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("rebalance");
    struct worker first = {.slow_ms = 2};
    struct worker second = {.slow_ms = 2};
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *a = open_consumer(&cluster, store, &first, NULL, false);
    send_range(producer, TOPIC, 0, 1000);
    kit_wait(30000, counted(store) >= 100);
    struct phi_consumer *b = open_consumer(&cluster, store, &second, NULL, false);
    for (unsigned n = 1000; n < 3000; n += 100) {
        send_range(producer, n % 200 ? TOPIC : OTHER, n, n + 100);
        kit_pause_ms(100);
    }
    kit_wait(40000, phi_consumer_owned(b) == PARTITIONS && phi_consumer_owned(a) == PARTITIONS);
    send_range(producer, TOPIC, 3000, 4000);
    kit_wait(30000, second.committed > 0);
    assert_ok(phi_consumer_close(a, phi_deadline_in_ms(20000)));
    send_range(producer, TOPIC, 4000, 5000);
    kit_wait(40000, counted(store) == 5000);
    kit_wait(40000, phi_consumer_owned(b) == 2 * PARTITIONS);
    assert_int_equal(counted_twice(store), 0);
    assert_int_equal(count_of(store, "values", "SELECT count(DISTINCT n) FROM counted"), 5000);
    assert_int_equal(first.owned, 0);
    assert_ok(phi_consumer_close(b, phi_deadline_in_ms(20000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Another owner moved the offset: our batch is rolled back, the row is read again, nothing counts
 * twice. */
static void test_fenced(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("fenced");
    struct worker worker = {0};
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    send_range(producer, TOPIC, 0, 200);
    kit_wait(30000, counted(store) == 200);
    /* The intruder has handled ten more of partition 0 than are there to be handled by us. */
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_conn_script(conn, "UPDATE offsets SET next = next + 1 WHERE topic = '" TOPIC "'",
                              NULL));
    phi_store_release(conn);
    int calls = worker.calls;
    send_range(producer, TOPIC, 200, 1000);
    kit_wait(30000, count_of(store, "there", "SELECT count(*) FROM counted") == 1000 - PARTITIONS);
    kit_pause_ms(300);
    assert_int_equal(counted(store),
                     1000 - PARTITIONS); /* one of each partition was the intruder's */
    assert_int_equal(counted_twice(store), 0);
    assert_true(worker.calls > calls);
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Failures of the store and a handler that says it is fenced: the same batch comes again, once
 * counted. */
static void test_retry(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("retry");
    struct worker worker = {.fail_store = 5, .fail_fenced = 2};
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    send_range(producer, TOPIC, 0, 1000);
    kit_wait(30000, counted(store) == 1000);
    fixture_control("stop immediate");
    send_range(producer, TOPIC, 1000, 2000);
    kit_pause_ms(1500);
    fixture_control("start");
    kit_wait(40000, phi_store_check(store, phi_deadline_in_ms(500)) == PHI_OK);
    kit_wait(40000, counted(store) == 2000);
    assert_int_equal(counted_twice(store), 0);
    assert_int_equal(worker.fail_store + worker.fail_fenced, 0);
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

struct letters {
    atomic_int count;
    const struct phi_seal_key *key;
    atomic_int good;
};

static void on_letter(const struct phi_msg *msg, void *context)
{
    struct letters *letters = context;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    struct phi_msg original;
    const char *reason = NULL;
    if (phi_dlq_read(msg, letters->key, arena, &original, &reason, NULL) == PHI_OK &&
        strcmp(reason, "json") == 0 && phi_view_equal(original.value, phi_view_text("{\"n\":77}")))
        atomic_fetch_add(&letters->good, 1);
    atomic_fetch_add(&letters->count, 1);
    phi_arena_free(arena);
}

/* One bad record among many: the others count, it goes to the dlq, through outbox and relay. */
static void test_poison(void **state)
{
    (void)state;
    static const char dlq_topic[] = "phi.320000.dlq.svc-test";
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("poison");
    struct worker worker = {.poison = "{\"n\":77}"};
    struct letters letters = {0};
    struct phi_seal_key *key = NULL;
    struct phi_dlq *dlq = NULL;
    struct phi_relay *relay = NULL;
    struct phi_topic_reader *reader = NULL;
    make_topics(&cluster);
    kit_topic(&cluster, dlq_topic, 1);
    assert_ok(phi_seal_key_new(1, phi_view_text("0123456789abcdef0123456789abcdef"), &key));
    assert_ok(phi_dlq_open(
        &(struct phi_dlq_options){.region = "320000", .program = "svc-test", .seal_key = key}, &dlq,
        NULL));
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store, .producer = producer},
                             &relay, NULL));
    letters.key = key;
    assert_ok(phi_topic_reader_open(
        &(struct phi_topic_reader_options){.bus = {.brokers = cluster.brokers},
                                           .topic = dlq_topic,
                                           .record = on_letter,
                                           .context = &letters},
        &reader, NULL));
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, dlq, false);
    send_range(producer, TOPIC, 0, 500);
    kit_wait(30000, counted(store) == 499);
    kit_wait(20000, letters.count == 1);
    assert_int_equal(letters.good, 1);
    kit_wait(10000, outbox_rows(store) == 0);
    assert_false(phi_consumer_is_stopped(consumer));
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    phi_topic_reader_close(reader);
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    phi_producer_close(producer);
    phi_dlq_close(dlq);
    phi_seal_key_free(key);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Without a dlq the partition stops aloud; the others go on. */
static void test_poison_stops(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("stops");
    struct worker worker = {.poison = "{\"n\":0}"};
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    send_range(producer, TOPIC, 0, 200);
    kit_wait(30000, phi_consumer_is_stopped(consumer));
    kit_wait(30000, count_of(store, "parts", "SELECT count(DISTINCT partition) FROM counted") >=
                        PARTITIONS - 1);
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Offsets beyond the topic's end (the topic was made anew): stop aloud, or start anew aloud. */
static void test_lost_offsets(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("lost");
    struct worker worker = {0};
    char *id = NULL;
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    send_range(producer, TOPIC, 0, 100);
    assert_ok(phi_producer_flush(producer, phi_deadline_in_ms(10000)));
    assert_ok(phi_bus_cluster_id(&(struct phi_bus_options){.brokers = cluster.brokers},
                                 phi_deadline_in_ms(5000), &id, NULL));
    struct phi_conn *conn = fixture_conn(store);
    for (int i = 0; i < PARTITIONS; i++)
        assert_ok(phi_offsets_reset(conn, id, TOPIC, i, 1000000, NULL));
    phi_store_release(conn);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    kit_wait(30000, phi_consumer_is_stopped(consumer));
    kit_pause_ms(300);
    assert_int_equal(counted(store), 0);
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    consumer = open_consumer(&cluster, store, &worker, NULL, true);
    kit_wait(30000, counted(store) == 100);
    assert_false(phi_consumer_is_stopped(consumer));
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    free(id);
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Topics that come after the consumer; closing while the broker is gone. */
static void test_late_topic(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("late");
    struct worker worker = {0};
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    kit_pause_ms(1000);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    send_range(producer, TOPIC, 0, 100); /* the mock cluster makes the topic on demand */
    kit_wait(40000, counted(store) == 100);
    kit_down(&cluster);
    kit_wait(20000, !phi_consumer_is_up(consumer));
    assert_ok(phi_consumer_close(consumer, phi_deadline_in_ms(20000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* --- relay --- */

struct seen {
    atomic_int count;
    atomic_int distinct;
    unsigned char times[4096];
};

static void on_record(const struct phi_msg *msg, void *context)
{
    struct seen *seen = context;
    unsigned n = 0;
    memcpy(&n, msg->key.data + 8, sizeof(n));
    if (n < sizeof(seen->times) && seen->times[n]++ == 0)
        atomic_fetch_add(&seen->distinct, 1);
    atomic_fetch_add(&seen->count, 1);
}

static struct phi_topic_reader *read_topic(const struct kit_cluster *cluster, const char *topic,
                                           struct seen *seen)
{
    struct phi_topic_reader *reader = NULL;
    assert_ok(phi_topic_reader_open(
        &(struct phi_topic_reader_options){.bus = {.brokers = cluster->brokers},
                                           .topic = topic,
                                           .record = on_record,
                                           .context = seen},
        &reader, NULL));
    return reader;
}

/* Commits events `from`..`to` as a lane would; `relay` NULL: the process dies before publishing. */
static void commit_events(struct phi_store *store, struct phi_relay *relay, const char *topic,
                          unsigned from, unsigned to)
{
    struct phi_conn *conn = NULL;
    if (phi_store_acquire(store, phi_deadline_in_ms(5000), &conn) != PHI_OK)
        abort();
    for (unsigned n = from; n < to; n++) {
        struct kit_event room;
        struct phi_event event = kit_event(&room, topic, n);
        if (phi_event_put(conn, &event, NULL) != PHI_OK)
            abort();
        if (relay)
            phi_relay_offer(relay, &event, 1);
    }
    phi_store_release(conn);
}

static void test_relay_direct(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("direct");
    struct phi_relay *relay = NULL;
    struct seen seen = {0};
    make_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    kit_wait(10000, phi_bus_is_up(producer));
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store, .producer = producer},
                             &relay, NULL));
    struct phi_topic_reader *reader = read_topic(&cluster, TOPIC, &seen);
    commit_events(store, relay, TOPIC, 0, 500);
    kit_wait(20000, seen.count == 500);
    kit_wait(10000, outbox_rows(store) == 0);
    assert_int_equal(seen.distinct, 500);
    assert_false(phi_relay_has_backlog(relay));
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    assert_int_equal(seen.count, 500);
    phi_topic_reader_close(reader);
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* The broker starts late, and goes away in the middle: everything comes out, in the end. */
static void test_relay_outage(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = open_store("outage");
    struct phi_relay *relay = NULL;
    struct seen seen = {0};
    make_topics(&cluster);
    kit_down(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 2000);
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store, .producer = producer},
                             &relay, NULL));
    commit_events(store, relay, TOPIC, 0, 300);
    assert_true(phi_relay_has_backlog(relay));
    kit_up(&cluster);
    struct phi_topic_reader *reader = read_topic(&cluster, TOPIC, &seen);
    kit_wait(30000, seen.distinct == 300);
    kit_wait(10000, outbox_rows(store) == 0);
    kit_wait(10000, !phi_relay_has_backlog(relay));
    for (unsigned n = 300; n < 1300; n += 100) {
        if (n == 600)
            kit_down(&cluster);
        if (n == 1000)
            kit_up(&cluster);
        commit_events(store, relay, TOPIC, n, n + 100);
        kit_pause_ms(200);
    }
    kit_wait(40000, seen.distinct == 1300);
    kit_wait(10000, outbox_rows(store) == 0);
    kit_wait(10000, !phi_relay_has_backlog(relay));
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    phi_topic_reader_close(reader);
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* A process killed between commit and publishing: the next one's relay finds the rows. Two buses:
 * the one that is down doesn't hold the other back. */
static void test_relay_after_kill(void **state)
{
    (void)state;
    struct phi_store *store = open_store("killed");
    phi_store_close(store);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        store = open_store("killed");
        commit_events(store, NULL, "phi.320000.directory", 0, 600);
        commit_events(store, NULL, TOPIC, 0, 50);
        raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    struct kit_cluster province = kit_cluster_open();
    struct kit_cluster platform = kit_cluster_open();
    struct phi_relay *relay = NULL;
    struct seen declared = {0};
    struct seen listed = {0};
    store = open_store("killed");
    make_topics(&province);
    kit_topic(&platform, "phi.320000.directory", PARTITIONS);
    kit_down(&platform);
    struct phi_producer *to_province = kit_producer(&province, 3000);
    struct phi_producer *to_platform = kit_producer(&platform, 3000);
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store,
                                                         .producer = to_province,
                                                         .platform_producer = to_platform},
                             &relay, NULL));
    struct phi_topic_reader *reader = read_topic(&province, TOPIC, &declared);
    kit_wait(20000, declared.distinct == 50);
    kit_wait(10000, outbox_rows(store) == 600);
    kit_up(&platform);
    struct phi_topic_reader *platform_reader =
        read_topic(&platform, "phi.320000.directory", &listed);
    kit_wait(30000, listed.distinct == 600);
    kit_wait(10000, outbox_rows(store) == 0);
    assert_int_equal(declared.count, 50);
    assert_int_equal(listed.count, 600);
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    phi_topic_reader_close(reader);
    phi_topic_reader_close(platform_reader);
    phi_producer_close(to_province);
    phi_producer_close(to_platform);
    phi_store_close(store);
    kit_cluster_close(&province);
    kit_cluster_close(&platform);
}

/* A row carries the whole event; a broken row is none. */
static void test_row(void **state)
{
    (void)state;
    struct phi_store *store = open_store("rows");
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    struct kit_event room;
    struct phi_event event = kit_event(&room, TOPIC, 1);
    struct phi_event back;
    struct phi_rows *rows = NULL;
    event.request_id = "r-1";
    assert_ok(phi_event_add(&event, "phi-mac", phi_view_text("a\"\\/b")));
    struct phi_event tombstone = kit_event(&room, TOPIC, 2);
    tombstone.is_tombstone = true;
    tombstone.value = phi_view_of(NULL, 0);
    tombstone.is_placed = true;
    tombstone.partition = 5;
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_event_put(conn, &event, NULL));
    assert_ok(phi_event_put(conn, &tombstone, NULL));
    assert_ok(phi_outbox_read(conn, INT64_MAX, 10, &rows, NULL));
    assert_int_equal(phi_rows_count(rows), 2);
    assert_ok(phi_event_from_row(rows, 0, arena, &back, NULL));
    assert_memory_equal(back.id, event.id, 16);
    assert_string_equal(back.topic, TOPIC);
    assert_string_equal(back.request_id, "r-1");
    assert_false(back.is_placed);
    assert_int_equal(back.extra_count, 1);
    assert_true(phi_view_equal(back.extra[0].value, phi_view_text("a\"\\/b")));
    assert_ok(phi_event_from_row(rows, 1, arena, &back, NULL));
    assert_true(back.is_tombstone && back.is_placed && back.partition == 5);
    phi_rows_free(rows);
    assert_ok(phi_conn_script(
        conn, "UPDATE outbox SET headers = replace(headers, 'ce_id', 'ce_di')", NULL));
    assert_ok(phi_outbox_read(conn, INT64_MAX, 10, &rows, NULL));
    assert_int_equal(phi_event_from_row(rows, 0, arena, &back, NULL), PHI_ERR_DATA_BROKEN);
    phi_rows_free(rows);
    phi_store_release(conn);
    phi_arena_free(arena);
    phi_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relay_after_kill), cmocka_unit_test(test_row),
        cmocka_unit_test(test_relay_direct),     cmocka_unit_test(test_relay_outage),
        cmocka_unit_test(test_fenced),           cmocka_unit_test(test_retry),
        cmocka_unit_test(test_poison),           cmocka_unit_test(test_poison_stops),
        cmocka_unit_test(test_lost_offsets),     cmocka_unit_test(test_late_topic),
        cmocka_unit_test(test_rebalance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
