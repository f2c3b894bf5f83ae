/* Minting policy of a province, as data: for each scene how long a code lives, what it shows,
 * whether it can be used once only.
 *
 *   PHI_GUARD(policy_read(path, region, &policy, error));
 *   const struct policy_scene *scene = policy_find(policy, "pass");
 */
#ifndef SVC_CODEGEN_POLICY_H
#define SVC_CODEGEN_POLICY_H

#include "codes/scope.h"

#define POLICY_SCENES_MAX 64
#define POLICY_WORD_MAX   32

struct policy_scene {
    char scene[POLICY_WORD_MAX + 1];
    int64_t life_s; /* of a code */
    int64_t term_s; /* of an application: how long it may be refreshed */
    enum phi_scope scope;
    bool is_one_time;
    bool is_paper; /* a certificate to be printed: a day to 30 of them, and it can be revoked */
};

struct policy {
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
