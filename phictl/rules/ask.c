#include "phictl/rules/ask.h"

#include "base/text.h"
#include "base/time.h"
#include "crypto/random.h"
#include "json/json.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX   512
#define DEPTH_MAX 200

struct secrets {
    struct phi_sm2_private *key;
    char token[CTL_LINE_MAX + 1];
    struct phi_sm2_public *answer_key;
};

static enum phi_err read_secrets(const struct ctl_args *args, struct ctl_request *request,
                                 struct secrets *secrets, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "timeout")), 1, 600000, &request->timeout_ms) !=
        PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--timeout", "not 1..600000");
    if (ctl_has(args, "key") != ctl_has(args, "app"))
        return phi_error_set(error, PHI_ERR_CONFIG, "--key", "--key and --app go together");
    if (ctl_has(args, "key"))
        PHI_GUARD(ctl_read_key(args, "key", &secrets->key, error));
    if (ctl_has(args, "identity")) {
        PHI_GUARD(ctl_read_line(ctl_get(args, "identity"), false, secrets->token, error));
        request->identity = secrets->token;
    }
    if (ctl_has(args, "answer-key")) {
        PHI_GUARD(ctl_read_public(ctl_get(args, "answer-key"), xy, error));
        PHI_GUARD(phi_sm2_public_new(xy, &secrets->answer_key));
    }
    request->app = ctl_get(args, "app");
    request->key = secrets->key;
    request->answer_key = secrets->answer_key;
out:
    return err;
}

static void wipe_secrets(struct secrets *secrets)
{
    phi_sm2_private_free(secrets->key);
    phi_sm2_public_free(secrets->answer_key);
    phi_wipe(secrets->token, sizeof(secrets->token));
}

/* Every command is a request of its own: sent again, it is another one. */
static enum phi_err add_envelope(json_t *fields)
{
    enum phi_err err = PHI_OK;
    uint8_t number[16];
    char serial[33], now[PHI_RFC3339_MAX];
    PHI_GUARD(phi_random_bytes(number, sizeof(number)));
    phi_hex_encode(phi_view_of(number, sizeof(number)), serial);
    phi_rfc3339_format(phi_clock_now_us(NULL), now);
    bool is_whole = json_object_set_new(fields, "customNumber", json_string("phictl")) == 0 &&
                    json_object_set_new(fields, "appName", json_string("phictl")) == 0 &&
                    json_object_set_new(fields, "timeStamp", json_string(now)) == 0 &&
                    json_object_set_new(fields, "bizSerialNum", json_string(serial)) == 0;
    PHI_GUARD(is_whole ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

static enum phi_err take_data(const struct ctl_answer *answer, json_t **data,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *root = NULL;
    PHI_GUARD(phi_json_parse(phi_view_of(answer->body, answer->len), DEPTH_MAX, &root, error));
    const json_t *found = json_object_get(root, "data");
    if (answer->status == 200 && json_is_object(found)) {
        *data = json_incref((json_t *)(uintptr_t)found);
    } else {
        const char *place = json_string_value(json_object_get(found, "field"));
        const char *reason = json_string_value(json_object_get(found, "reason"));
        const char *why = json_string_value(json_object_get(root, "resultDescEn"));
        const char *code = json_string_value(json_object_get(root, "resultCode"));
        enum phi_err told = phi_err_from_return_code(code == NULL ? "" : code);
        err = phi_error_set(error, told == PHI_OK ? PHI_ERR_NEIGHBOUR : told,
                            place == NULL ? "svc-directory" : place, "%s",
                            reason != NULL ? reason
                            : why != NULL  ? why
                                           : "refused");
    }
out:
    json_decref(root);
    return err;
}

enum phi_err ctl_rules_ask(const struct ctl_args *args, const char *method, const char *path,
                           json_t *fields, json_t **data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char url[URL_MAX];
    char *body = NULL;
    struct ctl_answer answer = {.status = 0};
    struct secrets secrets = {.key = NULL};
    struct ctl_request request = {.method = method, .url = url, .content_type = "application/json"};
    int len = snprintf(url, sizeof(url), "%s%s", ctl_get(args, "url"), path);
    PHI_GUARD(len < (int)sizeof(url) ? PHI_OK : PHI_ERR_FIELD_VALUE);
    PHI_GUARD(read_secrets(args, &request, &secrets, error));
    if (strcmp(path, CTL_RULES_PUBLIC) == 0) /* for everybody: what it holds is signed in itself */
        request.answer_key = NULL;
    if (fields != NULL) {
        PHI_GUARD(add_envelope(fields));
        body = json_dumps(fields, JSON_COMPACT);
        PHI_GUARD(body == NULL ? PHI_ERR_MEMORY : PHI_OK);
        request.body = phi_view_text(body);
    }
    PHI_GUARD(ctl_request_send(&request, &answer, error));
    PHI_GUARD(take_data(&answer, data, error));
out:
    wipe_secrets(&secrets);
    ctl_answer_free(&answer);
    free(body);
    json_decref(fields);
    return err;
}
