#include "base/metrics.h"
#include "crypto/sm3.h"
#include "service/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define PATH_MAX_LEN 4200
#define HELD_MAX     16 /* keys of one use */

/* The key readers know the file; the operator knows the variable. */
static enum phi_err name_variable(struct phi_error *error, enum phi_err err, const char *variable)
{
    if (err != PHI_OK && error != NULL) {
        error->code = err;
        strncpy(error->place, variable, sizeof(error->place) - 1);
    }
    return err;
}

static const char *password_of(struct phi_service *service)
{
    return phi_config_text(service->config, "PHI_KEY_PASSWORD_FILE");
}

enum phi_err phi_service_keys_open(struct phi_service *service, struct phi_error *error)
{
    const char *path = phi_config_text(service->config, "PHI_KEY_MANIFEST_FILE");
    if (path == NULL)
        return PHI_OK;
    return name_variable(error,
                         phi_manifest_read(path, password_of(service), &service->manifest, error),
                         "PHI_KEY_MANIFEST_FILE");
}

/* "code" of PHI_CODE_KEY_FILE. */
static void use_of(const char *variable, char use[PHI_KEY_USE_MAX + 1])
{
    static const char front[] = "PHI_", back[] = "_KEY_FILE";
    size_t len = strlen(variable) - strlen(front) - strlen(back);
    len = len < PHI_KEY_USE_MAX ? len : PHI_KEY_USE_MAX;
    for (size_t i = 0; i < len; i++)
        use[i] = (char)tolower((unsigned char)variable[strlen(front) + i]);
    use[len] = '\0';
}

/* One key to be read: where it lies, and what the manifest says of it. */
struct source {
    struct phi_key_entry entry;
    char path[PATH_MAX_LEN];
};

static enum phi_err source_of_entry(struct phi_service *service, const struct phi_key_entry *entry,
                                    struct source *out)
{
    const char *manifest = phi_config_text(service->config, "PHI_KEY_MANIFEST_FILE");
    const char *slash = strrchr(manifest, '/');
    int folder = slash == NULL ? 0 : (int)(slash - manifest + 1);
    out->entry = *entry;
    int len = snprintf(out->path, sizeof(out->path), "%.*s%s", folder, manifest, entry->file);
    return len < 0 || (size_t)len >= sizeof(out->path) ? PHI_ERR_IO : PHI_OK;
}

/* Without a manifest, or of a use that is not in it: the one file that the variable names. */
static enum phi_err source_of_file(struct phi_service *service, const char *variable,
                                   struct source *out, struct phi_error *error)
{
    const char *path = phi_config_text(service->config, variable);
    if (path == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, variable, "no file, and no key of a manifest");
    out->entry = (struct phi_key_entry){.to_s = PHI_KEY_TIME_OPEN};
    use_of(variable, out->entry.use);
    (void)snprintf(out->path, sizeof(out->path), "%s", path);
    return PHI_OK;
}

static size_t held_of(struct phi_service *service, const char *variable,
                      const struct phi_key_entry **held)
{
    char use[PHI_KEY_USE_MAX + 1];
    use_of(variable, use);
    return service->manifest == NULL
               ? 0
               : phi_manifest_held(service->manifest, use, phi_clock_now_us(NULL) / 1000000, held,
                                   HELD_MAX);
}

/* The newest key whose time has come. */
static enum phi_err source_in_force(struct phi_service *service, const char *variable,
                                    struct source *out, struct phi_error *error)
{
    const struct phi_key_entry *held[HELD_MAX];
    size_t count = held_of(service, variable, held);
    if (count == 0)
        return source_of_file(service, variable, out, error);
    for (size_t i = 0; i < count; i++) {
        if (held[i]->from_s <= phi_clock_now_us(NULL) / 1000000)
            return source_of_entry(service, held[i], out);
    }
    return phi_error_set(error, PHI_ERR_KEY, variable, "no key of the manifest is in force yet");
}

static int64_t us_of(int64_t time_s)
{
    return time_s == PHI_KEY_TIME_OPEN ? INT64_MAX : time_s * 1000000;
}

/* Who has read a key says so, counts its uses, and watches its time. */
static enum phi_err hold(struct phi_service *service, const struct source *source, const char *id,
                         struct phi_counter **uses, struct phi_error *error)
{
    char labels[96];
    if (source->entry.id[0] != '\0' && strcmp(source->entry.id, id) != 0)
        return phi_error_set(error, PHI_ERR_KEY, source->entry.file,
                             "another key than the manifest says");
    if (service->key_count == PHI_SERVICE_KEYS_MAX)
        return phi_error_set(error, PHI_ERR_OVERLOAD, source->entry.use, "too many keys");
    struct phi_service_key *key = &service->keys[service->key_count++];
    *key = (struct phi_service_key){.set = source->entry.set,
                                    .from_us = us_of(source->entry.from_s),
                                    .to_us = us_of(source->entry.to_s)};
    memcpy(key->use, source->entry.use, sizeof(key->use));
    memcpy(key->id, id, PHI_KEY_ID_LEN + 1);
    (void)snprintf(labels, sizeof(labels), "use=\"%s\",key=\"%s\"", key->use, id);
    *uses = phi_counter_new("phi_key_uses_total", "uses of a key", labels);
    return PHI_OK;
}

static enum phi_err read_sm2(struct phi_service *service, const char *variable,
                             const struct source *source, struct phi_sm2_private **out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_sm2_private *key = NULL;
    struct phi_counter *uses = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char id[PHI_KEY_ID_LEN + 1];
    PHI_GUARD(name_variable(
        error, phi_key_read_sm2(source->path, password_of(service), &key, error), variable));
    phi_sm2_private_public(key, xy);
    PHI_GUARD(phi_key_id_of(xy, id));
    PHI_GUARD(name_variable(error, hold(service, source, id, &uses, error), variable));
    phi_sm2_private_count(key, uses);
    *out = key;
    key = NULL;
out:
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err read_secret(struct phi_service *service, const char *variable,
                                const struct source *source, uint8_t secret[PHI_KEY_SECRET_MAX],
                                size_t *len, struct phi_counter **uses, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char id[PHI_KEY_ID_LEN + 1];
    PHI_GUARD(name_variable(error,
                            phi_key_read_secret(source->path, password_of(service), secret,
                                                PHI_KEY_SECRET_MAX, len, error),
                            variable));
    PHI_GUARD(phi_key_id_of_secret(phi_view_of(secret, *len), id));
    PHI_GUARD(name_variable(error, hold(service, source, id, uses, error), variable));
out:
    return err;
}

enum phi_err phi_service_key_sm2(struct phi_service *service, const char *variable,
                                 struct phi_sm2_private **out, struct phi_error *error)
{
    struct source source = {.path = ""};
    enum phi_err err = source_in_force(service, variable, &source, error);
    return err == PHI_OK ? read_sm2(service, variable, &source, out, error) : err;
}

enum phi_err phi_service_key_hmac(struct phi_service *service, const char *variable,
                                  struct phi_hmac_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct source source = {.path = ""};
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t len = 0;
    struct phi_counter *uses = NULL;
    PHI_GUARD(source_in_force(service, variable, &source, error));
    PHI_GUARD(read_secret(service, variable, &source, secret, &len, &uses, error));
    PHI_GUARD(name_variable(error, phi_hmac_key_new(phi_view_of(secret, len), out), variable));
    phi_hmac_key_count(*out, uses);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

/* Sealed bytes name their key by the first four bytes of its SM3. */
static enum phi_err read_seal(struct phi_service *service, const char *variable,
                              const struct source *source, struct phi_seal_key **out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_KEY_SECRET_MAX];
    uint8_t digest[PHI_SM3_LEN];
    size_t len = 0;
    struct phi_counter *uses = NULL;
    PHI_GUARD(read_secret(service, variable, source, secret, &len, &uses, error));
    PHI_GUARD(phi_sm3(phi_view_of(secret, len), digest));
    struct phi_reader in = phi_reader_of(phi_view_of(digest, 4));
    PHI_GUARD(name_variable(
        error, phi_seal_key_new(phi_read_u32(&in), phi_view_of(secret, len), out), variable));
    phi_seal_key_count(*out, uses);
    phi_seal_key_time(*out, us_of(source->entry.from_s), us_of(source->entry.to_s));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

static enum phi_err add_seal(struct phi_service *service, const char *variable,
                             const struct source *source, struct phi_seal_key **chain,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_seal_key *key = NULL;
    PHI_GUARD(read_seal(service, variable, source, &key, error));
    if (*chain == NULL)
        *chain = key;
    else
        PHI_GUARD(name_variable(error, phi_seal_key_add(*chain, key, NULL), variable));
    key = NULL;
out:
    phi_seal_key_free(key);
    return err;
}

enum phi_err phi_service_key_seal(struct phi_service *service, const char *variable,
                                  struct phi_seal_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_key_entry *held[HELD_MAX];
    struct source source = {.path = ""};
    struct phi_seal_key *chain = NULL;
    size_t count = held_of(service, variable, held);
    if (count == 0) {
        PHI_GUARD(source_of_file(service, variable, &source, error));
        PHI_GUARD(add_seal(service, variable, &source, &chain, error));
    }
    for (size_t i = 0; i < count; i++) {
        PHI_GUARD(source_of_entry(service, held[i], &source));
        PHI_GUARD(add_seal(service, variable, &source, &chain, error));
    }
    *out = chain;
    chain = NULL;
out:
    phi_seal_key_free(chain);
    return err;
}

size_t phi_service_key_sets(struct phi_service *service, const char *variable,
                            struct phi_service_key_set *out, size_t max)
{
    const struct phi_key_entry *held[HELD_MAX];
    size_t count = held_of(service, variable, held);
    count = count < max ? count : max;
    for (size_t i = 0; i < count; i++)
        out[i] = (struct phi_service_key_set){
            .id = held[i]->set,
            .from_us = us_of(held[i]->from_s),
            .to_us = held[i]->to_s == PHI_KEY_TIME_OPEN ? 0 : us_of(held[i]->to_s)};
    if (count > 0)
        return count;
    out[0] =
        (struct phi_service_key_set){.id = (uint8_t)phi_config_int(service->config, "PHI_KEY_SET")};
    return 1;
}

/* The key of a use that belongs to a set. */
static enum phi_err source_of_set(struct phi_service *service, const char *variable, uint8_t set,
                                  struct source *out, struct phi_error *error)
{
    const struct phi_key_entry *held[HELD_MAX];
    size_t count = held_of(service, variable, held);
    for (size_t i = 0; i < count; i++) {
        if (held[i]->set == set)
            return source_of_entry(service, held[i], out);
    }
    if (count > 0)
        return phi_error_set(error, PHI_ERR_KEY, variable, "no key of set %u in the manifest",
                             (unsigned)set);
    enum phi_err err = source_of_file(service, variable, out, error);
    out->entry.set = set;
    return err;
}

enum phi_err phi_service_set_sm2(struct phi_service *service, const char *variable, uint8_t set,
                                 struct phi_sm2_private **out, struct phi_error *error)
{
    struct source source = {.path = ""};
    enum phi_err err = source_of_set(service, variable, set, &source, error);
    return err == PHI_OK ? read_sm2(service, variable, &source, out, error) : err;
}

enum phi_err phi_service_set_bytes(struct phi_service *service, const char *variable, uint8_t set,
                                   uint8_t *out, size_t len, struct phi_counter **uses,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct source source = {.path = ""};
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t got = 0;
    PHI_GUARD(source_of_set(service, variable, set, &source, error));
    PHI_GUARD(read_secret(service, variable, &source, secret, &got, uses, error));
    if (got == len)
        memcpy(out, secret, len);
    else
        err = phi_error_set(error, PHI_ERR_KEY, variable, "not a key of %zu bytes", len);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

enum phi_err phi_service_key_bytes(struct phi_service *service, const char *variable, uint8_t *out,
                                   size_t len, struct phi_counter **uses, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct source source = {.path = ""};
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t got = 0;
    PHI_GUARD(source_in_force(service, variable, &source, error));
    PHI_GUARD(read_secret(service, variable, &source, secret, &got, uses, error));
    if (got == len)
        memcpy(out, secret, len);
    else
        err = phi_error_set(error, PHI_ERR_KEY, variable, "not a key of %zu bytes", len);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}
