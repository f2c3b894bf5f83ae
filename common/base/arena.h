/* An arena: all memory of one request or message, bounded at creation, dropped (and wiped) at once.
 * One thread at a time.
 *
 *   struct phi_arena *arena = phi_arena_new(256 * 1024);
 *   char *copy = phi_arena_text(arena, view);
 *   phi_arena_free(arena);
 */
#ifndef PHI_BASE_ARENA_H
#define PHI_BASE_ARENA_H

#include "base/bytes.h"

struct phi_arena;

struct phi_arena *phi_arena_new(size_t max_bytes); /* NULL when out of memory; the caller frees */
void phi_arena_free(struct phi_arena *arena);      /* wipes; NULL is fine */

/* All give NULL past the bound or out of memory; the memory is the arena's, aligned for any type.
 */
void *phi_arena_alloc(struct phi_arena *arena, size_t len); /* zeroed */
void *phi_arena_copy(struct phi_arena *arena, const void *data, size_t len);
char *phi_arena_text(struct phi_arena *arena, struct phi_view text); /* adds the ending zero */
char *phi_arena_printf(struct phi_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct phi_view phi_arena_view(struct phi_arena *arena,
                               struct phi_view view); /* empty on failure */

/* Calls `drop(object)` when the arena goes, last registered first: for a json_t or the like. On
 * PHI_ERR_MEMORY the object is still the caller's. */
enum phi_err phi_arena_on_free(struct phi_arena *arena, void (*drop)(void *),
                               void *object) PHI_MUST_USE;

#endif
