/* A run of a test for each form of SM4 that this machine has; the others are named aloud.
 *
 *   SM4_EACH_CORE(core) { … }
 */
#ifndef PHI_TESTS_UNIT_SM4_KIT_H
#define PHI_TESTS_UNIT_SM4_KIT_H

#include "crypto/sm4/core.h"

static const char *const sm4_cores[] = {"plain", "aes", "gfni"};

#define SM4_EACH_CORE(name)                                                                        \
    for (size_t name##_i = 0; name##_i < sizeof(sm4_cores) / sizeof(sm4_cores[0]); name##_i++)     \
        for (const char *name = sm4_core(sm4_cores[name##_i]); name; name = NULL)

static inline const char *sm4_core(const char *name)
{
    const bool is_here = phi_sm4_core_use(name);
    print_message("    %s%s\n", name, is_here ? "" : ": SKIPPED, not on this machine");
    return is_here ? name : NULL;
}

#endif
