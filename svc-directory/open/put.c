/* What goes out on an open stream, made and laid into the outbox. */
#include "svc-directory/open/open.h"

#include "bus/event_row.h"
#include "crypto/random.h"
#include "json/canonical.h"
#include "svc-directory/directory.h"

#include <string.h>

/* One project's events of one batch, under the key of its month. */
struct target {
    const struct open_put *put;
    const char *source; /* ce_source */
    const struct open_project *project;
    struct phi_hmac_key *key;
    char month[PHI_OPEN_MONTH_LEN + 1];
};

static enum phi_err aim(struct directory *directory, const struct open_put *put,
                        const struct open_project *project, struct target *out)
{
    *out = (struct target){
        .put = put, .source = phi_service_source(directory->service), .project = project};
    phi_open_month(put->now_us, out->month);
    return phi_open_key_new(phi_view_of(project->secret, sizeof(project->secret)), project->name,
                            out->month, &out->key);
}

/* Members that every event has; the person's pseudonym is also the record's key. */
static enum phi_err begin(const struct target *target, const uint8_t *subject, json_t *json,
                          uint8_t person[PHI_OPEN_PERSON_LEN])
{
    enum phi_err err = PHI_OK;
    char hex[2 * PHI_OPEN_PERSON_LEN + 1];
    PHI_GUARD(
        phi_open_pseudonym(target->key, "person", phi_view_of(subject, PHI_SUBJECT_LEN), person));
    phi_hex_encode(phi_view_of(person, PHI_OPEN_PERSON_LEN), hex);
    bool is_set = json_object_set_new(json, "project", json_string(target->project->name)) == 0 &&
                  json_object_set_new(json, "month", json_string(target->month)) == 0 &&
                  json_object_set_new(json, "person", json_string(hex)) == 0;
    PHI_GUARD(is_set ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

/* The id of an event is a UUIDv7 of the hour: 74 random bits tell it from others, and no finer
 * time. */
static enum phi_err send(const struct target *target, const char *type, json_t *json,
                         const uint8_t person[PHI_OPEN_PERSON_LEN])
{
    enum phi_err err = PHI_OK;
    int64_t hour_us = phi_open_hour(target->put->now_us);
    struct phi_event event = {.topic = target->project->topic,
                              .type = type,
                              .source = target->source,
                              .time_us = hour_us,
                              .key = phi_view_of(person, PHI_OPEN_PERSON_LEN)};
    PHI_GUARD(phi_uuid7(hour_us, event.id));
    PHI_GUARD(phi_json_canonical(json, target->put->arena, &event.value));
    PHI_GUARD(phi_event_put(target->put->tx, &event, NULL));
out:
    return err;
}

/* --- facts --- */

static enum phi_err record_of(const struct target *target, const struct fact *fact, json_t *json)
{
    enum phi_err err = PHI_OK;
    uint8_t record[PHI_OPEN_PERSON_LEN];
    char hex[2 * PHI_OPEN_PERSON_LEN + 1], observed[PHI_RFC3339_MAX];
    PHI_GUARD(phi_open_pseudonym(target->key, "record", phi_view_of(fact->record, PHI_FACT_ID_LEN),
                                 record));
    phi_hex_encode(phi_view_of(record, sizeof(record)), hex);
    phi_rfc3339_format(phi_open_hour(fact->observed_us), observed);
    bool is_set =
        json_object_set_new(json, "stream", json_string(fact->source)) == 0 &&
        json_object_set_new(json, "record", json_string(hex)) == 0 &&
        json_object_set_new(json, "revision", json_integer((json_int_t)fact->revision)) == 0 &&
        json_object_set_new(json, "observedAt", json_string(observed)) == 0;
    PHI_GUARD(is_set ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

static enum phi_err put_fact(const struct target *target, const struct fact *fact)
{
    enum phi_err err = PHI_OK;
    uint8_t person[PHI_OPEN_PERSON_LEN];
    json_t *content = NULL;
    json_t *json = json_object();
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(begin(target, fact->subject, json, person));
    PHI_GUARD(record_of(target, fact, json));
    PHI_GUARD(phi_open_view(target->key, fact->content_json.value, &content));
    PHI_GUARD(json_object_set_new(json, "content", content) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(send(target, "cn.phi.open.fact", json, person));
out:
    json_decref(json);
    return err;
}

enum phi_err open_fact(struct directory *directory, const struct open_put *put,
                       const struct fact *fact)
{
    enum phi_err err = PHI_OK;
    struct open_project projects[OPEN_PROJECTS_MAX];
    struct target target = {.key = NULL};
    size_t count = open_wanting(directory->open, fact->source, put->now_us, projects);
    for (size_t i = 0; i < count; i++) {
        PHI_GUARD(aim(directory, put, &projects[i], &target));
        PHI_GUARD(put_fact(&target, fact));
        phi_hmac_key_free(target.key);
        target.key = NULL;
    }
out:
    phi_hmac_key_free(target.key);
    phi_wipe(projects, sizeof(projects));
    return err;
}

/* --- grades --- */

static enum phi_err set_reasons(const struct open_change *change, json_t *json)
{
    json_t *reasons = json_array();
    if (reasons == NULL || json_object_set_new(json, "reasons", reasons) != 0)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < json_array_size(change->reasons); i++) {
        const json_t *item = json_array_get(change->reasons, i);
        if (json_array_append(reasons, json_object_get(item, "reason")) != 0)
            return PHI_ERR_MEMORY;
    }
    return PHI_OK;
}

static enum phi_err put_grade(const struct target *target, const struct open_change *change)
{
    enum phi_err err = PHI_OK;
    uint8_t person[PHI_OPEN_PERSON_LEN];
    char since[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_open_hour(change->from_us), since);
    json_t *json = json_pack("{s:s, s:s}", "grade", phi_grade_code(change->now), "since", since);
    PHI_GUARD(json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(begin(target, change->subject, json, person));
    if (change->has_before &&
        json_object_set_new(json, "before", json_string(phi_grade_code(change->before))) != 0)
        PHI_GUARD(PHI_ERR_MEMORY);
    PHI_GUARD(set_reasons(change, json));
    PHI_GUARD(send(target, "cn.phi.open.grade", json, person));
out:
    json_decref(json);
    return err;
}

enum phi_err open_grades(struct directory *directory, const struct open_put *put,
                         const struct open_change *changes, size_t count)
{
    enum phi_err err = PHI_OK;
    struct open_project projects[OPEN_PROJECTS_MAX];
    struct target target = {.key = NULL};
    size_t projects_count = count == 0 || directory->open == NULL
                                ? 0
                                : open_wanting(directory->open, OPEN_GRADES, put->now_us, projects);
    for (size_t p = 0; p < projects_count; p++) {
        PHI_GUARD(aim(directory, put, &projects[p], &target));
        for (size_t i = 0; i < count; i++)
            PHI_GUARD(put_grade(&target, &changes[i]));
        phi_hmac_key_free(target.key);
        target.key = NULL;
    }
out:
    phi_hmac_key_free(target.key);
    phi_wipe(projects, sizeof(projects));
    return err;
}
