#include "bus/bus_internal.h"

#include <string.h>

static void take_headers(const rd_kafka_message_t *from, struct phi_msg *to)
{
    rd_kafka_headers_t *headers = NULL;
    const char *name;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers(from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (to->header_count == PHI_MSG_HEADERS_MAX) {
            to->has_more_headers = true;
            return;
        }
        to->headers[to->header_count++] =
            (struct phi_header){.name = name, .value = phi_view_of(value, value ? len : 0)};
    }
}

void phi_kafka_msg(const rd_kafka_message_t *from, struct phi_msg *to)
{
    rd_kafka_timestamp_type_t type;
    memset(to, 0, sizeof(*to));
    to->topic = rd_kafka_topic_name(from->rkt);
    to->partition = from->partition;
    to->offset = from->offset;
    to->time_ms = rd_kafka_message_timestamp(from, &type);
    to->key = phi_view_of(from->key, from->key ? from->key_len : 0);
    to->value = phi_view_of(from->payload, from->payload ? from->len : 0);
    to->is_tombstone = from->payload == NULL;
    take_headers(from, to);
}

rd_kafka_headers_t *phi_kafka_headers(const struct phi_event *event)
{
    struct phi_header headers[PHI_MSG_HEADERS_MAX];
    struct phi_event_texts texts;
    size_t count = phi_event_headers_in(event, &texts, headers);
    rd_kafka_headers_t *out = rd_kafka_headers_new(count);
    for (size_t i = 0; out && i < count; i++) {
        if (rd_kafka_header_add(out, headers[i].name, -1, headers[i].value.data,
                                (ssize_t)headers[i].value.len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(out);
            out = NULL;
        }
    }
    return out;
}
