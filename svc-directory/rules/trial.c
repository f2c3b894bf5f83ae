/* A batch of a trial: people in the order of their subjects, each graded by the set in force and by
 * the one on trial, over the same facts and at the same moment. Nothing of theirs is written. */
#include "svc-directory/grading/grading.h"
#include "svc-directory/grading/judge.h"
#include "svc-directory/rules/life.h"
#include "svc-directory/rules/report.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX  500
#define PERSON_MAX (64 * 1024 * 1024)

struct trial {
    struct directory *directory;
    struct phi_conn *tx;
    int64_t now_us;
    int64_t at_us; /* the moment compared */
    struct phi_view id;
    const struct rules *base;
    const struct rules *candidate;
    struct report *report;
    struct phi_rows *row; /* of the table of trials */
    struct phi_rows *people;
    struct phi_array *subjects;
    struct phi_rows *facts;
};

enum trial_column { TRIAL_ID, TRIAL_CONTENT, TRIAL_AT, TRIAL_FROM, TRIAL_CURSOR, TRIAL_REPORT };

/* The lock on the row is the lease: it goes with the process that holds it. */
static enum phi_err take_trial(struct trial *t, struct phi_error *error)
{
    return phi_conn_exec(
        t->tx, "trial_take",
        "SELECT trial_id, content, at_us, from_us, cursor, report FROM rule_trials t WHERE done_us "
        "IS NULL AND NOT EXISTS (SELECT 1 FROM rule_steps s WHERE s.trial_id = t.trial_id) ORDER "
        "BY requested_us LIMIT 1 FOR UPDATE SKIP LOCKED",
        NULL, 0, &t->row, error);
}

static enum phi_err candidate_of(struct trial *t, struct trial_cache *cache,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_cached = cache->rules != NULL &&
                     phi_view_equal(t->id, phi_view_of(cache->trial_id, RULES_TRIAL_LEN));
    if (!is_cached) {
        rules_free(cache->rules);
        cache->rules = NULL;
        PHI_GUARD(rules_parse(phi_view_text(phi_rows_text(t->row, 0, TRIAL_CONTENT)),
                              phi_service_region(t->directory->service), &cache->rules, error));
        memcpy(cache->trial_id, t->id.data, RULES_TRIAL_LEN);
    }
    t->candidate = cache->rules;
out:
    return err;
}

/* --- one person --- */

/* Where a person lives, as they declared it or a survey says; else where something was seen. */
static struct phi_view region_of(const struct rules_input *input)
{
    static const char *const members[] = {"basicRegion", "residenceRegion", "region"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        for (size_t fact = 0; fact < input->count; fact++) {
            struct phi_view region = rules_input_word(input, fact, members[i]);
            if (region.len > 0)
                return region;
        }
    return phi_view_of(NULL, 0);
}

static enum phi_grade grade_by(struct trial *t, const struct rules *rules,
                               struct rules_input *input, bool is_reopened,
                               struct rules_verdict *verdict)
{
    rules_grade(rules, input, t->at_us, verdict);
    return is_reopened ? phi_grade_stricter(verdict->grade, PHI_GRADE_REVIEW) : verdict->grade;
}

static enum phi_err compare_one(struct trial *t, size_t first, size_t last)
{
    enum phi_err err = PHI_OK;
    struct rules_verdict verdict;
    struct rules_input *input = NULL;
    size_t by = 0, retracted = 0;
    struct phi_arena *arena = phi_arena_new(PERSON_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(input_of_rows(t->facts, first, last, t->at_us, arena, &input));
    bool is_reopened = judge_reopened(t->facts, first, last, &by, &retracted);
    enum phi_grade from = grade_by(t, t->base, input, is_reopened, &verdict);
    enum phi_grade to = grade_by(t, t->candidate, input, is_reopened, &verdict);
    report_add(t->report, region_of(input), from, to);
    for (size_t i = 0; i < verdict.error_count; i++)
        report_add_error(t->report, verdict.erred[i]->id);
out:
    phi_arena_free(arena);
    return err;
}

/* --- a batch --- */

static enum phi_err read_people(struct trial *t, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_param params[] = {PHI_BYTES(phi_rows_bytes(t->row, 0, TRIAL_CURSOR)),
                                       PHI_I64(BATCH_MAX)};
    PHI_GUARD(phi_conn_exec(t->tx, "trial_people",
                            "SELECT subject FROM entries WHERE subject > $1 ORDER BY subject LIMIT "
                            "$2::bigint",
                            params, 2, &t->people, error));
    t->subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(t->subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < phi_rows_count(t->people); i++)
        PHI_GUARD(phi_array_add(t->subjects, PHI_BYTES(phi_rows_bytes(t->people, i, 0))));
    PHI_GUARD(grading_facts(t->tx, t->subjects, t->at_us, INT64_MAX, &t->facts, error));
out:
    return err;
}

static enum phi_err compare_all(struct trial *t)
{
    enum phi_err err = PHI_OK;
    size_t first = 0;
    for (size_t i = 0; i < phi_rows_count(t->people); i++) {
        size_t last = first;
        while (last < phi_rows_count(t->facts) &&
               phi_view_equal(phi_rows_bytes(t->facts, last, GRADING_SUBJECT),
                              phi_rows_bytes(t->people, i, 0)))
            last++;
        PHI_GUARD(compare_one(t, first, last));
        first = last;
    }
out:
    return err;
}

static enum phi_err keep(struct trial *t, int64_t at_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t count = phi_rows_count(t->people);
    bool is_last = count < BATCH_MAX;
    struct phi_view cursor = count > 0 ? phi_rows_bytes(t->people, count - 1, 0)
                                       : phi_rows_bytes(t->row, 0, TRIAL_CURSOR);
    json_t *json = report_json(t->report);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    const struct phi_param params[] = {PHI_BYTES(t->id), PHI_BYTES(cursor), PHI_TEXT(text),
                                       PHI_I64(at_us), is_last ? PHI_I64(t->now_us) : PHI_NULL};
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(
        phi_conn_exec(t->tx, "trial_keep",
                      "UPDATE rule_trials SET cursor = $2, report = $3, at_us = $4, done_us = "
                      "$5::bigint WHERE trial_id = $1",
                      params, 5, NULL, error));
out:
    free(text);
    json_decref(json);
    return err;
}

static enum phi_err run_batch(struct trial *t, struct trial_cache *cache, size_t *count,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(take_trial(t, error));
    if (phi_rows_count(t->row) == 0)
        return PHI_OK;
    int64_t began_us = phi_rows_i64(t->row, 0, TRIAL_AT);
    int64_t from_us = phi_rows_i64(t->row, 0, TRIAL_FROM);
    began_us = began_us == 0 ? t->now_us : began_us;
    t->at_us = from_us > began_us ? from_us : began_us;
    t->id = phi_rows_bytes(t->row, 0, TRIAL_ID);
    t->base = rules_book_at(t->directory->book, t->now_us);
    PHI_GUARD(candidate_of(t, cache, error));
    PHI_GUARD(report_read(t->report, phi_rows_text(t->row, 0, TRIAL_REPORT)));
    PHI_GUARD(read_people(t, error));
    PHI_GUARD(compare_all(t));
    PHI_GUARD(keep(t, began_us, error));
    *count = phi_rows_count(t->people) + 1; /* the last batch may be of nobody, and is one */
out:
    return err;
}

enum phi_err trial_run(struct directory *directory, struct phi_conn *conn, int64_t now_us,
                       struct trial_cache *cache, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct trial t = {.directory = directory, .tx = conn, .now_us = now_us, .report = report_new()};
    *count = 0;
    PHI_GUARD(t.report == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_begin(conn, &error));
    PHI_GUARD(run_batch(&t, cache, count, &error));
    PHI_GUARD(phi_conn_commit(conn, &error));
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    if (err != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "trial_failed", PHI_L_ERR(err), PHI_L_DETAIL(&error));
    phi_rows_free(t.row);
    phi_rows_free(t.people);
    phi_rows_free(t.facts);
    phi_array_free(t.subjects);
    free(t.report);
    return err;
}
