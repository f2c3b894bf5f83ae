#include "service/call.h"

#include "base/mutant.h"
#include "base/queue.h"
#include "store/tables.h"

#include <string.h>

#define LATE_QUEUE_MAX 4096
#define LATE_BATCH     16
#define LATE_WAIT_MS   500

static enum phi_err add_nonce(struct phi_api_call *call)
{
    const struct phi_param nonce[PHI_NONCES_COLUMNS] = {PHI_TEXT(call->caller.app->app_id),
                                                        PHI_TEXT(call->caller.authorization.nonce),
                                                        PHI_I64(call->now_us)};
    if (PHI_MUTANT(replay_taken))
        return PHI_OK;
    return phi_commit_add(call->commit, PHI_API_NONCES, nonce, PHI_NONCES_COLUMNS);
}

static enum phi_err add_idempotency(struct phi_api_call *call)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(phi_seal(call->service->answer_seal, "idempotency.answer", call->body_digest,
                       call->answer.body, call->arena, &sealed));
    const struct phi_param row[PHI_IDEMPOTENCY_COLUMNS] = {
        [PHI_IDEMPOTENCY_APP] = PHI_TEXT(call->caller.app->app_id),
        [PHI_IDEMPOTENCY_ROUTE] = PHI_TEXT(call->route->path),
        [PHI_IDEMPOTENCY_CUSTOMER] = PHI_TEXT(PHI_MUTANT(customers_mixed) ? "" : call->customer),
        [PHI_IDEMPOTENCY_SERIAL] = PHI_TEXT(call->serial),
        [PHI_IDEMPOTENCY_DIGEST] = PHI_BYTES_OF(call->body_digest, PHI_SM3_LEN),
        [PHI_IDEMPOTENCY_STATUS] = PHI_I64(call->answer.status),
        [PHI_IDEMPOTENCY_ANSWER] = PHI_BYTES(sealed),
        [PHI_IDEMPOTENCY_CREATED] = PHI_I64(call->now_us),
    };
    PHI_GUARD(phi_commit_add(call->commit, PHI_API_IDEMPOTENCY, row, PHI_IDEMPOTENCY_COLUMNS));
out:
    return err;
}

/* Runs on the lane's thread: copies what the late thread needs out of rows that go with the batch.
 */
static void keep_stored(struct phi_api_call *call, const struct phi_commit_result *result)
{
    if (result->table != PHI_API_IDEMPOTENCY || result->rows == NULL)
        return;
    call->stored_digest = phi_arena_view(
        call->arena, phi_rows_bytes(result->rows, result->row, PHI_IDEMPOTENCY_DIGEST));
    call->stored_answer = phi_arena_view(
        call->arena, phi_rows_bytes(result->rows, result->row, PHI_IDEMPOTENCY_ANSWER));
    call->stored_status = (int)phi_rows_i64(result->rows, result->row, PHI_IDEMPOTENCY_STATUS);
    call->has_stored = true;
}

static void answer_late(struct phi_api_call *call)
{
    if (call->has_stored) {
        enum phi_err err = phi_api_send_stored(call);
        if (err == PHI_OK)
            return;
        call->late_err = err;
        if (err != PHI_ERR_CONFLICT)
            phi_error_set(&call->late_error, err, "", "the stored answer can't be read");
    }
    call->late_error.code = call->late_err;
    phi_api_refuse(call, &call->late_error);
}

static void refuse_later(struct phi_api_call *call, const struct phi_commit_result *result)
{
    call->late_err = result->err;
    phi_error_set(&call->late_error, result->err, "", "%s", phi_err_text_en(result->err));
    if (result->err == PHI_ERR_NONCE)
        strcpy(call->late_error.place, "nonce");
    keep_stored(call, result);
    if (phi_queue_push(call->api->late, call) != PHI_OK)
        answer_late(call);
}

static void on_done(void *context, const struct phi_commit_result *result)
{
    struct phi_api_call *call = context;
    if (result->err != PHI_OK) {
        refuse_later(call, result);
        return;
    }
    if (call->after != NULL)
        call->after(call, call->after_context);
    if (call->event_count > 0)
        phi_relay_offer(call->service->relay, call->events, call->event_count);
    phi_api_send(call);
}

enum phi_err phi_api_commit(struct phi_api_call *call)
{
    enum phi_err err = PHI_OK;
    bool is_signed = call->caller.app != NULL;
    if (!is_signed && call->commit == NULL) {
        phi_api_send(call);
        return PHI_OK;
    }
    if (call->commit == NULL)
        call->commit = phi_commit_new(call->service->lane);
    PHI_GUARD(call->commit == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (is_signed)
        PHI_GUARD(add_nonce(call));
    if (call->route->flags & PHI_API_CREATES && !PHI_MUTANT(answers_forgotten))
        PHI_GUARD(add_idempotency(call));
    PHI_GUARD(phi_commit_submit(call->commit, on_done, call, phi_api_deadline(call)));
out:
    return err;
}

static enum phi_err find_stored(struct phi_api_call *call)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct phi_error error = {0};
    PHI_GUARD(phi_store_acquire(call->service->store, phi_api_deadline(call), &conn));
    PHI_GUARD(phi_idempotency_find(conn, call->caller.app->app_id, call->route->path,
                                   call->customer, call->serial, &rows, &error));
    struct phi_commit_result found = {.table = PHI_API_IDEMPOTENCY, .rows = rows};
    if (phi_rows_count(rows) > 0)
        keep_stored(call, &found);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

bool phi_api_answer_again(struct phi_api_call *call)
{
    if (!call->has_body_digest)
        return false;
    if (find_stored(call) != PHI_OK || !call->has_stored)
        return false;
    struct phi_commit *commit = phi_commit_new(call->service->lane);
    const struct phi_param nonce[PHI_NONCES_COLUMNS] = {PHI_TEXT(call->caller.app->app_id),
                                                        PHI_TEXT(call->caller.authorization.nonce),
                                                        PHI_I64(call->now_us)};
    enum phi_err err = commit == NULL
                           ? PHI_ERR_MEMORY
                           : phi_commit_add(commit, PHI_API_NONCES, nonce, PHI_NONCES_COLUMNS);
    if (err == PHI_OK)
        err = phi_commit_wait(commit, phi_api_deadline(call), NULL, NULL);
    else
        phi_commit_free(commit);
    if (err != PHI_OK) {
        phi_error_set(&call->late_error, err, "nonce", "%s", phi_err_text_en(err));
        call->has_stored = false;
        call->late_err = err;
    }
    answer_late(call);
    return true;
}

static void *late_run(void *context)
{
    struct phi_api *api = context;
    void *items[LATE_BATCH];
    for (;;) {
        size_t count =
            phi_queue_pop(api->late, items, LATE_BATCH, phi_deadline_in_ms(LATE_WAIT_MS));
        for (size_t i = 0; i < count; i++)
            answer_late(items[i]);
        if (count == 0 && phi_queue_is_closed(api->late))
            return NULL;
    }
}

enum phi_err phi_api_late_start(struct phi_api *api)
{
    api->late = phi_queue_new(LATE_QUEUE_MAX);
    if (api->late == NULL || pthread_create(&api->thread, NULL, late_run, api) != 0)
        return PHI_ERR_MEMORY;
    api->has_thread = true;
    return PHI_OK;
}

void phi_api_late_stop(struct phi_api *api)
{
    if (api->late == NULL)
        return;
    phi_queue_close(api->late);
    if (api->has_thread)
        pthread_join(api->thread, NULL);
    phi_queue_free(api->late);
}
