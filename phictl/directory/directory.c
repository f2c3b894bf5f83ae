/* phictl directory diff, quality, ask, rebuild, statistics: what a province's list and the nation's
 * differ in, and what the nation's says. */
#include "phictl/commands.h"
#include "phictl/rules/ask.h"

#include "base/text.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define REGION_OPTION                                                                              \
    {                                                                                              \
        .name = "region", .value = "ID", .is_required = true, .text = "the province, six digits"   \
    }
#define URL_OPTION                                                                                 \
    {                                                                                              \
        .name = "url", .value = "URL", .variable = "PHI_PLATFORM_URL",                             \
        .fallback = "http://127.0.0.1:8110", .text = "svc-platform"                                \
    }
#define JSON_OPTION                                                                                \
    {                                                                                              \
        .name = "json", .text = "the answer as JSON"                                               \
    }

static const struct ctl_option look_options[] = {CTL_REQUEST_OPTIONS, REGION_OPTION, URL_OPTION,
                                                 JSON_OPTION};
static const struct ctl_option ask_options[] = {
    CTL_REQUEST_OPTIONS,
    REGION_OPTION,
    URL_OPTION,
    {.name = "bucket", .value = "N", .is_required = true, .text = "0..4095, the first 12 bits"}};

static const struct ctl_option statistics_options[] = {CTL_REQUEST_OPTIONS, URL_OPTION,
                                                       JSON_OPTION};
static const struct ctl_option rebuild_options[] = {
    CTL_REQUEST_OPTIONS,
    URL_OPTION,
    {.name = "status", .text = "begin nothing, tell how far the last one is"},
    {.name = "wait",
     .value = "S",
     .text = "tell how far it is until it ends, at most so many seconds; 1 when it did not"},
    JSON_OPTION};

static enum phi_err path_of(const struct ctl_args *args, const char *what, char *out, size_t size,
                            struct phi_error *error)
{
    const char *region = ctl_get(args, "region");
    if (strlen(region) != 6 || !phi_text_is_digits(phi_view_text(region)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--region", "not six digits");
    snprintf(out, size, "/v1/platforms/%s/%s", region, what);
    return PHI_OK;
}

static int print_json(const json_t *json)
{
    bool is_done = json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && putchar('\n') == '\n';
    return is_done && fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}

static const char *word(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "-" : text;
}

static long long number(const json_t *object, const char *member)
{
    return (long long)json_integer_value(json_object_get(object, member));
}

static void print_healing(const json_t *data)
{
    const json_t *sums = json_object_get(data, "healing");
    printf("%s: %lld of 4096 buckets compared, %lld differ; asked for %lld times, %lld healed\n",
           word(data, "region"), number(sums, "compared"), number(sums, "different"),
           number(sums, "asked"), number(sums, "healed"));
    printf("compared between %s and %s\n", word(sums, "oldest"), word(sums, "newest"));
}

static void print_differing(const json_t *data)
{
    const json_t *differing = json_object_get(data, "differing");
    if (json_array_size(differing) > 0)
        printf("%6s %10s %10s  %-32s %-32s  %s\n", "bucket", "province", "nation",
               "province's digest", "nation's digest", "compared");
    for (size_t i = 0; i < json_array_size(differing); i++) {
        const json_t *one = json_array_get(differing, i);
        const json_t *theirs = json_object_get(one, "province");
        const json_t *ours = json_object_get(one, "nation");
        printf("%6lld %10lld %10lld  %-32s %-32s  %s\n", number(one, "bucket"),
               number(theirs, "entries"), number(ours, "entries"), word(theirs, "digest"),
               word(ours, "digest"), word(one, "comparedAt"));
    }
}

/* A difference is told by the exit status, as diff does. */
static int run_diff(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    char path[64];
    json_t *data = NULL;
    int status = CTL_FAILED;
    PHI_GUARD(path_of(args, "healing", path, sizeof(path), &error));
    PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &data, &error));
    status = json_array_size(json_object_get(data, "differing")) == 0 ? CTL_OK : CTL_FAILED;
    if (ctl_has(args, "json")) {
        (void)print_json(data);
        goto out;
    }
    print_healing(data);
    print_differing(data);
out:
    json_decref(data);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static void print_quality(const json_t *data)
{
    const json_t *days = json_object_get(data, "days");
    const json_t *refusals = json_object_get(data, "refusals");
    const json_t *lag = json_object_get(data, "lag");
    printf("%-12s %12s %12s %12s\n", "day", "taken", "older", "refused");
    for (size_t i = 0; i < json_array_size(days); i++) {
        const json_t *one = json_array_get(days, i);
        printf("%-12s %12lld %12lld %12lld\n", word(one, "day"), number(one, "taken"),
               number(one, "older"), number(one, "refused"));
    }
    for (size_t i = 0; i < json_array_size(refusals); i++) {
        const json_t *one = json_array_get(refusals, i);
        printf("refused: %-20s %8lld  last %s, %s\n", word(one, "reason"), number(one, "count"),
               word(one, "last"), word(one, "example"));
    }
    printf("behind: %lld records, %lld s when last seen; last record of %s\n",
           number(lag, "records"), number(lag, "seconds"), word(lag, "lastRecord"));
    print_healing(data);
}

static int run_quality(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    char path[64];
    json_t *data = NULL;
    int status = CTL_OK;
    PHI_GUARD(path_of(args, "quality", path, sizeof(path), &error));
    PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &data, &error));
    if (ctl_has(args, "json"))
        status = print_json(data);
    else
        print_quality(data);
out:
    json_decref(data);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static int run_ask(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    char path[64];
    json_t *data = NULL;
    int64_t bucket = 0;
    PHI_GUARD(path_of(args, "healing", path, sizeof(path), &error));
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "bucket")), 0, 4095, &bucket) != PHI_OK)
        PHI_GUARD(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--bucket", "not 0..4095"));
    json_t *fields = json_pack("{s:I}", "bucket", (json_int_t)bucket);
    PHI_GUARD(fields == NULL ? PHI_ERR_MEMORY : PHI_OK);
    err = ctl_rules_ask(args, "POST", path, fields, &data, &error);
    json_decref(data);
out:
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int print_rebuild(const struct ctl_args *args, const json_t *data)
{
    const json_t *buckets = json_object_get(data, "buckets");
    const json_t *partitions = json_object_get(data, "partitions");
    if (ctl_has(args, "json"))
        return print_json(data);
    printf("rebuild %lld: %s; %lld records read, %lld a second, %lld written; %lld of %lld "
           "partitions; %lld of %lld buckets compared, %lld differ",
           number(data, "rebuild"), word(data, "state"), number(data, "records"),
           number(data, "recordsPerSecond"), number(data, "written"), number(partitions, "read"),
           number(partitions, "all"), number(buckets, "compared"), number(buckets, "all"),
           number(buckets, "different"));
    const json_t *silent = json_object_get(data, "unanswered");
    for (size_t i = 0; i < json_array_size(silent); i++)
        printf("%s%s", i == 0 ? "; no answer of " : ", ",
               json_string_value(json_array_get(silent, i)));
    return putchar('\n') == '\n' && fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}

static bool is_ended(const json_t *data)
{
    return strcmp(word(data, "state"), "done") == 0 ||
           strcmp(word(data, "state"), "unanswered") == 0;
}

/* A line whenever something moved. */
static enum phi_err follow_rebuild(const struct ctl_args *args, const char *path, int64_t seconds,
                                   json_t **data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct timespec pause = {.tv_sec = 1};
    struct phi_deadline until = phi_deadline_in_ms(seconds * 1000);
    while (!is_ended(*data) && !phi_deadline_is_past(until)) {
        json_t *now = NULL;
        nanosleep(&pause, NULL);
        PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &now, error));
        bool has_moved = json_equal(now, *data) == 0;
        json_decref(*data);
        *data = now;
        if (has_moved && !ctl_has(args, "json"))
            (void)print_rebuild(args, now);
    }
out:
    return err;
}

static int run_rebuild(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    static const char path[] = "/v1/directory/rebuilds";
    json_t *data = NULL;
    int64_t seconds = 0;
    int status = CTL_OK;
    if (ctl_has(args, "wait") &&
        phi_text_to_i64(phi_view_text(ctl_get(args, "wait")), 1, 86400, &seconds) != PHI_OK)
        PHI_GUARD(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--wait", "not 1..86400 seconds"));
    if (!ctl_has(args, "status")) {
        PHI_GUARD(ctl_rules_ask(args, "POST", path, json_object(), &data, &error));
        json_decref(data);
        data = NULL;
    }
    PHI_GUARD(ctl_rules_ask(args, "GET", path, NULL, &data, &error));
    status = seconds > 0 && ctl_has(args, "json") ? CTL_OK : print_rebuild(args, data);
    if (seconds > 0) {
        PHI_GUARD(follow_rebuild(args, path, seconds, &data, &error));
        status = ctl_has(args, "json") ? print_rebuild(args, data) : CTL_OK;
        status = is_ended(data) ? status : CTL_FAILED;
    }
out:
    json_decref(data);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static void print_people(const char *name, const json_t *people)
{
    static const char *const columns[] = {"red", "review", "yellow", "green", "grey", "all"};
    printf("%-8s", name);
    for (size_t i = 0; i < CTL_COUNT(columns); i++) {
        const json_t *value = json_object_get(people, columns[i]);
        if (json_is_integer(value))
            printf(" %12lld", (long long)json_integer_value(value));
        else
            printf(" %12s", "-");
    }
    printf("\n");
}

static int run_statistics(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *data = NULL;
    int status = CTL_OK;
    PHI_GUARD(ctl_rules_ask(args, "GET", "/v1/statistics", NULL, &data, &error));
    if (ctl_has(args, "json")) {
        status = print_json(data);
        goto out;
    }
    printf("%-8s %12s %12s %12s %12s %12s %12s\n", "region", "red", "review", "yellow", "green",
           "grey", "all");
    const json_t *regions = json_object_get(data, "regions");
    for (size_t i = 0; i < json_array_size(regions); i++) {
        const json_t *one = json_array_get(regions, i);
        print_people(word(one, "region"), json_object_get(one, "people"));
    }
    print_people("nation", json_object_get(data, "nation"));
    const json_t *missing = json_object_get(data, "leftOut");
    for (size_t i = 0; i < json_array_size(missing); i++)
        printf("%-8s not counted: suspended, or not in the trust list\n",
               json_string_value(json_array_get(missing, i)));
    printf("counted at %s; under %lld not shown, rounded to %lld\n", word(data, "countedAt"),
           number(data, "shownFrom"), number(data, "roundedTo"));
out:
    json_decref(data);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

#define EXAMPLE(verb, more)                                                                        \
    "phictl directory " verb " --region 320000 --app directory-320000 --key directory.key "        \
    "--password-file password" more

const struct ctl_command ctl_directory_diff = {
    .group = "directory",
    .verb = "diff",
    .about = "buckets whose province's and nation's lists differ",
    .options = look_options,
    .option_count = CTL_COUNT(look_options),
    .run = run_diff,
    .example = EXAMPLE("diff", "")};

const struct ctl_command ctl_directory_quality = {
    .group = "directory",
    .verb = "quality",
    .about = "what came of a province's list, what was refused and why, how far behind",
    .options = look_options,
    .option_count = CTL_COUNT(look_options),
    .run = run_quality,
    .example = EXAMPLE("quality", "")};

const struct ctl_command ctl_directory_ask = {.group = "directory",
                                              .verb = "ask",
                                              .about = "have a province list a bucket again",
                                              .options = ask_options,
                                              .option_count = CTL_COUNT(ask_options),
                                              .run = run_ask,
                                              .example = EXAMPLE("ask", " --bucket 163")};

const struct ctl_command ctl_directory_rebuild = {
    .group = "directory",
    .verb = "rebuild",
    .about = "read the nation's directory anew from the topics, and compare",
    .options = rebuild_options,
    .option_count = CTL_COUNT(rebuild_options),
    .run = run_rebuild,
    .example = "phictl directory rebuild --app operator --key app.key --password-file password"};

const struct ctl_command ctl_directory_statistics = {
    .group = "directory",
    .verb = "statistics",
    .about = "people by region and grade, as far as they may be told",
    .options = statistics_options,
    .option_count = CTL_COUNT(statistics_options),
    .run = run_statistics,
    .example = "phictl directory statistics --app analyst --key app.key --password-file password"};
