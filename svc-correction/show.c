/* Cases as the citizen (their own) and officers (their sources) see them. */
#include "svc-correction/anchor/anchor.h"
#include "svc-correction/attachments/attach.h"
#include "svc-correction/entry/filer.h"
#include "svc-correction/looks/looks.h"
#include "svc-correction/matters/subjects.h"
#include "svc-correction/texts.h"

#include "base/mutant.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX     100
#define LIMIT_DEFAULT 20

#define CASE_COLUMNS                                                                               \
    "case_id, region, source, institution, record_no, state, opened_us, decided_us, subject, "     \
    "outcome, due_us, level, COALESCE((SELECT f.role FROM filers f WHERE f.case_id = "             \
    "cases.case_id AND f.at_us = cases.opened_us LIMIT 1), 'self'), matter_kind, state = "         \
    "'decided' AND awaits_version = decision_version AND awaits_version > 0"
enum {
    AT_ID,
    AT_REGION,
    AT_SOURCE,
    AT_INSTITUTION,
    AT_RECORD_NO,
    AT_STATE,
    AT_OPENED,
    AT_DECIDED,
    AT_SUBJECT,
    AT_OUTCOME,
    AT_DUE,
    AT_LEVEL,
    AT_FILED_AS,
    AT_MATTER_KIND,
    AT_AWAITS,
    AT_STATEMENT /* of one case only */
};

enum phi_err case_id_of(struct phi_api_call *call, uint8_t out[CASE_LEN], struct phi_error *error)
{
    const char *id = phi_http_param(phi_api_request(call), "id");
    if (phi_hex_decode(phi_view_text(id), out, CASE_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such case");
    return PHI_OK;
}

static void add_time(json_t *to, const char *name, int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    if (at_us == 0 || at_us == INT64_MAX)
        return;
    phi_rfc3339_format(at_us, text);
    json_object_set_new(to, name, json_string(text));
}

static json_t *case_of(const struct phi_rows *rows, size_t i)
{
    char id[2 * CASE_LEN + 1];
    enum step_state state = STATE_RECEIVED;
    enum matter_kind kind = MATTER_FACT;
    phi_hex_encode(phi_rows_bytes(rows, i, AT_ID), id);
    (void)step_state_of(phi_view_text(phi_rows_text(rows, i, AT_STATE)), &state);
    (void)matter_of(phi_view_text(phi_rows_text(rows, i, AT_MATTER_KIND)), &kind);
    const struct case_fact fact = {.region = phi_rows_text(rows, i, AT_REGION),
                                   .source = phi_rows_text(rows, i, AT_SOURCE),
                                   .institution = phi_rows_text(rows, i, AT_INSTITUTION),
                                   .record_no = phi_rows_text(rows, i, AT_RECORD_NO)};
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "caseId", id, "state", step_state_name(state),
                  "stateZh", step_state_zh(state), "outcome", phi_rows_text(rows, i, AT_OUTCOME),
                  "escalations", (json_int_t)phi_rows_i64(rows, i, AT_LEVEL), "filedAs",
                  phi_rows_text(rows, i, AT_FILED_AS));
    json_t *about = subject_show(kind, &fact);
    bool is_whole = one != NULL && about != NULL && json_object_update(one, about) == 0;
    json_decref(about);
    if (!is_whole) {
        json_decref(one);
        return NULL;
    }
    if (phi_rows_bool(rows, i, AT_AWAITS))
        json_object_set_new(one, "waitsFor", json_string("record"));
    add_time(one, "openedAt", phi_rows_i64(rows, i, AT_OPENED));
    add_time(one, "decidedAt", phi_rows_i64(rows, i, AT_DECIDED));
    add_time(one, "dueAt", phi_rows_i64(rows, i, AT_DUE));
    return one;
}

struct list_query {
    int64_t limit;
    int64_t before_us;
    const char *state;
};

static enum phi_err parse(struct phi_api_call *call, struct list_query *out,
                          struct phi_error *error)
{
    struct phi_http_request *request = phi_api_request(call);
    const char *limit = phi_http_query(request, "limit");
    const char *before = phi_http_query(request, "before");
    out->state = phi_http_query(request, "state");
    out->limit = LIMIT_DEFAULT;
    out->before_us = INT64_MAX;
    if (limit != NULL && phi_text_to_i64(phi_view_text(limit), 1, LIMIT_MAX, &out->limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    if (before != NULL && phi_rfc3339_parse(phi_view_text(before), &out->before_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "before", "not a date-time");
    if (out->state != NULL && !phi_text_is_word(phi_view_text(out->state), CASE_WORD_MAX))
        return phi_error_set(error, PHI_ERR_QUERY, "state", "not a state");
    return PHI_OK;
}

static enum phi_err select_own(struct phi_api_call *call, struct phi_conn *conn,
                               const struct list_query *query, struct phi_rows **rows,
                               struct phi_error *error)
{
    uint8_t subject[PHI_SUBJECT_LEN];
    enum phi_err err = correction_subject(call, subject);
    if (err != PHI_OK)
        return err;
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN),
                                       PHI_I64(query->before_us), PHI_TEXT(query->state),
                                       PHI_I64(query->limit), PHI_I64(phi_api_now_us(call))};
    return phi_conn_exec(conn, "cases_own",
                         "SELECT " CASE_COLUMNS
                         " FROM cases WHERE case_id IN (SELECT c.case_id FROM cases c WHERE "
                         "c.subject = $1 UNION SELECT f.case_id FROM filers f WHERE f.filer = $1 "
                         "AND f.until_us > $5) AND opened_us < $2 AND ($3::text IS NULL OR state = "
                         "$3) ORDER BY opened_us DESC LIMIT $4",
                         params, 5, rows, error);
}

static enum phi_err add_words(struct phi_array *array, const struct phi_words *words,
                              const char *prefix, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < words->count && err == PHI_OK; i++)
        err = phi_array_add(array,
                            PHI_TEXT(phi_arena_printf(arena, "%s%s", prefix, words->items[i])));
    return err;
}

/* One statement for each, so that each has the plan of its index. */
#define OFFICERS_SQL(state)                                                                        \
    "SELECT " CASE_COLUMNS " FROM cases WHERE region = ANY($1::text[]) AND source = "              \
    "ANY($2::text[]) AND opened_us < $3" state " ORDER BY opened_us DESC LIMIT $4"

static enum phi_err select_officers(struct phi_api_call *call, struct phi_conn *conn,
                                    const struct list_query *query, struct phi_rows **rows,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    struct phi_array *regions = phi_array_new(PHI_COLUMN_TEXT);
    struct phi_array *sources = phi_array_new(PHI_COLUMN_TEXT);
    PHI_GUARD(regions == NULL || sources == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(add_words(regions, &staff->regions, "", phi_api_arena(call)));
    PHI_GUARD(add_words(sources, &staff->sources, "", phi_api_arena(call)));
    PHI_GUARD(add_words(sources, &staff->sources, "source.", phi_api_arena(call)));
    const struct phi_param params[] = {PHI_ARRAY(regions), PHI_ARRAY(sources),
                                       PHI_I64(query->before_us), PHI_I64(query->limit),
                                       PHI_TEXT(query->state)};
    bool has_state = query->state != NULL;
    PHI_GUARD(phi_conn_exec(conn, has_state ? "cases_of_state" : "cases_of_sources",
                            has_state ? OFFICERS_SQL(" AND state = $5") : OFFICERS_SQL(""), params,
                            has_state ? 5 : 4, rows, error));
out:
    phi_array_free(regions);
    phi_array_free(sources);
    return err;
}

enum phi_err case_list(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct list_query query;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_identity *who = phi_api_who(call);
    PHI_GUARD(parse(call, &query, error));
    if (who->is_staff && !phi_words_has(&who->staff->roles, "decide"))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "no officer for disputes");
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(who->is_staff ? select_officers(call, conn, &query, &rows, error)
                            : select_own(call, conn, &query, &rows, error));
    json_t *cases = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(cases, case_of(rows, i));
    phi_api_data(call, json_pack("{s:o}", "cases", cases));
    PHI_GUARD(looks_add(call, rows, AT_ID, LOOK_LIST));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* A stranger's case is not there for them: who may not see it can't tell it from none. */
static enum phi_err find_may_see(struct phi_api_call *call, struct phi_conn *conn,
                                 const struct phi_rows *rows, bool *may, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_identity *who = phi_api_who(call);
    uint8_t subject[PHI_SUBJECT_LEN];
    const char *role = NULL;
    *may =
        phi_rows_count(rows) > 0 && who->is_staff &&
        case_is_officers(who, phi_rows_text(rows, 0, AT_REGION), phi_rows_text(rows, 0, AT_SOURCE));
    if (phi_rows_count(rows) == 0 || who->is_staff)
        return PHI_OK;
    PHI_GUARD(correction_subject(call, subject));
    PHI_GUARD(filer_find(conn, phi_rows_bytes(rows, 0, AT_ID).data, subject, phi_api_now_us(call),
                         &role, error));
    *may = role != NULL || phi_view_equal(phi_rows_bytes(rows, 0, AT_SUBJECT),
                                          phi_view_of(subject, PHI_SUBJECT_LEN));
out:
    return err;
}

enum {
    STEP_SEQ,
    STEP_AT,
    STEP_STEP,
    STEP_STATE,
    STEP_OUTCOME,
    STEP_REASON,
    STEP_UNIT,
    STEP_ACTOR,
    STEP_NOTE,
    STEP_NOTE_DIGEST,
    STEP_SALT,
    STEP_DIGEST,
    STEP_HEAD,
    STEP_CONTENT,
    STEP_CONTENT_DIGEST
};

/* What the step's digest was made of, beside what is told, and the chain after it; NULL for a step
 * of before. */
static json_t *link_of(const struct phi_rows *steps, size_t i)
{
    char texts[6][2 * PHI_SM3_LEN + 1] = {{0}};
    static const int columns[] = {STEP_ACTOR,  STEP_NOTE_DIGEST, STEP_SALT,
                                  STEP_DIGEST, STEP_HEAD,        STEP_CONTENT_DIGEST};
    if (phi_rows_is_null(steps, i, STEP_DIGEST))
        return json_null();
    for (size_t j = 0; j < 6; j++)
        phi_hex_encode(phi_rows_bytes(steps, i, (size_t)columns[j]), texts[j]);
    bool has_content = !phi_rows_is_null(steps, i, STEP_CONTENT_DIGEST);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*}", "actor", texts[0], "noteDigest", texts[1],
                     "salt", texts[2], "digest", texts[3], "head", texts[4], "contentDigest",
                     has_content ? texts[5] : NULL);
}

/* What was proposed; NULL: nothing, or it is gone. */
static json_t *content_of(struct phi_api_call *call, const struct phi_rows *steps, size_t i,
                          const struct phi_person_key *key)
{
    const char *text = case_open(call, key, CASE_CONTENT, phi_rows_bytes(steps, i, STEP_CONTENT));
    return text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
}

static json_t *step_of(struct phi_api_call *call, const struct phi_rows *steps, size_t i,
                       const struct phi_person_key *key)
{
    char at[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(steps, i, STEP_AT), at);
    return json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:o, s:o*}", "seq",
        (json_int_t)phi_rows_i64(steps, i, STEP_SEQ), "at", at, "step",
        phi_rows_text(steps, i, STEP_STEP), "state", phi_rows_text(steps, i, STEP_STATE), "outcome",
        phi_rows_text(steps, i, STEP_OUTCOME), "reason", phi_rows_text(steps, i, STEP_REASON),
        "unit", phi_rows_text(steps, i, STEP_UNIT), "note",
        case_open(call, key, CASE_NOTE, phi_rows_bytes(steps, i, STEP_NOTE)), "link",
        link_of(steps, i), "content", content_of(call, steps, i, key));
}

/* Of a case of before the statement stands by itself; else it is the first step's note. */
static json_t *statement_of(struct phi_api_call *call, const struct phi_rows *rows,
                            const struct phi_rows *steps, const struct phi_person_key *key)
{
    struct phi_view own = phi_rows_bytes(rows, 0, AT_STATEMENT);
    const char *text = own.len > 0 ? case_open(call, key, CASE_STATEMENT, own)
                       : phi_rows_count(steps) > 0
                           ? case_open(call, key, CASE_NOTE, phi_rows_bytes(steps, 0, STEP_NOTE))
                           : NULL;
    return text == NULL ? json_null() : json_string(text);
}

enum phi_err case_add_proof(struct phi_api_call *call, struct phi_conn *conn,
                            const uint8_t case_id[CASE_LEN], json_t *to, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int year = 0, month = 0, day = 0;
    json_t *proof = NULL;
    const char *text = phi_http_query(phi_api_request(call), "day");
    if (text == NULL)
        return PHI_OK;
    if (phi_date_parse(phi_view_text(text), &year, &month, &day) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "day", "not a date");
    PHI_GUARD(anchor_proof(conn, case_id, text, &proof, error));
    json_object_set_new(to, "proof", proof);
out:
    return err;
}

static enum phi_err whole(struct phi_api_call *call, struct phi_conn *conn,
                          const struct phi_param *id, const struct phi_rows *rows, json_t **out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *steps = NULL, *attached = NULL;
    struct phi_person_key key;
    PHI_GUARD(case_key_find(call, conn, phi_rows_bytes(rows, 0, AT_SUBJECT).data, &key, error));
    PHI_GUARD(phi_conn_exec(conn, "case_steps",
                            "SELECT seq, at_us, step, state, outcome, reason, unit, actor, "
                            "note_sealed, note_digest, salt, digest, head, "
                            "content_sealed, content_digest FROM steps WHERE case_id "
                            "= $1 ORDER BY seq",
                            id, 1, &steps, error));
    PHI_GUARD(phi_conn_exec(conn, "attachments_of", ATTACH_LIST, id, 1, &attached, error));
    json_t *one = case_of(rows, 0);
    PHI_GUARD(one == NULL ? PHI_ERR_MEMORY : PHI_OK);
    json_t *list = json_array();
    for (size_t i = 0; i < phi_rows_count(steps); i++)
        json_array_append_new(list, step_of(call, steps, i, &key));
    json_object_set_new(one, "statement", statement_of(call, rows, steps, &key));
    json_object_set_new(one, "steps", list);
    json_object_set_new(one, "attachments", attach_list(attached));
    *out = one;
out:
    phi_rows_free(attached);
    phi_rows_free(steps);
    return err;
}

static enum phi_err show(struct phi_api_call *call, struct phi_conn *conn,
                         const struct phi_param *id, const struct phi_rows *rows,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *one = NULL;
    PHI_GUARD(whole(call, conn, id, rows, &one, error));
    phi_api_data(call, one);
    PHI_GUARD(case_add_proof(call, conn, id->view.data, one, error));
    PHI_GUARD(looks_add(call, rows, AT_ID, LOOK_CASE));
    PHI_GUARD(looks_show(call, conn, id->view.data, one, error));
out:
    return err;
}

#define CASE_SQL "SELECT " CASE_COLUMNS ", statement_sealed FROM cases WHERE case_id = $1"

enum phi_err case_whole(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *case_id,
                        json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(case_id, CASE_LEN);
    json_t *one = NULL;
    PHI_GUARD(phi_conn_exec(conn, "case_show", CASE_SQL, &id, 1, &rows, error));
    PHI_GUARD(phi_rows_count(rows) == 0 ? PHI_ERR_NOT_FOUND : PHI_OK);
    PHI_GUARD(whole(call, conn, &id, rows, &one, error));
    PHI_GUARD(looks_show(call, conn, case_id, one, error));
    *out = json_incref(one);
out:
    json_decref(one);
    phi_rows_free(rows);
    return err;
}

enum phi_err case_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t case_id[CASE_LEN];
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    bool may = false;
    PHI_GUARD(case_id_of(call, case_id, error));
    const struct phi_param id = PHI_BYTES_OF(case_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "case_show", CASE_SQL, &id, 1, &rows, error));
    PHI_GUARD(find_may_see(call, conn, rows, &may, error));
    if (!may && !(phi_rows_count(rows) > 0 && PHI_MUTANT(case_for_all)))
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such case");
    else
        err = show(call, conn, &id, rows, error);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
