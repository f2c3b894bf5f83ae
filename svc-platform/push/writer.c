#include "svc-platform/push/writer.h"

#include <string.h>

static enum phi_err lock_row(struct phi_conn *conn, const struct writer_claim *claim,
                             struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_param params[] = {PHI_TEXT(claim->region), PHI_TEXT(claim->writer),
                                       PHI_I64(claim->now_us)};
    PHI_GUARD(phi_conn_exec(conn, "push_add",
                            "INSERT INTO pushes (region, writer, next, taken_us) VALUES ($1, $2, "
                            "0, $3) ON CONFLICT (region) DO NOTHING",
                            params, 3, NULL, error));
    PHI_GUARD(phi_conn_exec(conn, "push_lock",
                            "SELECT writer, next FROM pushes WHERE region = $1 FOR UPDATE SKIP "
                            "LOCKED",
                            params, 1, rows, error));
    if (phi_rows_count(*rows) == 0)
        err = phi_error_set(error, PHI_ERR_OVERLOAD, "writer", "a request is under way");
out:
    return err;
}

static enum phi_err take_over(struct phi_conn *conn, const struct writer_claim *claim,
                              struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(claim->region), PHI_TEXT(claim->writer),
                                       PHI_I64(claim->now_us)};
    return phi_conn_exec(conn, "push_take",
                         "UPDATE pushes SET writer = $2, next = 0, taken_us = $3 WHERE region = $1",
                         params, 3, NULL, error);
}

enum phi_err writer_claim(struct phi_conn *conn, const struct writer_claim *claim, int64_t *next,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(lock_row(conn, claim, &rows, error));
    bool is_writer = strcmp(phi_rows_text(rows, 0, 0), claim->writer) == 0;
    *next = is_writer ? phi_rows_i64(rows, 0, 1) : 0;
    if (!is_writer && !claim->takes_over)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "writer", "another writer's turn"));
    if (claim->from > *next)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "from", "a gap: %lld lines were taken",
                                (long long)*next));
    if (!is_writer)
        PHI_GUARD(take_over(conn, claim, error));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err writer_advance(struct phi_conn *conn, const struct writer_claim *claim, int64_t next,
                            struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(claim->region), PHI_I64(next)};
    return phi_conn_exec(conn, "push_advance",
                         "UPDATE pushes SET next = GREATEST(next, $2) WHERE region = $1", params, 2,
                         NULL, error);
}
