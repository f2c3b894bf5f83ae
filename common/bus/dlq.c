#include "bus/dlq.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "bus/event_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTER_CONTEXT  "dlq.letter"
#define LETTER_VERSION  1
#define FLAG_TOMBSTONE  1
#define FLAG_CUT        2
#define VALUE_KEPT_MAX  (900 * 1000)
#define KEY_KEPT_MAX    (16 * 1024)
#define HEADER_KEPT_MAX (1024)
#define NAME_KEPT_MAX   255

struct phi_dlq {
    const struct phi_seal_key *seal_key;
    struct phi_producer *producer;
    char topic[PHI_TOPIC_MAX + 1];
    char source[PHI_TOPIC_MAX + 1];
};

static const uint8_t no_subject[PHI_SEAL_SUBJECT_LEN];

enum phi_err phi_dlq_open(const struct phi_dlq_options *options, struct phi_dlq **out,
                          struct phi_error *error)
{
    if (!options->region || !phi_text_is_digits(phi_view_text(options->region)) ||
        strlen(options->region) != 6)
        return phi_error_set(error, PHI_ERR_CONFIG, "region", "not six digits");
    if (!options->program || !phi_text_is_word(phi_view_text(options->program), 64))
        return phi_error_set(error, PHI_ERR_CONFIG, "program", "not a program's name");
    if (!options->seal_key)
        return phi_error_set(error, PHI_ERR_KEY, "dlq", "no key to seal letters with");
    struct phi_dlq *dlq = calloc(1, sizeof(*dlq));
    if (!dlq)
        return PHI_ERR_MEMORY;
    dlq->seal_key = options->seal_key;
    dlq->producer = options->producer;
    snprintf(dlq->topic, sizeof(dlq->topic), "phi.%s.dlq.%s", options->region, options->program);
    snprintf(dlq->source, sizeof(dlq->source), "/phi/%s/%s", options->region, options->program);
    *out = dlq;
    return PHI_OK;
}

void phi_dlq_close(struct phi_dlq *dlq)
{
    free(dlq);
}

/* --- the sealed letter: writer and reader of the same bytes ---
 * version u8 · flags u8 · topic (u16 length) · partition u32 · offset u64 · time in ms u64 · key
 * (u32 length) · count of headers u8 · each: name (u16 length), value (u32 length) · value (u32
 * length). */

static struct phi_view cut(struct phi_view view, size_t max, uint8_t *flags)
{
    if (view.len <= max)
        return view;
    *flags |= FLAG_CUT;
    return phi_view_of(view.data, max);
}

static void write_view32(struct phi_writer *out, struct phi_view view)
{
    phi_write_u32(out, (uint32_t)view.len);
    phi_write_view(out, view);
}

static struct phi_view read_view32(struct phi_reader *in)
{
    return phi_read_view(in, phi_read_u32(in));
}

static size_t letter_bound(const struct phi_msg *msg)
{
    size_t bound = 64 + strlen(msg->topic) + msg->key.len + msg->value.len;
    for (size_t i = 0; i < msg->header_count; i++)
        bound += 8 + strlen(msg->headers[i].name) + msg->headers[i].value.len;
    return bound;
}

static enum phi_err letter_encode(const struct phi_msg *msg, struct phi_arena *arena,
                                  struct phi_view *out)
{
    uint8_t flags = msg->is_tombstone ? FLAG_TOMBSTONE : 0;
    size_t bound = letter_bound(msg);
    uint8_t *buffer = phi_arena_alloc(arena, bound);
    if (!buffer)
        return PHI_ERR_MEMORY;
    struct phi_writer to = phi_writer_of(buffer, bound);
    struct phi_view key = cut(msg->key, KEY_KEPT_MAX, &flags);
    struct phi_view value = cut(msg->value, VALUE_KEPT_MAX, &flags);
    phi_write_u8(&to, LETTER_VERSION);
    phi_write_u8(&to, 0); /* the flags, known at the end */
    phi_write_view16(&to, phi_view_text(msg->topic));
    phi_write_u32(&to, (uint32_t)msg->partition);
    phi_write_u64(&to, (uint64_t)msg->offset);
    phi_write_u64(&to, (uint64_t)msg->time_ms);
    write_view32(&to, key);
    phi_write_u8(&to, (uint8_t)msg->header_count);
    for (size_t i = 0; i < msg->header_count; i++) {
        phi_write_view16(&to, cut(phi_view_text(msg->headers[i].name), NAME_KEPT_MAX, &flags));
        write_view32(&to, cut(msg->headers[i].value, HEADER_KEPT_MAX, &flags));
    }
    write_view32(&to, value);
    if (to.failed)
        return PHI_ERR_FRAME;
    buffer[1] = flags;
    *out = phi_view_of(buffer, phi_writer_len(&to));
    return PHI_OK;
}

static enum phi_err letter_decode(struct phi_view bytes, struct phi_arena *arena,
                                  struct phi_msg *out)
{
    struct phi_reader in = phi_reader_of(bytes);
    struct phi_msg msg = {0};
    if (phi_read_u8(&in) != LETTER_VERSION)
        return PHI_ERR_FRAME;
    msg.is_tombstone = (phi_read_u8(&in) & FLAG_TOMBSTONE) != 0;
    msg.topic = phi_arena_text(arena, phi_read_view16(&in));
    msg.partition = (int32_t)phi_read_u32(&in);
    msg.offset = (int64_t)phi_read_u64(&in);
    msg.time_ms = (int64_t)phi_read_u64(&in);
    msg.key = read_view32(&in);
    size_t count = phi_read_u8(&in);
    if (count > PHI_MSG_HEADERS_MAX)
        return PHI_ERR_FRAME;
    for (; msg.header_count < count; msg.header_count++) {
        struct phi_header *header = &msg.headers[msg.header_count];
        header->name = phi_arena_text(arena, phi_read_view16(&in));
        header->value = read_view32(&in);
        if (!header->name)
            return PHI_ERR_MEMORY;
    }
    msg.value = read_view32(&in);
    if (!msg.topic)
        return PHI_ERR_MEMORY;
    if (!phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = msg;
    return PHI_OK;
}

/* --- letters as events --- */

static enum phi_err add_header(struct phi_event *letter, const char *name, const char *text,
                               struct phi_arena *arena)
{
    char *copy = phi_arena_text(arena, phi_view_text(text));
    return copy ? phi_event_add(letter, name, phi_view_text(copy)) : PHI_ERR_MEMORY;
}

enum phi_err phi_dlq_write(const struct phi_dlq *dlq, const struct phi_msg *msg,
                           enum phi_err reason, struct phi_arena *arena, struct phi_event *letter)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    char number[24];
    struct phi_event event = {.topic = dlq->topic,
                              .type = "cn.phi.dlq.letter",
                              .source = dlq->source,
                              .time_us = phi_clock_now_us(NULL),
                              .content_type = "application/octet-stream"};
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(letter_encode(msg, arena, &plain));
    PHI_GUARD(phi_seal(dlq->seal_key, LETTER_CONTEXT, no_subject, plain, arena, &event.value));
    PHI_GUARD(add_header(&event, "phi-dlq-reason", phi_err_name(reason), arena));
    PHI_GUARD(add_header(&event, "phi-dlq-topic", msg->topic, arena));
    snprintf(number, sizeof(number), "%d", (int)msg->partition);
    PHI_GUARD(add_header(&event, "phi-dlq-partition", number, arena));
    snprintf(number, sizeof(number), "%lld", (long long)msg->offset);
    PHI_GUARD(add_header(&event, "phi-dlq-offset", number, arena));
    *letter = event;
out:
    return err;
}

static void count_letter(enum phi_err reason)
{
    char labels[64];
    snprintf(labels, sizeof(labels), "reason=\"%s\"", phi_err_name(reason));
    phi_counter_add(phi_counter_new("phi_dlq_letters_total", "records set aside", labels), 1);
}

static struct phi_arena *letter_arena(const struct phi_msg *msg)
{
    return phi_arena_new(2 * letter_bound(msg) + 64 * 1024);
}

enum phi_err phi_dlq_put(struct phi_dlq *dlq, struct phi_conn *tx, const struct phi_msg *msg,
                         enum phi_err reason)
{
    enum phi_err err = PHI_OK;
    struct phi_event letter;
    struct phi_arena *arena = letter_arena(msg);
    PHI_GUARD(arena ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_dlq_write(dlq, msg, reason, arena, &letter));
    PHI_GUARD(phi_event_put(tx, &letter, NULL));
    count_letter(reason);
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err phi_dlq_send(struct phi_dlq *dlq, const struct phi_msg *msg, enum phi_err reason)
{
    enum phi_err err = PHI_OK;
    struct phi_event letter;
    struct phi_arena *arena = letter_arena(msg);
    PHI_GUARD(arena ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(dlq->producer ? PHI_OK : PHI_ERR_BUS);
    PHI_GUARD(phi_dlq_write(dlq, msg, reason, arena, &letter));
    PHI_GUARD(phi_producer_send(dlq->producer, &letter, NULL, NULL));
    count_letter(reason);
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err phi_dlq_read(const struct phi_msg *letter, const struct phi_seal_key *seal_key,
                          struct phi_arena *arena, struct phi_msg *original, const char **reason,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    struct phi_view plain;
    struct phi_msg msg;
    if (!phi_msg_header(letter, "phi-dlq-reason", &text) || !phi_text_is_word(text, 64))
        return phi_error_set(error, PHI_ERR_HEADER, "phi-dlq-reason", "missing or malformed");
    char *name = phi_arena_text(arena, text);
    PHI_GUARD(name ? PHI_OK : PHI_ERR_MEMORY);
    err = phi_unseal(seal_key, LETTER_CONTEXT, no_subject, letter->value, arena, &plain);
    if (err != PHI_OK) {
        err = phi_error_set(error, err, "value", "can't be unsealed");
        goto out;
    }
    err = letter_decode(plain, arena, &msg);
    if (err != PHI_OK) {
        err = phi_error_set(error, err, "value", "not a letter");
        goto out;
    }
    *original = msg;
    *reason = name;
out:
    return err;
}
