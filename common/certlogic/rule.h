/* Inside CertLogic only: a rule's compiled form. */
#ifndef PHI_CERTLOGIC_RULE_H
#define PHI_CERTLOGIC_RULE_H

#include "certlogic/certlogic.h"

enum certlogic_op {
    CERTLOGIC_BAD, /* malformed: an error once it is evaluated */
    CERTLOGIC_LITERAL,
    CERTLOGIC_VAR,
    CERTLOGIC_ARRAY,
    CERTLOGIC_IF,
    CERTLOGIC_AND,
    CERTLOGIC_NOT,
    CERTLOGIC_SAME,
    CERTLOGIC_IN,
    CERTLOGIC_PLUS,
    CERTLOGIC_LESS, /* of integers; in this order … */
    CERTLOGIC_GREATER,
    CERTLOGIC_LESS_EQUAL,
    CERTLOGIC_GREATER_EQUAL,
    CERTLOGIC_BEFORE, /* … of times; the same order */
    CERTLOGIC_AFTER,
    CERTLOGIC_NOT_AFTER,
    CERTLOGIC_NOT_BEFORE,
    CERTLOGIC_PLUS_TIME,
    CERTLOGIC_REDUCE,
    CERTLOGIC_UVCI,
    CERTLOGIC_BIRTH
};

enum certlogic_relation {
    CERTLOGIC_IS_LESS,
    CERTLOGIC_IS_GREATER,
    CERTLOGIC_IS_LESS_EQUAL,
    CERTLOGIC_IS_GREATER_EQUAL
};

/* One step of a path: what to look for in an object, in an array, and in a text. */
struct certlogic_step {
    struct phi_view key;
    bool is_length;
    bool has_index;
    int64_t index;
};

enum certlogic_root { CERTLOGIC_OTHER, CERTLOGIC_CURRENT, CERTLOGIC_ACCUMULATOR };

struct phi_certlogic_rule {
    uint8_t op;
    uint8_t unit;   /* plusTime's */
    uint8_t root;   /* a var's first step, inside of reduce */
    uint32_t count; /* operands, or steps of a path */
    const char *name;
    union {
        const struct phi_certlogic_rule *const *operands;
        const struct phi_certlogic_value *literal;
        const struct certlogic_step *path;
        const char *why; /* it is malformed */
    } of;
    double number; /* plusTime's amount, extractFromUVCI's index */
};

/* access.c: "a.b.0" → steps. PHI_ERR_MEMORY. */
enum phi_err certlogic_path_parse(struct phi_arena *arena, struct phi_view path,
                                  struct phi_certlogic_rule *out) PHI_MUST_USE;
/* One step into a value; what isn't there is null, and so is all that JavaScript's prototypes have.
 * NULL: the arena is full. `charge` is raised by what the looking cost beyond one step. */
const struct phi_certlogic_value *certlogic_step_into(struct phi_arena *arena,
                                                      const struct phi_certlogic_value *from,
                                                      const struct certlogic_step *step,
                                                      uint32_t *charge);

/* As === has it: arrays, objects and times by which they are, the others by what they are. */
bool certlogic_is_same(const struct phi_certlogic_value *a, const struct phi_certlogic_value *b);
bool certlogic_is_integer(const struct phi_certlogic_value *value);
/* False for what is neither truthy nor falsy. */
bool certlogic_truth_of(const struct phi_certlogic_value *value, bool *is_truthy);

/* flip.c: whether the relation holds; brings *until_ms forward to when it holds no longer, or does.
 * Both are times, not invalid. */
bool certlogic_compare_times(const struct phi_certlogic_value *a, enum certlogic_relation relation,
                             const struct phi_certlogic_value *b, int64_t now_ms,
                             int64_t *until_ms);
bool certlogic_holds(enum certlogic_relation relation, double a, double b);

#endif
