#include "svc-directory/rules/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report *report_new(void)
{
    return calloc(1, sizeof(struct report));
}

/* --- counting --- */

static bool is_code(struct phi_view region)
{
    for (size_t i = 0; i < region.len; i++)
        if (region.data[i] < '0' || region.data[i] > '9')
            return false;
    return region.len == 6;
}

static struct report_region *find_region(struct report *report, const char *name)
{
    for (size_t i = 0; i < report->region_count; i++)
        if (strcmp(report->regions[i].region, name) == 0)
            return &report->regions[i];
    bool is_full = report->region_count >= REPORT_REGIONS_MAX;
    if (is_full && strcmp(name, "other") != 0)
        return find_region(report, "other");
    struct report_region *region = &report->regions[report->region_count++];
    snprintf(region->region, sizeof(region->region), "%s", name);
    return region;
}

void report_add(struct report *report, struct phi_view code, enum phi_grade from, enum phi_grade to)
{
    char name[8] = "unknown";
    if (is_code(code))
        snprintf(name, sizeof(name), "%.6s", (const char *)code.data);
    struct report_region *region = find_region(report, name);
    report->people++;
    region->people++;
    if (from != to)
        region->changes[from][to]++;
}

void report_add_error(struct report *report, const char *rule)
{
    int64_t i = 0;
    while (i < report->errors_count && strcmp(report->errors[i].rule, rule) != 0)
        i++;
    if (i == REPORT_RULES_MAX)
        return;
    if (i == report->errors_count)
        snprintf(report->errors[report->errors_count++].rule, sizeof(report->errors[0].rule), "%s",
                 rule);
    report->errors[i].people++;
}

static int64_t changed_of(const struct report_region *region)
{
    int64_t changed = 0;
    for (int from = 0; from < REPORT_GRADES; from++)
        for (int to = 0; to < REPORT_GRADES; to++)
            changed += region->changes[from][to];
    return changed;
}

int64_t report_changed(const struct report *report)
{
    int64_t changed = 0;
    for (size_t i = 0; i < report->region_count; i++)
        changed += changed_of(&report->regions[i]);
    return changed;
}

int64_t report_turning_red(const struct report *report)
{
    int64_t red = 0;
    for (size_t i = 0; i < report->region_count; i++)
        for (int from = 0; from < REPORT_GRADES; from++)
            red += report->regions[i].changes[from][PHI_GRADE_RED];
    return red;
}

/* --- as JSON --- */

static json_t *changes_json(const struct report_region *region)
{
    json_t *array = json_array();
    for (int from = REPORT_GRADES - 1; from >= 0; from--)
        for (int to = REPORT_GRADES - 1; to >= 0; to--)
            if (region->changes[from][to] > 0)
                json_array_append_new(array, json_pack("{s:s, s:s, s:I}", "from",
                                                       phi_grade_code((enum phi_grade)from), "to",
                                                       phi_grade_code((enum phi_grade)to), "people",
                                                       (json_int_t)region->changes[from][to]));
    return array;
}

static json_t *regions_json(const struct report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; i < report->region_count; i++) {
        const struct report_region *region = &report->regions[i];
        json_array_append_new(array, json_pack("{s:s, s:I, s:I, s:o}", "region", region->region,
                                               "people", (json_int_t)region->people, "changed",
                                               (json_int_t)changed_of(region), "changes",
                                               changes_json(region)));
    }
    return array;
}

static json_t *errors_json(const struct report *report)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < report->errors_count; i++)
        json_array_append_new(array, json_pack("{s:s, s:I}", "rule", report->errors[i].rule,
                                               "people", (json_int_t)report->errors[i].people));
    return array;
}

static json_t *total_json(const struct report *report)
{
    struct report_region total = {.region = ""};
    for (size_t i = 0; i < report->region_count; i++)
        for (int at = 0; at < REPORT_GRADES * REPORT_GRADES; at++)
            total.changes[at / REPORT_GRADES][at % REPORT_GRADES] +=
                report->regions[i].changes[at / REPORT_GRADES][at % REPORT_GRADES];
    return changes_json(&total);
}

json_t *report_json(const struct report *report)
{
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "people", (json_int_t)report->people,
                     "changed", (json_int_t)report_changed(report), "turningRed",
                     (json_int_t)report_turning_red(report), "changes", total_json(report),
                     "regions", regions_json(report), "errors", errors_json(report));
}

static enum phi_err read_grade(const struct phi_json_at *at, const char *name, enum phi_grade *out)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    PHI_GUARD(phi_json_word(at, name, 16, &code, NULL));
    PHI_GUARD(phi_grade_from_code(phi_view_text(code), out));
out:
    return err;
}

static enum phi_err read_changes(const struct phi_json_at *at, struct report_region *region)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at array;
    size_t count = 0;
    PHI_GUARD(
        phi_json_array(at, "changes", 0, REPORT_GRADES * REPORT_GRADES, &array, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        enum phi_grade from = PHI_GRADE_GREY, to = PHI_GRADE_GREY;
        PHI_GUARD(read_grade(&item, "from", &from));
        PHI_GUARD(read_grade(&item, "to", &to));
        PHI_GUARD(phi_json_int(&item, "people", 0, INT64_MAX, &region->changes[from][to], NULL));
    }
out:
    return err;
}

static enum phi_err read_regions(const struct phi_json_at *root, struct report *report)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at array;
    size_t count = 0;
    PHI_GUARD(phi_json_array(root, "regions", 0, REPORT_REGIONS_MAX + 1, &array, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        const char *name = NULL;
        PHI_GUARD(phi_json_word(&item, "region", 7, &name, NULL));
        struct report_region *region = &report->regions[report->region_count++];
        snprintf(region->region, sizeof(region->region), "%s", name);
        PHI_GUARD(phi_json_int(&item, "people", 0, INT64_MAX, &region->people, NULL));
        PHI_GUARD(read_changes(&item, region));
    }
out:
    return err;
}

static enum phi_err read_errors(const struct phi_json_at *root, struct report *report)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at array;
    size_t count = 0;
    PHI_GUARD(phi_json_array(root, "errors", 0, REPORT_RULES_MAX, &array, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        const char *rule = NULL;
        PHI_GUARD(phi_json_word(&item, "rule", REPORT_WORD_MAX, &rule, NULL));
        snprintf(report->errors[i].rule, sizeof(report->errors[i].rule), "%s", rule);
        PHI_GUARD(phi_json_int(&item, "people", 0, INT64_MAX, &report->errors[i].people, NULL));
        report->errors_count++;
    }
out:
    return err;
}

enum phi_err report_read(struct report *report, const char *text)
{
    enum phi_err err = PHI_OK;
    json_t *json = NULL;
    *report = (struct report){.people = 0};
    if (text[0] == '\0')
        return PHI_OK;
    PHI_GUARD(phi_json_parse(phi_view_text(text), 8, &json, NULL));
    struct phi_json_at root = phi_json_root(json);
    PHI_GUARD(phi_json_int(&root, "people", 0, INT64_MAX, &report->people, NULL));
    PHI_GUARD(read_regions(&root, report));
    PHI_GUARD(read_errors(&root, report));
out:
    json_decref(json);
    return err == PHI_OK || err == PHI_ERR_MEMORY ? err : PHI_ERR_DATA_BROKEN;
}
