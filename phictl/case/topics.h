/* What topics tell of a case and of a day.
 *
 *   struct ctl_topic from = {.brokers = bus, .region = "320000", .stream = "correction.step",
 *                            .member = "caseId", .value = id, .key = &key};
 *   PHI_GUARD(ctl_topic_read(&from, events, &error));
 */
#ifndef PHI_PHICTL_TOPICS_H
#define PHI_PHICTL_TOPICS_H

#include "crypto/sm2.h"
#include "phictl/options.h"

#include <jansson.h>

struct ctl_topic {
    const char *brokers;
    const char *region;
    const char *stream;
    const char *member; /* of the values that are wanted */
    const char *value;
    const struct phi_sm2_public *key; /* whose signature they must carry; NULL: not looked at */
};

/* Appends the values of the records that are there now. PHI_ERR_SIGNATURE and the like: one of them
 * is not signed by the key; PHI_ERR_DEADLINE: no broker, no such topic. Blocks up to a minute. */
enum phi_err ctl_topic_read(const struct ctl_topic *from, json_t *out,
                            struct phi_error *error) PHI_MUST_USE;

/* The public key that an option names, PEM or hex; NULL when it isn't given. The caller frees.
 * PHI_ERR_IO, PHI_ERR_KEY and the like. */
enum phi_err ctl_topic_key(const struct ctl_args *args, const char *name,
                           struct phi_sm2_public **out, struct phi_error *error) PHI_MUST_USE;

#endif
