/* What table-driven tests share: a check that names the case that failed.
 *
 *   for (size_t i = 0; i < PHI_COUNT(cases); i++)
 *       phi_check(cases[i].name, f(cases[i].in) == cases[i].out);
 */
#ifndef PHI_TESTS_UNIT_CASE_H
#define PHI_TESTS_UNIT_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PHI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define phi_check(case_name, condition)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("case \"%s\": %s", (case_name), #condition);                                  \
    } while (0)

#endif
