#include "svc-directory/grading/retain.h"

enum phi_err retain_batch(const struct grading *g, size_t max, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(g->now_us - g->directory->keep_us), PHI_I64(max),
                                       PHI_I64(g->partition)};
    PHI_GUARD(phi_conn_exec(
        g->tx, "facts_retain",
        "WITH old AS (DELETE FROM facts WHERE fact_id = ANY(ARRAY(SELECT f.fact_id FROM facts f "
        "JOIN entries e ON e.subject = f.subject AND e.partition = $3::bigint WHERE f.known_us < "
        "$1::bigint AND f.observed_us < $1::bigint AND NOT EXISTS (SELECT 1 FROM facts m WHERE "
        "m.of_record = "
        "f.record AND m.fact_id <> f.fact_id) LIMIT $2::bigint)) RETURNING fact_id), gone AS "
        "(DELETE FROM stays USING old WHERE stays.fact_id = old.fact_id) SELECT 1 FROM old",
        params, 3, &rows, NULL));
    *count = phi_rows_count(rows);
out:
    phi_rows_free(rows);
    return err;
}
