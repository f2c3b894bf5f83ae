/* 密钥归档, and what comes after it: keys that are out of use. */
#include "phictl/commands.h"
#include "phictl/key/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum phi_err check_unused(const struct key_folder *folder, const struct phi_key_entry *entry,
                                 struct phi_error *error)
{
    int64_t now_s = folder->now_us / 1000000;
    enum phi_key_phase phase = phi_manifest_phase(folder->manifest, entry, now_s);
    if (phase == PHI_KEY_ACTIVE)
        return phi_error_set(error, PHI_ERR_STATE, "--id", "in use: rotate its use first");
    if (phase == PHI_KEY_OVERLAPS && !ctl_has(folder->args, "now"))
        return phi_error_set(error, PHI_ERR_STATE, "--id",
                             "what it made is still verified or unsealed with it; --now ends that");
    return PHI_OK;
}

/* Moved and read only; a move that was cut off before is gone on with. */
static enum phi_err move_to_archive(const struct key_folder *folder,
                                    const struct phi_key_entry *entry, struct phi_error *error)
{
    char from[KEY_PATH_MAX], to[KEY_PATH_MAX], archive[KEY_PATH_MAX];
    struct phi_key_entry moved = *entry;
    enum phi_err err = PHI_OK;
    moved.state = PHI_KEY_ARCHIVED;
    PHI_GUARD(key_folder_file(folder, entry, from, error));
    PHI_GUARD(key_folder_file(folder, &moved, to, error));
    (void)snprintf(archive, sizeof(archive), "%.*s", (int)(strrchr(to, '/') - to), to);
    bool ok = mkdir(archive, 0700) == 0 || errno == EEXIST;
    ok = ok && (rename(from, to) == 0 || (errno == ENOENT && access(to, F_OK) == 0));
    if (!ok || chmod(to, 0400) != 0)
        err = phi_error_set(error, PHI_ERR_IO, entry->file, "%s", strerrordesc_np(errno));
out:
    return err;
}

static enum phi_err archive(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_entry *entry = NULL;
    int64_t now_s = folder->now_us / 1000000;
    PHI_GUARD(key_folder_find(folder, &entry, error));
    if (entry->state != PHI_KEY_LIVE)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "--id", "not a live key"));
    PHI_GUARD(check_unused(folder, entry, error));
    PHI_GUARD(key_folder_step(folder, "archive", entry, error));
    PHI_GUARD(move_to_archive(folder, entry, error));
    entry->state = PHI_KEY_ARCHIVED;
    if (entry->to_s > now_s && entry->from_s < now_s)
        entry->to_s = now_s;
    key_entry_print("archived", entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    return err;
}

/* A file that is gone already was destroyed by a command that was cut off. */
static enum phi_err wipe_file(const struct key_folder *folder, const struct phi_key_entry *entry,
                              struct phi_error *error)
{
    char path[KEY_PATH_MAX];
    enum phi_err err = key_folder_file(folder, entry, path, error);
    if (err != PHI_OK || (access(path, F_OK) != 0 && errno == ENOENT))
        return err;
    err = phi_key_file_destroy(path);
    if (err != PHI_OK)
        return phi_error_set(error, err, path, "can't be overwritten and taken away");
    return PHI_OK;
}

static enum phi_err destroy(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_entry *entry = NULL;
    PHI_GUARD(key_folder_find(folder, &entry, error));
    if (entry->state == PHI_KEY_DESTROYED)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "--id", "destroyed already"));
    if (entry->state == PHI_KEY_LIVE)
        PHI_GUARD(check_unused(folder, entry, error));
    PHI_GUARD(key_folder_step(folder, "destroy", entry, error));
    PHI_GUARD(wipe_file(folder, entry, error));
    entry->state = PHI_KEY_DESTROYED;
    key_entry_print("destroyed", entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    return err;
}

static int run_archive(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, archive);
}

static int run_destroy(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, destroy);
}

static const struct ctl_option options[] = {
    KEY_ID_OPTION,
    {.name = "now", .text = "also while its overlap lasts"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_archive = {
    .group = "key",
    .verb = "archive",
    .about = "put a key out of use: kept sealed and read only, no service loads it",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run_archive,
    .example = "phictl key archive --manifest keys/manifest --password-file password --id "
               "0123456789abcdef"};

const struct ctl_command ctl_key_destroy = {
    .group = "key",
    .verb = "destroy",
    .about = "overwrite a key that is out of use and take its file away; its record stays",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run_destroy,
    .example = "phictl key destroy --manifest keys/manifest --password-file password --id "
               "0123456789abcdef"};
