#include "svc-correction/restore/own.h"

#include "base/log.h"
#include "crypto/seal.h"
#include "person/keys.h"
#include "svc-correction/flow/pins.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define TRUST_MS     3000
#define TICK_MS      50
#define VERSIONS_MAX 65535 /* ids from there on are the health side's keys */

/* The list may be one of the backup's time; the topic has what came since. */
static void wait_for_trust(struct phi_trust *trust)
{
    static atomic_bool has_waited;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    struct phi_deadline until = phi_deadline_in_ms(TRUST_MS);
    if (atomic_exchange(&has_waited, true))
        return;
    while (!phi_trust_is_following(trust) && !phi_deadline_is_past(until))
        nanosleep(&tick, NULL);
}

/* A province that is suspended has its own records all the same; without a list no key counts. */
static enum phi_err check_listed(struct phi_service *service, const struct phi_msg *msg,
                                 int64_t at_us)
{
    uint64_t version = 0;
    struct pins pins;
    wait_for_trust(phi_service_trust(service));
    enum phi_err err = pins_take(service, PHI_TRUST_CORRECTION, at_us, &pins);
    if (err == PHI_OK || err == PHI_ERR_NEIGHBOUR)
        err = phi_signed_verify(msg, pins.keys, pins.count, &version, NULL);
    pins_release(&pins);
    return err;
}

enum phi_err own_check(struct phi_service *service, const struct phi_msg *msg, int64_t at_us)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    struct phi_sm2_public *key = NULL;
    struct phi_pinned_key own;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint64_t version = 0;
    PHI_GUARD(msg->key.len == PHI_SUBJECT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    phi_sm2_private_public(correction->correction_key, xy);
    PHI_GUARD(phi_sm2_public_new(xy, &key));
    own.key = key;
    snprintf(own.key_serial, sizeof(own.key_serial), "%s", correction->correction_serial);
    err = phi_signed_verify(msg, &own, 1, &version, NULL);
    if (err == PHI_ERR_KEY)
        err = check_listed(service, msg, at_us);
out:
    phi_sm2_public_free(key);
    return err;
}

enum phi_err own_pass_over(enum phi_err err, const char *stream)
{
    if (err == PHI_ERR_MEMORY || err == PHI_ERR_CRYPTO)
        return err;
    phi_log(PHI_LOG_ERROR, "own_record_not_taken", PHI_L_WORD("stream", stream), PHI_L_ERR(err));
    return PHI_OK;
}

enum phi_err own_is_erased(struct phi_conn *tx, const uint8_t *subject, struct phi_view sealed,
                           struct phi_arena *arena, bool *is, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_person_key key;
    uint32_t id = 0;
    *is = false;
    if (phi_sealed_key_id(sealed, &id) != PHI_OK || id > VERSIONS_MAX)
        return PHI_OK;
    PHI_GUARD(phi_person_keys_find(tx, subject, arena, &key, error));
    *is = (int64_t)id < key.version;
out:
    return err;
}
