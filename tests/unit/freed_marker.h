/* Tells whether memory was wiped before it was given back: link with -Wl,--wrap=free and include
 * this in the test's only source. Blocks that still hold phi_marker when they are freed are
 * counted.
 *
 *   phi_marked_frees = 0; … ; assert_int_equal(phi_marked_frees, 0);
 */
#ifndef PHI_TESTS_UNIT_FREED_MARKER_H
#define PHI_TESTS_UNIT_FREED_MARKER_H

#include <malloc.h>
#include <string.h>

static const char phi_marker[] = "4dc0ffee-marker";
static size_t phi_marked_frees;

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
    if (memory != NULL &&
        memmem(memory, malloc_usable_size(memory), phi_marker, sizeof(phi_marker) - 1) != NULL)
        phi_marked_frees++;
    __real_free(memory);
}

#endif
