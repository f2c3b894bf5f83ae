/* A code of another platform that is good as far as can be seen here is asked about at its issuer's
 * verify RPC (address and key from the trust list), under a request id of its own. Until an answer
 * is there, and when none comes, the reply stays what check.c made it: 5004, and what is unchecked.
 * What the issuer says counts with a receipt that it signed, for this challenge. */
#include "svc-verify/verify.h"

#include "base/metrics.h"
#include "rpc/client.h"

#include <stdlib.h>
#include <string.h>

#define ROUTES_MAX 64
#define ISSUER_MS  1500 /* an issuer has this long at most */
#define RESERVE_MS 50   /* kept of the caller's time for the answer without the issuer's */
#define CALLS_MAX  1024

/* A platform that was asked before. Only the first use and a change of the trust list take long
 * under the lock; the path of our own codes doesn't come here. */
struct route {
    char platform[7];
    uint64_t list_version;
    struct phi_rpc_client *client;
};

struct verify_routes {
    pthread_mutex_t lock;
    uint8_t secret_key[PHI_CURVE_KEY_LEN];
    struct route routes[ROUTES_MAX];
    size_t count;
};

enum asked { ASKED_ANSWERED, ASKED_UNREACHABLE, ASKED_UNTRUE };

static void count_asked(const struct verify_job *job, enum asked asked)
{
    phi_counter_add(job->verify->asked[asked], 1);
}

enum phi_err verify_routes_open(struct verify *verify, const uint8_t secret_key[PHI_CURVE_KEY_LEN])
{
    struct verify_routes *routes = calloc(1, sizeof(*routes));
    if (routes == NULL)
        return PHI_ERR_MEMORY;
    verify->routes = routes;
    pthread_mutex_init(&routes->lock, NULL);
    memcpy(routes->secret_key, secret_key, PHI_CURVE_KEY_LEN);
    static const char *const labels[] = {"result=\"answered\"", "result=\"unreachable\"",
                                         "result=\"untrue\""};
    for (size_t i = 0; i < 3; i++)
        verify->asked[i] =
            phi_counter_new("phi_issuer_asked_total",
                            "codes of other platforms, by their issuer's answer", labels[i]);
    return PHI_OK;
}

void verify_routes_close(struct verify *verify)
{
    struct verify_routes *routes = verify->routes;
    if (routes == NULL)
        return;
    for (size_t i = 0; i < routes->count; i++)
        phi_rpc_client_close(routes->routes[i].client);
    pthread_mutex_destroy(&routes->lock);
    phi_wipe(routes->secret_key, sizeof(routes->secret_key));
    free(routes);
    verify->routes = NULL;
}

static size_t endpoints_of(const struct phi_trust_platform *platform,
                           struct phi_rpc_endpoint out[PHI_RPC_ENDPOINTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < platform->endpoint_counts[PHI_TRUST_VERIFY]; i++) {
        const struct phi_trust_endpoint *from = &platform->endpoints[PHI_TRUST_VERIFY][i];
        if (count == PHI_RPC_ENDPOINTS_MAX || strlen(from->address) >= sizeof(out[0].address))
            continue;
        memset(&out[count], 0, sizeof(out[count]));
        memcpy(out[count].address, from->address, strlen(from->address));
        memcpy(out[count++].server_key, from->curve, PHI_CURVE_KEY_LEN);
    }
    return count;
}

static enum phi_err open_route(struct verify_routes *routes, struct route *route,
                               const struct phi_rpc_endpoint *endpoints, size_t count)
{
    struct phi_rpc_client_options options = {
        .endpoints = endpoints, .endpoints_count = count, .calls_max = CALLS_MAX};
    memcpy(options.secret_key, routes->secret_key, PHI_CURVE_KEY_LEN);
    enum phi_err err = phi_rpc_client_open(&options, &route->client, NULL);
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}

/* The lock is held. */
static struct route *find_route(struct verify_routes *routes, const char *platform)
{
    for (size_t i = 0; i < routes->count; i++) {
        if (strcmp(routes->routes[i].platform, platform) == 0)
            return &routes->routes[i];
    }
    return NULL;
}

/* The lock is held. NULL: no room, or no client. */
static struct route *add_route(struct verify_routes *routes,
                               const struct phi_trust_platform *platform)
{
    struct phi_rpc_endpoint endpoints[PHI_RPC_ENDPOINTS_MAX];
    size_t count = endpoints_of(platform, endpoints);
    struct route *route = &routes->routes[routes->count];
    if (routes->count == ROUTES_MAX || count == 0 ||
        open_route(routes, route, endpoints, count) != PHI_OK)
        return NULL;
    memcpy(route->platform, platform->id, sizeof(route->platform));
    routes->count++;
    return route;
}

/* The lock is held. The list that is in force says where the platform is now. */
static void refresh(struct route *route, const struct phi_trust_platform *platform,
                    uint64_t version)
{
    struct phi_rpc_endpoint endpoints[PHI_RPC_ENDPOINTS_MAX];
    if (route->list_version == version)
        return;
    size_t count = endpoints_of(platform, endpoints);
    if (phi_rpc_client_set_endpoints(route->client, endpoints, count) == PHI_OK)
        route->list_version = version;
}

/* Routes stay until the end, so the client outlives the lock. */
static struct phi_rpc_client *client_of(struct verify *verify, const struct phi_trust_view *trust,
                                        const char *id)
{
    struct verify_routes *routes = verify->routes;
    const struct phi_trust_platform *platform = phi_trust_platform(trust, id);
    if (routes == NULL || platform == NULL)
        return NULL;
    pthread_mutex_lock(&routes->lock);
    struct route *route = find_route(routes, id);
    if (route == NULL)
        route = add_route(routes, platform);
    if (route != NULL)
        refresh(route, platform, phi_trust_list(trust)->version);
    struct phi_rpc_client *client = route == NULL ? NULL : route->client;
    pthread_mutex_unlock(&routes->lock);
    return client;
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
    count_asked(job, ASKED_UNREACHABLE);
    verify_answer(&job, 1, true);
}

static enum phi_err ask(struct verify_job *job, struct phi_rpc_client *client,
                        struct phi_deadline deadline)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_VERIFY_REQUEST_MAX + 64];
    struct phi_writer out = phi_writer_of(bytes, sizeof(bytes));
    struct phi_verify_request request = job->request;
    PHI_GUARD(issuer_request_id(&job->request, job->issuer->request_id));
    memcpy(request.request_id, job->issuer->request_id, sizeof(request.request_id));
    request.left_ms = (uint32_t)phi_deadline_left_ms(deadline);
    PHI_GUARD(phi_verify_requests_encode(&request, 1, &out));
    PHI_GUARD(phi_rpc_call_start(client, phi_view_of(bytes, phi_writer_len(&out)),
                                 request.request_id, deadline, on_answer, job));
out:
    return err;
}

static bool start(struct verify_bench *bench, struct verify_job *job)
{
    struct phi_deadline reserved = {.at_us = job->deadline.at_us - RESERVE_MS * 1000};
    struct phi_deadline deadline = phi_deadline_min(reserved, phi_deadline_in_ms(ISSUER_MS));
    struct phi_rpc_client *client = client_of(job->verify, bench->trust.view, job->code.platform);
    job->issuer = phi_arena_alloc(job->batch->arena, sizeof(*job->issuer));
    return client != NULL && job->issuer != NULL && !phi_deadline_is_past(deadline) &&
           ask(job, client, deadline) == PHI_OK;
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

/* On the late thread. */
void verify_take_issuers_answer(struct verify_bench *bench, struct verify_job *job)
{
    struct phi_verify_reply reply;
    size_t count = 0;
    struct phi_view bytes = phi_view_of(job->issuer->reply, job->issuer->reply_len);
    bool is_taken = bench != NULL &&
                    phi_verify_replies_decode(bytes, &reply, 1, &count) == PHI_OK &&
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
