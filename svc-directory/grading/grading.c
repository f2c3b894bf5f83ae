/* Grading a batch of people: the partition's lock first, the facts after, so that of two
 * transactions about one person the later sees what the earlier wrote. */
#include "svc-directory/grading/grading.h"

#include "base/log.h"
#include "svc-directory/grading/entries.h"
#include "svc-directory/grading/gone.h"
#include "svc-directory/grading/judge.h"
#include "svc-directory/grading/silence.h"
#include "svc-directory/open/open.h"

#include <string.h>

struct batch {
    const struct grading *g;
    struct phi_array *subjects;
    struct phi_rows *entries;
    struct phi_rows *facts;
    struct phi_rows *gone; /* about whom nothing stands any more; NULL: nobody */
    struct entries_changes changes;
    const char *const *silent;
    size_t silent_count;
    struct tell_change *told;
    size_t told_count;
    struct open_change *opened; /* NULL: no analyst wants grades */
    size_t opened_count;
};

static enum phi_err add_subjects(struct batch *batch, const uint8_t (*subjects)[PHI_SUBJECT_LEN],
                                 size_t count)
{
    enum phi_err err = PHI_OK;
    batch->subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(batch->subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_array_add(batch->subjects, PHI_BYTES_OF(subjects[i], PHI_SUBJECT_LEN)));
out:
    return err;
}

/* The end of one subject's facts; they are in the entries' order. */
static size_t end_of(const struct phi_rows *facts, struct phi_view subject, size_t first)
{
    size_t at = first;
    while (at < phi_rows_count(facts) &&
           phi_view_equal(phi_rows_bytes(facts, at, GRADING_SUBJECT), subject))
        at++;
    return at;
}

/* The rule's words beside each reason, for who was never told them. */
static enum phi_err words_of(const struct grading *g, struct phi_view codes, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *reasons = NULL;
    PHI_GUARD(reasons_decode(g->directory->reasons, codes, &reasons));
    PHI_GUARD(phi_json_keep(g->arena, reasons));
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        json_t *item = json_array_get(reasons, i);
        const char *zh = NULL, *en = NULL;
        judge_words(rules_book_at(g->directory->book, g->now_us),
                    json_string_value(json_object_get(item, "reason")),
                    json_string_value(json_object_get(item, "rule")), &zh, &en);
        bool is_told = json_object_set_new(item, "zh", json_string(zh)) == 0 &&
                       json_object_set_new(item, "en", json_string(en)) == 0;
        PHI_GUARD(is_told ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = reasons;
out:
    return err;
}

/* Whoever had an entry hears of another grade. */
static enum phi_err note(struct batch *batch, struct phi_view subject,
                         const struct decide_state *old, const struct decide_state *new)
{
    enum phi_err err = PHI_OK;
    struct tell_change *change = &batch->told[batch->told_count];
    if (batch->g->directory->tell.app_count == 0 || old->version == 0 ||
        old->is.grade == new->is.grade)
        return PHI_OK;
    *change = (struct tell_change){.before = old->is.grade,
                                   .now = new->is.grade,
                                   .version = new->version,
                                   .from_us = new->from_us};
    memcpy(change->subject, subject.data, PHI_SUBJECT_LEN);
    PHI_GUARD(words_of(batch->g, new->is.reasons, &change->reasons));
    batch->told_count++;
out:
    return err;
}

/* Analysts hear of first grades too. */
static enum phi_err note_open(struct batch *batch, struct phi_view subject,
                              const struct decide_state *old, const struct decide_state *new)
{
    enum phi_err err = PHI_OK;
    json_t *reasons = NULL;
    if (batch->opened == NULL || (old->version != 0 && old->is.grade == new->is.grade))
        return PHI_OK;
    PHI_GUARD(reasons_decode(batch->g->directory->reasons, new->is.reasons, &reasons));
    PHI_GUARD(phi_json_keep(batch->g->arena, reasons));
    struct open_change *change = &batch->opened[batch->opened_count++];
    *change = (struct open_change){.has_before = old->version != 0,
                                   .before = old->is.grade,
                                   .now = new->is.grade,
                                   .from_us = new->from_us,
                                   .reasons = reasons};
    memcpy(change->subject, subject.data, PHI_SUBJECT_LEN);
out:
    return err;
}

static enum phi_err tell_case(const struct batch *batch, size_t row, size_t first, size_t last)
{
    size_t by = 0, retracted = 0;
    const struct phi_rows *facts = batch->facts;
    if (!judge_reopened(facts, first, last, &by, &retracted))
        return PHI_OK;
    const struct tell_reopening reopening = {
        .subject = entries_subject(batch->entries, row),
        .case_id = phi_rows_text(facts, retracted, GRADING_CASE),
        .fact_source = phi_rows_text(facts, by, GRADING_SOURCE),
        .institution = phi_rows_text(facts, by, GRADING_INSTITUTION),
        .record_no = phi_rows_text(facts, by, GRADING_RECORD_NO),
        .now_us = batch->g->now_us,
    };
    return tell_reopened(&batch->g->directory->tell, batch->g->tx, batch->g->arena, &reopening);
}

static enum phi_err keep(struct batch *batch, size_t row, const struct decide_state *old,
                         const struct entry_decision *decision)
{
    enum phi_err err = PHI_OK;
    struct phi_view subject = entries_subject(batch->entries, row);
    PHI_GUARD(entries_change(&batch->changes, subject, old, decision));
    PHI_GUARD(note(batch, subject, old, &decision->new));
    PHI_GUARD(note_open(batch, subject, old, &decision->new));
out:
    return err;
}

static enum phi_err decide_one(struct batch *batch, size_t row, size_t first, size_t last)
{
    enum phi_err err = PHI_OK;
    const struct grading *g = batch->g;
    const struct decide_state old = entries_state(batch->entries, row);
    const struct judge judge = {.rules = rules_book_at(g->directory->book, g->now_us),
                                .reasons = g->directory->reasons,
                                .rows = batch->facts,
                                .first = first,
                                .last = last,
                                .now_us = g->now_us,
                                .arena = g->arena,
                                .silent = batch->silent,
                                .silent_count = batch->silent_count};
    struct judgement judgement;
    struct entry_decision decision;
    PHI_GUARD(judge_run(&judge, &judgement));
    judgement.is_withdrawn = gone_has(batch->gone, entries_subject(batch->entries, row));
    decide(&old, &judgement, g->now_us, &decision);
    g->tally[decision.is_changed ? TALLY_CHANGED : TALLY_SAME]++;
    if (decision.is_changed)
        PHI_GUARD(keep(batch, row, &old, &decision));
    if (decision.is_period)
        PHI_GUARD(tell_case(batch, row, first, last));
out:
    return err;
}

static enum phi_err decide_all(struct batch *batch)
{
    enum phi_err err = PHI_OK;
    size_t first = 0;
    for (size_t i = 0; i < phi_rows_count(batch->entries); i++) {
        size_t last = end_of(batch->facts, entries_subject(batch->entries, i), first);
        PHI_GUARD(decide_one(batch, i, first, last));
        first = last;
    }
out:
    return err;
}

static enum phi_err make_room(struct batch *batch, size_t count)
{
    const struct grading *g = batch->g;
    bool is_open = open_wants(g->directory, OPEN_GRADES, g->now_us);
    batch->told = phi_arena_alloc(g->arena, count * sizeof(*batch->told));
    if (is_open)
        batch->opened = phi_arena_alloc(g->arena, count * sizeof(*batch->opened));
    return batch->told == NULL || (is_open && batch->opened == NULL) ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err tell_all(struct batch *batch)
{
    enum phi_err err = PHI_OK;
    const struct grading *g = batch->g;
    const struct open_put put = {.tx = g->tx, .arena = g->arena, .now_us = g->now_us};
    PHI_GUARD(tell_changes(&g->directory->tell, g->tx, g->arena, batch->told, batch->told_count));
    PHI_GUARD(open_grades(g->directory, &put, batch->opened, batch->opened_count));
out:
    return err;
}

enum phi_err grading_run(const struct grading *g, const uint8_t (*subjects)[PHI_SUBJECT_LEN],
                         size_t count)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {0};
    struct batch batch = {.g = g};
    PHI_GUARD(entries_changes_init(&batch.changes));
    PHI_GUARD(make_room(&batch, count));
    PHI_GUARD(add_subjects(&batch, subjects, count));
    PHI_GUARD(entries_lock(g->tx, g->partition, &error));
    PHI_GUARD(silence_names(&g->directory->silence, g->arena, &batch.silent, &batch.silent_count));
    PHI_GUARD(entries_read(g, batch.subjects, &batch.entries, &error));
    PHI_GUARD(grading_facts(g->tx, batch.subjects, g->now_us, INT64_MAX, &batch.facts, &error));
    PHI_GUARD(gone_read(g, batch.entries, batch.facts, &batch.gone));
    PHI_GUARD(decide_all(&batch));
    PHI_GUARD(entries_write(g, &batch.changes, &error));
    PHI_GUARD(tell_all(&batch));
out:
    if (error.code != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "grading_failed", PHI_L_DETAIL(&error));
    entries_changes_fini(&batch.changes);
    phi_rows_free(batch.entries);
    phi_rows_free(batch.facts);
    phi_rows_free(batch.gone);
    phi_array_free(batch.subjects);
    return err;
}
