/* What a trial of a rule set counts: how many people would change, from what to what, by region.
 *
 *   struct report *report = report_new();
 *   PHI_GUARD(report_read(report, "{…}"));                  // what was counted before
 *   report_add(report, "320102", PHI_GRADE_GREEN, PHI_GRADE_RED);
 *   json_t *json = report_json(report);
 *
 * One thread at a time; doesn't block.
 */
#ifndef SVC_DIRECTORY_RULES_REPORT_H
#define SVC_DIRECTORY_RULES_REPORT_H

#include "codes/entry.h"
#include "json/json.h"

#define REPORT_GRADES      5
#define REPORT_REGIONS_MAX 512 /* six digits; people of more regions count under "other" */
#define REPORT_RULES_MAX   128
#define REPORT_WORD_MAX    PHI_ENTRY_REASON_MAX

struct report_region {
    char region[8]; /* "320102", "unknown", "other" */
    int64_t people;
    int64_t changes[REPORT_GRADES][REPORT_GRADES]; /* from, to; only where they differ */
};

struct report {
    int64_t people;
    int64_t errors_count;
    struct {
        char rule[REPORT_WORD_MAX + 1];
        int64_t people;
    } errors[REPORT_RULES_MAX];
    size_t region_count;
    struct report_region regions[REPORT_REGIONS_MAX + 1];
};

struct report *report_new(void); /* NULL when out of memory; the caller free()s */
/* "" is nothing counted. PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err report_read(struct report *report, const char *text) PHI_MUST_USE;
/* NULL when out of memory. The members: docs/rules.md. */
json_t *report_json(const struct report *report);

/* `region` NULL or no six digits: unknown. */
void report_add(struct report *report, struct phi_view region, enum phi_grade from,
                enum phi_grade to);
void report_add_error(struct report *report, const char *rule);

int64_t report_changed(const struct report *report);
int64_t report_turning_red(const struct report *report);

#endif
