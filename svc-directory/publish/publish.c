/* What the owner of a partition owes the nation: entries whose published version lags. The table is
 * itself the outbox; consumers keep the highest version, so a double does no harm. */
#include "svc-directory/publish/publish.h"

#include "base/log.h"
#include "svc-directory/heal/heal.h"
#include "svc-directory/publish/round.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IDLE_MS    1000
#define BACKOFF_MS 1000
#define MESSAGE_MS 5000

struct publisher {
    struct directory *directory;
    struct phi_producer *producer;
    struct round *round;
    struct heal *heal;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* with all below */
    pthread_cond_t woken;
    bool is_stopping;
    bool is_awake;
};

/* Until woken, stopped, or the time is over; false when stopping. */
static bool rest(struct publisher *publisher, int64_t ms, bool may_wake)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&publisher->lock);
    int timed_out = 0;
    while (!publisher->is_stopping && !(may_wake && publisher->is_awake) && timed_out == 0)
        timed_out = pthread_cond_timedwait(&publisher->woken, &publisher->lock, &until);
    publisher->is_awake = false;
    bool goes_on = !publisher->is_stopping;
    pthread_mutex_unlock(&publisher->lock);
    return goes_on;
}

static void tell_health(struct publisher *publisher, bool *was_failing, enum phi_err err)
{
    struct directory *directory = publisher->directory;
    phi_service_set_degraded(directory->service, "platform-bus",
                             !phi_bus_is_up(publisher->producer));
    pthread_mutex_lock(&directory->lock);
    /* without a consumer the program is stopping */
    bool is_taking = directory->consumer == NULL || (phi_consumer_is_up(directory->consumer) &&
                                                     !phi_consumer_is_stopped(directory->consumer));
    pthread_mutex_unlock(&directory->lock);
    phi_service_set_degraded(directory->service, "facts", !is_taking);
    phi_service_set_degraded(directory->service, "person-keys",
                             !phi_person_replay_is_done(directory->replay));
    if ((err != PHI_OK) == *was_failing)
        return;
    *was_failing = err != PHI_OK;
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "entries_kept_back", PHI_L_ERR(err));
    else
        phi_log(PHI_LOG_INFO, "entries_flow_again", PHI_L_WORD("rest", "drained_from_the_table"));
}

/* What is pending; and once that is sent, what heals. */
static enum phi_err run_once(struct publisher *publisher, bool *has_more)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    PHI_GUARD(round_run(publisher->round, &count));
    *has_more = count == ROUND_MAX;
    if (!*has_more)
        PHI_GUARD(heal_run(publisher->heal, has_more));
out:
    return err;
}

static void *run(void *context)
{
    struct publisher *publisher = context;
    bool was_failing = false, goes_on = true;
    while (goes_on) {
        bool has_more = false;
        enum phi_err err = run_once(publisher, &has_more);
        goes_on = rest(publisher,
                       err != PHI_OK ? BACKOFF_MS
                       : has_more    ? 0
                                     : IDLE_MS,
                       err == PHI_OK);
        tell_health(publisher, &was_failing, err);
    }
    size_t count = 0;
    enum phi_err err = was_failing ? PHI_OK : round_run(publisher->round, &count);
    if (err != PHI_OK) /* what the last batches changed stays pending */
        phi_log(PHI_LOG_WARN, "entries_kept_back", PHI_L_ERR(err));
    return NULL;
}

static enum phi_err open_producer(struct publisher *publisher, struct phi_error *error)
{
    struct phi_service *service = publisher->directory->service;
    struct phi_producer_options options = {.bus = phi_service_platform_bus(service),
                                           .name = "platform_bus",
                                           .message_deadline_ms = MESSAGE_MS};
    return phi_producer_open(&options, &publisher->producer, error);
}

enum phi_err publisher_open(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    pthread_condattr_t monotonic;
    struct publisher *publisher = calloc(1, sizeof(*publisher));
    PHI_GUARD(publisher == NULL ? PHI_ERR_MEMORY : PHI_OK);
    directory->publisher = publisher;
    publisher->directory = directory;
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&publisher->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    PHI_GUARD(open_producer(publisher, error));
    publisher->round = round_new(directory, publisher->producer,
                                 phi_service_topic(directory->service, "directory"));
    publisher->heal = heal_new(directory, publisher->producer,
                               phi_service_topic(directory->service, "directory"));
    PHI_GUARD(publisher->round == NULL || publisher->heal == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err publisher_start(struct publisher *publisher)
{
    if (pthread_create(&publisher->thread, NULL, run, publisher) != 0)
        return PHI_ERR_MEMORY;
    publisher->has_thread = true;
    return PHI_OK;
}

void publisher_wake(struct publisher *publisher)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->is_awake = true;
    pthread_cond_signal(&publisher->woken);
    pthread_mutex_unlock(&publisher->lock);
}

void publisher_close(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    pthread_mutex_lock(&publisher->lock);
    publisher->is_stopping = true;
    pthread_cond_signal(&publisher->woken);
    pthread_mutex_unlock(&publisher->lock);
    if (publisher->has_thread)
        pthread_join(publisher->thread, NULL);
    phi_producer_close(publisher->producer);
    pthread_cond_destroy(&publisher->woken);
    pthread_mutex_destroy(&publisher->lock);
    heal_free(publisher->heal);
    round_free(publisher->round);
    free(publisher);
}
