/* What the fuzz targets share. A target is one function; libFuzzer calls it with bytes of its own
 * (PHI_FUZZ=ON), and replay.c with the files of the corpus in the normal run.
 *
 *   int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
 *   {
 *       fuzz_expect(decode(phi_view_of(data, len)) != PHI_OK || …);
 *       return 0;
 *   }
 *
 * A property that doesn't hold is a crash, in every build.
 */
#ifndef PHI_TESTS_FUZZ_FUZZ_H
#define PHI_TESTS_FUZZ_FUZZ_H

#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static inline void fuzz_expect(bool holds)
{
    if (!holds)
        abort();
}

/* The arena of one input; stops the process when there is no memory. */
static inline struct phi_arena *fuzz_arena(size_t max_bytes)
{
    struct phi_arena *arena = phi_arena_new(max_bytes);
    fuzz_expect(arena != NULL);
    return arena;
}

/* Cuts `rest` at its first `mark`; what stands before it is given, all of it without one. */
static inline struct phi_view fuzz_cut(struct phi_view *rest, uint8_t mark)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, mark, rest->len) : NULL;
    size_t len = at != NULL ? (size_t)(at - rest->data) : rest->len;
    struct phi_view first = phi_view_of(rest->data, len);
    size_t past = at != NULL ? len + 1 : len;
    *rest =
        past < rest->len ? phi_view_of(rest->data + past, rest->len - past) : phi_view_of(NULL, 0);
    return first;
}

#endif
