#include "svc-verify/watch/watch.h"

#include "svc-verify/watch/policy.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US      60000000
#define REGISTERS      1024 /* of the estimate of distinct subjects: about 3 % off */
#define REGISTERS_BITS 10

enum state { STATE_FREE, STATE_CLAIMED, STATE_READY };

/* The counts are of `minute`; the thread that brings a newer minute clears them. */
struct watch_caller {
    atomic_int state;
    char name[WATCH_NAME_MAX];
    const struct watch_bounds *bounds;
    atomic_bool is_cut;
    _Atomic int64_t minute;
    _Atomic int64_t total;
    _Atomic int64_t failed;
    _Atomic uint8_t registers[REGISTERS];
    /* the judging thread's */
    bool is_confirmed;
    int64_t spared_minute; /* restored in this one */
    int64_t told_minute;
    bool is_told[WATCH_MEASURES][2];
};

struct watch {
    struct watch_policy *policy;
    struct watch_caller rest; /* of those past the bound */
    struct watch_caller callers[WATCH_CALLERS_MAX];
};

const char *watch_measure_name(enum watch_measure measure)
{
    static const char *const names[WATCH_MEASURES] = {"perMinute", "failedPercent",
                                                      "subjectsPerMinute"};
    return names[measure];
}

enum phi_err watch_open(const char *path, struct watch **out, struct phi_error *error)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = watch_policy_read(path, &watch->policy, error);
    if (err != PHI_OK) {
        free(watch);
        return err;
    }
    snprintf(watch->rest.name, sizeof(watch->rest.name), "*");
    watch->rest.bounds = watch_policy_find(watch->policy, "*");
    atomic_store(&watch->rest.state, STATE_READY);
    *out = watch;
    return PHI_OK;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    watch_policy_free(watch->policy);
    free(watch);
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 1469598103934665603u;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash ^ hash >> 29;
}

/* Claims a free line; another thread may win it, and then it is another's name or ours. */
static bool claim(struct watch *watch, struct watch_caller *caller, const char *name)
{
    int state = STATE_FREE;
    if (!atomic_compare_exchange_strong(&caller->state, &state, STATE_CLAIMED))
        return false;
    snprintf(caller->name, sizeof(caller->name), "%s", name);
    caller->bounds = watch_policy_find(watch->policy, name);
    atomic_store(&caller->state, STATE_READY);
    return true;
}

static bool is_named(struct watch_caller *caller, const char *name)
{
    while (atomic_load(&caller->state) == STATE_CLAIMED)
        ; /* a few instructions of another thread */
    return atomic_load(&caller->state) == STATE_READY && strcmp(caller->name, name) == 0;
}

struct watch_caller *watch_find_name(struct watch *watch, const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len >= WATCH_NAME_MAX)
        return NULL;
    if (strcmp(name, watch->rest.name) == 0)
        return &watch->rest;
    size_t at = hash_of(name) % WATCH_CALLERS_MAX;
    for (size_t i = 0; i < WATCH_CALLERS_MAX; i++) {
        struct watch_caller *caller = &watch->callers[(at + i) % WATCH_CALLERS_MAX];
        if (is_named(caller, name))
            return caller;
        if (atomic_load(&caller->state) == STATE_FREE &&
            (claim(watch, caller, name) || is_named(caller, name)))
            return caller;
    }
    return &watch->rest;
}

struct watch_caller *watch_find(struct watch *watch, const char *platform, const char *program,
                                const char *app)
{
    char name[WATCH_NAME_MAX];
    char *at = name;
    at = stpncpy(at, platform, 6);
    *at++ = '/';
    at = stpncpy(at, program, 32);
    *at++ = '/';
    at = stpncpy(at, app, 64);
    *at = '\0';
    struct watch_caller *caller = watch_find_name(watch, name);
    return caller != NULL ? caller : &watch->rest;
}

bool watch_is_cut(const struct watch_caller *caller)
{
    return atomic_load_explicit(&caller->is_cut, memory_order_relaxed);
}

void watch_cut(struct watch_caller *caller)
{
    atomic_store(&caller->is_cut, true);
}

static struct watch_caller *caller_at(struct watch *watch, size_t i)
{
    return i == WATCH_CALLERS_MAX ? &watch->rest : &watch->callers[i];
}

void watch_begin_cuts(struct watch *watch)
{
    for (size_t i = 0; i <= WATCH_CALLERS_MAX; i++)
        caller_at(watch, i)->is_confirmed = false;
}

void watch_confirm_cut(struct watch *watch, const char *name)
{
    struct watch_caller *caller = watch_find_name(watch, name);
    if (caller == NULL)
        return;
    caller->is_confirmed = true;
    watch_cut(caller);
}

void watch_end_cuts(struct watch *watch, int64_t now_us)
{
    for (size_t i = 0; i <= WATCH_CALLERS_MAX; i++) {
        struct watch_caller *caller = caller_at(watch, i);
        if (caller->is_confirmed || !atomic_exchange(&caller->is_cut, false))
            continue;
        caller->spared_minute = now_us / MINUTE_US;
    }
}

static void begin_minute(struct watch_caller *caller, int64_t minute)
{
    int64_t old = atomic_load_explicit(&caller->minute, memory_order_relaxed);
    if (minute <= old || !atomic_compare_exchange_strong(&caller->minute, &old, minute))
        return;
    atomic_store_explicit(&caller->total, 0, memory_order_relaxed);
    atomic_store_explicit(&caller->failed, 0, memory_order_relaxed);
    for (size_t i = 0; i < REGISTERS; i++)
        atomic_store_explicit(&caller->registers[i], 0, memory_order_relaxed);
}

/* HyperLogLog; a subject index is a MAC's output, so its bits are as good as a hash's. */
static void note_subject(struct watch_caller *caller, const uint8_t subject[PHI_SUBJECT_LEN])
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | subject[i];
    _Atomic uint8_t *at = &caller->registers[bits >> (64 - REGISTERS_BITS)];
    uint64_t rest = bits << REGISTERS_BITS;
    uint8_t rank = rest == 0 ? 64 - REGISTERS_BITS + 1 : (uint8_t)(__builtin_clzll(rest) + 1);
    uint8_t old = atomic_load_explicit(at, memory_order_relaxed);
    while (rank > old && !atomic_compare_exchange_weak(at, &old, rank))
        ;
}

void watch_note(struct watch_caller *caller, int64_t now_us, bool has_failed,
                const uint8_t subject[PHI_SUBJECT_LEN])
{
    begin_minute(caller, now_us / MINUTE_US);
    atomic_fetch_add_explicit(&caller->total, 1, memory_order_relaxed);
    if (has_failed)
        atomic_fetch_add_explicit(&caller->failed, 1, memory_order_relaxed);
    if (subject != NULL)
        note_subject(caller, subject);
}

static int64_t count_subjects(struct watch_caller *caller)
{
    double sum = 0;
    size_t zeros = 0;
    for (size_t i = 0; i < REGISTERS; i++) {
        uint8_t rank = atomic_load_explicit(&caller->registers[i], memory_order_relaxed);
        sum += ldexp(1, -rank);
        zeros += rank == 0;
    }
    double estimate = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS * REGISTERS / sum;
    if (estimate <= 2.5 * REGISTERS && zeros > 0)
        estimate = REGISTERS * log((double)REGISTERS / (double)zeros);
    return (int64_t)(estimate + 0.5);
}

static void measure(struct watch_caller *caller, int64_t values[WATCH_MEASURES])
{
    int64_t total = atomic_load(&caller->total);
    int64_t failed = atomic_load(&caller->failed);
    values[WATCH_RATE] = total;
    values[WATCH_FAILED] =
        total > 0 && total >= caller->bounds->failed_least ? failed * 100 / total : 0;
    values[WATCH_SUBJECTS] = count_subjects(caller);
}

static void judge(struct watch_caller *caller, int64_t minute,
                  void (*tell)(void *context, const struct watch_finding *finding), void *context)
{
    int64_t values[WATCH_MEASURES];
    if (caller->told_minute != minute)
        memset(caller->is_told, 0, sizeof(caller->is_told));
    caller->told_minute = minute;
    measure(caller, values);
    for (int i = 0; i < WATCH_MEASURES; i++) {
        for (int step = WATCH_WARN; step <= WATCH_CUT; step++) {
            int64_t bound = caller->bounds->bounds[i][step];
            if (values[i] <= bound || caller->is_told[i][step])
                continue;
            const struct watch_finding finding = {.caller = caller,
                                                  .name = caller->name,
                                                  .step = (enum watch_step)step,
                                                  .measure = (enum watch_measure)i,
                                                  .value = values[i],
                                                  .bound = bound};
            caller->is_told[i][step] = true;
            tell(context, &finding);
        }
    }
}

void watch_judge(struct watch *watch, int64_t now_us,
                 void (*tell)(void *context, const struct watch_finding *finding), void *context)
{
    int64_t minute = now_us / MINUTE_US;
    for (size_t i = 0; i <= WATCH_CALLERS_MAX; i++) {
        struct watch_caller *caller = caller_at(watch, i);
        if (atomic_load(&caller->state) == STATE_READY && !watch_is_cut(caller) &&
            atomic_load(&caller->minute) == minute && caller->spared_minute != minute)
            judge(caller, minute, tell, context);
    }
}
