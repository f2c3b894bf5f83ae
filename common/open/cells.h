/* A table of counts that may be shown: a cell under PHI_CELLS_SHOWN_MIN is hidden, and with it
 * others, so that no sum gives it away; what is shown is rounded.
 *
 *   struct phi_cells cells = {.rows = 31, .columns = 5};           // .counts filled, totals too
 *   phi_cells_hide(&cells);
 *   if (!cells.is_hidden[r][c]) … phi_cells_rounded(cells.counts[r][c]) …
 *
 * The last row and the last column are the totals. Pure.
 */
#ifndef PHI_OPEN_CELLS_H
#define PHI_OPEN_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHI_CELLS_ROWS_MAX    129
#define PHI_CELLS_COLUMNS_MAX 8
#define PHI_CELLS_SHOWN_MIN   10
#define PHI_CELLS_ROUND       5

struct phi_cells {
    size_t rows;    /* with the totals */
    size_t columns; /* with the totals */
    int64_t counts[PHI_CELLS_ROWS_MAX][PHI_CELLS_COLUMNS_MAX];
    bool is_hidden[PHI_CELLS_ROWS_MAX][PHI_CELLS_COLUMNS_MAX];
};

/* Fills the last row and the last column from the others. */
void phi_cells_sum(struct phi_cells *cells);
/* Hides what is small; a cell that is hidden already stays so. In every row and column, with its
 * total, either nothing is hidden, or two cells at least whose sum is PHI_CELLS_SHOWN_MIN at least
 * (or all of them). */
void phi_cells_hide(struct phi_cells *cells);
int64_t phi_cells_rounded(int64_t count); /* to the nearest PHI_CELLS_ROUND */

#endif
