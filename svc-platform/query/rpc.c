/* The query RPC of the unified platform (5110): a province's directory asks with a receipt, or how
 * far its own entry of a subject has got. */
#include "svc-platform/platform.h"

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

static enum phi_err answer(void *context, const struct phi_query_ask *ask, json_t **out,
                           struct phi_error *error)
{
    if (ask->request->operation == PHI_QUERY_SEEN)
        return seen(context, ask, out, error);
    return platform_query(context, ask->request->receipt, ask->peer->platform, ask->deadline,
                          ask->arena, out, error);
}

enum phi_err platform_rpc_new(struct platform *platform)
{
    return phi_query_rpc_new(platform->service, answer, platform, &platform->rpc);
}
