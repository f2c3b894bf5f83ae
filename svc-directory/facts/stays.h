/* Where a fact says that the person was: regions and places with their times. Published risks of
 * places find people by them.
 *
 *   struct stay stays[STAYS_MAX];
 *   size_t count = stays_of("declare.health", content, stays, STAYS_MAX);
 *
 * Pure; any thread. What doesn't have the form of its source's schema is no stay.
 */
#ifndef SVC_DIRECTORY_STAYS_H
#define SVC_DIRECTORY_STAYS_H

#include "json/json.h"

#define STAYS_MAX      128
#define STAY_PLACE_MAX 65

struct stay {
    char place[STAY_PLACE_MAX + 1]; /* "r" and six digits, or "p" and the place's id */
    int64_t from_us;
    int64_t to_us; /* including; INT64_MAX while it lasts */
};

/* A stay at a place with an id is two: of the place and of its region. Returns how many. */
size_t stays_of(const char *source, const json_t *content, struct stay *out, size_t max);

#endif
