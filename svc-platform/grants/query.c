/* POST /v1/grants/{id}/queries: a batch of receipts under a grant. The day's count, the batch's own
 * row and its event on audit are one transaction, committed before anything is answered. */
#include "svc-platform/grants/grants.h"

#include "base/metrics.h"
#include "bus/event_row.h"
#include "codes/grade.h"
#include "json/ndjson.h"
#include "service/receipts.h"

#include <string.h>

#define DAY_US     INT64_C(86400000000)
#define KEPT_US    (400 * DAY_US) /* rows of batches */
#define LINE_MAX   1024
#define LINE_ARENA (16 * 1024)

enum result { RESULT_ACCEPTED, RESULT_REJECTED, RESULT_OVER, RESULTS };

struct line {
    enum result result;
    struct phi_error error; /* of a rejected one */
    uint8_t subject[PHI_SUBJECT_LEN];
    enum phi_grade grade;
    int64_t updated_us; /* of the entry that gives the grade; 0: there is none */
};

struct batch {
    struct phi_api_call *call;
    struct grant grant;
    const struct phi_trust_view *trust;
    struct line *lines;
    size_t count;
    size_t accepted;
};

/* --- a line --- */

/* The person showed the code to this very app, in one of the grant's regions. */
static enum phi_err check_receipt(const struct batch *batch, struct phi_view bytes,
                                  struct line *line)
{
    enum phi_err err = PHI_OK;
    struct phi_receipt receipt;
    struct phi_service *service = phi_api_service(batch->call);
    PHI_GUARD(phi_service_receipt_read(service, bytes, &receipt, &line->error));
    if (!receipt.has_subject || !phi_receipt_has_audience(&receipt, phi_service_region(service)))
        return phi_error_set(&line->error, PHI_ERR_RECEIPT, "receipt", "not for the nation");
    if (strcmp(receipt.app, batch->grant.app) != 0)
        return phi_error_set(&line->error, PHI_ERR_RECEIPT, "receipt", "another app's");
    if (!grant_has_region(&batch->grant, receipt.issuer))
        return phi_error_set(&line->error, PHI_ERR_RECEIPT, "receipt",
                             "not of the grant's regions");
    memcpy(line->subject, receipt.subject, sizeof(line->subject));
out:
    return err;
}

static enum phi_err read_line(const struct batch *batch, struct phi_view text, struct line *line)
{
    static const char *const members[] = {"receipt"};
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    uint8_t receipt[PHI_RECEIPT_MAX];
    size_t len = 0;
    struct phi_arena *arena = phi_arena_new(LINE_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (text.len > LINE_MAX)
        PHI_GUARD(phi_error_set(&line->error, PHI_ERR_BODY_TOO_LARGE, "$", "over 1 KiB"));
    PHI_GUARD(phi_json_read(text, 2, arena, &root, &line->error));
    PHI_GUARD(phi_json_only(&root, members, 1, &line->error));
    PHI_GUARD(phi_json_base64(&root, "receipt", 1, sizeof(receipt), receipt, &len, &line->error));
    PHI_GUARD(check_receipt(batch, phi_view_of(receipt, len), line));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err read_lines(struct batch *batch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_ndjson lines = {0};
    struct phi_arena *arena = phi_api_arena(batch->call);
    PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(batch->call), arena, &lines, error));
    if (lines.count > GRANT_LINES_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "body", "more than %d lines",
                             GRANT_LINES_MAX);
    batch->lines = phi_arena_alloc(arena, lines.count * sizeof(*batch->lines));
    PHI_GUARD(batch->lines == NULL ? PHI_ERR_MEMORY : PHI_OK);
    batch->count = lines.count;
    for (size_t i = 0; i < lines.count; i++) {
        struct line *line = &batch->lines[i];
        enum phi_err told = read_line(batch, lines.items[i], line);
        PHI_GUARD(told == PHI_ERR_MEMORY ? told : PHI_OK);
        line->result = told == PHI_OK ? RESULT_ACCEPTED : RESULT_REJECTED;
    }
out:
    return err;
}

/* --- counting and asking, in one transaction --- */

/* The row of the day is locked: replicas count one after the other. */
static enum phi_err count_people(struct batch *batch, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_api_now_us(batch->call);
    const struct phi_param day[] = {PHI_TEXT(batch->grant.grant_id), PHI_I64(now_us / DAY_US)};
    PHI_GUARD(phi_conn_exec(tx, "grant_day",
                            "INSERT INTO grant_days (grant_id, day) VALUES ($1, $2) ON CONFLICT DO "
                            "NOTHING",
                            day, 2, NULL, error));
    PHI_GUARD(phi_conn_exec(tx, "grant_day_lock",
                            "SELECT people FROM grant_days WHERE grant_id = $1 AND day = $2 FOR "
                            "UPDATE",
                            day, 2, &rows, error));
    int64_t left = batch->grant.people_max - phi_rows_i64(rows, 0, 0);
    for (size_t i = 0; i < batch->count; i++) {
        struct line *line = &batch->lines[i];
        if (line->result != RESULT_ACCEPTED)
            continue;
        bool is_over = (int64_t)batch->accepted >= left;
        line->result = is_over ? RESULT_OVER : RESULT_ACCEPTED;
        batch->accepted += !is_over;
    }
    const struct phi_param more[] = {day[0], day[1], PHI_I64((int64_t)batch->accepted)};
    PHI_GUARD(phi_conn_exec(tx, "grant_day_add",
                            "UPDATE grant_days SET people = people + $3 WHERE grant_id = $1 AND "
                            "day = $2",
                            more, 3, NULL, error));
out:
    phi_rows_free(rows);
    return err;
}

/* The same signed request again is no other batch. */
static enum phi_err keep_batch(struct batch *batch, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    uint8_t digest[PHI_SM3_LEN];
    int64_t now_us = phi_api_now_us(batch->call);
    PHI_GUARD(phi_api_digest(batch->call, digest));
    const struct phi_param row[] = {
        PHI_BYTES_OF(digest, sizeof(digest)), PHI_TEXT(batch->grant.grant_id), PHI_I64(now_us),
        PHI_I64((int64_t)batch->count), PHI_I64((int64_t)batch->accepted)};
    const struct phi_param old[] = {PHI_TEXT(batch->grant.grant_id), PHI_I64(now_us - KEPT_US)};
    PHI_GUARD(phi_conn_exec(tx, "grant_query_keep",
                            "INSERT INTO grant_queries (request, grant_id, at_us, lines, accepted) "
                            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (request) DO NOTHING",
                            row, 5, &rows, error));
    if (phi_rows_affected(rows) != 1)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NONCE, "body", "this batch was answered before"));
    PHI_GUARD(phi_conn_exec(tx, "grant_query_drop",
                            "DELETE FROM grant_queries WHERE grant_id = $1 AND at_us < $2", old, 2,
                            NULL, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err tell_audit(struct batch *batch, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    PHI_GUARD(
        grant_event(batch->call, batch->grant.grant_id, "query",
                    json_pack("{s:s, s:I, s:I, s:I}", "app", batch->grant.app, "lines",
                              (json_int_t)batch->count, "accepted", (json_int_t)batch->accepted,
                              "rejected", (json_int_t)(batch->count - batch->accepted)),
                    &event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}

/* What counts of a row: a region of the grant whose platform is in force, `then` past `until`. */
static void take_row(struct batch *batch, const struct phi_rows *rows, size_t i)
{
    int64_t now_us = phi_api_now_us(batch->call);
    const char *region = phi_rows_text(rows, i, 1);
    bool is_over = now_us > phi_rows_i64(rows, i, 3);
    enum phi_grade grade = (enum phi_grade)phi_rows_i64(rows, i, is_over ? 4 : 2);
    if (!grant_has_region(&batch->grant, region) || platform_standing(batch->trust, region) != NULL)
        return;
    for (size_t n = 0; n < batch->count; n++) {
        struct line *line = &batch->lines[n];
        bool is_theirs =
            line->result == RESULT_ACCEPTED &&
            phi_view_equal(phi_rows_bytes(rows, i, 0), phi_view_of(line->subject, PHI_SUBJECT_LEN));
        bool counts =
            line->updated_us == 0 || phi_grade_stricter(line->grade, grade) != line->grade;
        if (is_theirs && counts) {
            line->grade = grade;
            line->updated_us = phi_rows_i64(rows, i, 5);
        }
    }
}

static enum phi_err read_entries(struct batch *batch, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_array *subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->lines[i].result == RESULT_ACCEPTED)
            PHI_GUARD(
                phi_array_add(subjects, PHI_BYTES_OF(batch->lines[i].subject, PHI_SUBJECT_LEN)));
    const struct phi_param params[] = {PHI_ARRAY(subjects)};
    PHI_GUARD(phi_conn_exec(tx, "grant_entries",
                            "SELECT subject, region, grade, until_us, then_grade, updated_us FROM "
                            "entries WHERE subject = ANY($1::bytea[]) AND NOT is_withdrawn",
                            params, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        take_row(batch, rows, i);
out:
    phi_rows_free(rows);
    phi_array_free(subjects);
    return err;
}

static enum phi_err ask(struct batch *batch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_service *service = phi_api_service(batch->call);
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_api_deadline(batch->call), &conn));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(count_people(batch, conn, error));
    PHI_GUARD(keep_batch(batch, conn, error));
    PHI_GUARD(tell_audit(batch, conn, error));
    PHI_GUARD(read_entries(batch, conn, error));
    PHI_GUARD(phi_conn_commit(conn, error));
    phi_relay_wake(phi_service_relay(service));
out:
    if (err != PHI_OK && conn != NULL)
        phi_conn_rollback(conn);
    phi_store_release(conn);
    return err;
}

/* --- the answer --- */

/* Regions of the grant that don't count now; the same for every line, as it is about nobody. */
static json_t *left_out(const struct batch *batch)
{
    json_t *list = json_array();
    for (const char *at = batch->grant.regions; *at != '\0'; at += 6 + (at[6] == ',')) {
        char region[7];
        snprintf(region, sizeof(region), "%.6s", at);
        if (platform_standing(batch->trust, region) != NULL)
            json_array_append_new(list, json_string(region));
    }
    return list;
}

static json_t *accepted_json(const struct batch *batch, const struct line *line, json_int_t number)
{
    char updated[PHI_RFC3339_MAX];
    json_t *json = json_pack("{s:I, s:s, s:s, s:o}", "line", number, "result", "accepted", "grade",
                             phi_grade_code(line->grade), "leftOut", left_out(batch));
    if (json == NULL || !batch->grant.shows_time)
        return json;
    phi_rfc3339_format(line->updated_us, updated);
    json_object_set_new(json, "time", line->updated_us == 0 ? json_null() : json_string(updated));
    return json;
}

static json_t *line_json(const struct batch *batch, size_t i)
{
    const struct line *line = &batch->lines[i];
    json_int_t number = (json_int_t)i + 1;
    if (line->result == RESULT_ACCEPTED)
        return accepted_json(batch, line, number);
    if (line->result == RESULT_OVER)
        return json_pack("{s:I, s:s, s:s, s:s, s:s}", "line", number, "result", "rejected",
                         "resultCode", phi_err_return_code(PHI_ERR_THROTTLED), "field", "grant",
                         "reason", "over the grant's people a day");
    return json_pack("{s:I, s:s, s:s, s:s, s:s}", "line", number, "result", "rejected",
                     "resultCode", phi_err_return_code(line->error.code), "field",
                     line->error.place, "reason", line->error.text);
}

static void tally(const struct batch *batch)
{
    static const char *const labels[RESULTS] = {"result=\"accepted\"", "result=\"rejected\"",
                                                "result=\"over\""};
    for (size_t i = 0; i < batch->count; i++)
        phi_counter_add(phi_counter_new("phi_platform_grant_lines_total",
                                        "people that institutions asked about under a grant",
                                        labels[batch->lines[i].result]),
                        1);
}

static enum phi_err answer(const struct batch *batch)
{
    enum phi_err err = PHI_OK;
    struct phi_writer to;
    PHI_GUARD(phi_ndjson_answer(batch->count, phi_api_arena(batch->call), &to));
    for (size_t i = 0; i < batch->count; i++)
        PHI_GUARD(phi_ndjson_tell(line_json(batch, i), &to));
    phi_api_lines(batch->call, phi_ndjson_told(&to));
out:
    return err;
}

/* Whose grant it is, and whether it is in force. Who asks for another's learns no more than of one
 * that isn't there. */
static enum phi_err check_grant(struct batch *batch, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(grant_read(batch->call, &batch->grant, error));
    if (strcmp(batch->grant.app, phi_api_app(batch->call)->app_id) != 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such grant");
    if (strcmp(batch->grant.state, "approved") != 0)
        return phi_error_set(error, PHI_ERR_STATE, "grant", "it is not in force: %s",
                             batch->grant.state);
out:
    return err;
}

enum phi_err grant_query(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct batch batch = {.call = call};
    PHI_GUARD(check_grant(&batch, error));
    PHI_GUARD(phi_trust_hold(phi_service_trust(phi_api_service(call)), phi_api_arena(call),
                             &batch.trust));
    PHI_GUARD(read_lines(&batch, error));
    PHI_GUARD(ask(&batch, error));
    PHI_GUARD(answer(&batch));
    tally(&batch);
out:
    return err;
}
