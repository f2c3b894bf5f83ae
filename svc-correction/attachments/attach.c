#include "svc-correction/attachments/attach.h"

#include "base/text.h"
#include "crypto/random.h"
#include "svc-correction/attachments/keep.h"
#include "svc-correction/attachments/kind.h"
#include "svc-correction/attachments/reencode.h"
#include "svc-correction/looks/looks.h"

#include <string.h>

/* --- what it is --- */

static enum phi_err read_kind(struct phi_api_call *call, const struct attachment_kind **out,
                              struct phi_error *error)
{
    struct phi_http_request *request = phi_api_request(call);
    const char *name = phi_http_query(request, "type");
    struct phi_view bytes = phi_http_body(request);
    *out = name == NULL ? NULL : attachment_kind_named(name);
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_QUERY, "type", "not pdf, png or jpeg");
    if (bytes.len == 0)
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "body", "no file");
    if (attachment_kind_of(bytes) != *out)
        return phi_error_set(error, PHI_ERR_RULE, "body", "not a %s file", (*out)->name);
    return PHI_OK;
}

/* A picture comes back as pixels only: whatever else was in the file is gone. */
static enum phi_err draw_anew(struct phi_api_call *call, const struct attachment_kind *kind,
                              struct phi_view *bytes, struct phi_error *error)
{
    size_t len = 0;
    const char *program = correction_of(call)->reencode;
    if (kind == NULL || !kind->is_picture)
        return PHI_OK;
    if (program[0] == '\0')
        return phi_error_set(error, PHI_ERR_NEIGHBOUR, "phi-reencode", "not there");
    uint8_t *out = phi_arena_alloc(phi_api_arena(call), ATTACHMENT_MAX_BYTES);
    if (out == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err =
        reencode_run(program, *bytes, phi_api_deadline(call), out, ATTACHMENT_MAX_BYTES, &len);
    *bytes = phi_view_of(out, len);
    if (err == PHI_ERR_FIELD_VALUE || err == PHI_ERR_DEADLINE)
        return phi_error_set(error, PHI_ERR_RULE, "body", "no picture within bounds");
    return err;
}

/* --- taking --- */

/* The number is given with the step: of two at once one is refused. */
static enum phi_err check_room(struct phi_api_call *call, const struct case_now *now,
                               int64_t *number, int64_t *total, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(now->case_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "attachments_room",
                            "SELECT count(*), COALESCE(sum(size_bytes), 0)::bigint FROM "
                            "attachments WHERE case_id = $1",
                            &id, 1, &rows, error));
    *number = phi_rows_i64(rows, 0, 0) + 1;
    *total = phi_rows_i64(rows, 0, 1);
    if (*number > ATTACH_MAX)
        err = phi_error_set(error, PHI_ERR_RULE, "id", "the case has %d attachments", ATTACH_MAX);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

struct taking {
    struct case_now now;
    struct phi_person_key key;
    const struct attachment_kind *kind;
    struct phi_view bytes;
    int64_t number;
    uint8_t id[ATTACHMENT_LEN];
    uint8_t digest[PHI_SM3_LEN];
};

static enum phi_err check(struct phi_api_call *call, struct taking *t, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t total = 0;
    PHI_GUARD(case_find(call, &t->now, &t->key, error));
    PHI_GUARD(case_check_own(call, &t->now, error));
    PHI_GUARD(read_kind(call, &t->kind, error));
    if (step_find(t->now.state, ACT_ATTACH) == NULL)
        return phi_error_set(error, PHI_ERR_STATE, "id", "the case is %s",
                             step_state_name(t->now.state));
    PHI_GUARD(check_room(call, &t->now, &t->number, &total, error));
    t->bytes = phi_http_body(phi_api_request(call));
    PHI_GUARD(draw_anew(call, t->kind, &t->bytes, error));
    if (total + (int64_t)t->bytes.len > ATTACH_MAX_BYTES)
        err = phi_error_set(error, PHI_ERR_RULE, "body", "more than a case's %d MiB",
                            ATTACH_MAX_BYTES >> 20);
out:
    return err;
}

static enum phi_err add_row(struct phi_api_call *call, const struct taking *t)
{
    const struct phi_param row[ATTACH_COLUMNS] = {PHI_BYTES_OF(t->id, ATTACHMENT_LEN),
                                                  PHI_BYTES_OF(t->now.case_id, CASE_LEN),
                                                  PHI_I64(t->number),
                                                  PHI_TEXT(t->kind->type),
                                                  PHI_I64((int64_t)t->bytes.len),
                                                  PHI_BYTES_OF(t->digest, PHI_SM3_LEN),
                                                  PHI_I64(phi_api_now_us(call))};
    return phi_api_row(call, TABLE_ATTACHMENTS, row, ATTACH_COLUMNS);
}

enum phi_err attach_take(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct taking t = {.number = 0};
    char id[2 * CASE_LEN + 1], digest[2 * PHI_SM3_LEN + 1];
    PHI_GUARD(check(call, &t, error));
    PHI_GUARD(phi_uuid7(phi_api_now_us(call), t.id));
    PHI_GUARD(keep_write(call, &t.key, t.id, t.bytes, t.digest));
    const struct move_file file = {
        .id = t.id, .number = t.number, .type = t.kind->type, .size_bytes = (int64_t)t.bytes.len};
    const struct move_rows rows = {.file = &file};
    const struct case_deed deed = {
        .act = ACT_ATTACH, .content_digest = phi_view_of(t.digest, PHI_SM3_LEN), .rows = &rows};
    PHI_GUARD(case_do(call, &t.now, &t.key, &deed, error));
    PHI_GUARD(add_row(call, &t));
    phi_hex_encode(phi_view_of(t.now.case_id, CASE_LEN), id);
    phi_hex_encode(phi_view_of(t.digest, PHI_SM3_LEN), digest);
    phi_api_data(call, json_pack("{s:s, s:I, s:s, s:I, s:s}", "caseId", id, "number",
                                 (json_int_t)t.number, "type", t.kind->type, "sizeBytes",
                                 (json_int_t)t.bytes.len, "digest", digest));
out:
    return err;
}

/* --- giving --- */

static enum phi_err check_reader(struct phi_api_call *call, struct case_now *now,
                                 struct phi_error *error)
{
    return phi_api_who(call)->is_staff ? case_check_officer(call, now, error)
                                       : case_check_own(call, now, error);
}

static enum phi_err read_number(struct phi_api_call *call, int64_t *out, struct phi_error *error)
{
    const char *text = phi_http_param(phi_api_request(call), "number");
    if (phi_text_to_i64(phi_view_text(text), 1, ATTACH_MAX, out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "number", "no such attachment");
    return PHI_OK;
}

static enum phi_err read_file(struct phi_api_call *call, struct phi_conn *conn,
                              const struct phi_person_key *key, const struct phi_rows *rows,
                              int64_t number, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_arena *arena = phi_api_arena(call);
    if (phi_rows_count(rows) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "number", "no such attachment");
    const char *type = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 1)));
    PHI_GUARD(type == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(keep_read(call, conn, key, phi_rows_bytes(rows, 0, 0).data, phi_rows_i64(rows, 0, 2),
                        &bytes, error));
    const char *name =
        phi_arena_printf(arena, "attachment-%d.%s", (int)number, attachment_ending(type));
    PHI_GUARD(name == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_api_file(call, type, name, bytes));
out:
    return err;
}

enum phi_err attach_give(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    int64_t number = 0;
    PHI_GUARD(case_find(call, &now, &key, error));
    PHI_GUARD(check_reader(call, &now, error));
    PHI_GUARD(read_number(call, &number, error));
    const struct phi_param params[] = {PHI_BYTES_OF(now.case_id, CASE_LEN), PHI_I64(number)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "attachment_find",
        "SELECT attachment_id, type, size_bytes, case_id FROM attachments WHERE case_id "
        "= $1 AND number = $2::bigint",
        params, 2, &rows, error));
    PHI_GUARD(read_file(call, conn, &key, rows, number, error));
    PHI_GUARD(looks_add(call, rows, 3, LOOK_CASE));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

json_t *attach_list(const struct phi_rows *rows)
{
    json_t *list = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        char digest[2 * PHI_SM3_LEN + 1], at[PHI_RFC3339_MAX];
        phi_hex_encode(phi_rows_bytes(rows, i, 3), digest);
        phi_rfc3339_format(phi_rows_i64(rows, i, 4), at);
        json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:s, s:s}", "number",
                                              (json_int_t)phi_rows_i64(rows, i, 0), "type",
                                              phi_rows_text(rows, i, 1), "sizeBytes",
                                              (json_int_t)phi_rows_i64(rows, i, 2), "digest",
                                              digest, "at", at));
    }
    return list;
}
