#include "certlogic/certlogic_value.h"

#include <stdlib.h>
#include <string.h>

/* Rules are shared by threads: what is handed out holds a reference. */
_Static_assert(JSON_HAVE_ATOMIC_BUILTINS, "jansson's reference counts must be atomic");

#define OPERANDS_MAX 64

/* What "var" sees: the document, or inside "reduce" the two of it. */
struct scope {
    const json_t *data;
    bool is_reduce;
    const struct certlogic_value *accumulator;
    json_t *current;
};

struct run {
    int depth;
    int steps;
    struct phi_error *error;
};

typedef enum phi_err evaluate_op(struct run *run, const char *op, const json_t *args,
                                 const struct scope *scope, struct certlogic_value *out);

static enum phi_err evaluate(struct run *run, const json_t *logic, const struct scope *scope,
                             struct certlogic_value *out);

static enum phi_err fail(struct run *run, const char *place, const char *text)
{
    return phi_error_set(run->error, PHI_ERR_RULE, place, "%s", text);
}

/* --- var --- */

/* Where a path begins; moves it past what was used. */
static enum phi_err root_of(struct run *run, const char **path, const struct scope *scope,
                            struct certlogic_value *out)
{
    if (!scope->is_reduce) {
        *out = certlogic_value_borrow(scope->data);
        return PHI_OK;
    }
    struct phi_view first = certlogic_next_fragment(path);
    if (first.len == 0)
        return fail(run, "var", "the whole scope of a reduce can't be had");
    if (phi_view_equal(first, phi_view_text("current")))
        *out = certlogic_value_borrow(scope->current);
    else if (phi_view_equal(first, phi_view_text("accumulator")) && scope->accumulator->is_time)
        *out = *scope->accumulator;
    else if (phi_view_equal(first, phi_view_text("accumulator")))
        *out = certlogic_value_borrow(scope->accumulator->json);
    else
        *out = certlogic_value_of(json_null());
    return PHI_OK;
}

static enum phi_err evaluate_var(struct run *run, const char *op, const json_t *args,
                                 const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    const char *path = json_string_value(args);
    if (path == NULL)
        return fail(run, op, "its path is not a text");
    PHI_GUARD(root_of(run, &path, scope, out));
    while (*path != '\0' && !out->is_time && !json_is_null(out->json))
        out->json = certlogic_descend(out->json, certlogic_next_fragment(&path));
    if (*path != '\0' && out->is_time)
        *out = certlogic_value_of(json_null());
out:
    return err;
}

/* --- the others --- */

static enum phi_err evaluate_truth(struct run *run, const char *op, const json_t *logic,
                                   const struct scope *scope, struct certlogic_value *out,
                                   bool *is_truthy)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(evaluate(run, logic, scope, out));
    if (!certlogic_truth_of(out, is_truthy)) {
        certlogic_value_drop(out);
        err = fail(run, op, "an operand is neither truthy nor falsy");
    }
out:
    return err;
}

static enum phi_err evaluate_if(struct run *run, const char *op, const json_t *args,
                                const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = false;
    struct certlogic_value guard = {0};
    if (json_array_size(args) != 3)
        return fail(run, op, "needs three operands");
    PHI_GUARD(evaluate_truth(run, op, json_array_get(args, 0), scope, &guard, &is_truthy));
    certlogic_value_drop(&guard);
    PHI_GUARD(evaluate(run, json_array_get(args, is_truthy ? 1 : 2), scope, out));
out:
    return err;
}

static enum phi_err evaluate_and(struct run *run, const char *op, const json_t *args,
                                 const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = true;
    struct certlogic_value last = {0};
    size_t count = json_array_size(args);
    if (count < 2)
        return fail(run, op, "needs two operands or more");
    for (size_t i = 0; i < count && is_truthy; i++) {
        certlogic_value_drop(&last);
        /* the last operand is given as it is: only those before it are asked */
        PHI_GUARD(i + 1 < count
                      ? evaluate_truth(run, op, json_array_get(args, i), scope, &last, &is_truthy)
                      : evaluate(run, json_array_get(args, i), scope, &last));
    }
    *out = last;
out:
    return err;
}

static enum phi_err evaluate_not(struct run *run, const char *op, const json_t *args,
                                 const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = false;
    struct certlogic_value operand = {0};
    if (json_array_size(args) != 1)
        return fail(run, op, "needs one operand");
    PHI_GUARD(evaluate_truth(run, op, json_array_get(args, 0), scope, &operand, &is_truthy));
    certlogic_value_drop(&operand);
    *out = certlogic_value_of(json_boolean(!is_truthy));
out:
    return err;
}

/* Evaluates min..max operands; on success the caller drops them. */
static enum phi_err evaluate_operands(struct run *run, const char *op, const json_t *args,
                                      const struct scope *scope, size_t min, size_t max,
                                      struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    size_t count = json_array_size(args), done = 0;
    if (count < min || count > max)
        return fail(run, op, "has too few or too many operands");
    for (; done < count; done++)
        PHI_GUARD(evaluate(run, json_array_get(args, done), scope, &out[done]));
out:
    while (err != PHI_OK && done > 0)
        certlogic_value_drop(&out[--done]);
    return err;
}

static enum phi_err evaluate_same(struct run *run, const char *op, const json_t *args,
                                  const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value pair[2] = {0};
    PHI_GUARD(evaluate_operands(run, op, args, scope, 2, 2, pair));
    *out = certlogic_value_of(json_boolean(certlogic_is_same(&pair[0], &pair[1])));
    certlogic_value_drop(&pair[0]);
    certlogic_value_drop(&pair[1]);
out:
    return err;
}

static enum phi_err evaluate_in(struct run *run, const char *op, const json_t *args,
                                const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value pair[2] = {0};
    bool is_in = false;
    PHI_GUARD(evaluate_operands(run, op, args, scope, 2, 2, pair));
    if (pair[1].is_time || !json_is_array(pair[1].json)) {
        err = fail(run, op, "its right-hand side is not an array");
    } else {
        for (size_t i = 0; i < json_array_size(pair[1].json) && !is_in; i++) {
            struct certlogic_value item = {.json = json_array_get(pair[1].json, i)};
            is_in = certlogic_is_same(&pair[0], &item);
        }
        *out = certlogic_value_of(json_boolean(is_in));
    }
    certlogic_value_drop(&pair[0]);
    certlogic_value_drop(&pair[1]);
out:
    return err;
}

static enum phi_err evaluate_plus(struct run *run, const char *op, const json_t *args,
                                  const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value pair[2] = {0};
    int64_t a = 0, b = 0;
    PHI_GUARD(evaluate_operands(run, op, args, scope, 2, 2, pair));
    if (!certlogic_is_int(&pair[0], &a) || !certlogic_is_int(&pair[1], &b))
        err = fail(run, op, "an operand is not an integer");
    else if (a + b > CERTLOGIC_INT_MAX || a + b < -CERTLOGIC_INT_MAX)
        err = fail(run, op, "the sum is out of bounds");
    else
        *out = certlogic_value_of(json_integer(a + b));
    certlogic_value_drop(&pair[0]);
    certlogic_value_drop(&pair[1]);
    if (err == PHI_OK && out->json == NULL)
        err = PHI_ERR_MEMORY;
out:
    return err;
}

enum relation { LESS, GREATER, LESS_EQUAL, GREATER_EQUAL };

static bool holds(enum relation relation, int64_t a, int64_t b)
{
    switch (relation) {
    case LESS:
        return a < b;
    case GREATER:
        return a > b;
    case LESS_EQUAL:
        return a <= b;
    default:
        return a >= b;
    }
}

static enum phi_err compare(struct run *run, const char *op, const json_t *args,
                            const struct scope *scope, enum relation relation, bool are_times,
                            struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value operands[3] = {0};
    int64_t numbers[3] = {0};
    size_t count = json_array_size(args);
    PHI_GUARD(evaluate_operands(run, op, args, scope, 2, 3, operands));
    for (size_t i = 0; i < count; i++) {
        bool fits = are_times ? operands[i].is_time : certlogic_is_int(&operands[i], &numbers[i]);
        if (are_times)
            numbers[i] = operands[i].ms;
        if (!fits && err == PHI_OK)
            err = fail(run, op,
                       are_times ? "an operand is not a time" : "an operand is not an integer");
        certlogic_value_drop(&operands[i]);
    }
    if (err == PHI_OK)
        *out = certlogic_value_of(
            json_boolean(holds(relation, numbers[0], numbers[1]) &&
                         (count == 2 || holds(relation, numbers[1], numbers[2]))));
out:
    return err;
}

static enum phi_err evaluate_compare(struct run *run, const char *op, const json_t *args,
                                     const struct scope *scope, struct certlogic_value *out)
{
    enum relation relation = op[0] == '<' ? (op[1] == '=' ? LESS_EQUAL : LESS)
                                          : (op[1] == '=' ? GREATER_EQUAL : GREATER);
    return compare(run, op, args, scope, relation, false, out);
}

static enum phi_err evaluate_order(struct run *run, const char *op, const json_t *args,
                                   const struct scope *scope, struct certlogic_value *out)
{
    static const struct {
        const char *op;
        enum relation relation;
    } rows[] = {{"before", LESS},
                {"after", GREATER},
                {"not-after", LESS_EQUAL},
                {"not-before", GREATER_EQUAL}};
    size_t i = 0;
    while (strcmp(rows[i].op, op) != 0)
        i++;
    return compare(run, op, args, scope, rows[i].relation, true, out);
}

static enum phi_err evaluate_plus_time(struct run *run, const char *op, const json_t *args,
                                       const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value start = {0};
    struct certlogic_value amount = {.json = json_array_get(args, 1)};
    const char *unit = json_string_value(json_array_get(args, 2));
    int64_t number = 0, ms = 0;
    if (json_array_size(args) != 3 || !certlogic_is_int(&amount, &number) || unit == NULL)
        return fail(run, op, "needs a time, an integer and a unit");
    PHI_GUARD(evaluate(run, json_array_get(args, 0), scope, &start));
    const char *text = start.is_time ? NULL : json_string_value(start.json);
    if (text == NULL || certlogic_time_parse(text, &ms) != PHI_OK)
        err = fail(run, op, "not a date or a time");
    else if (certlogic_time_plus(ms, number, unit, &ms) != PHI_OK)
        err = fail(run, op, "no such unit, or too much of it");
    else
        *out = (struct certlogic_value){.is_time = true, .ms = ms};
    certlogic_value_drop(&start);
out:
    return err;
}

static enum phi_err fold(struct run *run, const json_t *array, const json_t *lambda,
                         struct certlogic_value *accumulator)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct certlogic_value next = {0};
        const struct scope scope = {
            .is_reduce = true, .accumulator = accumulator, .current = json_array_get(array, i)};
        PHI_GUARD(evaluate(run, lambda, &scope, &next));
        certlogic_value_drop(accumulator);
        *accumulator = next;
    }
out:
    return err;
}

static enum phi_err evaluate_reduce(struct run *run, const char *op, const json_t *args,
                                    const struct scope *scope, struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value operand = {0}, accumulator = {0};
    if (json_array_size(args) != 3)
        return fail(run, op, "needs three operands");
    PHI_GUARD(evaluate(run, json_array_get(args, 0), scope, &operand));
    if (operand.is_time || (!json_is_array(operand.json) && !json_is_null(operand.json)))
        PHI_GUARD(fail(run, op, "its operand is not an array"));
    PHI_GUARD(evaluate(run, json_array_get(args, 2), scope, &accumulator));
    if (!json_is_null(operand.json))
        PHI_GUARD(fold(run, operand.json, json_array_get(args, 1), &accumulator));
    *out = accumulator;
    accumulator.json = NULL;
out:
    certlogic_value_drop(&accumulator);
    certlogic_value_drop(&operand);
    return err;
}

static const struct {
    const char *op;
    evaluate_op *evaluate;
} operations[] = {
    {"if", evaluate_if},
    {"and", evaluate_and},
    {"!", evaluate_not},
    {"===", evaluate_same},
    {"in", evaluate_in},
    {"+", evaluate_plus},
    {"<", evaluate_compare},
    {">", evaluate_compare},
    {"<=", evaluate_compare},
    {">=", evaluate_compare},
    {"before", evaluate_order},
    {"after", evaluate_order},
    {"not-before", evaluate_order},
    {"not-after", evaluate_order},
    {"plusTime", evaluate_plus_time},
    {"reduce", evaluate_reduce},
};

static enum phi_err evaluate_operation(struct run *run, const json_t *logic,
                                       const struct scope *scope, struct certlogic_value *out)
{
    json_t *object = (json_t *)(uintptr_t)logic;
    void *only = json_object_iter(object);
    if (json_object_size(logic) != 1)
        return fail(run, "rule", "an operation has exactly one member");
    const char *op = json_object_iter_key(only);
    const json_t *args = json_object_iter_value(only);
    if (strcmp(op, "var") == 0)
        return evaluate_var(run, op, args, scope, out);
    if (!json_is_array(args) || json_array_size(args) == 0 || json_array_size(args) > OPERANDS_MAX)
        return fail(run, "rule", "an operation's operands are not an array of 1 to 64");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].op, op) == 0)
            return operations[i].evaluate(run, op, args, scope, out);
    return fail(run, "rule", "an unknown operation");
}

static enum phi_err evaluate_array(struct run *run, const json_t *logic, const struct scope *scope,
                                   struct certlogic_value *out)
{
    enum phi_err err = PHI_OK;
    json_t *array = json_array();
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < json_array_size(logic); i++) {
        struct certlogic_value item = {0};
        PHI_GUARD(evaluate(run, json_array_get(logic, i), scope, &item));
        if (item.is_time)
            PHI_GUARD(fail(run, "rule", "a time can't stand in an array"));
        PHI_GUARD(json_array_append_new(array, item.json) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = certlogic_value_of(array);
    array = NULL;
out:
    json_decref(array);
    return err;
}

static enum phi_err evaluate_any(struct run *run, const json_t *logic, const struct scope *scope,
                                 struct certlogic_value *out)
{
    int64_t number = 0;
    struct certlogic_value literal = {.json = (json_t *)(uintptr_t)logic};
    if (json_is_object(logic))
        return evaluate_operation(run, logic, scope, out);
    if (json_is_array(logic))
        return evaluate_array(run, logic, scope, out);
    bool is_literal =
        json_is_string(logic) || json_is_boolean(logic) || certlogic_is_int(&literal, &number);
    if (!is_literal)
        return fail(run, "rule", "neither an operation nor a literal");
    *out = certlogic_value_borrow(logic);
    return PHI_OK;
}

static enum phi_err evaluate(struct run *run, const json_t *logic, const struct scope *scope,
                             struct certlogic_value *out)
{
    if (++run->steps > CERTLOGIC_STEPS_MAX || run->depth >= CERTLOGIC_DEPTH_MAX)
        return fail(run, "rule", "too deep, or too many steps");
    run->depth++;
    enum phi_err err = evaluate_any(run, logic, scope, out);
    run->depth--;
    return err;
}

static enum phi_err start(const json_t *logic, const json_t *data, struct phi_error *error,
                          struct certlogic_value *out)
{
    struct run run = {.error = error};
    const struct scope scope = {.data = data};
    return evaluate(&run, logic, &scope, out);
}

enum phi_err certlogic_evaluate(const json_t *logic, const json_t *data, json_t **out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value value = {0};
    PHI_GUARD(start(logic, data, error, &value));
    if (value.is_time) {
        char text[CERTLOGIC_TIME_MAX];
        certlogic_time_format(value.ms, text);
        value.json = json_string(text);
        PHI_GUARD(value.json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    }
    *out = value.json;
out:
    return err;
}

enum phi_err certlogic_test(const json_t *logic, const json_t *data, bool *holds_out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct certlogic_value value = {0};
    bool is_truthy = false;
    PHI_GUARD(start(logic, data, error, &value));
    if (!certlogic_truth_of(&value, &is_truthy))
        err = phi_error_set(error, PHI_ERR_RULE, "rule", "its result is neither truthy nor falsy");
    else
        *holds_out = is_truthy;
    certlogic_value_drop(&value);
out:
    return err;
}
