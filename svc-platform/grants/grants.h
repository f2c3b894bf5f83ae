/* Grants of institutions (按授权批量查询): an institution's app may ask for the grades of people in
 * batches only under a grant: a purpose, a legal reference, regions, the members that it may see,
 * how many people a day, until when. A grant takes the word of two officers of two units; one ends
 * it. People are named by receipts that svc-verify gave the same app for their codes: nobody but a
 * province holds the key that makes a subject of a document, and none is made of a document that
 * its holder did not show.
 *
 *   PHI_GUARD(grant_read(call, &grant, error));
 *   if (strcmp(grant.state, "approved") == 0) …
 */
#ifndef SVC_PLATFORM_GRANTS_H
#define SVC_PLATFORM_GRANTS_H

#include "store/lane.h"
#include "svc-platform/platform.h"

#define GRANT_ID_MAX      32
#define GRANT_REGIONS_MAX 64
#define GRANT_LINES_MAX   500 /* of a batch */
#define GRANT_ROLE        "grants"

/* A row, and what became of it; texts are the call's arena's. */
struct grant {
    const char *grant_id;
    const char *state; /* "registered", "approved", "over" */
    const char *app;
    const char *purpose;
    const char *legal;
    const char *regions; /* "320000,440000" */
    bool shows_time;     /* besides the grade */
    int64_t people_max;  /* a day */
    int64_t until_us;
    struct phi_view officer; /* who registered it */
    const char *unit;
};

/* {id} of the path. PHI_ERR_NOT_FOUND. Blocks on the database. */
enum phi_err grant_read(struct phi_api_call *call, struct grant *out,
                        struct phi_error *error) PHI_MUST_USE;
bool grant_has_region(const struct grant *grant, const char *region);
/* The event cn.phi.audit.grant: `json` (its reference is taken) gets grant and time. Signed with
 * the answer key; parts are the call's arena's. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err grant_event(struct phi_api_call *call, const char *grant_id, const char *step,
                         json_t *json, struct phi_event *out) PHI_MUST_USE;

/* Routes. Officers: POST /v1/grants, GET /v1/grants/{id}, POST /v1/grants/{id}/steps. */
enum phi_err grant_register(struct phi_api_call *call, struct phi_error *error);
enum phi_err grant_show(struct phi_api_call *call, struct phi_error *error);
enum phi_err grant_step(struct phi_api_call *call, struct phi_error *error);
/* The institution: POST /v1/grants/{id}/queries, a receipt a line. */
enum phi_err grant_query(struct phi_api_call *call, struct phi_error *error);

/* The lane's tables. */
enum grant_table { GRANT_TABLE_GRANTS, GRANT_TABLE_STEPS, GRANT_TABLES };
extern const struct phi_lane_table grant_tables[GRANT_TABLES];

#endif
