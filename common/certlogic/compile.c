#include "certlogic/rule.h"
#include "certlogic/time.h"

#include <math.h>
#include <string.h>

/* How each operation takes its operands; max 0: any number, of which the first `min` are used. */
static const struct operation {
    const char *name;
    uint8_t op;
    uint8_t min;
    uint8_t max;
} operations[] = {
    {"if", CERTLOGIC_IF, 3, 0},
    {"and", CERTLOGIC_AND, 2, UINT8_MAX},
    {"!", CERTLOGIC_NOT, 1, 0},
    {"===", CERTLOGIC_SAME, 2, 2},
    {"in", CERTLOGIC_IN, 2, 2},
    {"+", CERTLOGIC_PLUS, 2, 2},
    {"<", CERTLOGIC_LESS, 2, 3},
    {">", CERTLOGIC_GREATER, 2, 3},
    {"<=", CERTLOGIC_LESS_EQUAL, 2, 3},
    {">=", CERTLOGIC_GREATER_EQUAL, 2, 3},
    {"before", CERTLOGIC_BEFORE, 2, 3},
    {"after", CERTLOGIC_AFTER, 2, 3},
    {"not-before", CERTLOGIC_NOT_BEFORE, 2, 3},
    {"not-after", CERTLOGIC_NOT_AFTER, 2, 3},
    {"plusTime", CERTLOGIC_PLUS_TIME, 3, 0},
    {"reduce", CERTLOGIC_REDUCE, 3, 0},
    {"extractFromUVCI", CERTLOGIC_UVCI, 2, 0},
    {"dccDateOfBirth", CERTLOGIC_BIRTH, 1, 0},
};

struct compiler {
    struct phi_arena *arena;
    int depth;
};

static enum phi_err compile(struct compiler *c, const json_t *logic,
                            const struct phi_certlogic_rule **out);

static void make_bad(struct phi_certlogic_rule *rule, const char *why)
{
    rule->op = CERTLOGIC_BAD;
    rule->of.why = why;
    rule->count = 0;
}

static enum phi_err compile_operands(struct compiler *c, const json_t *array, size_t count,
                                     struct phi_certlogic_rule *out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_rule **operands =
        phi_arena_alloc(c->arena, count * sizeof(*operands));
    PHI_GUARD(operands == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(compile(c, json_array_get(array, i), &operands[i]));
    out->of.operands = operands;
    out->count = (uint32_t)count;
out:
    return err;
}

static enum phi_err compile_var(struct compiler *c, const json_t *path,
                                struct phi_certlogic_rule *out)
{
    out->op = CERTLOGIC_VAR;
    out->name = "var";
    if (json_is_string(path))
        return certlogic_path_parse(
            c->arena, phi_view_of(json_string_value(path), json_string_length(path)), out);
    make_bad(out, "its path is not a text");
    return PHI_OK;
}

/* --- what isn't evaluated, but must be of a kind --- */

static bool take_integer(const json_t *json, double *out)
{
    *out = json_number_value(json);
    return json_is_number(json) && *out == floor(*out);
}

static bool take_unit(const json_t *json, uint8_t *out)
{
    static const char *const units[] = {[PHI_CERTLOGIC_YEAR] = "year",
                                        [PHI_CERTLOGIC_MONTH] = "month",
                                        [PHI_CERTLOGIC_DAY] = "day",
                                        [PHI_CERTLOGIC_HOUR] = "hour"};
    const char *word = json_string_value(json);
    for (uint8_t i = 0; word != NULL && i < 4; i++) {
        *out = i;
        if (strcmp(word, units[i]) == 0 && strlen(word) == json_string_length(json))
            return true;
    }
    return false;
}

static const char *fixed_operands(const json_t *operands, struct phi_certlogic_rule *out)
{
    bool is_time = out->op == CERTLOGIC_PLUS_TIME;
    if (!is_time && out->op != CERTLOGIC_UVCI)
        return NULL;
    if (!take_integer(json_array_get(operands, 1), &out->number))
        return is_time ? "its amount is not an integer" : "its index is not an integer";
    if (is_time && !take_unit(json_array_get(operands, 2), &out->unit))
        return "its unit is not year, month, day or hour";
    return NULL;
}

/* How many of the operands are evaluated. */
static size_t evaluated(const struct operation *operation, size_t count)
{
    if (operation->op == CERTLOGIC_PLUS_TIME || operation->op == CERTLOGIC_UVCI)
        return 1;
    return operation->max == 0 ? operation->min : count;
}

static enum phi_err compile_known(struct compiler *c, const struct operation *operation,
                                  const json_t *operands, struct phi_certlogic_rule *out)
{
    size_t count = json_array_size(operands);
    size_t max = operation->max == 0 || operation->max == UINT8_MAX ? SIZE_MAX : operation->max;
    out->op = operation->op;
    out->name = operation->name;
    if (count < operation->min || count > max) {
        make_bad(out, "has too few or too many operands");
        return PHI_OK;
    }
    const char *why = fixed_operands(operands, out);
    if (why != NULL) {
        make_bad(out, why);
        return PHI_OK;
    }
    return compile_operands(c, operands, evaluated(operation, count), out);
}

static enum phi_err compile_operation(struct compiler *c, const json_t *logic,
                                      struct phi_certlogic_rule *out)
{
    json_t *object = (json_t *)(uintptr_t)logic;
    void *only = json_object_iter(object);
    make_bad(out, "an operation has exactly one member");
    if (json_object_size(logic) != 1)
        return PHI_OK;
    const char *name = json_object_iter_key(only);
    const json_t *operands = json_object_iter_value(only);
    if (strcmp(name, "var") == 0)
        return compile_var(c, operands, out);
    make_bad(out, "its operands are not an array of one or more");
    if (!json_is_array(operands) || json_array_size(operands) == 0)
        return PHI_OK;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].name, name) == 0)
            return compile_known(c, &operations[i], operands, out);
    make_bad(out, "an unknown operation");
    return PHI_OK;
}

/* An array of literals alone is one value for good: nothing can tell two of them apart. */
static enum phi_err fold_array(struct compiler *c, struct phi_certlogic_rule *out)
{
    for (size_t i = 0; i < out->count; i++)
        if (out->of.operands[i]->op != CERTLOGIC_LITERAL)
            return PHI_OK;
    const struct phi_certlogic_value **items =
        phi_arena_alloc(c->arena, out->count * sizeof(*items));
    if (items == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < out->count; i++)
        items[i] = out->of.operands[i]->of.literal;
    out->op = CERTLOGIC_LITERAL;
    out->of.literal = phi_certlogic_value_array(c->arena, items, out->count);
    return out->of.literal == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

/* A text is read as a time here, since threads share it afterwards. */
static enum phi_err compile_literal(struct compiler *c, const json_t *logic,
                                    struct phi_certlogic_rule *out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *value = NULL;
    out->op = CERTLOGIC_LITERAL;
    out->name = "literal";
    PHI_GUARD(phi_certlogic_value_import(c->arena, logic, &value));
    out->of.literal = value;
    if (value->type == PHI_CERTLOGIC_TEXT) {
        struct phi_certlogic_value *text = (struct phi_certlogic_value *)(uintptr_t)value;
        text->when = (uint8_t)phi_certlogic_time_parse(phi_view_of(value->of.text, value->count),
                                                       true, &text->ms);
    }
out:
    return err;
}

static bool is_literal(const json_t *logic)
{
    double number = 0;
    return json_is_string(logic) || json_is_boolean(logic) || take_integer(logic, &number);
}

static enum phi_err compile_any(struct compiler *c, const json_t *logic,
                                struct phi_certlogic_rule *out)
{
    enum phi_err err = PHI_OK;
    out->name = "rule";
    if (c->depth > PHI_CERTLOGIC_DEPTH_MAX) {
        make_bad(out, "too deep");
    } else if (json_is_object(logic)) {
        PHI_GUARD(compile_operation(c, logic, out));
    } else if (json_is_array(logic)) {
        out->op = CERTLOGIC_ARRAY;
        PHI_GUARD(compile_operands(c, logic, json_array_size(logic), out));
        PHI_GUARD(fold_array(c, out));
    } else if (is_literal(logic)) {
        PHI_GUARD(compile_literal(c, logic, out));
    } else {
        make_bad(out, "neither an operation nor a literal");
    }
out:
    return err;
}

static enum phi_err compile(struct compiler *c, const json_t *logic,
                            const struct phi_certlogic_rule **out)
{
    struct phi_certlogic_rule *rule = phi_arena_alloc(c->arena, sizeof(*rule));
    if (rule == NULL)
        return PHI_ERR_MEMORY;
    c->depth++;
    enum phi_err err = compile_any(c, logic, rule);
    c->depth--;
    *out = rule;
    return err;
}

enum phi_err phi_certlogic_compile(const json_t *logic, struct phi_arena *arena,
                                   const struct phi_certlogic_rule **out)
{
    struct compiler compiler = {.arena = arena};
    return compile(&compiler, logic, out);
}
