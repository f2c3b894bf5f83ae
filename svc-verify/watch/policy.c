#include "svc-verify/watch/policy.h"

#include "base/file.h"
#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX    (1024 * 1024)
#define ARENA_MAX   (16 * 1024 * 1024)
#define BOUND_MAX   INT32_MAX
#define PERCENT_MAX 100

struct watch_policy {
    size_t count;
    struct watch_bounds rows[];
};

/* {"warn", "cut"} and for a share "least"; the next bound is not below the first. */
static enum phi_err read_pair(const struct phi_json_at *row, const char *name, int64_t max,
                              int64_t bounds[2], int64_t *least, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"warn", "cut", "least"};
    struct phi_json_at at;
    PHI_GUARD(phi_json_object(row, name, &at, error));
    PHI_GUARD(phi_json_only(&at, members, least != NULL ? 3 : 2, error));
    PHI_GUARD(phi_json_int(&at, "warn", 0, max, &bounds[WATCH_WARN], error));
    PHI_GUARD(phi_json_int(&at, "cut", 0, max, &bounds[WATCH_CUT], error));
    if (least != NULL)
        PHI_GUARD(phi_json_int(&at, "least", 1, BOUND_MAX, least, error));
    if (bounds[WATCH_CUT] < bounds[WATCH_WARN])
        return phi_json_refuse(&at, "cut", PHI_ERR_FIELD_VALUE, "below warn", error);
out:
    return err;
}

static enum phi_err read_row(const struct phi_json_at *at, struct watch_bounds *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"caller", "perMinute", "failedPercent",
                                          "subjectsPerMinute"};
    const char *caller = NULL;
    PHI_GUARD(phi_json_only(at, members, 4, error));
    PHI_GUARD(phi_json_text(at, "caller", 1, WATCH_NAME_MAX - 1, &caller, error));
    snprintf(out->caller, sizeof(out->caller), "%s", caller);
    PHI_GUARD(read_pair(at, "perMinute", BOUND_MAX, out->bounds[WATCH_RATE], NULL, error));
    PHI_GUARD(read_pair(at, "failedPercent", PERCENT_MAX, out->bounds[WATCH_FAILED],
                        &out->failed_least, error));
    PHI_GUARD(
        read_pair(at, "subjectsPerMinute", BOUND_MAX, out->bounds[WATCH_SUBJECTS], NULL, error));
out:
    return err;
}

static const struct watch_bounds *row_of(const struct watch_policy *policy, const char *caller)
{
    for (size_t i = 0; i < policy->count; i++) {
        if (strcmp(policy->rows[i].caller, caller) == 0)
            return &policy->rows[i];
    }
    return NULL;
}

static enum phi_err read_rows(const struct phi_json_at *rows, struct watch_policy *policy,
                              size_t count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at at = phi_json_item(rows, i);
        PHI_GUARD(read_row(&at, &policy->rows[i], error));
        if (row_of(policy, policy->rows[i].caller) != NULL)
            return phi_json_refuse(&at, "caller", PHI_ERR_FIELD_VALUE, "a caller twice", error);
        policy->count++;
    }
    if (row_of(policy, "*") == NULL)
        return phi_json_refuse(rows, "*", PHI_ERR_FIELD_MISSING, "no row for the rest", error);
out:
    return err;
}

static enum phi_err read_policy(const struct phi_json_at *root, struct watch_policy **out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"version", "rows"};
    struct phi_json_at rows;
    struct watch_policy *policy = NULL;
    int64_t version = 0;
    size_t count = 0;
    PHI_GUARD(phi_json_only(root, members, 2, error));
    PHI_GUARD(phi_json_int(root, "version", 1, INT32_MAX, &version, error));
    PHI_GUARD(phi_json_array(root, "rows", 1, WATCH_ROWS_MAX, &rows, &count, error));
    policy = calloc(1, sizeof(*policy) + count * sizeof(policy->rows[0]));
    PHI_GUARD(policy == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_rows(&rows, policy, count, error));
    *out = policy;
    return PHI_OK;
out:
    free(policy);
    return err;
}

enum phi_err watch_policy_read(const char *path, struct watch_policy **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_json_at root;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_file_read(path, FILE_MAX, arena, &bytes));
    PHI_GUARD(phi_json_read(bytes, 8, arena, &root, error));
    PHI_GUARD(read_policy(&root, out, error));
out:
    phi_arena_free(arena);
    if (err == PHI_ERR_IO)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_POLICY_FILE", "can't be read");
    return err == PHI_OK || err == PHI_ERR_MEMORY ? err : PHI_ERR_CONFIG;
}

void watch_policy_free(struct watch_policy *policy)
{
    free(policy);
}

const struct watch_bounds *watch_policy_find(const struct watch_policy *policy, const char *caller)
{
    const struct watch_bounds *row = row_of(policy, caller);
    const char *app = strrchr(caller, '/');
    if (row == NULL && app != NULL)
        row = row_of(policy, app);
    return row != NULL ? row : row_of(policy, "*");
}
