#include "phictl/registry/trust_list.h"

#include "auth/record.h"
#include "base/text.h"
#include "crypto/key.h"
#include "json/json.h"
#include "phictl/files.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX (4 * 1024 * 1024)

static enum phi_err pin(const char *given, struct phi_pinned_key *pinned,
                        struct phi_sm2_public **key, struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_public(given, xy, error));
    PHI_GUARD(phi_key_id_of(xy, pinned->key_serial));
    PHI_GUARD(phi_sm2_public_new(xy, key));
    pinned->key = *key;
out:
    return err;
}

static enum phi_err record_of(const json_t *data, struct phi_record *out, struct phi_error *error)
{
    const char *topic = json_string_value(json_object_get(data, "topic"));
    const char *key = json_string_value(json_object_get(data, "key"));
    const char *version = json_string_value(json_object_get(data, "version"));
    const char *serial = json_string_value(json_object_get(data, "keySerial"));
    const char *signature = json_string_value(json_object_get(data, "signature"));
    const char *value = json_string_value(json_object_get(data, "value"));
    int64_t number = 0;
    if (!topic || !key || !version || !serial || !signature || !value ||
        strcmp(topic, PHI_TRUST_TOPIC) != 0 || strcmp(key, PHI_TRUST_KEY) != 0 ||
        phi_text_to_i64(phi_view_text(version), 1, INT64_MAX, &number) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--trust-list",
                             "not a trust list as GET /v1/trust-list gives it");
    *out = (struct phi_record){.key = phi_view_text(key),
                               .version = (uint64_t)number,
                               .value = phi_view_text(value),
                               .key_serial = phi_view_text(serial),
                               .signature = phi_view_text(signature)};
    return PHI_OK;
}

enum phi_err ctl_trust_list_take(const struct ctl_args *args, const json_t *file,
                                 struct phi_arena *arena, struct phi_record *record,
                                 struct phi_trust_list *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_pinned_key pinned = {.key = NULL};
    struct phi_sm2_public *key = NULL;
    const json_t *data = json_object_get(file, "data");
    PHI_GUARD(pin(ctl_get(args, "trust-key"), &pinned, &key, error));
    PHI_GUARD(record_of(data != NULL ? data : file, record, error));
    PHI_GUARD(phi_record_verify(PHI_TRUST_TOPIC, record, &pinned, 1, error));
    PHI_GUARD(phi_trust_decode(record->value, arena, out, error));
    if (out->version != record->version)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--trust-list",
                            "the list's version is not the record's");
out:
    phi_sm2_public_free(key);
    return err;
}

enum phi_err ctl_trust_list_read(const struct ctl_args *args, struct phi_arena *arena,
                                 struct phi_trust_list *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_record record = {.version = 0};
    json_t *file = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (!ctl_has(args, "trust-key"))
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "--trust-key", "needed for the list");
    PHI_GUARD(ctl_read_all(ctl_get(args, "trust-list"), LIST_MAX, &bytes, &len, error));
    file = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (file == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_JSON, "--trust-list", "not JSON"));
    PHI_GUARD(ctl_trust_list_take(args, file, arena, &record, out, error));
out:
    json_decref(file);
    free(bytes);
    return err;
}
