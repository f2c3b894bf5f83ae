/* Fails one allocation of the program under test: link with -Wl,--wrap=malloc,--wrap=calloc and
 * include this in the test's only source. phi_fail_alloc(n) makes the n-th from now (1 is the next)
 * give NULL; phi_alloc_has_failed() says whether it came to that.
 *
 *   for (size_t n = 1;; n++) { phi_fail_alloc(n); … if (!phi_alloc_has_failed()) break; … }
 */
#ifndef PHI_TESTS_UNIT_FAILING_ALLOC_H
#define PHI_TESTS_UNIT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static size_t allocs_until_failure;
static bool alloc_failed;

static inline void phi_fail_alloc(size_t nth)
{
    allocs_until_failure = nth;
    alloc_failed = false;
}

/* Also ends the waiting for one. */
static inline bool phi_alloc_has_failed(void)
{
    allocs_until_failure = 0;
    return alloc_failed;
}

static bool must_fail(void)
{
    if (allocs_until_failure == 0 || --allocs_until_failure > 0)
        return false;
    alloc_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

#endif
