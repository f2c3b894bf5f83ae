#include "service/call.h"

const json_t *phi_api_said(const struct phi_api_call *call)
{
    return call->data;
}

static enum phi_err commit(struct phi_api_call *call)
{
    struct phi_commit *commit = call->commit;
    call->commit = NULL;
    if (commit == NULL)
        return PHI_OK;
    enum phi_err err = phi_commit_wait(commit, call->deadline, NULL, NULL);
    if (err == PHI_OK && call->event_count > 0)
        phi_relay_offer(call->service->relay, call->events, call->event_count);
    return err;
}

enum phi_err phi_api_do(struct phi_service *service, const struct phi_api_errand *errand,
                        struct phi_arena *arena, bool *is_refused, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_api_call *call = phi_arena_alloc(arena, sizeof(*call));
    *is_refused = false;
    if (call == NULL)
        return PHI_ERR_MEMORY;
    *call = (struct phi_api_call){.service = service,
                                  .arena = arena,
                                  .deadline = errand->deadline,
                                  .now_us = phi_clock_now_us(phi_service_clock(service)),
                                  .identity = errand->who,
                                  .has_identity = true,
                                  .body = errand->body};
    err = errand->handle(call, errand->context, error);
    *is_refused = err != PHI_OK;
    if (err == PHI_OK)
        err = commit(call);
    phi_commit_free(call->commit);
    return err;
}
