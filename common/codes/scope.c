#include "codes/scope.h"

static const char *const names[] = {
#define PHI_ROW(symbol, number, name) [number] = (name),
    PHI_SCOPE_TABLE(PHI_ROW)
#undef PHI_ROW
};

#define NAMES_COUNT (sizeof(names) / sizeof(names[0]))

const char *phi_scope_name(enum phi_scope scope)
{
    return (size_t)scope < NAMES_COUNT ? names[scope] : names[PHI_SCOPE_PASS];
}

enum phi_err phi_scope_parse(struct phi_view name, enum phi_scope *out)
{
    for (size_t i = 0; i < NAMES_COUNT; i++) {
        if (phi_view_equal(name, phi_view_text(names[i]))) {
            *out = (enum phi_scope)i;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}

enum phi_scope phi_scope_least(enum phi_scope a, enum phi_scope b)
{
    return a < b ? a : b;
}
