/* What the bus's tests share: a mock cluster (real sockets), an event, waiting for a condition. */
#ifndef PHI_TESTS_UNIT_BUS_KIT_H
#define PHI_TESTS_UNIT_BUS_KIT_H

#include "bus/event.h"
#include "bus/producer.h"

#include "case.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef assert_ok
#define assert_ok(expression) assert_int_equal((expression), PHI_OK)
#endif

struct kit_cluster {
    rd_kafka_t *handle;
    rd_kafka_mock_cluster_t *mock;
    const char *brokers;
};

static inline struct kit_cluster kit_cluster_open(void)
{
    char text[256];
    struct kit_cluster cluster = {0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "3", text, sizeof(text));
    cluster.handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    cluster.mock = rd_kafka_mock_cluster_new(cluster.handle, 1);
    cluster.brokers = rd_kafka_mock_cluster_bootstraps(cluster.mock);
    return cluster;
}

static inline void kit_cluster_close(struct kit_cluster *cluster)
{
    rd_kafka_mock_cluster_destroy(cluster->mock);
    rd_kafka_destroy(cluster->handle);
}

static inline void kit_topic(struct kit_cluster *cluster, const char *topic, int partitions)
{
    assert_int_equal(rd_kafka_mock_topic_create(cluster->mock, topic, partitions, 1), 0);
}

static inline void kit_down(struct kit_cluster *cluster)
{
    assert_int_equal(rd_kafka_mock_broker_set_down(cluster->mock, -1), 0);
}

static inline void kit_up(struct kit_cluster *cluster)
{
    assert_int_equal(rd_kafka_mock_broker_set_up(cluster->mock, -1), 0);
}

static inline struct phi_producer *kit_producer(const struct kit_cluster *cluster,
                                                int64_t deadline_ms)
{
    struct phi_producer *producer = NULL;
    struct phi_producer_options options = {
        .bus = {.brokers = cluster->brokers, .client_id = "test"},
        .message_deadline_ms = deadline_ms};
    assert_ok(phi_producer_open(&options, &producer, NULL));
    return producer;
}

/* An event of subject number `n`, whose value is {"n":n}; parts live in static storage of the
 * caller's `room`. */
struct kit_event {
    uint8_t subject[16];
    char value[32];
};

static inline struct phi_event kit_event(struct kit_event *room, const char *topic, unsigned n)
{
    unsigned mixed = n * 2654435761u;
    memset(room->subject, 0, sizeof(room->subject));
    memcpy(room->subject, &mixed, sizeof(mixed));
    memcpy(room->subject + 8, &n, sizeof(n));
    snprintf(room->value, sizeof(room->value), "{\"n\":%u}", n);
    struct phi_event event = {.topic = topic,
                              .type = "phi.test.v1",
                              .source = "/320000/test",
                              .time_us = 1795259711000000,
                              .key = phi_view_of(room->subject, 16),
                              .value = phi_view_text(room->value)};
    assert_ok(phi_event_new_id(&event));
    return event;
}

static inline void kit_pause_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Waits until `condition` holds, at most `ms`. */
#define kit_wait(ms, condition)                                                                    \
    do {                                                                                           \
        struct phi_deadline kit_until = phi_deadline_in_ms(ms);                                    \
        while (!(condition) && !phi_deadline_is_past(kit_until))                                   \
            kit_pause_ms(10);                                                                      \
        if (!(condition))                                                                          \
            fail_msg("not within %d ms: %s", (int)(ms), #condition);                               \
    } while (0)

#endif
