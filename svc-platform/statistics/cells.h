/* A table of counts that may be shown: a cell under CELLS_SHOWN_MIN is hidden, and with it others,
 * so that no sum gives it away; what is shown is rounded.
 *
 *   struct cells cells = {.rows = 31, .columns = 5};           // .counts filled, totals too
 *   cells_hide(&cells);
 *   if (!cells.is_hidden[r][c]) … cells_rounded(cells.counts[r][c]) …
 *
 * The last row and the last column are the totals. Pure.
 */
#ifndef SVC_PLATFORM_CELLS_H
#define SVC_PLATFORM_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CELLS_ROWS_MAX    129
#define CELLS_COLUMNS_MAX 8
#define CELLS_SHOWN_MIN   10
#define CELLS_ROUND       5

struct cells {
    size_t rows;    /* with the totals */
    size_t columns; /* with the totals */
    int64_t counts[CELLS_ROWS_MAX][CELLS_COLUMNS_MAX];
    bool is_hidden[CELLS_ROWS_MAX][CELLS_COLUMNS_MAX];
};

/* Fills the last row and the last column from the others. */
void cells_sum(struct cells *cells);
/* In every row and column, with its total, either nothing is hidden, or two cells at least whose
 * sum is CELLS_SHOWN_MIN at least (or all of them). */
void cells_hide(struct cells *cells);
int64_t cells_rounded(int64_t count); /* to the nearest CELLS_ROUND */

#endif
