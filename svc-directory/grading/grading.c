/* Grading: the entry of a person is a function of the facts and retractions that stand in the
 * database when it is written. The entries' rows are locked first, in order, and the facts read
 * after: of two transactions about one person the later sees what the earlier wrote. */
#include "svc-directory/facts/columns.h"
#include "svc-directory/grading/decide.h"
#include "svc-directory/directory.h"

#include "base/log.h"

#include <string.h>

struct subject_rows {
    size_t first;
    size_t last;
};

static enum phi_err subjects_array(const uint8_t (*subjects)[PHI_SUBJECT_LEN], size_t count,
                                   struct phi_array **out)
{
    enum phi_err err = PHI_OK;
    struct phi_array *array = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_array_add(array, PHI_BYTES_OF(subjects[i], PHI_SUBJECT_LEN)));
    *out = array;
    array = NULL;
out:
    phi_array_free(array);
    return err;
}

enum phi_err grading_facts(struct phi_conn *conn, const struct phi_array *subjects, int64_t now_us,
                           struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_ARRAY(subjects), PHI_I64(now_us - FACTS_WINDOW_US),
                                       PHI_I64(FACTS_PER_PERSON)};
    return phi_conn_exec(
        conn, "facts_of_subjects",
        "SELECT f.subject, f.source, f.institution, f.observed_us, f.content, f.region, "
        "f.record_no, f.revision "
        "FROM unnest($1::bytea[]) AS s(subject) CROSS JOIN LATERAL (SELECT * FROM facts g WHERE "
        "g.subject = s.subject AND g.observed_us >= $2::bigint AND NOT EXISTS (SELECT 1 FROM "
        "retractions r "
        "WHERE (r.subject, r.region, r.source, r.institution, r.record_no) = "
        "(g.subject, g.region, g.source, g.institution, g.record_no)) AND NOT EXISTS (SELECT 1 "
        "FROM facts h "
        "WHERE (h.region, h.source, h.institution, h.record_no) = (g.region, g.source, "
        "g.institution, "
        "g.record_no) AND h.revision > g.revision) ORDER BY g.observed_us DESC, g.fact_id LIMIT "
        "$3::bigint) f "
        "ORDER BY f.subject, f.observed_us DESC, f.fact_id",
        params, 3, rows, error);
}

static enum phi_err lock_entries(const struct grading *g, const struct phi_array *subjects,
                                 struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_param params[] = {PHI_ARRAY(subjects), PHI_I64(PHI_SUBJECT_KEY_VERSION),
                                       PHI_I64(g->partition)};
    PHI_GUARD(phi_conn_exec(g->tx, "entries_begin",
                            "INSERT INTO entries (subject, subject_key, partition, grade, reasons, "
                            "sources_mask, version, from_us, "
                            "updated_us) SELECT s, $2::bigint, $3::bigint, 0, '[]', 0, 0, 0, 0 "
                            "FROM unnest($1::bytea[]) AS s "
                            "ORDER BY s ON CONFLICT (subject) DO NOTHING",
                            params, 3, NULL, error));
    PHI_GUARD(
        phi_conn_exec(g->tx, "entries_lock",
                      "SELECT subject, grade, reasons, sources_mask, version, from_us FROM entries "
                      "WHERE subject = ANY($1::bytea[]) ORDER BY subject FOR UPDATE",
                      params, 1, rows, error));
out:
    return err;
}

static struct decide_state state_of(const struct phi_rows *rows, size_t row)
{
    return (struct decide_state){
        .grade = (enum phi_grade)phi_rows_i64(rows, row, 1),
        .reasons = phi_view_text(phi_rows_text(rows, row, 2)),
        .sources_mask = (uint32_t)phi_rows_i64(rows, row, 3),
        .version = phi_rows_i64(rows, row, 4),
        .from_us = phi_rows_i64(rows, row, 5),
    };
}

/* The rows of one subject; both are in its order. */
static struct subject_rows rows_of(const struct phi_rows *facts, struct phi_view subject,
                                   size_t *at)
{
    struct subject_rows found = {.first = *at};
    while (*at < phi_rows_count(facts) &&
           phi_view_equal(phi_rows_bytes(facts, *at, GRADING_SUBJECT), subject))
        ++*at;
    found.last = *at;
    return found;
}

static uint32_t mask_of(const struct phi_rows *facts, struct subject_rows range)
{
    uint32_t mask = 0;
    for (size_t i = range.first; i < range.last; i++)
        mask |= input_source_bit(phi_rows_text(facts, i, GRADING_SOURCE));
    return mask;
}

#define PERSON_MAX (64 * 1024 * 1024) /* a person's facts as the rules see them, and evaluation */

static enum phi_err grade_one(const struct grading *g, const struct phi_rows *facts,
                              struct subject_rows range, const struct decide_state *old,
                              struct decide_state *new, bool *is_changed)
{
    enum phi_err err = PHI_OK;
    struct rules_outcome outcome;
    struct rules_input *input = NULL;
    struct phi_arena *arena = phi_arena_new(PERSON_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(input_of_rows(facts, range.first, range.last, g->now_us, arena, &input));
    rules_outcome(g->directory->rules, input, g->now_us, &outcome);
    PHI_GUARD(
        decide(old, &outcome.verdict, mask_of(facts, range), g->now_us, g->arena, new, is_changed));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err add_change(struct columns *columns, const struct grading *g,
                               struct phi_view subject, const struct decide_state *state)
{
    const struct phi_param row[] = {
        PHI_BYTES(subject),           PHI_I64(g->partition),
        PHI_I64(state->grade),        PHI_TEXT_VIEW(state->reasons),
        PHI_I64(state->sources_mask), PHI_I64(state->version),
        PHI_I64(state->from_us),      PHI_I64(g->now_us),
    };
    return columns_add(columns, row);
}

static enum phi_err decide_all(const struct grading *g, const struct phi_rows *entries,
                               const struct phi_rows *facts, struct columns *changes)
{
    enum phi_err err = PHI_OK;
    size_t at = 0;
    for (size_t i = 0; i < phi_rows_count(entries); i++) {
        struct phi_view subject = phi_rows_bytes(entries, i, 0);
        struct decide_state old = state_of(entries, i), new;
        struct subject_rows range = rows_of(facts, subject, &at);
        bool is_changed = false;
        PHI_GUARD(grade_one(g, facts, range, &old, &new, &is_changed));
        g->directory->tally[is_changed ? TALLY_CHANGED : TALLY_SAME]++;
        if (is_changed)
            PHI_GUARD(add_change(changes, g, subject, &new));
    }
out:
    return err;
}

static enum phi_err write_entries(const struct grading *g, const struct columns *changes,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_exec(
        g->tx, "entries_update",
        "UPDATE entries e SET partition = u.partition, grade = u.grade, reasons = u.reasons, "
        "sources_mask = u.mask, version = u.version, from_us = u.from_us, updated_us = "
        "u.updated_us FROM "
        "unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], "
        "$7::bigint[], "
        "$8::bigint[]) AS u(subject, partition, grade, reasons, mask, version, from_us, "
        "updated_us) "
        "WHERE e.subject = u.subject",
        changes->params, changes->count, NULL, error));
out:
    return err;
}

static enum phi_err write_history(const struct grading *g, const struct columns *changes,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_param close[] = {changes->params[0], PHI_I64(g->now_us)};
    const struct phi_param add[] = {changes->params[0], changes->params[5], changes->params[2],
                                    changes->params[3], PHI_I64(g->now_us)};
    PHI_GUARD(
        phi_conn_exec(g->tx, "history_close",
                      "UPDATE history SET to_us = $2::bigint WHERE to_us IS NULL AND subject = "
                      "ANY($1::bytea[])",
                      close, 2, NULL, error));
    PHI_GUARD(phi_conn_exec(
        g->tx, "history_add",
        "INSERT INTO history (subject, version, grade, reasons, from_us, known_us) SELECT "
        "s, v, g, r, $5::bigint, $5::bigint FROM unnest($1::bytea[], $2::bigint[], "
        "$3::bigint[], $4::text[]) AS u(s, v, g, r)",
        add, 5, NULL, error));
out:
    return err;
}

enum phi_err grading_run(const struct grading *g, const uint8_t (*subjects)[PHI_SUBJECT_LEN],
                         size_t count)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64,
                                            PHI_COLUMN_TEXT,  PHI_COLUMN_I64, PHI_COLUMN_I64,
                                            PHI_COLUMN_I64,   PHI_COLUMN_I64};
    struct phi_error error = {0};
    struct phi_array *array = NULL;
    struct phi_rows *entries = NULL, *facts = NULL;
    struct columns changes;
    PHI_GUARD(columns_init(&changes, types, sizeof(types) / sizeof(types[0])));
    PHI_GUARD(subjects_array(subjects, count, &array));
    PHI_GUARD(lock_entries(g, array, &entries, &error));
    PHI_GUARD(grading_facts(g->tx, array, g->now_us, &facts, &error));
    PHI_GUARD(decide_all(g, entries, facts, &changes));
    if (columns_rows(&changes) > 0) {
        PHI_GUARD(write_entries(g, &changes, &error));
        PHI_GUARD(write_history(g, &changes, &error));
    }
out:
    if (error.code != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "grading_failed", PHI_L_DETAIL(&error));
    columns_fini(&changes);
    phi_rows_free(entries);
    phi_rows_free(facts);
    phi_array_free(array);
    return err;
}
