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

static enum phi_err read_one(const struct desk *desk, struct news *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    uint64_t version = 0;
    PHI_GUARD(phi_signed_verify(out->msg, desk->pinned, desk->pinned_count, &version, desk->error));
    PHI_GUARD(phi_json_read(out->msg->value, DEPTH_MAX, desk->arena, &root, desk->error));
    PHI_GUARD(phi_json_hex(&root, "caseId", out->case_id, CASE_LEN, desk->error));
    if (desk->is_applied)
        PHI_GUARD(read_version(&root, &out->decision_version, desk->error));
out:
    return err;
}

/* --- acting --- */

static enum phi_err do_act(const struct desk *desk, struct case_now *now, enum step_act act,
                           bool *is_ours)
{
    const struct step_row *way = step_find(now->state, act);
    bool is_back = act == ACT_REOPEN;
    if (way == NULL)
        return PHI_OK;
    const struct move_act move = {.step = step_act_name(act),
                                  .to = way->to,
                                  .outcome = is_back ? "" : now->outcome,
                                  .reason = is_back ? "" : now->reason,
                                  .unit = ""};
    return stored_move(desk->service, desk->tx, now, &move, desk->arena, is_ours, desk->error);
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
static enum phi_err act_on(const struct desk *desk, struct case_now *now)
{
    enum phi_err err = PHI_OK;
    bool is_ours = false;
    if (!desk->is_applied) {
        PHI_GUARD(do_act(desk, now, ACT_REOPEN, &is_ours));
        if (is_ours)
            PHI_GUARD(open_matter(desk, now));
        goto out;
    }
    PHI_GUARD(do_act(desk, now, ACT_APPLY, &is_ours));
    if (is_ours)
        PHI_GUARD(do_act(desk, now, ACT_TELL, &is_ours));
out:
    return err;
}

/* Moved by somebody else since it was read: then the batch comes again and finds what is so. */
static enum phi_err take_one(const struct desk *desk, const struct news *news)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct case_now now = {.seq = 0};
    const struct phi_param params[] = {PHI_BYTES_OF(news->case_id, CASE_LEN),
                                       PHI_I64(news->decision_version)};
    PHI_GUARD(phi_conn_exec(desk->tx, "case_of_news",
                            "SELECT " STORED_COLUMNS " FROM cases WHERE case_id = $1 AND ($2 = 0 "
                            "OR decision_version = $2::bigint)",
                            params, 2, &rows, desk->error));
    if (phi_rows_count(rows) == 0 && desk->is_applied)
        PHI_GUARD(batch_add(desk->tx, news->case_id, news->msg->key,
                            phi_clock_now_us(phi_service_clock(desk->service)), desk->error));
    if (phi_rows_count(rows) == 0)
        goto out;
    PHI_GUARD(stored_take(rows, 0, &now));
    PHI_GUARD(act_on(desk, &now));
out:
    phi_rows_free(rows);
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
    const struct correction *correction = phi_service_state(service);
    struct desk desk = {.service = service,
                        .tx = tx,
                        .arena = arena,
                        .error = error,
                        .trust = phi_trust_acquire(phi_service_trust(service))};
    struct news *all = phi_arena_alloc(arena, batch->count * sizeof(*all));
    desk.is_applied = strcmp(batch->topic, phi_service_topic(service, NEWS_APPLIED)) == 0;
    PHI_GUARD(all == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(pin(&desk));
    for (size_t i = 0; i < batch->count; i++) {
        all[count] = (struct news){.msg = &batch->msgs[i]};
        enum phi_err why = read_one(&desk, &all[count]);
        PHI_GUARD(why == PHI_ERR_MEMORY ? why : PHI_OK);
        if (why != PHI_OK)
            PHI_GUARD(phi_dlq_put(correction->dlq, tx, &batch->msgs[i], why));
        count += why == PHI_OK;
    }
    qsort(all, count, sizeof(*all), compare);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(take_one(&desk, &all[i]));
out:
    phi_trust_release(desk.trust);
    return err;
}
