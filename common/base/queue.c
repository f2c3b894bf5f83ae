#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct phi_queue {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    bool closed;
    size_t capacity;
    size_t first;
    size_t len;
    void *items[];
};

/* The waits are on the monotonic clock: a step of the wall clock must not stretch a deadline. */
static bool init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool done = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(condition, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return done;
}

struct phi_queue *phi_queue_new(size_t capacity)
{
    if (capacity == 0 || capacity > (SIZE_MAX - sizeof(struct phi_queue)) / sizeof(void *))
        return NULL;
    struct phi_queue *queue = calloc(1, sizeof(*queue) + capacity * sizeof(void *));
    if (queue == NULL)
        return NULL;
    if (pthread_mutex_init(&queue->lock, NULL) != 0)
        goto no_lock;
    if (!init_condition(&queue->arrived))
        goto no_condition;
    queue->capacity = capacity;
    return queue;
no_condition:
    pthread_mutex_destroy(&queue->lock);
no_lock:
    free(queue);
    return NULL;
}

void phi_queue_free(struct phi_queue *queue)
{
    if (queue == NULL)
        return;
    assert(queue->len == 0);
    pthread_cond_destroy(&queue->arrived);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

enum phi_err phi_queue_push(struct phi_queue *queue, void *item)
{
    enum phi_err err = PHI_OK;
    pthread_mutex_lock(&queue->lock);
    if (queue->closed)
        err = PHI_ERR_DRAINING;
    else if (queue->len == queue->capacity)
        err = PHI_ERR_OVERLOAD;
    else
        queue->items[(queue->first + queue->len++) % queue->capacity] = item;
    pthread_mutex_unlock(&queue->lock);
    if (err == PHI_OK)
        pthread_cond_signal(&queue->arrived);
    return err;
}

size_t phi_queue_push_many(struct phi_queue *queue, void *const *items, size_t count)
{
    pthread_mutex_lock(&queue->lock);
    size_t room = queue->closed ? 0 : queue->capacity - queue->len;
    size_t taken = count < room ? count : room;
    for (size_t i = 0; i < taken; i++)
        queue->items[(queue->first + queue->len++) % queue->capacity] = items[i];
    pthread_mutex_unlock(&queue->lock);
    if (taken > 0)
        pthread_cond_signal(&queue->arrived);
    return taken;
}

static void wait_until_filled(struct phi_queue *queue, struct phi_deadline deadline)
{
    struct timespec until = {
        .tv_sec = deadline.at_us / 1000000,
        .tv_nsec = deadline.at_us % 1000000 * 1000,
    };
    while (queue->len == 0 && !queue->closed && !phi_deadline_is_past(deadline))
        pthread_cond_timedwait(&queue->arrived, &queue->lock, &until);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t phi_queue_pop(struct phi_queue *queue, void **items, size_t max,
                     struct phi_deadline deadline)
{
    return phi_queue_pop_share(queue, items, max, 1, max, deadline);
}

size_t phi_queue_pop_share(struct phi_queue *queue, void **items, size_t max, size_t takers,
                           size_t least, struct phi_deadline deadline)
{
    pthread_mutex_lock(&queue->lock);
    wait_until_filled(queue, deadline);
    size_t share = (queue->len + takers - 1) / takers;
    if (share < least)
        share = least;
    size_t count = smaller(queue->len, smaller(share, max));
    for (size_t i = 0; i < count; i++)
        items[i] = queue->items[(queue->first + i) % queue->capacity];
    queue->first = (queue->first + count) % queue->capacity;
    queue->len -= count;
    bool more = queue->len > 0;
    pthread_mutex_unlock(&queue->lock);
    if (more)
        pthread_cond_signal(&queue->arrived);
    return count;
}

size_t phi_queue_take(struct phi_queue *queue, void **items, size_t max,
                      bool (*goes)(const void *item, const void *context), const void *context)
{
    size_t count = 0;
    pthread_mutex_lock(&queue->lock);
    while (queue->len > 0 && count < max && goes(queue->items[queue->first], context)) {
        items[count++] = queue->items[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->len--;
    }
    pthread_mutex_unlock(&queue->lock);
    return count;
}

void phi_queue_close(struct phi_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    pthread_mutex_unlock(&queue->lock);
    pthread_cond_broadcast(&queue->arrived);
}

bool phi_queue_is_closed(struct phi_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool closed = queue->closed;
    pthread_mutex_unlock(&queue->lock);
    return closed;
}

size_t phi_queue_len(struct phi_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    size_t len = queue->len;
    pthread_mutex_unlock(&queue->lock);
    return len;
}
