/* What of a table of counts may be shown. */
#include "case.h"
#include "open/cells.h"

#include <stdlib.h>
#include <string.h>

struct table_case {
    const char *name;
    size_t rows, columns; /* without the totals */
    int64_t counts[3][3];
    const char *shown; /* with the totals, row by row; 1 shown, 0 hidden */
};

static const struct table_case cases[] = {
    {"all large", 2, 2, {{100, 200}, {300, 400}}, "111 111 111"},
    {"just enough", 1, 1, {{10}}, "11 11"},
    {"just too few: totals go too", 1, 1, {{9}}, "00 00"},
    {"one small cell hides a rectangle", 2, 2, {{3, 200}, {300, 400}}, "001 001 111"},
    {"zeros are small", 2, 2, {{0, 200}, {300, 400}}, "001 001 111"},
    {"two of a row hide two more below", 2, 3, {{3, 4, 500}, {60, 70, 80}}, "0001 0001 1111"},
};

static struct phi_cells cells_of(const struct table_case *c)
{
    struct phi_cells cells = {.rows = c->rows + 1, .columns = c->columns + 1};
    for (size_t row = 0; row < c->rows; row++)
        for (size_t column = 0; column < c->columns; column++)
            cells.counts[row][column] = c->counts[row][column];
    phi_cells_sum(&cells);
    phi_cells_hide(&cells);
    return cells;
}

static void known_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        static struct phi_cells cells;
        char shown[64] = "";
        size_t len = 0;
        cells = cells_of(&cases[i]);
        for (size_t r = 0; r < cells.rows; r++) {
            if (r > 0)
                shown[len++] = ' ';
            for (size_t c = 0; c < cells.columns; c++)
                shown[len++] = cells.is_hidden[r][c] ? '0' : '1';
        }
        if (strcmp(shown, cases[i].shown) != 0)
            fail_msg("case \"%s\": %s", cases[i].name, shown);
    }
}

static void check_line(size_t hidden, size_t length, int64_t sum)
{
    bool is_safe = hidden == 0 || hidden == length || (hidden >= 2 && sum >= PHI_CELLS_SHOWN_MIN);
    assert_true(is_safe);
}

/* Whatever the counts are: no row and no column gives a hidden cell away, none shown is small. */
static void no_line_gives_a_cell_away(void **state)
{
    (void)state;
    static struct phi_cells cells;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        memset(&cells, 0, sizeof(cells));
        cells.rows = 2 + (size_t)rand() % 32;
        cells.columns = 6;
        for (size_t r = 0; r + 1 < cells.rows; r++)
            for (size_t c = 0; c + 1 < cells.columns; c++)
                cells.counts[r][c] = rand() % 3 == 0 ? rand() % 20 : rand() % 100000;
        phi_cells_sum(&cells);
        phi_cells_hide(&cells);
        for (size_t r = 0; r < cells.rows; r++) {
            size_t hidden = 0;
            int64_t sum = 0;
            for (size_t c = 0; c < cells.columns; c++) {
                assert_true(cells.is_hidden[r][c] || cells.counts[r][c] >= PHI_CELLS_SHOWN_MIN);
                hidden += cells.is_hidden[r][c];
                sum += cells.is_hidden[r][c] ? cells.counts[r][c] : 0;
            }
            check_line(hidden, cells.columns, sum);
        }
        for (size_t c = 0; c < cells.columns; c++) {
            size_t hidden = 0;
            int64_t sum = 0;
            for (size_t r = 0; r < cells.rows; r++) {
                hidden += cells.is_hidden[r][c];
                sum += cells.is_hidden[r][c] ? cells.counts[r][c] : 0;
            }
            check_line(hidden, cells.rows, sum);
        }
    }
}

static void counts_are_rounded(void **state)
{
    (void)state;
    static const int64_t pairs[][2] = {{10, 10}, {12, 10}, {13, 15},
                                       {17, 15}, {18, 20}, {1002, 1000}};
    for (size_t i = 0; i < PHI_COUNT(pairs); i++)
        assert_int_equal(phi_cells_rounded(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_tables),
        cmocka_unit_test(no_line_gives_a_cell_away),
        cmocka_unit_test(counts_are_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
