/* phictl rules try, status, approve, publish, cancel, rollback, list, show: the life of a rule set
 * at svc-directory. */
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/rules/ask.h"

#include "base/time.h"
#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX  (1024 * 1024)
#define DEPTH_MAX 200
#define POLL_MS   500
#define TRIAL_MAX 64

static int print_json(const json_t *json)
{
    bool is_done = json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && putchar('\n') == '\n';
    return is_done && fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}

static const char *word(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

/* "/v1/rules/trials/…" of what the user gave. */
static enum phi_err trial_path(const char *trial, const char *behind, char *out, size_t size,
                               struct phi_error *error)
{
    if (strlen(trial) != 32 || strspn(trial, "0123456789abcdefABCDEF") != 32)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "TRIAL", "not 32 hex digits");
    snprintf(out, size, "/v1/rules/trials/%s%s", trial, behind);
    return PHI_OK;
}

/* --- try --- */

/* White space costs room in the request, and says nothing. */
static enum phi_err read_file(const char *path, json_t **fields, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    json_t *file = NULL;
    char *text = NULL;
    PHI_GUARD(ctl_read_all(path, FILE_MAX, &bytes, &len, error));
    PHI_GUARD(phi_json_parse(phi_view_of(bytes, len), DEPTH_MAX, &file, error));
    text = json_dumps(file, JSON_COMPACT | JSON_ENCODE_ANY);
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *fields = json_pack("{s:s}", "rules", text);
    PHI_GUARD(*fields == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    free(text);
    free(bytes);
    json_decref(file);
    return err;
}

static bool is_under_way(const json_t *trial)
{
    return strcmp(word(trial, "state"), "waiting") == 0 ||
           strcmp(word(trial, "state"), "running") == 0;
}

static void show_progress(const json_t *trial)
{
    (void)fprintf(
        stderr, "\rtrial %s: %s, %lld %%, %lld people   ", word(trial, "trialId"),
        word(trial, "state"),
        (long long)json_integer_value(json_object_get(trial, "progressPercent")),
        (long long)json_integer_value(json_object_get(json_object_get(trial, "report"), "people")));
}

/* Until it is done; the job goes on at the service when this ends. */
static enum phi_err wait_for(const struct ctl_args *args, const char *path, json_t **trial,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    json_t *found = NULL;
    do {
        json_decref(found);
        found = NULL;
        PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &found, error));
        show_progress(found);
    } while (is_under_way(found) && nanosleep(&pause, NULL) == 0);
    (void)fputc('\n', stderr);
    *trial = found;
    found = NULL;
out:
    json_decref(found);
    return err;
}

static int tell_trial(const struct ctl_args *args, const json_t *trial)
{
    if (ctl_has(args, "json"))
        return print_json(trial);
    ctl_rules_print_trial(trial, ctl_has(args, "six"));
    return CTL_OK;
}

static enum phi_err start_trial(const struct ctl_args *args, json_t **started,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *fields = NULL;
    PHI_GUARD(read_file(args->positional, &fields, error));
    if (ctl_has(args, "from"))
        json_object_set_new(fields, "from", json_string(ctl_get(args, "from")));
    PHI_GUARD(ctl_rules_ask(args, "POST", "/v1/rules/trials", fields, started, error));
out:
    return err;
}

static int run_try(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *started = NULL, *trial = NULL;
    char path[TRIAL_MAX + 32];
    int status = CTL_OK;
    PHI_GUARD(start_trial(args, &started, &error));
    PHI_GUARD(trial_path(word(started, "trialId"), "", path, sizeof(path), &error));
    if (ctl_has(args, "no-wait"))
        status = print_json(started);
    else
        PHI_GUARD(wait_for(args, path, &trial, &error));
    if (trial != NULL)
        status = tell_trial(args, trial);
out:
    json_decref(started);
    json_decref(trial);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static int run_status(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *trial = NULL;
    char path[TRIAL_MAX + 32];
    int status = CTL_OK;
    PHI_GUARD(trial_path(args->positional, "", path, sizeof(path), &error));
    PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &trial, &error));
    status = tell_trial(args, trial);
out:
    json_decref(trial);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

/* --- approve, publish, cancel, rollback --- */

static int run_step(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *answer = NULL;
    char path[TRIAL_MAX + 32];
    int status = CTL_OK;
    PHI_GUARD(trial_path(args->positional, "/steps", path, sizeof(path), &error));
    PHI_GUARD(ctl_rules_ask(args, "POST", path, json_pack("{s:s}", "step", args->command->verb),
                            &answer, &error));
    status = print_json(answer);
out:
    json_decref(answer);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static int run_rollback(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    json_t *answer = NULL;
    enum phi_err err =
        ctl_rules_ask(args, "POST", "/v1/rules/rollback", json_object(), &answer, &error);
    int status = err == PHI_OK ? print_json(answer) : ctl_fail(err, &error);
    json_decref(answer);
    return status;
}

/* --- list, show --- */

static void print_sets(const json_t *sets)
{
    (void)printf("%-10s %-8s %-9s %-32s %s\n", "activation", "version", "state", "from", "rules");
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const json_t *set = json_array_get(sets, i);
        const json_t *rules = json_object_get(json_object_get(set, "rules"), "rules");
        (void)printf("%-10lld %-8lld %-9s %-32s %zu\n",
                     (long long)json_integer_value(json_object_get(set, "activation")),
                     (long long)json_integer_value(json_object_get(set, "version")),
                     json_is_true(json_object_get(set, "inForce")) ? "in force" : "to come",
                     word(set, "from")[0] == '\0' ? "-" : word(set, "from"),
                     json_array_size(rules));
    }
}

static int run_list(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    json_t *answer = NULL;
    int status = CTL_OK;
    enum phi_err err = ctl_rules_ask(args, "GET", CTL_RULES_PUBLIC, NULL, &answer, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    if (ctl_has(args, "json"))
        status = print_json(answer);
    else
        print_sets(json_object_get(answer, "sets"));
    json_decref(answer);
    return status;
}

static const json_t *find_version(const json_t *sets, const char *version)
{
    for (size_t i = 0; i < json_array_size(sets); i++) {
        char text[24];
        const json_t *set = json_array_get(sets, i);
        snprintf(text, sizeof(text), "%lld",
                 (long long)json_integer_value(json_object_get(set, "version")));
        if (strcmp(text, version) == 0)
            return json_object_get(set, "rules");
    }
    return NULL;
}

static int run_show(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    json_t *answer = NULL;
    int status = CTL_FAILED;
    enum phi_err err = ctl_rules_ask(args, "GET", CTL_RULES_PUBLIC, NULL, &answer, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    const json_t *rules = find_version(json_object_get(answer, "sets"), args->positional);
    if (rules != NULL)
        status = print_json(rules);
    else
        status = ctl_fail(phi_error_set(&error, PHI_ERR_NOT_FOUND, args->positional,
                                        "neither in force nor to come"),
                          &error);
    json_decref(answer);
    return status;
}

/* --- the tables --- */

#define SIX                                                                                        \
    {                                                                                              \
        .name = "six", .text = "regions by six digits instead of four"                             \
    }

static const struct ctl_option try_options[] = {
    CTL_RULES_URL,
    {.name = "from", .value = "TIME", .text = "when it is to be in force (once it is published)"},
    {.name = "no-wait", .text = "don't wait for the trial: see phictl rules status"},
    SIX,
    CTL_RULES_JSON,
    CTL_REQUEST_OPTIONS};
static const struct ctl_option status_options[] = {CTL_RULES_URL, SIX, CTL_RULES_JSON,
                                                   CTL_REQUEST_OPTIONS};
static const struct ctl_option step_options[] = {CTL_RULES_URL, CTL_REQUEST_OPTIONS};
static const struct ctl_option list_options[] = {CTL_RULES_URL, CTL_RULES_JSON,
                                                 CTL_REQUEST_OPTIONS};

const struct ctl_command ctl_rules_try = {
    .group = "rules",
    .verb = "try",
    .about = "compare all people's grades under a rule file with those under the rules in force",
    .positional = "FILE",
    .options = try_options,
    .option_count = CTL_COUNT(try_options),
    .run = run_try,
    .example = "phictl rules try 320000.json --app officer-app --key app.key --identity token"};
const struct ctl_command ctl_rules_status = {.group = "rules",
                                             .verb = "status",
                                             .about = "how far a trial is, and what it found",
                                             .positional = "TRIAL",
                                             .options = status_options,
                                             .option_count = CTL_COUNT(status_options),
                                             .run = run_status};
const struct ctl_command ctl_rules_approve = {
    .group = "rules",
    .verb = "approve",
    .about = "approve a trial as a second officer, of another unit",
    .positional = "TRIAL",
    .options = step_options,
    .option_count = CTL_COUNT(step_options),
    .run = run_step};
const struct ctl_command ctl_rules_publish = {
    .group = "rules",
    .verb = "publish",
    .about = "put a rule set that was tried in force, at once or at its time",
    .positional = "TRIAL",
    .options = step_options,
    .option_count = CTL_COUNT(step_options),
    .run = run_step};
const struct ctl_command ctl_rules_cancel = {.group = "rules",
                                             .verb = "cancel",
                                             .about = "end a trial",
                                             .positional = "TRIAL",
                                             .options = step_options,
                                             .option_count = CTL_COUNT(step_options),
                                             .run = run_step};
const struct ctl_command ctl_rules_rollback = {
    .group = "rules",
    .verb = "rollback",
    .about = "take back the rules to come or, without any, return to those before",
    .options = step_options,
    .option_count = CTL_COUNT(step_options),
    .run = run_rollback};
const struct ctl_command ctl_rules_list = {.group = "rules",
                                           .verb = "list",
                                           .about = "the rule sets in force and to come",
                                           .options = list_options,
                                           .option_count = CTL_COUNT(list_options),
                                           .run = run_list};
const struct ctl_command ctl_rules_show = {.group = "rules",
                                           .verb = "show",
                                           .about = "a rule set in force or to come, as a file",
                                           .positional = "VERSION",
                                           .options = step_options,
                                           .option_count = CTL_COUNT(step_options),
                                           .run = run_show};
