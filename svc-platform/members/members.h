/* Platforms that join (GB/T 38961 6.3): application, review by two officers, certificates,
 * hand-over, suspension, renewal, replacement of keys, retirement. Every change is one transaction
 * with its step and its event on audit; a request that comes again is the step that it was.
 *
 *   struct member member;
 *   PHI_GUARD(member_begin(call, region, &turn, error));      // the row is locked
 *   … statements on turn.conn …
 *   PHI_GUARD(member_end(call, &turn, "suspend", reason, error));
 */
#ifndef SVC_PLATFORM_MEMBERS_H
#define SVC_PLATFORM_MEMBERS_H

#include "crypto/certificate.h"
#include "svc-platform/platform.h"

#define MEMBER_REQUESTS_MAX 16
#define MEMBER_REASON_MAX   200

/* A row of members; texts are the call's arena's. */
struct member {
    bool is_there;
    char region[7];
    const char *state;
    int64_t round;
    const char *app_id;
    const char *name;
    const char *organisation;
    const char *mode;
    struct phi_view contact_sealed;
    const char *report;
    const char *endpoints;
    const char *requests;
    const char *pending; /* NULL: none */
    int64_t overlap_us;
    uint8_t encryption[PHI_SM2_PUBLIC_LEN];
};

/* A key that a certificate is asked for. */
struct member_request {
    enum phi_trust_use use;
    int64_t key_set;              /* 0 unless `use` is code */
    enum phi_trust_holder holder; /* of an encryption key: whose it is, if the province says */
    const char *pem;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char serial[PHI_KEY_ID_LEN + 1];
};

struct member_requests {
    struct member_request items[MEMBER_REQUESTS_MAX];
    size_t count;
};

/* One change under way. */
struct member_turn {
    struct phi_conn *conn;
    struct member member;
    uint8_t request[16];
    uint8_t actor[PHI_SM3_LEN];
    const char *unit; /* "" for the platform's own app */
    bool is_repeat;   /* the step was taken before: nothing is to be done */
};

/* turn.c. Begins a transaction with the member's row locked, or with the region's lock when there
 * is none. PHI_ERR_QUERY (region), PHI_ERR_STORE. The caller calls member_end or member_drop. */
enum phi_err member_begin(struct phi_api_call *call, const char *region, struct member_turn *out,
                          struct phi_error *error) PHI_MUST_USE;
/* Writes step and audit event, commits, answers with the member's state. `turn->member.state` is
 * the state after the step. */
enum phi_err member_end(struct phi_api_call *call, struct member_turn *turn, const char *action,
                        const char *reason, struct phi_error *error) PHI_MUST_USE;
void member_drop(struct member_turn *turn); /* rolls back what is open; twice is fine */
/* {region} of the path. */
enum phi_err member_region(struct phi_api_call *call, const char **out,
                           struct phi_error *error) PHI_MUST_USE;
/* The caller's app speaks for the region: PHI_ERR_FORBIDDEN. */
enum phi_err member_check_app(struct phi_api_call *call, const char *region,
                              struct phi_error *error) PHI_MUST_USE;
/* The officer has this role for platforms: PHI_ERR_FORBIDDEN. */
enum phi_err member_check_officer(struct phi_api_call *call, const char *role,
                                  struct phi_error *error) PHI_MUST_USE;
/* Names of members' columns, in the order that member_take reads. */
extern const char member_columns[];
enum phi_err member_take(const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                         struct member *out) PHI_MUST_USE;

/* requests.c. The array `at`: PKCS#10 by use, each signed by its own key, no key and no key set
 * twice. With `is_whole` code, receipt, directory and encryption must be there. */
enum phi_err member_requests_read(const struct phi_json_at *at, bool is_whole,
                                  struct member_requests *out,
                                  struct phi_error *error) PHI_MUST_USE;
/* What was read before and kept in the table. */
enum phi_err member_requests_again(const char *text, struct phi_arena *arena,
                                   struct member_requests *out,
                                   struct phi_error *error) PHI_MUST_USE;

/* report.c. The testing institution's statement: of a registered app with the role "testing", about
 * this region, nothing failed. PHI_ERR_RULE with the member and the reason. */
enum phi_err member_report_check(struct phi_api_call *call, const struct phi_json_at *at,
                                 const char *region, struct phi_error *error) PHI_MUST_USE;

/* issue.c. Certificates for the requests, kept as keys from now on. */
enum phi_err member_issue(struct phi_api_call *call, struct member_turn *turn,
                          const struct member_requests *requests,
                          struct phi_error *error) PHI_MUST_USE;
/* A user of the platform bus with a fresh password, sealed to the province as a parcel. */
enum phi_err member_open_bus(struct phi_api_call *call, struct member_turn *turn,
                             struct phi_error *error) PHI_MUST_USE;

/* handover.c. The province's one parcel of a kind, sealed text in base64, in place of an older one.
 * Blocks on the database. */
enum phi_err member_keep_parcel(struct phi_api_call *call, struct member_turn *turn,
                                const char *kind, const char *text,
                                struct phi_error *error) PHI_MUST_USE;

/* listed.c. Puts the members in force into a trust list's array `platforms`, in their place. */
enum phi_err member_list_into(struct phi_conn *conn, json_t *platforms,
                              struct phi_error *error) PHI_MUST_USE;
/* A number that is another after every change of a member. */
enum phi_err member_changed(struct phi_conn *conn, int64_t *out,
                            struct phi_error *error) PHI_MUST_USE;

/* Routes. */
enum phi_err member_apply(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_decide(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_change_keys(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_show_all(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_show(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_show_own(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_put_parcel(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_hand_over(struct phi_api_call *call, struct phi_error *error);
enum phi_err member_bus(struct phi_api_call *call, struct phi_error *error);

#endif
