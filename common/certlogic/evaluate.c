#include "certlogic/rule.h"
#include "certlogic/time.h"

#include <stdlib.h>
#include <string.h>

/* What "var" sees: the document, or inside "reduce" the two of it. */
struct scope {
    const struct phi_certlogic_value
        *data; /* inside reduce: made when somebody wants the two as one object */
    const struct phi_certlogic_value *accumulator; /* NULL outside of reduce */
    const struct phi_certlogic_value *current;
};

struct run {
    struct phi_arena *arena;
    const struct phi_certlogic_value *now;
    uint32_t steps;
    int64_t until_ms;
    struct phi_error *error;
};

static enum phi_err evaluate(struct run *run, const struct phi_certlogic_rule *rule,
                             struct scope *scope, const struct phi_certlogic_value **out);

static enum phi_err fail(struct run *run, const struct phi_certlogic_rule *rule, const char *text)
{
    (void)phi_error_set(run->error, PHI_ERR_RULE, rule->name, "%s", text);
    return PHI_ERR_RULE;
}

/* Counts `more` steps. */
static enum phi_err step(struct run *run, const struct phi_certlogic_rule *rule, uint32_t more)
{
    if (more > PHI_CERTLOGIC_STEPS_MAX || (run->steps += more) > PHI_CERTLOGIC_STEPS_MAX)
        return fail(run, rule, "too many steps");
    return PHI_OK;
}

static enum phi_err give(const struct phi_certlogic_value *value,
                         const struct phi_certlogic_value **out)
{
    *out = value;
    return value == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err give_bool(bool value, const struct phi_certlogic_value **out)
{
    *out = value ? &phi_certlogic_true : &phi_certlogic_false;
    return PHI_OK;
}

/* The clock may be read by plusTime alone: otherwise what it is used for would change unseen. */
static bool is_clock(const struct run *run, const struct phi_certlogic_value *value)
{
    return run->now != NULL && value == run->now;
}

/* --- var --- */

static enum phi_err both_of(struct run *run, struct scope *scope)
{
    struct phi_certlogic_member *members = phi_arena_alloc(run->arena, 2 * sizeof(*members));
    if (members == NULL)
        return PHI_ERR_MEMORY;
    members[0] = (struct phi_certlogic_member){phi_view_text("accumulator"), scope->accumulator};
    members[1] = (struct phi_certlogic_member){phi_view_text("current"), scope->current};
    scope->data = phi_certlogic_value_object(run->arena, members, 2);
    return scope->data == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

/* Where a path begins; gives how many of its steps were used. */
static enum phi_err root_of(struct run *run, const struct phi_certlogic_rule *rule,
                            struct scope *scope, const struct phi_certlogic_value **out,
                            uint32_t *used)
{
    enum phi_err err = PHI_OK;
    *used = 0;
    if (scope->accumulator != NULL && scope->data == NULL && rule->count == 0)
        PHI_GUARD(both_of(run, scope));
    if (scope->accumulator == NULL || rule->count == 0) {
        *out = scope->data;
        goto out;
    }
    *used = 1;
    *out = rule->root == CERTLOGIC_CURRENT       ? scope->current
           : rule->root == CERTLOGIC_ACCUMULATOR ? scope->accumulator
                                                 : &phi_certlogic_null;
out:
    return err;
}

static enum phi_err evaluate_var(struct run *run, const struct phi_certlogic_rule *rule,
                                 struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *at = NULL;
    uint32_t i = 0;
    PHI_GUARD(root_of(run, rule, scope, &at, &i));
    for (; i < rule->count && at->type != PHI_CERTLOGIC_NULL; i++) {
        uint32_t charge = 0;
        if (is_clock(run, at))
            return fail(run, rule, "now is for plusTime alone");
        at = certlogic_step_into(run->arena, at, &rule->of.path[i], &charge);
        PHI_GUARD(at == NULL ? PHI_ERR_MEMORY : PHI_OK);
        if (charge > 0)
            PHI_GUARD(step(run, rule, charge));
    }
    *out = at;
out:
    return err;
}

/* --- truth --- */

static enum phi_err evaluate_truth(struct run *run, const struct phi_certlogic_rule *rule,
                                   const struct phi_certlogic_rule *operand, struct scope *scope,
                                   const struct phi_certlogic_value **out, bool *is_truthy)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(evaluate(run, operand, scope, out));
    if (!certlogic_truth_of(*out, is_truthy))
        err = fail(run, rule, "an operand is neither truthy nor falsy");
out:
    return err;
}

static enum phi_err evaluate_if(struct run *run, const struct phi_certlogic_rule *rule,
                                struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = false;
    PHI_GUARD(evaluate_truth(run, rule, rule->of.operands[0], scope, out, &is_truthy));
    PHI_GUARD(evaluate(run, rule->of.operands[is_truthy ? 1 : 2], scope, out));
out:
    return err;
}

static enum phi_err evaluate_and(struct run *run, const struct phi_certlogic_rule *rule,
                                 struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = true;
    for (uint32_t i = 0; i < rule->count && is_truthy; i++)
        PHI_GUARD(evaluate_truth(run, rule, rule->of.operands[i], scope, out, &is_truthy));
out:
    return err;
}

static enum phi_err evaluate_not(struct run *run, const struct phi_certlogic_rule *rule,
                                 struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    bool is_truthy = false;
    PHI_GUARD(evaluate_truth(run, rule, rule->of.operands[0], scope, out, &is_truthy));
    PHI_GUARD(give_bool(!is_truthy, out));
out:
    return err;
}

/* --- two operands or three --- */

static enum phi_err evaluate_operands(struct run *run, const struct phi_certlogic_rule *rule,
                                      struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    for (uint32_t i = 0; i < rule->count; i++)
        PHI_GUARD(evaluate(run, rule->of.operands[i], scope, &out[i]));
out:
    return err;
}

static enum phi_err evaluate_same(struct run *run, const struct phi_certlogic_rule *rule,
                                  struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *pair[2] = {&phi_certlogic_null, &phi_certlogic_null};
    PHI_GUARD(evaluate_operands(run, rule, scope, pair));
    if (is_clock(run, pair[0]) || is_clock(run, pair[1]))
        return fail(run, rule, "now is for plusTime alone");
    PHI_GUARD(give_bool(certlogic_is_same(pair[0], pair[1]), out));
out:
    return err;
}

static enum phi_err evaluate_in(struct run *run, const struct phi_certlogic_rule *rule,
                                struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *pair[2] = {&phi_certlogic_null, &phi_certlogic_null};
    bool is_in = false;
    PHI_GUARD(evaluate_operands(run, rule, scope, pair));
    if (pair[1]->type != PHI_CERTLOGIC_ARRAY)
        return fail(run, rule, "its right-hand side is not an array");
    PHI_GUARD(step(run, rule, pair[1]->count / 16));
    for (uint32_t i = 0; i < pair[1]->count && !is_in; i++) {
        if (is_clock(run, pair[0]) || is_clock(run, pair[1]->of.items[i]))
            return fail(run, rule, "now is for plusTime alone");
        is_in = certlogic_is_same(pair[0], pair[1]->of.items[i]);
    }
    PHI_GUARD(give_bool(is_in, out));
out:
    return err;
}

static enum phi_err evaluate_plus(struct run *run, const struct phi_certlogic_rule *rule,
                                  struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *pair[2] = {&phi_certlogic_null, &phi_certlogic_null};
    PHI_GUARD(evaluate_operands(run, rule, scope, pair));
    if (!certlogic_is_integer(pair[0]) || !certlogic_is_integer(pair[1]))
        return fail(run, rule, "an operand is not an integer");
    PHI_GUARD(
        give(phi_certlogic_value_number(run->arena, pair[0]->of.number + pair[1]->of.number), out));
out:
    return err;
}

static enum phi_err compare_numbers(struct run *run, const struct phi_certlogic_rule *rule,
                                    struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *at[3] = {&phi_certlogic_null, &phi_certlogic_null,
                                               &phi_certlogic_null};
    enum certlogic_relation relation = (enum certlogic_relation)(rule->op - CERTLOGIC_LESS);
    PHI_GUARD(evaluate_operands(run, rule, scope, at));
    for (uint32_t i = 0; i < rule->count; i++)
        if (!certlogic_is_integer(at[i]))
            return fail(run, rule, "an operand is not an integer");
    PHI_GUARD(give_bool(
        certlogic_holds(relation, at[0]->of.number, at[1]->of.number) &&
            (rule->count == 2 || certlogic_holds(relation, at[1]->of.number, at[2]->of.number)),
        out));
out:
    return err;
}

static bool holds_between(struct run *run, const struct phi_certlogic_value *a,
                          enum certlogic_relation relation, const struct phi_certlogic_value *b)
{
    int64_t now_ms = run->now == NULL ? 0 : run->now->ms;
    if (a->when != PHI_CERTLOGIC_WHEN_MS || b->when != PHI_CERTLOGIC_WHEN_MS)
        return false;
    return certlogic_compare_times(a, relation, b, now_ms, &run->until_ms);
}

static enum phi_err compare_times(struct run *run, const struct phi_certlogic_rule *rule,
                                  struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *at[3] = {&phi_certlogic_null, &phi_certlogic_null,
                                               &phi_certlogic_null};
    enum certlogic_relation relation = (enum certlogic_relation)(rule->op - CERTLOGIC_BEFORE);
    PHI_GUARD(evaluate_operands(run, rule, scope, at));
    for (uint32_t i = 0; i < rule->count; i++)
        if (at[i]->type != PHI_CERTLOGIC_TIME)
            return fail(run, rule, "an operand is not a time");
    /* as long as the first pair doesn't hold, the second one's turns change nothing */
    PHI_GUARD(give_bool(holds_between(run, at[0], relation, at[1]) &&
                            (rule->count == 2 || holds_between(run, at[1], relation, at[2])),
                        out));
out:
    return err;
}

/* --- times --- */

static enum phi_certlogic_when when_of(const struct phi_certlogic_value *text, int64_t *ms)
{
    struct phi_certlogic_value *own = (struct phi_certlogic_value *)(uintptr_t)text;
    if (own->when == PHI_CERTLOGIC_WHEN_UNKNOWN)
        own->when = (uint8_t)phi_certlogic_time_parse(phi_view_of(text->of.text, text->count), true,
                                                      &own->ms);
    *ms = own->ms;
    return (enum phi_certlogic_when)own->when;
}

static struct phi_certlogic_value *new_time(struct run *run, enum phi_certlogic_when when,
                                            int64_t ms)
{
    struct phi_certlogic_value *time = phi_arena_alloc(run->arena, sizeof(*time));
    if (time != NULL)
        *time = (struct phi_certlogic_value){
            .type = PHI_CERTLOGIC_TIME, .when = (uint8_t)when, .ms = ms};
    return time;
}

static enum phi_err evaluate_plus_time(struct run *run, const struct phi_certlogic_rule *rule,
                                       struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *start = &phi_certlogic_null;
    int64_t ms = 0;
    PHI_GUARD(evaluate(run, rule->of.operands[0], scope, &start));
    if (start->type != PHI_CERTLOGIC_TEXT)
        return fail(run, rule, "not a date or a time");
    enum phi_certlogic_when when = when_of(start, &ms);
    if (when == PHI_CERTLOGIC_WHEN_NONE)
        return fail(run, rule, "not a date or a time");
    if (when == PHI_CERTLOGIC_WHEN_MS &&
        !phi_certlogic_time_plus(ms, rule->number, (enum phi_certlogic_unit)rule->unit, &ms))
        when = PHI_CERTLOGIC_WHEN_INVALID;
    struct phi_certlogic_value *time = new_time(run, when, ms);
    PHI_GUARD(time == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (is_clock(run, start) && when == PHI_CERTLOGIC_WHEN_MS) {
        time->is_now = true;
        time->unit = rule->unit;
        time->of.amount = (int64_t)rule->number;
    }
    *out = time;
out:
    return err;
}

static enum phi_err evaluate_birth(struct run *run, const struct phi_certlogic_rule *rule,
                                   struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *text = &phi_certlogic_null;
    int64_t ms = 0;
    PHI_GUARD(evaluate(run, rule->of.operands[0], scope, &text));
    if (text->type != PHI_CERTLOGIC_TEXT)
        return fail(run, rule, "its operand is not a text");
    enum phi_certlogic_when when =
        phi_certlogic_birth_parse(phi_view_of(text->of.text, text->count), &ms);
    if (when == PHI_CERTLOGIC_WHEN_NONE)
        return fail(run, rule, "not a date of birth");
    PHI_GUARD(give(new_time(run, when, ms), out));
out:
    return err;
}

/* --- extractFromUVCI --- */

static bool is_separator(char c)
{
    return c == '/' || c == '#' || c == ':';
}

static bool fragment_of(struct phi_view uvci, double index, struct phi_view *out)
{
    static const char prefix[] = "URN:UVCI:";
    const char *at = (const char *)uvci.data, *end = at + uvci.len;
    if (uvci.len >= sizeof(prefix) - 1 && memcmp(at, prefix, sizeof(prefix) - 1) == 0)
        at += sizeof(prefix) - 1;
    for (uint32_t i = 0; (double)i <= index; i++) {
        size_t len = 0;
        while (at + len < end && !is_separator(at[len]))
            len++;
        *out = phi_view_of(at, len);
        if ((double)i == index)
            return true;
        if (at + len == end)
            return false;
        at += len + 1;
    }
    return false;
}

static enum phi_err evaluate_uvci(struct run *run, const struct phi_certlogic_rule *rule,
                                  struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *text = &phi_certlogic_null;
    struct phi_view fragment;
    PHI_GUARD(evaluate(run, rule->of.operands[0], scope, &text));
    if (is_clock(run, text))
        return fail(run, rule, "now is for plusTime alone");
    if (text->type != PHI_CERTLOGIC_TEXT && text->type != PHI_CERTLOGIC_NULL)
        return fail(run, rule, "its operand is neither a text nor null");
    *out = &phi_certlogic_null;
    if (text->type == PHI_CERTLOGIC_NULL)
        goto out;
    PHI_GUARD(step(run, rule, text->count / 16));
    if (fragment_of(phi_view_of(text->of.text, text->count), rule->number, &fragment))
        PHI_GUARD(give(phi_certlogic_value_text(run->arena, fragment), out));
out:
    return err;
}

/* --- reduce --- */

static enum phi_err evaluate_reduce(struct run *run, const struct phi_certlogic_rule *rule,
                                    struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value *array = &phi_certlogic_null, *accumulator = NULL;
    PHI_GUARD(evaluate(run, rule->of.operands[0], scope, &array));
    if (array->type != PHI_CERTLOGIC_ARRAY && array->type != PHI_CERTLOGIC_NULL)
        return fail(run, rule, "its operand is not an array");
    PHI_GUARD(evaluate(run, rule->of.operands[2], scope, &accumulator));
    for (uint32_t i = 0; array->type == PHI_CERTLOGIC_ARRAY && i < array->count; i++) {
        struct scope inner = {.accumulator = accumulator, .current = array->of.items[i]};
        PHI_GUARD(evaluate(run, rule->of.operands[1], &inner, &accumulator));
    }
    *out = accumulator;
out:
    return err;
}

static enum phi_err evaluate_array(struct run *run, const struct phi_certlogic_rule *rule,
                                   struct scope *scope, const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value **items =
        phi_arena_alloc(run->arena, rule->count * sizeof(*items));
    PHI_GUARD(items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(evaluate_operands(run, rule, scope, items));
    PHI_GUARD(give(phi_certlogic_value_array(run->arena, items, rule->count), out));
out:
    return err;
}

static enum phi_err evaluate(struct run *run, const struct phi_certlogic_rule *rule,
                             struct scope *scope, const struct phi_certlogic_value **out)
{
    if (++run->steps > PHI_CERTLOGIC_STEPS_MAX)
        return fail(run, rule, "too many steps");
    switch (rule->op) {
    case CERTLOGIC_LITERAL:
        *out = rule->of.literal;
        return PHI_OK;
    case CERTLOGIC_VAR:
        return evaluate_var(run, rule, scope, out);
    case CERTLOGIC_ARRAY:
        return evaluate_array(run, rule, scope, out);
    case CERTLOGIC_IF:
        return evaluate_if(run, rule, scope, out);
    case CERTLOGIC_AND:
        return evaluate_and(run, rule, scope, out);
    case CERTLOGIC_NOT:
        return evaluate_not(run, rule, scope, out);
    case CERTLOGIC_SAME:
        return evaluate_same(run, rule, scope, out);
    case CERTLOGIC_IN:
        return evaluate_in(run, rule, scope, out);
    case CERTLOGIC_PLUS:
        return evaluate_plus(run, rule, scope, out);
    case CERTLOGIC_LESS:
    case CERTLOGIC_GREATER:
    case CERTLOGIC_LESS_EQUAL:
    case CERTLOGIC_GREATER_EQUAL:
        return compare_numbers(run, rule, scope, out);
    case CERTLOGIC_BEFORE:
    case CERTLOGIC_AFTER:
    case CERTLOGIC_NOT_AFTER:
    case CERTLOGIC_NOT_BEFORE:
        return compare_times(run, rule, scope, out);
    case CERTLOGIC_PLUS_TIME:
        return evaluate_plus_time(run, rule, scope, out);
    case CERTLOGIC_REDUCE:
        return evaluate_reduce(run, rule, scope, out);
    case CERTLOGIC_UVCI:
        return evaluate_uvci(run, rule, scope, out);
    case CERTLOGIC_BIRTH:
        return evaluate_birth(run, rule, scope, out);
    default:
        return fail(run, rule, rule->of.why);
    }
}

enum phi_err phi_certlogic_evaluate(const struct phi_certlogic_rule *rule,
                                    const struct phi_certlogic_value *data,
                                    const struct phi_certlogic_value *now, struct phi_arena *arena,
                                    struct phi_certlogic_outcome *out, struct phi_error *error)
{
    struct run run = {.arena = arena, .now = now, .until_ms = PHI_CERTLOGIC_NEVER, .error = error};
    struct scope scope = {.data = data};
    enum phi_err err = evaluate(&run, rule, &scope, &out->value);
    out->until_ms = run.until_ms;
    return err;
}
