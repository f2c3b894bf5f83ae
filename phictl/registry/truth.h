/* The registry's source: table `access.registry` of the operators' database, each row a signed
 * record, and the compacted topic that services follow. Without a database the topic is all there
 * is.
 *
 *   PHI_GUARD(ctl_truth_open(args, &truth, &error));
 *   PHI_GUARD(ctl_truth_put(truth, "app:hz-app", json, &error));
 *   ctl_truth_close(truth);
 */
#ifndef PHI_PHICTL_REGISTRY_TRUTH_H
#define PHI_PHICTL_REGISTRY_TRUTH_H

#include "auth/record.h"
#include "phictl/options.h"

struct ctl_truth;

#define CTL_TRUTH_READ_OPTIONS                                                                     \
    {.name = "region",                                                                             \
     .value = "CODE",                                                                              \
     .variable = "PHI_REGION",                                                                     \
     .is_required = true,                                                                          \
     .text = "the province, six digits"},                                                          \
        {.name = "bus",                                                                            \
         .value = "BROKERS",                                                                       \
         .variable = "PHI_BUS",                                                                    \
         .text = "the province's brokers, host:port[,…]"},                                         \
        {.name = "database",                                                                       \
         .value = "CONNINFO",                                                                      \
         .variable = "PHI_ACCESS_DATABASE",                                                        \
         .text = "the operators' database, which keeps the records (schema access)"},              \
        {.name = "key",                                                                            \
         .value = "FILE",                                                                          \
         .variable = "PHI_ACCESS_KEY_FILE",                                                        \
         .is_required = true,                                                                      \
         .text = "the registry owner's SM2 key"},                                                  \
        CTL_PASSWORD

/* Reads the key; makes the schema when it is missing. */
enum phi_err ctl_truth_open(const struct ctl_args *args, struct ctl_truth **out,
                            struct phi_error *error) PHI_MUST_USE;
void ctl_truth_close(struct ctl_truth *truth); /* NULL is fine */

/* Signs the value under the next version, keeps it, publishes it. */
enum phi_err ctl_truth_put(struct ctl_truth *truth, const char *key, struct phi_view value,
                           struct phi_error *error) PHI_MUST_USE;
/* Publishes every kept record again, as it was signed; how many there were. */
enum phi_err ctl_truth_publish(struct ctl_truth *truth, size_t *count,
                               struct phi_error *error) PHI_MUST_USE;
/* Every record whose key begins with `prefix`, by key. */
enum phi_err ctl_truth_each(struct ctl_truth *truth, const char *prefix,
                            void (*each)(const struct phi_record *record, void *context),
                            void *context, struct phi_error *error) PHI_MUST_USE;

#endif
