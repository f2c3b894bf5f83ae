/* Inside CertLogic only: a value on its way, and a step into it by a path. */
#ifndef SVC_DIRECTORY_CERTLOGIC_VALUE_H
#define SVC_DIRECTORY_CERTLOGIC_VALUE_H

#include "base/bytes.h"
#include "certlogic/certlogic.h"

/* A time, or else JSON whose reference this owns. */
struct certlogic_value {
    bool is_time;
    int64_t ms;
    json_t *json;
};

void certlogic_value_drop(struct certlogic_value *value);
struct certlogic_value certlogic_value_of(json_t *json);           /* takes the reference */
struct certlogic_value certlogic_value_borrow(const json_t *json); /* takes one of its own */

/* As JavaScript's Number.isInteger, within 2^53. */
bool certlogic_is_int(const struct certlogic_value *value, int64_t *out);
/* False for what is neither truthy nor falsy: times, numbers with a fraction. */
bool certlogic_truth_of(const struct certlogic_value *value, bool *is_truthy);
bool certlogic_is_same(const struct certlogic_value *a, const struct certlogic_value *b);

/* One step into a value; what isn't there is null. Takes the reference and gives one. */
json_t *certlogic_descend(json_t *from, struct phi_view fragment);
/* The fragment a path begins with; moves the path past it. */
struct phi_view certlogic_next_fragment(const char **path);

#endif
