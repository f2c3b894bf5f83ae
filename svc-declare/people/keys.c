#include "svc-declare/people/keys.h"

#include "bus/event_row.h"

#include <stdlib.h>
#include <string.h>

static enum phi_err event_of(const struct keys_from *from, const struct phi_person_key *key,
                             struct phi_arena *arena, struct phi_event *out)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(
        phi_person_key_event(key, phi_service_region(from->service), from->now_us, arena, out));
    PHI_GUARD(phi_event_new_id(out));
    out->topic = phi_service_topic(from->service, PHI_PERSON_STREAM);
    out->source = phi_service_source(from->service);
    out->request_id = from->request_id;
    out->traceparent = from->traceparent;
out:
    return err;
}

enum phi_err keys_event(struct phi_api_call *call, const struct phi_person_key *key,
                        struct phi_arena *arena, struct phi_event *out)
{
    struct phi_http_request *request = phi_api_request(call);
    const struct keys_from from = {phi_api_service(call), phi_api_now_us(call),
                                   phi_http_request_id(request),
                                   phi_http_header(request, "traceparent")};
    return event_of(&from, key, arena, out);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, PHI_SUBJECT_LEN);
}

static size_t collect(struct fact *const *facts, size_t count, uint8_t (*subjects)[PHI_SUBJECT_LEN])
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        memcpy(subjects[i], facts[i]->subject, PHI_SUBJECT_LEN);
    qsort(subjects, count, PHI_SUBJECT_LEN, compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || memcmp(subjects[kept - 1], subjects[i], PHI_SUBJECT_LEN) != 0)
            memmove(subjects[kept++], subjects[i], PHI_SUBJECT_LEN);
    return kept;
}

enum phi_err keys_for_facts(const struct keys_from *from, struct phi_conn *tx,
                            struct phi_arena *arena, struct fact *const *facts, size_t count,
                            struct phi_event *events, size_t *event_count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(from->service);
    *event_count = 0;
    if (count == 0)
        return PHI_OK;
    uint8_t(*subjects)[PHI_SUBJECT_LEN] = phi_arena_alloc(arena, count * sizeof(*subjects));
    struct phi_person_key *keys = phi_arena_alloc(arena, count * sizeof(*keys));
    bool *is_made = phi_arena_alloc(arena, count * sizeof(*is_made));
    PHI_GUARD(subjects == NULL || keys == NULL || is_made == NULL ? PHI_ERR_MEMORY : PHI_OK);
    size_t people = collect(facts, count, subjects);
    PHI_GUARD(phi_person_keys_ensure(tx, declare->keys.health,
                                     (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, people,
                                     from->now_us, arena, keys, is_made, error));
    for (size_t i = 0; i < people; i++)
        if (is_made[i])
            PHI_GUARD(event_of(from, &keys[i], arena, &events[(*event_count)++]));
    for (size_t i = 0; i < count; i++)
        facts[i]->key = bsearch(facts[i]->subject, keys, people, sizeof(*keys), compare);
out:
    return err;
}

static enum phi_err make(struct phi_api_call *call, struct phi_conn *conn,
                         struct phi_person_key *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    struct phi_event event;
    bool is_made = false;
    uint8_t subject[1][PHI_SUBJECT_LEN];
    memcpy(subject[0], out->subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_person_keys_ensure(
        conn, declare_of(call)->keys.health, (const uint8_t(*)[PHI_SUBJECT_LEN])subject, 1,
        phi_api_now_us(call), phi_api_arena(call), out, &is_made, error));
    if (is_made) {
        PHI_GUARD(keys_event(call, out, phi_api_arena(call), &event));
        PHI_GUARD(phi_event_put(conn, &event, error));
    }
    PHI_GUARD(phi_conn_commit(conn, error));
    if (is_made)
        phi_relay_offer(phi_service_relay(service), &event, 1);
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    return err;
}

enum phi_err keys_for_person(struct phi_api_call *call, struct phi_conn *conn,
                             const uint8_t *subject, struct phi_person_key *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_person_keys_find(conn, subject, phi_api_arena(call), out, error));
    if (!phi_person_key_is_kept(out))
        PHI_GUARD(make(call, conn, out, error));
out:
    return err;
}
