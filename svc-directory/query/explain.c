/* Why this grade, and my history: for the citizen's own eyes. The rules are asked again with the
 * entry's own time, fact by fact: what makes a rule hold alone stands behind it; where none does,
 * all facts do. */
#include "svc-directory/grading/judge.h"
#include "svc-directory/query/query.h"
#include "svc-directory/query/remote.h"

#include "crypto/random.h"

#include <string.h>

#define HISTORY_MAX   50
#define DECISIONS_MAX 50

struct explain {
    uint8_t subject[PHI_SUBJECT_LEN];
    bool has_as_of; /* what was known then */
    int64_t as_of_us;
    int64_t known_us; /* with has_as_of: when the grade of then became known */
    struct person_entry entry;
    struct phi_rows *facts;
    struct phi_rows *history;
    struct phi_rows *decisions;
    const struct phi_json_at *seen; /* the nation's word; NULL: none */
};

static enum phi_err read_facts(struct phi_conn *conn, struct explain *e, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_array *subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_array_add(subjects, PHI_BYTES_OF(e->subject, PHI_SUBJECT_LEN)));
    PHI_GUARD(grading_facts(conn, subjects, e->entry.updated_us,
                            e->has_as_of ? e->as_of_us : INT64_MAX, &e->facts, error));
out:
    phi_array_free(subjects);
    return err;
}

/* The period of history that was in force, in place of the entry. The clock's own periods are in
 * force from their beginning, as readers applied them, whenever they were written. */
static enum phi_err read_as_of(struct phi_api_call *call, struct phi_conn *conn, struct explain *e,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *reasons = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(e->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(e->as_of_us)};
    PHI_GUARD(phi_conn_exec(conn, "history_as_of",
                            "SELECT grade, reasons, from_us, known_us FROM history WHERE subject = "
                            "$1 AND from_us <= $2::bigint ORDER BY version DESC LIMIT 1",
                            params, 2, &rows, error));
    e->entry.is_there = phi_rows_count(rows) > 0;
    e->entry.grade = PHI_GRADE_GREY;
    e->entry.updated_us = e->as_of_us;
    e->entry.until_us = INT64_MAX;
    e->entry.reasons = NULL;
    if (!e->entry.is_there)
        goto out;
    PHI_GUARD(reasons_decode(directory_of(call)->reasons, phi_rows_bytes(rows, 0, 1), &reasons));
    PHI_GUARD(phi_json_keep(phi_api_arena(call), reasons));
    e->entry.reasons = reasons;
    e->entry.grade = (enum phi_grade)phi_rows_i64(rows, 0, 0);
    e->entry.from_us = phi_rows_i64(rows, 0, 2);
    e->known_us = phi_rows_i64(rows, 0, 3);
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err parse(struct phi_api_call *call, struct explain *out, struct phi_error *error)
{
    const char *text = phi_http_query(phi_api_request(call), "asOf");
    if (text == NULL)
        return PHI_OK;
    out->has_as_of = true;
    if (phi_rfc3339_parse(phi_view_text(text), &out->as_of_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "asOf", "no time of RFC 3339");
    if (out->as_of_us > phi_api_now_us(call))
        return phi_error_set(error, PHI_ERR_RULE, "asOf", "a time to come");
    return PHI_OK;
}

static enum phi_err look_up(struct phi_api_call *call, struct explain *e, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(e->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(HISTORY_MAX)};
    const struct phi_param decisions[] = {params[0], PHI_I64(DECISIONS_MAX)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(person_entry_read(directory_of(call), conn, e->subject, phi_api_arena(call),
                                &e->entry, error));
    if (e->has_as_of)
        PHI_GUARD(read_as_of(call, conn, e, error));
    PHI_GUARD(read_facts(conn, e, error));
    PHI_GUARD(phi_conn_exec(conn, "history_of",
                            "SELECT grade, reasons, from_us, lag(from_us) OVER (ORDER BY version "
                            "DESC), known_us FROM history WHERE subject = $1 ORDER BY version DESC "
                            "LIMIT $2::bigint",
                            params, 2, &e->history, error));
    PHI_GUARD(phi_conn_exec(
        conn, "decisions_of",
        "SELECT source, institution, record_no, case_id, action, decided_us FROM retractions "
        "WHERE subject = $1 ORDER BY decision_version DESC LIMIT $2::bigint",
        decisions, 2, &e->decisions, error));
out:
    phi_store_release(conn);
    return err;
}

static json_t *fact_of(const char *region, const struct phi_rows *rows, size_t i)
{
    char observed[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, GRADING_OBSERVED), observed);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "region", region, "source",
                     phi_rows_text(rows, i, GRADING_SOURCE), "institution",
                     phi_rows_text(rows, i, GRADING_INSTITUTION), "recordNo",
                     phi_rows_text(rows, i, GRADING_RECORD_NO), "revision",
                     (json_int_t)phi_rows_i64(rows, i, GRADING_REVISION), "observedAt", observed);
}

#define PERSON_MAX (64 * 1024 * 1024)

/* Whether the rule holds of this fact alone. */
static enum phi_err is_behind(const struct explain *e, const struct rule *rule, size_t i, bool *out)
{
    enum phi_err err = PHI_OK;
    struct rules_input *input = NULL;
    struct phi_arena *arena = phi_arena_new(PERSON_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(input_of_rows(e->facts, i, i + 1, e->entry.updated_us, arena, &input));
    *out = rules_holds(rule, input, e->entry.updated_us);
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err add_facts(const char *region, const struct explain *e, const struct rule *rule,
                              bool only_alone, json_t *facts)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < phi_rows_count(e->facts); i++) {
        bool is_wanted = grading_counts(e->facts, i);
        if (only_alone && is_wanted)
            PHI_GUARD(is_behind(e, rule, i, &is_wanted));
        if (is_wanted)
            PHI_GUARD(json_array_append_new(facts, fact_of(region, e->facts, i)) == 0
                          ? PHI_OK
                          : PHI_ERR_MEMORY);
    }
out:
    return err;
}

/* The rules that gave the entry; where they are not loaded any more, those in force hold the rule
 * too, or the entry would be another. */
static const struct rules *rules_of(const struct directory *directory, const struct explain *e,
                                    const char *id)
{
    const struct rules *then = rules_book_at(directory->book, e->entry.updated_us);
    const struct rules *now =
        rules_book_at(directory->book, phi_clock_now_us(phi_service_clock(directory->service)));
    return id == NULL || rules_find(then, id) != NULL ? then : now;
}

/* A rule that is gone from the file since still stands by its id; its words and facts then can't be
 * told. */
static enum phi_err reason_of(const struct directory *directory, const struct explain *e,
                              const json_t *kept, json_t *reasons)
{
    enum phi_err err = PHI_OK;
    const char *id = json_string_value(json_object_get(kept, "rule"));
    const char *word = json_string_value(json_object_get(kept, "reason"));
    const char *region = phi_service_region(directory->service);
    const struct rules *rules = rules_of(directory, e, id);
    const struct rule *rule = id == NULL ? NULL : rules_find(rules, id);
    const char *zh = NULL, *en = NULL;
    bool is_error = word != NULL && strcmp(word, RULES_REASON_ERROR) == 0;
    json_t *facts = json_array();
    judge_words(rules, word == NULL ? "" : word, id == NULL ? "" : id, &zh, &en);
    if (rule != NULL && !is_error) {
        PHI_GUARD(add_facts(region, e, rule, true, facts));
        if (json_array_size(facts) == 0)
            PHI_GUARD(add_facts(region, e, rule, false, facts));
    }
    json_t *reason =
        json_pack("{s:O, s:O, s:O, s:s, s:s, s:O}", "reason", json_object_get(kept, "reason"),
                  "rule", json_object_get(kept, "rule"), "version",
                  json_object_get(kept, "version"), "zh", zh, "en", en, "facts", facts);
    PHI_GUARD(json_array_append_new(reasons, reason) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    json_decref(facts);
    return err;
}

static enum phi_err add_reasons(struct phi_api_call *call, const struct explain *e, json_t *data)
{
    enum phi_err err = PHI_OK;
    json_t *reasons = json_array();
    PHI_GUARD(json_object_set_new(data, "reasons", reasons) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    for (size_t i = 0; i < json_array_size(e->entry.reasons); i++)
        PHI_GUARD(reason_of(directory_of(call), e, json_array_get(e->entry.reasons, i), reasons));
out:
    return err;
}

static enum phi_err add_period(const struct directory *directory, const struct phi_rows *rows,
                               size_t i, json_t *history)
{
    enum phi_err err = PHI_OK;
    char from[PHI_RFC3339_MAX], to[PHI_RFC3339_MAX];
    json_t *kept = NULL;
    PHI_GUARD(reasons_decode(directory->reasons, phi_rows_bytes(rows, i, 1), &kept));
    phi_rfc3339_format(phi_rows_i64(rows, i, 2), from);
    json_t *period = json_pack("{s:s, s:o, s:s}", "grade",
                               phi_grade_code((enum phi_grade)phi_rows_i64(rows, i, 0)), "reasons",
                               person_reason_words(kept), "from", from);
    PHI_GUARD(json_array_append_new(history, period) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    if (phi_rows_is_null(rows, i, 3))
        goto out;
    phi_rfc3339_format(phi_rows_i64(rows, i, 3), to);
    json_object_set_new(period, "to", json_string(to));
out:
    json_decref(kept);
    return err;
}

static enum phi_err add_history(const struct directory *directory, const struct explain *e,
                                json_t *data)
{
    enum phi_err err = PHI_OK;
    json_t *history = json_array();
    PHI_GUARD(json_object_set_new(data, "history", history) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    for (size_t i = 0; i < phi_rows_count(e->history); i++)
        PHI_GUARD(add_period(directory, e->history, i, history));
out:
    return err;
}

static const char *action_words(const char *action)
{
    static const char *const words[][2] = {
        {"retract", "retracted"}, {"stand", "stands"}, {"amend", "amended"}, {"add", "added"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i][0], action) == 0)
            return words[i][1];
    return "";
}

/* Whose decisions changed what counts. */
static enum phi_err add_decisions(const struct explain *e, json_t *data)
{
    enum phi_err err = PHI_OK;
    const struct phi_rows *rows = e->decisions;
    json_t *list = json_array();
    PHI_GUARD(json_object_set_new(data, "decisions", list) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        char decided[PHI_RFC3339_MAX];
        phi_rfc3339_format(phi_rows_i64(rows, i, 5), decided);
        json_t *decision =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "source", phi_rows_text(rows, i, 0),
                      "institution", phi_rows_text(rows, i, 1), "recordNo",
                      phi_rows_text(rows, i, 2), "caseId", phi_rows_text(rows, i, 3), "decision",
                      action_words(phi_rows_text(rows, i, 4)), "decidedAt", decided);
        PHI_GUARD(json_array_append_new(list, decision) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
out:
    return err;
}

/* How far the entry has got: written here, taken by the bus, held by the nation. */
static enum phi_err add_nation(const struct explain *e, json_t *data)
{
    char version[24], published[24];
    snprintf(version, sizeof(version), "%lld", (long long)e->entry.version);
    snprintf(published, sizeof(published), "%lld", (long long)e->entry.published_version);
    json_t *nation = json_pack("{s:s, s:s}", "version", version, "publishedVersion", published);
    json_t *seen = e->seen == NULL ? NULL : json_object_get(e->seen->value, "version");
    if (json_object_set_new(data, "nation", nation) != 0)
        return PHI_ERR_MEMORY;
    return json_object_set(nation, "seenVersion", seen == NULL ? json_null() : seen) == 0
               ? PHI_OK
               : PHI_ERR_MEMORY;
}

static enum phi_err tell(struct phi_api_call *call, const struct explain *e)
{
    enum phi_err err = PHI_OK;
    char since[PHI_RFC3339_MAX];
    json_t *data = json_pack("{s:o}", "grade", person_grade_json(e->entry.grade));
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (e->entry.is_there) {
        phi_rfc3339_format(e->entry.from_us, since);
        json_object_set_new(data, "since", json_string(since));
    }
    if (e->entry.is_there && e->entry.until_us != INT64_MAX) {
        char until[PHI_RFC3339_MAX];
        phi_rfc3339_format(e->entry.until_us, until);
        json_object_set_new(data, "until", json_string(until));
        json_object_set_new(data, "then", person_grade_json(e->entry.then));
    }
    if (e->entry.is_there && e->has_as_of) {
        phi_rfc3339_format(e->known_us, since);
        json_object_set_new(data, "knownAt", json_string(since));
    }
    PHI_GUARD(add_reasons(call, e, data));
    PHI_GUARD(add_history(directory_of(call), e, data));
    PHI_GUARD(add_decisions(e, data));
    PHI_GUARD(add_nation(e, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

/* What it holds of this person; nobody else's eyes see more by that than what we told it. */
static struct remote *ask_nation(struct phi_api_call *call, const struct explain *e)
{
    struct phi_query_request request = {.operation = PHI_QUERY_SEEN};
    memcpy(request.subject, e->subject, sizeof(request.subject));
    if (phi_random_bytes(request.request_id, sizeof(request.request_id)) != PHI_OK)
        return NULL;
    return remote_ask(call, directory_of(call)->platform, &request);
}

enum phi_err directory_explain(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct explain e = {0};
    PHI_GUARD(parse(call, &e, error));
    PHI_GUARD(directory_subject(call, e.subject));
    struct remote *nation = ask_nation(call, &e);
    err = look_up(call, &e, error);
    e.seen = remote_finish(nation, phi_api_arena(call));
    PHI_GUARD(err);
    PHI_GUARD(tell(call, &e));
out:
    phi_rows_free(e.facts);
    phi_rows_free(e.history);
    phi_rows_free(e.decisions);
    return err;
}
