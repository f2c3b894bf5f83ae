/* The manifest of a folder of keys (密钥管理, electronic health card part 1, 5.3): which key is for
 * what, since when, until when, and in which state. One text file beside the key files, under a MAC
 * whose key comes from their password, replaced as a whole (docs/keys.md).
 *
 *   struct phi_manifest *manifest = NULL;
 *   PHI_GUARD(phi_manifest_read("/etc/phi/manifest", password, &manifest, error));
 *   count = phi_manifest_held(manifest, "code", now_s, held, PHI_COUNT_OF(held));
 *   for (size_t i = 0; i < count; i++) …            // newest first; held[i]->file lies beside it
 *   phi_manifest_free(manifest);
 *
 * Reading and writing block on the disk and derive a key from a password (some 50 ms): for the
 * start of a program and for phictl. The rest is pure. One thread at a time has one manifest.
 */
#ifndef PHI_CRYPTO_MANIFEST_H
#define PHI_CRYPTO_MANIFEST_H

#include "crypto/key.h"
#include "crypto/sm3.h"

#define PHI_MANIFEST_KEYS_MAX 256
#define PHI_MANIFEST_SALT_LEN 16
#define PHI_MANIFEST_TEXT_MAX 65536
#define PHI_KEY_USE_MAX       16
#define PHI_KEY_FILE_MAX      64
#define PHI_KEY_TIME_OPEN     INT64_MAX

enum phi_key_kind { PHI_KEY_SM2, PHI_KEY_SECRET, PHI_KEY_CURVE, PHI_KEY_KIND_COUNT };
enum phi_key_state { PHI_KEY_LIVE, PHI_KEY_ARCHIVED, PHI_KEY_DESTROYED, PHI_KEY_STATE_COUNT };

/* What a key is at a moment: a live one waits for its time, is the newest of its use, still opens
 * and verifies what it made, or is past its time. */
enum phi_key_phase {
    PHI_KEY_WAITS,
    PHI_KEY_ACTIVE,
    PHI_KEY_OVERLAPS,
    PHI_KEY_EXPIRED,
    PHI_KEY_IS_ARCHIVED,
    PHI_KEY_IS_DESTROYED
};

struct phi_key_entry {
    char use[PHI_KEY_USE_MAX + 1]; /* "code" */
    uint8_t set;                   /* the key set; 0 to 255 */
    enum phi_key_kind kind;
    char id[PHI_KEY_ID_LEN + 1]; /* phi_key_id_of, phi_key_id_of_secret */
    enum phi_key_state state;
    int64_t from_s; /* makes from then on; 0: always */
    int64_t to_s;   /* is out of use from then on; PHI_KEY_TIME_OPEN: no end */
    char file[PHI_KEY_FILE_MAX + 1];
};

struct phi_manifest {
    uint64_t version; /* rises with every writing */
    uint8_t salt[PHI_MANIFEST_SALT_LEN];
    uint64_t step_count;            /* lines of the audit log that this manifest knows */
    uint8_t step_head[PHI_SM3_LEN]; /* the last one's hash */
    size_t count;
    struct phi_key_entry keys[PHI_MANIFEST_KEYS_MAX];
    uint8_t mac_key[PHI_SM3_LEN];
};

/* An empty one under a fresh salt; the caller frees. Errors: PHI_ERR_KEY (no password),
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_manifest_new(const char *password, struct phi_manifest **out) PHI_MUST_USE;
void phi_manifest_free(struct phi_manifest *manifest); /* wipes; NULL is fine */

/* Errors: PHI_ERR_IO (can't be read), PHI_ERR_KEY (mode wider than 0600, not of our form, its MAC
 * is wrong: altered, or another password), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. The caller frees. */
enum phi_err phi_manifest_read(const char *path, const char *password, struct phi_manifest **out,
                               struct phi_error *error) PHI_MUST_USE;

/* Under the next version, whole or not at all also when the machine stops: a new file is on the
 * disk before it takes the old one's name. Errors: PHI_ERR_IO, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_manifest_write(const char *path, struct phi_manifest *manifest) PHI_MUST_USE;

/* The text without looking at its MAC, and back. `out` is written on success only; its MAC key is
 * zero. Formatting adds the MAC under manifest->mac_key. Errors: PHI_ERR_KEY with the line as
 * place, PHI_ERR_CRYPTO. */
enum phi_err phi_manifest_parse(struct phi_view text, struct phi_manifest *out,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_manifest_format(const struct phi_manifest *manifest, char *out, size_t size,
                                 size_t *len) PHI_MUST_USE;

/* One key's line without its end, as it stands in the manifest: also what travels with a sealed
 * key. Errors: PHI_ERR_KEY. */
#define PHI_KEY_LINE_MAX 256
void phi_key_entry_format(const struct phi_key_entry *entry, char out[PHI_KEY_LINE_MAX]);
enum phi_err phi_key_entry_parse(struct phi_view line, struct phi_key_entry *out) PHI_MUST_USE;

/* Errors: PHI_ERR_CONFLICT (id there already, or a live key of that use and set), PHI_ERR_OVERLOAD
 * (full). */
enum phi_err phi_manifest_add(struct phi_manifest *manifest,
                              const struct phi_key_entry *entry) PHI_MUST_USE;
struct phi_key_entry *phi_manifest_find(struct phi_manifest *manifest,
                                        const char *id); /* or NULL */

/* Live keys of a use whose time is not over at now_s, also those that wait; newest first. Borrowed
 * pointers; how many, at most `max`. */
size_t phi_manifest_held(const struct phi_manifest *manifest, const char *use, int64_t now_s,
                         const struct phi_key_entry **out, size_t max);
enum phi_key_phase phi_manifest_phase(const struct phi_manifest *manifest,
                                      const struct phi_key_entry *entry, int64_t now_s);

const char *phi_key_kind_name(enum phi_key_kind kind);    /* "sm2" */
const char *phi_key_state_name(enum phi_key_state state); /* "live" */
const char *phi_key_phase_name(enum phi_key_phase phase); /* "active" */

#endif
