/* What a rule file is refused for before anybody is graded by it: operations and operands that can
 * never be right, and costs that could pass the bound. It asks which types an operand can have. */
#include "certlogic/rule.h"

#include <stdio.h>
#include <string.h>

#define PLACE_MAX 200

enum types {
    NULLS = 1u << PHI_CERTLOGIC_NULL,
    BOOLS = 1u << PHI_CERTLOGIC_BOOL,
    NUMBERS = 1u << PHI_CERTLOGIC_NUMBER,
    TEXTS = 1u << PHI_CERTLOGIC_TEXT,
    ARRAYS = 1u << PHI_CERTLOGIC_ARRAY,
    OBJECTS = 1u << PHI_CERTLOGIC_OBJECT,
    TIMES = 1u << PHI_CERTLOGIC_TIME,
    ANY = NULLS | BOOLS | NUMBERS | TEXTS | ARRAYS | OBJECTS | TIMES
};

struct check {
    char place[PLACE_MAX];
    struct phi_error *error;
};

/* What is known of an expression. */
struct kind {
    unsigned types;
    uint64_t cost; /* steps at most */
};

static enum phi_err check(struct check *c, const struct phi_certlogic_rule *rule, struct kind *out);

static enum phi_err refuse(struct check *c, const char *why)
{
    (void)phi_error_set(c->error, PHI_ERR_RULE, c->place, "%s", why);
    return PHI_ERR_RULE;
}

static enum phi_err check_operand(struct check *c, const struct phi_certlogic_rule *rule,
                                  uint32_t i, unsigned wanted, struct kind *out)
{
    enum phi_err err = PHI_OK;
    size_t len = strlen(c->place);
    bool is_array = rule->op == CERTLOGIC_ARRAY;
    snprintf(c->place + len, sizeof(c->place) - len, "%s%s[%u]", is_array ? "" : ".",
             is_array ? "" : rule->name, (unsigned)i);
    PHI_GUARD(check(c, rule->of.operands[i], out));
    if ((out->types & wanted) == 0)
        PHI_GUARD(refuse(c, wanted == TIMES     ? "can't be a time"
                            : wanted == NUMBERS ? "can't be an integer"
                            : wanted == TEXTS   ? "can't be a text"
                            : (wanted & ARRAYS) != 0 && (wanted & BOOLS) == 0
                                ? "can't be an array"
                                : "can't be truthy or falsy"));
    c->place[len] = '\0';
out:
    return err;
}

/* All operands of one kind; adds their costs and joins their types. */
static enum phi_err check_each(struct check *c, const struct phi_certlogic_rule *rule,
                               unsigned wanted, struct kind *out)
{
    enum phi_err err = PHI_OK;
    *out = (struct kind){.cost = 1};
    for (uint32_t i = 0; i < rule->count; i++) {
        struct kind operand;
        PHI_GUARD(check_operand(c, rule, i, wanted, &operand));
        out->types |= operand.types;
        out->cost += operand.cost;
    }
out:
    return err;
}

static bool is_now(const struct phi_certlogic_rule *rule)
{
    return rule->op == CERTLOGIC_VAR && rule->count > 0 &&
           phi_view_equal(rule->of.path[rule->count - 1].key, phi_view_text("now"));
}

static enum phi_err check_literal_time(struct check *c, const struct phi_certlogic_rule *rule)
{
    const struct phi_certlogic_rule *operand = rule->of.operands[0];
    bool is_text =
        operand->op == CERTLOGIC_LITERAL && operand->of.literal->type == PHI_CERTLOGIC_TEXT;
    if (is_text && operand->of.literal->when != PHI_CERTLOGIC_WHEN_MS)
        return refuse(c, "its text is not a date or a time");
    return PHI_OK;
}

static enum phi_err check_plus_time(struct check *c, const struct phi_certlogic_rule *rule,
                                    struct kind *out)
{
    enum phi_err err = PHI_OK;
    if (is_now(rule->of.operands[0])) {
        *out = (struct kind){.types = TIMES, .cost = 2};
        return PHI_OK;
    }
    PHI_GUARD(check_each(c, rule, TEXTS, out));
    PHI_GUARD(check_literal_time(c, rule));
    out->types = TIMES;
out:
    return err;
}

static enum phi_err check_if(struct check *c, const struct phi_certlogic_rule *rule,
                             struct kind *out)
{
    enum phi_err err = PHI_OK;
    struct kind guard, yes, no;
    PHI_GUARD(check_operand(c, rule, 0, ANY & ~TIMES, &guard));
    PHI_GUARD(check_operand(c, rule, 1, ANY, &yes));
    PHI_GUARD(check_operand(c, rule, 2, ANY, &no));
    *out = (struct kind){.types = yes.types | no.types,
                         .cost = 1 + guard.cost + (yes.cost > no.cost ? yes.cost : no.cost)};
out:
    return err;
}

static enum phi_err check_in(struct check *c, const struct phi_certlogic_rule *rule,
                             struct kind *out)
{
    enum phi_err err = PHI_OK;
    struct kind needle, array;
    PHI_GUARD(check_operand(c, rule, 0, ANY, &needle));
    PHI_GUARD(check_operand(c, rule, 1, ARRAYS, &array));
    *out = (struct kind){.types = BOOLS,
                         .cost = 1 + needle.cost + array.cost + PHI_CERTLOGIC_FACTS_MAX / 16};
out:
    return err;
}

/* How many items an array can have: a literal one's own, else as many as there may be facts. */
static uint64_t items_max(const struct phi_certlogic_rule *array)
{
    return array->op == CERTLOGIC_LITERAL ? array->of.literal->count : PHI_CERTLOGIC_FACTS_MAX;
}

static enum phi_err check_reduce(struct check *c, const struct phi_certlogic_rule *rule,
                                 struct kind *out)
{
    enum phi_err err = PHI_OK;
    struct kind array, lambda, initial;
    PHI_GUARD(check_operand(c, rule, 0, ARRAYS | NULLS, &array));
    PHI_GUARD(check_operand(c, rule, 1, ANY, &lambda));
    PHI_GUARD(check_operand(c, rule, 2, ANY, &initial));
    *out = (struct kind){.types = lambda.types | initial.types,
                         .cost = 1 + array.cost + initial.cost +
                                 items_max(rule->of.operands[0]) * lambda.cost};
    if (out->cost > PHI_CERTLOGIC_STEPS_MAX)
        PHI_GUARD(refuse(c, "could need more steps than there are"));
out:
    return err;
}

static enum phi_err check_var(struct check *c, const struct phi_certlogic_rule *rule,
                              struct kind *out)
{
    *out = (struct kind){.types = ANY, .cost = 1};
    return is_now(rule) ? refuse(c, "now is for plusTime alone") : PHI_OK;
}

/* Those whose operands are all of one kind. */
static enum phi_err check_plain(struct check *c, const struct phi_certlogic_rule *rule,
                                struct kind *out)
{
    static const struct {
        unsigned wanted;
        unsigned gives; /* 0: what its operands are */
    } rows[] = {
        [CERTLOGIC_ARRAY] = {ANY, ARRAYS},
        [CERTLOGIC_AND] = {ANY & ~TIMES, 0},
        [CERTLOGIC_NOT] = {ANY & ~TIMES, BOOLS},
        [CERTLOGIC_SAME] = {ANY, BOOLS},
        [CERTLOGIC_PLUS] = {NUMBERS, NUMBERS},
        [CERTLOGIC_LESS] = {NUMBERS, BOOLS},
        [CERTLOGIC_GREATER] = {NUMBERS, BOOLS},
        [CERTLOGIC_LESS_EQUAL] = {NUMBERS, BOOLS},
        [CERTLOGIC_GREATER_EQUAL] = {NUMBERS, BOOLS},
        [CERTLOGIC_BEFORE] = {TIMES, BOOLS},
        [CERTLOGIC_AFTER] = {TIMES, BOOLS},
        [CERTLOGIC_NOT_AFTER] = {TIMES, BOOLS},
        [CERTLOGIC_NOT_BEFORE] = {TIMES, BOOLS},
        [CERTLOGIC_UVCI] = {TEXTS | NULLS, TEXTS | NULLS},
        [CERTLOGIC_BIRTH] = {TEXTS, TIMES},
    };
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_each(c, rule, rows[rule->op].wanted, out));
    if (rows[rule->op].gives != 0)
        out->types = rows[rule->op].gives;
out:
    return err;
}

static enum phi_err check(struct check *c, const struct phi_certlogic_rule *rule, struct kind *out)
{
    switch (rule->op) {
    case CERTLOGIC_BAD:
        return refuse(c, rule->of.why);
    case CERTLOGIC_LITERAL:
        *out = (struct kind){.types = 1u << rule->of.literal->type, .cost = 1};
        return PHI_OK;
    case CERTLOGIC_VAR:
        return check_var(c, rule, out);
    case CERTLOGIC_IF:
        return check_if(c, rule, out);
    case CERTLOGIC_IN:
        return check_in(c, rule, out);
    case CERTLOGIC_PLUS_TIME:
        return check_plus_time(c, rule, out);
    case CERTLOGIC_REDUCE:
        return check_reduce(c, rule, out);
    default:
        return check_plain(c, rule, out);
    }
}

enum phi_err phi_certlogic_check(const struct phi_certlogic_rule *rule, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct check c = {.error = error};
    struct kind kind;
    PHI_GUARD(check(&c, rule, &kind));
    if (kind.types == TIMES)
        PHI_GUARD(refuse(&c, "its result is neither truthy nor falsy"));
    if (kind.cost > PHI_CERTLOGIC_STEPS_MAX)
        PHI_GUARD(refuse(&c, "could need more steps than there are"));
out:
    return err;
}
