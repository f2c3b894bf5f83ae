/* The RPC door (docs/rpc.md): svc-directory of this and of other platforms ask here. */
#include "svc-verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One frame: 1..256 requests, answered together once the last of them is done. */
struct frame {
    struct phi_rpc_call *call;
    bool is_batch;
    size_t count;
    pthread_mutex_t lock;
    size_t left;
    struct verify_job *jobs[];
};

static void frame_free(struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++)
        verify_job_free(frame->jobs[i]);
    pthread_mutex_destroy(&frame->lock);
    free(frame);
}

static void frame_reply(struct frame *frame)
{
    size_t size = frame->count * PHI_VERIFY_REPLY_MAX + 16;
    uint8_t *bytes = malloc(size);
    struct phi_verify_reply *replies = calloc(frame->count, sizeof(*replies));
    enum phi_err err = bytes == NULL || replies == NULL ? PHI_ERR_MEMORY : PHI_OK;
    if (err == PHI_OK) {
        struct phi_writer out = phi_writer_of(bytes, size);
        for (size_t i = 0; i < frame->count; i++)
            replies[i] = frame->jobs[i]->reply;
        err = phi_verify_replies_encode(replies, frame->count, frame->is_batch, &out);
        if (err == PHI_OK)
            phi_rpc_reply(frame->call, phi_view_of(bytes, phi_writer_len(&out)));
    }
    if (err != PHI_OK)
        phi_rpc_refuse(frame->call, err);
    free(bytes);
    free(replies);
}

static void on_job_done(struct verify_job *job, void *context)
{
    (void)job;
    struct frame *frame = context;
    pthread_mutex_lock(&frame->lock);
    bool is_last = --frame->left == 0;
    pthread_mutex_unlock(&frame->lock);
    if (!is_last)
        return;
    frame_reply(frame);
    frame_free(frame);
}

/* Who asks is what the allow-list says, not what the frame says. */
static void name_requester(struct phi_verify_request *request, const struct phi_rpc_peer *peer)
{
    snprintf(request->platform, sizeof(request->platform), "%s", peer->platform);
    snprintf(request->program, sizeof(request->program), "%s", peer->program);
}

static struct frame *frame_new(struct verify *verify, struct phi_rpc_call *call,
                               struct phi_verify_request *items, size_t count)
{
    const struct phi_rpc_peer *peer = phi_rpc_call_peer(call);
    struct frame *frame = calloc(1, sizeof(*frame) + count * sizeof(frame->jobs[0]));
    if (frame == NULL)
        return NULL;
    pthread_mutex_init(&frame->lock, NULL);
    frame->call = call;
    frame->is_batch = phi_verify_is_batch(phi_rpc_call_payload(call));
    frame->left = count;
    for (; frame->count < count; frame->count++) {
        name_requester(&items[frame->count], peer);
        struct verify_job *job =
            verify_job_new(verify, &items[frame->count], peer->scopes, phi_rpc_call_deadline(call));
        if (job == NULL) {
            frame_free(frame);
            return NULL;
        }
        job->done = on_job_done;
        job->context = frame;
        frame->jobs[frame->count] = job;
    }
    return frame;
}

static void take(struct verify *verify, struct phi_rpc_call *call)
{
    size_t count = 0;
    struct frame *frame = NULL;
    struct phi_verify_request *items = calloc(PHI_VERIFY_BATCH_MAX, sizeof(*items));
    enum phi_err err = items == NULL
                           ? PHI_ERR_MEMORY
                           : phi_verify_requests_decode(phi_rpc_call_payload(call), items,
                                                        PHI_VERIFY_BATCH_MAX, &count, NULL);
    if (err == PHI_OK) {
        frame = frame_new(verify, call, items, count);
        err = frame == NULL ? PHI_ERR_MEMORY : PHI_OK;
    }
    free(items);
    if (err != PHI_OK) {
        phi_rpc_refuse(call, err);
        return;
    }
    /* The frame may be gone once the last of its jobs is started. */
    struct verify_job *jobs[PHI_VERIFY_BATCH_MAX];
    memcpy(jobs, frame->jobs, count * sizeof(jobs[0]));
    for (size_t i = 0; i < count; i++)
        verify_start(jobs[i]);
}

static void handle(struct phi_rpc_call **calls, size_t count, void *context)
{
    for (size_t i = 0; i < count; i++)
        take(context, calls[i]);
}

enum phi_err verify_rpc_open(struct verify *verify, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_config *config = phi_service_config(verify->service);
    struct phi_rpc_server_options options = {.bind = phi_config_text(config, "PHI_RPC_BIND"),
                                             .allow = verify->allow,
                                             .handle = handle,
                                             .context = verify};
    PHI_GUARD(phi_service_allow_peers(verify->service, verify->allow));
    PHI_GUARD(
        phi_service_key_curve(verify->service, "PHI_RPC_CURVE_FILE", options.secret_key, error));
    PHI_GUARD(phi_rpc_server_open(&options, &verify->rpc, error));
out:
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}
