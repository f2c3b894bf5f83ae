#include "auth/registry_record.h"

#include "base/text.h"
#include "crypto/key.h"
#include "json/json.h"

#include <string.h>

#define DEPTH_MAX       5
#define ARENA_MAX_BYTES (512 * 1024)
#define KEYS_MAX        16
#define WORDS_MAX       64
#define WORD_MAX        32
#define NAME_MAX_CP     100
#define URL_MAX         512
#define CALLER_MAX      105

bool phi_words_has(const struct phi_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0)
            return true;
    }
    return false;
}

static enum phi_err read_words(const struct phi_json_at *object, const char *field,
                               struct phi_arena *arena, struct phi_words *out,
                               struct phi_error *error)
{
    struct phi_json_at array;
    size_t count = 0;
    enum phi_err err = phi_json_array_opt(object, field, 0, WORDS_MAX, &array, &count, error);
    if (err != PHI_OK || count == 0)
        return err;
    const char **items = phi_arena_alloc(arena, count * sizeof(*items));
    if (items == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        err = phi_json_as_text(&item, 1, WORD_MAX, &items[i], error);
        if (err != PHI_OK)
            return err;
    }
    *out = (struct phi_words){.items = items, .count = count};
    return PHI_OK;
}

static void drop_public(void *key)
{
    phi_sm2_public_free(key);
}

static enum phi_err keep_public(struct phi_arena *arena, const uint8_t xy[PHI_SM2_PUBLIC_LEN],
                                const struct phi_sm2_public **out)
{
    struct phi_sm2_public *key = NULL;
    enum phi_err err = phi_sm2_public_new(xy, &key);
    if (err != PHI_OK)
        return err;
    err = phi_arena_on_free(arena, drop_public, key);
    if (err != PHI_OK) {
        phi_sm2_public_free(key);
        return err;
    }
    *out = key;
    return PHI_OK;
}

static enum phi_err read_key(const struct phi_json_at *at, struct phi_arena *arena,
                             struct phi_registry_key *out, struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const char *serial = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(at, "serial", PHI_KEY_SERIAL_LEN, PHI_KEY_SERIAL_LEN, &serial, error));
    PHI_GUARD(phi_json_hex(at, "public", xy, sizeof(xy), error));
    PHI_GUARD(phi_json_time_opt(at, "from", 0, &out->from_us, error));
    PHI_GUARD(phi_json_time_opt(at, "to", INT64_MAX, &out->to_us, error));
    PHI_GUARD(phi_key_id_of(xy, out->serial));
    if (strcmp(serial, out->serial) != 0)
        return phi_json_refuse(at, "serial", PHI_ERR_FIELD_VALUE, "not the key's serial", error);
    if (keep_public(arena, xy, &out->public_key) != PHI_OK)
        return phi_json_refuse(at, "public", PHI_ERR_FIELD_VALUE, "not a point of the curve",
                               error);
out:
    return err;
}

static enum phi_err read_keys(const struct phi_json_at *object, struct phi_arena *arena,
                              struct phi_registry_app *out, struct phi_error *error)
{
    struct phi_json_at array;
    size_t count = 0;
    enum phi_err err = phi_json_array(object, "keys", 1, KEYS_MAX, &array, &count, error);
    if (err != PHI_OK)
        return err;
    struct phi_registry_key *keys = phi_arena_alloc(arena, count * sizeof(*keys));
    if (keys == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&array, i);
        err = read_key(&item, arena, &keys[i], error);
        if (err != PHI_OK)
            return err;
    }
    out->keys = keys;
    out->key_count = count;
    return PHI_OK;
}

static enum phi_err read_app(const struct phi_json_at *root, struct phi_registry_record *record,
                             const char **name, struct phi_error *error)
{
    struct phi_registry_app *app = &record->app;
    const char *app_id = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_word(root, "appId", PHI_APP_ID_MAX, &app_id, error));
    (void)memcpy(app->app_id, app_id, strlen(app_id) + 1);
    PHI_GUARD(phi_json_text(root, "name", 1, NAME_MAX_CP, &app->name, error));
    PHI_GUARD(phi_json_text(root, "clientId", 1, 64, &app->client_id, error));
    PHI_GUARD(phi_json_text_opt(root, "institution", 1, NAME_MAX_CP, "", &app->institution, error));
    PHI_GUARD(read_keys(root, record->arena, app, error));
    PHI_GUARD(read_words(root, "roles", record->arena, &app->roles, error));
    PHI_GUARD(read_words(root, "scopes", record->arena, &app->scopes, error));
    PHI_GUARD(read_words(root, "sources", record->arena, &app->sources, error));
    app->suspended = !record->active;
    *name = app->app_id;
out:
    return err;
}

static enum phi_err read_peer(const struct phi_json_at *root, struct phi_registry_record *record,
                              const char **name, struct phi_error *error)
{
    struct phi_registry_peer *peer = &record->peer;
    const char *platform = NULL;
    char hex[2 * sizeof(peer->curve) + 1];
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_hex(root, "curve", peer->curve, sizeof(peer->curve), error));
    PHI_GUARD(phi_json_text(root, "platform", 6, 6, &platform, error));
    if (!phi_text_is_digits(phi_view_text(platform)))
        return phi_json_refuse(root, "platform", PHI_ERR_FIELD_VALUE, "not six digits", error);
    (void)memcpy(peer->platform, platform, sizeof(peer->platform));
    PHI_GUARD(phi_json_word(root, "program", WORD_MAX - 1, &peer->program, error));
    PHI_GUARD(read_words(root, "scopes", record->arena, &peer->scopes, error));
    phi_hex_encode(phi_view_of(peer->curve, sizeof(peer->curve)), hex);
    *name = phi_arena_text(record->arena, phi_view_text(hex));
    if (*name == NULL)
        err = PHI_ERR_MEMORY;
out:
    return err;
}

static enum phi_err read_provider(const struct phi_json_at *root,
                                  struct phi_registry_record *record, const char **name,
                                  struct phi_error *error)
{
    static const char *const kinds[] = {"citizen", "staff"};
    struct phi_registry_provider *provider = &record->provider;
    size_t kind = 0;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(root, "issuer", 1, 256, &provider->issuer, error));
    PHI_GUARD(phi_json_text(root, "jwksUrl", 1, URL_MAX - 1, &provider->jwks_url, error));
    PHI_GUARD(phi_json_enum(root, "serves", kinds, 2, &kind, error));
    PHI_GUARD(phi_json_text_opt(root, "acr", 1, 128, "", &provider->acr, error));
    provider->kind = kind == 0 ? PHI_PROVIDER_CITIZEN : PHI_PROVIDER_STAFF;
    *name = provider->issuer;
out:
    return err;
}

static enum phi_err read_staff(const struct phi_json_at *root, struct phi_registry_record *record,
                               const char **name, struct phi_error *error)
{
    struct phi_registry_staff *staff = &record->staff;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(root, "issuer", 1, 256, &staff->issuer, error));
    PHI_GUARD(phi_json_text(root, "sub", 1, 128, &staff->sub, error));
    PHI_GUARD(phi_json_text(root, "unit", 1, NAME_MAX_CP, &staff->unit, error));
    PHI_GUARD(read_words(root, "roles", record->arena, &staff->roles, error));
    PHI_GUARD(read_words(root, "regions", record->arena, &staff->regions, error));
    PHI_GUARD(read_words(root, "sources", record->arena, &staff->sources, error));
    *name = phi_arena_printf(record->arena, "%s|%s", staff->issuer, staff->sub);
    if (*name == NULL)
        err = PHI_ERR_MEMORY;
out:
    return err;
}

static enum phi_err read_caller(const struct phi_json_at *root, struct phi_registry_record *record,
                                const char **name, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(root, "caller", 1, CALLER_MAX, name, error));
    PHI_GUARD(phi_json_time(root, "restoredAt", &record->restored_us, error));
out:
    return err;
}

static const struct {
    const char *name;
    enum phi_err (*read)(const struct phi_json_at *root, struct phi_registry_record *record,
                         const char **name, struct phi_error *error);
} kinds[] = {
    [PHI_REG_APP] = {"app", read_app},
    [PHI_REG_PEER] = {"peer", read_peer},
    [PHI_REG_PROVIDER] = {"provider", read_provider},
    [PHI_REG_STAFF] = {"staff", read_staff},
    [PHI_REG_CALLER] = {"caller", read_caller},
};

/* The key on the topic must be what the value says: a record can't stand in another's place. */
static enum phi_err check_key(const struct phi_registry_record *record, const char *name,
                              struct phi_error *error)
{
    const char *expected = phi_arena_printf(record->arena, "%s:%s", kinds[record->kind].name, name);
    if (expected == NULL)
        return PHI_ERR_MEMORY;
    if (strcmp(expected, record->key) != 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "key", "not the key of this value");
    return PHI_OK;
}

static enum phi_err read_record(struct phi_view value, struct phi_registry_record *record,
                                struct phi_error *error)
{
    static const char *const kind_names[] = {"app", "peer", "provider", "staff", "caller"};
    static const char *const statuses[] = {"active", "suspended"};
    struct phi_json_at root;
    size_t kind = 0;
    size_t status = 0;
    const char *name = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_read(value, DEPTH_MAX, record->arena, &root, error));
    PHI_GUARD(phi_json_enum(&root, "kind", kind_names, PHI_REG_KINDS, &kind, error));
    PHI_GUARD(phi_json_enum_opt(&root, "status", statuses, 2, 0, &status, error));
    record->kind = (enum phi_registry_kind)kind;
    record->active = status == 0;
    PHI_GUARD(kinds[kind].read(&root, record, &name, error));
    PHI_GUARD(check_key(record, name, error));
out:
    return err;
}

static enum phi_err check_bounds(struct phi_view key, struct phi_view value,
                                 struct phi_error *error)
{
    if (key.len == 0 || key.len > PHI_RECORD_KEY_MAX || !phi_text_is_utf8(key))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "key", "empty, too long or not UTF-8");
    if (value.len > PHI_REGISTRY_VALUE_MAX)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$", "longer than %d bytes",
                             PHI_REGISTRY_VALUE_MAX);
    return PHI_OK;
}

enum phi_err phi_registry_record_new(struct phi_view key, uint64_t version, struct phi_view value,
                                     struct phi_registry_record **out, struct phi_error *error)
{
    enum phi_err err = check_bounds(key, value, error);
    if (err != PHI_OK)
        return err;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX_BYTES);
    struct phi_registry_record *record =
        arena == NULL ? NULL : phi_arena_alloc(arena, sizeof(*record));
    if (record == NULL) {
        phi_arena_free(arena);
        return PHI_ERR_MEMORY;
    }
    atomic_init(&record->refs, 1);
    record->arena = arena;
    record->version = version;
    record->key = phi_arena_text(arena, key);
    err = record->key == NULL ? PHI_ERR_MEMORY : read_record(value, record, error);
    if (err != PHI_OK) {
        phi_arena_free(arena);
        return err;
    }
    *out = record;
    return PHI_OK;
}

void phi_registry_record_hold(struct phi_registry_record *record)
{
    (void)atomic_fetch_add(&record->refs, 1);
}

void phi_registry_record_release(struct phi_registry_record *record)
{
    if (record != NULL && atomic_fetch_sub(&record->refs, 1) == 1)
        phi_arena_free(record->arena);
}

enum phi_err phi_registry_check(struct phi_view key, struct phi_view value, struct phi_error *error)
{
    struct phi_registry_record *record = NULL;
    enum phi_err err = phi_registry_record_new(key, 1, value, &record, error);
    phi_registry_record_release(record);
    return err;
}
