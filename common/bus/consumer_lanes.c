/* Batches of several partitions at once: a partition's batches, of whatever topic, are one lane's,
 * one after the other. The consumer's thread is the first lane and waits for the others, so that
 * nothing but the handler ever runs beside it. */
#include "bus/consumer_internal.h"

#include <stdlib.h>

static void run_lane(struct phi_lane_of *lane)
{
    struct phi_consumer *consumer = lane->consumer;
    for (size_t i = 0; i < consumer->job_count && !atomic_load(&consumer->is_stopping); i++) {
        struct phi_job *job = &consumer->jobs[i];
        if ((size_t)job->part->partition % consumer->options.lanes == lane->number)
            phi_job_run(consumer, job, lane->msgs, lane->number);
    }
}

static void *lane_main(void *context)
{
    struct phi_lane_of *lane = context;
    struct phi_consumer *consumer = lane->consumer;
    uint64_t seen = 0;
    pthread_mutex_lock(&consumer->lane_lock);
    for (;;) {
        while (consumer->round == seen && !consumer->lanes_end)
            pthread_cond_wait(&consumer->lane_woken, &consumer->lane_lock);
        if (consumer->lanes_end)
            break;
        seen = consumer->round;
        pthread_mutex_unlock(&consumer->lane_lock);
        run_lane(lane);
        pthread_mutex_lock(&consumer->lane_lock);
        if (--consumer->lanes_busy == 0)
            pthread_cond_signal(&consumer->lanes_done);
    }
    pthread_mutex_unlock(&consumer->lane_lock);
    return NULL;
}

void phi_lanes_run(struct phi_consumer *consumer)
{
    if (consumer->job_count == 0)
        return;
    pthread_mutex_lock(&consumer->lane_lock);
    consumer->lanes_busy = consumer->options.lanes - 1;
    consumer->round++;
    pthread_cond_broadcast(&consumer->lane_woken);
    pthread_mutex_unlock(&consumer->lane_lock);
    run_lane(&consumer->lanes[0]);
    pthread_mutex_lock(&consumer->lane_lock);
    while (consumer->lanes_busy > 0)
        pthread_cond_wait(&consumer->lanes_done, &consumer->lane_lock);
    pthread_mutex_unlock(&consumer->lane_lock);
}

static enum phi_err open_lane(struct phi_consumer *consumer, size_t number)
{
    struct phi_lane_of *lane = &consumer->lanes[number];
    *lane = (struct phi_lane_of){.consumer = consumer, .number = number};
    lane->msgs = calloc(consumer->options.batch_max, sizeof(lane->msgs[0]));
    if (lane->msgs == NULL)
        return PHI_ERR_MEMORY;
    if (number > 0)
        lane->has_thread = pthread_create(&lane->thread, NULL, lane_main, lane) == 0;
    return number == 0 || lane->has_thread ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err phi_lanes_open(struct phi_consumer *consumer)
{
    enum phi_err err = PHI_OK;
    pthread_mutex_init(&consumer->lane_lock, NULL);
    pthread_cond_init(&consumer->lane_woken, NULL);
    pthread_cond_init(&consumer->lanes_done, NULL);
    consumer->jobs = calloc(PHI_CONSUMER_PARTS_MAX, sizeof(consumer->jobs[0]));
    PHI_GUARD(consumer->jobs == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < consumer->options.lanes; i++)
        PHI_GUARD(open_lane(consumer, i));
out:
    return err;
}

void phi_lanes_close(struct phi_consumer *consumer)
{
    pthread_mutex_lock(&consumer->lane_lock);
    consumer->lanes_end = true;
    pthread_cond_broadcast(&consumer->lane_woken);
    pthread_mutex_unlock(&consumer->lane_lock);
    for (size_t i = 0; i < PHI_CONSUMER_LANES_MAX; i++) {
        if (consumer->lanes[i].has_thread)
            pthread_join(consumer->lanes[i].thread, NULL);
        free(consumer->lanes[i].msgs);
    }
    free(consumer->jobs);
    pthread_cond_destroy(&consumer->lanes_done);
    pthread_cond_destroy(&consumer->lane_woken);
    pthread_mutex_destroy(&consumer->lane_lock);
}
