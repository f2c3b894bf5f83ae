#include "svc-directory/grading/due_batch.h"

#include "svc-directory/grading/entries.h"

#include <string.h>

/* People whose marks or whose `until` say so; marks are gone with the transaction. */
static enum phi_err take_due(const struct grading *g, size_t max, struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_I64(g->partition), PHI_I64(g->now_us), PHI_I64(max)};
    return phi_conn_exec(
        g->tx, "due_take",
        "WITH marks AS (DELETE FROM due WHERE ctid = ANY(ARRAY(SELECT d.ctid FROM due d WHERE "
        "d.partition = $1::bigint AND d.after_us <= $2::bigint ORDER BY d.after_us LIMIT "
        "$3::bigint)) RETURNING subject, record), moved AS (INSERT INTO due (partition, after_us, "
        "subject) SELECT e.partition, $2::bigint, e.subject FROM marks m JOIN facts f ON f.record "
        "= m.record AND f.subject <> m.subject JOIN entries e ON e.subject = f.subject), lapsed AS "
        "(SELECT subject FROM entries WHERE partition = "
        "$1::bigint AND until_us < $2::bigint AND until_us < 9223372036854775807 ORDER BY until_us "
        "LIMIT $3::bigint) SELECT subject "
        "FROM marks UNION SELECT subject FROM lapsed ORDER BY subject",
        params, 3, rows, NULL);
}

static enum phi_err copy_subjects(const struct phi_rows *rows, struct phi_arena *arena,
                                  uint8_t (**out)[PHI_SUBJECT_LEN])
{
    size_t count = phi_rows_count(rows);
    *out = phi_arena_alloc(arena, (count + 1) * PHI_SUBJECT_LEN);
    if (*out == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        memcpy((*out)[i], phi_rows_bytes(rows, i, 0).data, PHI_SUBJECT_LEN);
    return PHI_OK;
}

enum phi_err due_batch(const struct grading *g, size_t max, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    uint8_t(*subjects)[PHI_SUBJECT_LEN] = NULL;
    PHI_GUARD(entries_lock(g->tx, g->partition, NULL));
    PHI_GUARD(take_due(g, max, &rows));
    *count = phi_rows_count(rows);
    if (*count == 0)
        goto out;
    PHI_GUARD(copy_subjects(rows, g->arena, &subjects));
    PHI_GUARD(grading_run(g, (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, *count));
out:
    phi_rows_free(rows);
    return err;
}
