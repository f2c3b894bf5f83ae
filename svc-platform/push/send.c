#include "svc-platform/push/send.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct push_sending {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    size_t holders; /* the sender, and each record on its way */
    size_t waiting;
    enum phi_err err;
};

struct push_sending *push_sending_new(void)
{
    pthread_condattr_t monotonic;
    struct push_sending *sending = calloc(1, sizeof(*sending));
    if (sending == NULL)
        return NULL;
    sending->holders = 1;
    pthread_mutex_init(&sending->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sending->seen, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return sending;
}

void push_sending_drop(struct push_sending *sending)
{
    if (sending == NULL)
        return;
    pthread_mutex_lock(&sending->lock);
    bool is_last = --sending->holders == 0;
    pthread_mutex_unlock(&sending->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&sending->seen);
    pthread_mutex_destroy(&sending->lock);
    free(sending);
}

static void on_sent(void *context, enum phi_err err)
{
    struct push_sending *sending = context;
    pthread_mutex_lock(&sending->lock);
    if (sending->err == PHI_OK)
        sending->err = err;
    sending->waiting--;
    pthread_cond_signal(&sending->seen);
    pthread_mutex_unlock(&sending->lock);
    push_sending_drop(sending);
}

static enum phi_err start(struct push_sending *sending, struct phi_producer *producer,
                          const struct phi_event *event)
{
    pthread_mutex_lock(&sending->lock);
    sending->holders++;
    sending->waiting++;
    pthread_mutex_unlock(&sending->lock);
    enum phi_err err = phi_producer_send(producer, event, on_sent, sending);
    if (err != PHI_OK)
        on_sent(sending, err);
    return err;
}

enum phi_err push_send(struct push_sending *sending, struct phi_service *service,
                       const struct phi_msg *msg, bool is_mark)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {.topic = msg->topic,
                              .type = is_mark ? "cn.phi.directory.mark" : "cn.phi.directory",
                              .source = phi_service_source(service),
                              .time_us = phi_clock_now_us(phi_service_clock(service)),
                              .key = msg->key,
                              .value = msg->value};
    PHI_GUARD(phi_event_new_id(&event));
    for (size_t i = 0; i < msg->header_count; i++)
        PHI_GUARD(phi_event_add(&event, msg->headers[i].name, msg->headers[i].value));
    PHI_GUARD(start(sending, phi_service_producer(service), &event));
out:
    return err;
}

enum phi_err push_wait(struct push_sending *sending, struct phi_deadline deadline)
{
    const struct timespec until = {.tv_sec = deadline.at_us / 1000000,
                                   .tv_nsec = deadline.at_us % 1000000 * 1000};
    int timed_out = 0;
    pthread_mutex_lock(&sending->lock);
    while (sending->waiting > 0 && timed_out == 0)
        timed_out = pthread_cond_timedwait(&sending->seen, &sending->lock, &until);
    enum phi_err err = sending->waiting > 0 ? PHI_ERR_DEADLINE : sending->err;
    pthread_mutex_unlock(&sending->lock);
    return err;
}
