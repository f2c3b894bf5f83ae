#include "svc-declare/sources/retraction_told.h"

#include <string.h>

#define ID_LEN          RETRACTION_ID_LEN
#define INSTITUTION_MAX 64
#define ROLE            "decide"

static const char *const reasons[] = {"record-error", "identity-error", "method-error",
                                      "not-substantiated", "other"};
static const char *const time_kinds[] = {"observedAt", "recordedAt"};

struct proposal {
    uint8_t id[ID_LEN];
    const struct form_kind *kind;
    const char *institution;
    const char *time_kind;
    int64_t from_us;
    int64_t to_us;
    const char *reason;
    int64_t records;
    int64_t people;
    uint8_t officer[PHI_SM3_LEN];
    uint8_t subject[PHI_SUBJECT_LEN]; /* of the officer */
};

/* What both times and all columns need: the records of the range, $5 to $6. */
#define RANGE                                                                                      \
    "region = $1 AND source = $2 AND institution = $3 AND CASE WHEN $4 = 'recordedAt' THEN "       \
    "recorded_us ELSE observed_us END BETWEEN $5 AND $6"

/* --- officers --- */

static enum phi_err check_officer(struct phi_api_call *call, const char *kind,
                                  struct phi_error *error)
{
    const struct phi_identity *who = phi_api_who(call);
    const struct phi_registry_staff *staff = who->staff;
    const char *region = phi_service_region(phi_api_service(call));
    if (!who->is_staff || staff == NULL || !phi_words_has(&staff->roles, ROLE) ||
        !phi_words_has(&staff->regions, region) || !phi_words_has(&staff->sources, kind))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of this source and region");
    if (!who->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    return PHI_OK;
}

/* Counts the range's records; refuses an officer who is among its people. */
static enum phi_err count_records(struct phi_api_call *call, struct phi_conn *conn,
                                  struct proposal *p, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(phi_service_region(phi_api_service(call))),
                                       PHI_TEXT(p->kind->stream),
                                       PHI_TEXT(p->institution),
                                       PHI_TEXT(p->time_kind),
                                       PHI_I64(p->from_us),
                                       PHI_I64(p->to_us),
                                       PHI_BYTES_OF(p->subject, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_conn_exec(conn, "retraction_count",
                            "SELECT count(DISTINCT record_no), coalesce(bool_or(subject = $7), "
                            "false), count(DISTINCT subject) FROM intake WHERE " RANGE,
                            params, 7, &rows, error));
    if (phi_rows_bool(rows, 0, 1))
        PHI_GUARD(phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                                "nobody decides about themselves"));
    p->records = phi_rows_i64(rows, 0, 0);
    p->people = phi_rows_i64(rows, 0, 2);
out:
    phi_rows_free(rows);
    return err;
}

/* --- proposing --- */

static enum phi_err parse(struct phi_api_call *call, struct proposal *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    size_t reason = 0, time_kind = 0;
    PHI_GUARD(phi_json_word(&body, "institution", INSTITUTION_MAX, &out->institution, error));
    PHI_GUARD(phi_json_enum(&body, "time", time_kinds, FORM_COUNT(time_kinds), &time_kind, error));
    PHI_GUARD(form_past(&body, "from", phi_api_now_us(call), &out->from_us, error));
    PHI_GUARD(form_past(&body, "to", phi_api_now_us(call), &out->to_us, error));
    PHI_GUARD(form_order(&body, "to", out->from_us, out->to_us, error));
    PHI_GUARD(phi_json_enum(&body, "reason", reasons, FORM_COUNT(reasons), &reason, error));
    out->reason = reasons[reason];
    out->time_kind = time_kinds[time_kind];
    PHI_GUARD(phi_api_request_key(call, out->id));
    PHI_GUARD(phi_api_who_digest(call, out->officer));
    PHI_GUARD(
        phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, out->subject));
out:
    return err;
}

/* The same request again finds its row and leaves it: `is_new` says which it was. */
static enum phi_err keep(struct phi_api_call *call, struct phi_conn *conn, const struct proposal *p,
                         bool *is_new, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param row[] = {PHI_BYTES_OF(p->id, ID_LEN),
                                    PHI_TEXT(p->kind->stream),
                                    PHI_TEXT(p->institution),
                                    PHI_TEXT(p->time_kind),
                                    PHI_I64(p->from_us),
                                    PHI_I64(p->to_us),
                                    PHI_TEXT(p->reason),
                                    PHI_I64(p->records),
                                    PHI_BYTES_OF(p->officer, PHI_SM3_LEN),
                                    PHI_TEXT(phi_api_who(call)->staff->unit),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_I64(p->people)};
    PHI_GUARD(phi_conn_exec(conn, "retraction_keep",
                            "INSERT INTO retractions (retraction_id, source, institution, "
                            "time_kind, from_us, to_us, reason, state, records, proposed_by, "
                            "proposed_unit, proposed_us, people) VALUES ($1, $2, $3, $4, $5, $6, "
                            "$7, 'proposed', $8, $9, $10, $11, $12) ON CONFLICT (retraction_id) DO "
                            "NOTHING",
                            row, 12, &rows, error));
    *is_new = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

/* What the officer has done, to who is to know of it. */
static enum phi_err tell_act(struct phi_api_call *call, struct phi_conn *tx,
                             const struct proposal *p, const char *step, const char *audited,
                             struct phi_error *error)
{
    const struct retraction_act act = {.id = p->id,
                                       .step = step,
                                       .audited = audited,
                                       .kind = p->kind,
                                       .institution = p->institution,
                                       .reason = p->reason,
                                       .records = p->records,
                                       .people = p->people,
                                       .officer = p->officer};
    return retraction_tell(call, tx, &act, error);
}

static void tell(struct phi_api_call *call, const uint8_t *id, const char *state, int64_t records,
                 int64_t told)
{
    char text[2 * ID_LEN + 1];
    phi_hex_encode(phi_view_of(id, ID_LEN), text);
    phi_api_data(call, json_pack("{s:s, s:s, s:I, s:I}", "retractionId", text, "state", state,
                                 "records", (json_int_t)records, "told", (json_int_t)told));
}

enum phi_err declare_retraction_propose(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proposal p = {0};
    struct phi_conn *conn = NULL;
    bool is_new = false;
    PHI_GUARD(declare_kind(call, &p.kind, error));
    PHI_GUARD(check_officer(call, p.kind->kind, error));
    PHI_GUARD(parse(call, &p, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(count_records(call, conn, &p, error));
    if (p.records == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "from", "no record in this range"));
    PHI_GUARD(keep(call, conn, &p, &is_new, error));
    if (is_new)
        PHI_GUARD(tell_act(call, conn, &p, "proposed", "proposed", error));
    PHI_GUARD(phi_conn_commit(conn, error));
    tell(call, p.id, "proposed", p.records, 0);
out:
    phi_store_release(conn);
    return err;
}

/* --- approving and showing --- */

enum {
    AT_SOURCE,
    AT_INSTITUTION,
    AT_TIME,
    AT_FROM,
    AT_TO,
    AT_STATE,
    AT_RECORDS,
    AT_TOLD,
    AT_PROPOSER,
    AT_UNIT,
    AT_APPROVER,
    AT_REASON
};

static enum phi_err id_of(struct phi_api_call *call, uint8_t out[ID_LEN], struct phi_error *error)
{
    const char *id = phi_http_param(phi_api_request(call), "id");
    if (phi_hex_decode(phi_view_text(id), out, ID_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such retraction");
    return PHI_OK;
}

/* The retraction, if its source is the officer's: others don't learn that it exists. */
static enum phi_err find(struct phi_api_call *call, struct phi_conn *conn, struct proposal *out,
                         struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    const struct phi_param param = PHI_BYTES_OF(out->id, ID_LEN);
    PHI_GUARD(phi_conn_exec(conn, "retraction_find",
                            "SELECT source, institution, time_kind, from_us, to_us, state, "
                            "records, told, proposed_by, proposed_unit, approved_by, reason "
                            "FROM retractions WHERE retraction_id = $1 FOR UPDATE",
                            &param, 1, rows, error));
    if (phi_rows_count(*rows) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such retraction");
    out->kind = form_kind_find(strchr(phi_rows_text(*rows, 0, AT_SOURCE), '.') + 1);
    PHI_GUARD(out->kind == NULL ? PHI_ERR_DATA_BROKEN : PHI_OK);
    PHI_GUARD(check_officer(call, out->kind->kind, error));
    out->institution =
        phi_arena_text(arena, phi_view_text(phi_rows_text(*rows, 0, AT_INSTITUTION)));
    out->time_kind = phi_arena_text(arena, phi_view_text(phi_rows_text(*rows, 0, AT_TIME)));
    out->reason = phi_arena_text(arena, phi_view_text(phi_rows_text(*rows, 0, AT_REASON)));
    bool is_whole = out->institution != NULL && out->time_kind != NULL && out->reason != NULL;
    PHI_GUARD(is_whole ? PHI_OK : PHI_ERR_MEMORY);
    out->records = phi_rows_i64(*rows, 0, AT_RECORDS);
    out->from_us = phi_rows_i64(*rows, 0, AT_FROM);
    out->to_us = phi_rows_i64(*rows, 0, AT_TO);
    PHI_GUARD(phi_api_who_digest(call, out->officer));
    PHI_GUARD(
        phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, out->subject));
out:
    return err;
}

/* Another account and another unit than the proposer's. */
static enum phi_err check_second(struct phi_api_call *call, const struct proposal *p,
                                 const struct phi_rows *rows, struct phi_error *error)
{
    const char *unit = phi_api_who(call)->staff->unit;
    if (phi_view_equal(phi_rows_bytes(rows, 0, AT_PROPOSER), phi_view_of(p->officer, PHI_SM3_LEN)))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "who proposed does not approve");
    if (strcmp(unit, phi_rows_text(rows, 0, AT_UNIT)) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "an officer of the same unit does not approve");
    return PHI_OK;
}

static enum phi_err expand(struct phi_api_call *call, struct phi_conn *tx, struct proposal *p,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param range[] = {PHI_TEXT(phi_service_region(phi_api_service(call))),
                                      PHI_TEXT(p->kind->stream),
                                      PHI_TEXT(p->institution),
                                      PHI_TEXT(p->time_kind),
                                      PHI_I64(p->from_us),
                                      PHI_I64(p->to_us),
                                      PHI_BYTES_OF(p->id, ID_LEN)};
    PHI_GUARD(phi_conn_exec(tx, "retraction_expand",
                            "INSERT INTO retraction_records (retraction_id, record_no, subject, "
                            "observed_us) SELECT $7::bytea, record_no, subject, max(observed_us) "
                            "FROM intake WHERE " RANGE " GROUP BY record_no, subject",
                            range, 7, &rows, error));
    p->records = (int64_t)phi_rows_affected(rows);
    const struct phi_param row[] = {
        PHI_BYTES_OF(p->id, ID_LEN),           PHI_I64(p->records),
        PHI_BYTES_OF(p->officer, PHI_SM3_LEN), PHI_TEXT(phi_api_who(call)->staff->unit),
        PHI_I64(phi_api_now_us(call)),         PHI_I64(p->people)};
    PHI_GUARD(phi_conn_exec(tx, "retraction_approve",
                            "UPDATE retractions SET state = 'approved', records = $2, people = $6, "
                            "approved_by = $3, approved_unit = $4, approved_us = $5 WHERE "
                            "retraction_id = $1",
                            row, 6, NULL, error));
out:
    phi_rows_free(rows);
    return err;
}

/* No line of the source comes between the count and the commit: intake takes the same lock. */
static enum phi_err lock(struct phi_conn *tx, const struct proposal *p, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(p->kind->stream), PHI_TEXT(p->institution)};
    return phi_conn_exec(tx, "intake_lock",
                         "SELECT pg_advisory_xact_lock(hashtextextended("
                         "current_schema() || '.intake.' || $1 || '.' || $2, 0))",
                         params, 2, NULL, error);
}

static enum phi_err check_proposed(const struct phi_rows *rows, struct phi_error *error)
{
    const char *state = phi_rows_text(rows, 0, AT_STATE);
    return strcmp(state, "proposed") == 0
               ? PHI_OK
               : phi_error_set(error, PHI_ERR_STATE, "id", "the retraction is %s", state);
}

/* The same officer's repeat finds it approved, and is told the same. */
static enum phi_err approve(struct phi_api_call *call, struct phi_conn *tx, struct proposal *p,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(find(call, tx, p, &rows, error));
    PHI_GUARD(check_second(call, p, rows, error));
    bool is_repeat =
        phi_view_equal(phi_rows_bytes(rows, 0, AT_APPROVER), phi_view_of(p->officer, PHI_SM3_LEN));
    if (is_repeat) {
        tell(call, p->id, phi_rows_text(rows, 0, AT_STATE), phi_rows_i64(rows, 0, AT_RECORDS),
             phi_rows_i64(rows, 0, AT_TOLD));
        goto out;
    }
    PHI_GUARD(check_proposed(rows, error));
    PHI_GUARD(lock(tx, p, error));
    PHI_GUARD(count_records(call, tx, p, error));
    PHI_GUARD(expand(call, tx, p, error));
    PHI_GUARD(tell_act(call, tx, p, "decided", "approved", error));
    PHI_GUARD(phi_conn_commit(tx, error));
    tell(call, p->id, "approved", p->records, 0);
out:
    phi_rows_free(rows);
    return err;
}

/* --- not carried out --- */

/* Who proposed takes it back; another officer, of another unit, refuses it. Either's repeat finds
 * it so. */
static enum phi_err end(struct phi_api_call *call, struct phi_conn *tx, struct proposal *p,
                        struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(find(call, tx, p, &rows, error));
    bool is_own =
        phi_view_equal(phi_rows_bytes(rows, 0, AT_PROPOSER), phi_view_of(p->officer, PHI_SM3_LEN));
    const char *state = is_own ? "withdrawn" : "refused";
    const struct phi_param row[] = {PHI_BYTES_OF(p->id, ID_LEN), PHI_TEXT(state)};
    int64_t records = p->records;
    if (!is_own)
        PHI_GUARD(check_second(call, p, rows, error));
    if (strcmp(phi_rows_text(rows, 0, AT_STATE), state) == 0) {
        tell(call, p->id, state, records, 0);
        goto out;
    }
    PHI_GUARD(check_proposed(rows, error));
    PHI_GUARD(count_records(call, tx, p, error));
    PHI_GUARD(phi_conn_exec(tx, "retraction_end",
                            "UPDATE retractions SET state = $2 WHERE retraction_id = $1", row, 2,
                            NULL, error));
    p->records = records;
    PHI_GUARD(tell_act(call, tx, p, state, state, error));
    PHI_GUARD(phi_conn_commit(tx, error));
    tell(call, p->id, state, records, 0);
out:
    phi_rows_free(rows);
    return err;
}

/* --- the second officer's routes --- */

static enum phi_err in_transaction(struct phi_api_call *call,
                                   enum phi_err (*act)(struct phi_api_call *call,
                                                       struct phi_conn *tx, struct proposal *p,
                                                       struct phi_error *error),
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proposal p = {0};
    struct phi_conn *conn = NULL;
    PHI_GUARD(id_of(call, p.id, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(act(call, conn, &p, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err declare_retraction_approve(struct phi_api_call *call, struct phi_error *error)
{
    return in_transaction(call, approve, error);
}

enum phi_err declare_retraction_refuse(struct phi_api_call *call, struct phi_error *error)
{
    return in_transaction(call, end, error);
}

enum phi_err declare_retraction_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proposal p = {0};
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(id_of(call, p.id, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(find(call, conn, &p, &rows, error));
    tell(call, p.id, phi_rows_text(rows, 0, AT_STATE), phi_rows_i64(rows, 0, AT_RECORDS),
         phi_rows_i64(rows, 0, AT_TOLD));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
