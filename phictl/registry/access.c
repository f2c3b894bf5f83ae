#include "auth/identity.h"
#include "crypto/key.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/registry/record.h"
#include "phictl/registry/truth.h"
#include "rpc/curve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS                                                                                     \
    {                                                                                              \
        .name = "status", .value = "active|suspended", .fallback = "active",                       \
        .text = "in force or not"                                                                  \
    }

static const struct ctl_option list_options[] = {CTL_TRUTH_READ_OPTIONS};

/* Apps */

static json_t *key_json(const char *given, struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char hex[2 * PHI_SM2_PUBLIC_LEN + 1];
    char serial[PHI_KEY_ID_LEN + 1];
    if (ctl_read_public(given, xy, error) != PHI_OK || phi_key_id_of(xy, serial) != PHI_OK)
        return NULL;
    phi_hex_encode(phi_view_of(xy, sizeof(xy)), hex);
    return json_pack("{s:s, s:s}", "serial", serial, "public", hex);
}

static json_t *keys_json(const struct ctl_args *args, struct phi_error *error)
{
    json_t *keys = json_array();
    for (size_t i = 0; ctl_get_nth(args, "public", i) != NULL; i++) {
        json_t *key = key_json(ctl_get_nth(args, "public", i), error);
        if (json_array_append_new(keys, key) != 0) {
            json_decref(keys);
            return NULL;
        }
    }
    return keys;
}

static int run_app_add(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    const char *app = ctl_get(args, "app");
    const char *name = ctl_has(args, "name") ? ctl_get(args, "name") : app;
    const char *client = ctl_has(args, "client-id") ? ctl_get(args, "client-id") : app;
    json_t *keys = keys_json(args, &error);
    if (keys == NULL)
        return ctl_fail(error.code != PHI_OK ? error.code : PHI_ERR_MEMORY, &error);
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "kind", "app", "appId", app, "name", name,
        "status", ctl_get(args, "status"), "clientId", client, "keys", keys, "roles",
        ctl_words(ctl_get(args, "roles")), "scopes", ctl_words(ctl_get(args, "scopes")), "sources",
        ctl_words(ctl_get(args, "sources")));
    if (record != NULL && ctl_has(args, "institution"))
        (void)json_object_set_new(record, "institution", json_string(ctl_get(args, "institution")));
    return ctl_put_record(args, app, record);
}

static const struct ctl_option app_add_options[] = {
    {.name = "app", .value = "ID", .is_required = true, .text = "app id, a word of up to 32"},
    {.name = "name", .value = "TEXT", .text = "the app's name (the id)"},
    {.name = "public",
     .value = "PEM|HEX",
     .is_required = true,
     .repeats = true,
     .text = "public key of the app: a PEM file or 128 hex digits"},
    {.name = "client-id",
     .value = "ID",
     .text = "`aud` of identity tokens through this app (the id)"},
    {.name = "roles",
     .value = "LIST",
     .text = "what it may do: mint,verify,declare,query,picture,correct…"},
    {.name = "scopes", .value = "LIST", .text = "pass,medical,self"},
    {.name = "sources", .value = "LIST", .text = "data sources that it reports: contacts,tests…"},
    {.name = "institution", .value = "TEXT", .text = "the institution behind it"},
    STATUS,
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_app_add = {.group = "app",
                                        .verb = "add",
                                        .about = "register an app, or change its registration",
                                        .options = app_add_options,
                                        .option_count = CTL_COUNT(app_add_options),
                                        .run = run_app_add};

struct found {
    const char *key;
    json_t *value;
};

static void on_found(const struct phi_record *record, void *context)
{
    struct found *found = context;
    if (found->value == NULL && phi_view_equal(record->key, phi_view_text(found->key)))
        found->value = json_loadb((const char *)record->value.data, record->value.len, 0, NULL);
}

static enum phi_err find_app(const struct ctl_args *args, struct found *found,
                             struct phi_error *error)
{
    struct ctl_truth *truth = NULL;
    enum phi_err err = ctl_truth_open(args, &truth, error);
    if (err == PHI_OK)
        err = ctl_truth_each(truth, found->key, on_found, found, error);
    ctl_truth_close(truth);
    if (err == PHI_OK && found->value == NULL)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "--app", "not registered");
    return err;
}

static int run_app_suspend(const struct ctl_args *args)
{
    char key[PHI_RECORD_KEY_MAX + 1];
    struct phi_error error = {.code = PHI_OK};
    struct found found = {.key = key};
    (void)snprintf(key, sizeof(key), "app:%s", ctl_get(args, "app"));
    enum phi_err err = find_app(args, &found, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    (void)json_object_set_new(found.value, "status",
                              json_string(ctl_has(args, "resume") ? "active" : "suspended"));
    return ctl_put_record(args, ctl_get(args, "app"), found.value);
}

static const struct ctl_option app_suspend_options[] = {
    {.name = "app", .value = "ID", .is_required = true, .text = "app id"},
    {.name = "resume", .text = "the other way: put it into force again"},
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_app_suspend = {.group = "app",
                                            .verb = "suspend",
                                            .about = "cut an app off (or --resume)",
                                            .options = app_suspend_options,
                                            .option_count = CTL_COUNT(app_suspend_options),
                                            .run = run_app_suspend};

static int run_app_list(const struct ctl_args *args)
{
    return ctl_list_records(args, "app:");
}

const struct ctl_command ctl_app_list = {.group = "app",
                                         .verb = "list",
                                         .about = "show the registered apps",
                                         .options = list_options,
                                         .option_count = CTL_COUNT(list_options),
                                         .run = run_app_list};

static int run_app_publish(const struct ctl_args *args)
{
    struct ctl_truth *truth = NULL;
    struct phi_error error = {.code = PHI_OK};
    size_t count = 0;
    enum phi_err err = ctl_truth_open(args, &truth, &error);
    if (err == PHI_OK)
        err = ctl_truth_publish(truth, &count, &error);
    ctl_truth_close(truth);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    (void)printf("published=%zu\n", count);
    return CTL_OK;
}

const struct ctl_command ctl_app_publish = {
    .group = "app",
    .verb = "publish",
    .about = "publish every record again (apps, peers, providers, staff), as it was signed",
    .options = list_options,
    .option_count = CTL_COUNT(list_options),
    .run = run_app_publish};

#define IMPORT_MAX (16 * 1024 * 1024)

static int run_app_import(const struct ctl_args *args)
{
    struct ctl_truth *truth = NULL;
    struct phi_error error = {.code = PHI_OK};
    uint8_t *lines = NULL;
    size_t len = 0;
    size_t count = 0;
    enum phi_err err = ctl_read_all(args->positional, IMPORT_MAX, &lines, &len, &error);
    if (err == PHI_OK)
        err = ctl_truth_open(args, &truth, &error);
    if (err == PHI_OK)
        err = ctl_import_records(truth, phi_view_of(lines, len), &count, &error);
    ctl_truth_close(truth);
    free(lines);
    if (err == PHI_OK)
        return CTL_OK;
    (void)fprintf(stderr, "phictl: %zu records were put; the next one was not\n", count);
    return ctl_fail(err, &error);
}

const struct ctl_command ctl_app_import = {
    .group = "app",
    .verb = "import",
    .about =
        "put many records (apps, peers, providers, staff), one JSON object a line; - reads stdin",
    .positional = "FILE",
    .options = list_options,
    .option_count = CTL_COUNT(list_options),
    .run = run_app_import};

/* Peers */

static int run_peer_add(const struct ctl_args *args)
{
    uint8_t curve[PHI_CURVE_KEY_LEN];
    char hex[PHI_CURVE_HEX_LEN + 1];
    struct phi_error error = {.code = PHI_OK};
    if (phi_curve_parse(phi_view_text(ctl_get(args, "curve")), curve) != PHI_OK) {
        (void)phi_error_set(&error, PHI_ERR_KEY, "--curve", "not a CURVE key in Z85 or hex");
        return ctl_fail(PHI_ERR_KEY, &error);
    }
    phi_hex_encode(phi_view_of(curve, sizeof(curve)), hex);
    return ctl_put_record(args, hex,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "kind", "peer", "curve", hex,
                                    "platform", ctl_get(args, "platform"), "program",
                                    ctl_get(args, "program"), "status", ctl_get(args, "status"),
                                    "scopes", ctl_words(ctl_get(args, "scopes"))));
}

static const struct ctl_option peer_add_options[] = {
    {.name = "curve",
     .value = "KEY",
     .is_required = true,
     .text = "its CURVE public key, Z85 or hex"},
    {.name = "platform", .value = "CODE", .is_required = true, .text = "its platform, six digits"},
    {.name = "program", .value = "NAME", .is_required = true, .text = "its program: svc-directory"},
    {.name = "scopes", .value = "LIST", .text = "scopes that it may ask for: pass,medical,self"},
    STATUS,
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_peer_add = {.group = "peer",
                                         .verb = "add",
                                         .about = "register a caller of the ZeroMQ interfaces",
                                         .options = peer_add_options,
                                         .option_count = CTL_COUNT(peer_add_options),
                                         .run = run_peer_add};

static int run_peer_list(const struct ctl_args *args)
{
    return ctl_list_records(args, "peer:");
}

const struct ctl_command ctl_peer_list = {.group = "peer",
                                          .verb = "list",
                                          .about = "show the registered ZeroMQ callers",
                                          .options = list_options,
                                          .option_count = CTL_COUNT(list_options),
                                          .run = run_peer_list};

/* Callers that were cut off */

static int run_caller_restore(const struct ctl_args *args)
{
    char now[PHI_RFC3339_MAX];
    const char *caller = ctl_get(args, "caller");
    phi_rfc3339_format(phi_clock_now_us(NULL), now);
    return ctl_put_record(
        args, caller,
        json_pack("{s:s, s:s, s:s}", "kind", "caller", "caller", caller, "restoredAt", now));
}

static const struct ctl_option caller_restore_options[] = {
    {.name = "caller",
     .value = "NAME",
     .is_required = true,
     .text = "platform/program/app, as the event on audit names it"},
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_caller_restore = {.group = "caller",
                                               .verb = "restore",
                                               .about =
                                                   "let a caller in again that svc-verify cut off",
                                               .options = caller_restore_options,
                                               .option_count = CTL_COUNT(caller_restore_options),
                                               .run = run_caller_restore};

/* Providers */

static int run_provider_add(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    const char *issuer = ctl_get(args, "issuer");
    if (!phi_identity_url_is_allowed(ctl_get(args, "jwks"), true)) {
        (void)phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--jwks",
                            "not https (http only for loopback addresses, in development)");
        return ctl_fail(PHI_ERR_FIELD_VALUE, &error);
    }
    json_t *record = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "provider", "issuer", issuer,
                               "jwksUrl", ctl_get(args, "jwks"), "serves", ctl_get(args, "kind"),
                               "status", ctl_get(args, "status"));
    if (record != NULL && ctl_has(args, "acr"))
        (void)json_object_set_new(record, "acr", json_string(ctl_get(args, "acr")));
    return ctl_put_record(args, issuer, record);
}

static const struct ctl_option provider_add_options[] = {
    {.name = "issuer", .value = "URL", .is_required = true, .text = "`iss` of its tokens"},
    {.name = "jwks", .value = "URL", .is_required = true, .text = "where its keys are (https)"},
    {.name = "kind", .value = "citizen|staff", .is_required = true, .text = "whom its tokens name"},
    {.name = "acr",
     .value = "VALUE",
     .text = "`acr` that means a real name (" PHI_ACR_REAL_NAME ")"},
    STATUS,
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_provider_add = {.group = "provider",
                                             .verb = "add",
                                             .about = "register an identity provider",
                                             .options = provider_add_options,
                                             .option_count = CTL_COUNT(provider_add_options),
                                             .run = run_provider_add};

static int run_provider_list(const struct ctl_args *args)
{
    return ctl_list_records(args, "provider:");
}

const struct ctl_command ctl_provider_list = {.group = "provider",
                                              .verb = "list",
                                              .about = "show the registered identity providers",
                                              .options = list_options,
                                              .option_count = CTL_COUNT(list_options),
                                              .run = run_provider_list};

/* Staff */

static int run_staff_add(const struct ctl_args *args)
{
    char name[PHI_RECORD_KEY_MAX + 1];
    const char *issuer = ctl_get(args, "issuer");
    const char *sub = ctl_get(args, "sub");
    (void)snprintf(name, sizeof(name), "%s|%s", issuer, sub);
    return ctl_put_record(args, name,
                          json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "kind", "staff",
                                    "issuer", issuer, "sub", sub, "unit", ctl_get(args, "unit"),
                                    "status", ctl_get(args, "status"), "roles",
                                    ctl_words(ctl_get(args, "roles")), "regions",
                                    ctl_words(ctl_get(args, "regions")), "sources",
                                    ctl_words(ctl_get(args, "sources"))));
}

static const struct ctl_option staff_add_options[] = {
    {.name = "issuer", .value = "URL", .is_required = true, .text = "the staff provider's issuer"},
    {.name = "sub", .value = "ID", .is_required = true, .text = "`sub` of the person's tokens"},
    {.name = "unit",
     .value = "TEXT",
     .is_required = true,
     .text = "the unit; a second pair of eyes is of another"},
    {.name = "roles", .value = "LIST", .text = "what the person may do: decide,review,audit…"},
    {.name = "regions", .value = "LIST", .text = "for which regions, six digits each"},
    {.name = "sources", .value = "LIST", .text = "for which data sources"},
    STATUS,
    CTL_TRUTH_READ_OPTIONS,
};

const struct ctl_command ctl_staff_add = {
    .group = "staff",
    .verb = "add",
    .about = "register a member of staff, or change the registration",
    .options = staff_add_options,
    .option_count = CTL_COUNT(staff_add_options),
    .run = run_staff_add};

static int run_staff_list(const struct ctl_args *args)
{
    return ctl_list_records(args, "staff:");
}

const struct ctl_command ctl_staff_list = {.group = "staff",
                                           .verb = "list",
                                           .about = "show the registered staff",
                                           .options = list_options,
                                           .option_count = CTL_COUNT(list_options),
                                           .run = run_staff_list};
