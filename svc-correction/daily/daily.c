#include "svc-correction/daily/daily.h"

#include "base/log.h"
#include "svc-correction/anchor/anchor.h"
#include "svc-correction/fairness/fairness.h"
#include "svc-correction/retention/retention.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define EVERY_MS 1000
#define TICK_MS  100

struct case_daily {
    struct phi_service *service;
    pthread_t thread;
    atomic_bool stopping;
};

static const struct {
    enum phi_err (*look)(struct phi_service *service, bool *is_made, struct phi_error *error);
    const char *failed;
} jobs[] = {{anchor_look, "cases_not_anchored"},
            {fairness_look, "report_not_made"},
            {retention_look, "cases_not_emptied"}};

static void look(struct case_daily *daily)
{
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        struct phi_error error = {.code = PHI_OK};
        bool is_made = false;
        if (atomic_load(&daily->stopping))
            return;
        if (jobs[i].look(daily->service, &is_made, &error) != PHI_OK)
            phi_log(PHI_LOG_WARN, jobs[i].failed, PHI_L_DETAIL(&error));
        if (is_made)
            phi_relay_wake(phi_service_relay(daily->service));
    }
}

static void *run(void *context)
{
    struct case_daily *daily = context;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    struct phi_deadline next = phi_deadline_in_ms(EVERY_MS);
    while (!atomic_load(&daily->stopping)) {
        nanosleep(&tick, NULL);
        if (!phi_deadline_is_past(next))
            continue;
        look(daily);
        next = phi_deadline_in_ms(EVERY_MS);
    }
    return NULL;
}

enum phi_err daily_start(struct phi_service *service)
{
    struct correction *correction = phi_service_state(service);
    struct case_daily *daily = calloc(1, sizeof(*daily));
    if (daily == NULL)
        return PHI_ERR_MEMORY;
    daily->service = service;
    if (pthread_create(&daily->thread, NULL, run, daily) != 0) {
        free(daily);
        return PHI_ERR_INTERNAL;
    }
    correction->daily = daily;
    return PHI_OK;
}

void daily_stop(struct correction *correction)
{
    struct case_daily *daily = correction->daily;
    if (daily == NULL)
        return;
    atomic_store(&daily->stopping, true);
    pthread_join(daily->thread, NULL);
    free(daily);
    correction->daily = NULL;
}
