/* The curve in plain C, for any processor with 64-bit words. */
#include "crypto/sm2/native/core_body.h"

static bool is_here(void)
{
    return true;
}

const struct phi_sm2_core phi_sm2_core_plain = {.name = "plain",
                                                .is_here = is_here,
                                                .build = table_build,
                                                .multiply = multiply,
                                                .check = check};
