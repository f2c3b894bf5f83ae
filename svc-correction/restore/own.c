#include "svc-correction/restore/own.h"

#include "auth/trust.h"
#include "base/log.h"
#include "bus/signed.h"
#include "crypto/seal.h"
#include "person/keys.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define KEYS_MAX     16
#define TRUST_MS     3000
#define TICK_MS      50
#define VERSIONS_MAX 65535 /* ids from there on are the health side's keys */

struct pins {
    struct phi_pinned_key keys[KEYS_MAX];
    size_t count;
};

static void pin(struct pins *pins, const char *serial, const struct phi_sm2_public *key)
{
    struct phi_pinned_key *pinned = &pins->keys[pins->count++];
    snprintf(pinned->key_serial, sizeof(pinned->key_serial), "%s", serial);
    pinned->key = key;
}

/* A province that is suspended has its own records all the same. */
static void pin_listed(struct pins *pins, const struct phi_trust_platform *platform, int64_t at_us)
{
    for (size_t i = 0; platform != NULL && i < platform->key_count && pins->count < KEYS_MAX; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use == PHI_TRUST_CORRECTION && key->from_us <= at_us && at_us < key->to_us)
            pin(pins, key->serial, key->public_key);
    }
}

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

static enum phi_err check_listed(struct phi_service *service, const struct phi_msg *msg,
                                 int64_t at_us)
{
    uint64_t version = 0;
    struct pins pins = {.count = 0};
    struct phi_trust *trust = phi_service_trust(service);
    wait_for_trust(trust);
    const struct phi_trust_view *view = phi_trust_acquire(trust);
    pin_listed(&pins, phi_trust_platform(view, phi_service_region(service)), at_us);
    enum phi_err err = phi_signed_verify(msg, pins.keys, pins.count, &version, NULL);
    phi_trust_release(view);
    return err;
}

enum phi_err own_check(struct phi_service *service, const struct phi_msg *msg, int64_t at_us)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(service);
    struct phi_sm2_public *key = NULL;
    struct pins pins = {.count = 0};
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint64_t version = 0;
    PHI_GUARD(msg->key.len == PHI_SUBJECT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    phi_sm2_private_public(correction->correction_key, xy);
    PHI_GUARD(phi_sm2_public_new(xy, &key));
    pin(&pins, correction->correction_serial, key);
    err = phi_signed_verify(msg, pins.keys, pins.count, &version, NULL);
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
