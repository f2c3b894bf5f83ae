/* The query RPC of the unified platform (5110): a province's directory asks with a receipt, or how
 * far its own entry of a subject has got. */
#include "svc-platform/query/query.h"

#include <stdio.h>

/* The asking region's own entry: it told us the version, and hears no more than that. */
static enum phi_err seen(struct platform *platform, const struct phi_query_ask *ask, json_t **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    char version[24];
    const struct phi_param params[] = {
        PHI_BYTES_OF(ask->request->subject, sizeof(ask->request->subject)),
        PHI_TEXT(ask->peer->platform)};
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service), ask->deadline, &conn));
    PHI_GUARD(phi_conn_exec(conn, "entry_seen",
                            "SELECT version FROM entries WHERE subject = $1 AND region = $2",
                            params, 2, &rows, error));
    snprintf(version, sizeof(version), "%lld",
             phi_rows_count(rows) == 0 ? 0LL : (long long)phi_rows_i64(rows, 0, 0));
    json_t *answer = json_pack("{s:s}", "version", version);
    PHI_GUARD(answer == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_keep(ask->arena, answer));
    *out = answer;
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* Queries are answered together, whoever asks; the latest of their deadlines is that of all, so
 * that nobody's short time takes another's: who is gone by then just doesn't hear. */
static void answers(void *context, struct phi_query_one *ones, size_t count)
{
    struct platform_asked asked[PHI_RPC_BATCH_MAX];
    size_t one_of[PHI_RPC_BATCH_MAX];
    size_t queries = 0;
    struct phi_arena *arena = ones[0].ask.arena;
    struct phi_deadline deadline = ones[0].ask.deadline;
    for (size_t i = 0; i < count; i++) {
        const struct phi_query_ask *ask = &ones[i].ask;
        struct phi_error error = {0};
        if (ask->request->operation == PHI_QUERY_SEEN) {
            ones[i].status = seen(context, ask, &ones[i].out, &error);
            continue;
        }
        asked[queries] = (struct platform_asked){.receipt = ask->request->receipt,
                                                 .asking = ask->peer->platform};
        one_of[queries++] = i;
        if (ask->deadline.at_us > deadline.at_us)
            deadline = ask->deadline;
    }
    if (queries > 0)
        platform_query(context, asked, queries, deadline, arena);
    for (size_t i = 0; i < queries; i++) {
        ones[one_of[i]].status = asked[i].status;
        ones[one_of[i]].out = asked[i].out;
    }
}

/* What came through a relay. */
static enum phi_err answer(void *context, const struct phi_query_ask *ask, json_t **out,
                           struct phi_error *error)
{
    struct phi_query_one one = {.ask = *ask};
    (void)error;
    answers(context, &one, 1);
    *out = one.out;
    return one.status;
}

enum phi_err platform_rpc_new(struct platform *platform)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_query_rpc_new(platform->service, answer, platform, &platform->rpc));
    phi_query_rpc_together(platform->rpc, answers);
out:
    return err;
}
