#include "svc-platform/relay/relay.h"

#include "base/metrics.h"
#include "codes/relay_message.h"
#include "service/neighbours.h"

#include <stdlib.h>
#include <string.h>

#define RESERVE_MS 30 /* of the caller's time, for the way back */

enum outcome { OUTCOME_ANSWERED, OUTCOME_UNREACHABLE, OUTCOME_LATE, OUTCOME_REFUSED, OUTCOMES };

struct relay {
    struct platform *platform;
    struct phi_neighbours *neighbours[PHI_RELAY_SERVICES];
    size_t calls_max;
    atomic_size_t calls;
    struct phi_counter *outcomes[OUTCOMES];
    struct phi_counter *bytes;
};

/* A call on its way to the province that it is for. */
struct passing {
    struct relay *relay;
    struct phi_rpc_call *call;
};

static void count(struct relay *relay, enum outcome outcome)
{
    phi_counter_add(relay->outcomes[outcome], 1);
}

static void refuse(struct relay *relay, struct phi_rpc_call *call, enum phi_err err)
{
    count(relay, err == PHI_ERR_DEADLINE    ? OUTCOME_LATE
                 : err == PHI_ERR_NEIGHBOUR ? OUTCOME_UNREACHABLE
                                            : OUTCOME_REFUSED);
    phi_rpc_refuse(call, err);
}

/* On the client's thread. */
static void on_answer(void *context, enum phi_err err, struct phi_view reply)
{
    struct passing *passing = context;
    struct relay *relay = passing->relay;
    if (err == PHI_OK) {
        count(relay, OUTCOME_ANSWERED);
        phi_counter_add(relay->bytes, reply.len);
        phi_rpc_reply(passing->call, reply);
    } else {
        refuse(relay, passing->call, err);
    }
    atomic_fetch_sub(&relay->calls, 1);
    free(passing);
}

/* The time that is left is told on, less the way back. */
static enum phi_err start(struct phi_rpc_client *client, struct phi_relay_request *request,
                          struct phi_deadline deadline, struct passing *passing)
{
    enum phi_err err = PHI_OK;
    int64_t left_ms = phi_deadline_left_ms(deadline) - RESERVE_MS;
    size_t size = 64 + request->envelope.len;
    uint8_t *bytes = malloc(size);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(left_ms <= 0 ? PHI_ERR_DEADLINE : PHI_OK);
    struct phi_writer to = phi_writer_of(bytes, size);
    request->left_ms = (uint32_t)left_ms;
    PHI_GUARD(phi_relay_request_encode(request, &to));
    PHI_GUARD(phi_rpc_call_start(client, phi_view_of(bytes, phi_writer_len(&to)),
                                 request->request_id, phi_deadline_in_ms(left_ms), on_answer,
                                 passing));
out:
    free(bytes);
    return err;
}

static struct phi_rpc_client *client_of(struct relay *relay,
                                        const struct phi_relay_request *request)
{
    const struct phi_trust_view *trust =
        phi_trust_acquire(phi_service_trust(relay->platform->service));
    struct phi_rpc_client *client =
        phi_neighbours_client(relay->neighbours[request->service], trust, request->target);
    phi_trust_release(trust);
    return client;
}

static enum phi_err pass_on(struct relay *relay, struct phi_rpc_call *call)
{
    enum phi_err err = PHI_OK;
    struct phi_relay_request request;
    struct passing *passing = NULL;
    PHI_GUARD(phi_relay_request_decode(phi_rpc_call_payload(call), &request));
    struct phi_rpc_client *client = client_of(relay, &request);
    PHI_GUARD(client == NULL ? PHI_ERR_NEIGHBOUR : PHI_OK);
    passing = calloc(1, sizeof(*passing));
    PHI_GUARD(passing == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *passing = (struct passing){.relay = relay, .call = call};
    PHI_GUARD(start(client, &request, phi_rpc_call_deadline(call), passing));
    return PHI_OK; /* it is the client's now */
out:
    free(passing);
    return err;
}

static void pass(struct phi_rpc_call *call, void *context)
{
    struct relay *relay = context;
    size_t before = atomic_fetch_add(&relay->calls, 1);
    enum phi_err err = before >= relay->calls_max ? PHI_ERR_OVERLOAD : pass_on(relay, call);
    if (err == PHI_OK)
        return;
    atomic_fetch_sub(&relay->calls, 1);
    refuse(relay, call, err);
}

static void make_metrics(struct relay *relay)
{
    static const char *const labels[OUTCOMES] = {"result=\"answered\"", "result=\"unreachable\"",
                                                 "result=\"late\"", "result=\"refused\""};
    for (size_t i = 0; i < OUTCOMES; i++)
        relay->outcomes[i] =
            phi_counter_new("phi_relay_calls_total", "calls between provinces", labels[i]);
    relay->bytes = phi_counter_new("phi_relay_bytes_total", "bytes of relayed answers", NULL);
}

enum phi_err relay_open(struct platform *platform, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_CURVE_KEY_LEN] = {0};
    struct phi_service *service = platform->service;
    static const enum phi_trust_service services[PHI_RELAY_SERVICES] = {
        [PHI_RELAY_VERIFY] = PHI_TRUST_VERIFY, [PHI_RELAY_QUERY] = PHI_TRUST_QUERY};
    struct relay *relay = calloc(1, sizeof(*relay));
    PHI_GUARD(relay == NULL ? PHI_ERR_MEMORY : PHI_OK);
    platform->relay = relay;
    relay->platform = platform;
    relay->calls_max = (size_t)phi_config_int(phi_service_config(service), "PHI_RELAY_MAX");
    make_metrics(relay);
    PHI_GUARD(phi_service_key_curve(service, "PHI_RPC_CURVE_FILE", secret, error));
    for (size_t i = 0; i < PHI_RELAY_SERVICES; i++)
        PHI_GUARD(phi_neighbours_open(services[i], secret, &relay->neighbours[i]));
    phi_query_rpc_pass(platform->rpc, pass, relay);
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

void relay_close(struct platform *platform)
{
    struct relay *relay = platform->relay;
    if (relay == NULL)
        return;
    for (size_t i = 0; i < PHI_RELAY_SERVICES; i++)
        phi_neighbours_close(relay->neighbours[i]);
    free(relay);
    platform->relay = NULL;
}
