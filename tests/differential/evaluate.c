/* Our evaluator for tests/differential: reads lines {"logic": …, "data": …}, and writes for each
 * {"result": …} or {"error": "…"}. The data goes in by way of text, as facts do. */
#include "certlogic/certlogic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX ((size_t)512 * 1024 * 1024)
#define DEPTH_MAX 1000

static enum phi_err evaluate(const json_t *line, struct phi_arena *arena, json_t **out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_rule *rule = NULL;
    const struct phi_certlogic_value *data = NULL;
    struct phi_certlogic_outcome outcome;
    char *text =
        json_dumps(json_object_get(line, "data"), JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_certlogic_compile(json_object_get(line, "logic"), arena, &rule));
    PHI_GUARD(phi_certlogic_value_read(arena, phi_view_text(text), DEPTH_MAX, &data));
    PHI_GUARD(phi_certlogic_evaluate(rule, data, NULL, arena, &outcome, error));
    PHI_GUARD(phi_certlogic_value_export(outcome.value, out));
out:
    free(text);
    return err;
}

static bool answer(const char *text, size_t len)
{
    struct phi_error error = {.text = "half a character"};
    json_t *result = NULL, *line = json_loadb(text, len, 0, NULL);
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    bool is_done = line != NULL && arena != NULL;
    enum phi_err err = is_done ? evaluate(line, arena, &result, &error) : PHI_ERR_JSON;
    json_t *object = err == PHI_OK
                         ? json_pack("{s:o}", "result", result)
                         : json_pack("{s:s, s:s}", "error", error.text, "name", phi_err_name(err));
    is_done = is_done && (err == PHI_OK || err == PHI_ERR_RULE) &&
              json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17)) == 0 &&
              putchar('\n') == '\n';
    phi_arena_free(arena);
    json_decref(object);
    json_decref(line);
    return is_done;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len = 0;
    bool is_done = true;
    while (is_done && (len = getline(&line, &room, stdin)) > 0)
        is_done = answer(line, (size_t)len);
    free(line);
    return is_done && fflush(stdout) == 0 ? 0 : 1;
}
