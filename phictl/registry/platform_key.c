/* A platform's keys in the list that svc-platform signs, one bundle at a time. */
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/key/parcel.h"
#include "phictl/registry/platform.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#define LIST_MAX (1024 * 1024)

static json_t *platform_of(const json_t *list, const char *id)
{
    const json_t *platforms = json_object_get(list, "platforms");
    for (size_t i = 0; i < json_array_size(platforms); i++) {
        json_t *platform = json_array_get(platforms, i);
        const char *other = json_string_value(json_object_get(platform, "id"));
        if (other != NULL && strcmp(other, id) == 0)
            return platform;
    }
    return NULL;
}

/* The same key again takes its old entry's place: its time may have changed. */
static enum phi_err put_key(json_t *platform, json_t *key)
{
    json_t *keys = json_object_get(platform, "keys");
    const char *serial = json_string_value(json_object_get(key, "serial"));
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(keys, i), "serial"));
        if (other != NULL && strcmp(other, serial) == 0)
            return json_array_set_new(keys, i, key) == 0 ? PHI_OK : PHI_ERR_MEMORY;
    }
    return json_array_append_new(keys, key) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err put_bundles(const struct ctl_args *args, json_t *platform,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; ctl_get_nth(args, "bundle", i) != NULL; i++) {
        json_t *key = NULL;
        PHI_GUARD(key_bundle_read(ctl_get_nth(args, "bundle", i), &key, error));
        PHI_GUARD(put_key(platform, key));
    }
out:
    return err;
}

static int run(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    uint8_t *text = NULL;
    size_t len = 0;
    json_t *list = NULL;
    json_t *platform = NULL;
    PHI_GUARD(ctl_read_all(ctl_get(args, "list"), LIST_MAX, &text, &len, &error));
    PHI_GUARD(phi_json_parse(phi_view_of(text, len), 16, &list, &error));
    platform = platform_of(list, ctl_get(args, "id"));
    if (platform == NULL)
        PHI_GUARD(phi_error_set(&error, PHI_ERR_NOT_FOUND, "--id", "no such platform in the list"));
    PHI_GUARD(put_bundles(args, platform, &error));
    PHI_GUARD(ctl_platform_write_list(ctl_get(args, "list"), list, &error));
out:
    json_decref(list);
    free(text);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "list",
     .value = "FILE",
     .is_required = true,
     .text = "the list (PHI_PLATFORMS_FILE of svc-platform, which signs it at its start)"},
    {.name = "id", .value = "CODE", .is_required = true, .text = "the platform's id, six digits"},
    {.name = "bundle",
     .value = "FILE",
     .is_required = true,
     .repeats = true,
     .text = "what key distribute wrote; a key that is in the list gets its new times"},
};

const struct ctl_command ctl_platform_key = {
    .group = "platform",
    .verb = "key",
    .about = "put keys of a platform, with their times, into the list that svc-platform signs",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl platform key --list platforms.json --id 320000 --bundle code-1.json "
               "--bundle code-2.json"};
