#include "svc-directory/rules/rules.h"

#include "base/file.h"
#include "base/metrics.h"
#include "certlogic/certlogic.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX        (512 * 1024)
#define ARENA_MAX       (16 * 1024 * 1024)
#define DEPTH_MAX       60 /* it is signed as canonical JSON, of 64 levels at most */
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

/* Compiled once; what could never be right is refused with its place in the file. */
static enum phi_err read_logic(const struct phi_json_at *at, struct phi_arena *arena,
                               struct rule *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at logic;
    struct phi_error why = {0};
    PHI_GUARD(phi_json_object(at, "logic", &logic, error));
    out->logic = logic.value;
    PHI_GUARD(phi_certlogic_compile(logic.value, arena, &out->compiled));
    if (phi_certlogic_check(out->compiled, &why) != PHI_OK) {
        char place[sizeof(logic.path) + sizeof(why.place)];
        snprintf(place, sizeof(place), "%s%s", logic.path, why.place);
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, place, "%s", why.text);
    }
out:
    return err;
}

static enum phi_err read_rule(const struct phi_json_at *at, struct phi_arena *arena,
                              struct rule *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"id",    "version", "description", "logic",
                                          "grade", "reason",  "validFrom",   "validTo"};
    const char *id = NULL, *reason = NULL;
    PHI_GUARD(phi_json_only(at, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_word(at, "id", RULES_WORD_MAX, &id, error));
    PHI_GUARD(phi_json_word(at, "reason", RULES_WORD_MAX, &reason, error));
    snprintf(out->id, sizeof(out->id), "%s", id);
    snprintf(out->reason, sizeof(out->reason), "%s", reason);
    PHI_GUARD(phi_json_int(at, "version", 1, INT32_MAX, &out->version, error));
    PHI_GUARD(read_description(at, out, error));
    PHI_GUARD(read_logic(at, arena, out, error));
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
        PHI_GUARD(read_rule(&at, out->arena, &out->items[i], error));
        if (rules_find(out, out->items[i].id) != &out->items[i])
            return phi_json_refuse(&at, "id", PHI_ERR_FIELD_VALUE, "there twice", error);
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

static enum phi_err parse(struct phi_view text, const char *region, struct rules *rules,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(phi_json_read(text, DEPTH_MAX, rules->arena, &root, error));
    PHI_GUARD(read_root(&root, region, rules, error));
    rules->document = root.value;
out:
    return err;
}

static enum phi_err new_rules(struct rules **out)
{
    enum phi_err err = PHI_OK;
    struct rules *rules = calloc(1, sizeof(*rules));
    PHI_GUARD(rules == NULL ? PHI_ERR_MEMORY : PHI_OK);
    rules->arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(rules->arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = rules;
    rules = NULL;
out:
    free(rules);
    return err;
}

enum phi_err rules_parse(struct phi_view text, const char *region, struct rules **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules *rules = NULL;
    PHI_GUARD(new_rules(&rules));
    PHI_GUARD(parse(text, region, rules, error));
    *out = rules;
    rules = NULL;
out:
    rules_free(rules);
    return err;
}

enum phi_err rules_read(const char *path, const char *region, struct rules **out,
                        struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct rules *rules = NULL;
    PHI_GUARD(new_rules(&rules));
    PHI_GUARD(phi_file_read(path, FILE_MAX, rules->arena, &bytes));
    PHI_GUARD(parse(bytes, region, rules, error));
    rules_metrics(rules);
    *out = rules;
    rules = NULL;
out:
    rules_free(rules);
    if (err == PHI_ERR_IO)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_RULES_FILE",
                             "can't be read, or is too large");
    return err == PHI_OK || err == PHI_ERR_MEMORY ? err : PHI_ERR_CONFIG;
}

void rules_metrics(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        char labels[RULES_WORD_MAX + 16];
        snprintf(labels, sizeof(labels), "rule=\"%s\"", rules->items[i].id);
        rules->items[i].errors = phi_counter_new("phi_directory_rule_errors_total",
                                                 "rules that erred and were skipped", labels);
    }
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

bool rules_holds(const struct rule *rule, struct rules_input *input, int64_t now_us)
{
    bool holds = false;
    struct phi_certlogic_outcome found;
    rules_input_set_clock(input, now_us);
    return phi_certlogic_evaluate(rule->compiled, input->document, input->now, input->arena, &found,
                                  NULL) == PHI_OK &&
           phi_certlogic_truth(found.value, &holds, NULL) == PHI_OK && holds;
}

/* Keeps `fired` in order, the strictest first, as the file has them among equals. */
static void insert(struct rules_verdict *verdict, const struct rule *rule)
{
    size_t at = verdict->count++;
    for (; at > 0 && verdict->fired[at - 1]->grade < rule->grade; at--)
        verdict->fired[at] = verdict->fired[at - 1];
    verdict->fired[at] = rule;
}

static void bring_forward(struct rules_verdict *verdict, int64_t until_us)
{
    if (until_us < verdict->until_us)
        verdict->until_us = until_us;
}

static void ask(const struct rule *rule, const struct rules_input *input,
                struct rules_verdict *verdict)
{
    bool holds = false;
    struct phi_certlogic_outcome found;
    enum phi_err err = phi_certlogic_evaluate(rule->compiled, input->document, input->now,
                                              input->arena, &found, NULL);
    if (found.until_ms != PHI_CERTLOGIC_NEVER)
        bring_forward(verdict, found.until_ms * 1000);
    if (err == PHI_OK)
        err = phi_certlogic_truth(found.value, &holds, NULL);
    if (err != PHI_OK)
        verdict->erred[verdict->error_count++] = rule;
    else if (holds)
        insert(verdict, rule);
}

/* Also when it comes into force, or ceases to be. */
static void ask_in_force(const struct rule *rule, const struct rules_input *input, int64_t now_us,
                         struct rules_verdict *verdict)
{
    if (now_us < rule->valid_from_us) {
        bring_forward(verdict, rule->valid_from_us);
    } else if (now_us < rule->valid_to_us) {
        bring_forward(verdict, rule->valid_to_us);
        ask(rule, input, verdict);
    }
}

void rules_grade(const struct rules *rules, struct rules_input *input, int64_t now_us,
                 struct rules_verdict *out)
{
    out->grade = PHI_GRADE_GREY;
    out->count = 0;
    out->error_count = 0;
    out->until_us = rules_input_set_clock(input, now_us);
    for (size_t i = 0; i < rules->count; i++)
        ask_in_force(&rules->items[i], input, now_us, out);
    if (out->count > 0)
        out->grade = out->fired[0]->grade;
    /* beside something stricter, green says nothing */
    bool is_stricter = out->grade > PHI_GRADE_GREEN;
    while (is_stricter && out->count > 1 && out->fired[out->count - 1]->grade <= PHI_GRADE_GREEN)
        out->count--;
    if (out->grade == PHI_GRADE_GREEN && out->error_count > 0)
        out->grade = PHI_GRADE_GREY;
}

static bool is_same_list(const struct rule *const *a, size_t a_count, const struct rule *const *b,
                         size_t b_count)
{
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

static bool is_same(const struct rules_verdict *a, const struct rules_verdict *b)
{
    return a->grade == b->grade && is_same_list(a->fired, a->count, b->fired, b->count) &&
           is_same_list(a->erred, a->error_count, b->erred, b->error_count);
}

void rules_outcome(const struct rules *rules, struct rules_input *input, int64_t now_us,
                   struct rules_outcome *out)
{
    rules_grade(rules, input, now_us, &out->verdict);
    for (size_t i = 0; i < out->verdict.error_count; i++)
        if (out->verdict.erred[i]->errors != NULL)
            phi_counter_add(out->verdict.erred[i]->errors, 1);
    struct rules_verdict later;
    out->then = out->verdict.grade;
    out->until_us = out->verdict.until_us;
    for (int turn = 0; out->until_us != RULES_NEVER && turn < RULES_TURNS_MAX; turn++) {
        rules_grade(rules, input, out->until_us, &later);
        out->then = later.grade;
        if (!is_same(&out->verdict, &later))
            break;
        if (later.until_us == RULES_NEVER || turn + 1 < RULES_TURNS_MAX)
            out->until_us = later.until_us;
    }
    rules_input_set_clock(input, now_us);
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
