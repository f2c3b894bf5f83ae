/* Two-dimensional symbols of GB/T 38961 section 5 as a matrix of modules: QR (GB/T 18284) at level
 * H, Grid Matrix (GB/T 27766), Han Xin (GB/T 21049), each at its highest level of error correction.
 *
 *   struct phi_symbol symbol;
 *   PHI_GUARD(phi_symbol_encode(PHI_SYMBOL_QR, phi_view_text(code_text), &symbol));
 *   for y, x in 0..symbol.size: if (phi_symbol_is_dark(&symbol, x, y)) …
 */
#ifndef PHI_PICTURE_SYMBOL_H
#define PHI_PICTURE_SYMBOL_H

#include "base/bytes.h"

enum phi_symbology {
    PHI_SYMBOL_QR,
    PHI_SYMBOL_GRID_MATRIX,
    PHI_SYMBOL_HAN_XIN,
    PHI_SYMBOLOGY_COUNT
};

#define PHI_SYMBOL_SIZE_MAX 189 /* modules a side of the largest of the three */
#define PHI_SYMBOL_TEXT_MAX 1024

/* A value: copy it freely. Row by row, eight modules a byte, high bit first, no padding between
 * rows. */
struct phi_symbol {
    enum phi_symbology symbology;
    int size;  /* modules a side, without the quiet zone */
    int quiet; /* modules of quiet zone that the standard asks for on each side */
    uint8_t bits[(PHI_SYMBOL_SIZE_MAX * PHI_SYMBOL_SIZE_MAX + 7) / 8];
};

/* The symbol of 1..PHI_SYMBOL_TEXT_MAX printable ASCII characters. PHI_ERR_FIELD_VALUE for other
 * text or more than the symbol holds; PHI_ERR_MEMORY; PHI_ERR_INTERNAL. Any thread; pure. */
enum phi_err phi_symbol_encode(enum phi_symbology symbology, struct phi_view text,
                               struct phi_symbol *out) PHI_MUST_USE;

bool phi_symbol_is_dark(const struct phi_symbol *symbol, int x, int y); /* 0 <= x, y < size */

extern const char *const phi_symbology_names[PHI_SYMBOLOGY_COUNT]; /* "qr", "gm", "hx" */
bool phi_symbology_from_name(struct phi_view name, enum phi_symbology *out);

#endif
