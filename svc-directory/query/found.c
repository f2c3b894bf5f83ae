#include "svc-directory/query/found.h"

#include "base/text.h"
#include "codes/region.h"

#include <string.h>

static const char *here(struct phi_api_call *call)
{
    return phi_service_region(phi_api_service(call));
}

/* The nation's copy of our own entry is shown, and counts only where it is newer: what we publish
 * takes a moment to arrive. */
static bool is_known_better(struct phi_api_call *call, const struct found *found,
                            const json_t *entry)
{
    int64_t version = 0;
    const char *region = json_string_value(json_object_get(entry, "region"));
    const char *text = json_string_value(json_object_get(entry, "version"));
    if (region == NULL || strcmp(region, here(call)) != 0 || !found->entry.is_there)
        return false;
    return text != NULL && phi_text_to_i64(phi_view_text(text), 0, INT64_MAX, &version) == PHI_OK &&
           version <= found->entry.version;
}

static enum phi_grade grade_of(const json_t *entry)
{
    enum phi_grade grade = PHI_GRADE_GREY;
    const char *code = json_string_value(json_object_get(entry, "grade"));
    return code != NULL && phi_grade_from_code(phi_view_text(code), &grade) == PHI_OK
               ? grade
               : PHI_GRADE_GREY;
}

/* Only what this interface shows is passed on. NULL: not of its form. */
static json_t *passed_on(const json_t *entry, const char *via)
{
    const char *region = json_string_value(json_object_get(entry, "region"));
    const char *version = json_string_value(json_object_get(entry, "version"));
    const char *updated = json_string_value(json_object_get(entry, "updatedAt"));
    json_t *reasons = json_object_get(entry, "reasons");
    if (region == NULL || version == NULL || updated == NULL || !json_is_array(reasons))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:O, s:s, s:s}", "region", region, "via", via, "grade",
                     phi_grade_code(grade_of(entry)), "reasons", reasons, "version", version,
                     "updatedAt", updated);
}

static void add_told(struct phi_api_call *call, const struct found *found,
                     const struct phi_json_at *told, const char *via, json_t *entries,
                     enum phi_grade *grade)
{
    const json_t *list = told == NULL ? NULL : json_object_get(told->value, "entries");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        json_t *shown = passed_on(entry, via);
        if (shown == NULL)
            continue;
        if (!is_known_better(call, found, entry))
            *grade = phi_grade_stricter(*grade, grade_of(entry));
        json_array_append_new(entries, shown);
    }
}

static json_t *entries_of(struct phi_api_call *call, const struct found *found,
                          enum phi_grade *grade)
{
    json_t *entries = json_array();
    *grade = found->entry.grade;
    if (found->entry.is_there && !found->entry.is_withdrawn)
        json_array_append_new(entries, person_entry_json(here(call), "local", &found->entry));
    add_told(call, found, found->home_told, found->home, entries, grade);
    add_told(call, found, found->nation, PHI_REGION_NATION, entries, grade);
    return entries;
}

/* What was not asked, and what did not answer. */
static enum phi_err add_silence(const struct found *found, json_t *data)
{
    json_t *not_asked = json_array(), *unanswered = json_array();
    bool needs_home = found->home != NULL && found->home_told == NULL;
    if (needs_home)
        json_array_append_new(found->home_asked ? unanswered : not_asked, json_string(found->home));
    if (found->nation == NULL)
        json_array_append_new(found->nation_asked ? unanswered : not_asked,
                              json_string(PHI_REGION_NATION));
    bool is_added = json_object_set_new(data, "notAsked", not_asked) == 0;
    is_added = json_object_set_new(data, "unanswered", unanswered) == 0 && is_added;
    return is_added ? PHI_OK : PHI_ERR_MEMORY;
}

/* Regions that the nation has something of and that don't count now: the reader sees that they are
 * missing. */
static enum phi_err add_left_out(const struct found *found, json_t *data)
{
    const json_t *told =
        found->nation == NULL ? NULL : json_object_get(found->nation->value, "leftOut");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(told); i++) {
        const json_t *one = json_array_get(told, i);
        const char *region = json_string_value(json_object_get(one, "region"));
        const char *state = json_string_value(json_object_get(one, "state"));
        const char *updated = json_string_value(json_object_get(one, "updatedAt"));
        if (region != NULL && state != NULL && updated != NULL)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "region", region, "state",
                                                  state, "updatedAt", updated));
    }
    return json_object_set_new(data, "leftOut", list) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

/* The home province knows its people; we may know somebody from elsewhere from a report here. */
static json_t *holder_of(const struct found *found)
{
    json_t *told =
        found->home_told == NULL ? NULL : json_object_get(found->home_told->value, "holder");
    const char *name = json_string_value(json_object_get(told, "name"));
    const char *id_no = json_string_value(json_object_get(told, "idNo"));
    if (name != NULL && id_no != NULL)
        return json_pack("{s:s, s:s}", "name", name, "idNo", id_no);
    return person_holder_json(&found->identity);
}

static enum phi_err add_details(const struct found *found, json_t *data)
{
    json_t *told =
        found->home_told == NULL ? NULL : json_object_get(found->home_told->value, "details");
    json_t *details = json_is_object(told) ? told : found->details;
    return details == NULL || json_object_set(data, "details", details) == 0 ? PHI_OK
                                                                             : PHI_ERR_MEMORY;
}

enum phi_err found_tell(struct phi_api_call *call, const struct found *found, json_t **out)
{
    enum phi_err err = PHI_OK;
    enum phi_grade grade = PHI_GRADE_GREY;
    char time[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_api_now_us(call), time);
    json_t *entries = entries_of(call, found, &grade);
    json_t *data = json_pack("{s:o, s:o, s:s, s:o}", "holder", holder_of(found), "grade",
                             person_grade_json(grade), "time", time, "entries", entries);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(add_silence(found, data));
    PHI_GUARD(add_left_out(found, data));
    PHI_GUARD(add_details(found, data));
    *out = data;
    data = NULL;
out:
    json_decref(data);
    return err;
}
