#include "service/parts.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_seen;
    int64_t drain_ms;
} signals = {.lock = PTHREAD_MUTEX_INITIALIZER, .seen = PTHREAD_COND_INITIALIZER};

/* Past the drain time a process that hangs is of no use: it leaves, and what was not acknowledged
 * was not kept. */
#define DRAIN_GRACE_MS 2000

static sigset_t signals_set(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void phi_service_signals_block(void)
{
    sigset_t set = signals_set();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void signals_tell(void)
{
    pthread_mutex_lock(&signals.lock);
    signals.is_seen = true;
    pthread_cond_broadcast(&signals.seen);
    pthread_mutex_unlock(&signals.lock);
}

static void wait_for_second(void)
{
    sigset_t set = signals_set();
    struct phi_deadline until = phi_deadline_in_ms(signals.drain_ms + DRAIN_GRACE_MS);
    while (!phi_deadline_is_past(until)) {
        int64_t left_ms = phi_deadline_left_ms(until);
        struct timespec wait = {.tv_sec = left_ms / 1000, .tv_nsec = left_ms % 1000 * 1000000};
        int number = sigtimedwait(&set, NULL, &wait);
        if (number == SIGTERM || number == SIGINT) {
            phi_log(PHI_LOG_WARN, "left_at_once", PHI_L_INT("signal", number));
            _exit(1);
        }
    }
    phi_log(PHI_LOG_ERROR, "drain_overdue", PHI_L_INT("after_ms", signals.drain_ms));
    _exit(1);
}

static void *signals_run(void *unused)
{
    (void)unused;
    sigset_t set = signals_set();
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0)
            continue;
        phi_log(PHI_LOG_INFO, "signal", PHI_L_INT("signal", number));
        if (number == SIGHUP)
            continue;
        signals_tell();
        wait_for_second();
    }
    return NULL;
}

enum phi_err phi_service_signals_start(int64_t drain_ms)
{
    pthread_t thread;
    signals.drain_ms = drain_ms;
    if (pthread_create(&thread, NULL, signals_run, NULL) != 0)
        return PHI_ERR_MEMORY;
    pthread_detach(thread);
    return PHI_OK;
}

void phi_service_signals_wait(void)
{
    pthread_mutex_lock(&signals.lock);
    while (!signals.is_seen)
        pthread_cond_wait(&signals.seen, &signals.lock);
    pthread_mutex_unlock(&signals.lock);
}
