/* Consumer and dead letters: librdkafka's mock cluster and a real PostgreSQL
 * (tests/tools/with-postgres). */
#include "bus/consumer.h"
#include "bus/dlq.h"
#include "bus/reader.h"
#include "bus/relay.h"

#include "bus_store_kit.h"

static int64_t counted(struct phi_store *store)
{
    return kit_count(store, "counted", "SELECT count(*) FROM counted");
}

static int64_t counted_twice(struct phi_store *store)
{
    return kit_count(store, "twice", "SELECT count(*) FROM counted WHERE times > 1");
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
    size_t lanes;
    atomic_int busy[PHI_CONSUMER_LANES_MAX]; /* batches that a lane has at once: one */
    atomic_int clashes; /* of a lane, or of a partition that changed its lane */
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
    size_t lanes = worker->lanes ? worker->lanes : 1;
    if (batch->lane != (size_t)batch->partition % lanes ||
        atomic_fetch_add(&worker->busy[batch->lane], 1) != 0)
        atomic_fetch_add(&worker->clashes, 1);
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
    atomic_fetch_sub(&worker->busy[batch->lane], 1);
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
        .lanes = worker->lanes,
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

/* Two replicas: one comes while records flow, the first one goes; each record counts exactly once.
 */
static void test_rebalance(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = kit_store("rebalance");
    struct worker first = {.slow_ms = 2, .lanes = 3};
    struct worker second = {.slow_ms = 2};
    kit_topics(&cluster);
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
    assert_int_equal(kit_count(store, "values", "SELECT count(DISTINCT n) FROM counted"), 5000);
    assert_int_equal(first.owned, 0);
    assert_int_equal(first.clashes + second.clashes, 0);
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
    struct phi_store *store = kit_store("fenced");
    struct worker worker = {.lanes = 4};
    kit_topics(&cluster);
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
    kit_wait(30000, kit_count(store, "there", "SELECT count(*) FROM counted") == 1000 - PARTITIONS);
    kit_pause_ms(300);
    assert_int_equal(counted(store),
                     1000 - PARTITIONS); /* one of each partition was the intruder's */
    assert_int_equal(counted_twice(store), 0);
    assert_true(worker.calls > calls);
    assert_int_equal(worker.clashes, 0);
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
    struct phi_store *store = kit_store("retry");
    struct worker worker = {.fail_store = 5, .fail_fenced = 2};
    kit_topics(&cluster);
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
    struct phi_store *store = kit_store("poison");
    struct worker worker = {.poison = "{\"n\":77}"};
    struct letters letters = {0};
    struct phi_seal_key *key = NULL;
    struct phi_dlq *dlq = NULL;
    struct phi_relay *relay = NULL;
    struct phi_topic_reader *reader = NULL;
    kit_topics(&cluster);
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
    kit_wait(10000, kit_outbox_rows(store) == 0);
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
    struct phi_store *store = kit_store("stops");
    struct worker worker = {.poison = "{\"n\":0}"};
    kit_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    send_range(producer, TOPIC, 0, 200);
    kit_wait(30000, phi_consumer_is_stopped(consumer));
    kit_wait(30000, kit_count(store, "parts", "SELECT count(DISTINCT partition) FROM counted") >=
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
    struct phi_store *store = kit_store("lost");
    struct worker worker = {0};
    char *id = NULL;
    kit_topics(&cluster);
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
    struct phi_store *store = kit_store("late");
    struct worker worker = {0};
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    kit_pause_ms(1000);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    send_range(producer, TOPIC, 0, 100); /* the mock cluster makes the topic on demand */
    kit_wait(40000, counted(store) == 100);
    kit_down(&cluster);
    kit_wait(20000, !phi_consumer_is_up(consumer));
    int64_t began_us = phi_monotonic_us();
    (void)phi_consumer_close(consumer, phi_deadline_in_ms(20000)); /* nobody is there to be told */
    assert_true(phi_monotonic_us() - began_us < 8 * 1000000);
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* A broker that takes everything in and answers nothing: whoever closes is not held by it. */
static void test_close_without_answers(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = kit_store("unanswered");
    struct worker worker = {0};
    kit_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    struct phi_consumer *consumer = open_consumer(&cluster, store, &worker, NULL, false);
    send_range(producer, TOPIC, 0, 100);
    kit_wait(30000, counted(store) == 100);
    phi_producer_close(producer);
    assert_int_equal(rd_kafka_mock_broker_set_rtt(cluster.mock, -1, 30000), 0);
    int64_t began_us = phi_monotonic_us();
    assert_int_equal(phi_consumer_close(consumer, phi_deadline_in_ms(1500)), PHI_ERR_DEADLINE);
    assert_true(phi_monotonic_us() - began_us < 5 * 1000000);
    assert_int_equal(worker.owned, 0);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fenced),       cmocka_unit_test(test_retry),
        cmocka_unit_test(test_poison),       cmocka_unit_test(test_poison_stops),
        cmocka_unit_test(test_lost_offsets), cmocka_unit_test(test_late_topic),
        cmocka_unit_test(test_rebalance),    cmocka_unit_test(test_close_without_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
