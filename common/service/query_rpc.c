#include "service/query_rpc.h"

#include "base/log.h"
#include "json/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_ARENA ((size_t)768 * 1024)
#define REPLY_HEAD ((size_t)32) /* of a reply, all that is not its JSON */

struct phi_query_rpc {
    struct phi_service *service;
    phi_query_answer *answer;
    phi_query_answers *answers; /* NULL: one after the other */
    void *context;
    struct phi_rpc_allow_list *allow;
    struct phi_rpc_server *server;
    struct phi_forward *forward;
    void (*pass)(struct phi_rpc_call *call, void *context);
    void *pass_context;
};

/* The reply's bytes, in the arena. */
static enum phi_err write_reply(const struct phi_query_request *request, enum phi_err status,
                                const json_t *json, struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_query_reply reply = {.operation = request->operation, .status = status};
    memcpy(reply.request_id, request->request_id, sizeof(reply.request_id));
    if (status == PHI_OK)
        PHI_GUARD(phi_json_canonical(json, arena, &reply.json));
    uint8_t *bytes = phi_arena_alloc(arena, REPLY_HEAD + reply.json.len);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_writer writer = phi_writer_of(bytes, REPLY_HEAD + reply.json.len);
    PHI_GUARD(phi_query_reply_encode(&reply, &writer));
    *out = phi_view_of(bytes, phi_writer_len(&writer));
out:
    return err;
}

/* Who asks, and what: of a relayed request as it says inside, with no more scopes than the relay's
 * row has. */
static enum phi_err make_reply(struct phi_query_rpc *rpc, struct phi_rpc_call *call,
                               const struct phi_rpc_peer *peer, struct phi_view payload,
                               struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_query_request request;
    struct phi_error error = {0};
    json_t *json = NULL;
    PHI_GUARD(phi_query_request_decode(payload, &request));
    const struct phi_query_ask ask = {
        .request = &request, .peer = peer, .deadline = phi_rpc_call_deadline(call), .arena = arena};
    enum phi_err status = rpc->answer(rpc->context, &ask, &json, &error);
    PHI_GUARD(write_reply(&request, status, json, arena, out));
out:
    return err;
}

static enum phi_err make_relayed(struct phi_query_rpc *rpc, struct phi_rpc_call *call,
                                 struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_forward_got got;
    struct phi_view reply;
    struct phi_rpc_peer peer = *phi_rpc_call_peer(call);
    PHI_GUARD(phi_forward_take(rpc->forward, &peer, phi_rpc_call_payload(call), arena, &got));
    snprintf(peer.platform, sizeof(peer.platform), "%s", got.platform);
    snprintf(peer.program, sizeof(peer.program), "%s", got.program);
    PHI_GUARD(make_reply(rpc, call, &peer, got.frame, arena, &reply));
    PHI_GUARD(phi_forward_answer(&got, reply, arena, out));
out:
    return err;
}

static enum phi_err make_any(struct phi_query_rpc *rpc, struct phi_rpc_call *call,
                             struct phi_arena *arena, struct phi_view *out)
{
    struct phi_view payload = phi_rpc_call_payload(call);
    if (phi_relay_is(payload))
        return make_relayed(rpc, call, arena, out);
    return make_reply(rpc, call, phi_rpc_call_peer(call), payload, arena, out);
}

static void serve(struct phi_query_rpc *rpc, struct phi_rpc_call *call)
{
    struct phi_view reply;
    if (rpc->pass != NULL && phi_relay_is(phi_rpc_call_payload(call))) {
        rpc->pass(call, rpc->pass_context);
        return;
    }
    struct phi_arena *arena = phi_arena_new(CALL_ARENA);
    enum phi_err err = arena == NULL ? PHI_ERR_MEMORY : make_any(rpc, call, arena, &reply);
    if (err == PHI_OK)
        phi_rpc_reply(call, reply);
    else
        phi_rpc_refuse(call, err);
    phi_arena_free(arena);
}

/* Several requests that are answered together: what is no request is refused at once. */
struct together {
    struct phi_rpc_call *calls[PHI_RPC_BATCH_MAX];
    struct phi_query_request requests[PHI_RPC_BATCH_MAX];
    struct phi_query_one ones[PHI_RPC_BATCH_MAX];
    size_t count;
};

static void take_call(struct together *all, struct phi_rpc_call *call, struct phi_arena *arena)
{
    struct phi_query_request *request = &all->requests[all->count];
    enum phi_err err = arena == NULL ? PHI_ERR_MEMORY : PHI_OK;
    PHI_GUARD(err);
    PHI_GUARD(phi_query_request_decode(phi_rpc_call_payload(call), request));
    all->ones[all->count] = (struct phi_query_one){.ask = {.request = request,
                                                           .peer = phi_rpc_call_peer(call),
                                                           .deadline = phi_rpc_call_deadline(call),
                                                           .arena = arena},
                                                   .status = PHI_ERR_INTERNAL};
    all->calls[all->count++] = call;
out:
    if (err != PHI_OK)
        phi_rpc_refuse(call, err);
}

static void send_replies(struct together *all, struct phi_arena *arena)
{
    size_t laid = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct phi_query_one *one = &all->ones[i];
        struct phi_view reply;
        enum phi_err err = write_reply(one->ask.request, one->status, one->out, arena, &reply);
        if (err == PHI_OK)
            err = phi_rpc_lay(all->calls[i], reply);
        if (err == PHI_OK)
            all->calls[laid++] = all->calls[i];
        else
            phi_rpc_refuse(all->calls[i], err);
    }
    if (laid > 0)
        phi_rpc_send(all->calls, laid);
}

static void serve_together(struct phi_query_rpc *rpc, struct phi_rpc_call **calls, size_t count)
{
    struct together all;
    all.count = 0;
    struct phi_arena *arena = phi_arena_new(count * CALL_ARENA);
    for (size_t i = 0; i < count; i++) {
        if (phi_relay_is(phi_rpc_call_payload(calls[i])))
            serve(rpc, calls[i]);
        else
            take_call(&all, calls[i], arena);
    }
    if (all.count > 0) {
        rpc->answers(rpc->context, all.ones, all.count);
        send_replies(&all, arena);
    }
    phi_arena_free(arena);
}

static void handle(struct phi_rpc_call **calls, size_t count, void *context)
{
    struct phi_query_rpc *rpc = context;
    if (rpc->answers != NULL) {
        serve_together(rpc, calls, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        serve(rpc, calls[i]);
}

enum phi_err phi_query_rpc_new(struct phi_service *service, phi_query_answer *answer, void *context,
                               struct phi_query_rpc **out)
{
    struct phi_query_rpc *rpc = calloc(1, sizeof(*rpc));
    if (rpc == NULL)
        return PHI_ERR_MEMORY;
    *rpc = (struct phi_query_rpc){.service = service, .answer = answer, .context = context};
    rpc->allow = phi_rpc_allow_list_new();
    if (rpc->allow == NULL) {
        free(rpc);
        return PHI_ERR_MEMORY;
    }
    *out = rpc;
    return PHI_OK;
}

void phi_query_rpc_forward(struct phi_query_rpc *rpc, struct phi_forward *forward)
{
    rpc->forward = forward;
}

void phi_query_rpc_together(struct phi_query_rpc *rpc, phi_query_answers *answers)
{
    rpc->answers = answers;
}

void phi_query_rpc_pass(struct phi_query_rpc *rpc,
                        void (*pass)(struct phi_rpc_call *call, void *context), void *context)
{
    rpc->pass = pass;
    rpc->pass_context = context;
}

enum phi_err phi_query_rpc_start(struct phi_query_rpc *rpc, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rpc_server_options options = {
        .bind = phi_config_text(phi_service_config(rpc->service), "PHI_RPC_BIND"),
        .allow = rpc->allow,
        .handle = handle,
        .context = rpc};
    PHI_GUARD(phi_service_allow_peers(rpc->service, rpc->allow));
    PHI_GUARD(phi_service_key_curve(rpc->service, "PHI_RPC_CURVE_FILE", options.secret_key, error));
    PHI_GUARD(phi_rpc_server_open(&options, &rpc->server, error));
out:
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}

void phi_query_rpc_peers(struct phi_query_rpc *rpc)
{
    if (rpc != NULL && phi_service_allow_peers(rpc->service, rpc->allow) != PHI_OK)
        phi_log(PHI_LOG_ERROR, "allow_list_kept",
                PHI_L_WORD("why", "the_new_one_can_not_be_taken"));
}

void phi_query_rpc_stop(struct phi_query_rpc *rpc, struct phi_deadline until)
{
    if (rpc == NULL)
        return;
    phi_rpc_server_close(rpc->server, until);
    rpc->server = NULL;
}

void phi_query_rpc_free(struct phi_query_rpc *rpc)
{
    if (rpc == NULL)
        return;
    phi_rpc_allow_list_free(rpc->allow);
    free(rpc);
}
