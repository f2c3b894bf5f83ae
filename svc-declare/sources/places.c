/* The published list of area risks, affected communities and venues (GB/T 38961 B.2 e and i): an
 * institution's lines become versioned, signed records on reference.places. */
#include "svc-declare/sources/reference.h"
#include "forms/form.h"

#include "base/metrics.h"
#include "json/canonical.h"
#include "json/ndjson.h"

#include <string.h>

#define RIGHT     "places" /* among an app's sources */
#define STREAM    "reference.places"
#define BATCH_MAX 500
#define LINE_MAX  4096
#define ARENA_MAX (8 * 1024 * 1024)

static const char place_find[] =
    "SELECT institution, revision, content, version FROM places WHERE place_key = $1";

static const char place_keep[] =
    "INSERT INTO places (place_key, institution, record_no, revision, content, version, "
    "published_us) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (place_key) DO UPDATE SET "
    "record_no = excluded.record_no, revision = excluded.revision, content = excluded.content, "
    "version = excluded.version, published_us = excluded.published_us";

/* Lines on their way into one transaction. */
struct listing {
    struct phi_api_call *call;
    const char *institution;
    struct phi_arena *arena;
    struct phi_conn *tx;
    struct phi_error *error; /* of the request, not of a line */
};

enum outcome { OUTCOME_ACCEPTED, OUTCOME_DUPLICATE, OUTCOME_REJECTED };

struct verdict {
    enum outcome outcome;
    struct form_place place;
    struct phi_error error;
    int64_t last_version;
};

static void reject(struct verdict *verdict, enum phi_err code, const char *field,
                   const char *reason)
{
    verdict->outcome = OUTCOME_REJECTED;
    phi_error_set(&verdict->error, code, field, "%s", reason);
}

/* Against what is known of the same entry. */
static void compare(const struct listing *l, const struct phi_rows *rows, struct phi_view content,
                    struct verdict *verdict)
{
    int64_t revision = phi_rows_i64(rows, 0, 1);
    bool is_same = phi_view_equal(phi_view_text(phi_rows_text(rows, 0, 2)), content);
    verdict->last_version = phi_rows_i64(rows, 0, 3);
    if (strcmp(phi_rows_text(rows, 0, 0), l->institution) != 0)
        reject(verdict, PHI_ERR_CONFLICT, "$", "another institution publishes this entry");
    else if (verdict->place.revision == revision && is_same)
        verdict->outcome = OUTCOME_DUPLICATE;
    else if (verdict->place.revision == revision)
        reject(verdict, PHI_ERR_CONFLICT, "$.revision",
               "this revision came before with other content");
    else if (verdict->place.revision < revision)
        reject(verdict, PHI_ERR_CONFLICT, "$.revision", "a later revision is in force");
}

static enum phi_err publish(const struct listing *l, struct verdict *verdict,
                            struct phi_view content)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(l->call);
    const struct form_place *place = &verdict->place;
    int64_t now_us = phi_api_now_us(l->call);
    int64_t version = reference_version(verdict->last_version, now_us);
    char published[PHI_RFC3339_MAX];
    phi_rfc3339_format(now_us, published);
    json_t *value = json_pack("{s:s, s:s, s:I, s:s}", "institution", l->institution, "recordNo",
                              place->record_no, "revision", (json_int_t)place->revision,
                              "publishedAt", published);
    PHI_GUARD(phi_json_keep(l->arena, value));
    PHI_GUARD(json_object_update(value, place->content) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(
        reference_put(service, l->tx, STREAM, place->key, value, version, l->arena, l->error));
    const struct phi_param row[] = {
        PHI_TEXT(place->key),     PHI_TEXT(l->institution), PHI_TEXT(place->record_no),
        PHI_I64(place->revision), PHI_TEXT_VIEW(content),   PHI_I64(version),
        PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(l->tx, "place_keep", place_keep, row, 7, NULL, l->error));
out:
    return err;
}

static enum phi_err settle(const struct listing *l, struct verdict *verdict)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_view content;
    const struct phi_param key = PHI_TEXT(verdict->place.key);
    PHI_GUARD(phi_json_canonical(verdict->place.content, l->arena, &content));
    PHI_GUARD(phi_conn_exec(l->tx, "place_find", place_find, &key, 1, &rows, l->error));
    if (phi_rows_count(rows) > 0)
        compare(l, rows, content, verdict);
    if (verdict->outcome == OUTCOME_ACCEPTED)
        PHI_GUARD(publish(l, verdict, content));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err take_line(const struct listing *l, struct phi_view line,
                              struct verdict *verdict)
{
    enum phi_err err = PHI_OK;
    *verdict = (struct verdict){.outcome = OUTCOME_ACCEPTED};
    if (line.len > LINE_MAX) {
        reject(verdict, PHI_ERR_BODY_TOO_LARGE, "$", "too long");
        return PHI_OK;
    }
    err =
        form_place_read(line, phi_api_now_us(l->call), l->arena, &verdict->place, &verdict->error);
    if (err != PHI_OK && phi_err_http_status(err) < 500) {
        verdict->outcome = OUTCOME_REJECTED;
        return PHI_OK;
    }
    PHI_GUARD(err);
    PHI_GUARD(settle(l, verdict));
out:
    return err;
}

static json_t *verdict_json(const struct verdict *verdict, size_t number)
{
    static const char *const words[] = {"accepted", "duplicate", "rejected"};
    const char *word = words[verdict->outcome];
    if (verdict->outcome == OUTCOME_REJECTED)
        return json_pack("{s:I, s:s, s:s, s:s}", "line", (json_int_t)number, "result", word,
                         "field", verdict->error.place, "reason", verdict->error.text);
    return json_pack("{s:I, s:s, s:s}", "line", (json_int_t)number, "result", word, "place",
                     verdict->place.key);
}

/* One list at a time, so that what was found stays true until the commit. */
static enum phi_err begin(struct listing *l)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_begin(l->tx, l->error));
    PHI_GUARD(phi_conn_exec(l->tx, "places_lock",
                            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || "
                            "'.places', 0))",
                            NULL, 0, NULL, l->error));
out:
    return err;
}

static enum phi_err take_lines(struct listing *l, const struct phi_ndjson *lines, size_t first,
                               struct phi_writer *to)
{
    enum phi_err err = PHI_OK;
    size_t left = lines->count - first;
    size_t count = left < BATCH_MAX ? left : BATCH_MAX;
    struct phi_writer before = *to;
    PHI_GUARD(begin(l));
    for (size_t i = first; i < first + count; i++) {
        struct verdict verdict;
        PHI_GUARD(take_line(l, lines->items[i], &verdict));
        PHI_GUARD(phi_ndjson_tell(verdict_json(&verdict, i + 1), to));
    }
    PHI_GUARD(phi_conn_commit(l->tx, l->error));
out:
    if (err != PHI_OK)
        *to = before;
    return err;
}

/* A transaction of at most BATCH_MAX lines with an arena and a connection of its own. */
static enum phi_err take_batch(struct phi_api_call *call, const char *institution,
                               const struct phi_ndjson *lines, size_t first, struct phi_writer *to,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    struct listing l = {.call = call, .institution = institution, .error = error};
    if (phi_deadline_is_past(phi_api_deadline(call)))
        return phi_error_set(error, PHI_ERR_DEADLINE, "body", "%zu lines are kept, send all again",
                             first);
    l.arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(l.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_api_deadline(call), &l.tx));
    PHI_GUARD(take_lines(&l, lines, first, to));
    phi_relay_wake(phi_service_relay(service));
out:
    phi_store_release(l.tx);
    phi_arena_free(l.arena);
    return err;
}

enum phi_err declare_places(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_ndjson lines = {0};
    struct phi_writer to;
    const char *institution = NULL;
    PHI_GUARD(declare_institution(call, RIGHT, &institution, error));
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), phi_api_arena(call), &lines, error));
    PHI_GUARD(phi_ndjson_answer(lines.count, phi_api_arena(call), &to));
    for (size_t first = 0; first < lines.count; first += BATCH_MAX)
        PHI_GUARD(take_batch(call, institution, &lines, first, &to, error));
    phi_api_lines(call, phi_ndjson_told(&to));
out:
    return err;
}
