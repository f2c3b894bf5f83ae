/* The query RPC of the unified platform (5110): a province's directory asks with a receipt. */
#include "svc-platform/platform.h"

#include "codes/query_message.h"
#include "json/canonical.h"

#include <string.h>

#define CALL_ARENA (512 * 1024)

static void answer(struct platform *platform, struct phi_rpc_call *call, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_query_request request;
    struct phi_query_reply reply = {0};
    struct phi_error error = {0};
    json_t *json = NULL;
    uint8_t *bytes = phi_arena_alloc(arena, PHI_QUERY_REPLY_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_query_request_decode(phi_rpc_call_payload(call), &request));
    memcpy(reply.request_id, request.request_id, sizeof(reply.request_id));
    reply.status = platform_query(platform, request.receipt, phi_rpc_call_peer(call)->platform,
                                  phi_rpc_call_deadline(call), arena, &json, &error);
    if (reply.status == PHI_OK)
        PHI_GUARD(phi_json_canonical(json, arena, &reply.json));
    struct phi_writer out = phi_writer_of(bytes, PHI_QUERY_REPLY_MAX);
    PHI_GUARD(phi_query_reply_encode(&reply, &out));
    phi_rpc_reply(call, phi_view_of(bytes, phi_writer_len(&out)));
    return;
out:
    phi_rpc_refuse(call, err);
}

static void handle(struct phi_rpc_call **calls, size_t count, void *context)
{
    for (size_t i = 0; i < count; i++) {
        struct phi_arena *arena = phi_arena_new(CALL_ARENA);
        if (arena == NULL)
            phi_rpc_refuse(calls[i], PHI_ERR_MEMORY);
        else
            answer(context, calls[i], arena);
        phi_arena_free(arena);
    }
}

enum phi_err platform_rpc_open(struct platform *platform, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rpc_server_options options = {
        .bind = phi_config_text(phi_service_config(platform->service), "PHI_RPC_BIND"),
        .allow = platform->allow,
        .handle = handle,
        .context = platform};
    PHI_GUARD(phi_service_allow_peers(platform->service, platform->allow));
    PHI_GUARD(
        phi_service_key_curve(platform->service, "PHI_RPC_CURVE_FILE", options.secret_key, error));
    PHI_GUARD(phi_rpc_server_open(&options, &platform->rpc, error));
out:
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}
