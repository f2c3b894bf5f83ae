/* The chain of a case, computed anew of what is told of its steps: of the answer of
 * GET /v1/corrections/{id}, or of the records of correction.step (docs/corrections.md).
 *
 *   struct ctl_chain chain = {.count = 0};
 *   PHI_GUARD(ctl_chain_of_case(json, &chain, &error));      // or ctl_chain_of_events
 *   size_t broken = ctl_chain_broken(&chain);                // chain.count: it holds
 *
 * Pure. Texts are the JSON's.
 */
#ifndef PHI_PHICTL_CHAIN_H
#define PHI_PHICTL_CHAIN_H

#include "codes/chain.h"
#include "json/json.h"

#define CTL_STEPS_MAX 10000

struct ctl_step {
    int64_t seq;
    const char *step;
    const char *at;
    bool is_whole; /* the digest is that of what is told */
    uint8_t digest[PHI_CHAIN_LEN];
    uint8_t head[PHI_CHAIN_LEN];
};

struct ctl_chain {
    char case_id[33];
    struct ctl_step *steps; /* calloc'd, free'd by the caller, in the order of their numbers */
    size_t count;
};

/* PHI_ERR_FIELD_* with the place, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err ctl_chain_of_case(const json_t *data, struct ctl_chain *out,
                               struct phi_error *error) PHI_MUST_USE;
/* An array of the records' values, in any order, maybe twice. */
enum phi_err ctl_chain_of_events(const json_t *events, struct ctl_chain *out,
                                 struct phi_error *error) PHI_MUST_USE;

/* The first step whose digest is not that of what is told, or whose head is not that of the digests
 * up to it, or whose number is not the next; `count` when there is none. Where the first step is
 * not number 1 its head is taken as it is. */
size_t ctl_chain_broken(const struct ctl_chain *chain);

/* The step of that number; NULL. */
const struct ctl_step *ctl_chain_find(const struct ctl_chain *chain, int64_t seq);

#endif
