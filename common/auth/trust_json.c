#include "auth/trust.h"

#include "base/text.h"
#include "crypto/key.h"
#include "json/canonical.h"

#include <string.h>

#define DEPTH_MAX   8
#define NAME_MAX_CP 100
#define ADDRESS_MAX 256
#define VERSION_MAX ((INT64_C(1) << 53) - 1)

static const char *const use_names[PHI_TRUST_USE_COUNT] = {
    "code", "receipt", "revocation", "directory", "correction", "answer", "encryption"};
static const char *const service_names[PHI_TRUST_SERVICE_COUNT] = {"verify", "directory", "relay"};
static const char *const holder_names[PHI_TRUST_HOLDER_COUNT] = {
    "", "verify", "directory", "declare", "correction", "platform", "other"};
static const char *const status_names[] = {"active", "suspended"};

const char *phi_trust_use_name(enum phi_trust_use use)
{
    return use_names[use];
}

enum phi_err phi_trust_use_from_name(const char *name, enum phi_trust_use *out)
{
    for (int i = 0; i < PHI_TRUST_USE_COUNT; i++) {
        if (strcmp(use_names[i], name) == 0) {
            *out = (enum phi_trust_use)i;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}

const char *phi_trust_holder_name(enum phi_trust_holder holder)
{
    return holder_names[holder];
}

enum phi_err phi_trust_holder_from_name(const char *name, enum phi_trust_holder *out)
{
    for (int i = 1; i < PHI_TRUST_HOLDER_COUNT; i++) {
        if (strcmp(holder_names[i], name) == 0) {
            *out = (enum phi_trust_holder)i;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}

/* Reading */

static void drop_public(void *key)
{
    phi_sm2_public_free(key);
}

static enum phi_err make_public(struct phi_trust_key *key, struct phi_arena *arena)
{
    struct phi_sm2_public *made = NULL;
    enum phi_err err = phi_sm2_public_new(key->xy, &made);
    if (err != PHI_OK)
        return err;
    err = phi_arena_on_free(arena, drop_public, made);
    if (err != PHI_OK) {
        phi_sm2_public_free(made);
        return err;
    }
    key->public_key = made;
    return PHI_OK;
}

static enum phi_err read_key_set(const struct phi_json_at *at, struct phi_trust_key *out,
                                 struct phi_error *error)
{
    int64_t key_set = 0;
    if (out->use != PHI_TRUST_CODE)
        return PHI_OK;
    enum phi_err err = phi_json_int(at, "keySetId", 0, 255, &key_set, error);
    if (err == PHI_OK)
        out->key_set_id = (uint8_t)key_set;
    return err;
}

static enum phi_err read_holder(const struct phi_json_at *at, struct phi_trust_key *out,
                                struct phi_error *error)
{
    const char *service = NULL;
    if (out->use != PHI_TRUST_ENCRYPTION)
        return PHI_OK;
    enum phi_err err = phi_json_word_opt(at, "service", 16, "", &service, error);
    if (err == PHI_OK && service[0] != '\0' &&
        phi_trust_holder_from_name(service, &out->holder) != PHI_OK)
        out->holder = PHI_TRUST_FOR_OTHER;
    return err;
}

static enum phi_err read_key(const struct phi_json_at *at, struct phi_arena *arena,
                             struct phi_trust_key *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t use = 0;
    const char *serial = NULL;
    PHI_GUARD(phi_json_enum(at, "use", use_names, PHI_TRUST_USE_COUNT, &use, error));
    out->use = (enum phi_trust_use)use;
    PHI_GUARD(read_key_set(at, out, error));
    PHI_GUARD(read_holder(at, out, error));
    PHI_GUARD(phi_json_text(at, "serial", PHI_KEY_SERIAL_LEN, PHI_KEY_SERIAL_LEN, &serial, error));
    PHI_GUARD(phi_json_hex(at, "public", out->xy, sizeof(out->xy), error));
    PHI_GUARD(phi_json_time_opt(at, "from", 0, &out->from_us, error));
    PHI_GUARD(phi_json_time_opt(at, "to", INT64_MAX, &out->to_us, error));
    PHI_GUARD(phi_key_id_of(out->xy, out->serial));
    if (strcmp(serial, out->serial) != 0)
        return phi_json_refuse(at, "serial", PHI_ERR_FIELD_VALUE, "not the key's serial", error);
    if (make_public(out, arena) != PHI_OK)
        return phi_json_refuse(at, "public", PHI_ERR_FIELD_VALUE, "not a point of the curve",
                               error);
out:
    return err;
}

static bool has_key_set(const struct phi_trust_key *keys, size_t count,
                        const struct phi_trust_key *key)
{
    for (size_t i = 0; key->use == PHI_TRUST_CODE && i < count; i++) {
        if (keys[i].use == PHI_TRUST_CODE && keys[i].key_set_id == key->key_set_id)
            return true;
    }
    return false;
}

static enum phi_err read_keys(const struct phi_json_at *at, struct phi_arena *arena,
                              struct phi_trust_platform *out, struct phi_error *error)
{
    struct phi_json_at array;
    size_t count = 0;
    enum phi_err err = phi_json_array(at, "keys", 0, PHI_TRUST_KEYS, &array, &count, error);
    if (err != PHI_OK || count == 0)
        return err;
    struct phi_trust_key *keys = phi_arena_alloc(arena, count * sizeof(*keys));
    if (keys == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        err = read_key(&item, arena, &keys[i], error);
        if (err != PHI_OK)
            return err;
        if (has_key_set(keys, i, &keys[i]))
            return phi_json_refuse(&item, "keySetId", PHI_ERR_FIELD_VALUE, "given twice", error);
    }
    out->keys = keys;
    out->key_count = count;
    return PHI_OK;
}

static enum phi_err read_endpoints(const struct phi_json_at *at, const char *service,
                                   struct phi_arena *arena, const struct phi_trust_endpoint **out,
                                   size_t *out_count, struct phi_error *error)
{
    struct phi_json_at array;
    size_t count = 0;
    enum phi_err err =
        phi_json_array_opt(at, service, 0, PHI_TRUST_ENDPOINTS, &array, &count, error);
    if (err != PHI_OK || count == 0)
        return err;
    struct phi_trust_endpoint *endpoints = phi_arena_alloc(arena, count * sizeof(*endpoints));
    if (endpoints == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; err == PHI_OK && i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        err = phi_json_text(&item, "address", 1, ADDRESS_MAX, &endpoints[i].address, error);
        if (err == PHI_OK)
            err =
                phi_json_hex(&item, "curve", endpoints[i].curve, sizeof(endpoints[i].curve), error);
    }
    *out = endpoints;
    *out_count = count;
    return err;
}

static enum phi_err read_services(const struct phi_json_at *at, struct phi_arena *arena,
                                  struct phi_trust_platform *out, struct phi_error *error)
{
    struct phi_json_at endpoints;
    enum phi_err err = phi_json_object_opt(at, "endpoints", &endpoints, error);
    for (int i = 0; err == PHI_OK && endpoints.value != NULL && i < PHI_TRUST_SERVICE_COUNT; i++)
        err = read_endpoints(&endpoints, service_names[i], arena, &out->endpoints[i],
                             &out->endpoint_counts[i], error);
    return err;
}

static enum phi_err read_platform(const struct phi_json_at *at, struct phi_arena *arena,
                                  struct phi_trust_platform *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t status = 0;
    const char *id = NULL;
    PHI_GUARD(phi_json_text(at, "id", 6, 6, &id, error));
    if (!phi_text_is_digits(phi_view_text(id)))
        return phi_json_refuse(at, "id", PHI_ERR_FIELD_VALUE, "not six digits", error);
    (void)memcpy(out->id, id, sizeof(out->id));
    PHI_GUARD(phi_json_text(at, "name", 1, NAME_MAX_CP, &out->name, error));
    PHI_GUARD(phi_json_enum(at, "status", status_names, 2, &status, error));
    out->status = (enum phi_trust_status)status;
    PHI_GUARD(read_keys(at, arena, out, error));
    PHI_GUARD(read_services(at, arena, out, error));
out:
    return err;
}

static enum phi_err read_platforms(const struct phi_json_at *root, struct phi_arena *arena,
                                   struct phi_trust_list *out, struct phi_error *error)
{
    struct phi_json_at array;
    size_t count = 0;
    enum phi_err err =
        phi_json_array(root, "platforms", 0, PHI_TRUST_PLATFORMS, &array, &count, error);
    if (err != PHI_OK || count == 0)
        return err;
    struct phi_trust_platform *platforms = phi_arena_alloc(arena, count * sizeof(*platforms));
    if (platforms == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        err = read_platform(&item, arena, &platforms[i], error);
        if (err != PHI_OK)
            return err;
        if (i > 0 && strcmp(platforms[i - 1].id, platforms[i].id) >= 0)
            return phi_json_refuse(&item, "id", PHI_ERR_FIELD_VALUE, "not in rising order", error);
    }
    out->platforms = platforms;
    out->platform_count = count;
    return PHI_OK;
}

enum phi_err phi_trust_decode(struct phi_view json, struct phi_arena *arena,
                              struct phi_trust_list *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    int64_t version = 0;
    struct phi_trust_list list = {.version = 0};
    PHI_GUARD(phi_json_read(json, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_int(&root, "version", 1, VERSION_MAX, &version, error));
    PHI_GUARD(phi_json_time(&root, "issuedAt", &list.issued_us, error));
    PHI_GUARD(read_platforms(&root, arena, &list, error));
    list.version = (uint64_t)version;
    *out = list;
out:
    return err;
}

/* Writing: every helper gives a new reference, or NULL when out of memory. */

static json_t *time_of(int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(time_us, text);
    return json_string(text);
}

static json_t *hex_of(const uint8_t *bytes, size_t len)
{
    char text[2 * PHI_SM2_PUBLIC_LEN + 1];
    phi_hex_encode(phi_view_of(bytes, len), text);
    return json_string(text);
}

static json_t *key_of(const struct phi_trust_key *key)
{
    json_t *object = json_pack("{s:s, s:s, s:o}", "use", use_names[key->use], "serial", key->serial,
                               "public", hex_of(key->xy, sizeof(key->xy)));
    if (object == NULL)
        return NULL;
    int bad = 0;
    if (key->use == PHI_TRUST_CODE)
        bad |= json_object_set_new(object, "keySetId", json_integer(key->key_set_id));
    if (key->holder != PHI_TRUST_FOR_ANY)
        bad |= json_object_set_new(object, "service", json_string(holder_names[key->holder]));
    if (key->from_us > 0)
        bad |= json_object_set_new(object, "from", time_of(key->from_us));
    if (key->to_us != INT64_MAX)
        bad |= json_object_set_new(object, "to", time_of(key->to_us));
    if (bad == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *keys_of(const struct phi_trust_platform *platform)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < platform->key_count; i++) {
        if (json_array_append_new(array, key_of(&platform->keys[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *endpoints_of(const struct phi_trust_endpoint *endpoints, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++) {
        json_t *object = json_pack("{s:s, s:o}", "address", endpoints[i].address, "curve",
                                   hex_of(endpoints[i].curve, sizeof(endpoints[i].curve)));
        if (json_array_append_new(array, object) != 0) {
            json_decref(array);
            array = NULL;
        }
    }
    return array;
}

static json_t *services_of(const struct phi_trust_platform *platform)
{
    json_t *object = json_object();
    for (int i = 0; object != NULL && i < PHI_TRUST_SERVICE_COUNT; i++) {
        json_t *array = endpoints_of(platform->endpoints[i], platform->endpoint_counts[i]);
        if (json_object_set_new(object, service_names[i], array) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *platform_of(const struct phi_trust_platform *platform)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", platform->id, "name", platform->name,
                     "status", status_names[platform->status], "keys", keys_of(platform),
                     "endpoints", services_of(platform));
}

static json_t *list_of(const struct phi_trust_list *list)
{
    json_t *platforms = json_array();
    for (size_t i = 0; platforms != NULL && i < list->platform_count; i++) {
        if (json_array_append_new(platforms, platform_of(&list->platforms[i])) != 0) {
            json_decref(platforms);
            platforms = NULL;
        }
    }
    return json_pack("{s:I, s:o, s:o}", "version", (json_int_t)list->version, "issuedAt",
                     time_of(list->issued_us), "platforms", platforms);
}

/* What was written is read back: a list that a reader would refuse is never signed. */
static enum phi_err check_encoded(struct phi_view json, struct phi_error *error)
{
    struct phi_trust_list list;
    struct phi_arena *arena = phi_arena_new(32 * 1024 * 1024);
    if (arena == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = phi_trust_decode(json, arena, &list, error);
    phi_arena_free(arena);
    return err;
}

enum phi_err phi_trust_encode(const struct phi_trust_list *list, struct phi_arena *arena,
                              struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view encoded;
    json_t *json = list_of(list);
    if (json == NULL)
        return PHI_ERR_MEMORY;
    err = phi_json_canonical(json, arena, &encoded);
    json_decref(json);
    if (err != PHI_OK)
        return err;
    if (encoded.len > PHI_RECORD_VALUE_MAX)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$",
                             "the list is too long for one record");
    err = check_encoded(encoded, error);
    if (err == PHI_OK)
        *out = encoded;
    return err;
}
