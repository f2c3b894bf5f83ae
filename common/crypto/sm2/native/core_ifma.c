/* The curve for x86-64 with AVX-512 IFMA: eight lanes for eight rows or for one. Tables are made as
 * core_adx.c makes them; the compiler's options for this file say what it may use. */
#include "crypto/sm2/native/eight_multiply.h"

static bool is_here(void)
{
    return phi_sm2_core_adx.is_here() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512ifma");
}

const struct phi_sm2_core phi_sm2_core_ifma = {.name = "ifma",
                                               .is_here = is_here,
                                               .ready = wide_build,
                                               .build = table_build,
                                               .multiply = eights_multiply,
                                               .check = eights_check};
