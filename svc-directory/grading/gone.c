#include "svc-directory/grading/gone.h"

#include "svc-directory/grading/entries.h"

/* Those without a fact; both are in the order of subjects. */
static enum phi_err candidates(const struct phi_rows *entries, const struct phi_rows *facts,
                               struct phi_array *out)
{
    enum phi_err err = PHI_OK;
    size_t at = 0;
    for (size_t i = 0; i < phi_rows_count(entries); i++) {
        struct phi_view subject = entries_subject(entries, i);
        size_t first = at;
        while (at < phi_rows_count(facts) &&
               phi_view_equal(phi_rows_bytes(facts, at, GRADING_SUBJECT), subject))
            at++;
        if (at == first && entries_state(entries, i).version > 0)
            PHI_GUARD(phi_array_add(out, PHI_BYTES(subject)));
    }
out:
    return err;
}

enum phi_err gone_read(const struct grading *grading, const struct phi_rows *entries,
                       const struct phi_rows *facts, struct phi_rows **out)
{
    enum phi_err err = PHI_OK;
    struct phi_array *subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(candidates(entries, facts, subjects));
    *out = NULL;
    if (phi_array_count(subjects) == 0)
        goto out;
    const struct phi_param param = PHI_ARRAY(subjects);
    PHI_GUARD(phi_conn_exec(
        grading->tx, "entries_gone",
        "SELECT s FROM unnest($1::bytea[]) AS s WHERE NOT EXISTS (SELECT 1 FROM linked l WHERE "
        "l.subject = s) AND NOT EXISTS (SELECT 1 FROM facts g WHERE g.subject = s AND g.source <> "
        "'declare.documents' AND NOT EXISTS (SELECT 1 FROM facts h WHERE h.record = g.record AND "
        "h.revision > g.revision AND h.revision > 1 OFFSET 0)) ORDER BY s",
        &param, 1, out, NULL));
out:
    phi_array_free(subjects);
    return err;
}

bool gone_has(const struct phi_rows *gone, struct phi_view subject)
{
    size_t count = gone == NULL ? 0 : phi_rows_count(gone);
    for (size_t i = 0; i < count; i++)
        if (phi_view_equal(phi_rows_bytes(gone, i, 0), subject))
            return true;
    return false;
}
