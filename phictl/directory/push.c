/* phictl directory push: signs the lines of a file and hands them to the unified platform, chunk by
 * chunk; run again with the same file it goes on where it was. */
#include "auth/record.h"
#include "base/text.h"
#include "codes/subject.h"
#include "crypto/key.h"
#include "crypto/sm3.h"
#include "json/canonical.h"
#include "json/json.h"
#include "phictl/commands.h"
#include "phictl/curl.h"
#include "phictl/files.h"
#include "phictl/rules/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX    (256 * 1024 * 1024)
#define CHUNK_LINES 2000
#define LINE_ARENA  (128 * 1024)
#define URL_MAX     512
#define TRIES       5

static const struct ctl_option options[] = {
    CTL_REQUEST_OPTIONS,
    {.name = "region", .value = "ID", .is_required = true, .text = "the province, six digits"},
    {.name = "url",
     .value = "URL",
     .variable = "PHI_PLATFORM_URL",
     .fallback = "http://127.0.0.1:8110",
     .text = "svc-platform"},
    {.name = "file",
     .value = "FILE",
     .is_required = true,
     .text = "entries, one JSON object a line, as docs/schemas/directory.json has them"},
    {.name = "directory-key",
     .value = "FILE",
     .is_required = true,
     .text = "the SM2 key that signs the province's directory"},
    {.name = "directory-password-file",
     .value = "FILE",
     .is_required = true,
     .text = "file (mode 0600) whose first line is that key's password"}};

struct push {
    const struct ctl_args *args;
    struct phi_sm2_private *directory_key;
    char serial[17];
    char topic[32];
    char writer[17]; /* of the file's bytes: the same file goes on */
    uint8_t *file;
    size_t len;
    struct ctl_request request;
    struct phi_sm2_private *app_key;
    struct phi_sm2_public *answer_key;
    int64_t rejected;
};

static enum phi_err read_keys(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1] = "";
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const struct ctl_args *args = push->args;
    PHI_GUARD(ctl_read_line(ctl_get(args, "directory-password-file"), true, password, error));
    PHI_GUARD(
        phi_key_read_sm2(ctl_get(args, "directory-key"), password, &push->directory_key, error));
    phi_sm2_private_public(push->directory_key, xy);
    PHI_GUARD(phi_key_id_of(xy, push->serial));
    if (!ctl_has(args, "key") || !ctl_has(args, "app"))
        PHI_GUARD(phi_error_set(error, PHI_ERR_CONFIG, "--key", "--key and --app are needed"));
    PHI_GUARD(ctl_read_key(args, "key", &push->app_key, error));
    if (ctl_has(args, "answer-key")) {
        PHI_GUARD(ctl_read_public(ctl_get(args, "answer-key"), xy, error));
        PHI_GUARD(phi_sm2_public_new(xy, &push->answer_key));
    }
out:
    phi_wipe(password, sizeof(password));
    return err;
}

static enum phi_err read_all(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    const char *region = ctl_get(push->args, "region");
    if (strlen(region) != 6 || !phi_text_is_digits(phi_view_text(region)))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--region", "not six digits");
    snprintf(push->topic, sizeof(push->topic), "phi.%s.directory", region);
    PHI_GUARD(read_keys(push, error));
    PHI_GUARD(ctl_read_all(ctl_get(push->args, "file"), FILE_MAX, &push->file, &push->len, error));
    PHI_GUARD(phi_sm3(phi_view_of(push->file, push->len), digest));
    phi_hex_encode(phi_view_of(digest, 8), push->writer);
    push->request = (struct ctl_request){.content_type = "application/x-ndjson",
                                         .app = ctl_get(push->args, "app"),
                                         .key = push->app_key,
                                         .answer_key = push->answer_key};
    if (phi_text_to_i64(phi_view_text(ctl_get(push->args, "timeout")), 1, 600000,
                        &push->request.timeout_ms) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--timeout", "not 1..600000");
out:
    return err;
}

static void push_end(struct push *push)
{
    phi_sm2_private_free(push->directory_key);
    phi_sm2_private_free(push->app_key);
    phi_sm2_public_free(push->answer_key);
    free(push->file);
}

/* One entry as a signed record, appended to `out` with a line feed. */
static enum phi_err sign_line(const struct push *push, struct phi_view line, FILE *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_signer signer = {.key_serial = push->serial, .key = push->directory_key};
    struct phi_json_at root;
    struct phi_record record;
    uint8_t key[PHI_SUBJECT_LEN];
    const char *subject = NULL, *version = NULL;
    int64_t number = 0;
    json_t *json = NULL;
    struct phi_arena *arena = phi_arena_new(LINE_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_read(line, 4, arena, &root, error));
    PHI_GUARD(phi_json_hex(&root, "subject", key, sizeof(key), error));
    PHI_GUARD(phi_json_word(&root, "subject", 2 * PHI_SUBJECT_LEN, &subject, error));
    PHI_GUARD(phi_json_word(&root, "version", 20, &version, error));
    PHI_GUARD(phi_text_to_i64(phi_view_text(version), 1, INT64_MAX, &number));
    record = (struct phi_record){.key = phi_view_of(key, sizeof(key)), .version = (uint64_t)number};
    PHI_GUARD(phi_json_canonical(root.value, arena, &record.value));
    PHI_GUARD(phi_record_sign(push->topic, &signer, arena, &record));
    json = json_pack("{s:s, s:s%, s:s%, s:s%, s:s}", "key", subject, "keySerial",
                     record.key_serial.data, record.key_serial.len, "signature",
                     record.signature.data, record.signature.len, "value", record.value.data,
                     record.value.len, "version", version);
    bool is_written =
        json != NULL && json_dumpf(json, out, JSON_COMPACT) == 0 && fputc('\n', out) == '\n';
    err = is_written ? PHI_OK : PHI_ERR_MEMORY;
out:
    json_decref(json);
    phi_arena_free(arena);
    return err;
}

/* Up to CHUNK_LINES from `*at`; `*count` lines were made. */
static enum phi_err make_chunk(const struct push *push, size_t *at, int64_t number, char **body,
                               size_t *len, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    FILE *out = open_memstream(body, len);
    PHI_GUARD(out == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (*count = 0; *count < CHUNK_LINES && *at < push->len; (*count)++) {
        const uint8_t *begin = push->file + *at;
        const uint8_t *feed = memchr(begin, '\n', push->len - *at);
        size_t line = feed == NULL ? push->len - *at : (size_t)(feed - begin);
        err = sign_line(push, phi_view_of(begin, line), out, error);
        if (err != PHI_OK) {
            (void)fprintf(stderr, "phictl: line %lld\n", (long long)number + (long long)*count + 1);
            goto out;
        }
        *at += line + (feed != NULL);
    }
out:
    if (out != NULL && fclose(out) != 0 && err == PHI_OK)
        err = PHI_ERR_MEMORY;
    return err;
}

static enum phi_err refused(const struct ctl_answer *answer, struct phi_error *error)
{
    json_t *root = json_loadb((const char *)answer->body, answer->len, 0, NULL);
    const json_t *data = json_object_get(root, "data");
    const char *reason = json_string_value(json_object_get(data, "reason"));
    const char *why = json_string_value(json_object_get(root, "resultDescEn"));
    const char *code = json_string_value(json_object_get(root, "resultCode"));
    enum phi_err told = phi_err_from_return_code(code == NULL ? "" : code);
    enum phi_err err =
        phi_error_set(error, told == PHI_OK ? PHI_ERR_NEIGHBOUR : told, "svc-platform", "%s",
                      reason != NULL ? reason
                      : why != NULL  ? why
                                     : "refused");
    json_decref(root);
    return err;
}

/* Each line that was not taken, on stdout as it came. */
static void print_rejected(struct push *push, const struct ctl_answer *answer)
{
    const char *at = (const char *)answer->body, *end = at + answer->len;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t len = feed == NULL ? (size_t)(end - at) : (size_t)(feed - at);
        if (memmem(at, len, "\"rejected\"", 10) != NULL) {
            printf("%.*s\n", (int)len, at);
            push->rejected++;
        }
        at += len + 1;
    }
}

static enum phi_err send_once(struct push *push, int64_t from, bool takes, struct phi_view body,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char url[URL_MAX];
    struct ctl_answer answer = {.status = 0};
    snprintf(url, sizeof(url), "%s/v1/directory/entries?writer=%s&from=%lld%s",
             ctl_get(push->args, "url"), push->writer, (long long)from, takes ? "&take=true" : "");
    struct ctl_request request = push->request;
    request.method = "POST";
    request.url = url;
    request.body = body;
    PHI_GUARD(ctl_request_send(&request, &answer, error));
    PHI_GUARD(answer.status == 200 ? PHI_OK : refused(&answer, error));
    print_rejected(push, &answer);
out:
    ctl_answer_free(&answer);
    return err;
}

/* What may succeed later is tried again: a line that came twice is a record that came twice, and of
 * those the nation keeps one. */
static enum phi_err send_chunk(struct push *push, int64_t from, bool takes, struct phi_view body,
                               struct phi_error *error)
{
    const struct timespec pause = {.tv_sec = 1};
    enum phi_err err = send_once(push, from, takes, body, error);
    for (int i = 0; i < TRIES && phi_err_is_retryable(err); i++) {
        nanosleep(&pause, NULL);
        err = send_once(push, from, takes, body, error);
    }
    return err;
}

/* How many of this file's lines were taken before; another writer's turn is taken over. */
static enum phi_err find_next(const struct push *push, int64_t *next, bool *takes,
                              struct phi_error *error)
{
    json_t *data = NULL;
    enum phi_err err =
        ctl_rules_ask(push->args, "GET", "/v1/directory/entries", NULL, &data, error);
    *next = 0;
    *takes = false;
    if (err == PHI_ERR_NOT_FOUND)
        return PHI_OK;
    if (err != PHI_OK)
        return err;
    const char *writer = json_string_value(json_object_get(data, "writer"));
    *takes = writer == NULL || strcmp(writer, push->writer) != 0;
    if (!*takes)
        *next = json_integer_value(json_object_get(data, "next"));
    json_decref(data);
    return PHI_OK;
}

static size_t skip_lines(const struct push *push, int64_t count)
{
    size_t at = 0;
    for (; count > 0 && at < push->len; count--) {
        const uint8_t *feed = memchr(push->file + at, '\n', push->len - at);
        at = feed == NULL ? push->len : (size_t)(feed - push->file) + 1;
    }
    return at;
}

static enum phi_err send_all(struct push *push, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t next = 0;
    bool takes = false;
    PHI_GUARD(find_next(push, &next, &takes, error));
    for (size_t at = skip_lines(push, next); at < push->len; takes = false) {
        char *body = NULL;
        size_t len = 0, count = 0;
        err = make_chunk(push, &at, next, &body, &len, &count, error);
        if (err == PHI_OK)
            err = send_chunk(push, next, takes, phi_view_of(body, len), error);
        free(body);
        PHI_GUARD(err);
        next += (int64_t)count;
        (void)fprintf(stderr, "\r%lld lines   ", (long long)next);
    }
    (void)fprintf(stderr, "\n");
out:
    return err;
}

static int run_push(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct push push = {.args = args};
    PHI_GUARD(read_all(&push, &error));
    PHI_GUARD(send_all(&push, &error));
out:
    push_end(&push);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    return push.rejected == 0 ? CTL_OK : CTL_FAILED;
}

const struct ctl_command ctl_directory_push = {
    .group = "directory",
    .verb = "push",
    .about = "hand a file of entries over, for provinces without the bus",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run_push,
    .example = "phictl directory push --region 320000 --file entries.ndjson --app directory-320000 "
               "--key app.key --password-file app.password --directory-key directory.key "
               "--directory-password-file directory.password"};
