#include "auth/trust.h"
#include "base/text.h"
#include "crypto/key.h"
#include "phictl/commands.h"
#include "phictl/curl.h"
#include "phictl/files.h"
#include "phictl/registry/platform.h"
#include "rpc/curve.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ARENA (16 * 1024 * 1024)

static bool url_of(const struct ctl_args *args, const char *path, char *out, size_t size)
{
    const char *base = ctl_get(args, "url");
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    int made = snprintf(out, size, "%.*s%s", (int)len, base, path);
    return made > 0 && (size_t)made < size;
}

/* What stands behind the file: a code's key set, or whose an encryption key is. */
static enum phi_err add_detail(json_t *key, enum phi_trust_use use, const char *at,
                               struct phi_error *error)
{
    int64_t set = 1;
    enum phi_trust_holder holder = PHI_TRUST_FOR_OTHER;
    if (use == PHI_TRUST_ENCRYPTION && at != NULL) {
        if (phi_trust_holder_from_name(at + 1, &holder) != PHI_OK || holder == PHI_TRUST_FOR_OTHER)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--key",
                                 "an encryption key is of a service: verify, directory, declare, "
                                 "correction, platform");
        return json_object_set_new(key, "service", json_string(at + 1)) == 0 ? PHI_OK
                                                                             : PHI_ERR_MEMORY;
    }
    if (at != NULL && phi_text_to_i64(phi_view_text(at + 1), 0, UINT8_MAX, &set) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--key", "a key set is 0 to 255");
    if (use == PHI_TRUST_CODE)
        return json_object_set_new(key, "keySetId", json_integer(set)) == 0 ? PHI_OK
                                                                            : PHI_ERR_MEMORY;
    return PHI_OK;
}

/* USE=FILE, for a code's key code=FILE@SET, for an encryption key encryption=FILE@SERVICE. NULL
 * after a complaint. */
static json_t *key_of(const char *given, struct phi_error *error)
{
    char use[32], path[1024], hex[2 * PHI_SM2_PUBLIC_LEN + 1], serial[PHI_KEY_ID_LEN + 1];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const char *equal = strchr(given, '=');
    const char *at = strrchr(given, '@');
    enum phi_trust_use known;
    size_t path_len =
        equal == NULL ? 0 : (size_t)((at != NULL ? at : given + strlen(given)) - equal - 1);
    if (equal == NULL || (size_t)(equal - given) >= sizeof(use) || path_len >= sizeof(path)) {
        phi_error_set(error, PHI_ERR_FIELD_VALUE, "--key",
                      "not USE=FILE, code=FILE@SET or encryption=FILE@SERVICE");
        return NULL;
    }
    snprintf(use, sizeof(use), "%.*s", (int)(equal - given), given);
    snprintf(path, sizeof(path), "%.*s", (int)path_len, equal + 1);
    if (phi_trust_use_from_name(use, &known) != PHI_OK) {
        phi_error_set(error, PHI_ERR_FIELD_VALUE, "--key", "not a use of keys");
        return NULL;
    }
    if (ctl_read_public(path, xy, error) != PHI_OK || phi_key_id_of(xy, serial) != PHI_OK)
        return NULL;
    phi_hex_encode(phi_view_of(xy, sizeof(xy)), hex);
    json_t *key = json_pack("{s:s, s:s, s:s}", "use", use, "serial", serial, "public", hex);
    if (key != NULL && add_detail(key, known, at, error) != PHI_OK) {
        json_decref(key);
        return NULL;
    }
    return key;
}

static json_t *keys_of(const struct ctl_args *args, struct phi_error *error)
{
    json_t *keys = json_array();
    for (size_t i = 0; ctl_get_nth(args, "key", i) != NULL; i++)
        if (json_array_append_new(keys, key_of(ctl_get_nth(args, "key", i), error)) != 0) {
            json_decref(keys);
            return NULL;
        }
    return keys;
}

/* SERVICE=ADDRESS,CURVE */
static bool endpoint_add(json_t *endpoints, const char *given, struct phi_error *error)
{
    char service[32], address[256], hex[2 * PHI_CURVE_KEY_LEN + 1];
    uint8_t curve[PHI_CURVE_KEY_LEN];
    const char *equal = strchr(given, '=');
    const char *comma = strrchr(given, ',');
    if (equal == NULL || comma == NULL || comma < equal ||
        (size_t)(equal - given) >= sizeof(service) ||
        (size_t)(comma - equal - 1) >= sizeof(address) ||
        phi_curve_parse(phi_view_text(comma + 1), curve) != PHI_OK) {
        phi_error_set(error, PHI_ERR_FIELD_VALUE, "--endpoint", "not SERVICE=ADDRESS,CURVE");
        return false;
    }
    snprintf(service, sizeof(service), "%.*s", (int)(equal - given), given);
    snprintf(address, sizeof(address), "%.*s", (int)(comma - equal - 1), equal + 1);
    phi_hex_encode(phi_view_of(curve, sizeof(curve)), hex);
    if (json_object_get(endpoints, service) == NULL)
        json_object_set_new(endpoints, service, json_array());
    json_array_append_new(json_object_get(endpoints, service),
                          json_pack("{s:s, s:s}", "address", address, "curve", hex));
    return true;
}

json_t *ctl_platform_endpoints(const struct ctl_args *args, struct phi_error *error)
{
    json_t *endpoints = json_object();
    for (size_t i = 0; ctl_get_nth(args, "endpoint", i) != NULL; i++)
        if (!endpoint_add(endpoints, ctl_get_nth(args, "endpoint", i), error)) {
            json_decref(endpoints);
            return NULL;
        }
    return endpoints;
}

/* The list keeps its platforms in rising order; the same id again replaces. */
static json_t *list_with(json_t *list, json_t *platform)
{
    json_t *old = json_object_get(list, "platforms");
    json_t *platforms = json_array();
    const char *id = json_string_value(json_object_get(platform, "id"));
    bool is_placed = false;
    for (size_t i = 0; i < json_array_size(old); i++) {
        json_t *one = json_array_get(old, i);
        const char *other = json_string_value(json_object_get(one, "id"));
        int order = other == NULL ? -1 : strcmp(other, id);
        if (order >= 0 && !is_placed) {
            json_array_append_new(platforms, platform);
            is_placed = true;
        }
        if (order != 0)
            json_array_append(platforms, one);
    }
    if (!is_placed)
        json_array_append_new(platforms, platform);
    json_decref(list);
    return json_pack("{s:i, s:s, s:o}", "version", 1, "issuedAt", "1970-01-01T08:00:00+08:00",
                     "platforms", platforms);
}

/* What svc-platform would refuse is refused here, before the file is touched. */
static enum phi_err check_list(const char *text, struct phi_error *error)
{
    struct phi_trust_list list;
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    enum phi_err err =
        arena == NULL ? PHI_ERR_MEMORY : phi_trust_decode(phi_view_text(text), arena, &list, error);
    phi_arena_free(arena);
    return err;
}

enum phi_err ctl_platform_write_list(const char *path, const json_t *list, struct phi_error *error)
{
    char *text = json_dumps(list, JSON_INDENT(2));
    char fresh[1040];
    enum phi_err err = text == NULL ? PHI_ERR_MEMORY : check_list(text, error);
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = err == PHI_OK ? fopen(fresh, "w") : NULL;
    if (err == PHI_OK) {
        bool is_bad = file == NULL || fprintf(file, "%s\n", text) < 0;
        is_bad = (file != NULL && fclose(file) != 0) || is_bad;
        if (is_bad || rename(fresh, path) != 0)
            err = phi_error_set(error, PHI_ERR_IO, "--list", "can't be written");
    }
    free(text);
    return err;
}

static int run_add(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    const char *path = ctl_get(args, "list");
    json_t *keys = keys_of(args, &error);
    json_t *endpoints = keys == NULL ? NULL : ctl_platform_endpoints(args, &error);
    if (endpoints == NULL) {
        json_decref(keys);
        return ctl_fail(error.code, &error);
    }
    json_t *platform = json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", ctl_get(args, "id"), "name",
                                 ctl_get(args, "name"), "status", ctl_get(args, "status"), "keys",
                                 keys, "endpoints", endpoints);
    json_t *list = list_with(json_load_file(path, JSON_REJECT_DUPLICATES, NULL), platform);
    enum phi_err err = list == NULL ? PHI_ERR_MEMORY : ctl_platform_write_list(path, list, &error);
    json_decref(list);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int run_list(const struct ctl_args *args)
{
    char url[1024];
    struct phi_error error = {.code = PHI_OK};
    if (!url_of(args, "/v1/trust-list", url, sizeof(url)))
        return ctl_fail(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--url", "too long"), &error);
    struct ctl_request request = {.method = "GET", .url = url};
    return ctl_send(args, &request, NULL, false);
}

#define URL                                                                                        \
    {                                                                                              \
        .name = "url", .value = "URL", .fallback = "http://127.0.0.1:8110",                        \
        .text = "address of svc-platform"                                                          \
    }

static const struct ctl_option options[] = {URL, CTL_REQUEST_OPTIONS};

static const struct ctl_option add_options[] = {
    {.name = "list",
     .value = "FILE",
     .is_required = true,
     .text = "the list to add to (PHI_PLATFORMS_FILE of svc-platform); made when it is not there"},
    {.name = "id", .value = "CODE", .is_required = true, .text = "the platform's id, six digits"},
    {.name = "name", .value = "TEXT", .is_required = true, .text = "its name"},
    {.name = "status",
     .value = "active|suspended",
     .fallback = "active",
     .text = "in force or not"},
    {.name = "key",
     .value = "USE=FILE",
     .is_required = true,
     .repeats = true,
     .text = "a public key by use: code=FILE@SET, receipt, revocation, directory, correction, "
             "answer, encryption=FILE@verify (or another service: whose it is)"},
    {.name = "endpoint",
     .value = "SERVICE=ADDRESS,CURVE",
     .repeats = true,
     .text = "where it answers: verify, directory or relay, with the server's CURVE key"},
};

const struct ctl_command ctl_platform_add = {
    .group = "platform",
    .verb = "add",
    .about = "write a platform, its keys and endpoints into the list that svc-platform signs",
    .options = add_options,
    .option_count = CTL_COUNT(add_options),
    .run = run_add};

const struct ctl_command ctl_platform_list = {.group = "platform",
                                              .verb = "list",
                                              .about =
                                                  "show the trust list as svc-platform gives it",
                                              .options = options,
                                              .option_count = CTL_COUNT(options),
                                              .run = run_list};
