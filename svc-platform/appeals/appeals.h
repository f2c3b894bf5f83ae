/* 申诉 (GB/T 38961 6.3): refused cases that provinces hand to the unified platform. Two officers of
 * two units, neither of whom had a part in the case, uphold or overturn; who they are goes to the
 * province sealed, which knows whether the case is theirs. The decision leaves on `dispute.down`,
 * signed by the platform's correction key, and the province answers whether it carried it out.
 *
 *   lodged → proposed → decided → carried-out         back to lodged: given back, or returned by
 *                                                     the province
 * A decision that the province has not answered is sent again, as it was, every
 * PHI_DISPUTE_RESEND_S; the answer names its number.
 *
 *   PHI_GUARD(appeals_open(service, &platform->appeals, error));   // NULL without its two keys
 *   PHI_GUARD(appeals_resend(platform, tx, &count, error));        // the clock's
 *   appeals_close(platform->appeals);                              // NULL is fine
 *
 * Routes run on a worker's thread and block on the database.
 */
#ifndef SVC_PLATFORM_APPEALS_H
#define SVC_PLATFORM_APPEALS_H

#include "svc-platform/disputes/disputes.h"

#define APPEAL_ROLE        "appeal" /* of app and officer */
#define APPEAL_NOTE_MAX    1000
#define APPEAL_STEP_COUNT  9
#define APPEAL_MOVED_COUNT 12

struct appeals {
    struct phi_sm2_private *intake_key; /* opens what provinces seal to us */
    struct phi_sm2_private *correction_key;
    char correction_serial[17];
};

enum phi_err appeals_open(struct phi_service *service, struct appeals **out,
                          struct phi_error *error) PHI_MUST_USE;
void appeals_close(struct appeals *appeals);

enum phi_err appeal_list(struct phi_api_call *call, struct phi_error *error); /* GET /v1/appeals */
enum phi_err appeal_show(struct phi_api_call *call,
                         struct phi_error *error); /* GET /v1/appeals/{region}/{id} */
enum phi_err appeal_propose(struct phi_api_call *call,
                            struct phi_error *error); /* POST …/proposal */
enum phi_err appeal_decide(struct phi_api_call *call,
                           struct phi_error *error); /* POST …/decision */

/* take.c: of dispute.up. */
enum phi_err appeal_take(const struct dispute_news *news, struct phi_error *error) PHI_MUST_USE;
enum phi_err appeal_take_answer(const struct dispute_news *news,
                                struct phi_error *error) PHI_MUST_USE;

/* resend.c: the decisions that are due, into the transaction. PHI_ERR_STORE and of signing. */
enum phi_err appeals_resend(struct platform *platform, struct phi_conn *tx, size_t *count,
                            struct phi_error *error) PHI_MUST_USE;

/* An appeal as a route finds it; texts are the call's. */
struct appeal {
    const char *region;
    uint8_t case_id[DISPUTE_LEN];
    const char *state;
    int64_t seq;
    const char *decision;
    const char *reason;
    struct phi_view proposer;
    const char *proposer_unit;
    const char *proposer_sealed;
    struct phi_json_at record; /* as it came */
};

/* {region} and {id} of the path. PHI_ERR_NOT_FOUND, PHI_ERR_FORBIDDEN (no officer for appeals of
 * this region). */
enum phi_err appeal_find(struct phi_api_call *call, struct appeal *out,
                         struct phi_error *error) PHI_MUST_USE;

#endif
