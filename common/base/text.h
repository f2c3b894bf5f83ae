/* Text: UTF-8 checks, Unicode normal forms (libutf8proc), character classes that formats need.
 *
 *   if (!phi_text_is_utf8(view)) return PHI_ERR_JSON;
 *   PHI_GUARD(phi_text_nfc(view, arena, &name));
 */
#ifndef PHI_BASE_TEXT_H
#define PHI_BASE_TEXT_H

#include "base/arena.h"

/* What fails gives PHI_ERR_FIELD_VALUE for a wrong text, PHI_ERR_MEMORY past the arena's bound (a
 * normal form needs four to sixty times the text's bytes for a while), and writes nothing. Nothing
 * blocks; any thread. */

bool phi_text_is_utf8(
    struct phi_view text); /* strict: no surrogates, no overlong forms, no U+0000 */
size_t phi_text_count(struct phi_view text); /* code points; the text must be UTF-8 */
bool phi_text_has_control(
    struct phi_view text); /* C0, DEL, C1, line and paragraph separators, bidi controls */
bool phi_text_is_digits(struct phi_view text);           /* one or more ASCII digits */
bool phi_text_is_alnum(struct phi_view text);            /* one or more ASCII letters or digits */
bool phi_text_is_word(struct phi_view text, size_t max); /* 1..max of A-Z a-z 0-9 . _ - */
enum phi_err phi_text_nfc(struct phi_view text, struct phi_arena *arena,
                          struct phi_view *out) PHI_MUST_USE;
enum phi_err phi_text_nfkc_upper(struct phi_view text, struct phi_arena *arena,
                                 struct phi_view *out)
    PHI_MUST_USE; /* NFKC, upper case (letter by letter: ß stays), white space removed */
enum phi_err phi_text_to_i64(struct phi_view text, int64_t min, int64_t max,
                             int64_t *out) PHI_MUST_USE;

#endif
