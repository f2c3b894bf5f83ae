#include "bus/event.h"

#include "base/text.h"
#include "base/time.h"
#include "bus/bus_internal.h"

#include <string.h>

static const char json_type[] = "application/json";

/* Names of the envelope's own headers; the rest of a record's headers are extra. */
static const char *const envelope[] = {"ce_specversion", "ce_id",         "ce_type",
                                       "ce_source",      "ce_time",       "content-type",
                                       "traceparent",    "phi-request-id"};

static bool is_envelope(const char *name)
{
    for (size_t i = 0; i < sizeof(envelope) / sizeof(envelope[0]); i++)
        if (strcmp(name, envelope[i]) == 0)
            return true;
    return false;
}

static bool is_visible(struct phi_view text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return false;
    return true;
}

static bool header_name_is_valid(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    return len >= 1 && len <= 63 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len;
}

/* W3C trace context, version 00: 00-<32 hex>-<16 hex>-<2 hex>. */
static bool traceparent_is_valid(struct phi_view text)
{
    if (text.len != 55)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        bool is_dash = i == 2 || i == 35 || i == 52;
        bool is_hex = (text.data[i] >= '0' && text.data[i] <= '9') ||
                      (text.data[i] >= 'a' && text.data[i] <= 'f');
        if (is_dash ? text.data[i] != '-' : !is_hex)
            return false;
    }
    return true;
}

enum phi_err phi_event_new_id(struct phi_event *event)
{
    return phi_uuid7(phi_clock_now_us(NULL), event->id);
}

static enum phi_err check_parts(const struct phi_event *event, struct phi_error *error)
{
    if (event->value.len > PHI_EVENT_VALUE_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "value", "over its bound");
    if (event->is_tombstone ? event->value.len != 0 || event->key.len == 0 : event->value.len == 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "value",
                             "a tombstone has a key and no value, anything else a value");
    if (event->key.len > 1024)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "key", "over 1024 bytes");
    if (event->is_placed && event->partition < 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "partition", "negative");
    if (event->extra_count > PHI_EVENT_EXTRA_MAX)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "extra", "too many headers");
    for (size_t i = 0; i < event->extra_count; i++)
        if (!header_name_is_valid(event->extra[i].name) || is_envelope(event->extra[i].name) ||
            event->extra[i].value.len > 1024)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "extra", "a header is not allowed");
    return PHI_OK;
}

enum phi_err phi_event_check(const struct phi_event *event, struct phi_error *error)
{
    static const uint8_t no_id[PHI_EVENT_ID_LEN];
    if (!event->topic || !event->type || !event->source)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING,
                             !event->topic ? "topic" : (!event->type ? "type" : "source"),
                             "an event needs it");
    if (!phi_text_is_word(phi_view_text(event->topic), PHI_TOPIC_MAX))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "topic", "not a topic's name");
    if (memcmp(event->id, no_id, sizeof(no_id)) == 0)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "id", "an event needs it");
    if (!is_visible(phi_view_text(event->type), 128))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "type", "1..128 visible characters");
    if (!is_visible(phi_view_text(event->source), 200))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "source", "1..200 visible characters");
    if (event->time_us < 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "time", "before 1970");
    if (event->content_type && !is_visible(phi_view_text(event->content_type), 128))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "contentType",
                             "1..128 visible characters");
    return check_parts(event, error);
}

enum phi_err phi_event_add(struct phi_event *event, const char *name, struct phi_view value)
{
    if (event->extra_count >= PHI_EVENT_EXTRA_MAX)
        return PHI_ERR_OVERLOAD;
    event->extra[event->extra_count++] = (struct phi_header){.name = name, .value = value};
    return PHI_OK;
}

bool phi_msg_header(const struct phi_msg *msg, const char *name, struct phi_view *value)
{
    for (size_t i = msg->header_count; i-- > 0;) {
        if (strcmp(msg->headers[i].name, name) == 0) {
            *value = msg->headers[i].value;
            return true;
        }
    }
    return false;
}

static void put(struct phi_header *headers, size_t *count, const char *name, const char *value)
{
    headers[(*count)++] = (struct phi_header){.name = name, .value = phi_view_text(value)};
}

size_t phi_event_headers_in(const struct phi_event *event, struct phi_event_texts *texts,
                            struct phi_header *headers)
{
    size_t n = 0;
    phi_rfc3339_format(event->time_us, texts->time);
    phi_uuid_format(event->id, texts->id);
    put(headers, &n, "ce_specversion", "1.0");
    put(headers, &n, "ce_id", texts->id);
    put(headers, &n, "ce_type", event->type);
    put(headers, &n, "ce_source", event->source);
    put(headers, &n, "ce_time", texts->time);
    put(headers, &n, "content-type", event->content_type ? event->content_type : json_type);
    /* Tracing never stops an event: what is malformed is left out. */
    if (event->traceparent && traceparent_is_valid(phi_view_text(event->traceparent)))
        put(headers, &n, "traceparent", event->traceparent);
    if (event->request_id && phi_text_is_word(phi_view_text(event->request_id), 64))
        put(headers, &n, "phi-request-id", event->request_id);
    for (size_t i = 0; i < event->extra_count && i < PHI_EVENT_EXTRA_MAX; i++)
        headers[n++] = event->extra[i];
    return n;
}

enum phi_err phi_event_headers(const struct phi_event *event, struct phi_arena *arena,
                               struct phi_header *headers, size_t *count)
{
    struct phi_event_texts *texts = phi_arena_alloc(arena, sizeof(*texts));
    if (!texts)
        return PHI_ERR_MEMORY;
    *count = phi_event_headers_in(event, texts, headers);
    return PHI_OK;
}

static enum phi_err take_text(const struct phi_msg *msg, const char *name, size_t max,
                              struct phi_arena *arena, const char **out, struct phi_error *error)
{
    struct phi_view value;
    if (!phi_msg_header(msg, name, &value))
        return phi_error_set(error, PHI_ERR_HEADER, name, "missing");
    if (!is_visible(value, max))
        return phi_error_set(error, PHI_ERR_HEADER, name, "empty, too long or not visible ASCII");
    char *copy = phi_arena_text(arena, value);
    if (!copy)
        return PHI_ERR_MEMORY;
    *out = copy;
    return PHI_OK;
}

static enum phi_err take_id_and_time(const struct phi_msg *msg, struct phi_event *event,
                                     struct phi_error *error)
{
    struct phi_view value;
    if (!phi_msg_header(msg, "ce_id", &value) || phi_uuid_parse(value, event->id) != PHI_OK)
        return phi_error_set(error, PHI_ERR_HEADER, "ce_id", "missing or not an id");
    if (!phi_msg_header(msg, "ce_time", &value) ||
        phi_rfc3339_parse(value, &event->time_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_HEADER, "ce_time", "missing or not a time");
    return PHI_OK;
}

/* Optional texts: a malformed one is as good as none. */
static enum phi_err take_tracing(const struct phi_msg *msg, struct phi_arena *arena,
                                 struct phi_event *event)
{
    struct phi_view value;
    if (phi_msg_header(msg, "traceparent", &value) && traceparent_is_valid(value) &&
        !(event->traceparent = phi_arena_text(arena, value)))
        return PHI_ERR_MEMORY;
    if (phi_msg_header(msg, "phi-request-id", &value) && phi_text_is_word(value, 64) &&
        !(event->request_id = phi_arena_text(arena, value)))
        return PHI_ERR_MEMORY;
    return PHI_OK;
}

static enum phi_err take_extra(const struct phi_msg *msg, struct phi_arena *arena,
                               struct phi_event *event)
{
    for (size_t i = 0; i < msg->header_count && event->extra_count < PHI_EVENT_EXTRA_MAX; i++) {
        const struct phi_header *header = &msg->headers[i];
        if (is_envelope(header->name) || !header_name_is_valid(header->name))
            continue;
        char *name = phi_arena_text(arena, phi_view_text(header->name));
        if (!name)
            return PHI_ERR_MEMORY;
        event->extra[event->extra_count++] =
            (struct phi_header){.name = name, .value = header->value};
    }
    return PHI_OK;
}

enum phi_err phi_event_parse(const struct phi_msg *msg, struct phi_arena *arena,
                             struct phi_event *event, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event parsed = {.key = msg->key,
                               .value = msg->value,
                               .is_tombstone = msg->is_tombstone,
                               .is_placed = true,
                               .partition = msg->partition};
    const char *version = "";
    if (msg->has_more_headers) {
        err = phi_error_set(error, PHI_ERR_HEADER, "headers", "too many");
        goto out;
    }
    PHI_GUARD(take_text(msg, "ce_specversion", 8, arena, &version, error));
    if (strcmp(version, "1.0") != 0) {
        err = phi_error_set(error, PHI_ERR_HEADER, "ce_specversion", "not 1.0");
        goto out;
    }
    PHI_GUARD(take_text(msg, "ce_type", 128, arena, &parsed.type, error));
    PHI_GUARD(take_text(msg, "ce_source", 200, arena, &parsed.source, error));
    PHI_GUARD(take_text(msg, "content-type", 128, arena, &parsed.content_type, error));
    PHI_GUARD(take_id_and_time(msg, &parsed, error));
    PHI_GUARD(take_tracing(msg, arena, &parsed));
    PHI_GUARD(take_extra(msg, arena, &parsed));
    parsed.topic = phi_arena_text(arena, phi_view_text(msg->topic));
    if (!parsed.topic)
        err = PHI_ERR_MEMORY;
    else
        *event = parsed;
out:
    return err;
}
