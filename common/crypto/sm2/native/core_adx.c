/* The curve for x86-64 with BMI2, ADX and AVX2; the compiler's options for this file say so. */
#include "crypto/sm2/native/core_body.h"

#include <cpuid.h>

#define LEAF7_EBX_BMI2 (1u << 8)
#define LEAF7_EBX_ADX  (1u << 19)

static bool is_here(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    const unsigned needed = LEAF7_EBX_BMI2 | LEAF7_EBX_ADX;
    return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & needed) == needed;
}

const struct phi_sm2_core phi_sm2_core_adx = {
    .name = "adx", .is_here = is_here, .build = table_build, .multiply = multiply, .check = check};
