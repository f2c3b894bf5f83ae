/* phictl trust fetch, show, verify: the signed trust list as a file, for whoever has no bus. */
#include "phictl/commands.h"
#include "phictl/curl.h"
#include "phictl/files.h"
#include "phictl/registry/trust_list.h"

#include "base/text.h"
#include "bus/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_ARENA (32 * 1024 * 1024)
#define PUBLISH_MS 15000

/* What a file holds that was fetched before; version 0 when there is none, or none that counts. */
static enum phi_err read_held(const struct ctl_args *args, struct phi_arena *arena,
                              uint64_t *version)
{
    struct phi_trust_list list;
    struct phi_record record;
    json_t *file = json_load_file(ctl_get(args, "out"), JSON_REJECT_DUPLICATES, NULL);
    bool is_held =
        file != NULL && ctl_trust_list_take(args, file, arena, &record, &list, NULL) == PHI_OK;
    json_decref(file);
    *version = is_held ? list.version : 0;
    return PHI_OK;
}

static enum phi_err ask(const struct ctl_args *args, uint64_t held, struct ctl_answer *answer,
                        struct phi_error *error)
{
    char url[1024], match[64];
    const char *const headers[] = {match, NULL};
    int64_t timeout_ms = 0;
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "timeout")), 1, 600000, &timeout_ms) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--timeout", "not 1 to 600000");
    snprintf(match, sizeof(match), "If-None-Match: \"%" PRIu64 "\"", held);
    int len = snprintf(url, sizeof(url), "%s/v1/trust-list?after=%" PRIu64 "&wait=%s",
                       ctl_get(args, "url"), held, ctl_get(args, "wait"));
    if (len < 0 || (size_t)len >= sizeof(url))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--url", "too long");
    const struct ctl_request request = {
        .method = "GET", .url = url, .headers = headers, .timeout_ms = timeout_ms};
    enum phi_err err = ctl_request_send(&request, answer, error);
    if (err == PHI_OK && answer->status != 200 && answer->status != 304)
        return phi_error_set(error, PHI_ERR_NEIGHBOUR, "svc-platform", "answered %d",
                             answer->status);
    return err;
}

/* The old file stays until the new one is whole. */
static enum phi_err put_file(const char *path, const json_t *data, struct phi_error *error)
{
    char fresh[1040];
    int len = snprintf(fresh, sizeof(fresh), "%s.new", path);
    FILE *file = len > 0 && (size_t)len < sizeof(fresh) ? fopen(fresh, "w") : NULL;
    bool is_bad = file == NULL || json_dumpf(data, file, JSON_INDENT(1)) != 0;
    is_bad = is_bad || fflush(file) != 0 || fsync(fileno(file)) != 0;
    is_bad = (file != NULL && fclose(file) != 0) || is_bad;
    if (is_bad || rename(fresh, path) != 0)
        return phi_error_set(error, PHI_ERR_IO, "--out", "can't be written");
    return PHI_OK;
}

static void on_sent(void *context, enum phi_err err)
{
    *(enum phi_err *)context = err;
}

/* The record as the unified platform signed it: who carries it doesn't matter. */
static enum phi_err publish(const char *bus, const struct phi_record *record,
                            struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    enum phi_err sent = PHI_ERR_BUS;
    struct phi_event event;
    struct phi_producer *producer = NULL;
    const struct phi_producer_options options = {.bus = {.brokers = bus, .client_id = "phictl"},
                                                 .queue_max_count = 4};
    PHI_GUARD(phi_producer_open(&options, &producer, error));
    PHI_GUARD(phi_record_event(PHI_TRUST_TOPIC, record, "/phi/phictl", arena, &event));
    PHI_GUARD(phi_producer_send(producer, &event, on_sent, &sent));
    (void)!phi_producer_flush(producer, phi_deadline_in_ms(PUBLISH_MS));
    if (sent != PHI_OK)
        err = phi_error_set(error, sent, "--bus", "did not take the list");
out:
    phi_producer_close(producer);
    return err;
}

static enum phi_err take(const struct ctl_args *args, const struct ctl_answer *answer,
                         uint64_t held, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_record record;
    struct phi_trust_list list;
    json_t *file =
        json_loadb((const char *)answer->body, answer->len, JSON_REJECT_DUPLICATES, NULL);
    if (file == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_JSON, "svc-platform", "not JSON"));
    PHI_GUARD(ctl_trust_list_take(args, file, arena, &record, &list, error));
    if (list.version < held)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "svc-platform",
                                "gave an older list than the file holds"));
    PHI_GUARD(put_file(ctl_get(args, "out"), json_object_get(file, "data"), error));
    if (ctl_has(args, "bus"))
        PHI_GUARD(publish(ctl_get(args, "bus"), &record, arena, error));
    printf("version=%" PRIu64 " platforms=%zu\n", list.version, list.platform_count);
out:
    json_decref(file);
    return err;
}

static int run_fetch(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct ctl_answer answer = {.status = 0};
    uint64_t held = 0;
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_held(args, arena, &held));
    PHI_GUARD(ask(args, held, &answer, &error));
    if (answer.status == 304)
        printf("version=%" PRIu64 " unchanged\n", held);
    else
        PHI_GUARD(take(args, &answer, held, arena, &error));
out:
    ctl_answer_free(&answer);
    phi_arena_free(arena);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static void show_platform(const struct phi_trust_platform *platform)
{
    char from[PHI_RFC3339_MAX], to[PHI_RFC3339_MAX];
    printf("%s %s %s\n", platform->id,
           platform->status == PHI_TRUST_ACTIVE ? "active" : "suspended", platform->name);
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        phi_rfc3339_format(key->from_us, from);
        phi_rfc3339_format(key->to_us == INT64_MAX ? 0 : key->to_us, to);
        printf("  %-10s %s from %s to %s", phi_trust_use_name(key->use), key->serial,
               key->from_us == 0 ? "-" : from, key->to_us == INT64_MAX ? "-" : to);
        if (key->use == PHI_TRUST_CODE)
            printf(" set %d", key->key_set_id);
        printf("\n");
    }
    for (int service = 0; service < PHI_TRUST_SERVICE_COUNT; service++)
        for (size_t i = 0; i < platform->endpoint_counts[service]; i++)
            printf("  at %s\n", platform->endpoints[service][i].address);
}

static int read_and(const struct ctl_args *args, bool is_whole, int64_t age_max_s)
{
    struct phi_error error = {.code = PHI_OK};
    struct phi_trust_list list;
    char issued[PHI_RFC3339_MAX];
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    enum phi_err err =
        arena == NULL ? PHI_ERR_MEMORY : ctl_trust_list_read(args, arena, &list, &error);
    if (err == PHI_OK) {
        int64_t age_s = (phi_clock_now_us(NULL) - list.issued_us) / 1000000;
        phi_rfc3339_format(list.issued_us, issued);
        printf("version=%" PRIu64 " issued=%s age_s=%" PRId64 " platforms=%zu\n", list.version,
               issued, age_s, list.platform_count);
        for (size_t i = 0; is_whole && i < list.platform_count; i++)
            show_platform(&list.platforms[i]);
        if (age_s > age_max_s)
            err = phi_error_set(&error, PHI_ERR_STATE, "--trust-list", "older than --max-age");
    }
    phi_arena_free(arena);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int run_show(const struct ctl_args *args)
{
    return read_and(args, true, INT64_MAX);
}

static int run_verify(const struct ctl_args *args)
{
    int64_t age_max_s = 0;
    struct phi_error error = {.code = PHI_OK};
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "max-age")), 1, INT64_C(3153600000),
                        &age_max_s) != PHI_OK)
        return ctl_fail(
            phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--max-age", "not a number of seconds"),
            &error);
    return read_and(args, false, age_max_s);
}

static const struct ctl_option fetch_options[] = {
    {.name = "url",
     .value = "URL",
     .fallback = "http://127.0.0.1:8110",
     .text = "address of svc-platform"},
    {.name = "trust-key",
     .value = "PEM|HEX",
     .variable = "PHI_TRUST_PUBLIC_FILE",
     .is_required = true,
     .text = "the public key that the list must be signed by"},
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text = "the file to keep it in; an older list never takes a newer one's place"},
    {.name = "wait",
     .value = "S",
     .fallback = "0",
     .text = "seconds to wait for a newer list than the file's, 0..30"},
    {.name = "bus",
     .value = "HOST:PORT",
     .text = "publish it there on phi.registry too: for a province without the platform's bus"},
    {.name = "timeout", .value = "MS", .fallback = "40000", .text = "milliseconds, 1..600000"},
};

const struct ctl_command ctl_trust_fetch = {
    .group = "trust",
    .verb = "fetch",
    .about = "get the trust list, check it, keep it in a file",
    .options = fetch_options,
    .option_count = CTL_COUNT(fetch_options),
    .run = run_fetch,
    .example = "phictl trust fetch --url https://nation.example.cn --trust-key trust.pub "
               "--out trust-list.json --wait 30"};

static const struct ctl_option show_options[] = {CTL_TRUST_OPTIONS(true)};

const struct ctl_command ctl_trust_show = {.group = "trust",
                                           .verb = "show",
                                           .about = "show a checked trust list of a file",
                                           .options = show_options,
                                           .option_count = CTL_COUNT(show_options),
                                           .run = run_show};

static const struct ctl_option verify_options[] = {
    CTL_TRUST_OPTIONS(true),
    {.name = "max-age",
     .value = "S",
     .fallback = "2592000",
     .text = "how old it may be, in seconds from its issue"},
};

const struct ctl_command ctl_trust_verify = {
    .group = "trust",
    .verb = "verify",
    .about = "check a trust list of a file: signature, version, age",
    .options = verify_options,
    .option_count = CTL_COUNT(verify_options),
    .run = run_verify};
