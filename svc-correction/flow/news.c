#include "svc-correction/flow/news.h"

#include "base/text.h"
#include "bus/dlq.h"
#include "bus/signed.h"
#include "json/json.h"
#include "svc-correction/batches/batches.h"
#include "svc-correction/flow/pins.h"
#include "svc-correction/flow/stored.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  3
#define NUMBER_MAX 20

struct desk {
    struct phi_service *service;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
    struct pins pins;
    bool is_applied; /* the topic */
    struct stored_moves moves;
    struct phi_laid *laid;
};

/* --- reading --- */

static enum phi_err read_version(const struct phi_json_at *root, int64_t *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    PHI_GUARD(phi_json_word(root, "decisionVersion", NUMBER_MAX, &text, error));
    if (phi_text_to_i64(phi_view_text(text), 1, INT64_MAX, out) != PHI_OK)
        err = phi_json_refuse(root, "decisionVersion", PHI_ERR_FIELD_VALUE, "no version", error);
out:
    return err;
}

/* The signatures are verified, of all at once. */
static enum phi_err verify(const struct desk *desk, const struct phi_batch *batch,
                           struct phi_signed_job *jobs)
{
    if (jobs == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < batch->count; i++)
        jobs[i] = (struct phi_signed_job){
            .msg = &batch->msgs[i], .pinned = desk->pins.keys, .pinned_count = desk->pins.count};
    phi_signed_verify_many(jobs, batch->count, desk->arena);
    return PHI_OK;
}

/* Which record, and whether it has come; members that there were not always. */
static enum phi_err read_fact(const struct desk *desk, const struct phi_json_at *root,
                              struct news *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at fact;
    const char *waits = NULL;
    PHI_GUARD(phi_json_word_opt(root, "waitsFor", CASE_WORD_MAX, "", &waits, desk->error));
    out->waits = waits[0] != '\0';
    PHI_GUARD(phi_json_member(root, "fact", false, &fact, desk->error));
    if (fact.value == NULL)
        goto out;
    PHI_GUARD(phi_json_object(root, "fact", &fact, desk->error));
    PHI_GUARD(phi_json_word(&fact, "source", CASE_WORD_MAX, &out->fact.source, desk->error));
    PHI_GUARD(
        phi_json_word(&fact, "institution", CASE_WORD_MAX, &out->fact.institution, desk->error));
    PHI_GUARD(phi_json_word(&fact, "recordNo", CASE_WORD_MAX, &out->fact.record_no, desk->error));
out:
    return err;
}

static enum phi_err read_one(const struct desk *desk, const struct phi_signed_job *job,
                             struct news *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(job->err);
    PHI_GUARD(phi_json_read(out->msg->value, DEPTH_MAX, desk->arena, &root, desk->error));
    PHI_GUARD(phi_json_hex(&root, "caseId", out->case_id, CASE_LEN, desk->error));
    PHI_GUARD(out->msg->key.len == PHI_SUBJECT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    if (!desk->is_applied)
        goto out;
    PHI_GUARD(read_version(&root, &out->decision_version, desk->error));
    PHI_GUARD(read_fact(desk, &root, out));
out:
    return err;
}

/* --- acting --- */

static enum phi_err do_act(struct desk *desk, struct case_now *now, enum step_act act,
                           bool *is_done)
{
    const struct step_row *way = step_find(now->state, act);
    bool is_back = act == ACT_REOPEN;
    *is_done = way != NULL;
    if (way == NULL)
        return PHI_OK;
    const struct move_act move = {.step = step_act_name(act),
                                  .to = way->to,
                                  .outcome = is_back ? "" : now->outcome,
                                  .reason = is_back ? "" : now->reason,
                                  .unit = ""};
    return stored_moves_add(&desk->moves, desk->service, now, &move, desk->arena);
}

static enum phi_err open_matter(const struct desk *desk, const struct case_now *now)
{
    const struct phi_param params[] = {PHI_BYTES_OF(now->matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(now->case_id, CASE_LEN)};
    return phi_conn_exec(desk->tx, "matter_open_again",
                         "INSERT INTO open_matters (matter, case_id) VALUES ($1, $2) ON CONFLICT "
                         "DO NOTHING",
                         params, 2, NULL, desk->error);
}

/* No step: most records are only on their way. Past its time the case is escalated for it. */
static enum phi_err await_record(const struct desk *desk, const struct news *news)
{
    const struct phi_param params[] = {PHI_BYTES_OF(news->case_id, CASE_LEN),
                                       PHI_I64(news->decision_version)};
    return phi_conn_exec(desk->tx, "case_awaits",
                         "UPDATE cases SET awaits_version = $2 WHERE case_id = $1", params, 2, NULL,
                         desk->error);
}

/* Applied is told with it: the step is on correction.step, the change of grade on notice.<app>. */
static enum phi_err act_on(struct desk *desk, const struct news *news, struct case_now *now)
{
    enum phi_err err = PHI_OK;
    bool is_done = false;
    if (!desk->is_applied) {
        PHI_GUARD(do_act(desk, now, ACT_REOPEN, &is_done));
        if (is_done)
            PHI_GUARD(open_matter(desk, now));
        goto out;
    }
    if (news->waits)
        return await_record(desk, news);
    PHI_GUARD(do_act(desk, now, ACT_APPLY, &is_done));
    if (is_done)
        PHI_GUARD(do_act(desk, now, ACT_TELL, &is_done));
out:
    return err;
}

/* Of a bad batch, or of a decision of before. What is said of a batch's case moves it only when all
 * is said; a new record about one of its events is no reason to decide about all. */
static enum phi_err take_others(const struct desk *desk, const struct news *news, size_t count)
{
    if (!desk->is_applied)
        return PHI_OK;
    return batch_applied(desk->service, desk->tx, news, count, desk->arena, desk->error);
}

/* The news of one case; `now` goes along with what they do to it. */
static enum phi_err take_case(struct desk *desk, const struct news *news, size_t count,
                              const struct phi_rows *rows, size_t row)
{
    enum phi_err err = PHI_OK;
    struct case_now now = {.seq = 0};
    int64_t version = phi_rows_i64(rows, row, STORED_COLUMN_COUNT);
    PHI_GUARD(stored_take(rows, row, &now));
    if (now.matter_kind == MATTER_BATCH)
        return take_others(desk, news, count);
    for (size_t i = 0; i < count; i++)
        if (!desk->is_applied || news[i].decision_version == version)
            PHI_GUARD(act_on(desk, &news[i], &now));
out:
    return err;
}

static size_t same_case(const struct news *news, size_t count)
{
    size_t same = 1;
    while (same < count && memcmp(news[0].case_id, news[same].case_id, CASE_LEN) == 0)
        same++;
    return same;
}

/* Both are sorted by the case's id. */
static enum phi_err take_rows(struct desk *desk, const struct news *all, size_t count,
                              const struct phi_rows *rows)
{
    enum phi_err err = PHI_OK;
    size_t row = 0;
    for (size_t i = 0; i < count;) {
        size_t same = same_case(all + i, count - i);
        bool is_there = row < phi_rows_count(rows) &&
                        memcmp(all[i].case_id, phi_rows_bytes(rows, row, 0).data, CASE_LEN) == 0;
        PHI_GUARD(is_there ? take_case(desk, all + i, same, rows, row++)
                           : take_others(desk, all + i, same));
        i += same;
    }
out:
    return err;
}

/* Moved by somebody else since it was read: then the batch comes again and finds what is so. */
static enum phi_err take_all(struct desk *desk, const struct news *all, size_t count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(stored_moves_room(&desk->moves, 2 * count, desk->arena));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_array_add(ids, PHI_BYTES_OF(all[i].case_id, CASE_LEN)));
    const struct phi_param param = PHI_ARRAY(ids);
    PHI_GUARD(phi_conn_exec(desk->tx, "cases_of_news",
                            "SELECT " STORED_COLUMNS ", decision_version FROM cases WHERE case_id "
                            "= ANY ($1::bytea[]) ORDER BY case_id",
                            &param, 1, &rows, desk->error));
    PHI_GUARD(take_rows(desk, all, count, rows));
    PHI_GUARD(stored_moves_write(&desk->moves, desk->service, desk->tx, desk->arena, desk->error));
    phi_laid_keep(desk->laid, desk->arena, desk->moves.events, desk->moves.count);
out:
    phi_rows_free(rows);
    phi_array_free(ids);
    return err;
}

/* By their cases, of one case as they came. */
static int in_order(const void *a, const void *b)
{
    const struct news *left = a, *right = b;
    int order = memcmp(left->case_id, right->case_id, CASE_LEN);
    return order != 0 ? order
                      : (left->msg->offset > right->msg->offset) -
                            (left->msg->offset < right->msg->offset);
}

enum phi_err news_take(struct phi_service *service, const struct phi_batch *batch,
                       struct phi_conn *tx, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    struct correction *correction = phi_service_state(service);
    struct desk desk = {
        .service = service, .tx = tx, .arena = arena, .error = error, .laid = &correction->laid};
    struct news *all = phi_arena_alloc(arena, batch->count * sizeof(*all));
    struct phi_signed_job *jobs = phi_arena_alloc(arena, batch->count * sizeof(*jobs));
    desk.is_applied = strcmp(batch->topic, phi_service_topic(service, NEWS_APPLIED)) == 0;
    PHI_GUARD(all == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(pins_take(service, PHI_TRUST_DIRECTORY, phi_clock_now_us(phi_service_clock(service)),
                        &desk.pins));
    PHI_GUARD(verify(&desk, batch, jobs));
    for (size_t i = 0; i < batch->count; i++) {
        all[count] = (struct news){.msg = &batch->msgs[i]};
        enum phi_err why = read_one(&desk, &jobs[i], &all[count]);
        PHI_GUARD(why == PHI_ERR_MEMORY ? why : PHI_OK);
        if (why != PHI_OK)
            PHI_GUARD(phi_dlq_put(correction->dlq, tx, &batch->msgs[i], why));
        count += why == PHI_OK;
    }
    qsort(all, count, sizeof(*all), in_order);
    if (count > 0)
        PHI_GUARD(take_all(&desk, all, count));
out:
    pins_release(&desk.pins);
    return err;
}
