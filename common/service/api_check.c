#include "service/call.h"

#include "base/mutant.h"
#include "base/text.h"
#include "json/canonical.h"

#include <string.h>

#define BODY_DEPTH_MAX 16
#define ENVELOPE_MAX   64
#define FIELDS_MAX     32

static struct phi_signature_request signed_request(const struct phi_api_call *call)
{
    return (struct phi_signature_request){
        .method = phi_http_method(call->request),
        .target = phi_http_target(call->request),
        .header = phi_view_text(phi_http_header(call->request, "Authorization")),
        .body = phi_http_body(call->request)};
}

static enum phi_err begin_check(struct phi_api_call *call, struct phi_signature_check *check)
{
    *check = (struct phi_signature_check){.request = signed_request(call), .now_us = call->now_us};
    return phi_registry_hold(phi_service_registry(call->service), call->arena, &check->view);
}

enum phi_err phi_api_digest(struct phi_api_call *call, uint8_t out[PHI_SM3_LEN])
{
    const struct phi_signature_request request = signed_request(call);
    return phi_signature_digest(&request, &call->caller.authorization, out);
}

/* The caller's role, once the signature was looked at. */
static enum phi_err end_check(struct phi_api_call *call, const struct phi_signature_check *check,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    *error = check->error;
    if (check->result == PHI_OK || check->result == PHI_ERR_APP_SUSPENDED)
        call->caller = check->caller;
    PHI_GUARD(check->result);
    if (call->route->role != NULL && !phi_words_has(&call->caller.app->roles, call->route->role) &&
        !PHI_MUTANT(any_role))
        err = phi_error_set(error, PHI_ERR_FORBIDDEN, "app_id", "the app has no role %s",
                            call->route->role);
out:
    return err;
}

void phi_api_check_callers(struct phi_api_turn *turns, size_t count)
{
    struct phi_signature_check checks[PHI_API_TOGETHER_MAX];
    struct phi_api_turn *turn_of[PHI_API_TOGETHER_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        if (turns[i].call->route->flags & PHI_API_OPEN)
            continue;
        turns[i].err = begin_check(turns[i].call, &checks[ready]);
        if (turns[i].err == PHI_OK)
            turn_of[ready++] = &turns[i];
    }
    phi_signature_verify_batch(checks, ready);
    for (size_t i = 0; i < ready; i++)
        turn_of[i]->err = end_check(turn_of[i]->call, &checks[i], &turn_of[i]->error);
}

static enum phi_err check_identity(struct phi_api_call *call, struct phi_error *error)
{
    static const enum phi_identity_kind kinds[] = {
        [PHI_API_CITIZEN] = PHI_IDENTITY_CITIZEN,
        [PHI_API_STAFF] = PHI_IDENTITY_STAFF,
        [PHI_API_EITHER] = PHI_IDENTITY_EITHER,
    };
    if (call->route->identity == PHI_API_NOBODY)
        return PHI_OK;
    struct phi_identity_ask ask = {
        .token = phi_view_text(phi_http_header(call->request, "Phi-Identity")),
        .audience = call->caller.app->client_id,
        .want = kinds[call->route->identity],
    };
    enum phi_err err = phi_identity_check(phi_service_identities(call->service), &ask, call->now_us,
                                          call->arena, &call->identity, error);
    call->has_identity = err == PHI_OK;
    return err;
}

static bool names_have(const char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static enum phi_err check_word(const char *value, const char *place, struct phi_error *error)
{
    if (!phi_text_is_word(phi_view_text(value), ENVELOPE_MAX))
        return phi_error_set(error, PHI_ERR_QUERY, place, "not 1 to %d letters, digits, . _ -",
                             ENVELOPE_MAX);
    return PHI_OK;
}

static enum phi_err check_queries(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const shared[] = {"customNumber", "bizSerialNum", NULL};
    bool has_envelope = strcmp(call->route->method, "GET") == 0 ||
                        call->route->flags & (PHI_API_NDJSON | PHI_API_FILE);
    for (size_t i = 0; i < phi_http_query_count(call->request); i++) {
        const char *name = phi_http_query_name(call->request, i);
        bool is_known =
            names_have(call->route->queries, name) || (has_envelope && names_have(shared, name));
        if (!is_known && !PHI_MUTANT(any_query))
            return phi_error_set(error, PHI_ERR_QUERY, "query", "an unknown query parameter");
    }
    if (!has_envelope)
        return PHI_OK;
    const char *customer = phi_http_query(call->request, "customNumber");
    const char *serial = phi_http_query(call->request, "bizSerialNum");
    PHI_GUARD(customer == NULL ? PHI_OK : check_word(customer, "customNumber", error));
    PHI_GUARD(serial == NULL ? PHI_OK : check_word(serial, "bizSerialNum", error));
    call->customer = customer == NULL ? "" : customer;
    call->serial = serial == NULL ? "" : serial;
    bool is_missing = customer == NULL || serial == NULL;
    if (is_missing && call->route->flags & PHI_API_CREATES)
        err = phi_error_set(error, PHI_ERR_QUERY,
                            customer == NULL ? "customNumber" : "bizSerialNum", "missing");
out:
    return err;
}

static enum phi_err check_members(struct phi_api_call *call, struct phi_error *error)
{
    static const char *const shared[] = {"customNumber", "appName", "timeStamp", "bizSerialNum",
                                         "bizExtData"};
    const char *names[FIELDS_MAX + 5];
    size_t count = 0;
    for (; count < sizeof(shared) / sizeof(shared[0]); count++)
        names[count] = shared[count];
    for (const char *const *field = call->route->fields; field != NULL && *field != NULL; field++)
        if (count < FIELDS_MAX + 5)
            names[count++] = *field;
    return PHI_MUTANT(any_member) ? PHI_OK : phi_json_only(&call->body, names, count, error);
}

static enum phi_err read_envelope(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *app_name = NULL;
    int64_t time_us = 0;
    struct phi_json_at ext;
    struct phi_json_at *root = &call->body;
    PHI_GUARD(
        phi_json_read(phi_http_body(call->request), BODY_DEPTH_MAX, call->arena, root, error));
    PHI_GUARD(check_members(call, error));
    PHI_GUARD(phi_json_word(root, "customNumber", ENVELOPE_MAX, &call->customer, error));
    PHI_GUARD(phi_json_word(root, "bizSerialNum", ENVELOPE_MAX, &call->serial, error));
    PHI_GUARD(phi_json_text(root, "appName", 1, ENVELOPE_MAX, &app_name, error));
    PHI_GUARD(phi_json_time(root, "timeStamp", &time_us, error));
    PHI_GUARD(phi_json_object_opt(root, "bizExtData", &ext, error));
out:
    return err;
}

static enum phi_err digest_of(struct phi_api_call *call, struct phi_view what)
{
    enum phi_err err = PHI_OK;
    const char *issuer = call->has_identity ? call->identity.issuer : "";
    const char *sub = call->has_identity && !PHI_MUTANT(any_person_again) ? call->identity.sub : "";
    const struct phi_view line = phi_view_of("\n", 1);
    const struct phi_view parts[] = {phi_view_text(phi_http_path(call->request)),
                                     line,
                                     what,
                                     line,
                                     phi_view_text(issuer),
                                     line,
                                     phi_view_text(sub)};
    PHI_GUARD(phi_sm3_parts(parts, sizeof(parts) / sizeof(parts[0]), call->body_digest));
    call->has_body_digest = true;
out:
    return err;
}

/* What makes two requests of one number the same: the path, the body without its time, who stands
 * behind it. */
static enum phi_err digest_body(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view canonical;
    const char *left_out = PHI_MUTANT(time_in_digest) ? NULL : "timeStamp";
    err = phi_json_canonical_without(call->body.value, left_out, call->arena, &canonical);
    if (err == PHI_ERR_FIELD_VALUE)
        PHI_GUARD(phi_error_set(error, PHI_ERR_JSON, "$", "a whole number beyond 2^53 - 1"));
    PHI_GUARD(err);
    if (PHI_MUTANT(conflict_unnoticed))
        canonical.len = 0;
    PHI_GUARD(digest_of(call, canonical));
out:
    return err;
}

enum phi_err phi_api_check(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_post = strcmp(call->route->method, "POST") == 0;
    PHI_GUARD(check_identity(call, error));
    PHI_GUARD(check_queries(call, error));
    if (!is_post || call->route->flags & PHI_API_NDJSON)
        return PHI_OK;
    if (call->route->flags & PHI_API_FILE)
        return digest_of(call, phi_http_body(call->request));
    PHI_GUARD(read_envelope(call, error));
    if (call->route->flags & PHI_API_CREATES)
        PHI_GUARD(digest_body(call, error));
out:
    return err;
}
