#include "bus/producer.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/bus_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS        100
#define PROBE_MS       1000
#define PROBE_EVERY_US 1500000
#define FRESH_US       3000000
#define PURGE_MS       5000

struct phi_producer {
    struct phi_producer_options options; /* texts are copies in `texts` */
    rd_kafka_conf_t *conf;               /* the pattern a lost handle is made anew from */
    pthread_rwlock_t lock;               /* readers use `handle`, a writer replaces it */
    rd_kafka_t *handle;
    pthread_t poll_thread;
    pthread_t probe_thread;
    bool has_poll_thread;
    bool has_probe_thread;
    atomic_bool is_refusing;
    atomic_bool is_stopping;
    atomic_bool is_fatal;
    atomic_bool was_up;
    atomic_size_t waiting;
    _Atomic int64_t answered_us; /* when a broker last answered */
    pthread_mutex_t mutex;       /* with `idle` and `wake` */
    pthread_cond_t idle;
    pthread_cond_t wake;
    struct phi_counter *sent;
    struct phi_counter *failed;
    struct phi_gauge *depth;
    struct phi_histogram *delay;
};

struct sent {
    struct phi_producer *producer;
    void (*done)(void *context, enum phi_err err);
    void *context;
    int64_t at_us;
};

/* --- callbacks of the library, all on the poll thread --- */

static void answer(struct phi_producer *producer, struct sent *sent, enum phi_err err)
{
    if (sent->done)
        sent->done(sent->context, err);
    free(sent);
    /* who flushes has either seen the zero or waits by now */
    if (atomic_fetch_sub(&producer->waiting, 1) != 1)
        return;
    pthread_mutex_lock(&producer->mutex);
    pthread_cond_broadcast(&producer->idle);
    pthread_mutex_unlock(&producer->mutex);
}

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *msg, void *opaque)
{
    (void)handle;
    struct phi_producer *producer = opaque;
    struct sent *sent = msg->_private;
    int64_t now_us = phi_monotonic_us();
    if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        phi_counter_add(producer->sent, 1);
        phi_histogram_observe_us(producer->delay, now_us - sent->at_us);
        atomic_store(&producer->answered_us, now_us);
    } else {
        phi_counter_add(producer->failed, 1);
    }
    answer(producer, sent, phi_kafka_err(msg->err));
}

static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    (void)handle;
    (void)reason;
    struct phi_producer *producer = opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->is_fatal, true);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&producer->answered_us, 0);
}

static int32_t on_partition(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
                            int32_t count, void *topic_opaque, void *msg_opaque)
{
    int32_t partition = phi_partition_of(phi_view_of(key, key ? key_len : 0), count);
    if (partition >= 0)
        return partition;
    return rd_kafka_msg_partitioner_random(topic, key, key_len, count, topic_opaque, msg_opaque);
}

/* --- threads --- */

/* A fatal error ends an idempotent handle for good: what it held is answered as failed (the outbox
 * has it) and a new handle takes its place. */
static void replace_handle(struct phi_producer *producer)
{
    struct phi_error error = {0};
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
    rd_kafka_t *fresh = NULL;
    if (phi_kafka_open(RD_KAFKA_PRODUCER, &conf, &fresh, &error) != PHI_OK) {
        rd_kafka_conf_destroy(conf);
        return;
    }
    pthread_rwlock_wrlock(&producer->lock);
    rd_kafka_t *old = producer->handle;
    producer->handle = fresh;
    atomic_store(&producer->is_fatal, false);
    pthread_rwlock_unlock(&producer->lock);
    phi_log(PHI_LOG_WARN, "bus_producer_renewed", PHI_L_WORD("bus", producer->options.name));
    rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(old) > 0)
        rd_kafka_poll(old, POLL_MS);
    rd_kafka_destroy(old);
}

static void *poll_main(void *context)
{
    struct phi_producer *producer = context;
    pthread_setname_np(pthread_self(), "bus-answers");
    while (!atomic_load(&producer->is_stopping)) {
        rd_kafka_poll(producer->handle, POLL_MS); /* only this thread ever replaces it */
        phi_gauge_set(producer->depth, (int64_t)atomic_load(&producer->waiting));
        if (atomic_load(&producer->is_fatal))
            replace_handle(producer);
    }
    rd_kafka_purge(producer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(producer->handle) > 0)
        rd_kafka_poll(producer->handle, POLL_MS);
    return NULL;
}

static void tell_change(struct phi_producer *producer)
{
    bool is_up = phi_bus_is_up(producer);
    if (atomic_exchange(&producer->was_up, is_up) != is_up)
        phi_log(is_up ? PHI_LOG_INFO : PHI_LOG_WARN, is_up ? "bus_up" : "bus_down",
                PHI_L_WORD("bus", producer->options.name));
}

/* Deliveries show that the broker is there; without any, a metadata request asks it. */
static void *probe_main(void *context)
{
    struct phi_producer *producer = context;
    while (!atomic_load(&producer->is_stopping)) {
        if (phi_monotonic_us() - atomic_load(&producer->answered_us) > PROBE_EVERY_US) {
            pthread_rwlock_rdlock(&producer->lock);
            bool answers = phi_kafka_answers(producer->handle, PROBE_MS);
            pthread_rwlock_unlock(&producer->lock);
            if (answers)
                atomic_store(&producer->answered_us, phi_monotonic_us());
        }
        tell_change(producer);
        pthread_mutex_lock(&producer->mutex);
        if (!atomic_load(&producer->is_stopping))
            (void)phi_bus_cond_wait(&producer->wake, &producer->mutex, phi_deadline_in_ms(500));
        pthread_mutex_unlock(&producer->mutex);
    }
    return NULL;
}

/* --- life --- */

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static enum phi_err make_conf(struct phi_producer *producer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_producer_options *options = &producer->options;
    rd_kafka_topic_conf_t *topic = NULL;
    rd_kafka_conf_t *conf = NULL;
    PHI_GUARD(phi_kafka_conf_new(&options->bus, &conf, error));
    producer->conf = conf;
    PHI_GUARD(phi_kafka_conf_set(conf, "enable.idempotence", "true", error));
    PHI_GUARD(phi_kafka_conf_set(conf, "acks", "all", error));
    PHI_GUARD(phi_kafka_conf_int(conf, "queue.buffering.max.messages",
                                 or_default(options->queue_max_count, 20000), error));
    PHI_GUARD(phi_kafka_conf_int(conf, "queue.buffering.max.kbytes",
                                 or_default(options->queue_max_kbytes, 65536), error));
    PHI_GUARD(phi_kafka_conf_int(conf, "message.timeout.ms",
                                 or_default(options->message_deadline_ms, 30000), error));
    PHI_GUARD(phi_kafka_conf_int(conf, "linger.ms", or_default(options->linger_ms, 2), error));
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    topic = rd_kafka_conf_get_default_topic_conf(conf);
    if (!topic) {
        err = PHI_ERR_MEMORY;
        goto out;
    }
    rd_kafka_topic_conf_set_partitioner_cb(topic, on_partition);
out:
    return err;
}

static enum phi_err start_threads(struct phi_producer *producer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
    PHI_GUARD(phi_kafka_open(RD_KAFKA_PRODUCER, &conf, &producer->handle, error));
    producer->has_poll_thread =
        pthread_create(&producer->poll_thread, NULL, poll_main, producer) == 0;
    producer->has_probe_thread =
        pthread_create(&producer->probe_thread, NULL, probe_main, producer) == 0;
    if (!producer->has_poll_thread || !producer->has_probe_thread)
        err = phi_error_set(error, PHI_ERR_MEMORY, "producer", "no thread could be started");
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

static void make_metrics(struct phi_producer *producer)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "bus=\"%s\"", producer->options.name);
    producer->sent = phi_counter_new("phi_bus_sent_total", "events kept by the broker", labels);
    producer->failed =
        phi_counter_new("phi_bus_failed_total", "events not known to be kept", labels);
    producer->depth = phi_gauge_new("phi_bus_waiting", "events not answered yet", labels);
    producer->delay =
        phi_histogram_new("phi_bus_delivery_seconds", "from send to acknowledgement", labels);
}

enum phi_err phi_producer_open(const struct phi_producer_options *options,
                               struct phi_producer **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_producer *producer = calloc(1, sizeof(*producer));
    if (!producer)
        return PHI_ERR_MEMORY;
    producer->options = *options;
    pthread_rwlock_init(&producer->lock, NULL);
    pthread_mutex_init(&producer->mutex, NULL);
    phi_bus_cond_init(&producer->idle);
    phi_bus_cond_init(&producer->wake);
    producer->options.name = strdup(options->name ? options->name : "bus");
    if (!producer->options.name) {
        err = PHI_ERR_MEMORY;
        goto out;
    }
    PHI_GUARD(make_conf(producer, error));
    producer->options.bus = (struct phi_bus_options){0}; /* borrowed until here only */
    make_metrics(producer);
    PHI_GUARD(start_threads(producer, error));
    *out = producer;
    producer = NULL;
out:
    phi_producer_close(producer);
    return err;
}

void phi_producer_close(struct phi_producer *producer)
{
    if (!producer)
        return;
    atomic_store(&producer->is_refusing, true);
    pthread_rwlock_wrlock(&producer->lock); /* no send is under way past this */
    pthread_rwlock_unlock(&producer->lock);
    pthread_mutex_lock(&producer->mutex);
    atomic_store(&producer->is_stopping, true);
    pthread_cond_broadcast(&producer->wake);
    pthread_mutex_unlock(&producer->mutex);
    if (producer->has_probe_thread)
        pthread_join(producer->probe_thread, NULL);
    if (producer->has_poll_thread)
        pthread_join(producer->poll_thread, NULL);
    if (producer->handle)
        rd_kafka_destroy(producer->handle);
    if (producer->conf)
        rd_kafka_conf_destroy(producer->conf);
    pthread_cond_destroy(&producer->wake);
    pthread_cond_destroy(&producer->idle);
    pthread_mutex_destroy(&producer->mutex);
    pthread_rwlock_destroy(&producer->lock);
    free((char *)producer->options.name);
    free(producer);
}

/* --- sending --- */

/* "phi.320000.open.<project>": analysts learn the hour of an event, not the moment it was sent. */
static bool is_open_stream(const char *topic)
{
    const char *region = strncmp(topic, "phi.", 4) == 0 ? strchr(topic + 4, '.') : NULL;
    return region != NULL && strncmp(region, ".open.", 6) == 0;
}

static rd_kafka_resp_err_t produce(struct phi_producer *producer, const struct phi_event *event,
                                   rd_kafka_headers_t *headers, struct sent *sent)
{
    int32_t partition = event->is_placed ? event->partition : RD_KAFKA_PARTITION_UA;
    int64_t at_ms = is_open_stream(event->topic) ? event->time_us / 1000 : 0; /* 0: now */
    return rd_kafka_producev(
        producer->handle, RD_KAFKA_V_TOPIC(event->topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(event->key.len ? event->key.data : NULL, event->key.len),
        RD_KAFKA_V_VALUE((void *)event->value.data, event->value.len), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_TIMESTAMP(at_ms), RD_KAFKA_V_OPAQUE(sent), RD_KAFKA_V_END);
}

static enum phi_err send_now(struct phi_producer *producer, const struct phi_event *event,
                             struct sent *sent)
{
    rd_kafka_headers_t *headers = phi_kafka_headers(event);
    if (!headers)
        return PHI_ERR_MEMORY;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__DESTROY;
    pthread_rwlock_rdlock(&producer->lock);
    if (!atomic_load(&producer->is_refusing)) {
        atomic_fetch_add(&producer->waiting, 1);
        code = produce(producer, event, headers, sent);
        if (code)
            atomic_fetch_sub(&producer->waiting, 1);
    }
    pthread_rwlock_unlock(&producer->lock);
    if (code)
        rd_kafka_headers_destroy(headers);
    return code == RD_KAFKA_RESP_ERR__DESTROY ? PHI_ERR_DRAINING : phi_kafka_err(code);
}

enum phi_err phi_producer_send(struct phi_producer *producer, const struct phi_event *event,
                               void (*done)(void *context, enum phi_err err), void *context)
{
    enum phi_err err = phi_event_check(event, NULL);
    return err == PHI_OK ? phi_producer_send_checked(producer, event, done, context) : err;
}

enum phi_err phi_producer_send_checked(struct phi_producer *producer, const struct phi_event *event,
                                       void (*done)(void *context, enum phi_err err), void *context)
{
    struct sent *sent = malloc(sizeof(*sent));
    if (!sent)
        return PHI_ERR_MEMORY;
    *sent = (struct sent){producer, done, context, phi_monotonic_us()};
    enum phi_err err = send_now(producer, event, sent);
    if (err != PHI_OK)
        free(sent);
    return err; /* NOLINT(clang-analyzer-unix.Malloc): the delivery report frees `sent` */
}

enum phi_err phi_producer_flush(struct phi_producer *producer, struct phi_deadline deadline)
{
    enum phi_err err = PHI_OK;
    pthread_mutex_lock(&producer->mutex);
    while (atomic_load(&producer->waiting) > 0 && err == PHI_OK)
        if (!phi_bus_cond_wait(&producer->idle, &producer->mutex, deadline))
            err = atomic_load(&producer->waiting) > 0 ? PHI_ERR_DEADLINE : PHI_OK;
    pthread_mutex_unlock(&producer->mutex);
    return err;
}

size_t phi_producer_waiting(const struct phi_producer *producer)
{
    return atomic_load(&producer->waiting);
}

bool phi_bus_is_up(const struct phi_producer *producer)
{
    int64_t answered_us = atomic_load(&producer->answered_us);
    return answered_us > 0 && phi_monotonic_us() - answered_us < FRESH_US;
}
