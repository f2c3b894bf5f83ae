/* 用户健康信息纠错 (GB/T 38963 6.8): a citizen disputes a fact about themselves. One open case for
 * a matter: filing again adds to it and never pushes it down the queue. */
#include "svc-correction/texts.h"

#include "codes/region.h"
#include "crypto/random.h"

#include <string.h>

struct filing {
    uint8_t case_id[CASE_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t matter[PHI_SM3_LEN];
    struct case_fact fact;
    const char *statement;
    bool is_open_already;
};

static enum phi_err parse_fact(const struct phi_json_at *body, struct case_fact *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"region", "source", "institution", "recordNo"};
    struct phi_json_at fact;
    PHI_GUARD(phi_json_object(body, "fact", &fact, error));
    PHI_GUARD(phi_json_only(&fact, members, 4, error));
    PHI_GUARD(phi_json_word(&fact, "region", 6, &out->region, error));
    PHI_GUARD(phi_json_word(&fact, "source", CASE_WORD_MAX, &out->source, error));
    PHI_GUARD(phi_json_word(&fact, "institution", CASE_WORD_MAX, &out->institution, error));
    PHI_GUARD(phi_json_word(&fact, "recordNo", CASE_WORD_MAX, &out->record_no, error));
    if (!phi_region_is_valid(phi_view_text(out->region)))
        err = phi_json_refuse(&fact, "region", PHI_ERR_FIELD_VALUE, "not a region", error);
out:
    return err;
}

static enum phi_err name_matter(struct filing *out)
{
    const struct phi_view parts[] = {phi_view_of(out->subject, PHI_SUBJECT_LEN),
                                     phi_view_text(out->fact.region),
                                     phi_view_of("\n", 1),
                                     phi_view_text(out->fact.source),
                                     phi_view_of("\n", 1),
                                     phi_view_text(out->fact.institution),
                                     phi_view_of("\n", 1),
                                     phi_view_text(out->fact.record_no)};
    return phi_sm3_parts(parts, sizeof(parts) / sizeof(parts[0]), out->matter);
}

static enum phi_err parse(struct phi_api_call *call, struct filing *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const matters[] = {"fact"};
    struct phi_json_at body = phi_api_body(call);
    size_t matter = 0;
    PHI_GUARD(phi_json_enum(&body, "matter", matters, 1, &matter, error));
    PHI_GUARD(parse_fact(&body, &out->fact, error));
    PHI_GUARD(phi_json_lines(&body, "statement", 1, CASE_TEXT_MAX, &out->statement, error));
    if (strcmp(out->fact.region, phi_service_region(phi_api_service(call))) != 0)
        return phi_error_set(error, PHI_ERR_RULE, "$.fact.region", "a fact of another region");
    PHI_GUARD(correction_subject(call, out->subject));
    PHI_GUARD(name_matter(out));
out:
    return err;
}

static enum phi_err find_open(struct phi_api_call *call, struct filing *out,
                              struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param matter = PHI_BYTES_OF(out->matter, PHI_SM3_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "matter_find",
                            "SELECT case_id FROM open_matters WHERE matter = $1", &matter, 1, &rows,
                            error));
    PHI_GUARD(case_key_find(call, conn, out->subject, key, error));
    out->is_open_already = phi_rows_count(rows) == 1;
    if (out->is_open_already)
        memcpy(out->case_id, phi_rows_bytes(rows, 0, 0).data, CASE_LEN);
    else
        err = phi_uuid7(phi_api_now_us(call), out->case_id);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err open_case(struct phi_api_call *call, const struct filing *f,
                              const struct phi_person_key *key)
{
    enum phi_err err = PHI_OK;
    struct phi_view statement;
    const struct phi_param matter[] = {PHI_BYTES_OF(f->matter, PHI_SM3_LEN),
                                       PHI_BYTES_OF(f->case_id, CASE_LEN)};
    PHI_GUARD(case_seal(call, key, CASE_STATEMENT, f->statement, &statement));
    const struct phi_param row[] = {PHI_BYTES_OF(f->case_id, CASE_LEN),
                                    PHI_BYTES_OF(f->subject, PHI_SUBJECT_LEN),
                                    PHI_I64(PHI_SUBJECT_KEY_VERSION),
                                    PHI_BYTES_OF(f->matter, PHI_SM3_LEN),
                                    PHI_TEXT(f->fact.region),
                                    PHI_TEXT(f->fact.source),
                                    PHI_TEXT(f->fact.institution),
                                    PHI_TEXT(f->fact.record_no),
                                    PHI_TEXT("received"),
                                    PHI_BYTES(statement),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_I64(0),
                                    PHI_I64(0)};
    PHI_GUARD(phi_api_row(call, TABLE_OPEN_MATTERS, matter, 2));
    PHI_GUARD(phi_api_row(call, TABLE_CASES, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

enum phi_err case_file(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct filing filing = {0};
    struct phi_person_key key;
    char id[2 * CASE_LEN + 1];
    PHI_GUARD(parse(call, &filing, error));
    PHI_GUARD(find_open(call, &filing, &key, error));
    if (!filing.is_open_already)
        PHI_GUARD(open_case(call, &filing, &key));
    const struct case_step step = {.case_id = filing.case_id,
                                   .key = &key,
                                   .fact = &filing.fact,
                                   .step = filing.is_open_already ? "filed-again" : "received",
                                   .state = "received",
                                   .reason = "",
                                   .note = filing.is_open_already ? filing.statement : NULL,
                                   .told = filing.statement};
    PHI_GUARD(case_step_add(call, &step));
    phi_hex_encode(phi_view_of(filing.case_id, CASE_LEN), id);
    phi_api_data(call, json_pack("{s:s, s:s, s:b}", "caseId", id, "state", "received", "added",
                                 filing.is_open_already));
out:
    return err;
}
