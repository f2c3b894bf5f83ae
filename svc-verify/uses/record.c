/* A use is recorded, and a one-time code spent, before the answer: the guards `requests` (same
 * request, same answer) and `ledger` (once is once), the use and the event, in one group commit. */
#include "svc-verify/uses/restore.h"

#include "base/metrics.h"
#include "base/mutant.h"
#include "bus/event_row.h"
#include "store/outbox.h"

#include <stdlib.h>
#include <string.h>

/* the names and signs, and the longest of each text */
#define VALUE_MAX 768

static enum phi_err add_request(struct verify_job *job, struct phi_commit *commit)
{
    const struct phi_verify_request *request = &job->request;
    const struct phi_param row[REQUESTS_COLUMNS] = {
        [REQUESTS_PLATFORM] = PHI_TEXT(request->platform),
        [REQUESTS_PROGRAM] = PHI_TEXT(request->program),
        [REQUESTS_ID] = PHI_BYTES_OF(request->request_id, sizeof(request->request_id)),
        [REQUESTS_SERIAL_HMAC] = PHI_BYTES_OF(job->serial_hmac, PHI_SM3_LEN),
        [REQUESTS_REQUESTER_DIGEST] = PHI_BYTES_OF(request->digest, PHI_SM3_LEN),
        [REQUESTS_SCOPE] = PHI_I64(job->reply.scope),
        [REQUESTS_STATUS] = PHI_TEXT(phi_err_return_code(job->reply.status)),
        [REQUESTS_USED] = PHI_I64(job->now_us),
    };
    return phi_commit_add(commit, TABLE_REQUESTS, row, REQUESTS_COLUMNS);
}

/* Under the event's id, so that a use can be told from another of the same microsecond. */
static enum phi_err add_use(struct verify_job *job, struct phi_commit *commit)
{
    const struct phi_verify_request *request = &job->request;
    const struct phi_param row[USES_COLUMNS] = {
        [USES_ID] = PHI_BYTES_OF(job->event->id, PHI_EVENT_ID_LEN),
        [USES_PLATFORM] = PHI_TEXT(request->platform),
        [USES_PROGRAM] = PHI_TEXT(request->program),
        [USES_SUBJECT] = PHI_BYTES_OF(job->content.subject, PHI_SUBJECT_LEN),
        [USES_SUBJECT_KEY] = PHI_I64(PHI_SUBJECT_KEY_VERSION),
        [USES_SERIAL_HMAC] = PHI_BYTES_OF(job->serial_hmac, PHI_SM3_LEN),
        [USES_APP] = PHI_TEXT(request->app),
        [USES_SCOPE] = PHI_I64(job->reply.scope),
        [USES_STATUS] = PHI_TEXT(phi_err_return_code(job->reply.status)),
        [USES_FLAGS] = PHI_I64(job->reply.flags),
        [USES_DEADLINE] = PHI_I64(job->reply.deadline_s),
        [USES_USED] = PHI_I64(job->now_us),
    };
    return phi_commit_add(commit, TABLE_USES, row, USES_COLUMNS);
}

static enum phi_err add_ledger(struct verify_job *job, struct phi_commit *commit)
{
    bool is_spent = job->reply.status == PHI_OK && job->content.flags & PHI_JKM1_ONE_TIME;
    if (!is_spent || PHI_MUTANT(one_time_twice))
        return PHI_OK;
    const struct phi_param row[] = {PHI_I64(job->code.deadline_s),
                                    PHI_BYTES_OF(job->serial_hmac, PHI_SM3_LEN),
                                    PHI_I64(job->now_us)};
    return phi_commit_add(commit, TABLE_LEDGER, row, 3);
}

/* Canonical JSON (members in order), written by hand: all its texts are words, without anything to
 * escape. */
static enum phi_err write_value(struct verify_job *job, struct phi_view *out)
{
    const struct phi_verify_request *request = &job->request;
    char serial[2 * PHI_SM3_LEN + 1], time[PHI_RFC3339_MAX];
    const char *kept = NULL;
    char *text = phi_arena_alloc(job->batch->arena, VALUE_MAX);
    if (text == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = verify_kept_seal(job, &kept);
    if (err != PHI_OK)
        return err;
    phi_hex_encode(phi_view_of(job->serial_hmac, PHI_SM3_LEN), serial);
    phi_rfc3339_format(job->now_us, time);
    const char *const parts[] = {"{\"app\":\"",
                                 request->app,
                                 "\",\"kept\":\"",
                                 kept,
                                 "\",\"platform\":\"",
                                 request->platform,
                                 "\",\"program\":\"",
                                 request->program,
                                 "\",\"resultCode\":\"",
                                 phi_err_return_code(job->reply.status),
                                 "\",\"scope\":\"",
                                 phi_scope_name(job->reply.scope),
                                 "\",\"serialHmac\":\"",
                                 serial,
                                 "\",\"verifiedAt\":\"",
                                 time,
                                 "\"}"};
    char *at = text;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        at = stpcpy(at, parts[i]);
    *out = phi_view_of(text, (size_t)(at - text));
    return PHI_OK;
}

static enum phi_err make_event(struct verify_job *job)
{
    enum phi_err err = PHI_OK;
    job->event = phi_arena_alloc(job->batch->arena, sizeof(*job->event));
    PHI_GUARD(job->event == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *job->event = (struct phi_event){.topic = job->verify->topic,
                                     .type = "cn.phi.code.verified",
                                     .source = job->verify->source,
                                     .time_us = job->now_us,
                                     .key = phi_view_of(job->serial_hmac, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_event_new_id(job->event));
    PHI_GUARD(write_value(job, &job->event->value));
out:
    return err;
}

static enum phi_err add_event(struct verify_job *job, struct phi_commit *commit)
{
    enum phi_err err = PHI_OK;
    struct phi_param row[PHI_OUTBOX_COLUMNS];
    PHI_GUARD(make_event(job));
    PHI_GUARD(phi_event_to_row(job->event, job->now_us, job->batch->arena, row));
    PHI_GUARD(phi_commit_add(commit, PHI_API_OUTBOX, row, PHI_OUTBOX_COLUMNS));
out:
    return err;
}

/* What the recorded answer of the same request was; another code or requester under its id is a
 * conflict. */
static void keep_recorded(struct verify_job *job, const struct phi_commit_result *result)
{
    const struct phi_rows *rows = result->rows;
    size_t row = result->row;
    job->is_other_request = !phi_view_equal(phi_rows_bytes(rows, row, REQUESTS_SERIAL_HMAC),
                                            phi_view_of(job->serial_hmac, PHI_SM3_LEN)) ||
                            !phi_view_equal(phi_rows_bytes(rows, row, REQUESTS_REQUESTER_DIGEST),
                                            phi_view_of(job->request.digest, PHI_SM3_LEN));
    job->is_other_request = job->is_other_request && !PHI_MUTANT(any_code_again);
    job->reply.status = phi_err_from_return_code(phi_rows_text(rows, row, REQUESTS_STATUS));
    job->reply.scope = (enum phi_scope)phi_rows_i64(rows, row, REQUESTS_SCOPE);
    job->reply.is_repeat = true;
    job->has_recorded = true;
}

void verify_keep_result(struct verify_job *job, const struct phi_commit_result *result)
{
    job->commit_err = result->err;
    job->commit_table = result->table;
    if (result->table == TABLE_REQUESTS && result->rows != NULL)
        keep_recorded(job, result);
}

void verify_count_kept(const struct verify_job *job)
{
    phi_counter_add(job->verify->verified[job->reply.status == PHI_OK], 1);
}

enum phi_err verify_record(struct verify_job *job, struct phi_lane *lane, struct phi_commit **out)
{
    enum phi_err err = PHI_OK;
    struct phi_commit *commit = phi_commit_new_in(lane, job->batch->arena);
    PHI_GUARD(commit == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(add_request(job, commit));
    PHI_GUARD(add_ledger(job, commit));
    PHI_GUARD(add_event(job, commit));
    PHI_GUARD(add_use(job, commit));
    *out = commit;
    return PHI_OK;
out:
    phi_commit_free(commit);
    return err;
}
