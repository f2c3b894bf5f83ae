#include "bus/reader.h"

#include "base/log.h"
#include "bus/bus_internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MAX 1024
#define WAIT_MS        100
#define ASK_MS         1000
#define ASK_EVERY_US   10000000
#define FRESH_US       15000000

struct phi_topic_reader {
    struct phi_topic_reader_options options;
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    atomic_bool is_caught_up;
    _Atomic int64_t answered_us;
    pthread_mutex_t mutex; /* with `changed` */
    pthread_cond_t changed;
    /* The thread's own. */
    int32_t partitions; /* read from now on; 0: the topic was not seen yet */
    int32_t at_end;     /* how many of them have reached their end once */
    bool ended[PARTITIONS_MAX];
};

/* How many partitions the topic has now; 0 when no broker answers or there is no such topic. */
static int32_t ask_partitions(struct phi_topic_reader *reader)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int32_t count = 0;
    if (rd_kafka_metadata(reader->handle, 0, reader->topic, &metadata, ASK_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    atomic_store(&reader->answered_us, phi_monotonic_us());
    if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count > PARTITIONS_MAX ? PARTITIONS_MAX : count;
}

/* A broker that knows no times gives all; a time after all records, the end. */
static int64_t first_since(const struct phi_topic_reader *reader, int32_t partition)
{
    int64_t first = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    if (list == NULL)
        return first;
    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_add(list, rd_kafka_topic_name(reader->topic), partition);
    at->offset = reader->options.since_ms;
    if (rd_kafka_offsets_for_times(reader->handle, list, ASK_MS * 5) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        at->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        first = at->offset < 0 ? RD_KAFKA_OFFSET_END : at->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return first;
}

static int64_t first_of(const struct phi_topic_reader *reader, int32_t partition)
{
    if (reader->options.first == NULL && reader->options.since_ms > 0)
        return first_since(reader, partition);
    int64_t first = reader->options.first == NULL
                        ? -1
                        : reader->options.first(partition, reader->options.context);
    return first < 0 ? RD_KAFKA_OFFSET_BEGINNING : first;
}

/* Begins to read partitions that were not known yet. */
static void start_partitions(struct phi_topic_reader *reader, int32_t count)
{
    while (reader->partitions < count) {
        if (rd_kafka_consume_start_queue(reader->topic, reader->partitions,
                                         first_of(reader, reader->partitions), reader->queue) != 0)
            return;
        reader->partitions++;
    }
}

static void tell_caught_up(struct phi_topic_reader *reader)
{
    if (reader->options.caught_up)
        reader->options.caught_up(reader->options.context);
    pthread_mutex_lock(&reader->mutex);
    atomic_store(&reader->is_caught_up, true);
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static void take_end(struct phi_topic_reader *reader, int32_t partition)
{
    if (partition < 0 || partition >= reader->partitions || reader->ended[partition])
        return;
    reader->ended[partition] = true;
    if (++reader->at_end == reader->partitions)
        tell_caught_up(reader);
}

static void take(struct phi_topic_reader *reader, const rd_kafka_message_t *from)
{
    struct phi_msg msg;
    if (from->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        atomic_store(&reader->answered_us, phi_monotonic_us());
        take_end(reader, from->partition);
        return;
    }
    if (from->err)
        return; /* outages: the library goes on by itself */
    atomic_store(&reader->answered_us, phi_monotonic_us());
    phi_kafka_msg(from, &msg);
    reader->options.record(&msg, reader->options.context);
}

static void pause_ms(struct phi_topic_reader *reader, int64_t ms)
{
    struct phi_deadline deadline = phi_deadline_in_ms(ms);
    pthread_mutex_lock(&reader->mutex);
    while (!atomic_load(&reader->is_stopping) &&
           phi_bus_cond_wait(&reader->changed, &reader->mutex, deadline))
        ;
    pthread_mutex_unlock(&reader->mutex);
}

static void *reader_main(void *context)
{
    struct phi_topic_reader *reader = context;
    int64_t asked_us = 0;
    while (!atomic_load(&reader->is_stopping)) {
        int64_t now_us = phi_monotonic_us();
        if (!reader->partitions || now_us - asked_us > ASK_EVERY_US) {
            start_partitions(reader, ask_partitions(reader));
            asked_us = now_us;
        }
        if (!reader->partitions) {
            pause_ms(reader, 250);
            continue;
        }
        rd_kafka_message_t *msg = rd_kafka_consume_queue(reader->queue, WAIT_MS);
        if (!msg)
            continue;
        take(reader, msg);
        rd_kafka_message_destroy(msg);
    }
    for (int32_t i = 0; i < reader->partitions; i++)
        rd_kafka_consume_stop(reader->topic, i);
    return NULL;
}

static enum phi_err make_conf(const struct phi_topic_reader_options *options, rd_kafka_conf_t **out,
                              struct phi_error *error)
{
    static const char *const own[][2] = {
        {"enable.partition.eof", "true"}, {"auto.offset.reset", "earliest"},
        {"fetch.wait.max.ms", "100"},     {"fetch.error.backoff.ms", "200"},
        {"enable.auto.commit", "false"},  {"queued.max.messages.kbytes", "16384"},
        {"check.crcs", "true"},
    };
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = NULL;
    PHI_GUARD(phi_kafka_conf_new(&options->bus, &conf, error));
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        PHI_GUARD(phi_kafka_conf_set(conf, own[i][0], own[i][1], error));
    *out = conf;
    conf = NULL;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

static enum phi_err start(struct phi_topic_reader *reader,
                          const struct phi_topic_reader_options *options, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = NULL;
    PHI_GUARD(make_conf(options, &conf, error));
    PHI_GUARD(phi_kafka_open(RD_KAFKA_CONSUMER, &conf, &reader->handle, error));
    reader->topic = rd_kafka_topic_new(reader->handle, options->topic, NULL);
    reader->queue = rd_kafka_queue_new(reader->handle);
    if (!reader->topic || !reader->queue) {
        err = phi_error_set(error, PHI_ERR_CONFIG, "topic", "not a topic's name");
        goto out;
    }
    reader->has_thread = pthread_create(&reader->thread, NULL, reader_main, reader) == 0;
    if (!reader->has_thread)
        err = PHI_ERR_MEMORY;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

enum phi_err phi_topic_reader_open(const struct phi_topic_reader_options *options,
                                   struct phi_topic_reader **out, struct phi_error *error)
{
    if (!options->topic || !options->record)
        return phi_error_set(error, PHI_ERR_CONFIG, "topic",
                             "a reader needs a topic and a callback");
    struct phi_topic_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return PHI_ERR_MEMORY;
    reader->options = *options;
    reader->options.bus = (struct phi_bus_options){0};
    reader->options.topic = NULL;
    pthread_mutex_init(&reader->mutex, NULL);
    phi_bus_cond_init(&reader->changed);
    enum phi_err err = start(reader, options, error);
    if (err == PHI_OK)
        *out = reader;
    else
        phi_topic_reader_close(reader);
    return err;
}

enum phi_err phi_topic_reader_wait_caught_up(struct phi_topic_reader *reader,
                                             struct phi_deadline deadline)
{
    pthread_mutex_lock(&reader->mutex);
    while (!atomic_load(&reader->is_caught_up) && !atomic_load(&reader->is_stopping) &&
           phi_bus_cond_wait(&reader->changed, &reader->mutex, deadline))
        ;
    pthread_mutex_unlock(&reader->mutex);
    return atomic_load(&reader->is_caught_up) ? PHI_OK : PHI_ERR_DEADLINE;
}

bool phi_topic_reader_is_caught_up(const struct phi_topic_reader *reader)
{
    return atomic_load(&reader->is_caught_up);
}

bool phi_topic_reader_is_up(const struct phi_topic_reader *reader)
{
    int64_t answered_us = atomic_load(&reader->answered_us);
    return answered_us > 0 && phi_monotonic_us() - answered_us < FRESH_US;
}

void phi_topic_reader_close(struct phi_topic_reader *reader)
{
    if (!reader)
        return;
    pthread_mutex_lock(&reader->mutex);
    atomic_store(&reader->is_stopping, true);
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    if (reader->has_thread)
        pthread_join(reader->thread, NULL);
    if (reader->queue)
        rd_kafka_queue_destroy(reader->queue);
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->handle)
        rd_kafka_destroy(reader->handle);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
    free(reader);
}
