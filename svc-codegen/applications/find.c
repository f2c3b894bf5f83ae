/* Applications by id, for all codes that are minted together. */
#include "svc-codegen/minting/mint.h"

#include "base/mutant.h"

#include <stdio.h>
#include <string.h>

enum column {
    ID,
    APP,
    APPLICANT,
    CHALLENGE,
    USABLE_UNTIL,
    TERM_UNTIL,
    SCENE,
    SUBJECT,
    PAPER_DAYS,
    MANDATE_UNTIL,
    BEHALF,
    IS_USED,
    CODE_SERIAL,
    CODE_MINTED,
    CODE_DEADLINE,
    CODE_DIGEST,
    CODE_FLAGS,
    CODE_KEY_SET,
    CODE_SEALED,
};

static const char find_sql[] =
    "SELECT a.application_id, a.app_id, a.applicant, a.challenge, a.usable_until_us, "
    "a.term_until_us, a.scene, a.subject, a.paper_days, a.mandate_until_us, a.behalf_sealed, "
    "c.serial_hmac IS NOT NULL, c.serial_hmac, c.minted_us, c.deadline_s, c.consent_digest, "
    "c.flags, c.key_set, c.code_sealed FROM applications a LEFT JOIN LATERAL ("
    "SELECT * FROM codes WHERE codes.application_id = a.application_id ORDER BY minted_us DESC "
    "LIMIT 1) c ON true WHERE a.application_id = ANY ($1::bytea[])";

static enum phi_err query(struct phi_api_call *call, const struct phi_array *ids,
                          struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    const struct phi_param param = PHI_ARRAY(ids);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "applications_find", find_sql, &param, 1, rows, error));
out:
    phi_store_release(conn);
    return err;
}

static bool find_row(const struct phi_rows *rows, const struct mint_job *job, size_t *row)
{
    const struct phi_view id = phi_view_of(job->application_id, APPLICATION_LEN);
    for (*row = 0; *row < phi_rows_count(rows); ++*row)
        if (phi_view_equal(phi_rows_bytes(rows, *row, ID), id))
            return true;
    return false;
}

static bool is_theirs(const struct mint_job *job, const struct phi_rows *rows, size_t row)
{
    const struct phi_registry_app *app = phi_api_app(job->turn->call);
    struct phi_view challenge = phi_rows_bytes(rows, row, CHALLENGE);
    bool is_person = phi_view_equal(phi_rows_bytes(rows, row, APPLICANT),
                                    phi_view_of(job->applicant, PHI_SUBJECT_LEN));
    bool is_answer = challenge.len == CHALLENGE_LEN &&
                     phi_equal_secret(challenge.data, job->challenge, CHALLENGE_LEN);
    return strcmp(phi_rows_text(rows, row, APP), app->app_id) == 0 &&
           (is_person || PHI_MUTANT(any_person)) && (is_answer || PHI_MUTANT(any_challenge));
}

/* The first use within five minutes, later ones until the term ends. */
static bool is_in_force(const struct phi_rows *rows, size_t row, int64_t now_us)
{
    bool is_used = phi_rows_bool(rows, row, IS_USED);
    return now_us <= phi_rows_i64(rows, row, TERM_UNTIL) &&
           (is_used || now_us <= phi_rows_i64(rows, row, USABLE_UNTIL));
}

static enum phi_err read_terms(const struct mint_job *job, const struct phi_rows *rows, size_t row,
                               struct application_terms *out)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *call = job->turn->call;
    struct phi_view subject = phi_rows_bytes(rows, row, SUBJECT);
    PHI_GUARD(subject.len == PHI_SUBJECT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    memcpy(out->subject, subject.data, PHI_SUBJECT_LEN);
    out->term_until_us = phi_rows_i64(rows, row, TERM_UNTIL);
    out->paper_days = phi_rows_i64(rows, row, PAPER_DAYS);
    out->mandate_until_us = phi_rows_i64(rows, row, MANDATE_UNTIL);
    if (out->mandate_until_us != 0)
        PHI_GUARD(application_open_behalf(codegen_of(call)->store_key,
                                          phi_rows_bytes(rows, row, BEHALF), phi_api_arena(call),
                                          out));
out:
    return err;
}

static void copy_bytes(void *out, size_t len, struct phi_view from)
{
    if (from.len == len)
        memcpy(out, from.data, len);
}

static enum phi_err read_code(struct mint_job *job, const struct phi_rows *rows, size_t row)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    struct phi_api_call *call = job->turn->call;
    struct recent_entry *code = &job->code;
    mint_code_begin(job);
    code->minted_us = phi_rows_i64(rows, row, CODE_MINTED);
    code->deadline_s = phi_rows_i64(rows, row, CODE_DEADLINE);
    code->flags = (uint8_t)phi_rows_i64(rows, row, CODE_FLAGS);
    code->key_set = (uint8_t)phi_rows_i64(rows, row, CODE_KEY_SET);
    copy_bytes(code->serial_hmac, PHI_SM3_LEN, phi_rows_bytes(rows, row, CODE_SERIAL));
    copy_bytes(code->consent_digest, PHI_SM3_LEN, phi_rows_bytes(rows, row, CODE_DIGEST));
    code->is_committed = true;
    PHI_GUARD(phi_unseal(codegen_of(call)->store_key, MINT_CODE_CONTEXT, job->terms.subject,
                         phi_rows_bytes(rows, row, CODE_SEALED), phi_api_arena(call), &text));
    PHI_GUARD(text.len == PHI_JKM1_TEXT_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    memcpy(code->text, text.data, text.len);
out:
    return err;
}

static enum phi_err look_for_code(struct mint_job *job, const struct phi_rows *rows, size_t row,
                                  bool is_overloaded)
{
    struct phi_api_call *call = job->turn->call;
    const struct recent_entry last = {.scene = job->terms.scene,
                                      .minted_us = phi_rows_i64(rows, row, CODE_MINTED),
                                      .deadline_s = phi_rows_i64(rows, row, CODE_DEADLINE)};
    if (phi_rows_is_null(rows, row, CODE_SEALED) ||
        !mint_is_fresh(&codegen_of(call)->policy, &last, phi_api_now_us(call), is_overloaded))
        return PHI_OK;
    enum phi_err err = read_code(job, rows, row);
    job->is_again = err == PHI_OK;
    return err;
}

static enum phi_err judge(struct mint_job *job, const struct phi_rows *rows, bool is_overloaded)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *call = job->turn->call;
    struct phi_error *error = &job->turn->error;
    size_t row = 0;
    if (!find_row(rows, job, &row) || !is_theirs(job, rows, row))
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                             "none of this app, person and challenge");
    if (!is_in_force(rows, row, phi_api_now_us(call)) && !PHI_MUTANT(term_endless))
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId", "its time is over");
    job->terms.scene = policy_find(&codegen_of(call)->policy, phi_rows_text(rows, row, SCENE));
    if (job->terms.scene == NULL)
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                             "its scene is no longer served");
    PHI_GUARD(read_terms(job, rows, row, &job->terms));
    PHI_GUARD(look_for_code(job, rows, row, is_overloaded));
out:
    return err;
}

static bool is_asked(const struct mint_job *job)
{
    return job->turn->err == PHI_OK && !job->is_again && !job->is_known;
}

static enum phi_err find_all(struct mint_job **jobs, size_t count, struct phi_rows **rows,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *asker = NULL;
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        if (!is_asked(jobs[i]))
            continue;
        asker = jobs[i]->turn->call;
        PHI_GUARD(phi_array_add(ids, PHI_BYTES_OF(jobs[i]->application_id, APPLICATION_LEN)));
    }
    if (asker != NULL)
        PHI_GUARD(query(asker, ids, rows, error));
out:
    phi_array_free(ids);
    return err;
}

void codegen_applications_find(struct mint_job **jobs, size_t count, bool is_overloaded)
{
    struct phi_error error = {.code = PHI_OK};
    struct phi_rows *rows = NULL;
    enum phi_err err = find_all(jobs, count, &rows, &error);
    for (size_t i = 0; i < count; i++) {
        if (!is_asked(jobs[i]))
            continue;
        jobs[i]->turn->error = error;
        jobs[i]->turn->err = err != PHI_OK ? err : judge(jobs[i], rows, is_overloaded);
    }
    phi_rows_free(rows);
}
