/* The RPC door (docs/rpc.md): svc-directory of this and of other platforms ask here. */
#include "svc-verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELAYED_ARENA (512 * 1024)
#define INTAKE_ITEMS  (PHI_VERIFY_BATCH_MAX + VERIFY_BATCH)

/* What came through the relay, with the memory of it. */
struct relayed {
    struct phi_arena *arena;
    struct phi_forward_got got;
};

/* One call: 1..256 requests, answered together once the last of them is done. In its batch's
 * memory. */
struct frame {
    struct phi_rpc_call *call;
    struct relayed *relayed; /* through the relay: who asked, and the key for the answer */
    bool is_batch;
    size_t count;
    atomic_size_t left;
    atomic_bool is_changed; /* a reply is not as it was laid out */
    struct verify_job *jobs[];
};

/* Calls taken from the transport and decoded, on their way into one batch. */
struct intake {
    struct phi_verify_request *items;
    struct phi_rpc_call *calls[PHI_RPC_BATCH_MAX];
    struct relayed *relayed[PHI_RPC_BATCH_MAX];
    size_t counts[PHI_RPC_BATCH_MAX];
    size_t call_count;
    size_t item_count;
};

/* Called on several threads, so with memory of its own. */
static enum phi_err lay_relayed(const struct frame *frame, struct phi_view answer)
{
    enum phi_err err = PHI_OK;
    struct phi_view payload;
    struct phi_arena *arena = phi_arena_new(RELAYED_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_forward_answer(&frame->relayed->got, answer, arena, &payload));
    PHI_GUARD(phi_rpc_lay(frame->call, payload));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err encode(const struct frame *frame, struct phi_verify_reply *replies,
                           uint8_t *bytes, size_t size)
{
    struct phi_writer out = phi_writer_of(bytes, size);
    for (size_t i = 0; i < frame->count; i++)
        replies[i] = frame->jobs[i]->reply;
    enum phi_err err = phi_verify_replies_encode(replies, frame->count, frame->is_batch, &out);
    if (err != PHI_OK)
        return err;
    struct phi_view answer = phi_view_of(bytes, phi_writer_len(&out));
    return frame->relayed != NULL ? lay_relayed(frame, answer) : phi_rpc_lay(frame->call, answer);
}

static enum phi_err lay_one(const struct frame *frame)
{
    struct phi_verify_reply reply;
    uint8_t bytes[PHI_VERIFY_REPLY_MAX + 16];
    return encode(frame, &reply, bytes, sizeof(bytes));
}

/* Called on several threads, so not from the batch's arena. */
static enum phi_err lay_many(const struct frame *frame)
{
    size_t size = frame->count * PHI_VERIFY_REPLY_MAX + 16;
    uint8_t *bytes = malloc(size);
    struct phi_verify_reply *replies = calloc(frame->count, sizeof(*replies));
    enum phi_err err = PHI_ERR_MEMORY;
    if (bytes != NULL && replies != NULL)
        err = encode(frame, replies, bytes, size);
    free(bytes);
    free(replies);
    return err;
}

static enum phi_err lay(const struct frame *frame)
{
    return frame->count == 1 ? lay_one(frame) : lay_many(frame);
}

static void prepare(struct verify_batch *batch)
{
    for (size_t i = 0; i < batch->count;) {
        struct frame *frame = batch->jobs[i]->context;
        if (lay(frame) != PHI_OK)
            atomic_store(&frame->is_changed, true);
        i += frame->count;
    }
}

/* Whether the frame is whole and its answer laid; one that can't be is refused here. */
static bool is_ready(struct frame *frame, bool is_as_prepared)
{
    if (!is_as_prepared)
        atomic_store(&frame->is_changed, true);
    if (atomic_fetch_sub(&frame->left, 1) != 1)
        return false;
    if (!atomic_load(&frame->is_changed))
        return true;
    enum phi_err err = lay(frame);
    if (err != PHI_OK)
        phi_rpc_refuse(frame->call, err);
    return err == PHI_OK;
}

static void answer(struct verify_job **jobs, size_t count, bool is_as_prepared)
{
    struct phi_rpc_call *calls[VERIFY_BATCH];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct frame *frame = jobs[i]->context;
        if (!is_ready(frame, is_as_prepared))
            continue;
        calls[ready++] = frame->call;
        if (ready == VERIFY_BATCH) {
            phi_rpc_send(calls, ready);
            ready = 0;
        }
    }
    if (ready > 0)
        phi_rpc_send(calls, ready);
}

static const struct verify_door door = {.prepare = prepare, .answer = answer};

/* Who asks is what the allow-list says, not what the frame says. */
static void name_requester(struct phi_verify_request *request, const struct phi_rpc_peer *peer)
{
    _Static_assert(sizeof(peer->platform) <= sizeof(request->platform) &&
                       sizeof(peer->program) <= sizeof(request->program),
                   "the allow-list's names, with their zeros, fit a request");
    memcpy(request->platform, peer->platform, sizeof(peer->platform));
    memcpy(request->program, peer->program, sizeof(peer->program));
}

static void relayed_free(void *context)
{
    struct relayed *relayed = context;
    if (relayed != NULL)
        phi_arena_free(relayed->arena);
}

/* Who asks: of a relayed call who signed inside, with no more scopes than the relay's row has. */
static struct phi_rpc_peer asker_of(const struct phi_rpc_call *call, const struct relayed *relayed)
{
    struct phi_rpc_peer peer = *phi_rpc_call_peer(call);
    if (relayed == NULL)
        return peer;
    snprintf(peer.platform, sizeof(peer.platform), "%s", relayed->got.platform);
    snprintf(peer.program, sizeof(peer.program), "%s", relayed->got.program);
    return peer;
}

static struct phi_view payload_of(const struct phi_rpc_call *call, const struct relayed *relayed)
{
    return relayed != NULL ? relayed->got.frame : phi_rpc_call_payload(call);
}

static bool add_frame(struct verify_batch *batch, struct phi_rpc_call *call,
                      struct relayed *relayed, struct phi_verify_request *items, size_t count)
{
    const struct phi_rpc_peer peer = asker_of(call, relayed);
    struct frame *frame =
        phi_arena_alloc(batch->arena, sizeof(*frame) + count * sizeof(frame->jobs[0]));
    if (frame == NULL)
        return false;
    frame->call = call;
    frame->relayed = relayed;
    frame->is_batch = phi_verify_is_batch(payload_of(call, relayed));
    frame->count = count;
    atomic_init(&frame->left, count);
    atomic_init(&frame->is_changed, false);
    for (size_t i = 0; i < count; i++) {
        name_requester(&items[i], &peer);
        frame->jobs[i] =
            verify_batch_add(batch, &items[i], peer.scopes, phi_rpc_call_deadline(call));
        if (frame->jobs[i] == NULL)
            return false;
        frame->jobs[i]->context = frame;
    }
    return true;
}

/* The batch keeps it from now on; without one it is gone. */
static bool hold(struct verify_batch *batch, struct relayed *relayed)
{
    if (relayed == NULL)
        return true;
    if (batch != NULL && phi_arena_on_free(batch->arena, relayed_free, relayed) == PHI_OK)
        return true;
    relayed_free(relayed);
    return false;
}

static void run(struct verify *verify, struct intake *intake)
{
    struct verify_batch *batch = verify_batch_new(verify, &door, intake->item_count);
    bool is_whole = batch != NULL;
    size_t first = 0;
    for (size_t i = 0; i < intake->call_count; i++)
        is_whole = hold(batch, intake->relayed[i]) && is_whole;
    for (size_t i = 0; is_whole && i < intake->call_count; i++) {
        is_whole = add_frame(batch, intake->calls[i], intake->relayed[i], intake->items + first,
                             intake->counts[i]);
        first += intake->counts[i];
    }
    if (is_whole) {
        verify_run(batch);
    } else {
        verify_batch_drop(batch);
        for (size_t i = 0; i < intake->call_count; i++)
            phi_rpc_refuse(intake->calls[i], PHI_ERR_MEMORY);
    }
    intake->call_count = 0;
    intake->item_count = 0;
}

/* NULL for what came directly. */
static enum phi_err open_relayed(struct verify *verify, struct phi_rpc_call *call,
                                 struct relayed **out)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = NULL;
    *out = NULL;
    if (!phi_relay_is(phi_rpc_call_payload(call)))
        return PHI_OK;
    arena = phi_arena_new(RELAYED_ARENA);
    struct relayed *relayed = arena == NULL ? NULL : phi_arena_alloc(arena, sizeof(*relayed));
    PHI_GUARD(relayed == NULL ? PHI_ERR_MEMORY : PHI_OK);
    relayed->arena = arena;
    PHI_GUARD(phi_forward_take(verify->forward, phi_rpc_call_peer(call), phi_rpc_call_payload(call),
                               arena, &relayed->got));
    *out = relayed;
    arena = NULL;
out:
    phi_arena_free(arena);
    return err;
}

static void take(struct verify *verify, struct intake *intake, struct phi_rpc_call *call)
{
    size_t count = 0;
    struct relayed *relayed = NULL;
    enum phi_err err = open_relayed(verify, call, &relayed);
    if (err == PHI_OK)
        err = phi_verify_requests_decode(payload_of(call, relayed),
                                         intake->items + intake->item_count, PHI_VERIFY_BATCH_MAX,
                                         &count, NULL);
    if (err != PHI_OK) {
        relayed_free(relayed);
        phi_rpc_refuse(call, err);
        return;
    }
    intake->relayed[intake->call_count] = relayed;
    intake->calls[intake->call_count] = call;
    intake->counts[intake->call_count++] = count;
    intake->item_count += count;
}

/* All that has arrived goes into one batch; frames of many items, into several. */
static void handle(struct phi_rpc_call **calls, size_t count, void *context)
{
    struct intake intake = {.items = malloc(INTAKE_ITEMS * sizeof(struct phi_verify_request))};
    for (size_t i = 0; i < count; i++) {
        if (intake.items == NULL) {
            phi_rpc_refuse(calls[i], PHI_ERR_MEMORY);
            continue;
        }
        take(context, &intake, calls[i]);
        if (intake.item_count >= VERIFY_BATCH)
            run(context, &intake);
    }
    if (intake.item_count > 0)
        run(context, &intake);
    free(intake.items);
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
    PHI_GUARD(verify_routes_open(verify, options.secret_key));
    PHI_GUARD(phi_rpc_server_open(&options, &verify->rpc, error));
out:
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}
