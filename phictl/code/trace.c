#include "base/text.h"
#include "base/time.h"
#include "crypto/key.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "picture/mark.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_LEN 4096

static enum phi_err read_mark_key(const struct ctl_args *args, struct phi_mark_key **out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1] = "";
    uint8_t secret[PHI_KEY_SECRET_MAX];
    size_t len = 0;
    PHI_GUARD(ctl_read_line(ctl_get(args, "password-file"), true, password, error));
    PHI_GUARD(
        phi_key_read_secret(ctl_get(args, "key"), password, secret, sizeof(secret), &len, error));
    PHI_GUARD(phi_mark_key_new(phi_view_of(secret, len), out));
out:
    phi_wipe(password, sizeof(password));
    phi_wipe(secret, sizeof(secret));
    return err;
}

static enum phi_err trace_file(const struct phi_mark_key *key, const char *path,
                               struct phi_mark_trace *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct phi_raster grey = {0};
    PHI_GUARD(ctl_read_all(path, PHI_RASTER_FILE_MAX, &bytes, &len, error));
    err = phi_raster_read_grey(phi_view_of(bytes, len), PHI_RASTER_PIXELS_MAX, &grey);
    if (err == PHI_ERR_FIELD_VALUE)
        PHI_GUARD(phi_error_set(error, err, path, "not a PNG or JPEG within bounds"));
    PHI_GUARD(err);
    err = phi_mark_trace(key, &grey, out);
    if (err == PHI_ERR_NOT_FOUND)
        PHI_GUARD(phi_error_set(error, err, path, "no mark of this key"));
out:
    phi_raster_free(&grey);
    free(bytes);
    return err;
}

/* The name of the --app whose digest it is, or NULL. */
static const char *app_of(const struct ctl_args *args, const struct phi_mark *mark)
{
    uint8_t digest[PHI_MARK_APP_LEN];
    for (size_t i = 0; i < CTL_REPEAT_MAX && ctl_get_nth(args, "app", i) != NULL; i++) {
        const char *app = ctl_get_nth(args, "app", i);
        if (phi_mark_app(phi_view_text(app), digest) == PHI_OK &&
            memcmp(digest, mark->app, sizeof(digest)) == 0)
            return app;
    }
    return NULL;
}

static void print_trace(const struct ctl_args *args, const struct phi_mark_trace *trace)
{
    char digest[2 * PHI_MARK_APP_LEN + 1];
    char minute[PHI_RFC3339_MAX];
    const char *app = app_of(args, &trace->mark);
    phi_hex_encode(phi_view_of(trace->mark.app, PHI_MARK_APP_LEN), digest);
    phi_rfc3339_format(trace->mark.time_s * 1000000, minute);
    (void)printf("platform=%s\napp_digest=%s\n", trace->mark.platform, digest);
    if (app != NULL)
        (void)printf("app=%s\n", app);
    (void)printf("minute=%s\nsquares=%d\nwrong=%d\n", minute, trace->squares, trace->wrong);
}

static int trace_one(const struct ctl_args *args, const struct phi_mark_key *key, const char *path)
{
    struct phi_mark_trace trace;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = trace_file(key, path, &trace, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    print_trace(args, &trace);
    return CTL_OK;
}

/* Every file of a folder, by name; what can't be read or has no mark is told and the rest goes on.
 */
static int trace_folder(const struct ctl_args *args, const struct phi_mark_key *key,
                        const char *folder)
{
    struct dirent **entries = NULL;
    int status = CTL_OK;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[PATH_LEN];
        struct stat about;
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (len < (int)sizeof(path) && stat(path, &about) == 0 && S_ISREG(about.st_mode)) {
            (void)printf("file=%s\n", entries[i]->d_name);
            (void)fflush(stdout);
            if (trace_one(args, key, path) != CTL_OK)
                status = CTL_FAILED;
        }
        free(entries[i]);
    }
    free(entries);
    return count < 0 ? CTL_FAILED : status;
}

static int run(const struct ctl_args *args)
{
    struct phi_mark_key *key = NULL;
    struct phi_error error = {.code = PHI_OK};
    struct stat about;
    enum phi_err err = read_mark_key(args, &key, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    bool is_folder = stat(args->positional, &about) == 0 && S_ISDIR(about.st_mode);
    int status = is_folder ? trace_folder(args, key, args->positional)
                           : trace_one(args, key, args->positional);
    phi_mark_key_free(key);
    return status;
}

static const struct ctl_option options[] = {
    {.name = "key",
     .value = "FILE",
     .is_required = true,
     .text = "the platform's mark key (PHI_MARK_KEY_FILE of its services)"},
    {.name = "app",
     .value = "ID",
     .repeats = true,
     .text = "an app of the registry: named when the mark is its"},
    CTL_PASSWORD,
};

const struct ctl_command ctl_code_trace = {
    .group = "code",
    .verb = "trace",
    .about = "read a picture's trace mark: which platform, which app, when",
    .positional = "PICTURE|FOLDER",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run};
