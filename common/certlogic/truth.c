#include "certlogic/rule.h"

#include <math.h>
#include <string.h>

bool certlogic_is_integer(const struct phi_certlogic_value *value)
{
    return value->type == PHI_CERTLOGIC_NUMBER && isfinite(value->of.number) &&
           value->of.number == floor(value->of.number);
}

/* The reference asks an object for its toString, and stumbles over a member of that name. */
static bool is_plain(const struct phi_certlogic_value *object)
{
    for (size_t i = 0; i < object->count; i++)
        if (phi_view_equal(object->of.members[i].key, phi_view_text("toString")))
            return false;
    return true;
}

bool certlogic_truth_of(const struct phi_certlogic_value *value, bool *is_truthy)
{
    switch (value->type) {
    case PHI_CERTLOGIC_NULL:
        *is_truthy = false;
        return true;
    case PHI_CERTLOGIC_NUMBER:
        *is_truthy = value->of.number != 0;
        return true;
    case PHI_CERTLOGIC_OBJECT:
        *is_truthy = value->count > 0;
        return is_plain(value);
    case PHI_CERTLOGIC_TIME:
        return false;
    default:
        *is_truthy = value->count > 0;
        return true;
    }
}

bool certlogic_is_same(const struct phi_certlogic_value *a, const struct phi_certlogic_value *b)
{
    if (a == b)
        return true;
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case PHI_CERTLOGIC_NULL:
        return true;
    case PHI_CERTLOGIC_BOOL:
        return a->count == b->count;
    case PHI_CERTLOGIC_NUMBER:
        return a->of.number == b->of.number;
    case PHI_CERTLOGIC_TEXT:
        return a->count == b->count &&
               (a->count == 0 || memcmp(a->of.text, b->of.text, a->count) == 0);
    default:
        return false;
    }
}

enum phi_err phi_certlogic_truth(const struct phi_certlogic_value *value, bool *is_truthy,
                                 struct phi_error *error)
{
    bool found = false;
    if (!certlogic_truth_of(value, &found))
        return phi_error_set(error, PHI_ERR_RULE, "rule", "its result is neither truthy nor falsy");
    *is_truthy = found;
    return PHI_OK;
}
