/* What the readers of this room share; nobody else includes it. */
#ifndef PHI_JSON_INTERNAL_H
#define PHI_JSON_INTERNAL_H

#include "json/json.h"

/* Fills `error` with the place itself and a formatted reason, which must not hold the value. */
enum phi_err phi_json_fail(const struct phi_json_at *at, enum phi_err code, struct phi_error *error,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
