#include "service/parts.h"

#include "base/metrics.h"
#include "store/tables.h"

#include <stdlib.h>
#include <time.h>

#define TICK_MS        200
#define CHECK_EVERY_MS 2000
#define PRUNE_EVERY_MS 60000
#define CHECK_MS       1000
#define CLOCK_APART_US (5 * 1000 * 1000)

static void look_at_clock(struct phi_service *service, struct phi_conn *conn)
{
    struct phi_rows *rows = NULL;
    struct phi_error error = {0};
    int64_t before_us = phi_clock_now_us(NULL);
    if (phi_conn_exec(conn, "keeper_clock",
                      "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint", NULL, 0,
                      &rows, &error) != PHI_OK)
        return;
    int64_t apart_us = llabs(phi_rows_i64(rows, 0, 0) - before_us);
    phi_service_set_degraded(service, "clock", apart_us > CLOCK_APART_US);
    phi_rows_free(rows);
}

static void prune(struct phi_conn *conn)
{
    struct phi_error error = {0};
    struct phi_prune_ages ages = {0};
    size_t deleted = 0;
    if (phi_store_prune(conn, phi_clock_now_us(NULL), &ages, &deleted, &error) != PHI_OK)
        phi_log(PHI_LOG_WARN, "prune_failed", PHI_L_DETAIL(&error));
}

static void look_at_store(struct phi_service *service, bool is_prune_due)
{
    struct phi_conn *conn = NULL;
    bool is_up = phi_store_check(service->store, phi_deadline_in_ms(CHECK_MS)) == PHI_OK;
    if (!is_up || phi_store_acquire(service->store, phi_deadline_in_ms(CHECK_MS), &conn) != PHI_OK)
        return;
    look_at_clock(service, conn);
    phi_service_tell_alive(service, conn);
    if (is_prune_due)
        prune(conn);
    phi_store_release(conn);
}

/* What can't be told any more is not taken: a row that would make the outbox larger. */
static void look_at_outbox(struct phi_service *service)
{
    if (service->relay == NULL)
        return;
    enum phi_relay_weight weight = phi_relay_weight(service->relay);
    phi_service_set_degraded(service, "outbox", weight != PHI_RELAY_LIGHT);
    phi_lane_shut(service->lane, PHI_API_OUTBOX, weight == PHI_RELAY_FULL ? PHI_ERR_BUS : PHI_OK);
}

struct trust_gauges {
    struct phi_gauge *age;
    struct phi_gauge *version;
};

static void declare_trust(const struct phi_service *service, struct trust_gauges *out)
{
    if (service->trust == NULL)
        return;
    out->age = phi_gauge_new("phi_trust_list_age_seconds",
                             "since the trust list was last verified; -1 without one", NULL);
    out->version =
        phi_gauge_new("phi_trust_list_version", "version of the trust list in force", NULL);
}

/* Warned of long before it is too old to be used. */
static void look_at_trust(struct phi_service *service, const struct trust_gauges *gauges)
{
    if (service->trust == NULL)
        return;
    int64_t age_s = phi_trust_age_s(service->trust);
    phi_gauge_set(gauges->age, age_s);
    phi_gauge_set(gauges->version, (int64_t)phi_trust_version(service->trust));
    phi_service_set_degraded(service, "trust-list",
                             age_s > phi_config_int(service->config, "PHI_TRUST_WARN_S"));
}

static void *keeper_run(void *context)
{
    struct phi_service *service = context;
    struct trust_gauges trust = {.age = NULL};
    struct phi_deadline check = phi_deadline_in_ms(0);
    struct phi_deadline prune_at = phi_deadline_in_ms(PRUNE_EVERY_MS);
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    declare_trust(service, &trust);
    while (!atomic_load(&service->stopping)) {
        nanosleep(&tick, NULL);
        phi_service_keys_watch(service);
        if (service->producer != NULL)
            phi_service_set_degraded(service, "bus", !phi_bus_is_up(service->producer));
        look_at_outbox(service);
        look_at_trust(service, &trust);
        phi_service_device_look(service);
        if (!phi_deadline_is_past(check))
            continue;
        bool is_prune_due = phi_deadline_is_past(prune_at);
        look_at_store(service, is_prune_due);
        check = phi_deadline_in_ms(CHECK_EVERY_MS);
        if (is_prune_due)
            prune_at = phi_deadline_in_ms(PRUNE_EVERY_MS);
    }
    return NULL;
}

enum phi_err phi_service_keeper_start(struct phi_service *service)
{
    if (pthread_create(&service->keeper, NULL, keeper_run, service) != 0)
        return PHI_ERR_MEMORY;
    service->has_keeper = true;
    return PHI_OK;
}

void phi_service_keeper_stop(struct phi_service *service)
{
    atomic_store(&service->stopping, true);
    if (service->has_keeper)
        pthread_join(service->keeper, NULL);
    service->has_keeper = false;
}
