/* The facts of people as the rules may see them. */
#include "svc-directory/grading/grading.h"

#define RISK_AT_MAX_US 4102416000000000LL /* the year 2100: a stay that lasts */

const char *grading_risk(const struct phi_rows *rows, size_t row)
{
    static const char *const risks[] = {"low", "medium", "high"};
    int64_t risk = phi_rows_i64(rows, row, GRADING_RISK);
    return risk < 1 || risk > 3 ? NULL : risks[risk - 1];
}

bool grading_counts(const struct phi_rows *rows, size_t row)
{
    return phi_rows_is_null(rows, row, GRADING_DECIDED);
}

bool grading_is_relieved(const struct phi_rows *rows, size_t row, int64_t now_us)
{
    return grading_counts(rows, row) && !phi_rows_is_null(rows, row, GRADING_RELIEF) &&
           phi_rows_i64(rows, row, GRADING_RELIEF) > now_us;
}

/* OFFSET 0: looked up for a row at hand, never joined from the other side.
 *
 * What a decision made of a record counts where the record is about the person, and while that
 * decision is the record's last; what was missing, by itself.
 * Of a record's decisions the highest version counts, and only in the case of a person whom some
 * revision is about. Of the places of a fact's stays the strictest risk in force meanwhile counts,
 * and of that the last moment that the person was there. */
enum phi_err grading_facts(struct phi_conn *conn, const struct phi_array *subjects, int64_t now_us,
                           int64_t as_of_us, struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_ARRAY(subjects), PHI_I64(now_us - FACTS_WINDOW_US),
                                       PHI_I64(FACTS_PER_PERSON), PHI_I64(as_of_us),
                                       PHI_I64(RISK_AT_MAX_US)};
    return phi_conn_exec(
        conn, "facts_of_subjects",
        "WITH RECURSIVE s(subject, member) AS (SELECT u, u FROM unnest($1::bytea[]) AS u UNION "
        "SELECT s.subject, l.other FROM s JOIN linked l ON l.subject = s.member) "
        "SELECT s.subject, f.source, f.institution, f.observed_us, f.content, f.record_no, "
        "f.revision, f.recorded_us, f.event_key, CASE WHEN r.is_retracted THEN r.decided_us END, "
        "r.case_id, k.risk, k.at_us, f.of_record IS NOT NULL, "
        "v.until_us "
        "FROM s CROSS JOIN LATERAL (SELECT * FROM facts g WHERE g.subject = s.member AND g.source "
        "<> 'declare.documents' AND g.observed_us >= $2::bigint AND g.known_us <= $4::bigint AND "
        "NOT EXISTS (SELECT 1 FROM facts h WHERE h.record = g.record AND h.revision > g.revision "
        "AND h.revision > 1 AND h.known_us <= $4::bigint OFFSET 0) AND (g.of_record IS NULL OR "
        "g.of_record = g.record OR (EXISTS (SELECT 1 FROM facts h WHERE h.record = g.of_record AND "
        "h.subject = g.subject AND h.known_us <= $4::bigint OFFSET 0) AND NOT EXISTS (SELECT 1 "
        "FROM retractions d WHERE d.record = g.of_record AND d.subject = g.subject AND "
        "d.decision_version > g.of_version AND d.known_us <= $4::bigint OFFSET 0))) ORDER BY "
        "g.observed_us DESC, "
        "g.fact_id LIMIT $3::bigint) f "
        "LEFT JOIN LATERAL (SELECT d.is_retracted, d.decided_us, d.case_id FROM retractions d "
        "WHERE d.record = f.record AND d.known_us <= $4::bigint AND EXISTS (SELECT 1 FROM facts h "
        "WHERE h.record = d.record AND h.subject = d.subject OFFSET 0) ORDER BY d.decision_version "
        "DESC "
        "LIMIT 1) r ON true "
        "LEFT JOIN LATERAL (SELECT p.risk, max(LEAST(t.to_us, p.to_us, $5::bigint)) AS at_us FROM "
        "stays t JOIN places p ON p.place = ANY(ARRAY[t.place, left(t.place, 5) || '00', "
        "left(t.place, 3) || '0000']) AND t.place >= p.low AND t.place <= p.high AND p.risk > 0 "
        "AND t.from_us < p.to_us AND t.to_us >= p.from_us WHERE f.has_stays AND t.fact_id = "
        "f.fact_id GROUP BY p.risk ORDER BY p.risk DESC LIMIT 1) k ON true "
        "LEFT JOIN LATERAL (SELECT max(x.until_us) AS until_us FROM (SELECT DISTINCT ON "
        "(l.case_id) l.until_us FROM reliefs l WHERE l.record = f.record AND l.subject = f.subject "
        "AND l.known_us <= $4::bigint ORDER BY l.case_id, l.version DESC) x) v ON true "
        "ORDER BY s.subject, f.observed_us DESC, f.fact_id",
        params, 5, rows, error);
}
