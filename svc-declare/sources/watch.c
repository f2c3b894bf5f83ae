#include "svc-declare/sources/watch.h"

#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "bus/event_row.h"
#include "crypto/sm3.h"
#include "json/canonical.h"
#include "svc-declare/sources/reference.h"
#include "svc-declare/sources/retraction.h"
#include "svc-declare/sources/rhythm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_MS      1000
#define ACQUIRE_MS    2000
#define BATCHES_MAX   20
#define ARENA_MAX     (4 * 1024 * 1024)
#define FILE_MAX      (512 * 1024)
#define STREAM        "reference.sources"
#define AUDIT_KEY_LEN 16
#define LABELS_MAX    160

struct watch {
    struct phi_service *service;
    struct phi_arena *arena; /* the rhythms' */
    struct rhythms rhythms;
    struct phi_gauge **silent; /* one each */
    struct phi_queue *stop;
    pthread_t thread;
    bool is_running;
};

/* One look: what is known of a rhythm in the tables. */
struct known {
    bool is_there;
    struct rhythm_state told;
    int64_t every_us;
    int64_t since_us;
    int64_t version;
    bool is_ended;
};

struct look {
    struct watch *watch;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int64_t now_us;
    bool has_news;
    struct phi_error *error;
};

static enum phi_err read_rhythms(struct watch *watch, struct phi_error *error)
{
    const char *path = phi_config_text(phi_service_config(watch->service), "PHI_RHYTHMS_FILE");
    struct phi_error inner = {0};
    struct phi_view bytes = {0};
    if (path == NULL || path[0] == '\0')
        return PHI_OK;
    if (phi_file_read(path, FILE_MAX, watch->arena, &bytes) != PHI_OK)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_RHYTHMS_FILE", "can't be read");
    if (rhythms_read(bytes, watch->arena, &watch->rhythms, &inner) != PHI_OK)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_RHYTHMS_FILE", "%s: %s", inner.place,
                             inner.text);
    return PHI_OK;
}

static enum phi_err make_gauges(struct watch *watch)
{
    watch->silent = calloc(watch->rhythms.count + 1, sizeof(struct phi_gauge *));
    if (watch->silent == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < watch->rhythms.count; i++) {
        char labels[LABELS_MAX];
        const struct rhythm *rhythm = &watch->rhythms.items[i];
        snprintf(labels, sizeof(labels), "source=\"%s\",institution=\"%s\"", rhythm->source,
                 rhythm->institution);
        watch->silent[i] =
            phi_gauge_new("phi_source_silent", "1: the source is past its rhythm, by institution",
                          phi_arena_text(watch->arena, phi_view_text(labels)));
    }
    return PHI_OK;
}

enum phi_err watch_open(struct phi_service *service, struct watch **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return PHI_ERR_MEMORY;
    watch->service = service;
    watch->arena = phi_arena_new(ARENA_MAX);
    watch->stop = phi_queue_new(1);
    PHI_GUARD(watch->arena == NULL || watch->stop == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_rhythms(watch, error));
    PHI_GUARD(make_gauges(watch));
    *out = watch;
    watch = NULL;
out:
    watch_close(watch);
    return err;
}

/* --- one look --- */

static enum phi_err find_known(struct look *look, const struct rhythm *rhythm, struct known *out,
                               int64_t *heard_us)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(rhythm->source), PHI_TEXT(rhythm->institution)};
    PHI_GUARD(phi_conn_exec(look->tx, "rhythm_known",
                            "SELECT m.accepted_us, r.every_us, r.since_us, r.last_us, "
                            "r.fresh_until_us, r.state, r.version FROM (SELECT $1::text AS s, "
                            "$2::text AS i) w LEFT JOIN source_marks m ON m.source = w.s AND "
                            "m.institution = w.i LEFT JOIN rhythms r ON r.source = w.s AND "
                            "r.institution = w.i",
                            params, 2, &rows, look->error));
    *heard_us = phi_rows_i64(rows, 0, 0);
    *out = (struct known){.is_there = !phi_rows_is_null(rows, 0, 1)};
    if (out->is_there) {
        const char *state = phi_rows_text(rows, 0, 5);
        out->every_us = phi_rows_i64(rows, 0, 1);
        out->since_us = phi_rows_i64(rows, 0, 2);
        out->told = (struct rhythm_state){phi_rows_i64(rows, 0, 3), phi_rows_i64(rows, 0, 4),
                                          strcmp(state, "silent") == 0};
        out->is_ended = strcmp(state, "ended") == 0;
        out->version = phi_rows_i64(rows, 0, 6);
    }
out:
    phi_rows_free(rows);
    return err;
}

static json_t *time_json(int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    if (time_us == 0)
        return json_null();
    phi_rfc3339_format(time_us, text);
    return json_string(text);
}

/* The row, and the record that says the same. */
static enum phi_err tell(struct look *look, const struct rhythm *rhythm,
                         const struct rhythm_state *now, int64_t since_us, const char *state,
                         int64_t last_version)
{
    enum phi_err err = PHI_OK;
    int64_t version = reference_version(last_version, look->now_us);
    const char *key = phi_arena_printf(look->arena, "%s/%s", rhythm->source, rhythm->institution);
    json_t *value =
        json_pack("{s:s, s:s, s:I, s:o, s:o, s:s, s:o}", "source", rhythm->source, "institution",
                  rhythm->institution, "everySeconds", (json_int_t)(rhythm->every_us / 1000000),
                  "lastAt", time_json(now->last_us), "freshUntil", time_json(now->fresh_until_us),
                  "state", state, "updatedAt", time_json(look->now_us));
    const struct phi_param row[] = {PHI_TEXT(rhythm->source),  PHI_TEXT(rhythm->institution),
                                    PHI_I64(rhythm->every_us), PHI_I64(since_us),
                                    PHI_I64(now->last_us),     PHI_I64(now->fresh_until_us),
                                    PHI_TEXT(state),           PHI_I64(version),
                                    PHI_I64(look->now_us)};
    PHI_GUARD(phi_json_keep(look->arena, value));
    PHI_GUARD(key == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_exec(
        look->tx, "rhythm_tell",
        "INSERT INTO rhythms (source, institution, every_us, since_us, last_us, fresh_until_us, "
        "state, version, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT "
        "(source, institution) DO UPDATE SET every_us = $3, since_us = $4, last_us = $5, "
        "fresh_until_us = $6, state = $7, version = $8, updated_us = $9",
        row, 9, NULL, look->error));
    PHI_GUARD(reference_put(look->watch->service, look->tx, STREAM, key, value, version,
                            look->arena, look->error));
    look->has_news = true;
out:
    return err;
}

/* For people who watch, not for machines: those read reference.sources. */
static enum phi_err alarm(struct look *look, const struct rhythm *rhythm,
                          const struct rhythm_state *now)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = look->watch->service;
    uint8_t key[PHI_SM3_LEN];
    const char *step = now->is_silent ? "silent" : "heard";
    const char *name = phi_arena_printf(look->arena, "%s/%s", rhythm->source, rhythm->institution);
    phi_log(now->is_silent ? PHI_LOG_ERROR : PHI_LOG_INFO,
            now->is_silent ? "source_silent" : "source_heard_again",
            PHI_L_WORD("source", rhythm->source), PHI_L_WORD("institution", rhythm->institution));
    json_t *data = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "source", rhythm->source,
                             "institution", rhythm->institution, "step", step, "everySeconds",
                             (json_int_t)(rhythm->every_us / 1000000), "lastAt",
                             time_json(now->last_us), "at", time_json(look->now_us));
    struct phi_event event = {.topic = phi_service_topic(service, "audit"),
                              .type = "cn.phi.audit.source",
                              .source = phi_service_source(service),
                              .time_us = look->now_us,
                              .key = phi_view_of(key, AUDIT_KEY_LEN)};
    PHI_GUARD(phi_json_keep(look->arena, data));
    PHI_GUARD(name == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(data, look->arena, &event.value));
    PHI_GUARD(phi_sm3(phi_view_text(name), key));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_put(look->tx, &event, look->error));
out:
    return err;
}

static enum phi_err look_at(struct look *look, size_t i)
{
    enum phi_err err = PHI_OK;
    const struct rhythm *rhythm = &look->watch->rhythms.items[i];
    struct known known;
    int64_t heard_us = 0;
    PHI_GUARD(find_known(look, rhythm, &known, &heard_us));
    bool is_new = !known.is_there || known.is_ended;
    int64_t since_us = is_new ? look->now_us : known.since_us;
    struct rhythm_state now = rhythm_judge(rhythm, heard_us, since_us, look->now_us);
    phi_gauge_set(look->watch->silent[i], now.is_silent);
    if (!is_new && now.is_silent != known.told.is_silent)
        PHI_GUARD(alarm(look, rhythm, &now));
    if (is_new || known.every_us != rhythm->every_us ||
        rhythm_is_news(&known.told, &now, rhythm->every_us))
        PHI_GUARD(
            tell(look, rhythm, &now, since_us, now.is_silent ? "silent" : "heard", known.version));
out:
    return err;
}

static bool is_expected(const struct watch *watch, const char *source, const char *institution)
{
    for (size_t i = 0; i < watch->rhythms.count; i++)
        if (strcmp(watch->rhythms.items[i].source, source) == 0 &&
            strcmp(watch->rhythms.items[i].institution, institution) == 0)
            return true;
    return false;
}

/* What is told of and expected no more. */
static enum phi_err end_others(struct look *look)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(look->tx, "rhythms_told",
                            "SELECT source, institution, every_us, since_us, last_us, "
                            "fresh_until_us, version FROM rhythms WHERE state <> 'ended'",
                            NULL, 0, &rows, look->error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        const struct rhythm one = {phi_rows_text(rows, i, 0), phi_rows_text(rows, i, 1),
                                   phi_rows_i64(rows, i, 2)};
        const struct rhythm_state last = {phi_rows_i64(rows, i, 4), phi_rows_i64(rows, i, 5),
                                          false};
        if (!is_expected(look->watch, one.source, one.institution))
            PHI_GUARD(tell(look, &one, &last, phi_rows_i64(rows, i, 3), "ended",
                           phi_rows_i64(rows, i, 6)));
    }
out:
    phi_rows_free(rows);
    return err;
}

/* False: another replica looks. */
static enum phi_err take_turn(struct look *look, bool *is_ours)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(look->tx, "rhythms_turn",
                            "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() "
                            "|| '.rhythms', 0))",
                            NULL, 0, &rows, look->error));
    *is_ours = phi_rows_bool(rows, 0, 0);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err look_all(struct look *look)
{
    enum phi_err err = PHI_OK;
    bool is_ours = false;
    PHI_GUARD(phi_conn_begin(look->tx, look->error));
    PHI_GUARD(take_turn(look, &is_ours));
    if (!is_ours)
        goto out;
    for (size_t i = 0; i < look->watch->rhythms.count; i++)
        PHI_GUARD(look_at(look, i));
    PHI_GUARD(end_others(look));
    PHI_GUARD(phi_conn_commit(look->tx, look->error));
    if (look->has_news)
        phi_relay_wake(phi_service_relay(look->watch->service));
out:
    return err;
}

static enum phi_err look_once(struct watch *watch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct look look = {.watch = watch,
                        .now_us = phi_clock_now_us(phi_service_clock(watch->service)),
                        .error = error};
    look.arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(look.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(watch->service), phi_deadline_in_ms(ACQUIRE_MS),
                                &look.tx));
    PHI_GUARD(look_all(&look));
out:
    phi_store_release(look.tx);
    phi_arena_free(look.arena);
    return err;
}

/* What officers approved goes out here too, a bounded number of batches between two looks. */
static enum phi_err tell_retractions(struct watch *watch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool is_done = false;
    for (size_t i = 0; i < BATCHES_MAX && !is_done && !phi_queue_is_closed(watch->stop); i++)
        PHI_GUARD(retraction_work(watch->service, &is_done, error));
out:
    return err;
}

/* A database that is away is said by others; the next look sees what was missed. */
static void *run(void *context)
{
    struct watch *watch = context;
    void *nothing[1];
    while (!phi_queue_is_closed(watch->stop)) {
        struct phi_error error = {0};
        if (look_once(watch, &error) != PHI_OK)
            phi_log(PHI_LOG_DEBUG, "watch_waits", PHI_L_DETAIL(&error));
        if (tell_retractions(watch, &error) != PHI_OK)
            phi_log(PHI_LOG_DEBUG, "retraction_waits", PHI_L_DETAIL(&error));
        (void)phi_queue_pop(watch->stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
    }
    return NULL;
}

enum phi_err watch_start(struct watch *watch)
{
    if (pthread_create(&watch->thread, NULL, run, watch) != 0)
        return PHI_ERR_MEMORY;
    watch->is_running = true;
    return PHI_OK;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    if (watch->stop != NULL)
        phi_queue_close(watch->stop);
    if (watch->is_running)
        pthread_join(watch->thread, NULL);
    phi_queue_free(watch->stop);
    phi_arena_free(watch->arena);
    free(watch->silent);
    free(watch);
}
