/* Masked identity (脱敏), the form in which a name and a number may be shown.
 *
 *   PHI_GUARD(phi_mask_name(name, arena, &shown));      // 张小三 → 张*三, 张三 → 张*
 *   PHI_GUARD(phi_mask_id_no(id_no, arena, &shown));    // 320102…1234 → 3201**********1234
 *
 * Results are the arena's. Any thread; nothing blocks.
 */
#ifndef PHI_CODES_MASK_H
#define PHI_CODES_MASK_H

#include "base/arena.h"

/* First character, a star for each between (at most 8), last character; two characters keep the
 * first. Errors: PHI_ERR_FIELD_VALUE (empty or not UTF-8), PHI_ERR_MEMORY. */
enum phi_err phi_mask_name(struct phi_view name, struct phi_arena *arena,
                           struct phi_view *out) PHI_MUST_USE;

/* Keeps four characters at both ends of 12 and more, two of 6 to 11, else only the first.
 * Errors: PHI_ERR_FIELD_VALUE (not 1..64 of A-Z a-z 0-9 . _ -), PHI_ERR_MEMORY. */
enum phi_err phi_mask_id_no(struct phi_view id_no, struct phi_arena *arena,
                            struct phi_view *out) PHI_MUST_USE;

#endif
