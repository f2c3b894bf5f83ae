/* 健康码制码 (GB/T 38963 6.6, service type 2000): consent record, code, record and event in one
 * commit. What has arrived is minted together, so that the codes are signed in one batch; a refresh
 * that comes soon gets the code it has. */
#include "svc-codegen/minting/mint.h"

#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S 86400

static enum phi_err parse(struct phi_api_call *call, struct mint_job *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_hex(&body, "applicationId", out->application_id, APPLICATION_LEN, error));
    PHI_GUARD(phi_json_hex(&body, "challenge", out->challenge, CHALLENGE_LEN, error));
    PHI_GUARD(codegen_picture_parse(&body, &out->picture, error));
    PHI_GUARD(codegen_subject(call, out->applicant));
out:
    return err;
}

bool mint_is_fresh(const struct policy *policy, const struct recent_entry *code, int64_t now_us,
                   bool is_overloaded)
{
    if (code->scene->is_one_time || code->deadline_s <= now_us / 1000000)
        return false;
    return is_overloaded || now_us - code->minted_us <= policy->refresh_s * 1000000;
}

/* Too much to do: a full group arrived at once, or commits pile up. */
static bool is_overloaded(const struct codegen *codegen, struct phi_service *service, size_t count)
{
    return count == PHI_API_TOGETHER_MAX ||
           (int64_t)phi_lane_depth(phi_service_lane(service)) >= codegen->overload_commits;
}

static bool is_theirs(const struct mint_job *m, const struct recent_entry *found)
{
    return phi_api_now_us(m->turn->call) <= found->term_until_us &&
           strcmp(found->app_id, phi_api_app(m->turn->call)->app_id) == 0 &&
           phi_equal_secret(found->applicant, m->applicant, PHI_SUBJECT_LEN) &&
           phi_equal_secret(found->challenge, m->challenge, CHALLENGE_LEN);
}

/* Under a one-time code's application, kept after its commit, the next code needs no query. */
static void take_terms(struct mint_job *m, const struct recent_entry *found)
{
    m->terms.scene = found->scene;
    m->terms.term_until_us = found->term_until_us;
    m->terms.paper_days = found->paper_days;
    memcpy(m->terms.subject, found->subject, PHI_SUBJECT_LEN);
    m->is_known = true;
}

/* A code of this application that is still to be given, or the application, out of memory; not for
 * pictures, which may need to know the ward. */
static void look_in_memory(struct mint_job *m, bool overloaded)
{
    struct phi_api_call *call = m->turn->call;
    const struct codegen *codegen = codegen_of(call);
    struct recent_entry found;
    if (m->picture.is_wanted ||
        !recent_get(codegen->recent, m->application_id, phi_api_arena(call), &found))
        return;
    bool is_right = is_theirs(m, &found); /* if not, the database has the last word */
    if (is_right && mint_is_fresh(&codegen->policy, &found, phi_api_now_us(call), overloaded)) {
        m->code = found;
        m->is_again = true;
        phi_counter_add(codegen->again_memory, 1);
    } else if (is_right && found.scene->is_one_time) {
        take_terms(m, &found);
    }
    phi_wipe(&found, sizeof(found));
}

void mint_code_begin(struct mint_job *m)
{
    struct recent_entry *code = &m->code;
    memcpy(code->application_id, m->application_id, APPLICATION_LEN);
    memcpy(code->challenge, m->challenge, CHALLENGE_LEN);
    memcpy(code->applicant, m->applicant, PHI_SUBJECT_LEN);
    memcpy(code->subject, m->terms.subject, PHI_SUBJECT_LEN);
    snprintf(code->app_id, sizeof(code->app_id), "%s", phi_api_app(m->turn->call)->app_id);
    code->scene = m->terms.scene;
    code->term_until_us = m->terms.term_until_us;
    code->paper_days = m->terms.paper_days;
}

static int64_t deadline_of(const struct application_terms *terms, int64_t now_s)
{
    int64_t life_s = terms->paper_days > 0 ? terms->paper_days * DAY_S : terms->scene->life_s;
    int64_t mandate_s = terms->mandate_until_us / 1000000;
    bool is_cut = terms->mandate_until_us != 0 && mandate_s < now_s + life_s;
    return is_cut ? mandate_s : now_s + life_s;
}

static uint8_t flags_of(const struct application_terms *terms)
{
    return (uint8_t)(PHI_JKM1_SCOPE_FLAGS(terms->scene->scope) |
                     (terms->scene->is_one_time ? PHI_JKM1_ONE_TIME : 0) |
                     (terms->paper_days > 0 ? PHI_JKM1_PAPER : 0) |
                     (terms->mandate_until_us != 0 ? PHI_JKM1_ON_BEHALF : 0));
}

/* The consent record, sealed, and what the code is to say. */
static enum phi_err prepare(struct phi_api_call *call, struct mint_job *m)
{
    enum phi_err err = PHI_OK;
    const struct codegen *codegen = codegen_of(call);
    struct recent_entry *code = &m->code;
    struct phi_view record;
    bool on_behalf = m->terms.mandate_until_us != 0;
    mint_code_begin(m);
    code->minted_us = phi_api_now_us(call);
    code->deadline_s = deadline_of(&m->terms, code->minted_us / 1000000);
    code->flags = flags_of(&m->terms);
    const struct record_input input = {.policy = &codegen->policy,
                                       .scene = m->terms.scene,
                                       .region = phi_service_region(phi_api_service(call)),
                                       .holder =
                                           on_behalf ? &m->terms.ward : &phi_api_who(call)->person,
                                       .grantor = &phi_api_who(call)->person,
                                       .mandate = on_behalf ? &m->terms.mandate : NULL,
                                       .now_s = code->minted_us / 1000000,
                                       .deadline_s = code->deadline_s};
    PHI_GUARD(record_make(&input, phi_api_arena(call), &record));
    PHI_GUARD(phi_consent_digest(record, code->consent_digest));
    PHI_GUARD(phi_seal(codegen->store_key, MINT_CONSENT_CONTEXT, code->subject, record,
                       phi_api_arena(call), &code->consent_sealed));
    m->input = (struct phi_mint_input){.flags = code->flags, .deadline_s = code->deadline_s};
    memcpy(m->input.subject, code->subject, PHI_SUBJECT_LEN);
    memcpy(m->input.consent_digest, code->consent_digest, PHI_SM3_LEN);
out:
    return err;
}

static enum phi_err take_code(struct phi_api_call *call, struct mint_job *m,
                              const struct phi_minted *minted)
{
    enum phi_err err = PHI_OK;
    const struct codegen *codegen = codegen_of(call);
    struct recent_entry *code = &m->code;
    PHI_GUARD(minted->result);
    PHI_GUARD(mint_code_take(codegen, minted, phi_api_arena(call), code));
    if (!code->scene->is_one_time) {
        int64_t since_us = code->minted_us - codegen->policy.refresh_s * 1000000;
        m->is_again = recent_settle(codegen->recent, code, since_us, phi_api_arena(call));
    }
out:
    return err;
}

/* The codes of all jobs that need a new one, signed together. */
static void make_codes(struct mint_job **jobs, size_t count)
{
    struct phi_mint_input inputs[PHI_API_TOGETHER_MAX];
    struct phi_minted minted[PHI_API_TOGETHER_MAX];
    struct mint_job *job_of[PHI_API_TOGETHER_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct phi_api_turn *turn = jobs[i]->turn;
        if (turn->err == PHI_OK && !jobs[i]->is_again)
            turn->err = prepare(turn->call, jobs[i]);
        if (turn->err != PHI_OK || jobs[i]->is_again)
            continue;
        inputs[ready] = jobs[i]->input;
        job_of[ready++] = jobs[i];
    }
    if (ready == 0)
        return;
    const struct codegen *codegen = codegen_of(job_of[0]->turn->call);
    phi_codeside_mint_batch(codegen->codeside, inputs, minted, ready);
    for (size_t i = 0; i < ready; i++)
        job_of[i]->turn->err = take_code(job_of[i]->turn->call, job_of[i], &minted[i]);
    phi_wipe(inputs, ready * sizeof(inputs[0]));
    phi_wipe(minted, ready * sizeof(minted[0]));
}

/* The rows of a code that may not be kept yet, whoever minted it. */
static enum phi_err keep(struct phi_api_call *call, const struct mint_job *m)
{
    enum phi_err err = PHI_OK;
    struct phi_param row[CODE_COLUMNS];
    struct phi_event event;
    mint_code_row(&m->code, row);
    PHI_GUARD(phi_api_row(call, TABLE_CODES, row, CODE_COLUMNS));
    PHI_GUARD(codegen_minted_event(phi_api_service(call), &m->code, phi_api_arena(call), &event));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

static const char *truth(int flag)
{
    return flag != 0 ? "true" : "false";
}

/* Words, times, base32 and hexadecimal: nothing that JSON escapes. */
static const char *data_of(const struct recent_entry *code, struct phi_arena *arena)
{
    char deadline[PHI_RFC3339_MAX], digest[2 * PHI_SM3_LEN + 1];
    phi_rfc3339_format(code->deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(code->consent_digest, PHI_SM3_LEN), digest);
    return phi_arena_printf(
        arena,
        "{\"code\":\"%s\",\"deadline\":\"%s\",\"scene\":\"%s\",\"oneTime\":%s,\"paper\":%s,"
        "\"onBehalf\":%s,\"consentDigest\":\"%s\"}",
        code->text, deadline, code->scene->scene, truth(code->flags & PHI_JKM1_ONE_TIME),
        truth(code->flags & PHI_JKM1_PAPER), truth(code->flags & PHI_JKM1_ON_BEHALF), digest);
}

static enum phi_err tell(struct phi_api_call *call, void *context, struct phi_error *error)
{
    (void)error;
    enum phi_err err = PHI_OK;
    const struct mint_job *m = context;
    json_t *with_picture = NULL;
    const char *data = data_of(&m->code, phi_api_arena(call));
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_api_data_text(call, phi_view_text(data));
    if (!m->picture.is_wanted)
        return PHI_OK;
    with_picture = json_loads(data, 0, NULL);
    PHI_GUARD(with_picture == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(codegen_picture_draw(call, m, with_picture));
    phi_api_data(call, with_picture);
    with_picture = NULL;
out:
    json_decref(with_picture);
    return err;
}

static void committed(struct phi_api_call *call, void *context)
{
    const struct mint_job *m = context;
    const struct codegen *codegen = codegen_of(call);
    if (!m->is_again)
        phi_counter_add(codegen->minted, 1);
    if (m->code.scene->is_one_time && (m->code.flags & PHI_JKM1_ON_BEHALF) == 0)
        recent_know(codegen->recent, &m->code);
    else if (!m->code.is_committed)
        recent_commit(codegen->recent, m->application_id, m->code.serial_hmac);
}

/* Drawing takes a thousand times as long as the code. */
static enum phi_err finish(struct phi_api_call *call, struct mint_job *m, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (!m->code.is_committed)
        PHI_GUARD(keep(call, m));
    phi_api_after_commit(call, committed, m);
    if (m->picture.is_wanted)
        phi_api_finish_alone(call, tell, m);
    else
        PHI_GUARD(tell(call, m, error));
out:
    return err;
}

static size_t begin(struct phi_api_turn *turns, size_t count, struct mint_job **jobs)
{
    size_t begun = 0;
    for (size_t i = 0; i < count; i++) {
        struct mint_job *job = phi_arena_alloc(phi_api_arena(turns[i].call), sizeof(*job));
        turns[i].err = job == NULL ? PHI_ERR_MEMORY : parse(turns[i].call, job, &turns[i].error);
        if (job == NULL)
            continue;
        job->turn = &turns[i];
        jobs[begun++] = job;
    }
    return begun;
}

/* What was found in the database is in memory the next time. */
static void remember(struct mint_job *m)
{
    const struct codegen *codegen = codegen_of(m->turn->call);
    if (m->turn->err != PHI_OK || !m->is_again)
        return;
    phi_counter_add(codegen->again_database, 1);
    recent_settle(codegen->recent, &m->code, m->code.minted_us, phi_api_arena(m->turn->call));
}

void codegen_mint(struct phi_api_turn *turns, size_t count)
{
    struct mint_job *jobs[PHI_API_TOGETHER_MAX];
    bool was_again[PHI_API_TOGETHER_MAX];
    const struct codegen *codegen = codegen_of(turns[0].call);
    bool overloaded = is_overloaded(codegen, phi_api_service(turns[0].call), count);
    size_t begun = begin(turns, count, jobs);
    for (size_t i = 0; i < begun; i++) {
        if (jobs[i]->turn->err == PHI_OK)
            look_in_memory(jobs[i], overloaded);
        was_again[i] = jobs[i]->is_again;
    }
    codegen_applications_find(jobs, begun, overloaded);
    for (size_t i = 0; i < begun; i++)
        if (!was_again[i])
            remember(jobs[i]);
    make_codes(jobs, begun);
    for (size_t i = 0; i < begun; i++)
        if (jobs[i]->turn->err == PHI_OK)
            jobs[i]->turn->err = finish(jobs[i]->turn->call, jobs[i], &jobs[i]->turn->error);
}
