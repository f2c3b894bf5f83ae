#include "svc-correction/flow/news.h"

#include "auth/trust.h"
#include "base/text.h"
#include "bus/dlq.h"
#include "bus/signed.h"
#include "json/json.h"
#include "svc-correction/flow/batches.h"
#include "svc-correction/flow/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX   16
#define DEPTH_MAX  3
#define NUMBER_MAX 20

struct news {
    const struct phi_msg *msg;
    uint8_t case_id[CASE_LEN];
    int64_t decision_version; /* of an applied one */
};

struct desk {
    struct phi_service *service;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
    const struct phi_trust_view *trust; /* holds the keys */
    struct phi_pinned_key pinned[KEYS_MAX];
    size_t pinned_count;
    bool is_applied; /* the topic */
    struct stored_moves moves;
    struct phi_laid *laid;
};

/* --- reading --- */

static enum phi_err pin(struct desk *desk)
{
    int64_t now_us = phi_clock_now_us(phi_service_clock(desk->service));
    const struct phi_trust_platform *platform =
        phi_trust_platform(desk->trust, phi_service_region(desk->service));
    for (size_t i = 0; platform != NULL && i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use != PHI_TRUST_DIRECTORY || now_us < key->from_us || now_us >= key->to_us ||
            desk->pinned_count == KEYS_MAX)
            continue;
        struct phi_pinned_key *pinned = &desk->pinned[desk->pinned_count++];
        snprintf(pinned->key_serial, sizeof(pinned->key_serial), "%s", key->serial);
        pinned->key = key->public_key;
    }
    return platform == NULL ? PHI_ERR_NEIGHBOUR : PHI_OK;
}

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
            .msg = &batch->msgs[i], .pinned = desk->pinned, .pinned_count = desk->pinned_count};
    phi_signed_verify_many(jobs, batch->count, desk->arena);
    return PHI_OK;
}

static enum phi_err read_one(const struct desk *desk, const struct phi_signed_job *job,
                             struct news *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(job->err);
    PHI_GUARD(phi_json_read(out->msg->value, DEPTH_MAX, desk->arena, &root, desk->error));
    PHI_GUARD(phi_json_hex(&root, "caseId", out->case_id, CASE_LEN, desk->error));
    if (desk->is_applied)
        PHI_GUARD(read_version(&root, &out->decision_version, desk->error));
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

/* Applied is told with it: the step is on correction.step, the change of grade on notice.<app>. */
static enum phi_err act_on(struct desk *desk, struct case_now *now)
{
    enum phi_err err = PHI_OK;
    bool is_done = false;
    if (!desk->is_applied) {
        PHI_GUARD(do_act(desk, now, ACT_REOPEN, &is_done));
        if (is_done)
            PHI_GUARD(open_matter(desk, now));
        goto out;
    }
    PHI_GUARD(do_act(desk, now, ACT_APPLY, &is_done));
    if (is_done)
        PHI_GUARD(do_act(desk, now, ACT_TELL, &is_done));
out:
    return err;
}

/* The news of one case; `now` goes along with what they do to it. */
static enum phi_err take_case(struct desk *desk, const struct news *news, size_t count,
                              const struct phi_rows *rows, size_t row)
{
    enum phi_err err = PHI_OK;
    struct case_now now = {.seq = 0};
    int64_t version = phi_rows_i64(rows, row, STORED_COLUMN_COUNT);
    PHI_GUARD(stored_take(rows, row, &now));
    for (size_t i = 0; i < count; i++)
        if (!desk->is_applied || news[i].decision_version == version)
            PHI_GUARD(act_on(desk, &now));
out:
    return err;
}

/* Of no case: of a bad batch, if it is not a decision of before. */
static enum phi_err take_others(struct desk *desk, const struct news *news, size_t count)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_clock_now_us(phi_service_clock(desk->service));
    for (size_t i = 0; desk->is_applied && i < count; i++)
        PHI_GUARD(batch_add(desk->tx, news[i].case_id, news[i].msg->key, now_us, desk->error));
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

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct news *)a)->case_id, ((const struct news *)b)->case_id, CASE_LEN);
}

enum phi_err news_take(struct phi_service *service, const struct phi_batch *batch,
                       struct phi_conn *tx, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    struct correction *correction = phi_service_state(service);
    struct desk desk = {.service = service,
                        .tx = tx,
                        .arena = arena,
                        .error = error,
                        .laid = &correction->laid,
                        .trust = phi_trust_acquire(phi_service_trust(service))};
    struct news *all = phi_arena_alloc(arena, batch->count * sizeof(*all));
    struct phi_signed_job *jobs = phi_arena_alloc(arena, batch->count * sizeof(*jobs));
    desk.is_applied = strcmp(batch->topic, phi_service_topic(service, NEWS_APPLIED)) == 0;
    PHI_GUARD(all == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(pin(&desk));
    PHI_GUARD(verify(&desk, batch, jobs));
    for (size_t i = 0; i < batch->count; i++) {
        all[count] = (struct news){.msg = &batch->msgs[i]};
        enum phi_err why = read_one(&desk, &jobs[i], &all[count]);
        PHI_GUARD(why == PHI_ERR_MEMORY ? why : PHI_OK);
        if (why != PHI_OK)
            PHI_GUARD(phi_dlq_put(correction->dlq, tx, &batch->msgs[i], why));
        count += why == PHI_OK;
    }
    qsort(all, count, sizeof(*all), compare);
    if (count > 0)
        PHI_GUARD(take_all(&desk, all, count));
out:
    phi_trust_release(desk.trust);
    return err;
}
