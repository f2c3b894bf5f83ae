/* Events: CloudEvents 1.0, Kafka protocol binding, binary mode: ce_* headers and a JSON value.
 *
 *   struct phi_event event = {.topic = "phi.320000.declare.health",
 *       .type = "cn.phi.declare.health", .source = "/phi/320000/svc-declare", .time_us = now_us,
 *       .key = subject, .value = json};
 *   PHI_GUARD(phi_event_new_id(&event));
 *   PHI_GUARD(phi_producer_send(producer, &event, done, context));
 *   ...
 *   PHI_GUARD(phi_event_parse(msg, arena, &event, error));      // on the other side
 */
#ifndef PHI_BUS_EVENT_H
#define PHI_BUS_EVENT_H

#include "base/arena.h"

#define PHI_EVENT_EXTRA_MAX 8
#define PHI_EVENT_ID_LEN    16
#define PHI_EVENT_VALUE_MAX (1000 * 1000) /* bytes; a broker's default bound, less its framing */
#define PHI_MSG_HEADERS_MAX 24
#define PHI_TOPIC_MAX       200

struct phi_header {
    const char *name; /* NUL-terminated, 1..63 of a-z 0-9 _ - */
    struct phi_view value;
};

/* A value struct of borrowed parts: whoever builds it keeps them alive for the call it is given to.
 */
struct phi_event {
    const char *topic;
    uint8_t
        id[PHI_EVENT_ID_LEN]; /* UUIDv7, kept through every retry: consumers drop doubles by it */
    const char *type;         /* "cn.phi.code.minted" */
    const char *source;       /* "/phi/320000/svc-codegen" */
    int64_t time_us;
    struct phi_view key; /* 16-byte subject or a text; empty: no key */
    bool is_placed;      /* true: `partition` counts instead of the key */
    int32_t partition;
    struct phi_view value;    /* JSON in UTF-8, ≤ PHI_EVENT_VALUE_MAX */
    bool is_tombstone;        /* true: no value at all (removes the key from a compacted topic) */
    const char *content_type; /* NULL: application/json */
    const char *traceparent;  /* NULL: none */
    const char *request_id;   /* NULL: none; header phi-request-id */
    struct phi_header extra[PHI_EVENT_EXTRA_MAX];
    size_t extra_count;
};

/* A record as it came: borrowed until the handler returns. Header names and values are as a
 * stranger sent them; each value is followed by a zero byte that is not counted. */
struct phi_msg {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t time_ms; /* the record's Kafka timestamp, -1 unknown */
    struct phi_view key;
    struct phi_view value;
    bool is_tombstone;
    size_t header_count;
    bool has_more_headers; /* there were more than PHI_MSG_HEADERS_MAX */
    struct phi_header headers[PHI_MSG_HEADERS_MAX];
};

enum phi_err phi_event_new_id(struct phi_event *event) PHI_MUST_USE; /* PHI_ERR_CRYPTO */

/* Checks an event before it leaves: PHI_ERR_FIELD_MISSING, PHI_ERR_FIELD_VALUE,
 * PHI_ERR_BODY_TOO_LARGE with the field's name as place. Pure. */
enum phi_err phi_event_check(const struct phi_event *event, struct phi_error *error) PHI_MUST_USE;

/* Adds an extra header; name and value stay the caller's. PHI_ERR_OVERLOAD past
 * PHI_EVENT_EXTRA_MAX. */
enum phi_err phi_event_add(struct phi_event *event, const char *name,
                           struct phi_view value) PHI_MUST_USE;

/* The last header of that name; false when there is none. Pure. */
bool phi_msg_header(const struct phi_msg *msg, const char *name, struct phi_view *value);

/* Reads the CloudEvents headers of a record. Texts are copied into `arena`, key and value stay
 * borrowed from `msg`; headers that are not the envelope's become extra (the first
 * PHI_EVENT_EXTRA_MAX). PHI_ERR_HEADER with the header's name as place (missing, not an id, not a
 * time …), PHI_ERR_MEMORY. Pure. */
enum phi_err phi_event_parse(const struct phi_msg *msg, struct phi_arena *arena,
                             struct phi_event *event, struct phi_error *error) PHI_MUST_USE;

/* The envelope as headers (ce_specversion, ce_id, …, then extra) with values in `arena`: for a
 * message made by hand (outbox rows, dead letters, tests). `headers` has room for
 * PHI_MSG_HEADERS_MAX. PHI_ERR_MEMORY. */
enum phi_err phi_event_headers(const struct phi_event *event, struct phi_arena *arena,
                               struct phi_header *headers, size_t *count) PHI_MUST_USE;

#endif
