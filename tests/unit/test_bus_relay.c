/* The outbox relay: librdkafka's mock cluster and a real PostgreSQL (tests/tools/with-postgres). */
#include "bus/event_row.h"
#include "bus/laid.h"
#include "bus/reader.h"
#include "bus/relay.h"

#include "bus_store_kit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* Many events in one statement, kept until the COMMIT and offered then: each goes out once. */
static void commit_laid(struct phi_store *store, struct phi_relay *relay, unsigned from,
                        unsigned to)
{
    struct phi_conn *conn = NULL;
    struct phi_laid laid = {0};
    struct kit_event rooms[64];
    struct phi_arena *arena = phi_arena_new(1024 * 1024);
    struct phi_event *events = phi_arena_alloc(arena, (to - from) * sizeof(*events));
    assert_true(to - from <= 64);
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &conn));
    for (unsigned n = from; n < to; n++)
        events[n - from] = kit_event(&rooms[n - from], TOPIC, n);
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(phi_event_put_all(conn, events, to - from, arena, NULL));
    phi_laid_keep(&laid, arena, events, to - from);
    assert_ok(phi_conn_commit(conn, NULL));
    phi_store_release(conn);
    phi_laid_offer(&laid, relay);
    assert_null(laid.arena);
    phi_laid_offer(&laid, relay);
}

static void test_relay_direct(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = kit_store("direct");
    struct phi_relay *relay = NULL;
    struct seen seen = {0};
    kit_topics(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 30000);
    kit_wait(10000, phi_bus_is_up(producer));
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store, .producer = producer},
                             &relay, NULL));
    struct phi_topic_reader *reader = read_topic(&cluster, TOPIC, &seen);
    commit_events(store, relay, TOPIC, 0, 500);
    kit_wait(20000, seen.count == 500);
    commit_laid(store, relay, 500, 560);
    kit_wait(20000, seen.count == 560);
    kit_wait(10000, kit_outbox_rows(store) == 0);
    assert_int_equal(seen.distinct, 560);
    assert_false(phi_relay_has_backlog(relay));
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    assert_int_equal(seen.count, 560);
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
    struct phi_store *store = kit_store("outage");
    struct phi_relay *relay = NULL;
    struct seen seen = {0};
    kit_topics(&cluster);
    kit_down(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 2000);
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store, .producer = producer},
                             &relay, NULL));
    commit_events(store, relay, TOPIC, 0, 300);
    assert_true(phi_relay_has_backlog(relay));
    kit_up(&cluster);
    struct phi_topic_reader *reader = read_topic(&cluster, TOPIC, &seen);
    kit_wait(30000, seen.distinct == 300);
    kit_wait(10000, kit_outbox_rows(store) == 0);
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
    kit_wait(10000, kit_outbox_rows(store) == 0);
    kit_wait(10000, !phi_relay_has_backlog(relay));
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    phi_topic_reader_close(reader);
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* Past its bounds the table is told to be heavy, then full; neither once it is drained, although
 * what it takes on the disk stays for a while. */
static void test_relay_bounds(void **state)
{
    (void)state;
    struct kit_cluster cluster = kit_cluster_open();
    struct phi_store *store = kit_store("bounds");
    struct phi_relay *relay = NULL;
    kit_topics(&cluster);
    kit_down(&cluster);
    struct phi_producer *producer = kit_producer(&cluster, 2000);
    assert_ok(phi_relay_open(&(struct phi_relay_options){.store = store,
                                                         .producer = producer,
                                                         .period_ms = 100,
                                                         .warn_bytes = 200 * 1024,
                                                         .max_bytes = 500 * 1024},
                             &relay, NULL));
    commit_events(store, relay, TOPIC, 0, 100);
    kit_pause_ms(500);
    assert_int_equal(phi_relay_weight(relay), PHI_RELAY_LIGHT);
    unsigned n = 100;
    for (; n < 20000 && phi_relay_weight(relay) == PHI_RELAY_LIGHT; n += 100)
        commit_events(store, relay, TOPIC, n, n + 100);
    assert_int_equal(phi_relay_weight(relay), PHI_RELAY_HEAVY);
    for (; n < 20000 && phi_relay_weight(relay) != PHI_RELAY_FULL; n += 100)
        commit_events(store, relay, TOPIC, n, n + 100);
    assert_int_equal(phi_relay_weight(relay), PHI_RELAY_FULL);
    assert_in_range(kit_count(store, "bytes", "SELECT pg_total_relation_size('outbox')"),
                    500 * 1024, 2 * 1024 * 1024);
    kit_up(&cluster);
    kit_wait(40000, kit_outbox_rows(store) == 0);
    kit_wait(10000, phi_relay_weight(relay) == PHI_RELAY_LIGHT);
    assert_ok(phi_relay_close(relay, phi_deadline_in_ms(5000)));
    phi_producer_close(producer);
    phi_store_close(store);
    kit_cluster_close(&cluster);
}

/* A process killed between commit and publishing: the next one's relay finds the rows. Two buses:
 * the one that is down doesn't hold the other back. */
static void test_relay_after_kill(void **state)
{
    (void)state;
    struct phi_store *store = kit_store("killed");
    phi_store_close(store);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        store = kit_store("killed");
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
    store = kit_store("killed");
    kit_topics(&province);
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
    kit_wait(10000, kit_outbox_rows(store) == 600);
    kit_up(&platform);
    struct phi_topic_reader *platform_reader =
        read_topic(&platform, "phi.320000.directory", &listed);
    kit_wait(30000, listed.distinct == 600);
    kit_wait(10000, kit_outbox_rows(store) == 0);
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
    struct phi_store *store = kit_store("rows");
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

/* The one that forks comes first: before there are threads. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relay_after_kill), cmocka_unit_test(test_row),
        cmocka_unit_test(test_relay_direct),     cmocka_unit_test(test_relay_outage),
        cmocka_unit_test(test_relay_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
