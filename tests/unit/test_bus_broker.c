/* Producer and topic reader against librdkafka's mock cluster. */
#include "bus/bus.h"
#include "bus/producer.h"
#include "bus/reader.h"
#include "bus/sending.h"

#include "bus_kit.h"

#include <pthread.h>

#define TOPIC "phi.320000.declare.health"

struct answers {
    atomic_int ok;
    atomic_int failed;
};

static void on_done(void *context, enum phi_err err)
{
    struct answers *answers = context;
    atomic_fetch_add(err == PHI_OK ? &answers->ok : &answers->failed, 1);
}

struct seen {
    atomic_int count;
    atomic_int tombstones;
    atomic_int ends;
    atomic_int misplaced;
    atomic_int broken;
    int32_t partitions;
};

static void on_record(const struct phi_msg *msg, void *context)
{
    struct seen *seen = context;
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    if (phi_event_parse(msg, arena, &event, NULL) != PHI_OK)
        atomic_fetch_add(&seen->broken, 1);
    if (phi_partition_of(msg->key, seen->partitions) != msg->partition)
        atomic_fetch_add(&seen->misplaced, 1);
    atomic_fetch_add(&seen->tombstones, msg->is_tombstone);
    atomic_fetch_add(&seen->count, 1);
    phi_arena_free(arena);
}

static void on_end(void *context)
{
    struct seen *seen = context;
    atomic_fetch_add(&seen->ends, 1);
}

static struct phi_topic_reader *open_reader(const struct kit_cluster *cluster, const char *topic,
                                            struct seen *seen)
{
    struct phi_topic_reader *reader = NULL;
    struct phi_topic_reader_options options = {
        .bus = {.brokers = cluster->brokers, .client_id = "test"},
        .topic = topic,
        .record = on_record,
        .caught_up = on_end,
        .context = seen};
    assert_ok(phi_topic_reader_open(&options, &reader, NULL));
    return reader;
}

static void send_many(struct phi_producer *producer, unsigned from, unsigned to,
                      struct answers *answers)
{
    for (unsigned n = from; n < to; n++) {
        struct kit_event room;
        struct phi_event event = kit_event(&room, TOPIC, n);
        assert_ok(phi_producer_send(producer, &event, on_done, answers));
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct answers answers = {0};
    struct seen seen = {.partitions = 7};
    kit_topic(&cluster, TOPIC, 7);
    struct phi_producer *producer = kit_producer(&cluster, 10000);
    struct phi_topic_reader *reader = open_reader(&cluster, TOPIC, &seen);
    send_many(producer, 0, 1000, &answers);
    struct kit_event room;
    struct phi_event last = kit_event(&room, TOPIC, 5000);
    last.is_tombstone = true;
    last.value = phi_view_of(NULL, 0);
    assert_ok(phi_producer_send(producer, &last, on_done, &answers));
    assert_ok(phi_producer_flush(producer, phi_deadline_in_ms(10000)));
    assert_int_equal(answers.ok, 1001);
    assert_true(phi_bus_is_up(producer));
    kit_wait(10000, seen.count == 1001);
    assert_int_equal(seen.misplaced, 0);
    assert_int_equal(seen.broken, 0);
    assert_int_equal(seen.tombstones, 1);
    assert_ok(phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(10000)));
    phi_topic_reader_close(reader);
    phi_producer_close(producer);
    kit_cluster_close(&cluster);
}

/* The reader is there before broker and topic, and goes on after an outage. */
static void test_reader_outage(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct answers answers = {0};
    struct seen seen = {.partitions = 3};
    kit_down(&cluster);
    struct phi_topic_reader *reader = open_reader(&cluster, TOPIC, &seen);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    assert_int_equal(phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(300)),
                     PHI_ERR_DEADLINE);
    assert_false(phi_bus_is_up(producer));
    kit_topic(&cluster, TOPIC, 3);
    kit_up(&cluster);
    send_many(producer, 0, 100, &answers);
    kit_wait(20000, answers.ok == 100);
    kit_wait(10000, seen.count == 100);
    assert_ok(phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(10000)));
    kit_down(&cluster);
    kit_wait(10000, !phi_bus_is_up(producer));
    send_many(producer, 100, 200, &answers);
    kit_up(&cluster);
    kit_wait(20000, answers.ok == 200);
    kit_wait(20000, seen.count >= 200);
    kit_wait(10000, phi_bus_is_up(producer));
    phi_topic_reader_close(reader);
    phi_producer_close(producer);
    kit_cluster_close(&cluster);
}

static void test_reader_empty_topic(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct seen seen = {.partitions = 1};
    kit_topic(&cluster, "phi.registry", 1);
    struct phi_topic_reader *reader = open_reader(&cluster, "phi.registry", &seen);
    assert_ok(phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(10000)));
    assert_int_equal(seen.ends, 1);
    phi_topic_reader_close(reader);
    kit_cluster_close(&cluster);
}

/* Full is said at once, what was taken is answered, and closing with a dead broker doesn't hang. */
static void test_bounds(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct answers answers = {0};
    struct phi_producer *producer = NULL;
    kit_down(&cluster);
    struct phi_producer_options options = {
        .bus = {.brokers = cluster.brokers}, .queue_max_count = 10, .message_deadline_ms = 1000};
    assert_ok(phi_producer_open(&options, &producer, NULL));
    send_many(producer, 0, 10, &answers);
    struct kit_event room;
    struct phi_event event = kit_event(&room, TOPIC, 11);
    assert_int_equal(phi_producer_send(producer, &event, on_done, &answers), PHI_ERR_OVERLOAD);
    assert_int_equal(phi_producer_flush(producer, phi_deadline_in_ms(50)), PHI_ERR_DEADLINE);
    kit_wait(10000, answers.failed == 10); /* message_deadline_ms */
    assert_ok(phi_producer_flush(producer, phi_deadline_in_ms(50)));
    send_many(producer, 20, 25, &answers);
    phi_producer_close(producer); /* answers what waits */
    assert_int_equal(answers.failed, 15);
    assert_int_equal(answers.ok, 0);
    kit_cluster_close(&cluster);
}

static void send_some(struct phi_sending *sending, struct phi_producer *producer, unsigned from,
                      unsigned to)
{
    for (unsigned n = from; n < to; n++) {
        struct kit_event room;
        struct phi_event event = kit_event(&room, TOPIC, n);
        assert_ok(phi_sending_add(sending, producer, &event));
    }
}

/* All kept; some on their way past the deadline; their error, told once; dropped with some under
 * way, which the producer answers afterwards. */
static void test_sending(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    kit_topic(&cluster, TOPIC, 3);
    struct phi_producer *producer = kit_producer(&cluster, 3000);
    struct phi_sending *sending = phi_sending_new();
    assert_non_null(sending);
    assert_ok(phi_sending_wait(sending, phi_deadline_in_ms(0)));
    send_some(sending, producer, 0, 100);
    assert_ok(phi_sending_wait(sending, phi_deadline_in_ms(10000)));
    kit_down(&cluster);
    send_some(sending, producer, 100, 110);
    assert_int_equal(phi_sending_wait(sending, phi_deadline_in_ms(20)), PHI_ERR_DEADLINE);
    assert_int_not_equal(phi_sending_wait(sending, phi_deadline_in_ms(20000)), PHI_OK);
    assert_ok(phi_sending_wait(sending, phi_deadline_in_ms(0)));
    send_some(sending, producer, 110, 120);
    phi_sending_drop(sending);
    phi_producer_close(producer);
    kit_cluster_close(&cluster);
}

static void test_refused(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_error error = {0};
    struct phi_producer *producer = NULL;
    struct phi_topic_reader *reader = NULL;
    char *id = NULL;
    assert_int_equal(phi_producer_open(&(struct phi_producer_options){0}, &producer, &error),
                     PHI_ERR_CONFIG);
    assert_string_equal(error.place, "brokers");
    assert_int_equal(
        phi_topic_reader_open(&(struct phi_topic_reader_options){.topic = "a"}, &reader, &error),
        PHI_ERR_CONFIG);
    struct phi_bus_options bus = {.brokers = cluster.brokers};
    assert_ok(phi_bus_cluster_id(&bus, phi_deadline_in_ms(5000), &id, &error));
    assert_true(strlen(id) > 0);
    free(id);
    kit_down(&cluster);
    assert_int_equal(phi_bus_cluster_id(&bus, phi_deadline_in_ms(300), &id, &error), PHI_ERR_BUS);
    kit_cluster_close(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reader_outage),
        cmocka_unit_test(test_reader_empty_topic),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_sending),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
