/* A fact on its way out: its id, what makes two of them the same, its sealed part and its event.
 *
 *   struct fact fact = {.stream = "declare.health", .institution = app, .record_no = record_no, …};
 *   PHI_GUARD(fact_identify(&keys, region, arena, &fact));   // id and digest: is it there already?
 *   fact.key = &key;                                        // the person's, person/keys.h
 *   PHI_GUARD(fact_complete(&keys, region, topic, arena, &fact, &event));   // sealed, with its MAC
 *
 * Coded members go into `content`, in clear; everything a person wrote or is named by goes into
 * `personal`, which leaves this program sealed only, under the person's own data key. Who the
 * person is goes out once more by itself, as `identity`, which is all that the directory keeps.
 * Pure but for the random nonce of the seal; any thread.
 */
#ifndef SVC_DECLARE_FACT_H
#define SVC_DECLARE_FACT_H

#include "bus/event.h"
#include "codes/factid.h"
#include "json/json.h"
#include "person/key.h"

struct fact_keys {
    struct phi_hmac_key *index;  /* the national index key */
    struct phi_hmac_key *bus;    /* the health side's, for phi-mac and digests */
    struct phi_seal_key *health; /* the health side's: persons' data keys are wrapped under it */
};

/* All borrowed; the JSON is the arena's. */
struct fact {
    const char *stream; /* "source.tests": the topic's stream and the fact's source */
    const char *institution;
    const char *record_no;
    uint32_t revision;
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t observed_us;
    int64_t recorded_us;
    json_t *content;
    char
        customer[33]; /* hex: as whom the app is told of the person; empty: not an app's customer */
    json_t *personal; /* the identity and the document's personal text; NULL: nothing personal */
    /* by fact_identify */
    uint8_t id[PHI_FACT_ID_LEN];
    uint8_t digest[PHI_SM3_LEN];      /* keyed, so that it can't be guessed back: same content, same
                                    digest */
    const struct phi_person_key *key; /* the person's, kept; needed by fact_complete */
    /* by fact_complete */
    struct phi_view content_bytes;
    struct phi_view sealed;
};

/* PHI_ERR_FIELD_VALUE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err fact_identify(const struct fact_keys *keys, const char *region,
                           struct phi_arena *arena, struct fact *fact) PHI_MUST_USE;

/* The event lacks id, source and request id, which are the caller's to fill; its parts are the
 * arena's and the fact's. Errors as above and of phi_person_key_open, PHI_ERR_OVERLOAD. */
enum phi_err fact_complete(const struct fact_keys *keys, const char *region, const char *topic,
                           struct phi_arena *arena, struct fact *fact,
                           struct phi_event *event) PHI_MUST_USE;

#endif
