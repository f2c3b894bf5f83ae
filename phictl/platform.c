#include "phictl/commands.h"
#include "phictl/curl.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (64 * 1024)

static bool url_of(const struct ctl_args *args, const char *path, char *out, size_t size)
{
    const char *base = ctl_get(args, "url");
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    int made = snprintf(out, size, "%.*s%s", (int)len, base, path);
    return made > 0 && (size_t)made < size;
}

static int run_add(const struct ctl_args *args)
{
    char url[1024];
    uint8_t *body = NULL;
    size_t len = 0;
    struct phi_error error = {.code = PHI_OK};
    if (!url_of(args, "/v1/platforms", url, sizeof(url)))
        return ctl_fail(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--url", "too long"), &error);
    enum phi_err err = ctl_read_all(args->positional, BODY_MAX, &body, &len, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    struct ctl_request request = {.method = "POST", .url = url, .body = phi_view_of(body, len),
                                  .content_type = "application/json"};
    int status = ctl_send(args, &request, NULL, false);
    free(body);
    return status;
}

static int run_list(const struct ctl_args *args)
{
    char url[1024];
    struct phi_error error = {.code = PHI_OK};
    if (!url_of(args, "/v1/trust-list", url, sizeof(url)))
        return ctl_fail(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--url", "too long"), &error);
    struct ctl_request request = {.method = "GET", .url = url};
    return ctl_send(args, &request, NULL, false);
}

#define URL                                                                                        \
    {                                                                                              \
        .name = "url", .value = "URL", .fallback = "http://127.0.0.1:8110",                        \
        .text = "address of svc-platform"                                                          \
    }

static const struct ctl_option options[] = {URL, CTL_REQUEST_OPTIONS};

const struct ctl_command ctl_platform_add = {
    .group = "platform", .verb = "add",
    .about = "register a platform: sends FILE, the body of POST /v1/platforms, to svc-platform",
    .positional = "FILE", .options = options, .option_count = CTL_COUNT(options), .run = run_add};

const struct ctl_command ctl_platform_list = {
    .group = "platform", .verb = "list", .about = "show the trust list as svc-platform gives it",
    .options = options, .option_count = CTL_COUNT(options), .run = run_list};
