/* Small files that a program reads at its start: policies, rules, lists.
 *
 *   PHI_GUARD(phi_file_read(path, 64 * 1024, arena, &bytes));
 */
#ifndef PHI_BASE_FILE_H
#define PHI_BASE_FILE_H

#include "base/arena.h"

/* The whole file, the bytes are the arena's. PHI_ERR_IO when it can't be read or is longer than
 * `max_bytes`; PHI_ERR_MEMORY when the arena has no room for max_bytes + 1. Blocks on the disk. */
enum phi_err phi_file_read(const char *path, size_t max_bytes, struct phi_arena *arena,
                           struct phi_view *out) PHI_MUST_USE;

#endif
