#include "phictl/key/folder.h"

#include "base/text.h"
#include "base/time.h"
#include "json/canonical.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
#define STEP_ARENA   (256 * 1024)

static enum phi_err path_in(const struct key_folder *folder, const char *file,
                            char out[KEY_PATH_MAX], struct phi_error *error)
{
    int len = snprintf(out, KEY_PATH_MAX, "%s/%s", folder->folder, file);
    if (len < 0 || len >= KEY_PATH_MAX)
        return phi_error_set(error, PHI_ERR_IO, "--manifest", "too long a path");
    return PHI_OK;
}

enum phi_err key_folder_file(const struct key_folder *folder, const struct phi_key_entry *entry,
                             char out[KEY_PATH_MAX], struct phi_error *error)
{
    char file[PHI_KEY_FILE_MAX + sizeof(KEY_ARCHIVE_DIR) + 2];
    (void)snprintf(file, sizeof(file), "%s%s",
                   entry->state == PHI_KEY_ARCHIVED ? KEY_ARCHIVE_DIR "/" : "", entry->file);
    return path_in(folder, file, out, error);
}

static enum phi_err split_path(struct key_folder *folder, struct phi_error *error)
{
    const char *slash = strrchr(folder->path, '/');
    int len = slash == NULL ? snprintf(folder->folder, KEY_PATH_MAX, ".")
                            : snprintf(folder->folder, KEY_PATH_MAX, "%.*s",
                                       (int)(slash - folder->path), folder->path);
    if (len < 0 || len >= KEY_PATH_MAX)
        return phi_error_set(error, PHI_ERR_IO, "--manifest", "too long a path");
    return PHI_OK;
}

static enum phi_err lock(struct key_folder *folder, struct phi_error *error)
{
    char path[KEY_PATH_MAX];
    const struct timespec tick = {.tv_nsec = 20 * 1000000L};
    struct phi_deadline until = phi_deadline_in_ms(LOCK_WAIT_MS);
    enum phi_err err = path_in(folder, ".lock", path, error);
    if (err != PHI_OK)
        return err;
    folder->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock_fd < 0)
        return phi_error_set(error, PHI_ERR_IO, path, "%s", strerrordesc_np(errno));
    while (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (phi_deadline_is_past(until))
            return phi_error_set(error, PHI_ERR_DEADLINE, folder->folder,
                                 "another command is at work there");
        (void)nanosleep(&tick, NULL);
    }
    return PHI_OK;
}

static enum phi_err read_log(const struct key_folder *folder, struct phi_view *text,
                             uint8_t **bytes, struct phi_error *error)
{
    char path[KEY_PATH_MAX];
    size_t len = 0;
    enum phi_err err = path_in(folder, "audit.log", path, error);
    if (err == PHI_OK)
        err = ctl_read_all(path, KEY_LOG_MAX, bytes, &len, error);
    *text = phi_view_of(*bytes, len);
    return err;
}

/* A line that a stopped writer left half written is taken away; a whole one that the manifest does
 * not know yet stays, and the next line says that its step was cut off. */
static enum phi_err catch_up(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    uint8_t *bytes = NULL;
    uint8_t head[PHI_SM3_LEN];
    uint64_t count = 0;
    size_t end = 0;
    PHI_GUARD(read_log(folder, &text, &bytes, error));
    PHI_GUARD(key_log_walk(text, folder->manifest, NULL, NULL, &count, head, &end, error));
    if (end < text.len && ftruncate(folder->log_fd, (off_t)end) != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_IO, "audit.log", "can't be written"));
    bool is_ahead = count > folder->manifest->step_count;
    folder->manifest->step_count = count;
    memcpy(folder->manifest->step_head, head, sizeof(head));
    if (is_ahead)
        PHI_GUARD(key_folder_step(folder, "interrupted", NULL, error));
out:
    free(bytes);
    return err;
}

static enum phi_err open_log(struct key_folder *folder, struct phi_error *error)
{
    char path[KEY_PATH_MAX];
    enum phi_err err = path_in(folder, "audit.log", path, error);
    if (err != PHI_OK)
        return err;
    folder->log_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (folder->log_fd < 0)
        return phi_error_set(error, PHI_ERR_IO, path, "%s", strerrordesc_np(errno));
    return PHI_OK;
}

static enum phi_err check_bus(const struct ctl_args *args, struct phi_error *error)
{
    if (!ctl_has(args, "audit-bus"))
        return PHI_OK;
    if (!ctl_has(args, "region") || !ctl_has(args, "audit-key"))
        return phi_error_set(error, PHI_ERR_CONFIG, "--audit-bus",
                             "needs --region and --audit-key");
    struct phi_view region = phi_view_text(ctl_get(args, "region"));
    if (region.len != 6 || !phi_text_is_digits(region))
        return phi_error_set(error, PHI_ERR_CONFIG, "--region", "not six digits");
    return PHI_OK;
}

static enum phi_err open_manifest(struct key_folder *folder, enum key_folder_mode mode,
                                  struct phi_error *error)
{
    if (mode == KEY_FOLDER_MADE && access(folder->path, F_OK) != 0 && errno == ENOENT)
        return phi_manifest_new(folder->password, &folder->manifest);
    return phi_manifest_read(folder->path, folder->password, &folder->manifest, error);
}

enum phi_err key_folder_open(const struct ctl_args *args, enum key_folder_mode mode,
                             struct key_folder *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    *out = (struct key_folder){.args = args,
                               .path = ctl_get(args, "manifest"),
                               .lock_fd = -1,
                               .log_fd = -1,
                               .now_us = phi_clock_now_us(NULL)};
    out->arena = phi_arena_new(STEP_ARENA);
    PHI_GUARD(out->arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(check_bus(args, error));
    PHI_GUARD(split_path(out, error));
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, out->password, error));
    PHI_GUARD(lock(out, error));
    PHI_GUARD(open_manifest(out, mode, error));
    PHI_GUARD(open_log(out, error));
    PHI_GUARD(catch_up(out, error));
out:
    return err;
}

void key_folder_close(struct key_folder *folder)
{
    phi_manifest_free(folder->manifest);
    phi_wipe(folder->password, sizeof(folder->password));
    phi_arena_free(folder->arena);
    if (folder->log_fd >= 0)
        (void)close(folder->log_fd);
    if (folder->lock_fd >= 0)
        (void)close(folder->lock_fd);
}

int key_folder_run(const struct ctl_args *args, enum key_folder_mode mode,
                   enum phi_err (*step)(struct key_folder *folder, struct phi_error *error))
{
    struct phi_error error = {.code = PHI_OK};
    struct key_folder folder;
    enum phi_err err = key_folder_open(args, mode, &folder, &error);
    if (err == PHI_OK)
        err = step(&folder, &error);
    key_folder_close(&folder);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

enum phi_err key_folder_find(const struct key_folder *folder, struct phi_key_entry **out,
                             struct phi_error *error)
{
    *out = phi_manifest_find(folder->manifest, ctl_get(folder->args, "id"));
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "--id", "no such key in the manifest");
    return PHI_OK;
}

enum phi_err key_folder_read(const struct key_folder *folder, const struct phi_key_entry *entry,
                             struct phi_key_content *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char path[KEY_PATH_MAX];
    if (entry->state == PHI_KEY_DESTROYED)
        return phi_error_set(error, PHI_ERR_STATE, "--id", "the key was destroyed");
    PHI_GUARD(key_folder_file(folder, entry, path, error));
    PHI_GUARD(phi_key_content_read(path, folder->password, out, error));
    if (out->kind != entry->kind || strcmp(out->id, entry->id) != 0) {
        phi_wipe(out, sizeof(*out));
        err = phi_error_set(error, PHI_ERR_KEY, entry->file, "another key than the manifest says");
    }
out:
    return err;
}

static void add_entry(json_t *json, const struct phi_key_entry *entry)
{
    char time[PHI_RFC3339_MAX];
    json_object_set_new(json, "key", json_string(entry->id));
    json_object_set_new(json, "use", json_string(entry->use));
    json_object_set_new(json, "keySetId", json_integer(entry->set));
    json_object_set_new(json, "kind", json_string(phi_key_kind_name(entry->kind)));
    if (entry->from_s != 0) {
        phi_rfc3339_format(entry->from_s * 1000000, time);
        json_object_set_new(json, "from", json_string(time));
    }
    if (entry->to_s != PHI_KEY_TIME_OPEN) {
        phi_rfc3339_format(entry->to_s * 1000000, time);
        json_object_set_new(json, "to", json_string(time));
    }
}

static enum phi_err make_step(struct key_folder *folder, const char *step,
                              const struct phi_key_entry *entry, struct phi_view *out)
{
    char time[PHI_RFC3339_MAX], log[2 * PHI_MANIFEST_SALT_LEN + 1], actor[32];
    json_int_t seq = (json_int_t)folder->manifest->step_count + 1;
    phi_rfc3339_format(phi_clock_now_us(NULL), time);
    phi_hex_encode(phi_view_of(folder->manifest->salt, PHI_MANIFEST_SALT_LEN), log);
    (void)snprintf(actor, sizeof(actor), "uid-%u", (unsigned)getuid());
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "subject", "key", "step", step, "program",
                  "phictl", "actor", actor, "time", time, "log", log, "seq", seq);
    if (json != NULL && entry != NULL)
        add_entry(json, entry);
    enum phi_err err = json == NULL ? PHI_ERR_MEMORY : phi_json_canonical(json, folder->arena, out);
    json_decref(json);
    return err;
}

enum phi_err key_folder_step(struct key_folder *folder, const char *step,
                             const struct phi_key_entry *entry, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view json, line;
    if (folder->step_count == KEY_STEPS_MAX)
        return phi_error_set(error, PHI_ERR_OVERLOAD, "audit.log", "too many steps at once");
    PHI_GUARD(make_step(folder, step, entry, &json));
    PHI_GUARD(key_log_line(json, folder->manifest->step_head, folder->arena, &line));
    if (write(folder->log_fd, line.data, line.len) != (ssize_t)line.len ||
        fsync(folder->log_fd) != 0)
        return phi_error_set(error, PHI_ERR_IO, "audit.log", "can't be written");
    folder->manifest->step_count++;
    (void)snprintf(folder->step_keys[folder->step_count], PHI_KEY_ID_LEN + 1, "%s",
                   entry != NULL ? entry->id : "0000000000000000");
    folder->steps[folder->step_count++] = json;
out:
    return err;
}

enum phi_err key_folder_save(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = phi_manifest_write(folder->path, folder->manifest);
    if (err != PHI_OK)
        return phi_error_set(error, err, folder->path, "the manifest can't be written");
    if (!ctl_has(folder->args, "audit-bus"))
        return PHI_OK;
    return key_publish(folder->args, folder->steps, folder->step_keys, folder->step_count, error);
}
