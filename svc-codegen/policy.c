#include "svc-codegen/policy.h"

#include "base/file.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX     (64 * 1024)
#define LIFE_MAX_S   (30 * 86400)
#define PAPER_MIN_S  86400
#define TERM_MAX_S   (30 * 86400)
#define SCENES_ARENA (1024 * 1024)

static enum phi_err read_scene(const struct phi_json_at *at, struct policy_scene *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"scene", "lifeSeconds", "termSeconds",
                                          "scope", "oneTime",     "paper"};
    static const char *const scopes[] = {"pass", "medical"};
    const char *scene = NULL;
    size_t scope = 0;
    PHI_GUARD(phi_json_only(at, members, 6, error));
    PHI_GUARD(phi_json_word(at, "scene", POLICY_WORD_MAX, &scene, error));
    PHI_GUARD(phi_json_int(at, "lifeSeconds", 1, LIFE_MAX_S, &out->life_s, error));
    PHI_GUARD(phi_json_int(at, "termSeconds", 1, TERM_MAX_S, &out->term_s, error));
    PHI_GUARD(phi_json_enum(at, "scope", scopes, 2, &scope, error));
    PHI_GUARD(phi_json_bool(at, "oneTime", &out->is_one_time, error));
    PHI_GUARD(phi_json_bool_opt(at, "paper", false, &out->is_paper, error));
    if (out->is_paper && out->life_s < PAPER_MIN_S)
        return phi_json_refuse(at, "lifeSeconds", PHI_ERR_FIELD_VALUE, "paper lives a day or more",
                               error);
    PHI_GUARD(phi_scope_parse(phi_view_text(scopes[scope]), &out->scope));
    snprintf(out->scene, sizeof(out->scene), "%s", scene);
out:
    return err;
}

static enum phi_err read_scenes(const struct phi_json_at *root, const char *region,
                                struct policy *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "version", "scenes"};
    const char *file_region = NULL;
    struct phi_json_at scenes;
    int64_t version = 0;
    PHI_GUARD(phi_json_only(root, members, 3, error));
    PHI_GUARD(phi_json_word(root, "region", 6, &file_region, error));
    PHI_GUARD(phi_json_int(root, "version", 1, INT32_MAX, &version, error));
    if (strcmp(file_region, region) != 0)
        return phi_json_refuse(root, "region", PHI_ERR_FIELD_VALUE, "not this platform's region",
                               error);
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
    PHI_GUARD(read_scenes(&root, region, out, error));
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
