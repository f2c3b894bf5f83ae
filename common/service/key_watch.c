/* What is told of keys: that they were read, that their time has come, that it is over. A line in
 * the log at once, and an audit event through the outbox, again and again until it is there. */
#include "bus/signed.h"
#include "json/canonical.h"
#include "service/parts.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_ARENA 65536
#define ACQUIRE_MS  500
#define RETRY_MS    2000

static const char *const steps[PHI_KEY_STEP_COUNT] = {"load", "in-force", "out-of-force"};

static json_t *json_of(struct phi_service *service, const struct phi_service_key *key,
                       const char *step, int64_t now_us)
{
    char time[PHI_RFC3339_MAX];
    phi_rfc3339_format(now_us, time);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "subject", "key", "step", step,
                             "program", phi_service_program(service), "time", time, "use", key->use,
                             "key", key->id, "keySetId", (int)key->set);
    if (json == NULL)
        return NULL;
    phi_rfc3339_format(key->from_us, time);
    if (key->from_us != 0)
        json_object_set_new(json, "from", json_string(time));
    phi_rfc3339_format(key->to_us == INT64_MAX ? 0 : key->to_us, time);
    if (key->to_us != INT64_MAX)
        json_object_set_new(json, "to", json_string(time));
    return json;
}

static enum phi_err make_event(struct phi_service *service, const struct phi_service_key *key,
                               const char *step, struct phi_arena *arena, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_clock_now_us(NULL);
    json_t *json = json_of(service, key, step, now_us);
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *event = (struct phi_event){.topic = phi_service_topic(service, "audit"),
                                .type = "cn.phi.audit",
                                .source = phi_service_source(service),
                                .time_us = now_us,
                                .key = phi_view_text(key->id)};
    PHI_GUARD(phi_json_canonical(json, arena, &event->value));
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(phi_service_sign_event(service, event, (uint64_t)now_us, arena));
out:
    json_decref(json);
    return err;
}

static enum phi_err put(struct phi_service *service, const struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_error error = {0};
    PHI_GUARD(phi_store_acquire(service->store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_begin(conn, &error));
    PHI_GUARD(phi_event_put(conn, event, &error));
    PHI_GUARD(phi_conn_commit(conn, &error));
out:
    if (conn != NULL && err != PHI_OK)
        phi_conn_rollback(conn);
    phi_store_release(conn);
    return err;
}

static enum phi_err publish(struct phi_service *service, const struct phi_service_key *key,
                            const char *step)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(EVENT_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(make_event(service, key, step, arena, &event));
    PHI_GUARD(put(service, &event));
    phi_relay_wake(service->relay);
out:
    phi_arena_free(arena);
    return err;
}

/* Is there a key of the same use whose time began later and has come? */
static bool is_followed(const struct phi_service *service, const struct phi_service_key *key,
                        int64_t now_us)
{
    for (size_t i = 0; i < service->key_count; i++) {
        const struct phi_service_key *other = &service->keys[i];
        if (strcmp(other->use, key->use) == 0 && other->from_us > key->from_us &&
            other->from_us <= now_us)
            return true;
    }
    return false;
}

static bool is_due(const struct phi_service *service, const struct phi_service_key *key,
                   enum phi_key_step step, int64_t now_us)
{
    switch (step) {
    case PHI_KEY_LOADED:
        return true;
    case PHI_KEY_IN_FORCE:
        return key->from_us <= now_us && now_us < key->to_us && !is_followed(service, key, now_us);
    default:
        return key->to_us <= now_us;
    }
}

static void tell(struct phi_service *service, struct phi_service_key *key, enum phi_key_step step)
{
    unsigned bit = 1u << step;
    if (!(key->logged & bit))
        phi_log(PHI_LOG_INFO, "key", PHI_L_WORD("step", steps[step]), PHI_L_WORD("use", key->use),
                PHI_L_WORD("key", key->id), PHI_L_INT("set", key->set));
    key->logged |= bit;
    bool is_told = service->relay == NULL || publish(service, key, steps[step]) == PHI_OK;
    if (is_told)
        key->told |= bit;
    else
        service->key_retry = phi_deadline_in_ms(RETRY_MS);
}

void phi_service_keys_watch(struct phi_service *service)
{
    int64_t now_us = phi_clock_now_us(NULL);
    for (size_t i = 0; i < service->key_count; i++) {
        struct phi_service_key *key = &service->keys[i];
        for (int step = 0; step < PHI_KEY_STEP_COUNT; step++) {
            if (!phi_deadline_is_past(service->key_retry))
                return;
            if (!(key->told & 1u << step) && is_due(service, key, (enum phi_key_step)step, now_us))
                tell(service, key, (enum phi_key_step)step);
        }
    }
}
