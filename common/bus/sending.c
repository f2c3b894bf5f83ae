#include "bus/sending.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct phi_sending {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    size_t holders; /* the owner, and each event on its way */
    size_t waiting;
    enum phi_err err;
};

struct phi_sending *phi_sending_new(void)
{
    pthread_condattr_t monotonic;
    struct phi_sending *sending = calloc(1, sizeof(*sending));
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

void phi_sending_drop(struct phi_sending *sending)
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
    struct phi_sending *sending = context;
    pthread_mutex_lock(&sending->lock);
    if (sending->err == PHI_OK)
        sending->err = err;
    sending->waiting--;
    pthread_cond_signal(&sending->seen);
    pthread_mutex_unlock(&sending->lock);
    phi_sending_drop(sending);
}

enum phi_err phi_sending_add(struct phi_sending *sending, struct phi_producer *producer,
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

enum phi_err phi_sending_wait(struct phi_sending *sending, struct phi_deadline deadline)
{
    const struct timespec until = {.tv_sec = deadline.at_us / 1000000,
                                   .tv_nsec = deadline.at_us % 1000000 * 1000};
    int timed_out = 0;
    enum phi_err err = PHI_ERR_DEADLINE;
    pthread_mutex_lock(&sending->lock);
    while (sending->waiting > 0 && timed_out == 0)
        timed_out = pthread_cond_timedwait(&sending->seen, &sending->lock, &until);
    if (sending->waiting == 0) {
        err = sending->err;
        sending->err = PHI_OK;
    }
    pthread_mutex_unlock(&sending->lock);
    return err;
}
