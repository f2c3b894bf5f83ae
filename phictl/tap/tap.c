/* phictl tap: a stream as analysts see it, filtered, as it comes. */
#include "bus/reader.h"
#include "crypto/random.h"
#include "open/view.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/tap/print.h"
#include "phictl/tap/where.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define IDLE_MS   15000
#define TICK_MS   100

/* Streams with something to see in them; a prefix ends with a dot. Dead letters, keys, letters and
 * registries have nothing for analysts. */
static const char *const streams[] = {"audit",
                                      "code.minted",
                                      "code.verified",
                                      "code.revoked",
                                      "correction.decided",
                                      "correction.step",
                                      "correction.reopened",
                                      "declare.health",
                                      "declare.trip",
                                      "directory",
                                      "notice.",
                                      "open.",
                                      "reference.",
                                      "source.",
                                      "usage"};

struct tap {
    char topic[PHI_TOPIC_MAX + 1];
    bool is_open; /* an open stream: shown as it is */
    const char *project;
    uint8_t secret[PHI_OPEN_SECRET_LEN];
    char month[PHI_OPEN_MONTH_LEN + 1]; /* of `key` */
    struct phi_hmac_key *key;
    struct tap_where *where;
    struct tap_print *print;
    int64_t since_ms;
    int64_t until_ms; /* INT64_MAX: follow */
    int64_t count;    /* INT64_MAX: no bound */
    int64_t shown;
    _Atomic int64_t heard_us; /* monotonic */
    atomic_bool is_caught_up;
    atomic_bool is_done;
    enum phi_err err; /* the reader's thread; read once it has ended */
};

/* --- one record, on the reader's thread --- */

static enum phi_err key_for(struct tap *tap, int64_t at_us)
{
    enum phi_err err = PHI_OK;
    char month[PHI_OPEN_MONTH_LEN + 1];
    phi_open_month(at_us, month);
    if (tap->key != NULL && strcmp(month, tap->month) == 0)
        return PHI_OK;
    phi_hmac_key_free(tap->key);
    tap->key = NULL;
    PHI_GUARD(phi_open_key_new(phi_view_of(tap->secret, sizeof(tap->secret)), tap->project, month,
                               &tap->key));
    memcpy(tap->month, month, sizeof(month));
out:
    return err;
}

static int64_t time_of(const struct phi_msg *msg)
{
    struct phi_view text;
    int64_t at_us = 0;
    if (!phi_msg_header(msg, "ce_time", &text) || phi_rfc3339_parse(text, &at_us) != PHI_OK)
        at_us = msg->time_ms < 0 ? 0 : msg->time_ms * 1000;
    return at_us;
}

static enum phi_err view_of(struct tap *tap, const struct phi_msg *msg, const json_t *value,
                            json_t **out)
{
    enum phi_err err = PHI_OK;
    char time[PHI_RFC3339_MAX];
    int64_t at_us = time_of(msg);
    json_t *view = NULL;
    json_t *row = json_object();
    phi_rfc3339_format(phi_open_hour(at_us), time);
    PHI_GUARD(row == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(key_for(tap, at_us));
    if (tap->is_open)
        view = json_deep_copy(value);
    else
        PHI_GUARD(phi_open_view(tap->key, value, &view));
    bool is_made = view != NULL && json_object_set_new(row, "time", json_string(time)) == 0 &&
                   json_object_update(row, view) == 0;
    PHI_GUARD(is_made ? PHI_OK : PHI_ERR_MEMORY);
    *out = row;
    row = NULL;
out:
    json_decref(view);
    json_decref(row);
    return err;
}

static enum phi_err show(struct tap *tap, const struct phi_msg *msg)
{
    enum phi_err err = PHI_OK;
    json_t *value = NULL, *row = NULL;
    if (msg->is_tombstone || phi_json_parse(msg->value, DEPTH_MAX, &value, NULL) != PHI_OK)
        return PHI_OK; /* nothing to see */
    PHI_GUARD(view_of(tap, msg, value, &row));
    if (tap_where_holds(tap->where, row)) {
        tap_print_add(tap->print, row);
        tap->shown++;
    }
    if (atomic_load(&tap->is_caught_up))
        tap_print_flush(tap->print);
out:
    json_decref(value);
    json_decref(row);
    return err;
}

static void on_record(const struct phi_msg *msg, void *context)
{
    struct tap *tap = context;
    atomic_store(&tap->heard_us, phi_monotonic_us());
    if (atomic_load(&tap->is_done) || msg->time_ms < tap->since_ms || msg->time_ms >= tap->until_ms)
        return;
    tap->err = show(tap, msg);
    if (tap->err != PHI_OK || tap->shown >= tap->count)
        atomic_store(&tap->is_done, true);
}

static void on_caught_up(void *context)
{
    struct tap *tap = context;
    tap_print_flush(tap->print);
    atomic_store(&tap->is_caught_up, true);
}

/* --- reading the options --- */

static bool may_see(const char *stream)
{
    for (size_t i = 0; i < CTL_COUNT(streams); i++) {
        size_t len = strlen(streams[i]);
        bool is_prefix = streams[i][len - 1] == '.';
        if (is_prefix ? strncmp(stream, streams[i], len) == 0 && stream[len] != '\0'
                      : strcmp(stream, streams[i]) == 0)
            return strspn(stream, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(stream);
    }
    return false;
}

/* "90s", "15m", "1h", "7d" in milliseconds; -1: none. */
static int64_t span_ms(const char *text)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char *end = NULL;
    errno = 0;
    long number = strtol(text, &end, 10);
    for (size_t i = 0; i < CTL_COUNT(units); i++)
        if (errno == 0 && end != text && end[0] == units[i].letter && end[1] == '\0' &&
            number >= 0 && number < 1000000)
            return number * units[i].ms;
    return -1;
}

static enum phi_err read_times(const struct ctl_args *args, struct tap *tap,
                               struct phi_error *error)
{
    int64_t now_ms = phi_clock_now_us(NULL) / 1000, until_us = 0;
    int64_t span = span_ms(ctl_get(args, "since"));
    const char *until = ctl_get(args, "until");
    if (span < 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--since", "not such as 90s, 15m, 1h, 7d");
    tap->since_ms = now_ms - span;
    if (tap->is_open) /* the records' timestamps are the hours' */
        tap->since_ms = phi_open_hour(tap->since_ms * 1000) / 1000;
    tap->until_ms = until == NULL ? INT64_MAX : now_ms + 1;
    if (until == NULL || strcmp(until, "now") == 0)
        return PHI_OK;
    if (phi_rfc3339_parse(phi_view_text(until), &until_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--until", "neither now nor a time");
    tap->until_ms = until_us / 1000;
    return PHI_OK;
}

static enum phi_err read_count(const struct ctl_args *args, struct tap *tap,
                               struct phi_error *error)
{
    const char *text = ctl_get(args, "count");
    char *end = NULL;
    tap->count = INT64_MAX;
    if (text == NULL)
        return PHI_OK;
    errno = 0;
    tap->count = strtol(text, &end, 10);
    bool is_one = errno == 0 && end != text && *end == '\0' && tap->count > 0;
    return is_one ? PHI_OK
                  : phi_error_set(error, PHI_ERR_FIELD_VALUE, "--count", "not a number above 0");
}

/* Without a secret of the project's own: one of this very tap, so that nobody is recognised in the
 * next. */
static enum phi_err read_secret(const struct ctl_args *args, struct tap *tap,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char line[CTL_LINE_MAX + 1];
    tap->project = ctl_has(args, "project") ? ctl_get(args, "project") : "tap";
    if (ctl_has(args, "project") != ctl_has(args, "secret-file"))
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "--secret-file",
                             "goes together with --project");
    if (!ctl_has(args, "secret-file"))
        return phi_random_bytes(tap->secret, sizeof(tap->secret));
    PHI_GUARD(ctl_read_line(ctl_get(args, "secret-file"), true, line, error));
    if (phi_hex_decode(phi_view_text(line), tap->secret, sizeof(tap->secret)) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--secret-file", "not 64 hex digits");
out:
    phi_wipe(line, sizeof(line));
    return err;
}

static enum phi_err read_options(const struct ctl_args *args, struct tap *tap,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *stream = args->positional, *region = ctl_get(args, "region");
    if (strlen(region) != 6 || strspn(region, "0123456789") != 6)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--region", "not six digits");
    if (!may_see(stream) || strlen(stream) > 100)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "STREAM", "nothing to see there");
    tap->is_open = strncmp(stream, "open.", 5) == 0;
    (void)snprintf(tap->topic, sizeof(tap->topic), "phi.%s.%s", region, stream);
    PHI_GUARD(read_times(args, tap, error));
    PHI_GUARD(read_count(args, tap, error));
    PHI_GUARD(read_secret(args, tap, error));
    PHI_GUARD(tap_where_parse(ctl_get(args, "where"), &tap->where, error));
    PHI_GUARD(
        tap_print_open(ctl_get(args, "format"), ctl_get(args, "columns"), &tap->print, error));
out:
    return err;
}

/* --- running --- */

static bool is_past(const struct tap *tap)
{
    return tap->until_ms != INT64_MAX && phi_clock_now_us(NULL) / 1000 >= tap->until_ms &&
           atomic_load(&tap->is_caught_up);
}

/* Only until the end is known: who follows waits for as long as nothing comes. */
static bool is_silent(struct tap *tap)
{
    return !atomic_load(&tap->is_caught_up) &&
           phi_monotonic_us() - atomic_load(&tap->heard_us) > IDLE_MS * 1000;
}

static enum phi_err follow(const struct ctl_args *args, struct tap *tap, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_topic_reader *reader = NULL;
    const struct phi_topic_reader_options options = {
        .bus = {.brokers = ctl_get(args, "bus"), .client_id = "phictl"},
        .topic = tap->topic,
        .record = on_record,
        .caught_up = on_caught_up,
        .since_ms = tap->since_ms,
        .context = tap};
    atomic_store(&tap->heard_us, phi_monotonic_us());
    PHI_GUARD(phi_topic_reader_open(&options, &reader, error));
    while (!atomic_load(&tap->is_done) && !is_past(tap) && err == PHI_OK) {
        struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
        (void)nanosleep(&tick, NULL);
        if (is_silent(tap))
            err = phi_error_set(error, PHI_ERR_BUS, tap->topic,
                                "no broker answers, or there is no such topic");
    }
out:
    phi_topic_reader_close(reader);
    return err == PHI_OK ? tap->err : err;
}

static int run(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct tap tap = {.err = PHI_OK};
    PHI_GUARD(read_options(args, &tap, &error));
    PHI_GUARD(follow(args, &tap, &error));
out:
    tap_print_close(tap.print);
    tap_where_free(tap.where);
    phi_hmac_key_free(tap.key);
    phi_wipe(tap.secret, sizeof(tap.secret));
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options_of_tap[] = {
    {.name = "region",
     .value = "DIGITS",
     .variable = "PHI_REGION",
     .is_required = true,
     .text = "whose stream"},
    {.name = "bus",
     .value = "HOST:PORT,…",
     .variable = "PHI_BUS",
     .is_required = true,
     .text = "brokers"},
    {.name = "since", .value = "SPAN", .fallback = "1h", .text = "how far back: 90s, 15m, 1h, 7d"},
    {.name = "until",
     .value = "TIME",
     .text = "ends there: now, or an RFC 3339 time; without it and --count it goes on"},
    {.name = "count", .value = "N", .text = "ends after so many"},
    {.name = "where",
     .value = "CONDITIONS",
     .text = "path=value and path>=value …, on what is shown"},
    {.name = "format",
     .value = "FORMAT",
     .fallback = "table",
     .text = "table, json (lines) or csv"},
    {.name = "columns",
     .value = "PATHS",
     .text = "of table and csv, with commas between (what the first rows have)"},
    {.name = "project",
     .value = "NAME",
     .text = "pseudonyms of this project and month, the same in every tap"},
    {.name = "secret-file",
     .value = "FILE",
     .text =
         "the project's secret, 64 hex digits, mode 0600; without it pseudonyms are this tap's"}};

const struct ctl_command ctl_tap = {
    .group = "tap",
    .about = "a stream as analysts see it: people under pseudonyms, four-digit regions, hours",
    .positional = "STREAM",
    .options = options_of_tap,
    .option_count = CTL_COUNT(options_of_tap),
    .run = run,
    .example =
        "phictl tap directory --region 320000 --bus 127.0.0.1:9092 --since 1h --where 'grade=red'"};
