#include "svc-directory/grading/places.h"

#include "svc-directory/grading/entries.h"

enum phi_err places_apply(const struct grading *g, size_t max, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(g->partition), PHI_I64(g->now_us), PHI_I64(max)};
    PHI_GUARD(entries_lock(g->tx, g->partition, NULL));
    PHI_GUARD(phi_conn_exec(
        g->tx, "places_apply",
        "WITH RECURSIVE new AS (SELECT p.*, GREATEST(p.to_us, COALESCE(a.to_us, p.to_us)) AS "
        "last_us FROM places p LEFT JOIN places_applied a ON a.partition = $1::bigint AND a.entry "
        "= p.entry WHERE a.version IS DISTINCT FROM p.version ORDER BY p.entry LIMIT $3::bigint), "
        "reach(member) AS (SELECT s.subject FROM new n JOIN stays s ON s.partition = $1::bigint "
        "AND s.place >= n.low AND s.place <= n.high AND s.from_us < n.last_us AND s.to_us >= "
        "n.from_us UNION SELECT l.other FROM reach r JOIN linked l ON l.subject = r.member), "
        "marked AS (INSERT INTO due (partition, after_us, subject) SELECT e.partition, "
        "$2::bigint, e.subject FROM reach r JOIN entries e ON e.subject = r.member) INSERT INTO "
        "places_applied AS a (version, to_us, partition, entry) SELECT version, to_us, $1::bigint, "
        "entry FROM new ON CONFLICT (partition, entry) DO UPDATE SET version = EXCLUDED.version, "
        "to_us = EXCLUDED.to_us RETURNING 1",
        params, 3, &rows, NULL));
    *count = phi_rows_count(rows);
out:
    phi_rows_free(rows);
    return err;
}
