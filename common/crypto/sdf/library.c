#include "crypto/sdf/device.h"

#include <dlfcn.h>
#include <string.h>

struct function {
    const char *symbol;
    size_t at;
};

static const struct function functions[] = {
#define GMT0018_FUNCTION(name, symbol, parameters) {#symbol, offsetof(struct gmt0018, name)},
    GMT0018_FUNCTIONS
#undef GMT0018_FUNCTION
};

enum phi_err phi_sdf_library_open(const char *path, void **library, struct gmt0018 *api,
                                  struct phi_error *error)
{
    void *opened = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!opened)
        return phi_error_set(error, PHI_ERR_CONFIG, "library", "can't be loaded");
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(opened, functions[i].symbol);
        if (!found) {
            (void)phi_error_set(error, PHI_ERR_CONFIG, "library", "has no %s", functions[i].symbol);
            (void)dlclose(opened);
            return PHI_ERR_CONFIG;
        }
        /* POSIX lets a function stand in a void *, ISO C has no cast for it */
        memcpy((char *)api + functions[i].at, &found, sizeof(found));
    }
    *library = opened;
    return PHI_OK;
}
