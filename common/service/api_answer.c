#include "service/call.h"

#include "base/mutant.h"
#include "json/canonical.h"

#include <string.h>

#define JSON_TYPE "application/json; charset=utf-8"

static enum phi_err sign(struct phi_api_call *call, struct phi_api_answer *answer)
{
    answer->is_signed = false;
    if (call->caller.app == NULL)
        return PHI_OK;
    enum phi_err err = phi_signature_answer(
        call->service->answer_key, call->service->answer_serial, answer->status, call->now_us,
        call->caller.authorization.nonce, answer->body, &answer->signature);
    answer->is_signed = err == PHI_OK;
    return err;
}

static void send(struct phi_api_call *call, const struct phi_api_answer *answer)
{
    struct phi_http_header headers[PHI_API_HEADERS_MAX];
    size_t count = 0;
    if (answer->is_signed && !PHI_MUTANT(answer_unsigned)) {
        const struct phi_answer_signature *s = &answer->signature;
        headers[count++] = (struct phi_http_header){"Phi-Timestamp", s->timestamp};
        headers[count++] = (struct phi_http_header){"Phi-Nonce", s->nonce};
        headers[count++] = (struct phi_http_header){"Phi-Signature", s->signature};
        headers[count++] = (struct phi_http_header){"Phi-Key-Serial", s->key_serial};
    }
    if (call->etag != NULL && answer->status < 400)
        headers[count++] = (struct phi_http_header){"ETag", call->etag};
    if (call->disposition != NULL && answer->status == 200) {
        headers[count++] = (struct phi_http_header){"Content-Disposition", call->disposition};
        headers[count++] = (struct phi_http_header){"X-Content-Type-Options", "nosniff"};
    }
    const char *type = call->has_lines && answer->status == 200 ? call->lines_type : JSON_TYPE;
    phi_http_answer(call->request, answer->status, type, answer->body, headers, count);
}

/* {resultCode, resultDesc, resultDescEn, bizSerialNum, timeStamp, data}; `data` is borrowed. */
static enum phi_err render(struct phi_api_call *call, enum phi_err result,
                           struct phi_json_last data, struct phi_view *body)
{
    char time[PHI_RFC3339_MAX];
    bool has_serial = call->serial != NULL && !PHI_MUTANT(number_not_told);
    const struct phi_json_member members[] = {{"resultCode", phi_err_return_code(result)},
                                              {"resultDesc", phi_err_text_zh(result)},
                                              {"resultDescEn", phi_err_text_en(result)},
                                              {"bizSerialNum", has_serial ? call->serial : ""},
                                              {"timeStamp", time}};
    phi_rfc3339_format(call->now_us, time);
    return phi_json_envelope(members, sizeof(members) / sizeof(members[0]), "data", data,
                             call->arena, body);
}

static bool is_known_to_caller(const struct phi_api_call *call)
{
    const char *known = call->etag == NULL ? NULL : phi_http_header(call->request, "If-None-Match");
    return known != NULL && strcmp(known, call->etag) == 0;
}

enum phi_err phi_api_prepare(struct phi_api_call *call)
{
    enum phi_err err = PHI_OK;
    call->answer.status = phi_err_http_status(call->verdict);
    if (is_known_to_caller(call))
        call->answer.status = 304;
    else if (call->has_lines)
        call->answer.body = call->lines;
    else
        PHI_GUARD(render(call, call->verdict,
                         (struct phi_json_last){.json = call->data, .text = call->data_text},
                         &call->answer.body));
out:
    return err;
}

void phi_api_sign(struct phi_api_turn *turns, size_t count)
{
    struct phi_signature_reply replies[PHI_API_TOGETHER_MAX];
    struct phi_api_turn *turn_of[PHI_API_TOGETHER_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        const struct phi_api_call *call = turns[i].call;
        if (turns[i].err != PHI_OK || call->caller.app == NULL)
            continue;
        replies[ready] = (struct phi_signature_reply){.status = call->answer.status,
                                                      .now_us = call->now_us,
                                                      .nonce = call->caller.authorization.nonce,
                                                      .body = call->answer.body};
        turn_of[ready++] = &turns[i];
    }
    if (ready == 0)
        return;
    const struct phi_service *service = turn_of[0]->call->service;
    phi_signature_answer_batch(service->answer_key, service->answer_serial, replies, ready);
    for (size_t i = 0; i < ready; i++) {
        struct phi_api_answer *answer = &turn_of[i]->call->answer;
        turn_of[i]->err = replies[i].result;
        answer->is_signed = replies[i].result == PHI_OK;
        answer->signature = replies[i].signature;
    }
}

void phi_api_send(struct phi_api_call *call)
{
    send(call, &call->answer);
}

static enum phi_err refusal(struct phi_api_call *call, const struct phi_error *error,
                            struct phi_api_answer *out)
{
    enum phi_err err = PHI_OK;
    out->status = phi_err_http_status(error->code);
    if (PHI_MUTANT(refused_as_done))
        out->status = 200;
    json_t *data = error->place[0] == '\0'
                       ? NULL
                       : json_pack("{s:s, s:s}", "field", error->place, "reason", error->text);
    out->is_signed = false;
    PHI_GUARD(render(call, error->code, (struct phi_json_last){.json = data}, &out->body));
out:
    json_decref(data);
    return err;
}

void phi_api_refuse(struct phi_api_call *call, const struct phi_error *error)
{
    struct phi_api_answer answer;
    const struct phi_error no_device = {.code = PHI_ERR_KEY_DEVICE};
    call->has_lines = false;
    enum phi_err err = refusal(call, error, &answer);
    if (err == PHI_OK)
        err = sign(call, &answer);
    /* The machine that holds the answer key is away: said without a signature. */
    if (err == PHI_ERR_KEY_DEVICE)
        err = refusal(call, &no_device, &answer);
    if (err != PHI_OK)
        answer = (struct phi_api_answer){.status = 500, .body = phi_view_text("{}")};
    send(call, &answer);
}

enum phi_err phi_api_send_stored(struct phi_api_call *call)
{
    enum phi_err err = PHI_OK;
    struct phi_api_answer answer = {.status = call->stored_status};
    bool is_same = call->stored_digest.len == PHI_SM3_LEN &&
                   memcmp(call->stored_digest.data, call->body_digest, PHI_SM3_LEN) == 0;
    if (!is_same)
        return phi_error_set(&call->late_error, PHI_ERR_CONFLICT, "$.bizSerialNum",
                             "the same number was used for another request");
    PHI_GUARD(phi_unseal(call->service->answer_seal, "idempotency.answer", call->body_digest,
                         call->stored_answer, call->arena, &answer.body));
    PHI_GUARD(sign(call, &answer));
    send(call, &answer);
out:
    return err;
}
