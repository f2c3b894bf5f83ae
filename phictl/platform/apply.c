/* phictl platform apply, renew, replace: what the platform's own app asks. */
#include "phictl/platform/platform.h"

#include "base/text.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/registry/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_MAX 16384

static enum phi_err request_of(const char *given, json_t **out, struct phi_error *error)
{
    char use[32], path[1024];
    uint8_t *pem = NULL;
    size_t len = 0;
    int64_t set = 1;
    const char *equal = strchr(given, '=');
    const char *at = equal == NULL ? NULL : strrchr(equal, '@');
    size_t path_len =
        equal == NULL ? 0 : (size_t)((at != NULL ? at : given + strlen(given)) - equal - 1);
    if (equal == NULL || (size_t)(equal - given) >= sizeof(use) || path_len >= sizeof(path))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--request",
                             "not USE=FILE, code=FILE@SET or encryption=FILE@SERVICE");
    bool is_sealed_to = strncmp(given, "encryption=", strlen("encryption=")) == 0;
    if (at != NULL && !is_sealed_to &&
        phi_text_to_i64(phi_view_text(at + 1), 0, UINT8_MAX, &set) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--request", "a key set is 0 to 255");
    snprintf(use, sizeof(use), "%.*s", (int)(equal - given), given);
    snprintf(path, sizeof(path), "%.*s", (int)path_len, equal + 1);
    enum phi_err err = ctl_read_all(path, PHI_CERTIFICATE_BYTES_MAX, &pem, &len, error);
    if (err != PHI_OK)
        return err;
    *out = json_pack("{s:s, s:s%}", "use", use, "request", (const char *)pem, len);
    free(pem);
    if (*out != NULL && strcmp(use, "code") == 0)
        json_object_set_new(*out, "keySetId", json_integer(set));
    if (*out != NULL && at != NULL && is_sealed_to)
        json_object_set_new(*out, "service", json_string(at + 1));
    return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

enum phi_err platform_requests(const struct ctl_args *args, json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *all = json_array();
    PHI_GUARD(all == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; ctl_get_nth(args, "request", i) != NULL; i++) {
        json_t *one = NULL;
        PHI_GUARD(request_of(ctl_get_nth(args, "request", i), &one, error));
        PHI_GUARD(json_array_append_new(all, one) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = json_incref(all);
out:
    json_decref(all);
    return err;
}

int platform_send(const struct ctl_args *args, const char *method, const char *path, json_t *fields)
{
    struct phi_error error = {.code = PHI_OK};
    json_t *data = NULL;
    enum phi_err err = ctl_rules_ask(args, method, path, fields, &data, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    bool is_done = json_dumpf(data, stdout, JSON_INDENT(2)) == 0 && putchar('\n') == '\n';
    json_decref(data);
    return is_done ? CTL_OK : CTL_FAILED;
}

static enum phi_err read_statement(const char *path, json_t **out, struct phi_error *error)
{
    uint8_t *text = NULL;
    size_t len = 0;
    enum phi_err err = ctl_read_all(path, STATEMENT_MAX, &text, &len, error);
    if (err != PHI_OK)
        return err;
    *out = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return *out != NULL ? PHI_OK : phi_error_set(error, PHI_ERR_JSON, "--test-report", "not JSON");
}

static json_t *contact_of(const struct ctl_args *args)
{
    json_t *contact = json_pack("{s:s, s:s}", "name", ctl_get(args, "contact-name"), "phone",
                                ctl_get(args, "contact-phone"));
    if (contact != NULL && ctl_has(args, "contact-email"))
        json_object_set_new(contact, "email", json_string(ctl_get(args, "contact-email")));
    return contact;
}

static int run_apply(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *report = NULL, *requests = NULL, *endpoints = NULL, *fields = NULL;
    PHI_GUARD(read_statement(ctl_get(args, "test-report"), &report, &error));
    PHI_GUARD(platform_requests(args, &requests, &error));
    endpoints = ctl_platform_endpoints(args, &error);
    PHI_GUARD(endpoints == NULL ? PHI_ERR_FIELD_VALUE : PHI_OK);
    fields =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:O, s:O, s:O}", "region", ctl_get(args, "region"),
                  "name", ctl_get(args, "name"), "organisation", ctl_get(args, "organisation"),
                  "mode", ctl_get(args, "mode"), "contact", contact_of(args), "testReport", report,
                  "certificateRequests", requests, "endpoints", endpoints);
    PHI_GUARD(fields == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    json_decref(report);
    json_decref(requests);
    json_decref(endpoints);
    return err == PHI_OK ? platform_send(args, "POST", "/v1/platforms", fields)
                         : ctl_fail(err, &error);
}

static int change_keys(const struct ctl_args *args, const char *kind, int64_t overlap_s)
{
    char path[64];
    struct phi_error error = {.code = PHI_OK};
    json_t *requests = NULL;
    enum phi_err err = platform_requests(args, &requests, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    snprintf(path, sizeof(path), "/v1/platforms/%.6s/keys", ctl_get(args, "region"));
    return platform_send(args, "POST", path,
                         json_pack("{s:s, s:o, s:I}", "kind", kind, "certificateRequests", requests,
                                   "overlapSeconds", (json_int_t)overlap_s));
}

static int run_renew(const struct ctl_args *args)
{
    return change_keys(args, "renew", 0);
}

static int run_replace(const struct ctl_args *args)
{
    int64_t overlap_s = 0;
    struct phi_error error = {.code = PHI_OK};
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "overlap")), 0, 7776000, &overlap_s) != PHI_OK)
        return ctl_fail(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--overlap", "not 0 to 7776000"),
                        &error);
    return change_keys(args, "replace", overlap_s);
}

static const struct ctl_option apply_options[] = {
    PLATFORM_URL,
    PLATFORM_REGION,
    {.name = "name", .value = "TEXT", .is_required = true, .text = "the platform's name"},
    {.name = "organisation", .value = "TEXT", .is_required = true, .text = "who runs it"},
    {.name = "contact-name", .value = "TEXT", .is_required = true, .text = "whom to call"},
    {.name = "contact-phone", .value = "TEXT", .is_required = true, .text = "and where"},
    {.name = "contact-email", .value = "TEXT", .text = "or write to"},
    {.name = "mode",
     .value = "bus|push",
     .fallback = "bus",
     .text = "how its entries come: over the platform bus, or pushed over HTTP"},
    {.name = "test-report",
     .value = "FILE",
     .is_required = true,
     .text = "the testing institution's statement (phictl platform attest)"},
    PLATFORM_REQUEST,
    {.name = "endpoint",
     .value = "SERVICE=ADDRESS,CURVE",
     .repeats = true,
     .text = "where it answers: verify, directory or relay, with the server's CURVE key"},
    CTL_REQUEST_OPTIONS,
};

const struct ctl_command ctl_platform_apply = {.group = "platform",
                                               .verb = "apply",
                                               .about = "ask to join the unified platform",
                                               .options = apply_options,
                                               .option_count = CTL_COUNT(apply_options),
                                               .run = run_apply};

static const struct ctl_option renew_options[] = {PLATFORM_URL, PLATFORM_REGION, PLATFORM_REQUEST,
                                                  CTL_REQUEST_OPTIONS};

const struct ctl_command ctl_platform_renew = {
    .group = "platform",
    .verb = "renew",
    .about = "get new certificates for keys that are in force",
    .options = renew_options,
    .option_count = CTL_COUNT(renew_options),
    .run = run_renew};

static const struct ctl_option replace_options[] = {
    PLATFORM_URL,
    PLATFORM_REGION,
    PLATFORM_REQUEST,
    {.name = "overlap",
     .value = "S",
     .fallback = "0",
     .text = "seconds for which the replaced keys stay in force after the approval"},
    CTL_REQUEST_OPTIONS,
};

const struct ctl_command ctl_platform_replace = {
    .group = "platform",
    .verb = "replace",
    .about = "ask for other keys in the place of those of the same use",
    .options = replace_options,
    .option_count = CTL_COUNT(replace_options),
    .run = run_replace};
