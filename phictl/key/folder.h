/* A folder of keys under its manifest, for the commands that change it: one writer at a time, each
 * step in the audit log before it counts, and on the bus when one is named.
 *
 *   PHI_GUARD(key_folder_open(args, KEY_FOLDER_MADE, &folder, &error));
 *   … change folder.manifest …
 *   PHI_GUARD(key_folder_step(&folder, "archive", entry, &error));    // is on the disk then
 *   PHI_GUARD(key_folder_save(&folder, &error));                      // the manifest, then the bus
 *   key_folder_close(&folder);
 */
#ifndef PHI_PHICTL_KEY_FOLDER_H
#define PHI_PHICTL_KEY_FOLDER_H

#include "base/arena.h"
#include "crypto/custody.h"
#include "phictl/files.h"
#include "phictl/options.h"

#define KEY_PATH_MAX    1024
#define KEY_STEPS_MAX   32 /* of one command */
#define KEY_LOG_MAX     (16 * 1024 * 1024)
#define KEY_ARCHIVE_DIR "archive"

/* In every command's table that opens a folder. */
#define KEY_AUDIT_OPTIONS                                                                          \
    {.name = "audit-bus",                                                                          \
     .value = "BROKERS",                                                                           \
     .text = "publish the step there too, on phi.<region>.audit"},                                 \
        {.name = "region",                                                                         \
         .value = "CODE",                                                                          \
         .variable = "PHI_REGION",                                                                 \
         .text = "the platform's id, six digits; with --audit-bus"},                               \
        {.name = "audit-key",                                                                      \
         .value = "FILE",                                                                          \
         .text = "SM2 key that signs what is published; with --audit-bus"},                        \
    {                                                                                              \
        .name = "audit-password-file", .value = "FILE",                                            \
        .text = "its password, when it is not that of --password-file"                             \
    }

#define KEY_FOLDER_OPTIONS                                                                         \
    {.name = "manifest",                                                                           \
     .value = "FILE",                                                                              \
     .variable = "PHI_KEY_MANIFEST_FILE",                                                          \
     .is_required = true,                                                                          \
     .text = "the manifest of the folder of keys; the keys and audit.log lie beside it"},          \
        CTL_PASSWORD, KEY_AUDIT_OPTIONS

#define KEY_ID_OPTION                                                                              \
    {                                                                                              \
        .name = "id", .value = "KEY", .is_required = true,                                         \
        .text = "the key's id, as key list says it"                                                \
    }

#define KEY_TIME_OPTIONS                                                                           \
    {.name = "set", .value = "N", .fallback = "1", .text = "the key set that it belongs to"},      \
        {.name = "from",                                                                           \
         .value = "TIME",                                                                          \
         .text = "in use from then on: RFC 3339, or +90s, +10m, +2h, +31d"},                       \
    {                                                                                              \
        .name = "to", .value = "TIME", .text = "out of use from then on; without it: no end"       \
    }

struct key_folder {
    const struct ctl_args *args;
    const char *path; /* of the manifest */
    char folder[KEY_PATH_MAX];
    char password[CTL_LINE_MAX + 1];
    struct phi_manifest *manifest;
    int lock_fd;
    int log_fd;
    int64_t now_us;
    struct phi_arena *arena;
    struct phi_view steps[KEY_STEPS_MAX]; /* what was written, to be published */
    char step_keys[KEY_STEPS_MAX][PHI_KEY_ID_LEN + 1];
    size_t step_count;
};

enum key_folder_mode {
    KEY_FOLDER_MADE,   /* a manifest is made when there is none */
    KEY_FOLDER_CHANGED /* it must be there */
};

/* Waits up to 5 s for another writer. Errors: PHI_ERR_IO, PHI_ERR_KEY (manifest, password),
 * PHI_ERR_DATA_BROKEN (the audit log was altered or cut), PHI_ERR_DEADLINE (another writer),
 * PHI_ERR_CONFIG (--audit-bus without --region or --audit-key). Close it also after an error. */
enum phi_err key_folder_open(const struct ctl_args *args, enum key_folder_mode mode,
                             struct key_folder *out, struct phi_error *error) PHI_MUST_USE;
void key_folder_close(struct key_folder *folder);

/* A whole command: opens the folder, takes `step`, closes it; tells an error on stderr. What main
 * returns. */
int key_folder_run(const struct ctl_args *args, enum key_folder_mode mode,
                   enum phi_err (*step)(struct key_folder *folder, struct phi_error *error));

/* "folder/file", "folder/archive/file" for an archived key. Errors: PHI_ERR_IO (too long). */
enum phi_err key_folder_file(const struct key_folder *folder, const struct phi_key_entry *entry,
                             char out[KEY_PATH_MAX], struct phi_error *error) PHI_MUST_USE;

/* The entry of --id; PHI_ERR_NOT_FOUND. */
enum phi_err key_folder_find(const struct key_folder *folder, struct phi_key_entry **out,
                             struct phi_error *error) PHI_MUST_USE;

/* Reads an entry's key file and holds its id against the manifest. The caller wipes `out`. */
enum phi_err key_folder_read(const struct key_folder *folder, const struct phi_key_entry *entry,
                             struct phi_key_content *out, struct phi_error *error) PHI_MUST_USE;

/* A line of the audit log, on the disk when this returns; `entry` NULL for a step of no key. */
enum phi_err key_folder_step(struct key_folder *folder, const char *step,
                             const struct phi_key_entry *entry,
                             struct phi_error *error) PHI_MUST_USE;
/* Writes the manifest, then publishes the steps. PHI_ERR_BUS: kept, and not published. */
enum phi_err key_folder_save(struct key_folder *folder, struct phi_error *error) PHI_MUST_USE;

/* key_log.c: the log's chain. `each` (may be NULL) gets every line's JSON. Reads up to the last
 * whole line; `count`, `head` and `end` (bytes) are what was found. PHI_ERR_DATA_BROKEN with the
 * line. */
enum phi_err key_log_walk(struct phi_view text, const struct phi_manifest *manifest,
                          void (*each)(struct phi_view json, void *context), void *context,
                          uint64_t *count, uint8_t head[PHI_SM3_LEN], size_t *end,
                          struct phi_error *error) PHI_MUST_USE;
/* The next line after `head`, which becomes the new one; in `arena`, without the newline's end.
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err key_log_line(struct phi_view json, uint8_t head[PHI_SM3_LEN], struct phi_arena *arena,
                          struct phi_view *out) PHI_MUST_USE;

/* key_publish.c: signs and sends, and waits for the acknowledgements. */
enum phi_err key_publish(const struct ctl_args *args, const struct phi_view *steps,
                         char (*keys)[PHI_KEY_ID_LEN + 1], size_t count,
                         struct phi_error *error) PHI_MUST_USE;

/* RFC 3339, "+90s", "+10m", "+2h", "+31d" of option `name`; `otherwise` when it is not given.
 * PHI_ERR_FIELD_VALUE. */
enum phi_err key_time_option(const struct ctl_args *args, const char *name, int64_t now_s,
                             int64_t otherwise, int64_t *out, struct phi_error *error) PHI_MUST_USE;
/* --set, --from and --to into an entry, and the use. */
enum phi_err key_entry_options(const struct ctl_args *args, int64_t now_s,
                               struct phi_key_entry *entry, struct phi_error *error) PHI_MUST_USE;
/* The file's name for a key that has none yet: "code-0123456789abcdef.key". */
void key_entry_name_file(struct phi_key_entry *entry);
/* One line about the entry on stdout. */
void key_entry_print(const char *what, const struct phi_key_entry *entry);

#endif
