/* Reference facts that svc-declare publishes for everyone: risks of places (reference.places) and
 * the rhythms of sources (reference.sources), signed by its key for places. Both topics are read
 * whole by every replica and laid into tables, the highest version of each record; each
 * partition's owner then applies them to its own people (grading/places.h, grading/silence.h).
 *
 *   PHI_GUARD(reference_start(directory, error));     // nothing without PHI_PLACES_PUBLIC_FILE
 *   reference_close(directory->reference);
 *
 * A record that isn't signed, or isn't of its form, is counted and left out.
 */
#ifndef SVC_DIRECTORY_REFERENCE_H
#define SVC_DIRECTORY_REFERENCE_H

#include "svc-directory/directory.h"

struct reference_place {
    char entry[128]; /* the record's key */
    char place[80];  /* "r320100", "pvenue-1" */
    char low[80];    /* places from low to high are in it */
    char high[80];
    int64_t from_us;
    int64_t to_us;
    int risk; /* 1 low … 3 high; 0 withdrawn */
    int64_t version;
};

struct reference_source {
    char name[128]; /* the record's key */
    char source[65];
    int64_t fresh_until_us;
    bool is_ended;
    int64_t version;
};

/* A record's value; the signature has been verified, `version` is the header's. PHI_ERR_JSON,
 * PHI_ERR_FIELD_*, PHI_ERR_MEMORY. Pure. */
enum phi_err reference_place_read(const struct phi_msg *msg, uint64_t version,
                                  struct phi_arena *arena, struct reference_place *out,
                                  struct phi_error *error) PHI_MUST_USE;
enum phi_err reference_source_read(const struct phi_msg *msg, uint64_t version,
                                   struct phi_arena *arena, struct reference_source *out,
                                   struct phi_error *error) PHI_MUST_USE;

/* Starts the readers; they wait for the broker themselves. PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err reference_start(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
void reference_close(struct reference *reference); /* joins the threads; NULL is fine */
/* How often a record was laid down since the start: who has seen a number need not look again. Any
 * thread. NULL: 0. */
uint64_t reference_changes(const struct reference *reference);

#endif
