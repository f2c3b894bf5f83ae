#include "bus/consumer.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/consumer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS        100
#define HINT_EVERY_US  1000000
#define PROBE_EVERY_US 2000000
#define PROBE_MS       500
#define GATHER_MAX     4096
#define LEAVE_MS       3000 /* of the drain time; then the session's time-out tells the group */

/* --- callbacks of the library, on the consumer's thread while it polls --- */

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct phi_consumer *consumer = opaque;
    /* what the group gives while we leave it would never be given back */
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !atomic_load(&consumer->is_stopping)) {
        phi_consumer_assigned(consumer, partitions);
        return;
    }
    phi_consumer_revoked(consumer);
    (void)rd_kafka_assign(handle, NULL);
}

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    (void)handle;
    (void)reason;
    struct phi_consumer *consumer = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && atomic_exchange(&consumer->is_up, false))
        phi_log(PHI_LOG_WARN, "bus_down", PHI_L_WORD("group", consumer->options.group));
}

/* --- the thread --- */

static void take_error(struct phi_consumer *consumer, const rd_kafka_message_t *msg)
{
    switch (msg->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        phi_log(PHI_LOG_WARN, "offset_out_of_range", PHI_L_INT("partition", msg->partition));
        phi_consumer_unsettle(consumer, 0); /* settling looks at the range and decides */
        return;
    case RD_KAFKA_RESP_ERR__FATAL:
        phi_log(PHI_LOG_ERROR, "consumer_fatal", PHI_L_WORD("group", consumer->options.group));
        atomic_store(&consumer->is_stopped, true);
        return;
    default: /* outages and topics that are not there yet: the library goes on by itself */
        return;
    }
}

/* True while the batch may grow. */
static bool take(struct phi_consumer *consumer, rd_kafka_message_t *msg)
{
    if (msg->err) {
        take_error(consumer, msg);
        rd_kafka_message_destroy(msg);
        return false;
    }
    struct phi_part *part =
        phi_consumer_part(consumer, rd_kafka_topic_name(msg->rkt), msg->partition);
    phi_consumer_hold(consumer, msg);
    return !part || (part->held_count < consumer->options.batch_max &&
                     part->held_bytes < PHI_PART_BYTES_MAX);
}

/* The next time at which something held, or the settling, is to be tried again; at most IDLE_MS
 * from now. */
static int first_wait_ms(const struct phi_consumer *consumer)
{
    int64_t now_us = phi_monotonic_us();
    int64_t at_us = now_us + IDLE_MS * 1000;
    if (consumer->wanted && !consumer->is_settled && consumer->settle_at_us < at_us)
        at_us = consumer->settle_at_us;
    for (size_t i = 0; i < consumer->part_count; i++) {
        const struct phi_part *part = &consumer->parts[i];
        if (part->held_count > 0 && !part->is_stopped && part->retry_at_us < at_us)
            at_us = part->retry_at_us;
    }
    return at_us <= now_us ? 0 : (int)((at_us - now_us + 999) / 1000);
}

/* Polls: waits for a first record, then a little for more, until some part's batch is full. */
static void gather(struct phi_consumer *consumer)
{
    int wait_ms = first_wait_ms(consumer);
    struct phi_deadline linger = {0};
    for (int taken = 0; taken < GATHER_MAX; taken++) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(consumer->handle, wait_ms);
        if (!msg)
            return;
        if (!take(consumer, msg))
            return;
        if (taken == 0)
            linger = phi_deadline_in_ms(consumer->options.linger_ms);
        wait_ms = (int)phi_deadline_left_ms(linger);
    }
}

static void tend(struct phi_consumer *consumer)
{
    int64_t now_us = phi_monotonic_us();
    if (now_us - consumer->hinted_us > HINT_EVERY_US) {
        consumer->hinted_us = now_us;
        phi_consumer_hint(consumer);
    }
    if (!atomic_load(&consumer->is_up) && now_us - consumer->probed_us > PROBE_EVERY_US) {
        consumer->probed_us = now_us;
        atomic_store(&consumer->is_up, phi_kafka_answers(consumer->handle, PROBE_MS));
    }
}

static void tell(struct phi_consumer *consumer, bool *what)
{
    pthread_mutex_lock(&consumer->mutex);
    *what = true;
    pthread_cond_broadcast(&consumer->changed);
    pthread_mutex_unlock(&consumer->mutex);
}

static bool await(struct phi_consumer *consumer, const bool *what, struct phi_deadline deadline)
{
    pthread_mutex_lock(&consumer->mutex);
    while (!*what && phi_bus_cond_wait(&consumer->changed, &consumer->mutex, deadline))
        ;
    bool is_so = *what;
    pthread_mutex_unlock(&consumer->mutex);
    return is_so;
}

static void *consumer_main(void *context)
{
    struct phi_consumer *consumer = context;
    while (!atomic_load(&consumer->is_stopping)) {
        phi_consumer_settle(consumer);
        gather(consumer);
        phi_consumer_work(consumer);
        tend(consumer);
    }
    phi_consumer_hint(consumer);
    phi_consumer_revoked(consumer);
    tell(consumer, &consumer->has_ended);
    return NULL;
}

/* Leaving asks the broker, and the library has been seen not to come back from that: a thread of
 * its own, so that whoever closes need not wait for it. */
static void *leave_main(void *context)
{
    struct phi_consumer *consumer = context;
    rd_kafka_consumer_close(consumer->handle);
    rd_kafka_destroy(consumer->handle);
    tell(consumer, &consumer->has_left);
    return NULL;
}

/* --- life --- */

static enum phi_err make_conf(struct phi_consumer *consumer, rd_kafka_conf_t **out,
                              struct phi_error *error)
{
    static const char *const own[][2] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        {"partition.assignment.strategy", "range"},
        {"fetch.wait.max.ms", "50"},
        {"fetch.error.backoff.ms", "200"},
        {"queued.max.messages.kbytes", "16384"},
        {"heartbeat.interval.ms", "1000"},
        {"check.crcs", "true"},
    };
    enum phi_err err = PHI_OK;
    const struct phi_consumer_options *options = &consumer->options;
    rd_kafka_conf_t *conf = NULL;
    PHI_GUARD(phi_kafka_conf_new(&options->bus, &conf, error));
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        PHI_GUARD(phi_kafka_conf_set(conf, own[i][0], own[i][1], error));
    PHI_GUARD(phi_kafka_conf_set(conf, "group.id", options->group, error));
    PHI_GUARD(phi_kafka_conf_int(conf, "session.timeout.ms", options->session_ms, error));
    PHI_GUARD(phi_kafka_conf_int(conf, "max.poll.interval.ms", options->session_ms * 30, error));
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    *out = conf;
    conf = NULL;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

static enum phi_err subscribe(struct phi_consumer *consumer,
                              const struct phi_consumer_options *options, struct phi_error *error)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)options->topic_count);
    for (size_t i = 0; i < options->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, options->topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return phi_error_set(error, PHI_ERR_CONFIG, "topics", "refused by the bus library");
    return PHI_OK;
}

static void make_metrics(struct phi_consumer *consumer)
{
    char labels[96];
    snprintf(labels, sizeof(labels), "group=\"%s\"", consumer->options.group);
    consumer->records = phi_counter_new("phi_consumer_records_total", "records counted", labels);
    consumer->batches =
        phi_counter_new("phi_consumer_batches_total", "transactions committed", labels);
    consumer->retries =
        phi_counter_new("phi_consumer_retries_total", "batches that come again", labels);
    consumer->fenced =
        phi_counter_new("phi_consumer_fenced_total", "batches of a lost partition", labels);
    consumer->poison = phi_counter_new("phi_consumer_poison_total", "records set aside", labels);
    consumer->lag =
        phi_gauge_new("phi_consumer_lag", "records behind, over owned partitions", labels);
    consumer->partitions = phi_gauge_new("phi_consumer_partitions", "partitions owned", labels);
}

static void set_defaults(struct phi_consumer_options *options)
{
    if (options->batch_max == 0)
        options->batch_max = 256;
    if (options->linger_ms <= 0)
        options->linger_ms = 20;
    if (options->session_ms <= 0)
        options->session_ms = 6000; /* brokers refuse less unless told otherwise */
    if (options->lanes == 0)
        options->lanes = 1;
}

static enum phi_err start(struct phi_consumer *consumer, const struct phi_consumer_options *options,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = NULL;
    PHI_GUARD(phi_lanes_open(consumer));
    consumer->options.group = strdup(options->group);
    PHI_GUARD(consumer->options.group ? PHI_OK : PHI_ERR_MEMORY);
    make_metrics(consumer);
    PHI_GUARD(make_conf(consumer, &conf, error));
    PHI_GUARD(phi_kafka_open(RD_KAFKA_CONSUMER, &conf, &consumer->handle, error));
    consumer->options.bus = (struct phi_bus_options){0};
    PHI_GUARD(phi_kafka_err(rd_kafka_poll_set_consumer(consumer->handle)));
    PHI_GUARD(subscribe(consumer, options, error));
    consumer->has_thread = pthread_create(&consumer->thread, NULL, consumer_main, consumer) == 0;
    if (!consumer->has_thread)
        err = PHI_ERR_MEMORY;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

static void consumer_free(struct phi_consumer *consumer)
{
    pthread_cond_destroy(&consumer->changed);
    pthread_mutex_destroy(&consumer->mutex);
    free(consumer->cluster_id);
    free((char *)consumer->options.group);
    free(consumer);
}

enum phi_err phi_consumer_open(const struct phi_consumer_options *options,
                               struct phi_consumer **out, struct phi_error *error)
{
    if (!options->group || !options->store || !options->handle || options->topic_count == 0)
        return phi_error_set(error, PHI_ERR_CONFIG, "consumer",
                             "a consumer needs group, topics, store and handler");
    if (options->batch_max > 10000)
        return phi_error_set(error, PHI_ERR_CONFIG, "batch_max", "over 10,000");
    if (options->lanes > PHI_CONSUMER_LANES_MAX)
        return phi_error_set(error, PHI_ERR_CONFIG, "lanes", "too many");
    struct phi_consumer *consumer = calloc(1, sizeof(*consumer));
    if (!consumer)
        return PHI_ERR_MEMORY;
    consumer->options = *options;
    consumer->options.group = NULL;
    consumer->options.topics = NULL;
    set_defaults(&consumer->options);
    pthread_mutex_init(&consumer->mutex, NULL);
    phi_bus_cond_init(&consumer->changed);
    enum phi_err err = start(consumer, options, error);
    if (err == PHI_OK) {
        *out = consumer;
        return PHI_OK;
    }
    if (consumer->handle)
        rd_kafka_destroy(consumer->handle);
    phi_lanes_close(consumer);
    consumer_free(consumer);
    return err;
}

bool phi_consumer_is_up(const struct phi_consumer *consumer)
{
    return atomic_load(&consumer->is_up);
}

bool phi_consumer_is_stopped(const struct phi_consumer *consumer)
{
    return atomic_load(&consumer->is_stopped);
}

size_t phi_consumer_owned(const struct phi_consumer *consumer)
{
    return atomic_load(&consumer->owned);
}

int32_t phi_consumer_partitions(const struct phi_consumer *consumer)
{
    return atomic_load(&consumer->partition_count);
}

/* False: a detached thread goes on with it, and keeps what it needs. */
static bool leave(struct phi_consumer *consumer, struct phi_deadline deadline)
{
    pthread_t thread;
    struct phi_deadline own = phi_deadline_in_ms(LEAVE_MS);
    if (pthread_create(&thread, NULL, leave_main, consumer) != 0)
        return false;
    pthread_detach(thread);
    if (phi_deadline_left_ms(deadline) < phi_deadline_left_ms(own))
        own = deadline;
    return await(consumer, &consumer->has_left, own);
}

/* What its thread still needs stays, and stays to be found. */
static void keep_leaving(struct phi_consumer *consumer)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct phi_consumer *leaving;
    pthread_mutex_lock(&mutex);
    consumer->next_left = leaving;
    leaving = consumer;
    pthread_mutex_unlock(&mutex);
}

enum phi_err phi_consumer_close(struct phi_consumer *consumer, struct phi_deadline deadline)
{
    if (!consumer)
        return PHI_OK;
    atomic_store(&consumer->is_stopping, true);
    bool is_late = !await(consumer, &consumer->has_ended, deadline);
    pthread_join(consumer->thread, NULL);
    phi_lanes_close(consumer);
    if (!leave(consumer, deadline)) {
        keep_leaving(consumer);
        phi_log(PHI_LOG_WARN, "group_not_left", PHI_L_WORD("group", consumer->options.group));
        return PHI_ERR_DEADLINE;
    }
    consumer_free(consumer);
    return is_late ? PHI_ERR_DEADLINE : PHI_OK;
}
