/* Minting policy of a province, as data: for each scene how long a code lives, what it shows,
 * whether it can be used once only, which consent record stands behind it; and the ages and
 * retention periods.
 *
 *   PHI_GUARD(policy_read(path, region, &policy, error));
 *   const struct policy_scene *scene = policy_find(policy, "pass");
 *
 * Immutable once read; any thread.
 */
#ifndef SVC_CODEGEN_POLICY_H
#define SVC_CODEGEN_POLICY_H

#include "codes/scope.h"

#define POLICY_SCENES_MAX     64
#define POLICY_WORD_MAX       32
#define POLICY_NAME_MAX       64 /* characters of a name, 4 bytes each at most */
#define POLICY_LIST_MAX       16
#define POLICY_PAPER_MAX_DAYS 30

/* The parts of the full consent record (GB/T 38961 Table 1) that go by scene. */
struct policy_record {
    char grantee[4 * POLICY_NAME_MAX + 1];                 /* BSQZT: whom it is granted to */
    char categories[POLICY_LIST_MAX][POLICY_WORD_MAX + 1]; /* XXLB */
    size_t category_count;
    char operations[POLICY_LIST_MAX][POLICY_WORD_MAX + 1]; /* CZQX */
    size_t operation_count;
};

struct policy_scene {
    char scene[POLICY_WORD_MAX + 1];
    int64_t life_s;         /* of a code; of a paper scene 0, the application says how many days */
    int64_t term_s;         /* of an application: how long it may be refreshed */
    int64_t paper_min_days; /* 0: not for paper */
    int64_t paper_max_days;
    int64_t paper_default_days; /* when the application doesn't say */
    enum phi_scope scope;
    bool is_one_time;
    bool has_record; /* the full record; otherwise the short one, of passing */
    struct policy_record record;
};

struct policy {
    char controller[4 * POLICY_NAME_MAX + 1]; /* XXKZZ: who keeps the data, by name */
    struct policy_record other;    /* of a scene without a record, where the short one won't do */
    int64_t refresh_s;             /* a refresh so soon after a code was minted gives it again */
    int64_t own_age_years;         /* who is younger is applied for by a guardian */
    int64_t mandate_max_days;      /* from the beginning of a mandate to its end */
    int64_t application_keep_days; /* after their term */
    int64_t consent_keep_days;     /* after the code's deadline, with the code */
    struct policy_scene scenes[POLICY_SCENES_MAX];
    size_t count;
};

/* Reads and checks the file (at most 64 KiB); the region must be ours. PHI_ERR_CONFIG names file
 * and field. */
enum phi_err policy_read(const char *path, const char *region, struct policy *out,
                         struct phi_error *error) PHI_MUST_USE;
const struct policy_scene *policy_find(const struct policy *policy,
                                       const char *scene); /* or NULL */

#endif
