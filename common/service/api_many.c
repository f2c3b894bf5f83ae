/* Calls that go through the steps of a route together: what has arrived, never waited for. */
#include "service/call.h"

/* Begins what has enough memory to begin; the others are answered. */
static size_t begin(struct phi_http_request **requests, size_t count, struct phi_api_turn *turns)
{
    size_t made = 0;
    for (size_t i = 0; i < count && i < PHI_API_TOGETHER_MAX; i++) {
        turns[made] = (struct phi_api_turn){.call = phi_api_call_new(requests[i])};
        if (turns[made].call != NULL)
            made++;
    }
    return made;
}

/* A step that one call takes after the other. */
static void each(struct phi_api_turn *turns, size_t count,
                 enum phi_err (*step)(struct phi_api_call *, struct phi_error *))
{
    for (size_t i = 0; i < count; i++) {
        if (turns[i].err != PHI_OK)
            continue;
        phi_log_set_request(phi_http_request_id(turns[i].call->request));
        turns[i].err = step(turns[i].call, &turns[i].error);
    }
    phi_log_set_request(NULL);
}

static enum phi_err handle_one(struct phi_api_call *call, struct phi_error *error)
{
    return call->route->handle_many != NULL ? PHI_OK : call->route->handle(call, error);
}

/* The calls of this turn's route from here on that have not failed and were not handled yet. */
static size_t gather(struct phi_api_turn *turns, size_t count, const struct phi_api_route *route,
                     struct phi_api_turn *group, size_t *places)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (turns[i].err != PHI_OK || turns[i].call->route != route)
            continue;
        group[found] = turns[i];
        places[found++] = i;
    }
    return found;
}

static bool is_first_of_route(const struct phi_api_turn *turns, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (turns[i].err == PHI_OK && turns[i].call->route == turns[at].call->route)
            return false;
    return true;
}

static void handle_routes(struct phi_api_turn *turns, size_t count)
{
    struct phi_api_turn group[PHI_API_TOGETHER_MAX];
    const struct phi_api_route *routes[PHI_API_TOGETHER_MAX];
    size_t places[PHI_API_TOGETHER_MAX];
    size_t route_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct phi_api_route *route = turns[i].call->route;
        if (turns[i].err == PHI_OK && route->handle_many != NULL && is_first_of_route(turns, i))
            routes[route_count++] = route;
    }
    for (size_t i = 0; i < route_count; i++) {
        size_t found = gather(turns, count, routes[i], group, places);
        routes[i]->handle_many(group, found);
        for (size_t j = 0; j < found; j++)
            turns[places[j]] = group[j];
    }
}

static enum phi_err prepare(struct phi_api_call *call, struct phi_error *error)
{
    (void)error;
    return phi_api_prepare(call);
}

static enum phi_err commit(struct phi_api_call *call, struct phi_error *error)
{
    (void)error;
    return phi_api_commit(call);
}

static void finish(struct phi_http_request *request, void *context)
{
    (void)request;
    struct phi_api_turn turn = {.call = context};
    phi_api_run(&turn);
}

/* Takes those out that are to be finished alone, and gives the number of those that stay. */
static size_t hand_on(struct phi_api_turn *turns, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct phi_api_call *call = turns[i].call;
        bool is_alone = turns[i].err == PHI_OK && call->finish != NULL;
        if (is_alone && phi_http_hand_on(call->request, finish, call))
            continue;
        if (is_alone)
            turns[i].err = PHI_ERR_OVERLOAD;
        turns[kept++] = turns[i];
    }
    return kept;
}

void phi_api_handle_many(struct phi_http_request **requests, size_t count)
{
    struct phi_api_turn turns[PHI_API_TOGETHER_MAX];
    count = begin(requests, count, turns);
    phi_api_check_callers(turns, count);
    each(turns, count, phi_api_check);
    each(turns, count, handle_one);
    handle_routes(turns, count);
    count = hand_on(turns, count);
    each(turns, count, prepare);
    phi_api_sign(turns, count);
    each(turns, count, commit);
    /* A call that was committed may be gone; refusals may wait for the database, so they are last.
     */
    for (size_t i = 0; i < count; i++)
        if (turns[i].err != PHI_OK)
            phi_api_end(turns[i].call, turns[i].err, &turns[i].error);
}
