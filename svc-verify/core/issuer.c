/* A code of another platform that is good as far as can be seen here is asked about at its issuer's
 * verify RPC (address and key from the trust list), under a request id of its own. Until an answer
 * is there, and when none comes, the reply stays what check.c made it: 5004, and what is unchecked.
 * What the issuer says counts with a receipt that it signed, for this challenge. */
#include "svc-verify/verify.h"

#include "base/metrics.h"

#include <string.h>

#define ISSUER_MS  1500 /* an issuer has this long at most */
#define DIRECT_MS  900  /* of it, where the relay can be asked then */
#define RESERVE_MS 50   /* kept of the caller's time for the answer without the issuer's */

enum asked { ASKED_ANSWERED, ASKED_UNREACHABLE, ASKED_UNTRUE };

static void count_asked(const struct verify_job *job, enum asked asked)
{
    phi_counter_add(job->verify->asked[asked], 1);
}

enum phi_err verify_routes_open(struct verify *verify, const uint8_t secret_key[PHI_CURVE_KEY_LEN])
{
    static const char *const labels[] = {"result=\"answered\"", "result=\"unreachable\"",
                                         "result=\"untrue\""};
    for (size_t i = 0; i < 3; i++)
        verify->asked[i] =
            phi_counter_new("phi_issuer_asked_total",
                            "codes of other platforms, by their issuer's answer", labels[i]);
    return phi_neighbours_open(PHI_TRUST_VERIFY, secret_key, &verify->issuers);
}

void verify_routes_close(struct verify *verify)
{
    phi_neighbours_close(verify->issuers);
    verify->issuers = NULL;
}

/* There the asker is this platform's svc-verify, so ids of different programs here must stay apart.
 */
static enum phi_err issuer_request_id(const struct phi_verify_request *request, uint8_t out[16])
{
    uint8_t digest[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_text(request->platform), phi_view_text("\n"),
                                     phi_view_text(request->program), phi_view_text("\n"),
                                     phi_view_of(request->request_id, 16)};
    enum phi_err err = phi_sm3_parts(parts, 5, digest);
    if (err == PHI_OK)
        memcpy(out, digest, 16);
    return err;
}

static void on_answer(void *context, enum phi_err err, struct phi_view reply)
{
    struct verify_job *job = context;
    bool is_kept = err == PHI_OK && reply.len <= sizeof(job->issuer->reply);
    if (is_kept) {
        memcpy(job->issuer->reply, reply.data, reply.len);
        job->issuer->reply_len = reply.len;
        verify_late_push(job);
        return;
    }
    bool is_away = err == PHI_ERR_NEIGHBOUR || err == PHI_ERR_DEADLINE;
    if (is_away && job->issuer->can_relay && !job->issuer->is_relayed) {
        job->issuer->reply_len = 0;
        verify_late_push(job);
        return;
    }
    count_asked(job, ASKED_UNREACHABLE);
    verify_answer(&job, 1, true);
}

static enum phi_err write_request(struct verify_job *job, struct phi_deadline deadline,
                                  struct phi_writer *out)
{
    enum phi_err err = PHI_OK;
    struct phi_verify_request request = job->request;
    PHI_GUARD(issuer_request_id(&job->request, job->issuer->request_id));
    memcpy(request.request_id, job->issuer->request_id, sizeof(request.request_id));
    request.left_ms = (uint32_t)phi_deadline_left_ms(deadline);
    PHI_GUARD(request.left_ms == 0 ? PHI_ERR_DEADLINE : PHI_OK);
    PHI_GUARD(phi_verify_requests_encode(&request, 1, out));
out:
    return err;
}

static enum phi_err ask(struct verify_job *job, struct phi_rpc_client *client,
                        struct phi_deadline deadline)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_VERIFY_REQUEST_MAX + 64];
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    PHI_GUARD(write_request(job, deadline, &out));
    PHI_GUARD(phi_rpc_call_start(client, phi_view_of(bytes, phi_writer_len(&out)),
                                 job->issuer->request_id, deadline, on_answer, job));
out:
    return err;
}

/* Through the unified platform, which sees an envelope only, in the time that is left. */
static enum phi_err ask_relayed(struct verify_job *job, const struct phi_trust_view *trust)
{
    enum phi_err err = PHI_OK;
    struct verify_issuer *issuer = job->issuer;
    uint8_t bytes[PHI_VERIFY_REQUEST_MAX + 64];
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    PHI_GUARD(write_request(job, issuer->deadline, &out));
    const struct phi_forward_ask asked = {.trust = trust,
                                          .target = job->code.platform,
                                          .service = PHI_RELAY_VERIFY,
                                          .request_id = issuer->request_id,
                                          .left_ms =
                                              (uint32_t)phi_deadline_left_ms(issuer->deadline),
                                          .frame = phi_view_of(bytes, phi_writer_len(&out))};
    PHI_GUARD(phi_forward_wrap(job->verify->forward, &asked, job->batch->arena, &issuer->sent));
    issuer->is_relayed = true;
    PHI_GUARD(phi_rpc_call_start(issuer->sent.client, issuer->sent.payload, issuer->request_id,
                                 issuer->deadline, on_answer, job));
out:
    return err;
}

static bool start(struct verify_bench *bench, struct verify_job *job)
{
    struct phi_deadline reserved = {.at_us = job->deadline.at_us - RESERVE_MS * 1000};
    struct verify *verify = job->verify;
    const char *platform = job->code.platform;
    const struct phi_trust_view *trust = bench->trust.view;
    job->issuer = phi_arena_alloc(job->batch->arena, sizeof(*job->issuer));
    if (job->issuer == NULL)
        return false;
    job->issuer->deadline = phi_deadline_min(reserved, phi_deadline_in_ms(ISSUER_MS));
    job->issuer->can_relay = phi_forward_is_possible(verify->forward, trust, platform);
    struct phi_rpc_client *client = phi_forward_is_wanted(verify->forward, platform)
                                        ? NULL
                                        : phi_neighbours_client(verify->issuers, trust, platform);
    bool is_cut_off =
        client == NULL || (job->issuer->can_relay && phi_rpc_client_usable_count(client) == 0);
    if (is_cut_off)
        return job->issuer->can_relay && ask_relayed(job, trust) == PHI_OK;
    struct phi_deadline direct =
        job->issuer->can_relay
            ? phi_deadline_min(job->issuer->deadline, phi_deadline_in_ms(DIRECT_MS))
            : job->issuer->deadline;
    return ask(job, client, direct) == PHI_OK;
}

void verify_ask_issuers(struct verify_bench *bench, struct verify_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct verify_job *job = batch->jobs[i];
        if (job->way != WAY_ISSUER || start(bench, job))
            continue;
        count_asked(job, ASKED_UNREACHABLE);
        verify_answer(&job, 1, true);
    }
}

static bool is_signed(const struct verify_job *job, const struct phi_trust_view *trust,
                      const struct phi_receipt *receipt, struct phi_view signed_part,
                      const uint8_t *sig)
{
    const struct phi_trust_platform *issuer = phi_trust_platform(trust, receipt->issuer);
    const struct phi_trust_key *key =
        issuer == NULL ? NULL
                       : phi_trust_key(issuer, PHI_TRUST_RECEIPT, receipt->key_id, job->now_us);
    return key != NULL && phi_sm2_verify(key->public_key, signed_part, sig) == PHI_OK;
}

/* The receipt goes on to the caller, who will judge it too; what could not be of use stops here. */
static bool is_good_receipt(const struct verify_job *job, const struct phi_trust_view *trust,
                            struct phi_view bytes)
{
    struct phi_receipt receipt;
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    return phi_receipt_decode(bytes, &receipt, &signed_part, &sig) == PHI_OK &&
           strcmp(receipt.issuer, job->code.platform) == 0 &&
           memcmp(receipt.challenge, job->request.challenge, sizeof(receipt.challenge)) == 0 &&
           receipt.scope <= job->request.scope &&
           phi_receipt_has_audience(&receipt, job->verify->region) &&
           is_signed(job, trust, &receipt, signed_part, sig);
}

/* Good with a receipt where there is one to be, or a verdict; anything else is no answer. */
static bool is_true(const struct verify_job *job, const struct phi_trust_view *trust,
                    const struct phi_verify_reply *reply)
{
    if (memcmp(reply->request_id, job->issuer->request_id, sizeof(reply->request_id)) != 0)
        return false;
    if (reply->status != PHI_OK)
        return phi_err_is_verdict(reply->status) || reply->status == PHI_ERR_NOT_HOLDER ||
               reply->status == PHI_ERR_CONFLICT || reply->status == PHI_ERR_FORBIDDEN;
    return job->request.operation != PHI_VERIFY_VERIFY ||
           is_good_receipt(job, trust, reply->receipt);
}

static bool open_reply(const struct verify_job *job, struct phi_verify_reply *reply)
{
    size_t count = 0;
    const struct verify_issuer *issuer = job->issuer;
    struct phi_view bytes = phi_view_of(issuer->reply, issuer->reply_len);
    if (issuer->is_relayed &&
        phi_forward_unwrap(&issuer->sent, bytes, job->batch->arena, &bytes) != PHI_OK)
        return false;
    return phi_verify_replies_decode(bytes, reply, 1, &count) == PHI_OK;
}

/* No way there, but perhaps the relay has one: the answer, if any, comes here again. */
static void try_relay(struct verify_bench *bench, struct verify_job *job)
{
    if (bench != NULL &&
        ask_relayed(job, phi_trust_read(job->verify->trust, &bench->trust)) == PHI_OK)
        return;
    count_asked(job, ASKED_UNREACHABLE);
    verify_answer(&job, 1, true);
}

/* On the late thread. */
void verify_take_issuers_answer(struct verify_bench *bench, struct verify_job *job)
{
    struct phi_verify_reply reply;
    if (job->issuer->reply_len == 0) {
        try_relay(bench, job);
        return;
    }
    bool is_taken = bench != NULL && open_reply(job, &reply) &&
                    is_true(job, phi_trust_read(job->verify->trust, &bench->trust), &reply);
    count_asked(job, is_taken ? ASKED_ANSWERED : ASKED_UNTRUE);
    if (is_taken) {
        memcpy(reply.request_id, job->request.request_id, sizeof(reply.request_id));
        memcpy(reply.platform, job->reply.platform, sizeof(reply.platform));
        reply.deadline_s = job->reply.deadline_s;
        reply.checked |= job->reply.checked;
        reply.unchecked &= (uint16_t)~reply.checked;
        job->reply = reply;
    }
    verify_answer(&job, 1, !is_taken);
}
