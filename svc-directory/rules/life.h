/* The life of rule sets in a running replica: a thread that follows the activations, compares the
 * people of trials, and grades everybody anew when another set has come into force.
 *
 *   PHI_GUARD(life_start(directory, &error));
 *   life_close(directory->life);
 *
 * Trials and sweeps go in batches, each in one transaction with where it stands: after a kill the
 * next replica goes on from there.
 */
#ifndef SVC_DIRECTORY_RULES_LIFE_H
#define SVC_DIRECTORY_RULES_LIFE_H

#include "svc-directory/directory.h"
#include "svc-directory/rules/book.h"

struct life;

/* Reads the activations once, so that nobody is graded by what was before. PHI_ERR_STORE,
 * PHI_ERR_MEMORY. */
enum phi_err life_start(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
void life_close(struct life *life); /* after the running batch; NULL is fine */

/* --- the parts, each a batch in a transaction of its own; `count` is how many people it looked at,
 * 0 when there is nothing to do. Block for the database. --- */

/* trial.c: the oldest open trial, unless another replica is at it. `cache` is the caller's, empty
 * at first. */
struct trial_cache {
    uint8_t trial_id[RULES_TRIAL_LEN];
    struct rules *rules;
};
enum phi_err trial_run(struct directory *directory, struct phi_conn *conn, int64_t now_us,
                       struct trial_cache *cache, size_t *count) PHI_MUST_USE;

/* sweep.c: one partition under one activation; `is_done` when nobody of it is left. */
enum phi_err sweep_run(struct directory *directory, struct phi_conn *conn, int64_t now_us,
                       int64_t number, int32_t partition, size_t *count,
                       bool *is_done) PHI_MUST_USE;

/* --- routes.c and route_trials.c --- */
enum phi_err rules_route_list(struct phi_api_call *call, struct phi_error *error);
enum phi_err rules_route_try(struct phi_api_call *call, struct phi_error *error);
enum phi_err rules_route_show(struct phi_api_call *call, struct phi_error *error);
enum phi_err rules_route_step(struct phi_api_call *call, struct phi_error *error);
enum phi_err rules_route_rollback(struct phi_api_call *call, struct phi_error *error);

/* The lane's tables, in this order. */
enum rules_table { RULES_TABLE_ACTIVATIONS, RULES_TABLE_STEPS, RULES_TABLE_TRIALS, RULES_TABLES };
extern const struct phi_lane_table rules_tables[RULES_TABLES];

#endif
