#include "svc-correction/retention/retention.h"

#include "base/log.h"

#define DAY_US     (86400 * 1000000LL)
#define ACQUIRE_MS 2000

/* One statement, so that a case is emptied whole or not at all. What a step brought keeps its
 * place: empty is not the same as nothing. */
static const char empty_sql[] =
    "WITH old AS (SELECT case_id FROM cases c WHERE emptied_us = 0 AND opened_us < $2 AND state IN "
    "('told', 'refused', 'closed', 'withdrawn') AND (SELECT at_us FROM steps s WHERE s.case_id = "
    "c.case_id AND s.seq = c.seq) < $2 ORDER BY opened_us LIMIT 100 FOR UPDATE SKIP LOCKED), "
    "texts AS (UPDATE steps s SET note_sealed = CASE WHEN note_sealed IS NULL THEN NULL ELSE "
    "''::bytea END, content_sealed = CASE WHEN content_sealed IS NULL THEN NULL ELSE ''::bytea END "
    "FROM old WHERE s.case_id = old.case_id), chunks AS (DELETE FROM attachment_chunks k USING "
    "attachments a, old WHERE a.case_id = old.case_id AND k.attachment_id = a.attachment_id), "
    "seen AS (DELETE FROM looks l USING old WHERE "
    "l.case_id = old.case_id), filed AS (DELETE FROM filers f USING old WHERE f.case_id = "
    "old.case_id), records AS (DELETE FROM batch_records r USING old WHERE r.batch_id = "
    "old.case_id), people AS (DELETE FROM batch_people p USING old WHERE p.batch_id = old.case_id) "
    "UPDATE cases c SET emptied_us = $1, statement_sealed = '', institution = '', "
    "record_no = '' FROM old WHERE c.case_id = old.case_id";

enum phi_err retention_look(struct phi_service *service, bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    int64_t days = phi_config_int(phi_service_config(service), "PHI_CASE_KEEP_DAYS");
    const struct phi_param params[] = {PHI_I64(now_us), PHI_I64(now_us - days * DAY_US)};
    *is_made = false;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "retention_empty", empty_sql, params, 2, &rows, error));
    if (phi_rows_affected(rows) > 0)
        phi_log(PHI_LOG_INFO, "cases_emptied",
                PHI_L_INT("cases", (int64_t)phi_rows_affected(rows)));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
