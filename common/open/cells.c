#include "open/cells.h"

/* A row or a column of the table: cell i of it. */
struct line {
    struct phi_cells *cells;
    size_t index;
    bool is_row;
};

static size_t length(const struct line *line)
{
    return line->is_row ? line->cells->columns : line->cells->rows;
}

static int64_t *count_at(const struct line *line, size_t i)
{
    return line->is_row ? &line->cells->counts[line->index][i]
                        : &line->cells->counts[i][line->index];
}

static bool *hidden_at(const struct line *line, size_t i)
{
    return line->is_row ? &line->cells->is_hidden[line->index][i]
                        : &line->cells->is_hidden[i][line->index];
}

void phi_cells_sum(struct phi_cells *cells)
{
    size_t last_row = cells->rows - 1, last = cells->columns - 1;
    for (size_t c = 0; c < cells->columns; c++)
        cells->counts[last_row][c] = 0;
    for (size_t r = 0; r < last_row; r++) {
        cells->counts[r][last] = 0;
        for (size_t c = 0; c < last; c++) {
            cells->counts[r][last] += cells->counts[r][c];
            cells->counts[last_row][c] += cells->counts[r][c];
        }
        cells->counts[last_row][last] += cells->counts[r][last];
    }
}

/* Whether what is shown of the line gives what is hidden away. */
static bool is_telling(const struct line *line)
{
    int64_t sum = 0;
    size_t hidden = 0;
    for (size_t i = 0; i < length(line); i++) {
        if (!*hidden_at(line, i))
            continue;
        hidden++;
        sum += *count_at(line, i);
    }
    return hidden > 0 && hidden < length(line) && (hidden < 2 || sum < PHI_CELLS_SHOWN_MIN);
}

/* The smallest that is shown goes too; a total only when nothing else is left. */
static void hide_smallest(const struct line *line)
{
    size_t last = length(line) - 1, found = last;
    for (size_t i = 0; i < last; i++)
        if (!*hidden_at(line, i) && (found == last || *count_at(line, i) < *count_at(line, found)))
            found = i;
    *hidden_at(line, found) = true;
}

static bool tighten(const struct line *line)
{
    bool has_changed = false;
    while (is_telling(line)) {
        hide_smallest(line);
        has_changed = true;
    }
    return has_changed;
}

static bool tighten_all(struct phi_cells *cells)
{
    bool has_changed = false;
    for (size_t r = 0; r < cells->rows; r++)
        has_changed = tighten(&(struct line){cells, r, true}) || has_changed;
    for (size_t c = 0; c < cells->columns; c++)
        has_changed = tighten(&(struct line){cells, c, false}) || has_changed;
    return has_changed;
}

/* Each pass hides a cell more, so it ends. */
void phi_cells_hide(struct phi_cells *cells)
{
    for (size_t r = 0; r < cells->rows; r++)
        for (size_t c = 0; c < cells->columns; c++)
            cells->is_hidden[r][c] =
                cells->is_hidden[r][c] || cells->counts[r][c] < PHI_CELLS_SHOWN_MIN;
    while (tighten_all(cells))
        ;
}

int64_t phi_cells_rounded(int64_t count)
{
    return (count + PHI_CELLS_ROUND / 2) / PHI_CELLS_ROUND * PHI_CELLS_ROUND;
}
