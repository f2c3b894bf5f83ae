/* svc-verify's word about a code, and what makes a receipt of it good here. The receipt answers a
 * challenge of ours that is outstanding: it can't be used twice, here or at another replica. */
#include "svc-directory/query/query.h"

#include "service/receipts.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 2500

static enum phi_err make_request(struct phi_api_call *call, const struct ask *ask,
                                 struct phi_deadline until, struct phi_verify_request *out)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    *out = (struct phi_verify_request){.operation = ask->operation,
                                       .left_ms = (uint32_t)phi_deadline_left_ms(until),
                                       .is_text = true,
                                       .code = phi_view_text(ask->code),
                                       .scope = ask->scope};
    memcpy(out->challenge, ask->challenge, sizeof(out->challenge));
    memcpy(out->holder, ask->holder, sizeof(out->holder));
    snprintf(out->platform, sizeof(out->platform), "%s", phi_service_region(service));
    snprintf(out->program, sizeof(out->program), "%s", phi_service_program(service));
    snprintf(out->app, sizeof(out->app), "%s", phi_api_app(call)->app_id);
    PHI_GUARD(phi_api_request_key(call, out->request_id));
    PHI_GUARD(phi_api_who_digest(call, out->digest));
out:
    return err;
}

static enum phi_err read_reply(struct phi_view frame, const struct phi_verify_request *request,
                               struct phi_verify_reply *reply)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    PHI_GUARD(phi_verify_replies_decode(frame, reply, 1, &count));
    bool is_ours = count == 1 &&
                   memcmp(reply->request_id, request->request_id, sizeof(request->request_id)) == 0;
    if (!is_ours)
        err = PHI_ERR_NEIGHBOUR;
out:
    return err == PHI_ERR_FRAME ? PHI_ERR_NEIGHBOUR : err;
}

enum phi_err ask_verify(struct phi_api_call *call, const struct ask *ask,
                        struct phi_verify_reply *reply, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_verify_request request;
    struct phi_view frame;
    struct phi_deadline until =
        phi_deadline_min(phi_api_deadline(call), phi_deadline_in_ms(ASK_MS));
    uint8_t *bytes = phi_arena_alloc(phi_api_arena(call), PHI_VERIFY_REQUEST_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer out = phi_writer_of(bytes, PHI_VERIFY_REQUEST_MAX);
    PHI_GUARD(make_request(call, ask, until, &request));
    PHI_GUARD(phi_verify_requests_encode(&request, 1, &out));
    PHI_GUARD(phi_rpc_call(directory_of(call)->verify, phi_view_of(bytes, phi_writer_len(&out)),
                           request.request_id, until, phi_api_arena(call), &frame));
    PHI_GUARD(read_reply(frame, &request, reply));
out:
    if (err == PHI_ERR_DEADLINE || err == PHI_ERR_NEIGHBOUR)
        return phi_error_set(error, PHI_ERR_NEIGHBOUR, "svc-verify", "did not answer in time");
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

enum phi_err ask_tell_refusal(struct phi_api_call *call, const struct phi_verify_reply *reply,
                              struct phi_error *error)
{
    if (!phi_err_is_verdict(reply->status) && reply->status != PHI_ERR_ISSUER)
        return phi_error_set(error, reply->status, "$.code", "%s", phi_err_text_en(reply->status));
    json_t *data = json_pack("{s:o, s:o}", "checked", check_names(reply->checked), "unchecked",
                             check_names(reply->unchecked));
    if (data == NULL)
        return PHI_ERR_MEMORY;
    if (reply->status == PHI_ERR_ISSUER)
        json_object_set_new(data, "grade", person_grade_json(PHI_GRADE_GREY));
    phi_api_data(call, data);
    phi_api_verdict(call, reply->status);
    return PHI_OK;
}

/* What we asked for, at most, by us, through the same app, and about somebody. */
static bool is_for_us(struct phi_api_call *call, const struct ask *ask,
                      const struct phi_receipt *receipt)
{
    return receipt->has_subject && receipt->scope <= ask->scope &&
           strcmp(receipt->app, phi_api_app(call)->app_id) == 0 &&
           phi_receipt_has_audience(receipt, phi_service_region(phi_api_service(call)));
}

enum phi_err ask_check_receipt(struct phi_api_call *call, const struct ask *ask,
                               struct phi_view bytes, struct phi_receipt *out,
                               struct phi_error *error)
{
    const char *why = NULL;
    struct phi_receipt receipt;
    int64_t now_us = phi_clock_now_us(phi_service_clock(phi_api_service(call)));
    enum phi_err err = phi_service_receipt_read(phi_api_service(call), bytes, &receipt, error);
    if (err != PHI_OK)
        return err;
    if (memcmp(receipt.challenge, ask->challenge, sizeof(receipt.challenge)) != 0 ||
        !challenge_spend(directory_of(call)->challenges, receipt.challenge, now_us))
        why = "not for an outstanding challenge";
    else if (!is_for_us(call, ask, &receipt))
        why = "for another caller, region or scope";
    if (why != NULL)
        return phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "%s", why);
    *out = receipt;
    return PHI_OK;
}
