/* What a folder of keys holds, whether it is sound, and what was done to it. */
#include "base/time.h"
#include "phictl/commands.h"
#include "phictl/key/folder.h"
#include "phictl/request.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METRIC "phi_key_uses_total{"

/* Reading leaves everything as it is: no lock, no line in the log. */
static enum phi_err read_manifest(const struct ctl_args *args, struct key_folder *folder,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    *folder = (struct key_folder){.args = args,
                                  .path = ctl_get(args, "manifest"),
                                  .lock_fd = -1,
                                  .log_fd = -1,
                                  .now_us = phi_clock_now_us(NULL)};
    const char *slash = strrchr(folder->path, '/');
    (void)snprintf(folder->folder, KEY_PATH_MAX, "%.*s",
                   slash == NULL ? 1 : (int)(slash - folder->path),
                   slash == NULL ? "." : folder->path);
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, folder->password, error));
    PHI_GUARD(phi_manifest_read(folder->path, folder->password, &folder->manifest, error));
out:
    return err;
}

/* The uses of a key in a page of metrics: `phi_key_uses_total{use="code",key="0123…"} 42`. */
static uint64_t uses_in(const char *page, const char *id)
{
    char wanted[PHI_KEY_ID_LEN + 8];
    uint64_t sum = 0;
    (void)snprintf(wanted, sizeof(wanted), "key=\"%s\"", id);
    for (const char *at = strstr(page, METRIC); at != NULL; at = strstr(at + 1, METRIC)) {
        const char *close = strchr(at, '}');
        const char *found = strstr(at, wanted);
        if (close != NULL && found != NULL && found < close)
            sum += strtoull(close + 1, NULL, 10);
    }
    return sum;
}

static enum phi_err read_metrics(const struct ctl_args *args, char **pages, struct phi_error *error)
{
    for (size_t i = 0; ctl_get_nth(args, "metrics", i) != NULL; i++) {
        struct ctl_request request = {
            .method = "GET", .url = ctl_get_nth(args, "metrics", i), .timeout_ms = 5000};
        struct ctl_answer answer = {.status = 0};
        enum phi_err err = ctl_request_send(&request, &answer, error);
        if (err == PHI_OK && answer.status != 200)
            err = phi_error_set(error, PHI_ERR_NEIGHBOUR, request.url, "status %d", answer.status);
        if (err == PHI_OK)
            pages[i] = strndup((const char *)answer.body, answer.len);
        ctl_answer_free(&answer);
        if (err != PHI_OK)
            return err;
    }
    return PHI_OK;
}

static void print_uses(char *const *pages, const char *id)
{
    uint64_t sum = 0;
    if (pages[0] == NULL) {
        (void)printf("%10s", "-");
        return;
    }
    for (size_t i = 0; i < CTL_REPEAT_MAX && pages[i] != NULL; i++)
        sum += uses_in(pages[i], id);
    (void)printf("%10" PRIu64, sum);
}

static const char *time_text(int64_t time_s, bool is_open, char out[PHI_RFC3339_MAX])
{
    if (is_open)
        return "-";
    phi_rfc3339_format(time_s * 1000000, out);
    return out;
}

static void print_row(const struct key_folder *folder, const struct phi_key_entry *entry,
                      char *const *pages)
{
    char from[PHI_RFC3339_MAX], to[PHI_RFC3339_MAX];
    enum phi_key_phase phase =
        phi_manifest_phase(folder->manifest, entry, folder->now_us / 1000000);
    (void)printf("%-12s %3u  %-6s %s  %-9s  %-25s  %-25s ", entry->use, (unsigned)entry->set,
                 phi_key_kind_name(entry->kind), entry->id, phi_key_phase_name(phase),
                 time_text(entry->from_s, entry->from_s == 0, from),
                 time_text(entry->to_s, entry->to_s == PHI_KEY_TIME_OPEN, to));
    print_uses(pages, entry->id);
    (void)printf("\n");
}

static int run_list(const struct ctl_args *args)
{
    struct key_folder folder;
    struct phi_error error = {.code = PHI_OK};
    char *pages[CTL_REPEAT_MAX] = {NULL};
    enum phi_err err = read_manifest(args, &folder, &error);
    if (err == PHI_OK)
        err = read_metrics(args, pages, &error);
    if (err == PHI_OK) {
        (void)printf("%-12s %3s  %-6s %-16s  %-9s  %-25s  %-25s %10s\n", "use", "set", "kind", "id",
                     "state", "from", "to", "uses");
        for (size_t i = 0; i < folder.manifest->count; i++)
            print_row(&folder, &folder.manifest->keys[i], pages);
    }
    for (size_t i = 0; i < CTL_REPEAT_MAX; i++)
        free(pages[i]);
    key_folder_close(&folder);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

#define READ_OPTIONS                                                                               \
    {.name = "manifest",                                                                           \
     .value = "FILE",                                                                              \
     .variable = "PHI_KEY_MANIFEST_FILE",                                                          \
     .is_required = true,                                                                          \
     .text = "the manifest of the folder of keys"},                                                \
        CTL_PASSWORD

static const struct ctl_option list_options[] = {
    {.name = "metrics",
     .value = "URL",
     .repeats = true,
     .text = "metrics of a service that has the keys: their uses since its start are added up"},
    READ_OPTIONS,
};

const struct ctl_command ctl_key_list = {
    .group = "key",
    .verb = "list",
    .about = "show the keys of a folder: use, id, state, from, to, uses",
    .options = list_options,
    .option_count = CTL_COUNT(list_options),
    .run = run_list,
    .example = "phictl key list --manifest keys/manifest --password-file password --metrics "
               "http://127.0.0.1:8101/metrics"};

/* Status: every file opened, the log walked, what nobody knows named */

static bool row_is_sound(const struct key_folder *folder, const struct phi_key_entry *entry)
{
    struct phi_error error = {.code = PHI_OK};
    struct phi_key_content content = {.len = 0};
    if (entry->state == PHI_KEY_DESTROYED)
        return true;
    enum phi_err err = key_folder_read(folder, entry, &content, &error);
    phi_wipe(&content, sizeof(content));
    if (err == PHI_OK)
        return true;
    (void)printf("key=%s use=%s: %s: %s\n", entry->id, entry->use, error.place, error.text);
    return false;
}

static bool is_known(const struct phi_manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->keys[i].state == PHI_KEY_LIVE && strcmp(manifest->keys[i].file, name) == 0)
            return true;
    }
    return false;
}

static size_t print_unknown(const struct key_folder *folder)
{
    size_t count = 0;
    DIR *listing = opendir(folder->folder);
    if (listing == NULL)
        return 0;
    /* one thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct dirent *at = readdir(listing); at != NULL; at = readdir(listing)) {
        size_t len = strlen(at->d_name);
        if (len < 4 || strcmp(at->d_name + len - 4, ".key") != 0 ||
            is_known(folder->manifest, at->d_name))
            continue;
        (void)printf("%s: not in the manifest\n", at->d_name);
        count++;
    }
    (void)closedir(listing);
    return count;
}

static enum phi_err walk_log(const struct key_folder *folder,
                             void (*each)(struct phi_view json, void *context), uint64_t *ahead,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char path[KEY_PATH_MAX];
    uint8_t *text = NULL;
    uint8_t head[PHI_SM3_LEN];
    size_t len = 0, end = 0;
    uint64_t count = 0;
    int made = snprintf(path, sizeof(path), "%s/audit.log", folder->folder);
    PHI_GUARD(made < 0 || (size_t)made >= sizeof(path) ? PHI_ERR_IO : PHI_OK);
    PHI_GUARD(ctl_read_all(path, KEY_LOG_MAX, &text, &len, error));
    PHI_GUARD(key_log_walk(phi_view_of(text, len), folder->manifest, each, NULL, &count, head, &end,
                           error));
    *ahead = count - folder->manifest->step_count;
out:
    free(text);
    return err;
}

static int run_status(const struct ctl_args *args)
{
    struct key_folder folder;
    struct phi_error error = {.code = PHI_OK};
    uint64_t ahead = 0;
    size_t broken = 0;
    enum phi_err err = read_manifest(args, &folder, &error);
    if (err == PHI_OK)
        err = walk_log(&folder, NULL, &ahead, &error);
    if (err != PHI_OK) {
        key_folder_close(&folder);
        return ctl_fail(err, &error);
    }
    for (size_t i = 0; i < folder.manifest->count; i++)
        broken += row_is_sound(&folder, &folder.manifest->keys[i]) ? 0 : 1;
    broken += print_unknown(&folder);
    if (ahead > 0)
        (void)printf("audit.log: the last %" PRIu64
                     " steps were cut off; the next command says so\n",
                     ahead);
    (void)printf("version=%" PRIu64 " keys=%zu steps=%" PRIu64 " faults=%zu\n",
                 folder.manifest->version, folder.manifest->count, folder.manifest->step_count,
                 broken);
    key_folder_close(&folder);
    return broken == 0 ? CTL_OK : CTL_FAILED;
}

static const struct ctl_option status_options[] = {READ_OPTIONS};

const struct ctl_command ctl_key_status = {
    .group = "key",
    .verb = "status",
    .about = "check a folder of keys: every file, the manifest's MAC, the audit log's chain",
    .options = status_options,
    .option_count = CTL_COUNT(status_options),
    .run = run_status,
    .example = "phictl key status --manifest keys/manifest --password-file password"};

/* Audit: the log's lines, as they stand and once more on the bus */

static void print_step(struct phi_view json, void *context)
{
    (void)context;
    (void)printf("%.*s\n", (int)json.len, (const char *)json.data);
}

static int run_audit(const struct ctl_args *args)
{
    struct key_folder folder;
    struct phi_error error = {.code = PHI_OK};
    uint64_t ahead = 0;
    enum phi_err err = read_manifest(args, &folder, &error);
    if (err == PHI_OK)
        err = walk_log(&folder, print_step, &ahead, &error);
    key_folder_close(&folder);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

const struct ctl_command ctl_key_audit = {
    .group = "key",
    .verb = "audit",
    .about = "print the steps of a folder's audit log, its chain checked",
    .options = status_options,
    .option_count = CTL_COUNT(status_options),
    .run = run_audit,
    .example = "phictl key audit --manifest keys/manifest --password-file password"};
