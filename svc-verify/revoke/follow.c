/* phi.<region>.code.revoked of every platform in the trust list, from its beginning at each start.
 * A record counts when one of that platform's `revocation` keys in force has signed it; what does
 * not is dropped and counted by reason. Not a dead letter: each replica reads each record again at
 * each start. */
#include "svc-verify/revoke/revoke.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/signed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_ARENA_MAX (256 * 1024)

static size_t pin(const struct phi_trust_view *view, const char *id, int64_t now_us,
                  struct phi_pinned_key pinned[PHI_TRUST_KEYS])
{
    const struct phi_trust_platform *platform = phi_trust_platform(view, id);
    size_t count = 0;
    for (size_t i = 0; platform != NULL && i < platform->key_count && count < PHI_TRUST_KEYS; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use != PHI_TRUST_REVOCATION || now_us < key->from_us || now_us >= key->to_us)
            continue;
        memcpy(pinned[count].key_serial, key->serial, sizeof(pinned[count].key_serial));
        pinned[count++].key = key->public_key;
    }
    return count;
}

static enum revoke_record why(enum phi_err err)
{
    switch (err) {
    case PHI_OK:
        return RECORD_TAKEN;
    case PHI_ERR_STATE:
        return RECORD_KNOWN;
    case PHI_ERR_UNSIGNED:
        return RECORD_UNSIGNED;
    case PHI_ERR_KEY:
        return RECORD_FOREIGN;
    case PHI_ERR_SIGNATURE:
        return RECORD_FORGED;
    case PHI_ERR_OVERLOAD:
        return RECORD_FULL;
    default:
        return RECORD_MALFORMED;
    }
}

static enum phi_err verify_record_of(struct revoke_topic *topic, const struct phi_msg *msg,
                                     int64_t now_us, uint64_t *version)
{
    struct phi_pinned_key pinned[PHI_TRUST_KEYS];
    const struct phi_trust_view *view = phi_trust_acquire(topic->revoke->verify->trust);
    size_t count = pin(view, topic->platform, now_us, pinned);
    enum phi_err err = phi_signed_verify(msg, pinned, count, version, NULL);
    phi_trust_release(view);
    return err;
}

/* An id of another platform's subject says nothing to us: only its issuer has the key. */
static bool is_of_use(const struct verify_revoke *revoke, const struct phi_revocation *entry)
{
    return entry->kind != PHI_REVOKED_SUBJECT ||
           strcmp(entry->platform, revoke->verify->region) == 0;
}

static enum phi_err take(struct revoke_topic *topic, const struct phi_msg *msg,
                         struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct verify_revoke *revoke = topic->revoke;
    struct phi_revocation entry = {0};
    int64_t now_us = phi_clock_now_us(revoke->verify->clock);
    PHI_GUARD(verify_record_of(topic, msg, now_us, &entry.version));
    PHI_GUARD(entry.version > INT64_MAX ? PHI_ERR_HEADER : PHI_OK);
    PHI_GUARD(revoke_record_read(msg->value, topic->platform, arena, &entry, error));
    PHI_GUARD(is_of_use(revoke, &entry) ? PHI_OK : PHI_ERR_STATE);
    PHI_GUARD(phi_revocations_put(revoke->set, &entry, now_us / 1000000));
    /* in force already; without the row the topic tells it again at the next start */
    if (revoke_save(phi_service_store(revoke->verify->service), &entry, error) != PHI_OK)
        phi_log(PHI_LOG_WARN, "revocation_not_kept", PHI_L_DETAIL(error));
out:
    return err;
}

static void on_record(const struct phi_msg *msg, void *context)
{
    struct revoke_topic *topic = context;
    struct phi_error error = {0};
    struct phi_arena *arena = phi_arena_new(RECORD_ARENA_MAX);
    enum phi_err err = arena == NULL ? PHI_ERR_MEMORY : take(topic, msg, arena, &error);
    enum revoke_record result = why(err);
    phi_counter_add(topic->revoke->records[result], 1);
    phi_gauge_set(topic->revoke->held, (int64_t)phi_revocations_count(topic->revoke->set));
    if (result != RECORD_TAKEN && result != RECORD_KNOWN)
        phi_log(PHI_LOG_WARN, "revocation_refused", PHI_L_WORD("platform", topic->platform),
                PHI_L_INT("offset", msg->offset), PHI_L_ERR(err));
    phi_arena_free(arena);
}

static enum phi_err open_topic(struct verify_revoke *revoke, const char *platform,
                               struct revoke_topic *topic, struct phi_error *error)
{
    char name[PHI_TOPIC_MAX];
    struct phi_service *service = revoke->verify->service;
    topic->revoke = revoke;
    memcpy(topic->platform, platform, sizeof(topic->platform));
    snprintf(name, sizeof(name), "phi.%s.code.revoked", platform);
    const struct phi_topic_reader_options options = {.bus = phi_service_platform_bus(service),
                                                     .topic = name,
                                                     .record = on_record,
                                                     .context = topic};
    return phi_topic_reader_open(&options, &topic->reader, error);
}

static bool is_followed(const struct verify_revoke *revoke, const char *platform)
{
    for (size_t i = 0; i < revoke->topic_count; i++)
        if (strcmp(revoke->topics[i]->platform, platform) == 0)
            return true;
    return false;
}

static bool has_key(const struct phi_trust_platform *platform)
{
    for (size_t i = 0; i < platform->key_count; i++)
        if (platform->keys[i].use == PHI_TRUST_REVOCATION)
            return true;
    return false;
}

static void follow(struct verify_revoke *revoke, const char *platform)
{
    struct phi_error error = {0};
    struct revoke_topic *topic = calloc(1, sizeof(*topic));
    enum phi_err err = topic == NULL ? PHI_ERR_MEMORY : open_topic(revoke, platform, topic, &error);
    if (err == PHI_OK) {
        revoke->topics[revoke->topic_count++] = topic;
        return;
    }
    free(topic);
    phi_log(PHI_LOG_ERROR, "revocations_unfollowed", PHI_L_WORD("platform", platform),
            PHI_L_ERR(err));
}

void revoke_follow(struct verify_revoke *revoke)
{
    const struct phi_trust_view *view = phi_trust_acquire(revoke->verify->trust);
    const struct phi_trust_list *list = phi_trust_list(view);
    for (size_t i = 0; i < list->platform_count; i++) {
        const struct phi_trust_platform *platform = &list->platforms[i];
        if (revoke->topic_count < PHI_TRUST_PLATFORMS && has_key(platform) &&
            !is_followed(revoke, platform->id))
            follow(revoke, platform->id);
    }
    phi_trust_release(view);
}

void revoke_unfollow(struct verify_revoke *revoke)
{
    for (size_t i = 0; i < revoke->topic_count; i++) {
        phi_topic_reader_close(revoke->topics[i]->reader);
        free(revoke->topics[i]);
    }
    revoke->topic_count = 0;
}
