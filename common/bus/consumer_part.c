#include "bus/consumer_internal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "store/offsets.h"

#include <stdlib.h>
#include <string.h>

#define ACQUIRE_MS   1000
#define WATERMARK_MS 2000
#define RETRY_MS     1000

/* --- what a part holds --- */

void phi_part_let_go(struct phi_part *part, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        part->held_bytes -= part->held[i]->len + part->held[i]->key_len;
        rd_kafka_message_destroy(part->held[i]);
    }
    part->held_count -= count;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    memmove(part->held, part->held + count, part->held_count * sizeof(part->held[0]));
}

void phi_consumer_hold(struct phi_consumer *consumer, rd_kafka_message_t *msg)
{
    struct phi_part *part =
        phi_consumer_part(consumer, rd_kafka_topic_name(msg->rkt), msg->partition);
    if (!part || part->is_stopped || msg->offset < part->next) {
        rd_kafka_message_destroy(msg); /* from before a rebalance or a new start */
        return;
    }
    if (part->held_count == consumer->options.batch_max) {
        /* The bus went on past a pause: what is dropped here has to be fetched again. */
        rd_kafka_message_destroy(msg);
        phi_consumer_unsettle(consumer, 0);
        return;
    }
    part->held[part->held_count++] = msg;
    part->held_bytes += msg->len + msg->key_len;
}

struct phi_part *phi_consumer_part(struct phi_consumer *consumer, const char *topic,
                                   int32_t partition)
{
    for (size_t i = 0; i < consumer->part_count; i++)
        if (consumer->parts[i].partition == partition &&
            strcmp(consumer->parts[i].topic, topic) == 0)
            return &consumer->parts[i];
    return NULL;
}

static void with_one(const struct phi_part *part, rd_kafka_t *handle,
                     rd_kafka_resp_err_t (*call)(rd_kafka_t *, rd_kafka_topic_partition_list_t *))
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
    (void)call(handle, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void phi_part_pause(struct phi_consumer *consumer, struct phi_part *part, bool is_paused)
{
    if (part->is_paused == is_paused)
        return;
    part->is_paused = is_paused;
    with_one(part, consumer->handle,
             is_paused ? rd_kafka_pause_partitions : rd_kafka_resume_partitions);
}

void phi_part_stop(struct phi_consumer *consumer, struct phi_part *part, const char *why)
{
    phi_log(PHI_LOG_ERROR, "partition_stopped", PHI_L_WORD("topic", part->topic),
            PHI_L_INT("partition", part->partition), PHI_L_INT("next", part->next),
            PHI_L_WORD("why", why), PHI_L_ERR(PHI_ERR_STATE));
    part->is_stopped = true;
    atomic_store(&consumer->is_stopped, true);
    phi_part_let_go(part, part->held_count);
    phi_part_pause(consumer, part, true);
}

/* --- owning and losing --- */

static void count_owned(struct phi_consumer *consumer, size_t count)
{
    atomic_store(&consumer->owned, count);
    phi_gauge_set(consumer->partitions, (int64_t)count);
}

static void drop_parts(struct phi_consumer *consumer)
{
    for (size_t i = 0; i < consumer->part_count; i++) {
        struct phi_part *part = &consumer->parts[i];
        if (consumer->options.owns && consumer->is_settled)
            consumer->options.owns(part->topic, part->partition, false, consumer->options.context);
        phi_part_let_go(part, part->held_count);
        phi_part_pause(consumer, part,
                       false); /* the library remembers a pause past an assignment */
        free(part->held);
        free(part->topic);
    }
    consumer->part_count = 0;
    consumer->is_settled = false;
    count_owned(consumer, 0);
    atomic_store(&consumer->is_stopped, false);
}

static void fetch_nothing(struct phi_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    (void)rd_kafka_assign(consumer->handle, none);
    rd_kafka_topic_partition_list_destroy(none);
}

void phi_consumer_assigned(struct phi_consumer *consumer,
                           const rd_kafka_topic_partition_list_t *wanted)
{
    drop_parts(consumer);
    if (consumer->wanted)
        rd_kafka_topic_partition_list_destroy(consumer->wanted);
    consumer->wanted = rd_kafka_topic_partition_list_copy(wanted);
    consumer->settle_at_us = 0;
    /* The group is answered at once; fetching begins when the store has said where. */
    fetch_nothing(consumer);
}

void phi_consumer_revoked(struct phi_consumer *consumer)
{
    drop_parts(consumer);
    if (consumer->wanted)
        rd_kafka_topic_partition_list_destroy(consumer->wanted);
    consumer->wanted = NULL;
}

void phi_consumer_unsettle(struct phi_consumer *consumer, int64_t delay_ms)
{
    if (!consumer->is_settled)
        return;
    drop_parts(consumer);
    fetch_nothing(consumer);
    consumer->settle_at_us = phi_monotonic_us() + delay_ms * 1000;
}

/* --- settling: each wanted partition's place, from the store --- */

static enum phi_err part_init(struct phi_consumer *consumer, const rd_kafka_topic_partition_t *from,
                              struct phi_part **out)
{
    if (consumer->part_count == PHI_CONSUMER_PARTS_MAX)
        return PHI_ERR_OVERLOAD;
    struct phi_part part = {.topic = strdup(from->topic), .partition = from->partition};
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    part.held = calloc(consumer->options.batch_max, sizeof(part.held[0]));
    if (!part.topic || !part.held) {
        free(part.topic);
        free(part.held);
        return PHI_ERR_MEMORY;
    }
    *out = &consumer->parts[consumer->part_count++];
    **out = part;
    return PHI_OK;
}

/* The topic's offsets are another cluster's: the bus was replaced. */
static enum phi_err check_cluster(struct phi_consumer *consumer, struct phi_conn *conn,
                                  struct phi_part *part)
{
    bool is_foreign = false;
    enum phi_err err =
        phi_offsets_is_foreign(conn, consumer->cluster_id, part->topic, &is_foreign, NULL);
    if (err != PHI_OK || !is_foreign)
        return err;
    phi_log(PHI_LOG_WARN, "bus_is_another_cluster", PHI_L_WORD("topic", part->topic));
    if (!consumer->options.restart_when_lost)
        phi_part_stop(consumer, part, "another_cluster");
    return PHI_OK;
}

static enum phi_err check_range(struct phi_consumer *consumer, struct phi_conn *conn,
                                struct phi_part *part, int64_t low, int64_t high)
{
    if (part->next >= low && part->next <= high)
        return PHI_OK;
    if (!consumer->options.restart_when_lost) {
        phi_part_stop(consumer, part, "offset_out_of_range");
        return PHI_OK;
    }
    phi_log(PHI_LOG_WARN, "partition_starts_anew", PHI_L_WORD("topic", part->topic),
            PHI_L_INT("partition", part->partition), PHI_L_INT("was", part->next),
            PHI_L_INT("next", low));
    part->next = low;
    return phi_offsets_reset(conn, consumer->cluster_id, part->topic, part->partition, low, NULL);
}

static enum phi_err count_partitions(struct phi_consumer *consumer, struct phi_part *part)
{
    const struct rd_kafka_metadata *found = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(consumer->handle, part->topic, NULL);
    if (!topic)
        return PHI_ERR_BUS;
    enum phi_err err =
        phi_kafka_err(rd_kafka_metadata(consumer->handle, 0, topic, &found, WATERMARK_MS));
    if (err == PHI_OK && found->topic_cnt == 1)
        part->partitions = found->topics[0].partition_cnt;
    if (err == PHI_OK && part->partitions <= part->partition)
        err = PHI_ERR_BUS;
    if (found)
        rd_kafka_metadata_destroy(found);
    rd_kafka_topic_destroy(topic);
    return err;
}

static enum phi_err place_part(struct phi_consumer *consumer, struct phi_conn *conn,
                               struct phi_part *part)
{
    enum phi_err err = PHI_OK;
    int64_t low = 0;
    int64_t high = 0;
    PHI_GUARD(phi_kafka_err(rd_kafka_query_watermark_offsets(
        consumer->handle, part->topic, part->partition, &low, &high, WATERMARK_MS)));
    PHI_GUARD(count_partitions(consumer, part));
    PHI_GUARD(check_cluster(consumer, conn, part));
    if (part->is_stopped)
        goto out;
    PHI_GUARD(phi_offsets_load(conn, consumer->cluster_id, part->topic, part->partition, low,
                               &part->next, NULL));
    PHI_GUARD(check_range(consumer, conn, part, low, high));
    phi_log(PHI_LOG_INFO, "partition_owned", PHI_L_WORD("topic", part->topic),
            PHI_L_INT("partition", part->partition), PHI_L_INT("next", part->next),
            PHI_L_INT("low", low), PHI_L_INT("high", high));
out:
    return err;
}

static enum phi_err place_all(struct phi_consumer *consumer, struct phi_conn *conn)
{
    enum phi_err err = PHI_OK;
    char *id = rd_kafka_clusterid(consumer->handle, WATERMARK_MS);
    if (!id)
        return PHI_ERR_BUS;
    free(consumer->cluster_id);
    consumer->cluster_id = strdup(id);
    rd_kafka_mem_free(consumer->handle, id);
    if (!consumer->cluster_id)
        return PHI_ERR_MEMORY;
    for (int i = 0; i < consumer->wanted->cnt; i++) {
        struct phi_part *part = NULL;
        PHI_GUARD(part_init(consumer, &consumer->wanted->elems[i], &part));
        PHI_GUARD(place_part(consumer, conn, part));
    }
out:
    return err;
}

static enum phi_err begin_fetching(struct phi_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->part_count);
    for (size_t i = 0; i < consumer->part_count; i++) {
        const struct phi_part *part = &consumer->parts[i];
        if (!part->is_stopped)
            rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset =
                part->next;
    }
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    return phi_kafka_err(code);
}

void phi_consumer_settle(struct phi_consumer *consumer)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    if (consumer->is_settled || !consumer->wanted || phi_monotonic_us() < consumer->settle_at_us)
        return;
    PHI_GUARD(phi_store_acquire(consumer->options.store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(place_all(consumer, conn));
    PHI_GUARD(begin_fetching(consumer));
    consumer->is_settled = true;
    count_owned(consumer, consumer->part_count);
    atomic_store(&consumer->is_up, true);
    for (size_t i = 0; i < consumer->part_count; i++)
        if (consumer->parts[i].partitions > atomic_load(&consumer->partition_count))
            atomic_store(&consumer->partition_count, consumer->parts[i].partitions);
    for (size_t i = 0; consumer->options.owns && i < consumer->part_count; i++)
        consumer->options.owns(consumer->parts[i].topic, consumer->parts[i].partition, true,
                               consumer->options.context);
out:
    phi_store_release(conn);
    if (err == PHI_OK)
        return;
    phi_log(PHI_LOG_WARN, "offsets_not_read", PHI_L_WORD("group", consumer->options.group),
            PHI_L_ERR(err));
    drop_parts(consumer);
    consumer->settle_at_us = phi_monotonic_us() + RETRY_MS * 1000;
}

/* --- what Kafka is told --- */

void phi_consumer_hint(struct phi_consumer *consumer)
{
    int64_t lag = 0;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->part_count);
    for (size_t i = 0; i < consumer->part_count; i++) {
        const struct phi_part *part = &consumer->parts[i];
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = part->next;
        if (rd_kafka_get_watermark_offsets(consumer->handle, part->topic, part->partition, &low,
                                           &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            high > part->next)
            lag += high - part->next;
    }
    if (list->cnt > 0)
        (void)rd_kafka_commit(consumer->handle, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
    phi_gauge_set(consumer->lag, lag);
}
