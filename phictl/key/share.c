/* 密钥备份 and 密钥恢复: a key as m-of-n shares, one file each, and back. */
#include "base/text.h"
#include "crypto/share.h"
#include "phictl/commands.h"
#include "phictl/key/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum phi_err numbers(const struct ctl_args *args, int64_t *needed, int64_t *count,
                            struct phi_error *error)
{
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "shares")), PHI_SHARE_MIN, PHI_SHARES_MAX,
                        count) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--shares", "2 to 255");
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "needed")), PHI_SHARE_MIN, *count, needed) !=
        PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--needed", "2 to --shares");
    return PHI_OK;
}

static enum phi_err write_share(const struct ctl_args *args, const struct phi_share *share,
                                struct phi_error *error)
{
    char path[KEY_PATH_MAX], text[PHI_SHARE_TEXT_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s-%s.share-%u", ctl_get(args, "out"), share->use,
                       share->key_id, (unsigned)share->number);
    if (len < 0 || (size_t)len >= sizeof(path))
        return phi_error_set(error, PHI_ERR_IO, "--out", "too long a path");
    enum phi_err err = phi_share_format(share, text);
    if (err == PHI_OK)
        err = ctl_write_new(path, 0600, text, error);
    if (err == PHI_OK)
        (void)printf("share=%s\n", path);
    phi_wipe(text, sizeof(text));
    return err;
}

static enum phi_err write_shares(const struct ctl_args *args, const struct phi_key_entry *entry,
                                 const struct phi_key_content *content, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t needed = 0, count = 0;
    struct phi_share about = {.set = entry->set, .kind = entry->kind};
    struct phi_share *shares = calloc(PHI_SHARES_MAX, sizeof(*shares));
    PHI_GUARD(shares == NULL ? PHI_ERR_MEMORY : PHI_OK);
    (void)snprintf(about.use, sizeof(about.use), "%s", entry->use);
    (void)snprintf(about.key_id, sizeof(about.key_id), "%s", entry->id);
    PHI_GUARD(numbers(args, &needed, &count, error));
    if (mkdir(ctl_get(args, "out"), 0700) != 0 && errno != EEXIST)
        PHI_GUARD(phi_error_set(error, PHI_ERR_IO, "--out", "%s", strerrordesc_np(errno)));
    PHI_GUARD(phi_share_split(phi_view_of(content->bytes, content->len), (uint8_t)needed,
                              (uint8_t)count, &about, shares));
    for (int64_t i = 0; i < count; i++)
        PHI_GUARD(write_share(args, &shares[i], error));
out:
    if (shares != NULL)
        phi_wipe(shares, PHI_SHARES_MAX * sizeof(*shares));
    free(shares);
    return err;
}

static enum phi_err backup(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry *entry = NULL;
    PHI_GUARD(key_folder_find(folder, &entry, error));
    PHI_GUARD(key_folder_read(folder, entry, &content, error));
    PHI_GUARD(key_folder_step(folder, "backup", entry, error));
    PHI_GUARD(write_shares(folder->args, entry, &content, error));
    key_entry_print("backed up", entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run_backup(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, backup);
}

static const struct ctl_option backup_options[] = {
    KEY_ID_OPTION,
    {.name = "needed", .value = "M", .is_required = true, .text = "so many shares give it back"},
    {.name = "shares", .value = "N", .is_required = true, .text = "so many shares are made"},
    {.name = "out",
     .value = "FOLDER",
     .is_required = true,
     .text = "a file of mode 0600 for each share; made when it is not there. No password protects "
             "a share: give each to another person"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_backup = {
    .group = "key",
    .verb = "backup",
    .about = "write a key as shares: any M of N give it back, fewer say nothing",
    .options = backup_options,
    .option_count = CTL_COUNT(backup_options),
    .run = run_backup,
    .example = "phictl key backup --manifest keys/manifest --password-file password --id "
               "0123456789abcdef --needed 3 --shares 5 --out shares"};

static enum phi_err read_share(const char *path, struct phi_share *out, struct phi_error *error)
{
    uint8_t *text = NULL;
    size_t len = 0;
    enum phi_err err = ctl_read_all(path, PHI_SHARE_TEXT_MAX, &text, &len, error);
    if (err == PHI_OK)
        err = phi_share_parse(phi_view_of(text, len), out, error);
    if (err == PHI_ERR_KEY)
        (void)snprintf(error->place, sizeof(error->place), "%s", path);
    if (text != NULL)
        phi_wipe(text, len);
    free(text);
    return err;
}

static enum phi_err join(const struct ctl_args *args, struct phi_share *first,
                         struct phi_key_content *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_share shares[CTL_REPEAT_MAX];
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t len = 0, count = 0;
    for (; count < CTL_REPEAT_MAX && ctl_get_nth(args, "share", count) != NULL; count++)
        PHI_GUARD(read_share(ctl_get_nth(args, "share", count), &shares[count], error));
    PHI_GUARD(phi_share_join(shares, count, secret, &len, error));
    *first = shares[0];
    PHI_GUARD(phi_key_content_of(first->kind, phi_view_of(secret, len), out));
    if (strcmp(out->id, first->key_id) != 0)
        err = phi_error_set(error, PHI_ERR_KEY, "--share",
                            "they give another key than the one they name");
out:
    phi_wipe(shares, sizeof(shares));
    phi_wipe(secret, sizeof(secret));
    return err;
}

/* The manifest's own entry, or a new one for a folder that was lost. */
static enum phi_err entry_for(struct key_folder *folder, const struct phi_share *share,
                              struct phi_key_entry *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_key_entry *known = phi_manifest_find(folder->manifest, share->key_id);
    int64_t now_s = folder->now_us / 1000000;
    if (known != NULL && known->state == PHI_KEY_DESTROYED)
        return phi_error_set(error, PHI_ERR_STATE, "--share", "the key was destroyed");
    if (known != NULL) {
        *out = *known;
        return PHI_OK;
    }
    *out = (struct phi_key_entry){.set = share->set, .kind = share->kind, .state = PHI_KEY_LIVE};
    (void)snprintf(out->use, sizeof(out->use), "%s", share->use);
    (void)snprintf(out->id, sizeof(out->id), "%s", share->key_id);
    PHI_GUARD(key_time_option(folder->args, "from", now_s, 0, &out->from_s, error));
    PHI_GUARD(key_time_option(folder->args, "to", now_s, PHI_KEY_TIME_OPEN, &out->to_s, error));
    key_entry_name_file(out);
    err = out->from_s < out->to_s ? phi_manifest_add(folder->manifest, out) : PHI_ERR_FIELD_VALUE;
    if (err != PHI_OK)
        (void)phi_error_set(error, err, "--share",
                            "its use and set are taken, or its time is none");
out:
    return err;
}

static enum phi_err recover(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_share share = {.set = 0};
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry entry;
    char path[KEY_PATH_MAX];
    PHI_GUARD(join(folder->args, &share, &content, error));
    PHI_GUARD(entry_for(folder, &share, &entry, error));
    PHI_GUARD(key_folder_file(folder, &entry, path, error));
    if (access(path, F_OK) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, path, "is there: nothing is lost"));
    PHI_GUARD(key_folder_step(folder, "recover", &entry, error));
    err = phi_key_content_write(path, folder->password, &content);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, path, "can't be written"));
    key_entry_print("recovered", &entry);
    PHI_GUARD(key_folder_save(folder, error));
out:
    phi_wipe(&share, sizeof(share));
    phi_wipe(&content, sizeof(content));
    return err;
}

static int run_recover(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_MADE, recover);
}

static const struct ctl_option recover_options[] = {
    {.name = "share",
     .value = "FILE",
     .is_required = true,
     .repeats = true,
     .text = "a share; as many as are needed"},
    {.name = "from", .value = "TIME", .text = "for a key that the manifest doesn't know"},
    {.name = "to", .value = "TIME", .text = "the same"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_recover = {
    .group = "key",
    .verb = "recover",
    .about = "put a key together from its shares and write its file again",
    .options = recover_options,
    .option_count = CTL_COUNT(recover_options),
    .run = run_recover,
    .example = "phictl key recover --manifest keys/manifest --password-file password "
               "--share a.share-1 --share b.share-4 --share c.share-5"};
