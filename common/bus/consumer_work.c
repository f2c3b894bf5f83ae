#include "bus/consumer_internal.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/dlq.h"
#include "store/offsets.h"

#define ACQUIRE_MS       2000
#define BACKOFF_MAX_MS   5000
#define BACKOFF_FIRST_MS 50
#define TRIES            3
#define FENCED_MS        500

/* Not the record's fault: worth trying for as long as it takes. */
static bool is_ours(enum phi_err err)
{
    return phi_err_is_retryable(err) || err == PHI_ERR_CONFIG || err == PHI_ERR_CRYPTO ||
           err == PHI_ERR_IO || err == PHI_ERR_KEY;
}

static int64_t high_of(struct phi_consumer *consumer, const struct phi_part *part)
{
    int64_t low = 0;
    int64_t high = -1;
    if (rd_kafka_get_watermark_offsets(consumer->handle, part->topic, part->partition, &low,
                                       &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high;
}

static struct phi_batch batch_of(struct phi_consumer *consumer, const struct phi_part *part,
                                 size_t count, struct phi_msg *msgs, size_t lane)
{
    for (size_t i = 0; i < count; i++)
        phi_kafka_msg(part->held[i], &msgs[i]);
    return (struct phi_batch){.topic = part->topic,
                              .partition = part->partition,
                              .partitions = part->partitions,
                              .lane = lane,
                              .msgs = msgs,
                              .count = count,
                              .first = part->next,
                              .next = part->held[count - 1]->offset + 1,
                              .high = high_of(consumer, part)};
}

/* The one transaction: offset first, then the handler's rows (or the dead letter), then COMMIT. */
static enum phi_err commit_batch(struct phi_consumer *consumer, struct phi_batch *batch,
                                 enum phi_err poison, bool *has_reached_handler)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(phi_store_acquire(consumer->options.store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_begin(conn, NULL));
    PHI_GUARD(phi_offsets_advance(conn, consumer->cluster_id, batch->topic, batch->partition,
                                  batch->first, batch->next, NULL));
    *has_reached_handler = true;
    if (poison == PHI_OK)
        PHI_GUARD(consumer->options.handle(batch, conn, consumer->options.context));
    else
        PHI_GUARD(phi_dlq_put(consumer->options.dlq, conn, &batch->msgs[0], poison));
    err = phi_conn_commit(conn, NULL);
    /* A COMMIT that failed may have happened: the offset's row will tell, as "fenced". */
    if (err == PHI_OK && consumer->options.committed)
        consumer->options.committed(batch, consumer->options.context);
out:
    if (err != PHI_OK && conn)
        phi_conn_rollback(conn);
    phi_store_release(conn);
    return err;
}

static void go_on(struct phi_consumer *consumer, struct phi_part *part,
                  const struct phi_batch *batch)
{
    phi_counter_add(consumer->records, batch->count);
    phi_counter_add(consumer->batches, 1);
    part->next = batch->next;
    part->retry_at_us = 0;
    if (part->next >= part->single_until)
        part->single_until = 0;
    part->tries = part->single_until ? TRIES - 1 : 0; /* alone, one try more is enough */
    phi_part_let_go(part, batch->count);
    phi_part_pause(consumer, part, false);
}

static void come_again(struct phi_consumer *consumer, struct phi_part *part, enum phi_err err)
{
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    for (int i = 0; i < part->tries && backoff_ms < BACKOFF_MAX_MS; i++)
        backoff_ms *= 2;
    if (backoff_ms > BACKOFF_MAX_MS)
        backoff_ms = BACKOFF_MAX_MS;
    if (part->tries == 0 || backoff_ms == BACKOFF_MAX_MS)
        phi_log(PHI_LOG_WARN, "batch_comes_again", PHI_L_WORD("topic", part->topic),
                PHI_L_INT("partition", part->partition), PHI_L_INT("tries", part->tries),
                PHI_L_ERR(err));
    part->tries++;
    part->retry_at_us = phi_monotonic_us() + backoff_ms * 1000;
    phi_counter_add(consumer->retries, 1);
    phi_part_pause(consumer, part, true); /* still polled, so that the group keeps this member */
}

/* One record that can't be handled: it goes to the dlq in the transaction that moves past it. */
static void set_aside(struct phi_consumer *consumer, struct phi_part *part, enum phi_err reason)
{
    bool has_reached = false;
    if (!consumer->options.dlq) {
        phi_part_stop(consumer, part, phi_err_name(reason));
        return;
    }
    struct phi_batch batch = batch_of(consumer, part, 1, consumer->lanes[0].msgs, 0);
    enum phi_err err = commit_batch(consumer, &batch, reason, &has_reached);
    if (err == PHI_ERR_FENCED) {
        phi_consumer_unsettle(consumer, FENCED_MS);
    } else if (err != PHI_OK) {
        come_again(consumer, part, err);
    } else {
        phi_counter_add(consumer->poison, 1);
        phi_log(PHI_LOG_WARN, "record_set_aside", PHI_L_WORD("topic", part->topic),
                PHI_L_INT("partition", part->partition), PHI_L_INT("offset", batch.next - 1),
                PHI_L_ERR(reason));
        go_on(consumer, part, &batch);
    }
}

static void decide(struct phi_consumer *consumer, const struct phi_job *job)
{
    struct phi_part *part = job->part;
    if (job->err == PHI_ERR_FENCED) {
        phi_counter_add(consumer->fenced, 1);
        phi_log(PHI_LOG_WARN, "partition_fenced", PHI_L_WORD("topic", part->topic),
                PHI_L_INT("partition", part->partition), PHI_L_INT("next", part->next));
        phi_consumer_unsettle(consumer, FENCED_MS);
    } else if (!job->has_reached_handler || is_ours(job->err) || part->tries + 1 < TRIES) {
        come_again(consumer, part, job->err);
    } else if (job->batch.count > 1) {
        part->single_until = job->batch.next;
        part->tries = TRIES - 1;
        part->retry_at_us = 0;
    } else {
        set_aside(consumer, part, job->err);
    }
}

void phi_job_run(struct phi_consumer *consumer, struct phi_job *job, struct phi_msg *msgs,
                 size_t lane)
{
    const struct phi_part *part = job->part;
    bool is_single = part->held[0]->offset < part->single_until;
    job->is_run = true;
    job->batch = batch_of(consumer, part, is_single ? 1 : part->held_count, msgs, lane);
    job->err = commit_batch(consumer, &job->batch, PHI_OK, &job->has_reached_handler);
}

void phi_consumer_work(struct phi_consumer *consumer)
{
    int64_t now_us = phi_monotonic_us();
    consumer->job_count = 0;
    for (size_t i = 0; i < consumer->part_count; i++) {
        struct phi_part *part = &consumer->parts[i];
        if (part->held_count > 0 && !part->is_stopped && now_us >= part->retry_at_us)
            consumer->jobs[consumer->job_count++] = (struct phi_job){.part = part};
    }
    phi_lanes_run(consumer);
    for (size_t i = 0; i < consumer->job_count; i++)
        if (consumer->jobs[i].is_run && consumer->jobs[i].err == PHI_OK)
            go_on(consumer, consumer->jobs[i].part, &consumer->jobs[i].batch);
    /* A fenced one lets go of all parts. */
    for (size_t i = 0; i < consumer->job_count && consumer->part_count > 0; i++)
        if (consumer->jobs[i].is_run && consumer->jobs[i].err != PHI_OK)
            decide(consumer, &consumer->jobs[i]);
}
