/* 统一受理入口 (GB/T 38961 6.3): a citizen disputes a record of any province here. The case itself is
 * sealed to the province's svc-correction before anything is stored, and handed over on
 * `dispute.down` of the platform bus; what the province says of it comes back, signed by its
 * correction key, on `dispute.up`. Kept is who asked (a digest), where it went, and the steps.
 *
 *   PHI_GUARD(disputes_open(platform, error));       // the reader of dispute.up, and the clock
 *   disputes_stop(platform, until);
 *
 * A letter that isn't answered is handed over again, with its own number, every
 * PHI_DISPUTE_RESEND_S: the province takes each number once.
 */
#ifndef SVC_PLATFORM_DISPUTES_H
#define SVC_PLATFORM_DISPUTES_H

#include "svc-platform/grants/grants.h"
#include "svc-platform/platform.h"

#define DISPUTE_LEN       16
#define DISPUTE_BYTES_MAX (16 * 1024)
#define DISPUTE_DOWN      "dispute.down"
#define DISPUTE_UP        "dispute.up"

#define DISPUTE_ROWS                                                                               \
    {.name = "PHI_DISPUTE_RESEND_S",                                                               \
     .type = PHI_CONFIG_INT,                                                                       \
     .fallback = "3600",                                                                           \
     .min = 1,                                                                                     \
     .max = 86400,                                                                                 \
     .unit = "s",                                                                                  \
     .text = "a dispute that its province hasn't answered is handed over again this often"},       \
    {                                                                                              \
        .name = "PHI_DISPUTE_PATIENCE_S", .type = PHI_CONFIG_INT, .fallback = "60", .min = 1,      \
        .max = 86400, .unit = "s",                                                                 \
        .text = "past so long without an answer the citizen is told that the province is silent"   \
    }

/* In the lane, behind the grants'. */
enum dispute_table {
    TABLE_DISPUTES = PHI_API_OWN + GRANT_TABLES,
    TABLE_APPEAL_STEPS,
    TABLE_APPEALS_MOVED,
    DISPUTE_TABLES_END
};
#define DISPUTE_TABLES (DISPUTE_TABLES_END - TABLE_DISPUTES)
extern const struct phi_lane_table dispute_tables[DISPUTE_TABLES];

struct disputes;

enum phi_err dispute_file(struct phi_api_call *call,
                          struct phi_error *error); /* POST /v1/disputes */
enum phi_err dispute_list(struct phi_api_call *call,
                          struct phi_error *error); /* GET /v1/disputes */
enum phi_err dispute_show(struct phi_api_call *call,
                          struct phi_error *error); /* GET /v1/disputes/{id} */

/* PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err disputes_open(struct platform *platform, struct phi_error *error) PHI_MUST_USE;
void disputes_stop(struct platform *platform, struct phi_deadline until); /* before it is closed */

/* A province that takes part and can be sealed to: PHI_ERR_NOT_FOUND (none, or without a key),
 * PHI_ERR_STATE (suspended, or without the bus). The view is held with the call's arena. */
enum phi_err dispute_find_province(struct phi_api_call *call, const char *region,
                                   const struct phi_trust_platform **out,
                                   struct phi_error *error) PHI_MUST_USE;

/* One record of dispute.up of `region`, whose signature was right: inside the consumer's
 * transaction. What is malformed: the readers' errors. */
struct dispute_news {
    struct phi_conn *tx;
    struct phi_arena *arena;
    const struct phi_json_at *root;
    struct phi_view value; /* as it came */
    const char *region;
    int64_t now_us;
};
enum phi_err dispute_take_state(const struct dispute_news *news,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err dispute_take_refusal(const struct dispute_news *news,
                                  struct phi_error *error) PHI_MUST_USE;

#endif
