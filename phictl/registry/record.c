#include "phictl/registry/record.h"

#include "json/canonical.h"
#include "phictl/registry/truth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *ctl_words(const char *comma_separated)
{
    json_t *array = json_array();
    const char *at = comma_separated;
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ",");
        if (len > 0)
            (void)json_array_append_new(array, json_stringn(at, len));
        at += len;
        at += *at == ',' ? 1 : 0;
    }
    return array;
}

static enum phi_err put_in(struct ctl_truth *truth, const char *key, const json_t *record,
                           struct phi_error *error)
{
    struct phi_view value;
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    if (arena == NULL)
        return PHI_ERR_MEMORY;
    PHI_GUARD(phi_json_canonical(record, arena, &value));
    PHI_GUARD(ctl_truth_put(truth, key, value, error));
    (void)printf("%.*s\n", (int)value.len, (const char *)value.data);
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err put(const struct ctl_args *args, const char *key, const json_t *record,
                        struct phi_error *error)
{
    struct ctl_truth *truth = NULL;
    enum phi_err err = ctl_truth_open(args, &truth, error);
    if (err == PHI_OK)
        err = put_in(truth, key, record, error);
    ctl_truth_close(truth);
    return err;
}

/* "app:hz-app" for a record as it stands in a file. */
static bool key_of(const json_t *record, char *out, size_t size)
{
    static const char *const names[][2] = {
        {"app", "appId"}, {"peer", "curve"}, {"provider", "issuer"}};
    const char *kind = json_string_value(json_object_get(record, "kind"));
    const char *issuer = json_string_value(json_object_get(record, "issuer"));
    const char *sub = json_string_value(json_object_get(record, "sub"));
    const char *name = NULL;
    int len = -1;
    if (kind == NULL)
        return false;
    for (size_t i = 0; i < CTL_COUNT(names); i++) {
        if (strcmp(names[i][0], kind) == 0)
            name = json_string_value(json_object_get(record, names[i][1]));
    }
    if (strcmp(kind, "staff") == 0 && issuer != NULL && sub != NULL)
        len = snprintf(out, size, "staff:%s|%s", issuer, sub);
    else if (name != NULL)
        len = snprintf(out, size, "%s:%s", kind, name);
    return len > 0 && (size_t)len < size;
}

static enum phi_err import_line(struct ctl_truth *truth, struct phi_view line,
                                struct phi_error *error)
{
    char key[PHI_RECORD_KEY_MAX + 1];
    json_t *record = NULL;
    enum phi_err err = phi_json_parse(line, 8, &record, error);
    if (err != PHI_OK)
        return err;
    if (key_of(record, key, sizeof(key)))
        err = put_in(truth, key, record, error);
    else
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.kind", "not a record's form");
    json_decref(record);
    return err;
}

enum phi_err ctl_import_records(struct ctl_truth *truth, struct phi_view lines, size_t *count,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (*count = 0; err == PHI_OK && lines.len > 0;) {
        const uint8_t *end = memchr(lines.data, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.data);
        if (len > 0) {
            err = import_line(truth, phi_view_of(lines.data, len), error);
            *count += err == PHI_OK ? 1 : 0;
        }
        len += end == NULL ? 0 : 1;
        lines = phi_view_of(lines.data + len, lines.len - len);
    }
    return err;
}

int ctl_put_record(const struct ctl_args *args, const char *name, json_t *record)
{
    char key[PHI_RECORD_KEY_MAX + 1];
    struct phi_error error = {.code = PHI_OK};
    if (record == NULL)
        return ctl_fail(PHI_ERR_FIELD_VALUE, NULL);
    int len = snprintf(key, sizeof(key), "%s:%s",
                       json_string_value(json_object_get(record, "kind")), name);
    enum phi_err err = PHI_ERR_FIELD_VALUE;
    if (len > 0 && (size_t)len < sizeof(key))
        err = put(args, key, record, &error);
    json_decref(record);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static void print_record(const struct phi_record *record, void *context)
{
    (void)context;
    json_t *key = json_stringn((const char *)record->key.data, record->key.len);
    char *text = json_dumps(key, JSON_ENCODE_ANY);
    (void)printf("{\"key\":%s,\"version\":%" PRIu64 ",\"value\":%.*s}\n",
                 text != NULL ? text : "null", record->version, (int)record->value.len,
                 (const char *)record->value.data);
    free(text);
    json_decref(key);
}

int ctl_list_records(const struct ctl_args *args, const char *prefix)
{
    struct ctl_truth *truth = NULL;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = ctl_truth_open(args, &truth, &error);
    if (err == PHI_OK)
        err = ctl_truth_each(truth, prefix, print_record, NULL, &error);
    ctl_truth_close(truth);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}
