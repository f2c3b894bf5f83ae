/* What is revoked, in memory: opened with what is kept, kept up by the topics and the table, asked
 * by every verification. */
#include "svc-verify/revoke/revoke.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"

#include <stdlib.h>

#define EVERY_MS 1000
#define PRUNE_S  60
#define RECENT_S 10

static void look_after(struct verify_revoke *revoke, int64_t *pruned_s)
{
    struct phi_error error = {0};
    struct phi_store *store = phi_service_store(revoke->verify->service);
    int64_t now_s = phi_clock_now_us(revoke->verify->clock) / 1000000;
    revoke_follow(revoke);
    /* what another replica has kept, also while the broker is away */
    enum phi_err err = revoke_load(revoke, RECENT_S, &error);
    if (err == PHI_OK && now_s - *pruned_s >= PRUNE_S) {
        *pruned_s = now_s;
        err = revoke_prune(store, now_s, &error);
        if (err == PHI_OK)
            err = phi_revocations_drop(revoke->set, now_s);
    }
    phi_gauge_set(revoke->held, (int64_t)phi_revocations_count(revoke->set));
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "revocations_not_read", PHI_L_DETAIL(&error));
}

static void *run(void *context)
{
    struct verify_revoke *revoke = context;
    int64_t pruned_s = 0;
    void *nothing[1];
    while (!phi_queue_is_closed(revoke->stop)) {
        look_after(revoke, &pruned_s);
        (void)phi_queue_pop(revoke->stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
    }
    return NULL;
}

static void open_metrics(struct verify_revoke *revoke)
{
    static const char *const results[RECORD_COUNT] = {
        "result=\"taken\"",  "result=\"known\"",     "result=\"foreign\"", "result=\"unsigned\"",
        "result=\"forged\"", "result=\"malformed\"", "result=\"full\""};
    for (int i = 0; i < RECORD_COUNT; i++)
        revoke->records[i] = phi_counter_new("phi_revocation_records_total",
                                             "records of code.revoked read", results[i]);
    revoke->held = phi_gauge_new("phi_revocations", "revocations in force in memory", NULL);
}

enum phi_err verify_revoke_open(struct verify *verify, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const struct phi_config *config = phi_service_config(verify->service);
    struct verify_revoke *revoke = calloc(1, sizeof(*revoke));
    PHI_GUARD(revoke == NULL ? PHI_ERR_MEMORY : PHI_OK);
    verify->revoke = revoke;
    revoke->verify = verify;
    revoke->filter_life_s = phi_config_int(config, "PHI_FILTER_HOURS") * 3600;
    pthread_mutex_init(&revoke->filter_lock, NULL);
    open_metrics(revoke);
    revoke->set = phi_revocations_new((size_t)phi_config_int(config, "PHI_REVOCATIONS_MAX"));
    revoke->stop = phi_queue_new(1);
    PHI_GUARD(revoke->set == NULL || revoke->stop == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_service_key_sm2(verify->service, "PHI_REVOCATION_KEY_FILE", &revoke->key, error));
    phi_sm2_private_public(revoke->key, xy);
    PHI_GUARD(phi_key_id_of(xy, revoke->key_id));
    PHI_GUARD(revoke_load(revoke, 0, error));
out:
    return err;
}

enum phi_err verify_revoke_start(struct verify *verify)
{
    struct verify_revoke *revoke = verify->revoke;
    revoke->has_thread = pthread_create(&revoke->thread, NULL, run, revoke) == 0;
    return revoke->has_thread ? PHI_OK : PHI_ERR_MEMORY;
}

void verify_revoke_stop(struct verify *verify)
{
    struct verify_revoke *revoke = verify->revoke;
    if (revoke == NULL || revoke->stop == NULL)
        return;
    phi_queue_close(revoke->stop);
    if (revoke->has_thread)
        pthread_join(revoke->thread, NULL);
    revoke->has_thread = false;
    revoke_unfollow(revoke);
}

void verify_revoke_close(struct verify *verify)
{
    struct verify_revoke *revoke = verify->revoke;
    if (revoke == NULL)
        return;
    verify_revoke_stop(verify);
    phi_queue_free(revoke->stop);
    phi_revocations_free(revoke->set);
    phi_sm2_private_free(revoke->key);
    pthread_mutex_destroy(&revoke->filter_lock);
    free(revoke->filter);
    free(revoke);
    verify->revoke = NULL;
}
