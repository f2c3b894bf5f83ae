#include "phictl/record.h"

#include "json/canonical.h"
#include "phictl/truth.h"

#include <inttypes.h>
#include <stdio.h>
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

static enum phi_err put(const struct ctl_args *args, const char *key, const json_t *record,
                        struct phi_error *error)
{
    struct ctl_truth *truth = NULL;
    struct phi_view value;
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_arena_new(256 * 1024);
    if (arena == NULL)
        return PHI_ERR_MEMORY;
    PHI_GUARD(phi_json_canonical(record, arena, &value));
    PHI_GUARD(ctl_truth_open(args, &truth, error));
    PHI_GUARD(ctl_truth_put(truth, key, value, error));
    (void)printf("%.*s\n", (int)value.len, (const char *)value.data);
out:
    ctl_truth_close(truth);
    phi_arena_free(arena);
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
    (void)printf("{\"key\":\"%.*s\",\"version\":%" PRIu64 ",\"value\":%.*s}\n", (int)record->key.len,
                 (const char *)record->key.data, record->version, (int)record->value.len,
                 (const char *)record->value.data);
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
