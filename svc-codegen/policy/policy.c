#include "svc-codegen/policy/policy.h"

#include "base/file.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX     (64 * 1024)
#define LIFE_MAX_S   86400
#define TERM_MAX_S   (30 * 86400)
#define KEEP_MAX     36525 /* days: a hundred years */
#define SCENES_ARENA (1024 * 1024)

static enum phi_err read_words(const struct phi_json_at *at, const char *field,
                               char out[POLICY_LIST_MAX][POLICY_WORD_MAX + 1], size_t *count,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at list;
    PHI_GUARD(phi_json_array(at, field, 1, POLICY_LIST_MAX, &list, count, error));
    for (size_t i = 0; i < *count; i++) {
        const char *word = NULL;
        struct phi_json_at item = phi_json_item(&list, i);
        PHI_GUARD(phi_json_as_word(&item, POLICY_WORD_MAX, &word, error));
        snprintf(out[i], POLICY_WORD_MAX + 1, "%s", word);
    }
out:
    return err;
}

static enum phi_err read_record(const struct phi_json_at *at, struct policy_record *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"grantee", "categories", "operations"};
    const char *grantee = NULL;
    PHI_GUARD(phi_json_only(at, members, 3, error));
    PHI_GUARD(phi_json_text(at, "grantee", 1, POLICY_NAME_MAX, &grantee, error));
    PHI_GUARD(read_words(at, "categories", out->categories, &out->category_count, error));
    PHI_GUARD(read_words(at, "operations", out->operations, &out->operation_count, error));
    snprintf(out->grantee, sizeof(out->grantee), "%s", grantee);
out:
    return err;
}

/* Either lifeSeconds or paperDays. */
static enum phi_err read_life(const struct phi_json_at *at, struct policy_scene *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"min", "max", "default"};
    struct phi_json_at paper, life;
    PHI_GUARD(phi_json_object_opt(at, "paperDays", &paper, error));
    if (paper.value == NULL)
        return phi_json_int(at, "lifeSeconds", 1, LIFE_MAX_S, &out->life_s, error);
    PHI_GUARD(phi_json_member(at, "lifeSeconds", false, &life, error));
    if (life.value != NULL)
        return phi_json_refuse(at, "lifeSeconds", PHI_ERR_FIELD_VALUE, "paper lives by days",
                               error);
    PHI_GUARD(phi_json_only(&paper, members, 3, error));
    PHI_GUARD(phi_json_int(&paper, "min", 1, POLICY_PAPER_MAX_DAYS, &out->paper_min_days, error));
    PHI_GUARD(phi_json_int(&paper, "max", out->paper_min_days, POLICY_PAPER_MAX_DAYS,
                           &out->paper_max_days, error));
    PHI_GUARD(phi_json_int(&paper, "default", out->paper_min_days, out->paper_max_days,
                           &out->paper_default_days, error));
out:
    return err;
}

static enum phi_err read_scene(const struct phi_json_at *at, struct policy_scene *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"scene", "lifeSeconds", "paperDays", "termSeconds",
                                          "scope", "oneTime",     "record"};
    static const char *const scopes[] = {"pass", "medical"};
    const char *scene = NULL;
    struct phi_json_at record;
    size_t scope = 0;
    PHI_GUARD(phi_json_only(at, members, 7, error));
    PHI_GUARD(phi_json_word(at, "scene", POLICY_WORD_MAX, &scene, error));
    PHI_GUARD(read_life(at, out, error));
    PHI_GUARD(phi_json_int(at, "termSeconds", 1, TERM_MAX_S, &out->term_s, error));
    PHI_GUARD(phi_json_enum(at, "scope", scopes, 2, &scope, error));
    PHI_GUARD(phi_json_bool(at, "oneTime", &out->is_one_time, error));
    PHI_GUARD(phi_scope_parse(phi_view_text(scopes[scope]), &out->scope));
    PHI_GUARD(phi_json_object_opt(at, "record", &record, error));
    out->has_record = record.value != NULL;
    if (out->has_record)
        PHI_GUARD(read_record(&record, &out->record, error));
    /* Table 1 may be left out for passing only. */
    if (!out->has_record && out->scope != PHI_SCOPE_PASS)
        return phi_json_refuse(at, "record", PHI_ERR_FIELD_MISSING, "needed beyond passing", error);
    snprintf(out->scene, sizeof(out->scene), "%s", scene);
out:
    return err;
}

static enum phi_err read_scenes(const struct phi_json_at *root, struct policy *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at scenes;
    PHI_GUARD(phi_json_array(root, "scenes", 1, POLICY_SCENES_MAX, &scenes, &out->count, error));
    for (size_t i = 0; i < out->count; i++) {
        struct phi_json_at at = phi_json_item(&scenes, i);
        PHI_GUARD(read_scene(&at, &out->scenes[i], error));
        if (policy_find(out, out->scenes[i].scene) != &out->scenes[i])
            return phi_json_refuse(&at, "scene", PHI_ERR_FIELD_VALUE, "a scene twice", error);
    }
out:
    return err;
}

static enum phi_err read_province(const struct phi_json_at *root, const char *region,
                                  struct policy *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *file_region = NULL, *controller = NULL;
    struct phi_json_at record;
    int64_t version = 0;
    PHI_GUARD(phi_json_word(root, "region", 6, &file_region, error));
    PHI_GUARD(phi_json_int(root, "version", 1, INT32_MAX, &version, error));
    if (strcmp(file_region, region) != 0)
        return phi_json_refuse(root, "region", PHI_ERR_FIELD_VALUE, "not this platform's region",
                               error);
    PHI_GUARD(phi_json_text(root, "controller", 1, POLICY_NAME_MAX, &controller, error));
    snprintf(out->controller, sizeof(out->controller), "%s", controller);
    PHI_GUARD(phi_json_object(root, "record", &record, error));
    PHI_GUARD(read_record(&record, &out->other, error));
out:
    return err;
}

static enum phi_err read_bounds(const struct phi_json_at *root, struct policy *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_int(root, "refreshSeconds", 0, 300, &out->refresh_s, error));
    PHI_GUARD(phi_json_int(root, "ownAgeYears", 0, 120, &out->own_age_years, error));
    PHI_GUARD(phi_json_int(root, "mandateMaxDays", 1, KEEP_MAX, &out->mandate_max_days, error));
    PHI_GUARD(
        phi_json_int(root, "applicationKeepDays", 1, KEEP_MAX, &out->application_keep_days, error));
    PHI_GUARD(phi_json_int(root, "consentKeepDays", 1, KEEP_MAX, &out->consent_keep_days, error));
out:
    return err;
}

static enum phi_err read_all(const struct phi_json_at *root, const char *region, struct policy *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {
        "region",      "version",        "controller",          "refreshSeconds",
        "ownAgeYears", "mandateMaxDays", "applicationKeepDays", "consentKeepDays",
        "record",      "scenes"};
    PHI_GUARD(phi_json_only(root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(read_province(root, region, out, error));
    PHI_GUARD(read_bounds(root, out, error));
    PHI_GUARD(read_scenes(root, out, error));
out:
    return err;
}

enum phi_err policy_read(const char *path, const char *region, struct policy *out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_json_at root;
    struct phi_arena *arena = phi_arena_new(SCENES_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_file_read(path, FILE_MAX, arena, &bytes));
    PHI_GUARD(phi_json_read(bytes, 8, arena, &root, error));
    PHI_GUARD(read_all(&root, region, out, error));
out:
    phi_arena_free(arena);
    if (err == PHI_ERR_IO)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_POLICY_FILE", "can't be read");
    return err == PHI_OK ? PHI_OK : PHI_ERR_CONFIG;
}

const struct policy_scene *policy_find(const struct policy *policy, const char *scene)
{
    for (size_t i = 0; i < policy->count; i++)
        if (strcmp(policy->scenes[i].scene, scene) == 0)
            return &policy->scenes[i];
    return NULL;
}
