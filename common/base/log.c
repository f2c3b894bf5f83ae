#include "base/log.h"

#include "base/bytes.h"
#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES      2048
#define END_BYTES       32 /* kept free for the mark of a cut line and its end */
#define WORD_MAX        96
#define DETAIL_MAX      (sizeof(((struct phi_error *)0)->text) - 1)
#define DIGIT_RUN_MAX   15
#define ENCODED_RUN_MAX 40

static char service_name[48] = "phi";
static atomic_int output_fd = STDERR_FILENO;
static atomic_int output_format = PHI_LOG_LOGFMT;
static atomic_int least_level = PHI_LOG_INFO;
static _Thread_local const char *request_of_thread;

struct line {
    char text[LINE_BYTES];
    size_t len;
    bool json;
    bool full;
};

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* base32, base64 and its URL form in one. */
static bool is_encoded(char c)
{
    return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=' || c == '-' || c == '_';
}

static bool is_safe(const char *text, size_t max)
{
    size_t digit_run = 0;
    size_t encoded_run = 0;
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        char c = text[len];
        if (len >= max || c < 0x20 || c > 0x7E || c == '"' || c == '\\')
            return false;
        if (is_digit(c))
            digit_run++;
        else if (c != ' ' && c != '-')
            digit_run = 0;
        encoded_run = is_encoded(c) ? encoded_run + 1 : 0;
        if (digit_run >= DIGIT_RUN_MAX || encoded_run >= ENCODED_RUN_MAX)
            return false;
    }
    return len > 0;
}

bool phi_log_word_is_safe(const char *word)
{
    return word != NULL && is_safe(word, WORD_MAX);
}

void phi_log_open(const char *service, enum phi_log_format format, enum phi_log_level least, int fd)
{
    const char *name = phi_log_word_is_safe(service) ? service : "phi";
    if (strcmp(name, service_name) != 0)
        snprintf(service_name, sizeof(service_name), "%s", name);
    atomic_store(&output_format, (int)format);
    atomic_store(&least_level, (int)least);
    atomic_store(&output_fd, fd);
}

void phi_log_set_request(const char *request_id)
{
    request_of_thread = request_id;
}

static void append(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct line *line, const char *format, ...)
{
    size_t left = sizeof(line->text) - END_BYTES - line->len;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line->text + line->len, left, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= left)
        line->full = true;
    else
        line->len += (size_t)len;
}

static void append_key(struct line *line, const char *key)
{
    if (line->json)
        append(line, "%s\"%s\":", line->len > 1 ? "," : "", key);
    else
        append(line, "%s%s=", line->len > 0 ? " " : "", key);
}

static void append_value(struct line *line, const char *value, bool quoted)
{
    if (quoted)
        append(line, "\"%s\"", value);
    else
        append(line, "%s", value);
}

static void append_word(struct line *line, const char *key, const char *word, size_t max)
{
    const char *value = word != NULL && is_safe(word, max) ? word : "redacted";
    bool quoted = line->json || strpbrk(value, " =") != NULL;
    append_key(line, key);
    append_value(line, value, quoted);
}

static void append_int(struct line *line, const char *key, int64_t number)
{
    append_key(line, key);
    append(line, "%" PRId64, number);
}

static void append_err(struct line *line, const char *key, int64_t number)
{
    bool known = number >= 0 && number < PHI_ERR_COUNT;
    append_word(line, key, phi_err_name(known ? (enum phi_err)number : PHI_ERR_INTERNAL), WORD_MAX);
}

static void append_detail(struct line *line, const char *key, const struct phi_error *detail)
{
    append_err(line, key, detail->code);
    if (detail->place[0] != '\0')
        append_word(line, "place", detail->place, DETAIL_MAX);
    if (detail->text[0] != '\0')
        append_word(line, "text", detail->text, DETAIL_MAX);
}

/* A field stands whole or not at all. */
static void append_field(struct line *line, const struct phi_log_field *field)
{
    size_t before = line->len;
    if (field->kind == PHI_LOG_KIND_WORD)
        append_word(line, field->key, field->word, WORD_MAX);
    else if (field->kind == PHI_LOG_KIND_INT)
        append_int(line, field->key, field->number);
    else if (field->kind == PHI_LOG_KIND_ERR)
        append_err(line, field->key, field->number);
    else if (field->detail != NULL)
        append_detail(line, field->key, field->detail);
    if (line->full)
        line->len = before;
}

static void append_head(struct line *line, enum phi_log_level level, const char *event)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char time[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_clock_now_us(NULL), time);
    append_key(line, "time");
    append_value(line, time, line->json);
    append_word(line, "level", levels[level], WORD_MAX);
    append_word(line, "service", service_name, WORD_MAX);
    append_word(line, "event", event, WORD_MAX);
    if (request_of_thread != NULL)
        append_word(line, "request", request_of_thread, WORD_MAX);
}

static void append_end(struct line *line)
{
    const char *mark = line->json ? ",\"cut\":true" : " cut=true";
    int len = snprintf(line->text + line->len, END_BYTES, "%s%s\n", line->full ? mark : "",
                       line->json ? "}" : "");
    line->len += (size_t)len;
}

void phi_log_write(enum phi_log_level level, const char *event, const struct phi_log_field *fields,
                   size_t count)
{
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed))
        return;
    int saved_errno = errno;
    struct line line;
    line.len = 0;
    line.full = false;
    line.json = atomic_load(&output_format) == PHI_LOG_JSON;
    if (line.json)
        append(&line, "{");
    append_head(&line, level, event);
    for (size_t i = 0; i < count && !line.full; i++)
        append_field(&line, &fields[i]);
    append_end(&line);
    while (write(atomic_load(&output_fd), line.text, line.len) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}
