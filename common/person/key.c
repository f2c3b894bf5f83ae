#include "person/key.h"

#include "crypto/random.h"
#include "json/canonical.h"
#include "json/json.h"

#include <string.h>

#define CONTEXT   "person.key"
#define VALUE_MAX 4096
#define HEAD_LEN  8
#define PLAIN_MAX (HEAD_LEN + PHI_PERSON_KEY_LEN)

static bool is_key_version(int64_t version)
{
    return version % 2 == 1;
}

bool phi_person_key_is_kept(const struct phi_person_key *key)
{
    return is_key_version(key->version);
}

/* version (u64 big-endian), then the key, or nothing when it was destroyed */
static enum phi_err wrap(const struct phi_seal_key *health, const uint8_t *subject, int64_t version,
                         struct phi_view secret, struct phi_arena *arena,
                         struct phi_person_key *out)
{
    enum phi_err err = PHI_OK;
    uint8_t plain[PLAIN_MAX];
    struct phi_writer to = phi_writer_of(plain, sizeof(plain));
    phi_write_u64(&to, (uint64_t)version);
    phi_write_bytes(&to, secret.data, secret.len);
    *out = (struct phi_person_key){.version = version};
    memcpy(out->subject, subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_seal(health, CONTEXT, subject, phi_view_of(plain, phi_writer_len(&to)), arena,
                       &out->wrapped));
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static bool is_in_bounds(int64_t version)
{
    return version > 0 && version <= PHI_PERSON_VERSION_MAX;
}

enum phi_err phi_person_key_make(const struct phi_seal_key *health, const uint8_t *subject,
                                 int64_t version, struct phi_arena *arena,
                                 struct phi_person_key *out)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_PERSON_KEY_LEN];
    if (!is_in_bounds(version) || !is_key_version(version))
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_random_bytes(secret, sizeof(secret)));
    PHI_GUARD(wrap(health, subject, version, phi_view_of(secret, sizeof(secret)), arena, out));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

enum phi_err phi_person_key_end(const struct phi_seal_key *health, const uint8_t *subject,
                                int64_t version, struct phi_arena *arena,
                                struct phi_person_key *out)
{
    if (!is_in_bounds(version) || is_key_version(version))
        return PHI_ERR_FIELD_VALUE;
    return wrap(health, subject, version, phi_view_of(NULL, 0), arena, out);
}

/* The wrapped bytes must say the version that stands beside them. `secret` is inside the arena, for
 * the caller to wipe. */
static enum phi_err unwrap(const struct phi_seal_key *health, const struct phi_person_key *key,
                           struct phi_arena *arena, struct phi_view *secret)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    size_t wanted = HEAD_LEN + (is_key_version(key->version) ? PHI_PERSON_KEY_LEN : 0);
    PHI_GUARD(phi_unseal(health, CONTEXT, key->subject, key->wrapped, arena, &plain));
    struct phi_reader in = phi_reader_of(plain);
    if (plain.len != wanted || phi_read_u64(&in) != (uint64_t)key->version)
        return PHI_ERR_DATA_BROKEN;
    *secret = phi_view_of(plain.data + HEAD_LEN, plain.len - HEAD_LEN);
out:
    return err;
}

enum phi_err phi_person_key_open(const struct phi_seal_key *health,
                                 const struct phi_person_key *key, struct phi_seal_key **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view secret = {0};
    struct phi_arena *arena = NULL;
    if (key->version == 0)
        return PHI_ERR_NOT_FOUND;
    if (!phi_person_key_is_kept(key))
        return PHI_ERR_ERASED;
    arena = phi_arena_new(VALUE_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(unwrap(health, key, arena, &secret));
    PHI_GUARD(phi_seal_key_new((uint32_t)key->version, secret, out));
out:
    if (secret.len > 0)
        phi_wipe((void *)(uintptr_t)secret.data, secret.len);
    phi_arena_free(arena);
    return err;
}

enum phi_err phi_person_seal(const struct phi_seal_key *health, const struct phi_person_key *key,
                             const char *context, struct phi_view plain, struct phi_arena *arena,
                             struct phi_view *sealed)
{
    enum phi_err err = PHI_OK;
    struct phi_seal_key *opened = NULL;
    PHI_GUARD(phi_person_key_open(health, key, &opened));
    PHI_GUARD(phi_seal(opened, context, key->subject, plain, arena, sealed));
out:
    phi_seal_key_free(opened);
    return err;
}

enum phi_err phi_person_unseal(const struct phi_seal_key *health, const struct phi_person_key *key,
                               const char *context, struct phi_view sealed, struct phi_arena *arena,
                               struct phi_view *plain)
{
    enum phi_err err = PHI_OK;
    struct phi_seal_key *opened = NULL;
    uint32_t id = 0;
    if (sealed.len == 0)
        return PHI_ERR_ERASED;
    PHI_GUARD(phi_sealed_key_id(sealed, &id));
    bool is_before_keys = phi_seal_key_has(health, id);
    if (!is_before_keys && (int64_t)id > key->version)
        return id <= PHI_PERSON_VERSION_MAX ? PHI_ERR_NOT_FOUND : PHI_ERR_DATA_BROKEN;
    if (is_before_keys ? key->version > 1 : (int64_t)id < key->version || id % 2 == 0)
        return PHI_ERR_ERASED;
    if (is_before_keys)
        return phi_unseal(health, context, key->subject, sealed, arena, plain);
    PHI_GUARD(phi_person_key_open(health, key, &opened));
    PHI_GUARD(phi_unseal(opened, context, key->subject, sealed, arena, plain));
out:
    phi_seal_key_free(opened);
    return err;
}

enum phi_err phi_person_key_event(const struct phi_person_key *key, const char *region,
                                  int64_t now_us, struct phi_arena *arena, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    char subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX];
    struct phi_view value;
    char *wrapped = phi_arena_alloc(arena, PHI_BASE64_LEN(key->wrapped.len) + 1);
    PHI_GUARD(wrapped == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(key->wrapped, wrapped);
    phi_hex_encode(phi_view_of(key->subject, PHI_SUBJECT_LEN), subject);
    phi_rfc3339_format(now_us, at);
    json_t *json = json_pack(
        "{s:s, s:s, s:i, s:I, s:s, s:s, s:s}", "region", region, "subject", subject,
        "subjectKeyVersion", PHI_SUBJECT_KEY_VERSION, "version", (json_int_t)key->version, "state",
        phi_person_key_is_kept(key) ? "kept" : "erased", "changedAt", at, "wrapped", wrapped);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &value));
    *event = (struct phi_event){
        .type = "cn.phi." PHI_PERSON_STREAM,
        .time_us = now_us,
        .key = phi_view_of(key->subject, PHI_SUBJECT_LEN),
        .value = value,
    };
out:
    return err;
}

static enum phi_err read_place(const struct phi_msg *msg, const struct phi_json_at *root,
                               const char *region, uint8_t subject[PHI_SUBJECT_LEN],
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *found = NULL;
    PHI_GUARD(phi_json_hex(root, "subject", subject, PHI_SUBJECT_LEN, error));
    PHI_GUARD(phi_json_word(root, "region", 6, &found, error));
    if (!phi_view_equal(msg->key, phi_view_of(subject, PHI_SUBJECT_LEN)))
        return phi_json_refuse(root, "subject", PHI_ERR_FIELD_VALUE, "not the record's key", error);
    if (strcmp(found, region) != 0)
        return phi_json_refuse(root, "region", PHI_ERR_FORBIDDEN, "another region", error);
out:
    return err;
}

enum phi_err phi_person_key_read(const struct phi_msg *msg, const char *region,
                                 const struct phi_seal_key *health, struct phi_arena *arena,
                                 struct phi_person_key *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const states[] = {"erased", "kept"};
    struct phi_json_at root;
    struct phi_person_key key = {0};
    struct phi_view secret = {0};
    size_t state = 0;
    uint8_t *wrapped = phi_arena_alloc(arena, PHI_SEAL_OVERHEAD + PLAIN_MAX);
    PHI_GUARD(wrapped == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (msg->value.len > VALUE_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "$", "over %d bytes", VALUE_MAX);
    PHI_GUARD(phi_json_read(msg->value, 2, arena, &root, error));
    PHI_GUARD(read_place(msg, &root, region, key.subject, error));
    PHI_GUARD(phi_json_int(&root, "version", 1, PHI_PERSON_VERSION_MAX, &key.version, error));
    PHI_GUARD(phi_json_enum(&root, "state", states, 2, &state, error));
    if (is_key_version(key.version) != (state == 1))
        return phi_json_refuse(&root, "state", PHI_ERR_FIELD_VALUE, "not the version's", error);
    PHI_GUARD(phi_json_base64(&root, "wrapped", PHI_SEAL_OVERHEAD + HEAD_LEN,
                              PHI_SEAL_OVERHEAD + PLAIN_MAX, wrapped, &key.wrapped.len, error));
    key.wrapped.data = wrapped;
    err = unwrap(health, &key, arena, &secret);
    if (secret.len > 0)
        phi_wipe((void *)(uintptr_t)secret.data, secret.len);
    if (err == PHI_ERR_DATA_BROKEN)
        return phi_json_refuse(&root, "wrapped", err, "not by the health side's key", error);
    PHI_GUARD(err);
    *out = key;
out:
    return err;
}
