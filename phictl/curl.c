#include "phictl/curl.h"

#include "base/text.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_answer(const struct ctl_answer *answer, const char *out)
{
    FILE *file = out == NULL ? stdout : fopen(out, "we");
    if (file == NULL) {
        struct phi_error error;
        return ctl_fail(phi_error_set(&error, PHI_ERR_IO, out, "can't be written"), &error);
    }
    bool whole = fwrite(answer->body, 1, answer->len, file) == answer->len;
    if (file == stdout) {
        if (answer->len > 0 && answer->body[answer->len - 1] == '}')
            (void)fputc('\n', file);
        whole = fflush(file) == 0 && whole;
    } else {
        whole = fclose(file) == 0 && whole;
    }
    if (!whole)
        return ctl_fail(PHI_ERR_IO, NULL);
    if (answer->status >= 400)
        (void)fprintf(stderr, "phictl: HTTP %d\n", answer->status);
    return answer->status >= 400 ? CTL_FAILED : CTL_OK;
}

struct secrets {
    struct phi_sm2_private *key;
    struct phi_sm2_public *answer_key;
    char token[2 * CTL_LINE_MAX + 1];
};

static enum phi_err read_answer_key(const char *given, struct phi_sm2_public **out,
                                    struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    enum phi_err err = ctl_read_public(given, xy, error);
    return err == PHI_OK ? phi_sm2_public_new(xy, out) : err;
}

static enum phi_err read_secrets(const struct ctl_args *args, struct ctl_request *request,
                                 struct secrets *secrets, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (ctl_has(args, "key") != ctl_has(args, "app") ||
        (ctl_has(args, "key") && !ctl_has(args, "password-file")))
        return phi_error_set(error, PHI_ERR_CONFIG, "--key",
                             "--key, --password-file and --app go together");
    if (ctl_has(args, "key"))
        PHI_GUARD(ctl_read_key(args, "key", &secrets->key, error));
    if (ctl_has(args, "identity")) {
        PHI_GUARD(ctl_read_line(ctl_get(args, "identity"), false, secrets->token, error));
        request->identity = secrets->token;
    }
    if (ctl_has(args, "answer-key"))
        PHI_GUARD(read_answer_key(ctl_get(args, "answer-key"), &secrets->answer_key, error));
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "timeout")), 1, 600000, &request->timeout_ms) !=
        PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--timeout", "not 1..600000");
    request->app = ctl_get(args, "app");
    request->key = secrets->key;
    request->answer_key = secrets->answer_key;
out:
    return err;
}

int ctl_send(const struct ctl_args *args, struct ctl_request *request, const char *out,
             bool show_head)
{
    struct ctl_answer answer = {.status = 0};
    struct secrets secrets = {.key = NULL};
    struct phi_error error = {.code = PHI_OK};
    int status = CTL_OK;
    enum phi_err err = read_secrets(args, request, &secrets, &error);
    if (err == PHI_OK)
        err = ctl_request_send(request, &answer, &error);
    if (show_head && answer.head[0] != '\0')
        (void)fputs(answer.head, stderr);
    if (answer.status != 0)
        status = print_answer(&answer, out);
    if (err != PHI_OK)
        status = ctl_fail(err, &error);
    ctl_answer_free(&answer);
    phi_sm2_private_free(secrets.key);
    phi_sm2_public_free(secrets.answer_key);
    phi_wipe(secrets.token, sizeof(secrets.token));
    return status;
}

static int run(const struct ctl_args *args)
{
    uint8_t *file = NULL;
    size_t len = 0;
    struct phi_error error = {.code = PHI_OK};
    const char *data = ctl_get(args, "data");
    const char *headers[CTL_REPEAT_MAX + 1] = {NULL};
    struct ctl_request request = {.url = args->positional,
                                  .method = data != NULL ? "POST" : "GET",
                                  .content_type = ctl_get(args, "content-type"),
                                  .headers = headers};
    for (size_t i = 0; i < CTL_REPEAT_MAX; i++)
        headers[i] = ctl_get_nth(args, "header", i);
    if (ctl_has(args, "request"))
        request.method = ctl_get(args, "request");
    if (data != NULL && data[0] == '@') {
        enum phi_err err = ctl_read_all(data + 1, CTL_BODY_MAX, &file, &len, &error);
        if (err != PHI_OK)
            return ctl_fail(err, &error);
        request.body = phi_view_of(file, len);
    } else if (data != NULL) {
        request.body = phi_view_text(data);
    }
    int status = ctl_send(args, &request, ctl_get(args, "output"), ctl_has(args, "include"));
    free(file);
    return status;
}

static const struct ctl_option options[] = {
    {.name = "request",
     .letter = 'X',
     .value = "METHOD",
     .text = "GET, or POST with -d, when not given"},
    {.name = "data", .letter = 'd', .value = "BODY|@FILE", .text = "the body; @- reads stdin"},
    {.name = "content-type",
     .value = "TYPE",
     .fallback = "application/json",
     .text = "of the body"},
    {.name = "header",
     .letter = 'H',
     .value = "LINE",
     .repeats = true,
     .text = "another header, not signed"},
    {.name = "output",
     .letter = 'o',
     .value = "FILE",
     .text = "where the answer's body goes (stdout)"},
    {.name = "include", .letter = 'i', .text = "status and headers on stderr"},
    CTL_REQUEST_OPTIONS,
};

const struct ctl_command ctl_curl = {.group = "curl",
                                     .about = "send a signed request and print the answer",
                                     .positional = "URL",
                                     .options = options,
                                     .option_count = CTL_COUNT(options),
                                     .run = run};
