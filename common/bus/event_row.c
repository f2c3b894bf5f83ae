#include "bus/event_row.h"

#include "json/json.h"
#include "store/columns.h"
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>

/* Nothing to escape in JSON, and the bytes that its text takes. */
static bool is_plain(const struct phi_header *headers, size_t count, size_t *len)
{
    *len = sizeof("{}");
    for (size_t i = 0; i < count; i++) {
        struct phi_view value = headers[i].value;
        for (size_t j = 0; j < value.len; j++) {
            uint8_t byte = value.data[j];
            if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\')
                return false;
        }
        *len += strlen(headers[i].name) + value.len + sizeof("\"\":\"\",");
    }
    return true;
}

/* What almost every event has, without a tree of values for it. */
static enum phi_err format_plain(const struct phi_header *headers, size_t count, size_t len,
                                 struct phi_arena *arena, const char **out)
{
    char *text = phi_arena_alloc(arena, len);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    char *at = stpcpy(text, "{");
    for (size_t i = 0; i < count; i++) {
        at = stpcpy(at, i > 0 ? ",\"" : "\"");
        at = stpcpy(at, headers[i].name);
        at = stpcpy(at, "\":\"");
        if (headers[i].value.len > 0)
            memcpy(at, headers[i].value.data, headers[i].value.len);
        at = stpcpy(at + headers[i].value.len, "\"");
    }
    stpcpy(at, "}");
    *out = text;
    return PHI_OK;
}

static enum phi_err format_any(const struct phi_header *headers, size_t count,
                               struct phi_arena *arena, const char **out)
{
    enum phi_err err = PHI_OK;
    char *text = NULL;
    json_t *object = json_object();
    PHI_GUARD(object ? PHI_OK : PHI_ERR_MEMORY);
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_stringn((const char *)headers[i].value.data, headers[i].value.len);
        if (json_object_set_new(object, headers[i].name, value) != 0) {
            err = PHI_ERR_FIELD_VALUE;
            goto out;
        } /* not UTF-8 */
    }
    text = json_dumps(object, JSON_COMPACT);
    *out = text ? phi_arena_text(arena, phi_view_text(text)) : NULL;
    err = *out ? PHI_OK : PHI_ERR_MEMORY;
out:
    free(text);
    json_decref(object);
    return err;
}

static enum phi_err format_headers(const struct phi_event *event, struct phi_arena *arena,
                                   const char **out)
{
    struct phi_header headers[PHI_MSG_HEADERS_MAX];
    size_t count = 0;
    size_t len = 0;
    enum phi_err err = phi_event_headers(event, arena, headers, &count);
    if (err != PHI_OK)
        return err;
    return is_plain(headers, count, &len) ? format_plain(headers, count, len, arena, out)
                                          : format_any(headers, count, arena, out);
}

enum phi_err phi_event_to_row(const struct phi_event *event, int64_t created_us,
                              struct phi_arena *arena, struct phi_param columns[PHI_OUTBOX_COLUMNS])
{
    const char *headers = NULL;
    enum phi_err err = phi_event_check(event, NULL);
    if (err == PHI_OK)
        err = format_headers(event, arena, &headers);
    if (err != PHI_OK)
        return err;
    columns[PHI_OUTBOX_EVENT_ID] = PHI_BYTES_OF(event->id, PHI_EVENT_ID_LEN);
    columns[PHI_OUTBOX_TOPIC] = PHI_TEXT(event->topic);
    columns[PHI_OUTBOX_KEY] = PHI_BYTES(event->key);
    columns[PHI_OUTBOX_PARTITION] = PHI_I64(event->is_placed ? event->partition : -1);
    columns[PHI_OUTBOX_HEADERS] = PHI_TEXT(headers);
    columns[PHI_OUTBOX_VALUE] = PHI_BYTES(event->value); /* empty: a tombstone */
    columns[PHI_OUTBOX_CREATED] = PHI_I64(created_us);
    return PHI_OK;
}

enum phi_err phi_event_put(struct phi_conn *tx, const struct phi_event *event,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_param columns[PHI_OUTBOX_COLUMNS];
    struct phi_arena *arena = phi_arena_new(32 * 1024);
    PHI_GUARD(arena ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_event_to_row(event, phi_clock_now_us(NULL), arena, columns));
    PHI_GUARD(phi_outbox_add(tx, columns, error));
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err phi_event_put_all(struct phi_conn *tx, const struct phi_event *events, size_t count,
                               struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    if (count == 0)
        return PHI_OK;
    PHI_GUARD(phi_columns_init(&columns, phi_outbox_columns, PHI_OUTBOX_COLUMNS));
    for (size_t i = 0; i < count; i++) {
        struct phi_param row[PHI_OUTBOX_COLUMNS];
        PHI_GUARD(phi_event_to_row(&events[i], phi_clock_now_us(NULL), arena, row));
        PHI_GUARD(phi_columns_add(&columns, row));
    }
    PHI_GUARD(phi_columns_write(&columns, tx, "phi_outbox_add_all", phi_outbox_insert, error));
out:
    phi_columns_fini(&columns);
    return err;
}

static enum phi_err parse_headers(const char *text, struct phi_arena *arena, struct phi_msg *msg,
                                  struct phi_error *error)
{
    struct phi_json_at root;
    enum phi_err err = phi_json_read(phi_view_text(text), 2, arena, &root, error);
    if (err != PHI_OK)
        return err;
    if (!json_is_object(root.value) || json_object_size(root.value) > PHI_MSG_HEADERS_MAX)
        return PHI_ERR_DATA_BROKEN;
    for (void *at = json_object_iter((json_t *)root.value); at;
         at = json_object_iter_next((json_t *)root.value, at)) {
        const json_t *value = json_object_iter_value(at);
        if (!json_is_string(value))
            return PHI_ERR_DATA_BROKEN;
        msg->headers[msg->header_count++] = (struct phi_header){
            .name = json_object_iter_key(at),
            .value = phi_view_of(json_string_value(value), json_string_length(value))};
    }
    return PHI_OK;
}

enum phi_err phi_event_from_row(const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                                struct phi_event *event, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t partition = phi_rows_i64(rows, row, PHI_OUTBOX_PARTITION);
    struct phi_view id = phi_rows_bytes(rows, row, PHI_OUTBOX_EVENT_ID);
    struct phi_event parsed;
    struct phi_msg msg = {.topic = phi_rows_text(rows, row, PHI_OUTBOX_TOPIC),
                          .partition = (int32_t)partition,
                          .key = phi_rows_bytes(rows, row, PHI_OUTBOX_KEY),
                          .value = phi_rows_bytes(rows, row, PHI_OUTBOX_VALUE)};
    msg.is_tombstone = msg.value.len == 0;
    PHI_GUARD(parse_headers(phi_rows_text(rows, row, PHI_OUTBOX_HEADERS), arena, &msg, error));
    PHI_GUARD(phi_event_parse(&msg, arena, &parsed, error));
    parsed.is_placed = partition >= 0;
    PHI_GUARD(phi_event_check(&parsed, error));
    if (!phi_view_equal(id, phi_view_of(parsed.id, sizeof(parsed.id)))) {
        err = PHI_ERR_DATA_BROKEN;
        goto out;
    }
    *event = parsed;
out:
    if (err != PHI_OK && err != PHI_ERR_MEMORY)
        err = phi_error_set(error, PHI_ERR_DATA_BROKEN, "outbox", "a row is no event");
    return err;
}
