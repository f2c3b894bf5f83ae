#include "svc-platform/query/query.h"

#include "service/receipts.h"

#include <assert.h>

#define REGIONS_MAX 64

/* Of those whose receipts are good: which they are, and the rows about them. */
struct found {
    struct phi_array *subjects;
    size_t asked[PHI_RECEIPT_JOBS_MAX];
    size_t count;
    struct phi_rows *rows;
};

static enum phi_err check_audience(struct platform *platform, const struct phi_receipt *receipt,
                                   const struct platform_asked *asked)
{
    bool is_for_them = receipt->has_subject &&
                       phi_receipt_has_audience(receipt, phi_service_region(platform->service)) &&
                       phi_receipt_has_audience(receipt, asked->asking);
    if (!is_for_them)
        return phi_error_set(asked->error, PHI_ERR_RECEIPT, "receipt", "not for this caller");
    return PHI_OK;
}

static enum phi_err check_receipts(struct platform *platform, struct platform_asked *asked,
                                   size_t count, struct found *found)
{
    enum phi_err err = PHI_OK;
    struct phi_receipt_job jobs[PHI_RECEIPT_JOBS_MAX];
    assert(count <= PHI_RECEIPT_JOBS_MAX);
    for (size_t i = 0; i < count; i++) {
        jobs[i].bytes = asked[i].receipt;
        jobs[i].error = asked[i].error;
    }
    phi_service_receipts_read(platform->service, jobs, count);
    for (size_t i = 0; i < count; i++) {
        asked[i].status = jobs[i].result;
        if (asked[i].status == PHI_OK)
            asked[i].status = check_audience(platform, &jobs[i].receipt, &asked[i]);
        if (asked[i].status != PHI_OK)
            continue;
        PHI_GUARD(
            phi_array_add(found->subjects, PHI_BYTES_OF(jobs[i].receipt.subject, PHI_SUBJECT_LEN)));
        found->asked[found->count++] = i;
    }
out:
    return err;
}

static enum phi_err read_rows(struct platform *platform, struct phi_deadline deadline,
                              struct found *found, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    const struct phi_param params[] = {PHI_ARRAY(found->subjects), PHI_I64(REGIONS_MAX)};
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service), deadline, &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "entries_of_subjects",
        "SELECT asked.n, entry.* FROM unnest($1::bytea[]) WITH ORDINALITY AS asked (subject, n), "
        "LATERAL (SELECT region, version, grade, reasons, from_us, until_us, then_grade, "
        "updated_us "
        "FROM entries WHERE entries.subject = asked.subject AND NOT is_withdrawn "
        "ORDER BY region LIMIT $2) AS entry ORDER BY asked.n, entry.region",
        params, 2, &found->rows, error));
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err keep_answer(const struct found *found, size_t first, size_t count,
                                const struct phi_trust_view *trust, struct phi_arena *arena,
                                json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *answer = NULL;
    PHI_GUARD(
        platform_query_answer(found->rows, first, count, trust, phi_clock_now_us(NULL), &answer));
    PHI_GUARD(phi_json_keep(arena, answer));
    *out = answer;
out:
    return err;
}

/* The rows come in the order of those asked. */
static void make_answers(const struct found *found, const struct phi_trust_view *trust,
                         struct phi_arena *arena, struct platform_asked *asked)
{
    size_t at = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct platform_asked *one = &asked[found->asked[i]];
        size_t first = at;
        while (at < phi_rows_count(found->rows) &&
               phi_rows_i64(found->rows, at, QUERY_NUMBER) == (int64_t)i + 1)
            at++;
        one->status = keep_answer(found, first, at - first, trust, arena, &one->out);
    }
}

static void refuse_rest(struct platform_asked *asked, size_t count, enum phi_err why,
                        const struct phi_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (asked[i].status != PHI_OK)
            continue;
        asked[i].status = why;
        if (asked[i].error != NULL)
            *asked[i].error = *error;
    }
}

void platform_query(struct platform *platform, struct platform_asked *asked, size_t count,
                    struct phi_deadline deadline, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {0};
    const struct phi_trust_view *trust = NULL;
    struct found found = {.subjects = phi_array_new(PHI_COLUMN_BYTES)};
    for (size_t i = 0; i < count; i++)
        asked[i].status = PHI_OK;
    PHI_GUARD(found.subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(check_receipts(platform, asked, count, &found));
    if (found.count == 0)
        goto out;
    PHI_GUARD(phi_trust_hold(phi_service_trust(platform->service), arena, &trust));
    PHI_GUARD(read_rows(platform, deadline, &found, &error));
    make_answers(&found, trust, arena, asked);
out:
    if (err != PHI_OK)
        refuse_rest(asked, count, err, &error);
    phi_rows_free(found.rows);
    phi_array_free(found.subjects);
}

enum phi_err platform_query_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t receipt[PHI_RECEIPT_MAX];
    size_t len = 0;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_base64(&body, "receipt", 1, sizeof(receipt), receipt, &len, error));
    struct platform_asked asked = {.receipt = phi_view_of(receipt, len),
                                   .asking = phi_api_app(call)->institution,
                                   .error = error};
    platform_query(phi_service_state(phi_api_service(call)), &asked, 1, phi_api_deadline(call),
                   phi_api_arena(call));
    PHI_GUARD(asked.status);
    phi_api_data(call, json_incref(asked.out));
out:
    return err;
}
