#include "svc-correction/anchor/heads.h"

#include <string.h>

/* Cases whose first linked step came later are no leaf of it yet. */
#define SELECT_HEADS(relation)                                                                     \
    "SELECT c.case_id, s.head FROM cases c CROSS JOIN LATERAL (SELECT head FROM steps WHERE "      \
    "steps.case_id = c.case_id AND at_us < $1::bigint AND head IS NOT NULL ORDER BY seq DESC "     \
    "LIMIT 1) s WHERE c.case_id " relation " $2 ORDER BY c.case_id LIMIT 1024"

static enum phi_err take(const struct phi_rows *rows, struct heads *heads)
{
    heads->count = phi_rows_count(rows);
    for (size_t i = 0; i < heads->count; i++) {
        struct phi_view head = phi_rows_bytes(rows, i, 1);
        if (head.len != PHI_CHAIN_LEN)
            return PHI_ERR_DATA_BROKEN;
        memcpy(heads->ids[i], phi_rows_bytes(rows, i, 0).data, CASE_LEN);
        memcpy(heads->heads[i], head.data, PHI_CHAIN_LEN);
    }
    return PHI_OK;
}

static enum phi_err read(struct phi_conn *conn, const char *name, const char *sql, int64_t cut_us,
                         struct phi_view from, struct heads *heads, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(cut_us), PHI_BYTES(from)};
    PHI_GUARD(phi_conn_exec(conn, name, sql, params, 2, &rows, error));
    PHI_GUARD(take(rows, heads));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err heads_after(struct phi_conn *conn, int64_t cut_us, struct heads *heads,
                         struct phi_error *error)
{
    uint8_t last[CASE_LEN] = {0};
    if (heads->count > 0)
        memcpy(last, heads->ids[heads->count - 1], CASE_LEN);
    return read(conn, "heads_after", SELECT_HEADS(">"), cut_us, phi_view_of(last, CASE_LEN), heads,
                error);
}

enum phi_err heads_from(struct phi_conn *conn, int64_t cut_us, const uint8_t *first,
                        struct heads *heads, struct phi_error *error)
{
    return read(conn, "heads_from", SELECT_HEADS(">="), cut_us, phi_view_of(first, CASE_LEN), heads,
                error);
}
