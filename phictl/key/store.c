/* Keys come into a folder (密钥存储) and go out of it under another password. */
#include "phictl/commands.h"
#include "phictl/key/folder.h"
#include "phictl/key/parcel.h"

#include <stdio.h>
#include <string.h>

/* Is the file already in the manifest's folder? Then it stays where it is. */
static bool is_in_folder(const struct key_folder *folder, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    return slash != NULL && strlen(folder->folder) == len &&
           memcmp(folder->folder, path, len) == 0 && strlen(slash + 1) <= PHI_KEY_FILE_MAX;
}

static enum phi_err read_plain(const struct key_folder *folder, struct phi_key_content *content,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    const char *given = ctl_get(folder->args, "in-password-file");
    PHI_GUARD(ctl_read_line(given != NULL ? given : ctl_get(folder->args, "password-file"), true,
                            password, error));
    PHI_GUARD(phi_key_content_read(ctl_get(folder->args, "in"), password, content, error));
out:
    phi_wipe(password, sizeof(password));
    return err;
}

/* What the parcel says of the key stands; what the options say is for keys from elsewhere. */
static enum phi_err take_in(const struct key_folder *folder, struct phi_key_content *content,
                            struct phi_key_entry *entry, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (ctl_has(folder->args, "unseal-key"))
        return key_parcel_open(folder->args, content, entry, error);
    PHI_GUARD(key_entry_options(folder->args, folder->now_us / 1000000, entry, error));
    PHI_GUARD(read_plain(folder, content, error));
    entry->kind = content->kind;
    memcpy(entry->id, content->id, sizeof(entry->id));
out:
    return err;
}

static enum phi_err put_file(const struct key_folder *folder, struct phi_key_entry *entry,
                             const struct phi_key_content *content, struct phi_error *error)
{
    char path[KEY_PATH_MAX];
    enum phi_err err = key_folder_file(folder, entry, path, error);
    if (err == PHI_OK && phi_key_content_write(path, folder->password, content) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_IO, path, "exists, or can't be written");
    return err;
}

/* A parcel of a key that is here brings its new times: when its owner has ended it. */
static enum phi_err store_times(struct key_folder *folder, struct phi_key_entry *known,
                                const struct phi_key_entry *said, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    known->from_s = said->from_s;
    known->to_s = said->to_s;
    PHI_GUARD(key_folder_step(folder, "store", known, error));
    key_entry_print("stored", known);
    PHI_GUARD(key_folder_save(folder, error));
out:
    return err;
}

static enum phi_err store(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry entry = {.state = PHI_KEY_LIVE};
    const char *in = ctl_get(folder->args, "in");
    bool is_parcel = ctl_has(folder->args, "unseal-key");
    bool stays = is_in_folder(folder, in) && !is_parcel;
    PHI_GUARD(take_in(folder, &content, &entry, error));
    struct phi_key_entry *known = phi_manifest_find(folder->manifest, entry.id);
    if (is_parcel && known != NULL && known->state == PHI_KEY_LIVE) {
        err = store_times(folder, known, &entry, error);
        goto out;
    }
    if (stays)
        (void)snprintf(entry.file, sizeof(entry.file), "%s", strrchr(in, '/') + 1);
    else
        key_entry_name_file(&entry);
    err = phi_manifest_add(folder->manifest, &entry);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, entry.file,
                                "this key, or one of its use and set, is in the manifest"));
    PHI_GUARD(key_folder_step(folder, "store", &entry, error));
    if (!stays)
        PHI_GUARD(put_file(folder, &entry, &content, error));
    key_entry_print("stored", &entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run_store(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_MADE, store);
}

static const struct ctl_option store_options[] = {
    {.name = "in",
     .value = "FILE",
     .is_required = true,
     .text = "the key file, or a parcel of key distribute; a file in the folder stays there, of "
             "others a copy under the folder's password is made"},
    {.name = "in-password-file",
     .value = "FILE",
     .text = "the file's password, when it is not that of --password-file"},
    {.name = "unseal-key",
     .value = "FILE",
     .text = "the SM2 key that the parcel is sealed to; use, set and times are the parcel's; a key "
             "that is here gets its new times"},
    {.name = "unseal-password-file",
     .value = "FILE",
     .text = "its password, when it is not that of --password-file"},
    {.name = "use", .value = "NAME", .text = "what the key is for; not with --unseal-key"},
    KEY_TIME_OPTIONS,
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_store = {
    .group = "key",
    .verb = "store",
    .about = "take a key file, or a parcel, into a folder of keys",
    .options = store_options,
    .option_count = CTL_COUNT(store_options),
    .run = run_store,
    .example = "phictl key store --manifest keys/manifest --password-file password --use seal "
               "--set 1 --in keys/seal.key"};

static enum phi_err export_key(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry *entry = NULL;
    const char *out = ctl_get(folder->args, "out");
    PHI_GUARD(key_folder_find(folder, &entry, error));
    PHI_GUARD(ctl_read_line(ctl_get(folder->args, "out-password-file"), true, password, error));
    PHI_GUARD(key_folder_read(folder, entry, &content, error));
    PHI_GUARD(key_folder_step(folder, "export", entry, error));
    err = phi_key_content_write(out, password, &content);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, out, "exists, or can't be written"));
    key_entry_print("exported", entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(password, sizeof(password));
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run_export(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, export_key);
}

static const struct ctl_option export_options[] = {
    KEY_ID_OPTION,
    {.name = "out", .value = "FILE", .is_required = true, .text = "the new key file, mode 0600"},
    {.name = "out-password-file",
     .value = "FILE",
     .is_required = true,
     .text = "file (mode 0600) whose first line is the new file's password"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_export = {
    .group = "key",
    .verb = "export",
    .about = "write a key into a file of its own, under another password",
    .options = export_options,
    .option_count = CTL_COUNT(export_options),
    .run = run_export,
    .example = "phictl key export --manifest keys/manifest --password-file password --id "
               "0123456789abcdef --out copy.key --out-password-file other-password"};
