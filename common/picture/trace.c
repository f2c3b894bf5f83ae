#include "picture/mark_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SPREAD     8 /* levels around a square's median that still belong to its ground */
#define REACH      3 /* squares each way that tell what the ground is here */
#define GROUND_MIN 6 /* black and white are the symbol, paper and ink: no mark there */
#define GROUND_MAX 249
#define ALIKE      (2.0F * PHI_MARK_AMPLITUDE + 6.0F) /* levels apart that two grounds may be */

#define CLEAR 0.5F /* amplitudes that a square must lean to count as judged */

struct square {
    float level;
    float weight; /* 0: nothing flat here */
};

struct grid {
    int rows;
    struct square *squares; /* rows × PHI_MARK_COLUMNS */
};

/* Median of the inner part of a square, then the mean of what lies around it: text and edges fall
 * out. The outer eighth is left away, where scaling has mixed neighbours. */
static struct square judge(const struct phi_raster *grey, double left, double top, double right,
                           double bottom)
{
    unsigned counts[256] = {0};
    double inset_x = (right - left) / 8;
    double inset_y = (bottom - top) / 8;
    int x0 = (int)ceil(left + inset_x);
    int x1 = (int)floor(right - inset_x);
    int y0 = (int)ceil(top + inset_y);
    int y1 = (int)floor(bottom - inset_y);
    unsigned total = 0;
    for (int y = y0; y < y1; y++) {
        const uint8_t *row = grey->pixels + (size_t)y * (size_t)grey->width;
        for (int x = x0; x < x1; x++, total++)
            counts[row[x]]++;
    }
    if (total == 0)
        return (struct square){0};
    int median = 0;
    for (unsigned seen = counts[0]; seen * 2 < total; seen += counts[median])
        median++;
    int low = median > SPREAD ? median - SPREAD : 0;
    int high = median + SPREAD < 255 ? median + SPREAD : 255;
    double sum = 0;
    unsigned flat = 0;
    for (int level = low; level <= high; level++) {
        flat += counts[level];
        sum += (double)counts[level] * level;
    }
    float share = (float)flat / (float)total;
    bool is_ground = share >= 0.5F && median > GROUND_MIN && median < GROUND_MAX;
    return (struct square){.level = (float)(sum / flat), .weight = is_ground ? share * share : 0};
}

static void judge_all(const struct phi_raster *grey, struct grid *grid)
{
    double width = (double)grey->width / PHI_MARK_COLUMNS;
    double height = (double)grey->height / grid->rows;
    for (int y = 0; y < grid->rows; y++) {
        for (int x = 0; x < PHI_MARK_COLUMNS; x++)
            grid->squares[y * PHI_MARK_COLUMNS + x] =
                judge(grey, x * width, y * height, (x + 1) * width, (y + 1) * height);
    }
}

/* How far a square lies above the ground around it, in amplitudes; 0 where that can't be told. */
static float lean(const struct grid *grid, int x, int y, float *weight)
{
    const struct square *here = &grid->squares[y * PHI_MARK_COLUMNS + x];
    float sum = 0;
    float seen = 0;
    *weight = 0;
    if (here->weight <= 0)
        return 0;
    for (int row = y - REACH; row <= y + REACH; row++) {
        for (int column = x - REACH; column <= x + REACH; column++) {
            if (row < 0 || row >= grid->rows || column < 0 || column >= PHI_MARK_COLUMNS)
                continue;
            const struct square *there = &grid->squares[row * PHI_MARK_COLUMNS + column];
            if (there->weight > 0 && fabsf(there->level - here->level) <= ALIKE) {
                sum += there->level * there->weight;
                seen += there->weight;
            }
        }
    }
    if (seen < 4)
        return 0;
    float above = (here->level - sum / seen) / PHI_MARK_AMPLITUDE;
    *weight = here->weight;
    return fminf(fmaxf(above, -1.5F), 1.5F);
}

static void collect(const struct phi_mark_key *key, const struct grid *grid, float *leans,
                    float soft[PHI_MARK_CODED_BITS])
{
    memset(soft, 0, PHI_MARK_CODED_BITS * sizeof(*soft));
    for (int i = 0; i < grid->rows * PHI_MARK_COLUMNS; i++) {
        float weight = 0;
        leans[i] = lean(grid, i % PHI_MARK_COLUMNS, i / PHI_MARK_COLUMNS, &weight);
        float value = leans[i] * weight;
        soft[phi_mark_bit_of(key, i)] += phi_mark_is_turned(key, i) ? -value : value;
    }
}

/* Squares that lean clearly, and those of them that lean the wrong way. */
static void count_wrong(const int8_t *signs, const float *leans, int count,
                        struct phi_mark_trace *out)
{
    out->squares = 0;
    out->wrong = 0;
    for (int i = 0; i < count; i++) {
        if (fabsf(leans[i]) < CLEAR)
            continue;
        out->squares++;
        out->wrong += (leans[i] > 0) != (signs[i] > 0);
    }
}

static enum phi_err try_rows(const struct phi_mark_key *key, const struct phi_raster *grey,
                             struct grid *grid, float *leans, struct phi_mark_trace *out)
{
    enum phi_err err = PHI_OK;
    float soft[PHI_MARK_CODED_BITS];
    uint8_t block[PHI_MARK_BLOCK_LEN];
    struct phi_mark_trace found;
    int8_t *signs = malloc(PHI_MARK_SQUARES_MAX);
    PHI_GUARD(signs == NULL ? PHI_ERR_MEMORY : PHI_OK);
    judge_all(grey, grid);
    collect(key, grid, leans, soft);
    phi_convolution_decode(soft, block);
    PHI_GUARD(phi_mark_open(key, block, &found.mark));
    PHI_GUARD(phi_mark_signs(key, &found.mark, grid->rows, signs));
    count_wrong(signs, leans, grid->rows * PHI_MARK_COLUMNS, &found);
    *out = found;
out:
    free(signs);
    return err;
}

/* Scaling rounds the height, so the number of rows may be one beside what the form tells. */
enum phi_err phi_mark_trace(const struct phi_mark_key *key, const struct phi_raster *grey,
                            struct phi_mark_trace *out)
{
    static const int beside[] = {0, -1, 1};
    enum phi_err err = PHI_ERR_NOT_FOUND;
    int rows = phi_mark_rows(grey->width, grey->height);
    struct grid grid = {.squares = calloc(PHI_MARK_SQUARES_MAX, sizeof(*grid.squares))};
    float *leans = calloc(PHI_MARK_SQUARES_MAX, sizeof(*leans));
    if (grid.squares == NULL || leans == NULL)
        err = PHI_ERR_MEMORY;
    for (int i = 0; rows > 0 && err == PHI_ERR_NOT_FOUND && i < 3; i++) {
        grid.rows = rows + beside[i];
        if (grid.rows >= 1 && grid.rows <= PHI_MARK_ROWS_MAX)
            err = try_rows(key, grey, &grid, leans, out);
    }
    free(grid.squares);
    free(leans);
    return err;
}
