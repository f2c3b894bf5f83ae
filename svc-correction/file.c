/* 用户健康信息纠错 (GB/T 38963 6.8): a citizen disputes a record about themselves, their grade, their
 * basic information, or that a record is missing; or somebody does for them. One open case for a
 * matter: filing again adds to it and never pushes it down the queue. */
#include "svc-correction/entry/filer.h"
#include "svc-correction/flow/case.h"
#include "svc-correction/matters/subjects.h"

#include "crypto/random.h"

#include <string.h>

struct filing {
    struct case_now now;
    struct filer filer;
    struct phi_person_key key;
    struct move_rows rows;
    const char *statement;
    bool is_open_already;
};

static enum phi_err parse(struct phi_api_call *call, struct filing *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(subject_read(call, &out->now, error));
    PHI_GUARD(phi_json_lines(&body, "statement", 1, CASE_TEXT_MAX, &out->statement, error));
    PHI_GUARD(filer_read(call, &out->filer, error));
    memcpy(out->now.subject, out->filer.subject, PHI_SUBJECT_LEN);
    PHI_GUARD(subject_name(&out->now));
out:
    return err;
}

/* The open case about the matter, or the id of a new one. */
static enum phi_err find_open(struct phi_api_call *call, struct filing *f, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param matter = PHI_BYTES_OF(f->now.matter, PHI_SM3_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "matter_find",
                            "SELECT case_id FROM open_matters WHERE matter = $1", &matter, 1, &rows,
                            error));
    f->is_open_already = phi_rows_count(rows) == 1;
    if (f->is_open_already) {
        memcpy(f->now.case_id, phi_rows_bytes(rows, 0, 0).data, CASE_LEN);
        PHI_GUARD(case_read(call, conn, &f->now, &f->key, error));
    } else {
        PHI_GUARD(case_key_find(call, conn, f->now.subject, &f->key, error));
        if (f->now.matter_kind == MATTER_FACT)
            PHI_GUARD(case_check_uncorrected(conn, &f->now, &f->now.fact, error));
        PHI_GUARD(phi_uuid7(phi_api_now_us(call), f->now.case_id));
    }
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err open_case(struct phi_api_call *call, struct filing *f)
{
    enum phi_err err = PHI_OK;
    const struct phi_param matter[] = {PHI_BYTES_OF(f->now.matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(f->now.case_id, CASE_LEN)};
    PHI_GUARD(phi_api_row(call, TABLE_OPEN_MATTERS, matter, 2));
    PHI_GUARD(case_begin(call, &f->now, &f->key, f->statement, &f->rows));
out:
    return err;
}

enum phi_err case_file_handed(struct phi_api_call *call, const uint8_t *dispute_id,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct filing f = {.rows = {.dispute_id = dispute_id}};
    char id[2 * CASE_LEN + 1];
    PHI_GUARD(parse(call, &f, error));
    PHI_GUARD(find_open(call, &f, error));
    f.rows.filer = f.filer.role == NULL ? NULL : &f.filer;
    const struct case_deed again = {.act = ACT_FILE_AGAIN, .note = f.statement, .rows = &f.rows};
    f.now.acting = f.filer.role;
    PHI_GUARD(f.is_open_already ? case_do(call, &f.now, &f.key, &again, error)
                                : open_case(call, &f));
    PHI_GUARD(filer_keep(call, &f.filer, f.now.case_id));
    phi_hex_encode(phi_view_of(f.now.case_id, CASE_LEN), id);
    phi_api_data(call, json_pack("{s:s, s:s, s:b}", "caseId", id, "state",
                                 step_state_name(f.now.state), "added", (int)f.is_open_already));
out:
    return err;
}

enum phi_err case_file(struct phi_api_call *call, struct phi_error *error)
{
    return case_file_handed(call, NULL, error);
}
