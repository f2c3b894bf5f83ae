#include "phictl/request.h"

#include "auth/signature.h"
#include "base/time.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX 256

struct receiving {
    struct ctl_answer *answer;
    size_t room;
    size_t head_len;
    char timestamp[VALUE_MAX];
    char nonce[VALUE_MAX];
    char signature[VALUE_MAX];
};

static size_t on_body(char *data, size_t unit, size_t count, void *context)
{
    struct receiving *receiving = context;
    struct ctl_answer *answer = receiving->answer;
    size_t len = unit * count;
    if (answer->len + len > CTL_ANSWER_MAX)
        return 0;
    if (answer->len + len > receiving->room) {
        size_t room = (answer->len + len) * 2;
        void *grown = realloc(answer->body, room);
        if (grown == NULL)
            return 0;
        answer->body = grown;
        receiving->room = room;
    }
    memcpy(answer->body + answer->len, data, len);
    answer->len += len;
    return len;
}

static void take_header(const char *line, size_t len, const char *name, char out[VALUE_MAX])
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
        return;
    const char *at = line + name_len + 1;
    const char *end = line + len;
    while (at < end && *at == ' ')
        at++;
    while (end > at && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    if ((size_t)(end - at) >= VALUE_MAX)
        return;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
}

static size_t on_head(char *data, size_t unit, size_t count, void *context)
{
    struct receiving *receiving = context;
    size_t len = unit * count;
    size_t left = sizeof(receiving->answer->head) - 1 - receiving->head_len;
    size_t kept = len < left ? len : left;
    take_header(data, len, "Phi-Timestamp", receiving->timestamp);
    take_header(data, len, "Phi-Nonce", receiving->nonce);
    take_header(data, len, "Phi-Signature", receiving->signature);
    memcpy(receiving->answer->head + receiving->head_len, data, kept);
    receiving->head_len += kept;
    return len;
}

/* What is signed: everything after the authority, as it will be sent. */
static enum phi_err target_of(const char *url, char *out, size_t size, struct phi_error *error)
{
    const char *authority = strstr(url, "://");
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '#')
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "URL",
                                 "a character that is to be escaped");
    }
    if (authority == NULL)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "URL", "no scheme");
    const char *path = authority + 3 + strcspn(authority + 3, "/?");
    int len = snprintf(out, size, "%s%s", path[0] == '/' ? "" : "/", path);
    if (len < 0 || (size_t)len >= size)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "URL", "too long");
    return PHI_OK;
}

static bool add(struct curl_slist **list, const char *name, const char *value)
{
    char line[PHI_AUTHORIZATION_MAX + 8192];
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);
    if (len < 0 || (size_t)len >= sizeof(line))
        return false;
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

static enum phi_err add_headers(const struct ctl_request *request,
                                struct phi_authorization_made *made, struct curl_slist **list,
                                struct phi_error *error)
{
    char target[8192];
    bool ok = true;
    enum phi_err err = target_of(request->url, target, sizeof(target), error);
    if (err != PHI_OK)
        return err;
    if (request->app != NULL) {
        err = phi_authorization_make(request->key, request->app, request->method, target,
                                     request->body, phi_clock_now_us(NULL), made);
        if (err != PHI_OK)
            return phi_error_set(error, err, "--app", "can't be signed for");
        ok = add(list, "Authorization", made->header);
    }
    if (ok && request->identity != NULL)
        ok = add(list, "Phi-Identity", request->identity);
    if (ok && request->body.len > 0)
        ok = add(list, "Content-Type", request->content_type);
    for (size_t i = 0; ok && request->headers != NULL && request->headers[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(*list, request->headers[i]);
        ok = longer != NULL;
        *list = longer != NULL ? longer : *list;
    }
    return ok ? PHI_OK : PHI_ERR_MEMORY;
}

static void set_up(CURL *curl, const struct ctl_request *request, struct curl_slist *headers,
                   struct receiving *receiving)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (request->body.len > 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)request->body.data);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    } else if (strcmp(request->method, "HEAD") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, receiving);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, receiving);
}

static enum phi_err perform(CURL *curl, struct ctl_answer *answer, struct phi_error *error)
{
    long status = 0;
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        return phi_error_set(error, PHI_ERR_NEIGHBOUR, "URL", "%s", curl_easy_strerror(code));
    answer->status = (int)status;
    return PHI_OK;
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static enum phi_err check_answer(const struct ctl_request *request,
                                 const struct receiving *receiving, const char *nonce,
                                 struct phi_error *error)
{
    const struct ctl_answer *answer = receiving->answer;
    if (request->answer_key == NULL)
        return PHI_OK;
    return phi_signature_check_answer(request->answer_key, answer->status,
                                      or_null(receiving->timestamp), or_null(receiving->nonce),
                                      or_null(receiving->signature), nonce, phi_clock_now_us(NULL),
                                      phi_view_of(answer->body, answer->len), error);
}

enum phi_err ctl_request_send(const struct ctl_request *request, struct ctl_answer *answer,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct curl_slist *headers = NULL;
    struct phi_authorization_made made = {.nonce = ""};
    struct receiving receiving = {.answer = answer};
    memset(answer, 0, sizeof(*answer));
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return PHI_ERR_MEMORY;
    PHI_GUARD(add_headers(request, &made, &headers, error));
    set_up(curl, request, headers, &receiving);
    PHI_GUARD(perform(curl, answer, error));
    PHI_GUARD(check_answer(request, &receiving, made.nonce, error));
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return err;
}

void ctl_answer_free(struct ctl_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
