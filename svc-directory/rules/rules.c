#include "svc-directory/rules/rules.h"

#include "base/file.h"
#include "base/metrics.h"
#include "certlogic/certlogic.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX        (512 * 1024)
#define ARENA_MAX       (16 * 1024 * 1024)
#define DEPTH_MAX       80
#define DESCRIPTION_MAX 300

static enum phi_err read_grade(const struct phi_json_at *at, enum phi_grade *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    PHI_GUARD(phi_json_word(at, "grade", 16, &code, error));
    if (phi_grade_from_code(phi_view_text(code), out) != PHI_OK)
        err = phi_json_refuse(at, "grade", PHI_ERR_FIELD_VALUE, "not a grade", error);
out:
    return err;
}

static enum phi_err read_description(const struct phi_json_at *at, struct rule *out,
                                     struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"zh", "en"};
    struct phi_json_at description;
    PHI_GUARD(phi_json_object(at, "description", &description, error));
    PHI_GUARD(phi_json_only(&description, members, 2, error));
    PHI_GUARD(phi_json_text(&description, "zh", 1, DESCRIPTION_MAX, &out->zh, error));
    PHI_GUARD(phi_json_text(&description, "en", 1, DESCRIPTION_MAX, &out->en, error));
out:
    return err;
}

static enum phi_err read_rule(const struct phi_json_at *at, struct rule *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"id",    "version", "description", "logic",
                                          "grade", "reason",  "validFrom",   "validTo"};
    const char *id = NULL, *reason = NULL;
    struct phi_json_at logic;
    PHI_GUARD(phi_json_only(at, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_word(at, "id", RULES_WORD_MAX, &id, error));
    PHI_GUARD(phi_json_word(at, "reason", RULES_WORD_MAX, &reason, error));
    snprintf(out->id, sizeof(out->id), "%s", id);
    snprintf(out->reason, sizeof(out->reason), "%s", reason);
    PHI_GUARD(phi_json_int(at, "version", 1, INT32_MAX, &out->version, error));
    PHI_GUARD(read_description(at, out, error));
    PHI_GUARD(phi_json_object(at, "logic", &logic, error));
    out->logic = logic.value;
    PHI_GUARD(read_grade(at, &out->grade, error));
    PHI_GUARD(phi_json_time(at, "validFrom", &out->valid_from_us, error));
    PHI_GUARD(phi_json_time_opt(at, "validTo", INT64_MAX, &out->valid_to_us, error));
    if (out->valid_to_us <= out->valid_from_us)
        return phi_json_refuse(at, "validTo", PHI_ERR_FIELD_VALUE, "not after validFrom", error);
out:
    return err;
}

static enum phi_err read_items(const struct phi_json_at *array, struct rules *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < out->count; i++) {
        struct phi_json_at at = phi_json_item(array, i);
        char labels[RULES_WORD_MAX + 16];
        PHI_GUARD(read_rule(&at, &out->items[i], error));
        if (rules_find(out, out->items[i].id) != &out->items[i])
            return phi_json_refuse(&at, "id", PHI_ERR_FIELD_VALUE, "there twice", error);
        snprintf(labels, sizeof(labels), "rule=\"%s\"", out->items[i].id);
        out->items[i].errors = phi_counter_new("phi_directory_rule_errors_total",
                                               "rules that erred and were skipped", labels);
    }
out:
    return err;
}

static enum phi_err read_root(const struct phi_json_at *root, const char *region, struct rules *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "version", "rules"};
    const char *file_region = NULL;
    struct phi_json_at array;
    PHI_GUARD(phi_json_only(root, members, 3, error));
    PHI_GUARD(phi_json_word(root, "region", 6, &file_region, error));
    PHI_GUARD(phi_json_int(root, "version", 1, INT32_MAX, &out->version, error));
    if (strcmp(file_region, region) != 0)
        return phi_json_refuse(root, "region", PHI_ERR_FIELD_VALUE, "not this platform's region",
                               error);
    PHI_GUARD(phi_json_array(root, "rules", 1, RULES_MAX, &array, &out->count, error));
    PHI_GUARD(read_items(&array, out, error));
out:
    return err;
}

enum phi_err rules_read(const char *path, const char *region, struct rules **out,
                        struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_json_at root;
    struct rules *rules = calloc(1, sizeof(*rules));
    PHI_GUARD(rules == NULL ? PHI_ERR_MEMORY : PHI_OK);
    rules->arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(rules->arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_file_read(path, FILE_MAX, rules->arena, &bytes));
    PHI_GUARD(phi_json_read(bytes, DEPTH_MAX, rules->arena, &root, error));
    PHI_GUARD(read_root(&root, region, rules, error));
    *out = rules;
    rules = NULL;
out:
    rules_free(rules);
    if (err == PHI_ERR_IO)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_RULES_FILE",
                             "can't be read, or is too large");
    return err == PHI_OK || err == PHI_ERR_MEMORY ? err : PHI_ERR_CONFIG;
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    phi_arena_free(rules->arena);
    free(rules);
}

const struct rule *rules_find(const struct rules *rules, const char *id)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->items[i].id, id) == 0)
            return &rules->items[i];
    return NULL;
}

bool rules_holds(const struct rule *rule, const json_t *input)
{
    bool holds = false;
    return certlogic_test(rule->logic, input, &holds, NULL) == PHI_OK && holds;
}

/* Keeps `fired` in order, the strictest first, as the file has them among equals. */
static void insert(struct rules_verdict *verdict, const struct rule *rule)
{
    size_t at = verdict->count++;
    for (; at > 0 && verdict->fired[at - 1]->grade < rule->grade; at--)
        verdict->fired[at] = verdict->fired[at - 1];
    verdict->fired[at] = rule;
}

static void ask(const struct rule *rule, const json_t *input, struct rules_verdict *verdict)
{
    bool holds = false;
    if (certlogic_test(rule->logic, input, &holds, NULL) != PHI_OK) {
        verdict->erred[verdict->error_count++] = rule;
        phi_counter_add(rule->errors, 1);
    } else if (holds) {
        insert(verdict, rule);
    }
}

void rules_grade(const struct rules *rules, const json_t *input, int64_t now_us,
                 struct rules_verdict *out)
{
    *out = (struct rules_verdict){.grade = PHI_GRADE_GREY};
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (rule->valid_from_us <= now_us && now_us < rule->valid_to_us)
            ask(rule, input, out);
    }
    if (out->count > 0)
        out->grade = out->fired[0]->grade;
    /* beside something stricter, green says nothing */
    bool is_stricter = out->grade > PHI_GRADE_GREEN;
    while (is_stricter && out->count > 1 && out->fired[out->count - 1]->grade <= PHI_GRADE_GREEN)
        out->count--;
    if (out->grade == PHI_GRADE_GREEN && out->error_count > 0)
        out->grade = PHI_GRADE_GREY;
}

static enum phi_err add_reason(json_t *array, const struct rule *rule, const char *reason)
{
    if (json_array_size(array) == PHI_ENTRY_REASONS_MAX)
        return PHI_OK;
    json_t *item = json_pack("{s:s, s:s, s:I}", "reason", reason, "rule", rule->id, "version",
                             (json_int_t)rule->version);
    return json_array_append_new(array, item) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err rules_reasons(const struct rules_verdict *verdict, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *array = json_array();
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < verdict->count; i++)
        PHI_GUARD(add_reason(array, verdict->fired[i], verdict->fired[i]->reason));
    for (size_t i = 0; i < verdict->error_count; i++)
        PHI_GUARD(add_reason(array, verdict->erred[i], RULES_REASON_ERROR));
    *out = array;
    array = NULL;
out:
    json_decref(array);
    return err;
}
