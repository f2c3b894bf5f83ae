#include "auth/jwks.h"

#include "base/log.h"
#include "base/metrics.h"
#include "json/json.h"

#include <cjose/cjose.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX      64
#define KEYS_MAX       32
#define XY_LETTERS     43                /* base64url of 32 bytes */
#define REFETCH_US     (30 * 1000000LL)  /* for an unknown key id */
#define RETRY_US       (2 * 1000000LL)   /* while there are no keys at all */
#define RENEW_US       (600 * 1000000LL) /* a key that was taken back stops counting after this */
#define STALE_US       (6 * 3600 * 1000000LL) /* a provider away for so long counts no more */
#define WAIT_MARGIN_MS 500

struct key {
    char kid[PHI_KID_MAX + 1];
    cjose_jwk_t *jwk;
};

/* Immutable once made; a verifying thread holds a reference. */
struct key_set {
    atomic_int refs;
    size_t count;
    struct key keys[KEYS_MAX];
};

struct slot {
    char url[PHI_URL_MAX];
    struct key_set *set;
    int64_t fetched_us;
    int64_t tried_us; /* INT64_MIN: never */
    bool is_fetching;
};

struct phi_jwks {
    pthread_mutex_t mutex;
    pthread_cond_t fetched;
    phi_identity_fetch fetch;
    void *context;
    int64_t timeout_ms;
    struct slot slots[SLOTS_MAX];
    size_t slot_count;
};

/* Key sets */

static void set_release(struct key_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        (void)cjose_jwk_release(set->keys[i].jwk);
    free(set);
}

static const struct key *set_find(const struct key_set *set, const char *kid)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (strcmp(set->keys[i].kid, kid) == 0)
            return &set->keys[i];
    }
    return NULL;
}

static bool member_is(const json_t *jwk, const char *name, const char *value, bool may_miss)
{
    const json_t *member = json_object_get(jwk, name);
    if (member == NULL)
        return may_miss;
    return json_is_string(member) && strcmp(json_string_value(member), value) == 0;
}

/* Keys of other kinds may stand in the same set; they are passed over. */
static bool is_signing_key(const json_t *jwk)
{
    const char *kid = json_string_value(json_object_get(jwk, "kid"));
    return kid != NULL && kid[0] != '\0' && strlen(kid) <= PHI_KID_MAX &&
           member_is(jwk, "kty", "EC", false) && member_is(jwk, "crv", "P-256", false) &&
           member_is(jwk, "use", "sig", true) && member_is(jwk, "alg", "ES256", true);
}

/* 32 bytes of base64url. The library that imports the key stops the process at other texts. */
static bool is_coordinate(const json_t *member)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *text = json_string_value(member);
    if (text == NULL || strlen(text) != XY_LETTERS || strspn(text, letters) != XY_LETTERS)
        return false;
    return (strchr(letters, text[XY_LETTERS - 1]) - letters) % 4 == 0;
}

static void set_add(struct key_set *set, const json_t *jwk)
{
    cjose_err error;
    if (set->count == KEYS_MAX || !is_signing_key(jwk))
        return;
    const char *kid = json_string_value(json_object_get(jwk, "kid"));
    const json_t *x = json_object_get(jwk, "x");
    const json_t *y = json_object_get(jwk, "y");
    if (!is_coordinate(x) || !is_coordinate(y) || set_find(set, kid) != NULL)
        return;
    json_t *bare = json_pack("{s:s, s:s, s:s, s:O, s:O}", "kty", "EC", "crv", "P-256", "kid", kid,
                             "x", x, "y", y);
    if (bare == NULL)
        return;
    cjose_jwk_t *key = cjose_jwk_import_json((cjose_header_t *)bare, &error);
    json_decref(bare);
    if (key == NULL)
        return;
    (void)snprintf(set->keys[set->count].kid, sizeof(set->keys[0].kid), "%s", kid);
    set->keys[set->count++].jwk = key;
}

static enum phi_err set_parse(struct phi_view body, struct key_set **out)
{
    json_t *root = NULL;
    if (phi_json_parse(body, 8, &root, NULL) != PHI_OK)
        return PHI_ERR_NEIGHBOUR;
    struct key_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        json_decref(root);
        return PHI_ERR_MEMORY;
    }
    atomic_init(&set->refs, 1);
    const json_t *keys = json_object_get(root, "keys");
    for (size_t i = 0; i < json_array_size(keys); i++)
        set_add(set, json_array_get(keys, i));
    json_decref(root);
    if (set->count == 0) {
        set_release(set);
        return PHI_ERR_NEIGHBOUR;
    }
    *out = set;
    return PHI_OK;
}

/* Slots */

enum phi_err phi_jwks_new(phi_identity_fetch fetch, void *context, int64_t timeout_ms,
                          struct phi_jwks **out)
{
    pthread_condattr_t monotonic;
    struct phi_jwks *jwks = calloc(1, sizeof(*jwks));
    if (jwks == NULL)
        return PHI_ERR_MEMORY;
    jwks->fetch = fetch != NULL ? fetch : phi_jwks_fetch_curl;
    jwks->context = context;
    jwks->timeout_ms = timeout_ms;
    (void)pthread_mutex_init(&jwks->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&jwks->fetched, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = jwks;
    return PHI_OK;
}

void phi_jwks_free(struct phi_jwks *jwks)
{
    if (jwks == NULL)
        return;
    for (size_t i = 0; i < jwks->slot_count; i++)
        set_release(jwks->slots[i].set);
    (void)pthread_cond_destroy(&jwks->fetched);
    (void)pthread_mutex_destroy(&jwks->mutex);
    free(jwks);
}

/* A free slot, or the one that was asked for longest ago. */
static struct slot *slot_to_use(struct phi_jwks *jwks)
{
    struct slot *oldest = NULL;
    if (jwks->slot_count < SLOTS_MAX)
        return &jwks->slots[jwks->slot_count++];
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        struct slot *slot = &jwks->slots[i];
        if (!slot->is_fetching && (oldest == NULL || slot->tried_us < oldest->tried_us))
            oldest = slot;
    }
    return oldest;
}

static struct slot *slot_of(struct phi_jwks *jwks, const char *url)
{
    for (size_t i = 0; i < jwks->slot_count; i++) {
        if (strcmp(jwks->slots[i].url, url) == 0)
            return &jwks->slots[i];
    }
    struct slot *slot = slot_to_use(jwks);
    if (slot == NULL)
        return NULL;
    set_release(slot->set);
    *slot = (struct slot){.tried_us = INT64_MIN};
    (void)snprintf(slot->url, sizeof(slot->url), "%s", url);
    return slot;
}

static bool is_due(const struct slot *slot, bool has_key, int64_t now_us)
{
    if (slot->is_fetching)
        return false;
    if (slot->tried_us == INT64_MIN)
        return true;
    if (slot->set == NULL)
        return now_us - slot->tried_us >= RETRY_US;
    if (now_us - slot->tried_us < REFETCH_US)
        return false;
    return !has_key || now_us - slot->fetched_us >= RENEW_US;
}

static enum phi_err fetch_set(struct phi_jwks *jwks, const char *url, struct key_set **out)
{
    size_t len = 0;
    uint8_t *body = malloc(PHI_JWKS_MAX_BYTES);
    if (body == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err =
        jwks->fetch(jwks->context, url, jwks->timeout_ms, body, PHI_JWKS_MAX_BYTES, &len);
    if (err == PHI_OK)
        err = set_parse(phi_view_of(body, len), out);
    free(body);
    return err;
}

/* Called and left with the mutex held; without it while the provider is asked. */
static void slot_fetch(struct phi_jwks *jwks, struct slot *slot)
{
    struct key_set *set = NULL;
    slot->is_fetching = true;
    (void)pthread_mutex_unlock(&jwks->mutex);
    enum phi_err err = fetch_set(jwks, slot->url, &set);
    (void)pthread_mutex_lock(&jwks->mutex);
    slot->is_fetching = false;
    slot->tried_us = phi_monotonic_us();
    if (err == PHI_OK) {
        set_release(slot->set);
        slot->set = set;
        slot->fetched_us = slot->tried_us;
    } else {
        phi_log(PHI_LOG_WARN, "jwks_not_fetched", PHI_L_ERR(err));
    }
    (void)pthread_cond_broadcast(&jwks->fetched);
}

static void slot_forget_stale(struct slot *slot, int64_t now_us)
{
    if (slot->set == NULL || now_us - slot->fetched_us < STALE_US)
        return;
    set_release(slot->set);
    slot->set = NULL;
}

static bool wait_fetched(struct phi_jwks *jwks, struct phi_deadline until)
{
    struct timespec at = {.tv_sec = (time_t)(until.at_us / 1000000),
                          .tv_nsec = (long)(until.at_us % 1000000) * 1000};
    return pthread_cond_timedwait(&jwks->fetched, &jwks->mutex, &at) == 0;
}

/* With the mutex held: the set that has the key, with a reference. */
static enum phi_err find_locked(struct phi_jwks *jwks, const char *url, const char *kid,
                                struct key_set **out, const struct key **key)
{
    struct phi_deadline until = phi_deadline_in_ms(jwks->timeout_ms + WAIT_MARGIN_MS);
    for (;;) {
        int64_t now_us = phi_monotonic_us();
        struct slot *slot = slot_of(jwks, url);
        if (slot == NULL)
            return PHI_ERR_NEIGHBOUR;
        slot_forget_stale(slot, now_us);
        *key = set_find(slot->set, kid);
        if (is_due(slot, *key != NULL, now_us)) {
            slot_fetch(jwks, slot);
            continue;
        }
        if (*key != NULL) {
            (void)atomic_fetch_add(&slot->set->refs, 1);
            *out = slot->set;
            return PHI_OK;
        }
        if (!slot->is_fetching)
            return slot->set == NULL ? PHI_ERR_NEIGHBOUR : PHI_ERR_IDENTITY;
        if (!wait_fetched(jwks, until))
            return PHI_ERR_NEIGHBOUR;
    }
}

static enum phi_err verify_with(const struct key *key, struct phi_view token)
{
    cjose_err error;
    cjose_jws_t *jws = cjose_jws_import((const char *)token.data, token.len, &error);
    if (jws == NULL)
        return PHI_ERR_IDENTITY;
    bool verified = cjose_jws_verify(jws, key->jwk, &error);
    cjose_jws_release(jws);
    return verified ? PHI_OK : PHI_ERR_IDENTITY;
}

enum phi_err phi_jwks_verify(struct phi_jwks *jwks, const char *url, const char *kid,
                             struct phi_view token, struct phi_error *error)
{
    struct key_set *set = NULL;
    const struct key *key = NULL;
    if (strlen(url) >= PHI_URL_MAX)
        return phi_error_set(error, PHI_ERR_IDENTITY, "jwksUrl", "too long");
    (void)pthread_mutex_lock(&jwks->mutex);
    enum phi_err err = find_locked(jwks, url, kid, &set, &key);
    (void)pthread_mutex_unlock(&jwks->mutex);
    if (err == PHI_ERR_NEIGHBOUR)
        return phi_error_set(error, err, "Phi-Identity", "the provider's keys can't be had");
    if (err != PHI_OK)
        return phi_error_set(error, err, "kid", "no such key of the provider");
    err = verify_with(key, token);
    set_release(set);
    if (err != PHI_OK)
        return phi_error_set(error, err, "Phi-Identity", "the signature does not verify");
    return PHI_OK;
}
