/* 健康码制码 (GB/T 38963 6.6, service type 2000): consent record, code, record and event in one
 * commit. What has arrived is minted together, so that the codes are signed in one batch. */
#include "svc-codegen/mint.h"

#include "base/metrics.h"
#include "codes/consent.h"
#include "json/canonical.h"

#include <stdlib.h>
#include <string.h>

static enum phi_err parse(struct phi_api_call *call, struct mint_job *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_hex(&body, "applicationId", out->application_id, APPLICATION_LEN, error));
    PHI_GUARD(phi_json_hex(&body, "challenge", out->challenge, CHALLENGE_LEN, error));
    PHI_GUARD(codegen_picture_parse(&body, &out->picture, error));
    PHI_GUARD(codegen_subject(call, out->subject));
out:
    return err;
}

/* The consent record and what the code is to say. */
static enum phi_err prepare(struct phi_api_call *call, struct mint_job *m)
{
    enum phi_err err = PHI_OK;
    int64_t now_s = phi_api_now_us(call) / 1000000;
    PHI_GUARD(
        phi_consent_format(&phi_api_who(call)->person, now_s, phi_api_arena(call), &m->consent));
    PHI_GUARD(phi_consent_digest(m->consent, m->input.consent_digest));
    memcpy(m->input.subject, m->subject, PHI_SUBJECT_LEN);
    m->input.deadline_s = now_s + m->scene->life_s;
    m->input.flags = (uint8_t)(PHI_JKM1_SCOPE_FLAGS(m->scene->scope) |
                               (m->scene->is_one_time ? PHI_JKM1_ONE_TIME : 0) |
                               (m->scene->is_paper ? PHI_JKM1_PAPER : 0));
out:
    return err;
}

static enum phi_err take_code(struct phi_api_call *call, struct mint_job *m,
                              const struct phi_minted *minted)
{
    enum phi_err err = PHI_OK;
    const struct phi_view serial = phi_view_of(minted->serial, PHI_JKM1_SERIAL_LEN);
    PHI_GUARD(minted->result);
    PHI_GUARD(phi_hmac_sm3(codegen_of(call)->serial_key, &serial, 1, m->serial_hmac));
    m->code = *minted;
out:
    return err;
}

/* The codes of all jobs that have no error, signed together. */
static void make_codes(struct mint_job **jobs, size_t count)
{
    struct phi_mint_input inputs[PHI_API_TOGETHER_MAX];
    struct phi_minted minted[PHI_API_TOGETHER_MAX];
    struct mint_job *job_of[PHI_API_TOGETHER_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct phi_api_turn *turn = jobs[i]->turn;
        if (turn->err == PHI_OK)
            turn->err = prepare(turn->call, jobs[i]);
        if (turn->err != PHI_OK)
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

static enum phi_err keep(struct phi_api_call *call, const struct mint_job *m)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(phi_seal(codegen_of(call)->store_key, "codes.consent_sealed", m->subject, m->consent,
                       phi_api_arena(call), &sealed));
    const struct phi_param row[] = {
        PHI_BYTES_OF(m->serial_hmac, PHI_SM3_LEN),
        PHI_BYTES_OF(m->application_id, APPLICATION_LEN),
        PHI_BYTES_OF(m->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_I64(m->code.key_set),
        PHI_TEXT(m->scene->scene),
        PHI_I64(m->input.deadline_s),
        PHI_BYTES_OF(m->input.consent_digest, PHI_SM3_LEN),
        PHI_BYTES(sealed),
        PHI_I64(phi_api_now_us(call)),
    };
    PHI_GUARD(phi_api_row(call, TABLE_CODES, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

/* code.minted tells that a code came to be: neither whose nor which, but for who holds the serial's
 * key. */
static enum phi_err announce(struct phi_api_call *call, const struct mint_job *m)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    char serial[2 * PHI_SM3_LEN + 1], deadline[PHI_RFC3339_MAX], minted[PHI_RFC3339_MAX];
    struct phi_view value;
    phi_hex_encode(phi_view_of(m->serial_hmac, PHI_SM3_LEN), serial);
    phi_rfc3339_format(m->input.deadline_s * 1000000, deadline);
    phi_rfc3339_format(phi_api_now_us(call), minted);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:s, s:s, s:s}", "serialHmac", serial, "platform",
                  phi_service_region(service), "keySetId", (int)m->code.key_set, "scene",
                  m->scene->scene, "oneTime", m->scene->is_one_time, "paper", m->scene->is_paper,
                  "deadline", deadline, "mintedAt", minted, "app", phi_api_app(call)->app_id);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &value));
    struct phi_event event = {.topic = phi_service_topic(service, "code.minted"),
                              .type = "cn.phi.code.minted",
                              .key = phi_view_of(m->serial_hmac, PHI_SUBJECT_LEN),
                              .value = value};
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

static enum phi_err tell(struct phi_api_call *call, void *context, struct phi_error *error)
{
    (void)error;
    enum phi_err err = PHI_OK;
    const struct mint_job *m = context;
    char deadline[PHI_RFC3339_MAX], digest[2 * PHI_SM3_LEN + 1];
    phi_rfc3339_format(m->input.deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(m->input.consent_digest, PHI_SM3_LEN), digest);
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:b, s:s}", "code", m->code.text, "deadline", deadline, "scene",
                  m->scene->scene, "oneTime", m->scene->is_one_time, "consentDigest", digest);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (m->picture.is_wanted)
        PHI_GUARD(codegen_picture_draw(call, m, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

static void count_one(struct phi_api_call *call, void *counter)
{
    (void)call;
    phi_counter_add(counter, 1);
}

/* Drawing takes a thousand times as long as the code. */
static enum phi_err finish(struct phi_api_call *call, struct mint_job *m, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(keep(call, m));
    PHI_GUARD(announce(call, m));
    phi_api_after_commit(call, count_one, codegen_of(call)->minted);
    if (m->picture.is_wanted)
        phi_api_finish_alone(call, tell, m);
    else
        PHI_GUARD(tell(call, m, error));
out:
    return err;
}

void codegen_mint(struct phi_api_turn *turns, size_t count)
{
    struct mint_job *jobs[PHI_API_TOGETHER_MAX];
    size_t begun = 0;
    for (size_t i = 0; i < count; i++) {
        struct mint_job *job = phi_arena_alloc(phi_api_arena(turns[i].call), sizeof(*job));
        turns[i].err = job == NULL ? PHI_ERR_MEMORY : parse(turns[i].call, job, &turns[i].error);
        if (job == NULL)
            continue;
        job->turn = &turns[i];
        jobs[begun++] = job;
    }
    codegen_applications_find(jobs, begun);
    make_codes(jobs, begun);
    for (size_t i = 0; i < begun; i++)
        if (jobs[i]->turn->err == PHI_OK)
            jobs[i]->turn->err = finish(jobs[i]->turn->call, jobs[i], &jobs[i]->turn->error);
}
