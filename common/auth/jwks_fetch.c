#include "auth/jwks.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "[::1]") == 0 ||
           strcmp(host, "localhost") == 0;
}

static bool parts_are_allowed(const char *scheme, const char *host, bool allow_http_loopback)
{
    if (host[0] == '\0')
        return false;
    if (strcmp(scheme, "https") == 0)
        return true;
    return allow_http_loopback && strcmp(scheme, "http") == 0 && is_loopback(host);
}

bool phi_identity_url_is_allowed(const char *url, bool allow_http_loopback)
{
    bool allowed = false;
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    if (url == NULL || strlen(url) >= PHI_URL_MAX)
        return false;
    CURLU *parsed = curl_url();
    if (parsed == NULL)
        return false;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_NO_USER &&
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        allowed = parts_are_allowed(scheme, host, allow_http_loopback);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(parsed);
    return allowed;
}

struct body {
    uint8_t *out;
    size_t size;
    size_t len;
};

static size_t on_bytes(char *data, size_t unit, size_t count, void *context)
{
    struct body *body = context;
    size_t len = unit * count;
    if (len > body->size - body->len)
        return 0;
    memcpy(body->out + body->len, data, len);
    body->len += len;
    return len;
}

static CURLcode fetch_set_up(CURL *curl, const char *url, int64_t timeout_ms, struct body *body)
{
    CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)body->size);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    return code;
}

enum phi_err phi_jwks_fetch_curl(void *context, const char *url, int64_t timeout_ms, uint8_t *out,
                                 size_t size, size_t *len)
{
    long status = 0;
    struct body body = {.out = out, .size = size};
    (void)context;
    (void)pthread_once(&curl_once, curl_start);
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return PHI_ERR_MEMORY;
    CURLcode code = fetch_set_up(curl, url, timeout_ms, &body);
    if (code == CURLE_OK)
        code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK || status != 200)
        return PHI_ERR_NEIGHBOUR;
    *len = body.len;
    return PHI_OK;
}
