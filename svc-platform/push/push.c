#include "svc-platform/push/push.h"

#include "base/metrics.h"
#include "base/text.h"
#include "bus/sending.h"
#include "json/ndjson.h"
#include "svc-platform/entries/check.h"
#include "svc-platform/platform.h"
#include "svc-platform/push/writer.h"

#include <stdlib.h>
#include <string.h>

#define LINE_ARENA (256 * 1024)
#define RESERVE_MS 500 /* of the request's time, for the commit and the answer */

enum result { RESULT_ACCEPTED, RESULT_REPEATED, RESULT_REJECTED };

struct line {
    struct phi_msg msg;
    struct phi_signed_job job;
    struct phi_error error;
    enum result result;
    bool is_mark;
};

struct push {
    struct phi_api_call *call;
    struct writer_claim claim;
    char topic[32];
    struct line *lines;
    size_t count;
};

static enum phi_err read_number(struct phi_api_call *call, const char *name, int64_t *out,
                                struct phi_error *error)
{
    const char *text = phi_http_query(phi_api_request(call), name);
    *out = 0;
    if (text != NULL && phi_text_to_i64(phi_view_text(text), 0, INT64_MAX / 2, out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, name, "not a number of lines");
    return PHI_OK;
}

static enum phi_err read_claim(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *call = push->call;
    const char *take = phi_http_query(phi_api_request(call), "take");
    push->claim = (struct writer_claim){.region = phi_api_app(call)->institution,
                                        .writer = phi_http_query(phi_api_request(call), "writer"),
                                        .takes_over = take != NULL && strcmp(take, "true") == 0,
                                        .now_us = phi_api_now_us(call)};
    PHI_GUARD(read_number(call, "from", &push->claim.from, error));
    if (push->claim.writer == NULL || !phi_text_is_word(phi_view_text(push->claim.writer), 32))
        return phi_error_set(error, PHI_ERR_QUERY, "writer", "not a word of 1..32 letters");
    if (take != NULL && !push->claim.takes_over)
        return phi_error_set(error, PHI_ERR_QUERY, "take", "true or not there");
    snprintf(push->topic, sizeof(push->topic), "phi.%.6s.directory", push->claim.region);
out:
    return err;
}

static void reject(struct line *line, enum phi_err reason)
{
    line->result = RESULT_REJECTED;
    line->job.err = reason;
}

static enum phi_err read_lines(struct push *push, const struct phi_ndjson *lines)
{
    enum phi_err err = PHI_OK;
    push->count = lines->count;
    push->lines = calloc(lines->count, sizeof(*push->lines));
    PHI_GUARD(push->lines == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < lines->count; i++) {
        struct line *line = &push->lines[i];
        line->job.msg = &line->msg;
        enum phi_err told = push_line_read(lines->items[i], push->topic, phi_api_arena(push->call),
                                           &line->msg, &line->error);
        PHI_GUARD(told == PHI_ERR_MEMORY ? told : PHI_OK);
        if (told != PHI_OK)
            reject(line, told);
    }
out:
    return err;
}

/* What the consumer would say of it; said here, so that the sender hears it. */
static enum phi_err judge(struct line *line)
{
    enum phi_err err = PHI_OK;
    enum phi_bucket_kind kind;
    uint16_t bucket;
    struct phi_entry entry;
    struct phi_bucket_mark mark;
    struct phi_arena *arena = phi_arena_new(LINE_ARENA);
    if (arena == NULL)
        return PHI_ERR_MEMORY;
    line->is_mark = phi_bucket_mark_is(line->msg.key, &kind, &bucket);
    err = line->is_mark ? check_mark(&line->job, arena, &mark, &line->error)
                        : check_entry(&line->job, arena, &entry, &line->error);
    phi_arena_free(arena);
    return err;
}

/* The signatures of all lines that could be read, together. */
static void verify_signatures(struct push *push, const struct phi_trust_platform *province,
                              struct phi_signed_job *jobs)
{
    struct phi_pinned_key pinned[PHI_TRUST_KEYS];
    size_t count = check_keys(province, phi_api_now_us(push->call), pinned), used = 0;
    for (size_t i = 0; i < push->count; i++)
        if (push->lines[i].result != RESULT_REJECTED)
            jobs[used++] = (struct phi_signed_job){
                .msg = &push->lines[i].msg, .pinned = pinned, .pinned_count = count};
    phi_signed_verify_many(jobs, used, phi_api_arena(push->call));
    for (size_t i = push->count; i-- > 0;)
        if (push->lines[i].result != RESULT_REJECTED)
            push->lines[i].job = jobs[--used];
}

static enum phi_err verify(struct push *push, const struct phi_trust_platform *province)
{
    enum phi_err err = PHI_OK;
    struct phi_signed_job *jobs = calloc(push->count, sizeof(*jobs));
    PHI_GUARD(jobs == NULL ? PHI_ERR_MEMORY : PHI_OK);
    verify_signatures(push, province, jobs);
    for (size_t i = 0; i < push->count; i++) {
        struct line *line = &push->lines[i];
        if (line->result == RESULT_REJECTED)
            continue;
        enum phi_err told = line->job.err == PHI_OK ? judge(line) : line->job.err;
        PHI_GUARD(told == PHI_ERR_MEMORY ? told : PHI_OK);
        if (told != PHI_OK)
            reject(line, told);
    }
out:
    free(jobs);
    return err;
}

static enum phi_err check(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_view *view = NULL;
    PHI_GUARD(phi_trust_hold(phi_service_trust(phi_api_service(push->call)),
                             phi_api_arena(push->call), &view));
    const struct phi_trust_platform *province = phi_trust_platform(view, push->claim.region);
    if (province == NULL || province->status != PHI_TRUST_ACTIVE)
        PHI_GUARD(phi_error_set(error, PHI_ERR_FORBIDDEN, "institution",
                                "no active platform of the trust list"));
    PHI_GUARD(verify(push, province));
out:
    return err;
}

/* The record with the headers that it has. */
static enum phi_err send_line(struct phi_service *service, const struct line *line,
                              struct phi_sending *sending)
{
    enum phi_err err = PHI_OK;
    const struct phi_msg *msg = &line->msg;
    struct phi_event event = {.topic = msg->topic,
                              .type = line->is_mark ? "cn.phi.directory.mark" : "cn.phi.directory",
                              .source = phi_service_source(service),
                              .time_us = phi_clock_now_us(phi_service_clock(service)),
                              .key = msg->key,
                              .value = msg->value};
    PHI_GUARD(phi_event_new_id(&event));
    for (size_t i = 0; i < msg->header_count; i++)
        PHI_GUARD(phi_event_add(&event, msg->headers[i].name, msg->headers[i].value));
    PHI_GUARD(phi_sending_add(sending, phi_service_producer(service), &event));
out:
    return err;
}

static enum phi_err send(struct push *push, int64_t next, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_sending *sending = phi_sending_new();
    PHI_GUARD(sending == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < push->count; i++) {
        struct line *line = &push->lines[i];
        if (line->result == RESULT_ACCEPTED && push->claim.from + (int64_t)i < next)
            line->result = RESULT_REPEATED;
        if (line->result == RESULT_ACCEPTED)
            PHI_GUARD(send_line(phi_api_service(push->call), line, sending));
    }
    int64_t left_ms = phi_deadline_left_ms(phi_api_deadline(push->call)) - RESERVE_MS;
    PHI_GUARD(phi_sending_wait(sending, phi_deadline_in_ms(left_ms > 0 ? left_ms : 0)));
out:
    phi_sending_drop(sending);
    if (err != PHI_OK)
        return phi_error_set(error, err, "body", "not all lines are kept: send them again");
    return err;
}

static enum phi_err hand_over(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    int64_t next = 0;
    struct phi_store *store = phi_service_store(phi_api_service(push->call));
    PHI_GUARD(phi_store_acquire(store, phi_api_deadline(push->call), &conn));
    PHI_GUARD(writer_claim(conn, &push->claim, &next, error));
    PHI_GUARD(send(push, next, error));
    PHI_GUARD(writer_advance(conn, &push->claim, push->claim.from + (int64_t)push->count, error));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    phi_store_release(conn);
    return err;
}

static json_t *line_json(const struct line *line, size_t number)
{
    static const char *const results[] = {"accepted", "repeated", "rejected"};
    if (line->result != RESULT_REJECTED)
        return json_pack("{s:I, s:s}", "line", (json_int_t)number, "result", results[line->result]);
    return json_pack("{s:I, s:s, s:s, s:s, s:s}", "line", (json_int_t)number, "result",
                     results[line->result], "resultCode", phi_err_return_code(line->job.err),
                     "field", line->error.place, "reason", phi_err_text_en(line->job.err));
}

static enum phi_err tell(struct push *push)
{
    enum phi_err err = PHI_OK;
    struct phi_writer to;
    PHI_GUARD(phi_ndjson_answer(push->count, phi_api_arena(push->call), &to));
    for (size_t i = 0; i < push->count; i++)
        PHI_GUARD(
            phi_ndjson_tell(line_json(&push->lines[i], (size_t)push->claim.from + i + 1), &to));
    phi_api_lines(push->call, phi_ndjson_told(&to));
out:
    return err;
}

static void tally(const struct push *push)
{
    static const char *const labels[] = {"result=\"accepted\"", "result=\"repeated\"",
                                         "result=\"rejected\""};
    for (size_t i = 0; i < push->count; i++)
        phi_counter_add(phi_counter_new("phi_platform_push_lines_total",
                                        "records handed over by provinces without the bus",
                                        labels[push->lines[i].result]),
                        1);
}

enum phi_err platform_push_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct push push = {.call = call};
    struct phi_ndjson lines = {0};
    PHI_GUARD(read_claim(&push, error));
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), phi_api_arena(call), &lines, error));
    PHI_GUARD(read_lines(&push, &lines));
    PHI_GUARD(check(&push, error));
    PHI_GUARD(hand_over(&push, error));
    PHI_GUARD(tell(&push));
    tally(&push);
out:
    free(push.lines);
    return err;
}

enum phi_err platform_push_state_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(phi_api_app(call)->institution)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "push_state", "SELECT writer, next FROM pushes WHERE region = $1",
                            params, 1, &rows, error));
    if (phi_rows_count(rows) == 1)
        phi_api_data(call, json_pack("{s:s, s:I}", "writer", phi_rows_text(rows, 0, 0), "next",
                                     (json_int_t)phi_rows_i64(rows, 0, 1)));
    else
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "writer", "nothing was handed over yet");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
