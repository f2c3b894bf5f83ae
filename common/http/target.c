#include "http/internal.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at `text` stands for, -1 when it is not well-formed. */
static int escaped(const char *text, size_t left)
{
    if (left < 3 || hex_value(text[1]) < 0 || hex_value(text[2]) < 0)
        return -1;
    return hex_value(text[1]) * 16 + hex_value(text[2]);
}

static enum phi_err refuse(struct phi_http_request *request, const char *place, const char *reason)
{
    return phi_error_set(&request->error, PHI_ERR_QUERY, place, "%s", reason);
}

enum phi_err phi_http_target_check(struct phi_http_request *request)
{
    const char *target = request->target;
    size_t len = strlen(target);
    if (len == 0)
        return phi_error_set(&request->error, PHI_ERR_QUERY, "target", "longer than %d bytes",
                             PHI_HTTP_TARGET_MAX);
    if (target[0] != '/')
        return refuse(request, "target", "does not begin with /");
    for (size_t i = 0; i < len; i++) {
        if (target[i] <= 0x20 || target[i] >= 0x7f || target[i] == '#')
            return refuse(request, "target", "holds a character that must be percent-encoded");
        if (target[i] == '%' && escaped(target + i, len - i) <= 0)
            return refuse(request, "target", "bad percent-encoding");
    }
    return PHI_OK;
}

enum phi_err phi_http_decode(struct phi_http_request *request, struct phi_view text, bool plus,
                             const char **out)
{
    const char *in = (const char *)text.data;
    char *decoded = phi_arena_text(request->arena, text);
    size_t len = 0;
    if (decoded == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        char c = in[i];
        if (c == '%') {
            c = (char)escaped(in + i, text.len - i);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        decoded[len++] = c;
    }
    decoded[len] = '\0';
    struct phi_view view = phi_view_of(decoded, len);
    if (!phi_text_is_utf8(view) || phi_text_has_control(view))
        return refuse(request, "target", "not UTF-8 without control characters");
    *out = decoded;
    return PHI_OK;
}

static enum phi_err add_query(struct phi_http_request *request, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals == NULL ? len : (size_t)(equals - text);
    const char *value = equals == NULL ? text + len : equals + 1;
    struct phi_http_pair *pair = &request->queries[request->query_count];
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_http_decode(request, phi_view_of(text, name_len), true, &pair->name));
    PHI_GUARD(phi_http_decode(request, phi_view_of(value, (size_t)(text + len - value)), true,
                              &pair->value));
    if (phi_http_query(request, pair->name) != NULL)
        return refuse(request, "query", "a parameter is there twice");
    request->query_count++;
out:
    return err;
}

enum phi_err phi_http_target_queries(struct phi_http_request *request)
{
    enum phi_err err = PHI_OK;
    const char *at = strchr(request->target, '?');
    while (at != NULL) {
        at++;
        size_t len = strcspn(at, "&");
        if (len > 0 && request->query_count == PHI_HTTP_QUERIES_MAX)
            return refuse(request, "query", "too many parameters");
        if (len > 0)
            PHI_GUARD(add_query(request, at, len));
        at = strchr(at, '&');
    }
out:
    return err;
}
