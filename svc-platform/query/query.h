/* 全国健康信息目录查询: the entries of every region about the subjects of receipts. What arrives together
 * is answered together: its signatures are checked as one batch, its rows read with one statement.
 *
 *   struct platform_asked asked = {.receipt = bytes, .asking = "320000"};
 *   platform_query(platform, &asked, 1, deadline, arena);
 *   if (asked.status == PHI_OK) … asked.out …
 *   PHI_GUARD(platform_query_answer(rows, 0, 2, trust, now_us, &json));
 *
 * A room's inside: query.c, answer.c and rpc.c.
 */
#ifndef SVC_PLATFORM_QUERY_QUERY_H
#define SVC_PLATFORM_QUERY_QUERY_H

#include "svc-platform/platform.h"

struct platform_asked {
    struct phi_view receipt; /* borrowed */
    const char
        *asking; /* the platform that asks: it must be of the receipt's audience, as we must */
    struct phi_error *error; /* why a receipt is refused; NULL is fine */
    enum phi_err status;     /* PHI_ERR_RECEIPT, PHI_ERR_STORE, PHI_ERR_OVERLOAD, PHI_ERR_MEMORY */
    json_t *out;             /* the arena's, when the status is PHI_OK */
};

/* Fills status and out of each of 1 to PHI_RECEIPT_JOBS_MAX. Any thread; blocks on the database
 * until the deadline. */
void platform_query(struct platform *platform, struct platform_asked *asked, size_t count,
                    struct phi_deadline deadline, struct phi_arena *arena);

/* Rows of platform_query's statement: which of those asked (from 1), then an entry. */
enum platform_query_column {
    QUERY_NUMBER,
    QUERY_REGION,
    QUERY_VERSION,
    QUERY_GRADE,
    QUERY_REASONS,
    QUERY_FROM,
    QUERY_UNTIL,
    QUERY_THEN,
    QUERY_UPDATED,
};

/* {"entries":[…],"strictest":…,"leftOut":[…]} of `count` rows from `first` on, the caller's;
 * regions that don't count (platform_standing) are named in leftOut and in nothing else. Errors:
 * PHI_ERR_MEMORY. Pure. */
enum phi_err platform_query_answer(const struct phi_rows *rows, size_t first, size_t count,
                                   const struct phi_trust_view *trust, int64_t now_us,
                                   json_t **out) PHI_MUST_USE;

#endif
