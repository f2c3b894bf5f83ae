/* 密钥更新: a new key, or a new key set, beside the one in force, with an overlap. */
#include "phictl/commands.h"
#include "phictl/key/folder.h"

#include <stdio.h>
#include <string.h>

#define DAY 86400

/* How long the old key goes on verifying and unsealing when --overlap does not say; 0: without end,
 * because what was made with it is kept. A text: why the use can't change this way. */
static const struct {
    const char *use;
    int64_t overlap_s;
    const char *fixed;
} uses[] = {
    {"code", 31 * DAY, NULL},
    {"seal", 31 * DAY, NULL},
    {"answer", DAY, NULL},
    {"receipt", DAY, NULL},
    {"index", 0, "the subject index of every table is made with it"},
    {"serial", 0, "the one-time ledger is kept by it"},
    {"bus", 0, "facts that wait on the bus carry its MAC, and readers hold one"},
    {"curve", 0, "callers pin its public half: make a new one with key curve and tell them"},
    {"trust", 0, "its public half is pinned by every service's configuration"},
    {"access", 0, "its public half is pinned by every service's configuration"},
};

static int64_t usual_overlap(const char *use)
{
    for (size_t i = 0; i < CTL_COUNT(uses); i++) {
        if (strcmp(uses[i].use, use) == 0)
            return uses[i].overlap_s;
    }
    return 0;
}

static enum phi_err check_use(const char *use, struct phi_error *error)
{
    for (size_t i = 0; i < CTL_COUNT(uses); i++) {
        if (strcmp(uses[i].use, use) == 0 && uses[i].fixed != NULL)
            return phi_error_set(error, PHI_ERR_STATE, use, "%s", uses[i].fixed);
    }
    return PHI_OK;
}

/* The key of a use that is the newest of all: the one to be followed. */
static struct phi_key_entry *newest(const struct key_folder *folder, const char *use)
{
    const struct phi_key_entry *held[1];
    size_t count =
        phi_manifest_held(folder->manifest, use, folder->now_us / 1000000, held, CTL_COUNT(held));
    return count == 0 ? NULL : phi_manifest_find(folder->manifest, held[0]->id);
}

static bool set_is_taken(const struct phi_manifest *manifest, const char *use, uint8_t set)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct phi_key_entry *entry = &manifest->keys[i];
        if (entry->state != PHI_KEY_DESTROYED && entry->set == set && strcmp(entry->use, use) == 0)
            return true;
    }
    return false;
}

static bool set_is_free(const struct key_folder *folder, uint8_t set)
{
    const char *use = NULL;
    for (size_t i = 0; (use = ctl_get_nth(folder->args, "use", i)) != NULL; i++) {
        if (set_is_taken(folder->manifest, use, set))
            return false;
    }
    return true;
}

/* The next number after the newest's that none of the uses has. */
static enum phi_err next_set(const struct key_folder *folder, uint8_t *out, struct phi_error *error)
{
    const char *use = NULL;
    *out = 0;
    for (size_t i = 0; (use = ctl_get_nth(folder->args, "use", i)) != NULL; i++) {
        const struct phi_key_entry *old = newest(folder, use);
        if (old == NULL)
            return phi_error_set(error, PHI_ERR_NOT_FOUND, use, "no key of this use in force");
        *out = old->set > *out ? old->set : *out;
    }
    for (int tries = 0; tries < 256; tries++) {
        if (set_is_free(folder, ++*out))
            return PHI_OK;
    }
    return phi_error_set(error, PHI_ERR_OVERLOAD, "--use", "no number is left for a key set");
}

/* The old one ends when its overlap does; never later than it was to end anyway. */
static enum phi_err end_old(const struct key_folder *folder, struct phi_key_entry *old,
                            int64_t from_s, struct phi_error *error)
{
    int64_t usual = usual_overlap(old->use);
    int64_t to_s = 0;
    enum phi_err err =
        key_time_option(folder->args, "overlap", from_s,
                        usual == 0 ? PHI_KEY_TIME_OPEN : from_s + usual, &to_s, error);
    if (err != PHI_OK)
        return err;
    if (to_s < from_s)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--overlap", "ends before --from");
    if (from_s <= old->from_s)
        return phi_error_set(error, PHI_ERR_STATE, old->use, "the newest has not begun yet");
    old->to_s = to_s < old->to_s ? to_s : old->to_s;
    return PHI_OK;
}

static enum phi_err rotate_use(struct key_folder *folder, const char *use, uint8_t set,
                               int64_t from_s, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_key_content content = {.len = 0};
    struct phi_key_entry *old = newest(folder, use);
    struct phi_key_entry entry = *old;
    char path[KEY_PATH_MAX];
    PHI_GUARD(key_folder_read(folder, old, &content, error));
    PHI_GUARD(phi_key_content_new(old->kind, content.len, &content));
    entry.set = set;
    entry.from_s = from_s;
    entry.to_s = PHI_KEY_TIME_OPEN;
    memcpy(entry.id, content.id, sizeof(entry.id));
    key_entry_name_file(&entry);
    PHI_GUARD(end_old(folder, old, from_s, error));
    PHI_GUARD(phi_manifest_add(folder->manifest, &entry));
    PHI_GUARD(key_folder_step(folder, "retire", old, error));
    PHI_GUARD(key_folder_step(folder, "rotate", &entry, error));
    PHI_GUARD(key_folder_file(folder, &entry, path, error));
    err = phi_key_content_write(path, folder->password, &content);
    if (err != PHI_OK)
        PHI_GUARD(phi_error_set(error, err, path, "can't be written"));
    key_entry_print("old", old);
    key_entry_print("new", &entry);
out:
    phi_wipe(&content, sizeof(content));
    return err;
}

static enum phi_err rotate(struct key_folder *folder, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *use = NULL;
    uint8_t set = 0;
    int64_t from_s = 0, now_s = folder->now_us / 1000000;
    for (size_t i = 0; (use = ctl_get_nth(folder->args, "use", i)) != NULL; i++)
        PHI_GUARD(check_use(use, error));
    PHI_GUARD(next_set(folder, &set, error));
    PHI_GUARD(key_time_option(folder->args, "from", now_s, now_s, &from_s, error));
    for (size_t i = 0; (use = ctl_get_nth(folder->args, "use", i)) != NULL; i++)
        PHI_GUARD(rotate_use(folder, use, set, from_s, error));
    PHI_GUARD(key_folder_save(folder, error));
out:
    return err;
}

static int run(const struct ctl_args *args)
{
    return key_folder_run(args, KEY_FOLDER_CHANGED, rotate);
}

static const struct ctl_option options[] = {
    {.name = "use",
     .value = "NAME",
     .is_required = true,
     .repeats = true,
     .text = "what the keys are for; those given together form one key set (code and seal)"},
    {.name = "from",
     .value = "TIME",
     .fallback = "+1h",
     .text = "the new ones make from then on: long enough for every service to have read them"},
    {.name = "overlap",
     .value = "TIME",
     .text =
         "so long after --from the old ones verify and unseal (code, seal +31d; answer, receipt "
         "+1d; others without end)"},
    KEY_FOLDER_OPTIONS,
};

const struct ctl_command ctl_key_rotate = {
    .group = "key",
    .verb = "rotate",
    .about = "update keys: new ones from a time on, old ones in force for an overlap",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl key rotate --manifest keys/manifest --password-file password --use code "
               "--use seal --from +1h --overlap +31d"};
