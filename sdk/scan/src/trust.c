#include "parts.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX      (8 * 1024 * 1024)
#define PLATFORMS_MAX 1024
#define KEYS_MAX      64
#define VERSION_MAX   ((double)(1ULL << 53))

static const char *text_of(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

/* Absent gives `fallback`; false: not a time. */
static bool time_of(const cJSON *object, const char *name, int64_t fallback, int64_t *out)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, name);
    *out = fallback;
    if (value == NULL || cJSON_IsNull(value))
        return true;
    return cJSON_IsString(value) && scan_rfc3339(value->valuestring, out);
}

static bool read_key_set(const cJSON *json, struct scan_key *out)
{
    const cJSON *set = cJSON_GetObjectItemCaseSensitive(json, "keySetId");
    if (!cJSON_IsNumber(set) || set->valuedouble < 0 || set->valuedouble > 255 ||
        set->valuedouble != (double)set->valueint)
        return false;
    out->key_set = set->valueint;
    return true;
}

/* Keys of other uses are none of a scanner's. */
static int read_key(const cJSON *json, struct scan_platform *platform)
{
    const char *use = text_of(json, "use"), *xy_hex = text_of(json, "public");
    const char *serial = text_of(json, "serial");
    unsigned char xy[SCAN_XY_LEN];
    if (use == NULL || xy_hex == NULL || serial == NULL || strlen(serial) != SCAN_SERIAL_LEN)
        return PHI_SCAN_FORM;
    bool is_code = strcmp(use, "code") == 0;
    if (!is_code && strcmp(use, "revocation") != 0)
        return PHI_SCAN_GOOD;
    struct scan_key *key = &platform->keys[platform->key_count];
    key->use = is_code ? SCAN_USE_CODE : SCAN_USE_REVOCATION;
    memcpy(key->serial, serial, SCAN_SERIAL_LEN);
    if (!scan_hex(xy_hex, xy, sizeof(xy)) || !time_of(json, "from", 0, &key->from_s) ||
        !time_of(json, "to", INT64_MAX, &key->to_s) || (is_code && !read_key_set(json, key)))
        return PHI_SCAN_FORM;
    key->object = scan_key_new(xy);
    if (key->object == NULL)
        return PHI_SCAN_FORM;
    platform->key_count++;
    return PHI_SCAN_GOOD;
}

static int read_platform(const cJSON *json, struct scan_platform *out)
{
    const char *id = text_of(json, "id"), *status = text_of(json, "status");
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(json, "keys"), *key = NULL;
    if (id == NULL || strlen(id) != 6 || !scan_platform_id((const unsigned char *)id) ||
        status == NULL || !cJSON_IsArray(keys) || cJSON_GetArraySize(keys) > KEYS_MAX)
        return PHI_SCAN_FORM;
    memcpy(out->id, id, sizeof(out->id));
    out->is_active = strcmp(status, "active") == 0;
    out->keys = calloc((size_t)cJSON_GetArraySize(keys) + 1, sizeof(*out->keys));
    if (out->keys == NULL)
        return PHI_SCAN_MEMORY;
    cJSON_ArrayForEach(key, keys)
    {
        int result = read_key(key, out);
        if (result != PHI_SCAN_GOOD)
            return result;
    }
    return PHI_SCAN_GOOD;
}

static int read_platforms(const cJSON *platforms, struct scan_list *out)
{
    const cJSON *platform = NULL;
    if (!cJSON_IsArray(platforms) || cJSON_GetArraySize(platforms) > PLATFORMS_MAX)
        return PHI_SCAN_FORM;
    out->platforms = calloc((size_t)cJSON_GetArraySize(platforms) + 1, sizeof(*out->platforms));
    if (out->platforms == NULL)
        return PHI_SCAN_MEMORY;
    cJSON_ArrayForEach(platform, platforms)
    {
        int result = read_platform(platform, &out->platforms[out->count++]);
        if (result != PHI_SCAN_GOOD)
            return result;
    }
    return PHI_SCAN_GOOD;
}

/* `version` stands in the signed bytes as text and in the value as a number: the same one. */
static int read_value(const char *value, const char *version, struct scan_list *out)
{
    char number[32];
    cJSON *json = cJSON_Parse(value);
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "version");
    int result = PHI_SCAN_FORM;
    if (cJSON_IsNumber(own) && own->valuedouble >= 0 && own->valuedouble < VERSION_MAX) {
        snprintf(number, sizeof(number), "%.0f", own->valuedouble);
        out->version = (uint64_t)own->valuedouble;
        if (strcmp(number, version) == 0)
            result = read_platforms(cJSON_GetObjectItemCaseSensitive(json, "platforms"), out);
    }
    cJSON_Delete(json);
    return result;
}

static int verify_list(const char *version, const char *value, const char *signature,
                       const struct scan_key_object *owner)
{
    static const char head[] = "phi.registry\ntrust-list\n";
    unsigned char sig[SCAN_SIG_LEN];
    size_t sig_len = 0;
    if (!scan_base64(signature, sig, sizeof(sig), &sig_len) || sig_len != sizeof(sig) ||
        strchr(value, '\n') != NULL)
        return PHI_SCAN_FORM;
    size_t size = sizeof(head) + strlen(version) + 1 + strlen(value);
    char *message = malloc(size);
    if (message == NULL)
        return PHI_SCAN_MEMORY;
    snprintf(message, size, "%s%s\n%s", head, version, value);
    const struct scan_bytes bytes = {(const unsigned char *)message, size - 1};
    int result = scan_verify(owner, bytes, sig);
    free(message);
    return result;
}

static int read_signed(const cJSON *data, const struct scan_key_object *owner,
                       struct scan_list *out)
{
    const char *topic = text_of(data, "topic"), *key = text_of(data, "key");
    const char *value = text_of(data, "value"), *signature = text_of(data, "signature");
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(data, "version");
    char version[32] = "";
    if (cJSON_IsNumber(number) && number->valuedouble >= 0 && number->valuedouble < VERSION_MAX)
        snprintf(version, sizeof(version), "%.0f", number->valuedouble);
    else if (cJSON_IsString(number) && strlen(number->valuestring) < sizeof(version))
        snprintf(version, sizeof(version), "%s", number->valuestring);
    if (topic == NULL || strcmp(topic, "phi.registry") != 0 || key == NULL ||
        strcmp(key, "trust-list") != 0 || value == NULL || signature == NULL || version[0] == '\0')
        return PHI_SCAN_FORM;
    int result = verify_list(version, value, signature, owner);
    return result == PHI_SCAN_GOOD ? read_value(value, version, out) : result;
}

int scan_list_read(const char *json, size_t len, const struct scan_key_object *owner,
                   struct scan_list **out)
{
    if (len > LIST_MAX)
        return PHI_SCAN_FORM;
    struct scan_list *list = calloc(1, sizeof(*list));
    if (list == NULL)
        return PHI_SCAN_MEMORY;
    cJSON *root = cJSON_ParseWithLength(json, len);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(root, "data");
    int result = read_signed(cJSON_IsObject(data) ? data : root, owner, list);
    cJSON_Delete(root);
    if (result == PHI_SCAN_GOOD)
        *out = list;
    else
        scan_list_free(list);
    return result;
}

void scan_list_free(struct scan_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        for (size_t k = 0; k < list->platforms[i].key_count; k++)
            scan_key_free(list->platforms[i].keys[k].object);
        free(list->platforms[i].keys);
    }
    free(list->platforms);
    free(list);
}

const struct scan_platform *scan_list_platform(const struct scan_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->platforms[i].id, id) == 0)
            return &list->platforms[i];
    return NULL;
}
