/* Who gets a session and how long anybody waits. Each session's calls run on a thread of its own:
 * a caller leaves at its deadline whatever the machine's library does. */
#include "crypto/sdf/device.h"

#include "base/log.h"

#include <string.h>
#include <time.h>

#define PROBE_WHILE_FAILING_MS 250
#define WAVE                   8

static void wait_on(pthread_cond_t *condition, pthread_mutex_t *lock, struct phi_deadline until)
{
    const struct timespec at = {.tv_sec = until.at_us / 1000000,
                                .tv_nsec = until.at_us % 1000000 * 1000};
    (void)pthread_cond_timedwait(condition, lock, &at);
}

void phi_sdf_note(struct phi_sdf *sdf, enum phi_sdf_state state)
{
    static const char *const words[] = {"key_device_works", "key_device_fails", "key_device_down"};
    int before = atomic_load(&sdf->state);
    do {
        if (before == (int)state || (before == PHI_SDF_DOWN && state == PHI_SDF_FAILING))
            return;
    } while (!atomic_compare_exchange_weak(&sdf->state, &before, (int)state));
    phi_gauge_set(sdf->state_gauge, state);
    phi_log(state == PHI_SDF_WORKING ? PHI_LOG_INFO : PHI_LOG_WARN, words[state],
            PHI_L_INT("sessions", sdf->session_count));
}

static int64_t probe_ms(const struct phi_sdf *sdf)
{
    bool is_working = atomic_load(&sdf->state) == PHI_SDF_WORKING;
    return is_working || sdf->probe_ms < PROBE_WHILE_FAILING_MS ? sdf->probe_ms
                                                                : PROBE_WHILE_FAILING_MS;
}

static void take_turn(struct sdf_session *session, enum sdf_session_state state)
{
    session->state = state;
    pthread_cond_broadcast(&session->changed);
    if (state == SDF_IDLE)
        pthread_cond_signal(&session->sdf->freed);
}

/* Under the lock, which is left for the call. */
static void serve(struct sdf_session *session)
{
    struct phi_sdf *sdf = session->sdf;
    pthread_mutex_unlock(&sdf->lock);
    enum phi_err err = phi_sdf_execute(session, &session->call);
    phi_sdf_note(sdf, err == PHI_ERR_KEY_DEVICE ? PHI_SDF_FAILING : PHI_SDF_WORKING);
    pthread_mutex_lock(&sdf->lock);
    session->result = err;
    take_turn(session, session->state == SDF_LEFT ? SDF_IDLE : SDF_DONE);
}

static bool hangs(const struct sdf_session *session)
{
    return session->state == SDF_LEFT ||
           (session->state == SDF_PROBING && phi_deadline_is_past(session->probe_until));
}

static const struct sdf_session *probing(const struct phi_sdf *sdf)
{
    for (size_t i = 0; i < sdf->session_count; i++)
        if (sdf->sessions[i].state == SDF_PROBING)
            return &sdf->sessions[i];
    return NULL;
}

/* One at a time, so that a machine that hangs costs one session before anybody asks. */
static void probe(struct sdf_session *session)
{
    struct phi_sdf *sdf = session->sdf;
    const struct sdf_session *other = probing(sdf);
    if (other && hangs(other))
        phi_sdf_note(sdf, PHI_SDF_DOWN);
    sdf->probe_at = phi_deadline_in_ms(probe_ms(sdf));
    if (other)
        return;
    session->state = SDF_PROBING;
    session->probe_until = phi_deadline_in_ms(sdf->timeout_ms);
    pthread_mutex_unlock(&sdf->lock);
    enum phi_err err = phi_sdf_probe(session);
    phi_sdf_note(sdf, err == PHI_OK ? PHI_SDF_WORKING : PHI_SDF_DOWN);
    pthread_mutex_lock(&sdf->lock);
    take_turn(session, SDF_IDLE);
}

static void *session_run(void *context)
{
    struct sdf_session *session = context;
    struct phi_sdf *sdf = session->sdf;
    pthread_mutex_lock(&sdf->lock);
    while (!sdf->is_stopping || session->state == SDF_RUNNING) {
        sdf->probe_at = phi_deadline_min(sdf->probe_at, phi_deadline_in_ms(probe_ms(sdf)));
        if (session->state == SDF_RUNNING)
            serve(session);
        else if (session->state == SDF_IDLE && phi_deadline_is_past(sdf->probe_at))
            probe(session);
        else
            wait_on(&session->changed, &sdf->lock, sdf->probe_at);
    }
    pthread_mutex_unlock(&sdf->lock);
    phi_sdf_session_close(session);
    pthread_mutex_lock(&sdf->lock);
    take_turn(session, SDF_ENDED);
    pthread_mutex_unlock(&sdf->lock);
    return NULL;
}

enum phi_err phi_sdf_pool_start(struct phi_sdf *sdf, size_t sessions)
{
    enum phi_err err = PHI_OK;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&sdf->lock, NULL);
    pthread_mutex_init(&sdf->device_lock, NULL);
    pthread_cond_init(&sdf->freed, &monotonic);
    sdf->probe_at = phi_deadline_in_ms(sdf->probe_ms);
    while (sdf->session_count < sessions && err == PHI_OK) {
        struct sdf_session *session = &sdf->sessions[sdf->session_count];
        session->sdf = sdf;
        pthread_cond_init(&session->changed, &monotonic);
        if (pthread_create(&session->thread, NULL, session_run, session) == 0)
            sdf->session_count++;
        else
            err = PHI_ERR_MEMORY;
    }
    pthread_condattr_destroy(&monotonic);
    return err;
}

bool phi_sdf_pool_stop(struct phi_sdf *sdf)
{
    bool has_ended = true;
    struct phi_deadline until = phi_deadline_in_ms(sdf->timeout_ms);
    pthread_mutex_lock(&sdf->lock);
    sdf->is_stopping = true;
    for (size_t i = 0; i < sdf->session_count; i++)
        pthread_cond_signal(&sdf->sessions[i].changed);
    for (size_t i = 0; i < sdf->session_count; i++) {
        struct sdf_session *session = &sdf->sessions[i];
        while (session->state != SDF_ENDED && !phi_deadline_is_past(until))
            wait_on(&session->changed, &sdf->lock, until);
        has_ended = has_ended && session->state == SDF_ENDED;
    }
    pthread_mutex_unlock(&sdf->lock);
    for (size_t i = 0; i < sdf->session_count; i++)
        if (sdf->sessions[i].state == SDF_ENDED)
            pthread_join(sdf->sessions[i].thread, NULL);
        else
            pthread_detach(sdf->sessions[i].thread);
    return has_ended;
}

static struct sdf_session *take_now(struct phi_sdf *sdf)
{
    for (size_t i = 0; i < sdf->session_count && !sdf->is_stopping; i++) {
        if (sdf->sessions[i].state == SDF_IDLE) {
            sdf->sessions[i].state = SDF_TAKEN;
            return &sdf->sessions[i];
        }
    }
    return NULL;
}

static bool all_hang(const struct phi_sdf *sdf)
{
    for (size_t i = 0; i < sdf->session_count; i++)
        if (!hangs(&sdf->sessions[i]))
            return false;
    return true;
}

static struct sdf_session *take(struct phi_sdf *sdf, struct phi_deadline until)
{
    struct sdf_session *session = take_now(sdf);
    while (!session && !all_hang(sdf) && !phi_deadline_is_past(until)) {
        wait_on(&sdf->freed, &sdf->lock, until);
        session = take_now(sdf);
    }
    if (!session && all_hang(sdf))
        phi_sdf_note(sdf, PHI_SDF_DOWN);
    return session;
}

static void start(struct sdf_session *session, const struct sdf_call *call)
{
    session->call = *call;
    take_turn(session, SDF_RUNNING);
}

static enum phi_err finish(struct sdf_session *session, struct sdf_call *call,
                           struct phi_deadline until)
{
    while (session->state == SDF_RUNNING && !phi_deadline_is_past(until))
        wait_on(&session->changed, &session->sdf->lock, until);
    if (session->state == SDF_RUNNING) {
        session->state = SDF_LEFT;
        phi_counter_add(session->sdf->failures, 1);
        phi_sdf_note(session->sdf, all_hang(session->sdf) ? PHI_SDF_DOWN : PHI_SDF_FAILING);
        return PHI_ERR_KEY_DEVICE;
    }
    call->out_len = session->call.out_len;
    memcpy(call->out, session->call.out, sizeof(call->out));
    phi_wipe(&session->call, sizeof(session->call));
    enum phi_err err = session->result;
    take_turn(session, SDF_IDLE);
    return err;
}

static size_t run_wave(struct phi_sdf *sdf, struct sdf_call *calls, enum phi_err *results,
                       size_t count, struct phi_deadline until)
{
    struct sdf_session *sessions[WAVE];
    size_t taken = 0;
    pthread_mutex_lock(&sdf->lock);
    while (taken < count && taken < WAVE) {
        struct sdf_session *session = taken == 0 ? take(sdf, until) : take_now(sdf);
        if (!session)
            break;
        start(session, &calls[taken]);
        sessions[taken++] = session;
    }
    for (size_t i = 0; i < taken; i++)
        results[i] = finish(sessions[i], &calls[i], until);
    pthread_mutex_unlock(&sdf->lock);
    return taken;
}

void phi_sdf_run_all(struct phi_sdf *sdf, struct sdf_call *calls, enum phi_err *results,
                     size_t count, struct phi_deadline until)
{
    size_t done = 0, wave = 1;
    while (done < count && wave > 0 && !phi_deadline_is_past(until)) {
        wave = run_wave(sdf, calls + done, results + done, count - done, until);
        done += wave;
    }
    for (; done < count; done++)
        results[done] = PHI_ERR_KEY_DEVICE;
}

enum phi_err phi_sdf_run(struct phi_sdf *sdf, struct sdf_call *call)
{
    enum phi_err result = PHI_ERR_KEY_DEVICE;
    phi_sdf_run_all(sdf, call, &result, 1, phi_deadline_in_ms(sdf->timeout_ms));
    return result;
}
