#include "phictl/rules/ask.h"

#include <stdio.h>
#include <string.h>

#define REGIONS_MAX 513

struct line {
    char region[8];
    json_int_t people;
    json_int_t changed;
    json_int_t red;
};

static json_int_t number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static const char *word(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "" : text;
}

static json_int_t red_of(const json_t *changes)
{
    json_int_t red = 0;
    for (size_t i = 0; i < json_array_size(changes); i++)
        if (strcmp(word(json_array_get(changes, i), "to"), "red") == 0)
            red += number(json_array_get(changes, i), "people");
    return red;
}

static struct line *line_of(struct line *lines, size_t *count, const char *region)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(lines[i].region, region) == 0)
            return &lines[i];
    snprintf(lines[*count].region, sizeof(lines[0].region), "%s", region);
    return &lines[(*count)++];
}

static void print_regions(const json_t *regions, bool six)
{
    static struct line lines[REGIONS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(regions) && i < REGIONS_MAX; i++) {
        const json_t *from = json_array_get(regions, i);
        char region[8];
        bool is_code = word(from, "region")[0] >= '0' && word(from, "region")[0] <= '9';
        snprintf(region, sizeof(region), "%.*s", is_code && !six ? 4 : 7, word(from, "region"));
        struct line *line = line_of(lines, &count, region);
        line->people += number(from, "people");
        line->changed += number(from, "changed");
        line->red += red_of(json_object_get(from, "changes"));
    }
    (void)printf("\n%-8s %10s %10s %10s\n", "region", "people", "change", "to red");
    for (size_t i = 0; i < count; i++)
        (void)printf("%-8s %10lld %10lld %10lld\n", lines[i].region, (long long)lines[i].people,
                     (long long)lines[i].changed, (long long)lines[i].red);
}

static void print_changes(const json_t *changes)
{
    (void)printf("\n%-8s %-8s %10s\n", "from", "to", "people");
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        (void)printf("%-8s %-8s %10lld\n", word(change, "from"), word(change, "to"),
                     (long long)number(change, "people"));
    }
}

static void print_errors(const json_t *errors)
{
    for (size_t i = 0; i < json_array_size(errors); i++)
        (void)printf("rule %s errs for %lld people\n", word(json_array_get(errors, i), "rule"),
                     (long long)number(json_array_get(errors, i), "people"));
}

void ctl_rules_print_trial(const json_t *trial, bool six)
{
    const json_t *report = json_object_get(trial, "report");
    json_int_t permille = number(trial, "turningRedPermille");
    (void)printf("trial %s: version %lld, %s\n", word(trial, "trialId"),
                 (long long)number(trial, "version"), word(trial, "state"));
    (void)printf("%lld people, %lld would change, %lld would turn red (%lld.%lld %%)\n",
                 (long long)number(report, "people"), (long long)number(report, "changed"),
                 (long long)number(report, "turningRed"), (long long)(permille / 10),
                 (long long)(permille % 10));
    if (json_array_size(json_object_get(report, "changes")) > 0)
        print_changes(json_object_get(report, "changes"));
    if (json_array_size(json_object_get(report, "regions")) > 0)
        print_regions(json_object_get(report, "regions"), six);
    print_errors(json_object_get(report, "errors"));
    if (json_is_true(json_object_get(trial, "needsApproval")))
        (void)printf("\na second officer of another unit must approve%s\n",
                     json_is_true(json_object_get(trial, "isApproved")) ? ", and has" : "");
}
