#include "svc-correction/fairness/fairness.h"

#include "codes/sources.h"

#include <string.h>

#define HOUR_US   (3600 * 1000000LL)
#define DAY_US    (24 * HOUR_US)
#define OTHER_ROW PHI_SOURCES_COUNT

static const char *const outcome_names[] = {
#define X(outcome, name) name,
    FAIRNESS_OUTCOMES(X)
#undef X
};
static const struct {
    const char *name;
    int64_t until_us;
} times[] = {{"1d", DAY_US}, {"3d", 3 * DAY_US}, {"7d", 7 * DAY_US}, {"longer", INT64_MAX}};
static const char *const reasons[] = {"record-error", "identity-error", "method-error",
                                      "not-substantiated", "other"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DECIDED      2 /* the first columns: corrected, refused */

void fairness_begin(struct fairness *fairness)
{
    memset(fairness, 0, sizeof(*fairness));
    fairness->outcomes.rows = fairness->times.rows = PHI_SOURCES_COUNT + 2;
    fairness->outcomes.columns = FAIRNESS_OUTCOME_COUNT + 1;
    fairness->times.columns = COUNT(times) + 1;
    fairness->reasons.rows = COUNT(reasons) + 1;
    fairness->reasons.columns = DECIDED + 1;
}

static size_t source_row(const char *source)
{
    size_t i = 0;
    while (i < PHI_SOURCES_COUNT && strcmp(phi_sources[i].stream, source) != 0)
        i++;
    return i;
}

static size_t reason_row(const char *reason)
{
    size_t i = 0;
    while (i < COUNT(reasons) - 1 && strcmp(reasons[i], reason) != 0)
        i++;
    return i;
}

void fairness_count(struct fairness *fairness, const char *source, enum fairness_outcome outcome,
                    const char *reason, int64_t took_us, int64_t count)
{
    size_t row = source_row(source), time = 0;
    fairness->outcomes.counts[row][outcome] += count;
    if (outcome >= DECIDED)
        return;
    fairness->reasons.counts[reason_row(reason)][outcome] += count;
    while (took_us > times[time].until_us)
        time++;
    fairness->times.counts[row][time] += count;
}

/* What is hidden of one table must not come back by the sums of another: a source's times sum up to
 * its corrected and refused cases, and so do all reasons together. */
static void hide_beside(struct fairness *fairness)
{
    const struct phi_cells *first = &fairness->outcomes;
    for (size_t r = 0; r < first->rows; r++)
        if (first->is_hidden[r][FAIRNESS_CORRECTED] || first->is_hidden[r][FAIRNESS_REFUSED])
            memset(fairness->times.is_hidden[r], true, sizeof(fairness->times.is_hidden[r]));
    for (size_t c = 0; c < DECIDED; c++)
        for (size_t r = 0; first->is_hidden[first->rows - 1][c] && r < fairness->reasons.rows; r++)
            fairness->reasons.is_hidden[r][c] = true;
}

static json_t *cells_json(const struct phi_cells *cells, size_t row)
{
    json_t *list = json_array();
    for (size_t c = 0; c < cells->columns; c++)
        json_array_append_new(
            list, cells->is_hidden[row][c]
                      ? json_null()
                      : json_integer((json_int_t)phi_cells_rounded(cells->counts[row][c])));
    return list;
}

static const char *source_name(const struct phi_cells *cells, size_t row)
{
    if (row == cells->rows - 1)
        return "all";
    return row == OTHER_ROW ? "other" : phi_sources[row].stream;
}

static json_t *sources_json(const struct phi_cells *cells, json_t *columns)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < cells->rows; r++)
        json_array_append_new(rows, json_pack("{s:s, s:o}", "name", source_name(cells, r), "cells",
                                              cells_json(cells, r)));
    return json_pack("{s:o, s:o}", "columns", columns, "rows", rows);
}

static json_t *reasons_json(const struct phi_cells *cells)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < cells->rows; r++)
        json_array_append_new(rows, json_pack("{s:s, s:o}", "name",
                                              r == cells->rows - 1 ? "all" : reasons[r], "cells",
                                              cells_json(cells, r)));
    return json_pack("{s:[s, s, s], s:o}", "columns", outcome_names[0], outcome_names[1], "all",
                     "rows", rows);
}

json_t *fairness_tables(struct fairness *fairness)
{
    json_t *outcomes = json_array(), *spans = json_array();
    for (size_t i = 0; i < COUNT(outcome_names); i++)
        json_array_append_new(outcomes, json_string(outcome_names[i]));
    for (size_t i = 0; i < COUNT(times); i++)
        json_array_append_new(spans, json_string(times[i].name));
    json_array_append_new(outcomes, json_string("all"));
    json_array_append_new(spans, json_string("all"));
    phi_cells_sum(&fairness->outcomes);
    phi_cells_sum(&fairness->times);
    phi_cells_sum(&fairness->reasons);
    phi_cells_hide(&fairness->outcomes);
    hide_beside(fairness);
    phi_cells_hide(&fairness->times);
    phi_cells_hide(&fairness->reasons);
    return json_pack("{s:o, s:o, s:o}", "outcomes", sources_json(&fairness->outcomes, outcomes),
                     "times", sources_json(&fairness->times, spans), "reasons",
                     reasons_json(&fairness->reasons));
}
