/* Applications by id, for all codes that are minted together. */
#include "svc-codegen/mint.h"

#include "base/mutant.h"

#include <string.h>

enum column { ID, APP, SUBJECT, CHALLENGE, USABLE_UNTIL, TERM_UNTIL, IS_USED, SCENE };

static const char find_sql[] =
    "SELECT application_id, app_id, subject, challenge, usable_until_us, term_until_us, "
    "EXISTS (SELECT 1 FROM codes c WHERE c.application_id = a.application_id), scene "
    "FROM applications a WHERE application_id = ANY ($1::bytea[])";

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

static bool is_in_force(const struct phi_rows *rows, size_t row, int64_t now_us)
{
    bool is_used = phi_rows_bool(rows, row, IS_USED);
    return now_us <= phi_rows_i64(rows, row, TERM_UNTIL) &&
           (is_used || now_us <= phi_rows_i64(rows, row, USABLE_UNTIL));
}

static bool is_theirs(const struct mint_job *job, const struct phi_rows *rows, size_t row)
{
    const struct phi_registry_app *app = phi_api_app(job->turn->call);
    struct phi_view challenge = phi_rows_bytes(rows, row, CHALLENGE);
    bool is_person = phi_view_equal(phi_rows_bytes(rows, row, SUBJECT),
                                    phi_view_of(job->subject, PHI_SUBJECT_LEN));
    bool is_answer = challenge.len == CHALLENGE_LEN &&
                     phi_equal_secret(challenge.data, job->challenge, CHALLENGE_LEN);
    return strcmp(phi_rows_text(rows, row, APP), app->app_id) == 0 &&
           (is_person || PHI_MUTANT(any_person)) && (is_answer || PHI_MUTANT(any_challenge));
}

static bool find_row(const struct phi_rows *rows, const struct mint_job *job, size_t *row)
{
    const struct phi_view id = phi_view_of(job->application_id, APPLICATION_LEN);
    for (*row = 0; *row < phi_rows_count(rows); ++*row)
        if (phi_view_equal(phi_rows_bytes(rows, *row, ID), id))
            return true;
    return false;
}

/* The first use within five minutes, later ones until the term ends; of the same app and person. */
static enum phi_err judge(struct mint_job *job, const struct phi_rows *rows)
{
    struct phi_api_call *call = job->turn->call;
    struct phi_error *error = &job->turn->error;
    size_t row = 0;
    if (!find_row(rows, job, &row) || !is_theirs(job, rows, row))
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                             "none of this app, person and challenge");
    if (!is_in_force(rows, row, phi_api_now_us(call)) && !PHI_MUTANT(term_endless))
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId", "its time is over");
    job->scene = policy_find(&codegen_of(call)->policy, phi_rows_text(rows, row, SCENE));
    if (job->scene == NULL)
        return phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                             "its scene is no longer served");
    return PHI_OK;
}

void codegen_applications_find(struct mint_job **jobs, size_t count)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct phi_rows *rows = NULL;
    struct mint_job *asked = NULL;
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->turn->err != PHI_OK)
            continue;
        asked = jobs[i];
        PHI_GUARD(phi_array_add(ids, PHI_BYTES_OF(asked->application_id, APPLICATION_LEN)));
    }
    if (asked != NULL)
        PHI_GUARD(query(asked->turn->call, ids, &rows, &error));
out:
    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->turn->err != PHI_OK)
            continue;
        jobs[i]->turn->error = error;
        jobs[i]->turn->err = err != PHI_OK ? err : judge(jobs[i], rows);
    }
    phi_rows_free(rows);
    phi_array_free(ids);
}
