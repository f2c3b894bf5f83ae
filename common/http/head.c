#include "http/internal.h"

#include "base/mutant.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define REQUEST_ID_MIN 8

static const char *lookup(struct phi_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void make_id(struct phi_http_request *request)
{
    uint8_t bytes[16] = {0};
    while (getrandom(bytes, sizeof(bytes), 0) < 0 && errno == EINTR)
        continue;
    phi_hex_encode(phi_view_of(bytes, sizeof(bytes)), request->request_id);
}

void phi_http_head_id(struct phi_http_request *request)
{
    struct phi_view given = phi_view_text(lookup(request, "X-Request-Id"));
    if (given.len >= REQUEST_ID_MIN && phi_text_is_word(given, PHI_HTTP_REQUEST_ID_MAX))
        memcpy(request->request_id, given.data, given.len);
    else
        make_id(request);
}

/* What says who asks and what for must not be there twice: readers could differ in which one they
 * take. */
static bool is_single(const char *name)
{
    static const char *const names[] = {"Authorization", "Content-Type",     "Content-Length",
                                        "Host",          "X-Request-Id",     "traceparent",
                                        "Expect",        "Transfer-Encoding"};
    if (strncasecmp(name, "Phi-", 4) == 0)
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

struct reading {
    struct phi_http_request *request;
    size_t bytes;
    enum phi_err err;
};

static enum phi_err refuse(struct phi_http_request *request, const char *place, const char *reason)
{
    return phi_error_set(&request->error, PHI_ERR_HEADER, place, "%s", reason);
}

static bool has_control(struct phi_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return true;
    }
    return false;
}

/* The library leaves blanks at the end. */
static struct phi_view trimmed(struct phi_view value)
{
    while (value.len > 0 && strchr(" \t", value.data[value.len - 1]) != NULL)
        value.len--;
    return value;
}

static enum phi_err add(struct reading *reading, struct phi_view name, struct phi_view value)
{
    struct phi_http_request *request = reading->request;
    struct phi_http_pair pair = {.name = phi_arena_text(request->arena, name),
                                 .value = phi_arena_text(request->arena, trimmed(value))};
    if (pair.name == NULL || pair.value == NULL)
        return PHI_ERR_MEMORY;
    if (is_single(pair.name) && phi_http_header(request, pair.name) != NULL)
        return refuse(request, "header", "there twice");
    request->headers[request->header_count++] = pair;
    return PHI_OK;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                 size_t key_len, const char *value, size_t value_len)
{
    (void)kind;
    struct reading *reading = cls;
    struct phi_http_request *request = reading->request;
    reading->bytes += key_len + value_len;
    if (request->header_count == PHI_HTTP_HEADERS_MAX)
        reading->err = refuse(request, "headers", "too many");
    else if (reading->bytes > PHI_HTTP_HEAD_MAX_BYTES)
        reading->err = refuse(request, "headers", "too large");
    else if (has_control(phi_view_of(key, key_len)) || has_control(phi_view_of(value, value_len)))
        reading->err = refuse(request, "header", "holds control characters");
    else
        reading->err = add(reading, phi_view_of(key, key_len), phi_view_of(value, value_len));
    return reading->err == PHI_OK ? MHD_YES : MHD_NO;
}

/* "application/json" or the same with charset=utf-8 */
static bool is_type(const char *value, const char *wanted)
{
    size_t len = strlen(wanted);
    if (value == NULL || strncasecmp(value, wanted, len) != 0)
        return false;
    value += len;
    value += strspn(value, " \t");
    if (*value == '\0')
        return true;
    if (*value++ != ';')
        return false;
    value += strspn(value, " \t");
    return strcasecmp(value, "charset=utf-8") == 0 || strcasecmp(value, "charset=\"utf-8\"") == 0;
}

static enum phi_err check_type(struct phi_http_request *request)
{
    const char *wanted = request->route->content_type;
    const char *encoding = phi_http_header(request, "Content-Encoding");
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0)
        return phi_error_set(&request->error, PHI_ERR_CONTENT_TYPE, "Content-Encoding",
                             "not supported");
    if (wanted != NULL && !PHI_MUTANT(any_content_type) &&
        !is_type(phi_http_header(request, "Content-Type"), wanted))
        return phi_error_set(&request->error, PHI_ERR_CONTENT_TYPE, "Content-Type",
                             "not %s in UTF-8", wanted);
    return PHI_OK;
}

enum phi_err phi_http_head_read(struct phi_http_request *request)
{
    struct reading reading = {.request = request};
    enum phi_err err = PHI_OK;
    request->headers =
        phi_arena_alloc(request->arena, PHI_HTTP_HEADERS_MAX * sizeof(struct phi_http_pair));
    if (request->headers == NULL)
        return PHI_ERR_MEMORY;
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, on_header, &reading);
    PHI_GUARD(reading.err);
    PHI_GUARD(check_type(request));
out:
    return err;
}

bool phi_http_head_expects(const struct phi_http_request *request)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Expect");
    return value != NULL && strcasecmp(value, "100-continue") == 0;
}

void phi_http_head_declared(struct phi_http_request *request)
{
    const char *length = lookup(request, "Content-Length");
    int64_t declared = 0;
    if (length == NULL)
        return;
    bool is_number = phi_text_to_i64(phi_view_text(length), 0, INT64_MAX, &declared) == PHI_OK;
    request->body_declared = is_number ? (uint64_t)declared : UINT64_MAX;
}
