/* The HTTP door: POST /v1/codes/verify and, for as many as a body holds, …/batch; the same answers
 * as over the RPC. */
#include "svc-verify/verify.h"

#include "base/mutant.h"
#include "base/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_MAX 64
#define ITEMS_MAX  128 /* of our form; a body holds no more */
#define OPERATIONS 3

static const char *const operations[] = {"verify", "check", "own"};
static const enum phi_verify_operation operation_of[] = {PHI_VERIFY_VERIFY, PHI_VERIFY_CHECK,
                                                         PHI_VERIFY_OWN};
static const char *const scopes[] = {"pass", "medical", "self"};

/* What a handler asks of the core and waits for. */
struct ask {
    struct phi_verify_request request;
    const char *serial; /* the request's bizSerialNum, or an item's */
    bool has_challenge;
    uint32_t allowed_scopes;
    struct phi_deadline deadline;
    struct phi_verify_reply reply; /* its receipt in `receipt` */
    uint8_t receipt[PHI_RECEIPT_MAX];
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
};

static void tell_ask(struct ask *ask, const struct phi_verify_reply *reply)
{
    ask->reply = *reply;
    if (reply->receipt.len > 0)
        memcpy(ask->receipt, reply->receipt.data, reply->receipt.len);
    ask->reply.receipt = phi_view_of(ask->receipt, reply->receipt.len);
    pthread_mutex_lock(&ask->lock);
    ask->is_done = true;
    pthread_cond_signal(&ask->seen);
    pthread_mutex_unlock(&ask->lock);
}

static void answer(struct verify_job **jobs, size_t count, bool is_as_prepared)
{
    (void)is_as_prepared;
    for (size_t i = 0; i < count; i++)
        tell_ask(jobs[i]->context, &jobs[i]->reply);
}

static const struct verify_door door = {.answer = answer};

/* The requests that the handlers have brought meanwhile are one batch. */
void verify_http_handle(struct verify *verify, void **items, size_t count)
{
    const struct phi_verify_reply none = {.status = PHI_ERR_MEMORY};
    struct verify_batch *batch = verify_batch_new(verify, &door, count);
    for (size_t i = 0; i < count; i++) {
        struct ask *ask = items[i];
        struct verify_job *job = NULL;
        if (batch != NULL)
            job = verify_batch_add(batch, &ask->request, ask->allowed_scopes, ask->deadline);
        if (job == NULL)
            tell_ask(ask, &none);
        else
            job->context = ask;
    }
    if (batch != NULL && batch->count > 0)
        verify_run(batch);
    else
        verify_batch_drop(batch);
}

/* Those that found no place in the queue are told so. */
static void start(struct verify *verify, struct ask *ask)
{
    const struct phi_verify_reply none = {.status = phi_queue_push(verify->asks.queue, ask)};
    if (none.status != PHI_OK)
        tell_ask(ask, &none);
}

/* The lane tells every commit its outcome within the job's deadline, so this wait ends. */
static void wait_for(struct ask *ask)
{
    pthread_mutex_lock(&ask->lock);
    while (!ask->is_done)
        pthread_cond_wait(&ask->seen, &ask->lock);
    pthread_mutex_unlock(&ask->lock);
    pthread_cond_destroy(&ask->seen);
    pthread_mutex_destroy(&ask->lock);
}

/* All are under way before the first is waited for, so they share batches and commits. */
static void run(struct verify *verify, struct ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_init(&asks[i].lock, NULL);
        pthread_cond_init(&asks[i].seen, NULL);
        start(verify, &asks[i]);
    }
    for (size_t i = 0; i < count; i++)
        wait_for(&asks[i]);
}

static uint32_t scopes_of(const struct phi_registry_app *app)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < app->scopes.count; i++) {
        enum phi_scope scope;
        if (phi_scope_parse(phi_view_text(app->scopes.items[i]), &scope) == PHI_OK)
            bits |= 1u << scope;
    }
    return bits;
}

/* The request id is made of the number, the request's bizSerialNum or an item's: the same number is
 * the same request, in a batch or alone. */
static enum phi_err name_request(struct phi_api_call *call, const char *number,
                                 struct phi_verify_request *out)
{
    enum phi_err err = PHI_OK;
    snprintf(out->platform, sizeof(out->platform), "%s", phi_service_region(phi_api_service(call)));
    snprintf(out->program, sizeof(out->program), "%s", "app");
    snprintf(out->app, sizeof(out->app), "%s", phi_api_app(call)->app_id);
    PHI_GUARD(phi_api_request_key_of(call, number, out->request_id));
    PHI_GUARD(phi_api_who_digest(call, out->digest));
out:
    return err;
}

/* Whose own code it must be is who asks. */
static enum phi_err name_holder(struct phi_api_call *call, struct phi_verify_request *out)
{
    const struct verify *verify = phi_service_state(phi_api_service(call));
    if (out->operation != PHI_VERIFY_OWN)
        return PHI_OK;
    return phi_subject_index(verify->index_key, &phi_api_who(call)->person, out->holder);
}

/* The members of one code, in the body or in an item. */
static enum phi_err parse(struct phi_api_call *call, const struct phi_json_at *at, struct ask *ask,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_verify_request *out = &ask->request;
    const char *code = NULL;
    size_t operation = 0, scope = 0;
    PHI_GUARD(phi_json_text(at, "code", 1, PHI_JKM1_TEXT_MAX, &code, error));
    PHI_GUARD(phi_json_enum_opt(at, "operation", operations, OPERATIONS, 0, &operation, error));
    PHI_GUARD(phi_json_enum_opt(at, "scope", scopes, 3, 0, &scope, error));
    PHI_GUARD(phi_json_hex_opt(at, "challenge", out->challenge, sizeof(out->challenge),
                               &ask->has_challenge, error));
    out->operation = operation_of[operation];
    out->is_text = true;
    out->code = phi_view_text(code);
    PHI_GUARD(phi_scope_parse(phi_view_text(scopes[scope]), &out->scope));
    PHI_GUARD(name_request(call, ask->serial, out));
    PHI_GUARD(name_holder(call, out));
    ask->allowed_scopes = scopes_of(phi_api_app(call));
    ask->deadline = phi_api_deadline(call);
out:
    return err;
}

static json_t *check_names(uint16_t bits)
{
    json_t *names = json_array();
    for (int i = 0; i < PHI_CHECK_COUNT; i++)
        if (bits & (1u << i))
            json_array_append_new(names, json_string(phi_verify_check_name(1u << i)));
    return names;
}

/* A receipt answers a challenge; without one it would be anybody's to use for its minute. */
static json_t *data_of(const struct ask *ask)
{
    const struct phi_verify_reply *reply = &ask->reply;
    json_t *data = json_pack("{s:o, s:o}", "checked", check_names(reply->checked), "unchecked",
                             check_names(reply->unchecked));
    if (data != NULL && reply->checked & PHI_CHECK_FORM) {
        char deadline[PHI_RFC3339_MAX];
        phi_rfc3339_format(reply->deadline_s * 1000000, deadline);
        json_object_set_new(data, "platform", json_string(reply->platform));
        json_object_set_new(data, "deadline", json_string(deadline));
    }
    if (data != NULL && reply->status == PHI_OK) {
        json_object_set_new(data, "oneTime", json_boolean(reply->flags & PHI_JKM1_ONE_TIME));
        json_object_set_new(data, "paper", json_boolean(reply->flags & PHI_JKM1_PAPER));
        json_object_set_new(data, "scope", json_string(phi_scope_name(reply->scope)));
    }
    if (data != NULL && (ask->has_challenge || PHI_MUTANT(receipt_always)) &&
        reply->receipt.len > 0) {
        char base64[PHI_BASE64_LEN(PHI_RECEIPT_MAX) + 1];
        phi_base64_encode(reply->receipt, base64);
        json_object_set_new(data, "receipt", json_string(base64));
    }
    return data;
}

static bool is_verdict(enum phi_err status)
{
    return status == PHI_OK || phi_err_is_verdict(status) || status == PHI_ERR_ISSUER;
}

enum phi_err verify_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct ask ask = {.serial = phi_api_serial(call)};
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(parse(call, &body, &ask, error));
    run(phi_service_state(phi_api_service(call)), &ask, 1);
    if (!is_verdict(ask.reply.status))
        return phi_error_set(error, ask.reply.status, "$.code", "%s",
                             phi_err_text_en(ask.reply.status));
    phi_api_data(call, data_of(&ask));
    phi_api_verdict(call, ask.reply.status);
out:
    return err;
}

/* --- many --- */

static enum phi_err parse_item(struct phi_api_call *call, const struct phi_json_at *item,
                               struct ask *ask, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"bizSerialNum", "code", "operation", "scope",
                                          "challenge"};
    PHI_GUARD(phi_json_only(item, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_word(item, "bizSerialNum", SERIAL_MAX, &ask->serial, error));
    PHI_GUARD(parse(call, item, ask, error));
out:
    return err;
}

static json_t *result_of(const struct ask *ask)
{
    enum phi_err status = ask->reply.status;
    return json_pack("{s:s, s:s, s:s, s:s, s:o?}", "bizSerialNum", ask->serial, "resultCode",
                     phi_err_return_code(status), "resultDesc", phi_err_text_zh(status),
                     "resultDescEn", phi_err_text_en(status), "data",
                     is_verdict(status) ? data_of(ask) : NULL);
}

enum phi_err verify_http_many(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call), items;
    struct ask *asks = NULL;
    size_t count = 0;
    PHI_GUARD(phi_json_array(&body, "items", 1, ITEMS_MAX, &items, &count, error));
    asks = calloc(count, sizeof(*asks));
    PHI_GUARD(asks == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&items, i);
        PHI_GUARD(parse_item(call, &item, &asks[i], error));
    }
    run(phi_service_state(phi_api_service(call)), asks, count);
    json_t *results = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(results, result_of(&asks[i]));
    phi_api_data(call, json_pack("{s:o}", "items", results));
out:
    free(asks);
    return err;
}
