/* phictl rules eval: one expression over one document, to try a rule before it is in a file. */
#include "phictl/commands.h"
#include "phictl/files.h"

#include "certlogic/certlogic.h"
#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX  (16 * 1024 * 1024)
#define DEPTH_MAX 1000
#define ARENA_MAX ((size_t)1024 * 1024 * 1024)

static enum phi_err read_json(const char *path, struct phi_arena *arena, const json_t **out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct phi_json_at root;
    char place[sizeof(error->place)];
    PHI_GUARD(ctl_read_all(path, FILE_MAX, &bytes, &len, error));
    err = phi_json_read(phi_view_of(bytes, len), DEPTH_MAX, arena, &root, error);
    if (err == PHI_OK) {
        *out = root.value;
    } else { /* says which of the two files */
        snprintf(place, sizeof(place), "%s", path);
        memcpy(error->place, place, sizeof(place));
    }
out:
    free(bytes);
    return err;
}

static enum phi_err evaluate(const char *logic_path, const char *data_path, struct phi_arena *arena,
                             json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const json_t *logic = NULL, *json = NULL;
    const struct phi_certlogic_rule *rule = NULL;
    const struct phi_certlogic_value *data = NULL;
    struct phi_certlogic_outcome outcome;
    PHI_GUARD(read_json(logic_path, arena, &logic, error));
    PHI_GUARD(read_json(data_path, arena, &json, error));
    PHI_GUARD(phi_certlogic_compile(logic, arena, &rule));
    PHI_GUARD(phi_certlogic_value_import(arena, json, &data));
    PHI_GUARD(phi_certlogic_evaluate(rule, data, NULL, arena, &outcome, error));
    PHI_GUARD(phi_certlogic_value_export(outcome.value, out));
out:
    return err;
}

static int run(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    json_t *result = NULL;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    enum phi_err err = arena == NULL
                           ? PHI_ERR_MEMORY
                           : evaluate(args->positional, args->second, arena, &result, &error);
    phi_arena_free(arena);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    char *text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    int status = text == NULL || puts(text) < 0 || fflush(stdout) != 0 ? CTL_FAILED : CTL_OK;
    free(text);
    json_decref(result);
    return status;
}

const struct ctl_command ctl_rules_eval = {
    .group = "rules",
    .verb = "eval",
    .about = "evaluate one CertLogic expression over one document and print the JSON value",
    .positional = "LOGIC.json",
    .second = "DATA.json",
    .run = run,
    .example = "phictl rules eval logic.json data.json"};
