/* The HTTP door: POST /v1/codes/verify, the same answers as over the RPC. */
#include "svc-verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const operations[] = {"verify", "check"};
static const char *const scopes[] = {"pass", "medical"};

/* A job that a handler waits for. */
struct wait {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
};

static void on_done(struct verify_job *job, void *context)
{
    (void)job;
    struct wait *wait = context;
    pthread_mutex_lock(&wait->lock);
    wait->is_done = true;
    pthread_cond_signal(&wait->seen);
    pthread_mutex_unlock(&wait->lock);
}

/* The lane tells every commit its outcome within the job's deadline, so this wait ends. */
static void run(struct verify_job *job)
{
    struct wait wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .seen = PTHREAD_COND_INITIALIZER};
    job->done = on_done;
    /* cppcheck-suppress autoVariables ; this function outlives the job's answer */
    job->context = &wait;
    verify_start(job);
    pthread_mutex_lock(&wait.lock);
    while (!wait.is_done)
        pthread_cond_wait(&wait.seen, &wait.lock);
    pthread_mutex_unlock(&wait.lock);
    pthread_cond_destroy(&wait.seen);
    pthread_mutex_destroy(&wait.lock);
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

static enum phi_err parse(struct phi_api_call *call, struct phi_verify_request *out,
                          bool *has_challenge, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    const char *code = NULL;
    size_t operation = 0, scope = 0;
    PHI_GUARD(phi_json_text(&body, "code", 1, PHI_JKM1_TEXT_MAX, &code, error));
    PHI_GUARD(phi_json_enum_opt(&body, "operation", operations, 2, 0, &operation, error));
    PHI_GUARD(phi_json_enum_opt(&body, "scope", scopes, 2, 0, &scope, error));
    PHI_GUARD(phi_json_hex_opt(&body, "challenge", out->challenge, sizeof(out->challenge),
                               has_challenge, error));
    out->operation = operation == 0 ? PHI_VERIFY_VERIFY : PHI_VERIFY_CHECK;
    out->is_text = true;
    out->code = phi_view_text(code);
    PHI_GUARD(phi_scope_parse(phi_view_text(scopes[scope]), &out->scope));
    snprintf(out->platform, sizeof(out->platform), "%s", phi_service_region(phi_api_service(call)));
    snprintf(out->program, sizeof(out->program), "%s", "app");
    snprintf(out->app, sizeof(out->app), "%s", phi_api_app(call)->app_id);
    PHI_GUARD(phi_api_request_key(call, out->request_id));
    PHI_GUARD(phi_api_who_digest(call, out->digest));
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
static void tell(struct phi_api_call *call, const struct verify_job *job, bool has_challenge)
{
    const struct phi_verify_reply *reply = &job->reply;
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
    if (data != NULL && has_challenge && reply->receipt.len > 0) {
        char base64[PHI_BASE64_LEN(PHI_RECEIPT_MAX) + 1];
        phi_base64_encode(reply->receipt, base64);
        json_object_set_new(data, "receipt", json_string(base64));
    }
    phi_api_data(call, data);
    phi_api_verdict(call, reply->status);
}

static bool is_verdict(enum phi_err status)
{
    return status == PHI_OK || phi_err_is_verdict(status) || status == PHI_ERR_ISSUER;
}

enum phi_err verify_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_verify_request request = {0};
    struct verify *verify = phi_service_state(phi_api_service(call));
    struct verify_job *job = NULL;
    bool has_challenge = false;
    PHI_GUARD(parse(call, &request, &has_challenge, error));
    job = verify_job_new(verify, &request, scopes_of(phi_api_app(call)), phi_api_deadline(call));
    PHI_GUARD(job == NULL ? PHI_ERR_MEMORY : PHI_OK);
    run(job);
    if (is_verdict(job->reply.status))
        tell(call, job, has_challenge);
    else
        err = phi_error_set(error, job->reply.status, "$.code", "%s",
                            phi_err_text_en(job->reply.status));
out:
    verify_job_free(job);
    return err;
}
