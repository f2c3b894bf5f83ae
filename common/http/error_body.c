#include "http/http.h"

#include <stdio.h>
#include <string.h>

/* A JSON text in the making; `failed` once it did not fit. */
struct out {
    char *data;
    size_t len;
    size_t size;
    bool failed;
};

static void put(struct out *out, const char *text, size_t len)
{
    if (out->failed || len > out->size - out->len) {
        out->failed = true;
        return;
    }
    memcpy(out->data + out->len, text, len);
    out->len += len;
}

static void put_plain(struct out *out, const char *text)
{
    put(out, text, strlen(text));
}

static void put_quoted(struct out *out, const char *text)
{
    char escape[8];
    put_plain(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != '"' && c != '\\') {
            put(out, text, 1);
            continue;
        }
        snprintf(escape, sizeof(escape), "\\u%04x", c);
        put_plain(out, escape);
    }
    put_plain(out, "\"");
}

static void put_member(struct out *out, const char *name, const char *value)
{
    put_plain(out, name);
    put_quoted(out, value);
}

static void put_data(struct out *out, const struct phi_error *error)
{
    if (error->place[0] == '\0' && error->text[0] == '\0') {
        put_plain(out, ",\"data\":null");
        return;
    }
    put_member(out, ",\"data\":{\"field\":", error->place);
    put_member(out, ",\"reason\":", error->text);
    put_plain(out, "}");
}

size_t phi_http_error_body(const struct phi_error *error, const char *biz_serial, int64_t now_us,
                           char *out_data, size_t size)
{
    struct out out = {.data = out_data, .size = size};
    char time[PHI_RFC3339_MAX];
    phi_rfc3339_format(now_us, time);
    put_member(&out, "{\"resultCode\":", phi_err_return_code(error->code));
    put_member(&out, ",\"resultDesc\":", phi_err_text_zh(error->code));
    put_member(&out, ",\"resultDescEn\":", phi_err_text_en(error->code));
    if (biz_serial != NULL)
        put_member(&out, ",\"bizSerialNum\":", biz_serial);
    put_member(&out, ",\"timeStamp\":", time);
    put_data(&out, error);
    put_plain(&out, "}");
    return out.failed ? 0 : out.len;
}

size_t phi_http_error_default(const struct phi_error *error, int64_t now_us, char *out, size_t size,
                              void *context)
{
    (void)context;
    return phi_http_error_body(error, NULL, now_us, out, size);
}
