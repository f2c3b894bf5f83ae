#include "crypto/manifest.h"

#include "crypto/keys/file.h"
#include "crypto/random.h"

#include <openssl/evp.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS       100000
#define PATH_MAX_LEN 4096

/* As slow as opening a key file, so that the manifest is no quicker way to try passwords. */
static enum phi_err derive(struct phi_manifest *manifest, const char *password)
{
    size_t len = strlen(password);
    if (len == 0 || len > 1024)
        return PHI_ERR_KEY;
    bool ok = PKCS5_PBKDF2_HMAC(password, (int)len, manifest->salt, sizeof(manifest->salt), ROUNDS,
                                EVP_sha256(), sizeof(manifest->mac_key), manifest->mac_key) == 1;
    return ok ? PHI_OK : PHI_ERR_CRYPTO;
}

enum phi_err phi_manifest_new(const char *password, struct phi_manifest **out)
{
    enum phi_err err = PHI_OK;
    struct phi_manifest *made = calloc(1, sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    PHI_GUARD(phi_random_bytes(made->salt, sizeof(made->salt)));
    PHI_GUARD(derive(made, password));
    *out = made;
    made = NULL;
out:
    phi_manifest_free(made);
    return err;
}

void phi_manifest_free(struct phi_manifest *manifest)
{
    if (!manifest)
        return;
    phi_wipe(manifest, sizeof(*manifest));
    free(manifest);
}

/* What was read has one form only, so writing it again under the right key gives the same bytes. */
static enum phi_err check_mac(const struct phi_manifest *manifest, struct phi_view text,
                              struct phi_error *error, const char *name)
{
    enum phi_err err = PHI_ERR_MEMORY;
    size_t len = 0;
    char *again = malloc(PHI_MANIFEST_TEXT_MAX);
    if (again)
        err = phi_manifest_format(manifest, again, PHI_MANIFEST_TEXT_MAX, &len);
    if (err == PHI_OK && (len != text.len || !phi_equal_secret(again, text.data, len)))
        err = phi_error_set(error, PHI_ERR_KEY, name, "altered, or of another password");
    free(again);
    return err;
}

static enum phi_err take(const char *name, const char *password, struct phi_view text,
                         struct phi_manifest *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_manifest_parse(text, out, error));
    PHI_GUARD(derive(out, password));
    PHI_GUARD(check_mac(out, text, error, name));
out:
    return err;
}

enum phi_err phi_manifest_read(const char *path, const char *password, struct phi_manifest **out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t len = 0;
    struct phi_manifest *made = calloc(1, sizeof(*made));
    uint8_t *text = malloc(PHI_MANIFEST_TEXT_MAX);
    PHI_GUARD(made && text ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_keyfile_read(path, true, text, PHI_MANIFEST_TEXT_MAX, &len, error));
    PHI_GUARD(take(phi_keyfile_name(path), password, phi_view_of(text, len), made, error));
    *out = made;
    made = NULL;
out:
    free(text);
    phi_manifest_free(made);
    return err;
}

static enum phi_err sync_folder(const char *path)
{
    char folder[PATH_MAX_LEN];
    const char *slash = strrchr(path, '/');
    int len = snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1,
                       slash ? path : ".");
    if (len < 0 || (size_t)len >= sizeof(folder))
        return PHI_ERR_IO;
    int fd = open(len > 0 ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok ? PHI_OK : PHI_ERR_IO;
}

static enum phi_err replace(const char *path, struct phi_view text)
{
    enum phi_err err = PHI_OK;
    char beside[PATH_MAX_LEN];
    int len = snprintf(beside, sizeof(beside), "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof(beside))
        return PHI_ERR_IO;
    /* one that a stopped writer left */
    (void)unlink(beside);
    PHI_GUARD(phi_keyfile_write(beside, 0600, text));
    PHI_GUARD(rename(beside, path) == 0 ? PHI_OK : PHI_ERR_IO);
    PHI_GUARD(sync_folder(path));
out:
    return err;
}

enum phi_err phi_manifest_write(const char *path, struct phi_manifest *manifest)
{
    enum phi_err err = PHI_OK;
    size_t len = 0;
    char *text = malloc(PHI_MANIFEST_TEXT_MAX);
    if (!text)
        return PHI_ERR_MEMORY;
    manifest->version++;
    PHI_GUARD(phi_manifest_format(manifest, text, PHI_MANIFEST_TEXT_MAX, &len));
    PHI_GUARD(replace(path, phi_view_of(text, len)));
out:
    free(text);
    return err;
}

struct phi_key_entry *phi_manifest_find(struct phi_manifest *manifest, const char *id)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (strcmp(manifest->keys[i].id, id) == 0)
            return &manifest->keys[i];
    }
    return NULL;
}

static bool set_is_taken(const struct phi_manifest *manifest, const struct phi_key_entry *entry)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct phi_key_entry *at = &manifest->keys[i];
        if (at->state == PHI_KEY_LIVE && at->set == entry->set && strcmp(at->use, entry->use) == 0)
            return true;
    }
    return false;
}

enum phi_err phi_manifest_add(struct phi_manifest *manifest, const struct phi_key_entry *entry)
{
    if (phi_manifest_find(manifest, entry->id) ||
        (entry->state == PHI_KEY_LIVE && set_is_taken(manifest, entry)))
        return PHI_ERR_CONFLICT;
    if (manifest->count == PHI_MANIFEST_KEYS_MAX)
        return PHI_ERR_OVERLOAD;
    manifest->keys[manifest->count++] = *entry;
    return PHI_OK;
}

static bool is_held(const struct phi_key_entry *entry, const char *use, int64_t now_s)
{
    return entry->state == PHI_KEY_LIVE && now_s < entry->to_s && strcmp(entry->use, use) == 0;
}

size_t phi_manifest_held(const struct phi_manifest *manifest, const char *use, int64_t now_s,
                         const struct phi_key_entry **out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct phi_key_entry *entry = &manifest->keys[i];
        size_t at = count;
        if (!is_held(entry, use, now_s))
            continue;
        if (count < max)
            count++;
        else if (at-- == 0 || out[at]->from_s >= entry->from_s)
            continue;
        for (; at > 0 && out[at - 1]->from_s < entry->from_s; at--)
            out[at] = out[at - 1];
        out[at] = entry;
    }
    return count;
}

enum phi_key_phase phi_manifest_phase(const struct phi_manifest *manifest,
                                      const struct phi_key_entry *entry, int64_t now_s)
{
    if (entry->state != PHI_KEY_LIVE)
        return entry->state == PHI_KEY_ARCHIVED ? PHI_KEY_IS_ARCHIVED : PHI_KEY_IS_DESTROYED;
    if (now_s >= entry->to_s)
        return PHI_KEY_EXPIRED;
    if (now_s < entry->from_s)
        return PHI_KEY_WAITS;
    for (size_t i = 0; i < manifest->count; i++) {
        const struct phi_key_entry *other = &manifest->keys[i];
        if (is_held(other, entry->use, now_s) && other->from_s <= now_s &&
            other->from_s > entry->from_s)
            return PHI_KEY_OVERLAPS;
    }
    return PHI_KEY_ACTIVE;
}
