/* What comes on the province's bus: facts (of declarations and sources, under phi-mac) and
 * decisions about disputes (signed by the province's correction key). Each is verified before a
 * byte of it is read.
 *
 *   PHI_GUARD(fact_read(msg, "declare.health", "320000", &keys, arena, &fact, error));
 *   PHI_GUARD(decision_read(msg, "320000", pinned, pinned_count, &keys, arena, &decision, error));
 *
 * What fails is poison for the dlq: PHI_ERR_UNSIGNED, PHI_ERR_HEADER, PHI_ERR_SIGNATURE,
 * PHI_ERR_KEY (not of ours), PHI_ERR_FORBIDDEN (of another region), PHI_ERR_JSON, PHI_ERR_FIELD_*,
 * PHI_ERR_BODY_TOO_LARGE, PHI_ERR_DATA_BROKEN (a fact id or a sealed part that isn't so).
 * PHI_ERR_MEMORY is ours. Texts and views are the arena's. Pure.
 */
#ifndef SVC_DIRECTORY_FACT_H
#define SVC_DIRECTORY_FACT_H

#include "bus/signed.h"
#include "codes/factid.h"
#include "codes/notice.h"
#include "codes/subject.h"
#include "crypto/seal.h"
#include "json/json.h"

#define FACT_VALUE_MAX       (64 * 1024)
#define FACT_INSTITUTION_MAX 64
#define FACT_RECORD_MAX      64
#define FACT_EVENT_KEY_LEN   16
#define FACT_DIGEST_LEN      16 /* of the digest, what is kept */

struct fact_keys {
    struct phi_hmac_key *bus;    /* the health side's, for phi-mac and digests */
    struct phi_seal_key *health; /* the health side's, for personal text */
};

struct fact {
    uint8_t id[PHI_FACT_ID_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t subject_key;
    const char *source;
    const char *institution;
    const char *record_no;
    int64_t revision;
    int64_t observed_us;
    int64_t recorded_us;
    uint8_t record[PHI_FACT_ID_LEN]; /* the same for all revisions of a record */
    bool has_customer;
    uint8_t customer[PHI_NOTICE_PERSON_LEN]; /* as whom the app knows the person */
    bool has_event_key;
    uint8_t event_key[FACT_EVENT_KEY_LEN]; /* content.eventKey: which event the record tells of */
    struct phi_json_at content_json;       /* the arena's */
    struct phi_view content;     /* canonical JSON of the coded members, ended by a zero */
    uint8_t digest[PHI_SM3_LEN]; /* keyed; of all that makes two facts the same */
    /* who the person is, under their data key, as it came */
    struct phi_view identity_sealed;
    /* of records without it: canonical JSON {name, idType, idNo, country}; empty: none carried */
    struct phi_view identity;
    /* of a fact that a decision made: which decision on which record; its own, where one was
     * missing */
    bool is_made;
    uint8_t of_record[PHI_FACT_ID_LEN];
    int64_t of_version;
};

enum phi_err fact_read(const struct phi_msg *msg, const char *source, const char *region,
                       const struct fact_keys *keys, struct phi_arena *arena, struct fact *out,
                       struct phi_error *error) PHI_MUST_USE;

/* What all revisions of a record have in common: the id of a revision 0, which no fact has.
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err fact_record(const char *region, const char *source, const char *institution,
                         const char *record_no, uint8_t out[PHI_FACT_ID_LEN]) PHI_MUST_USE;

enum decision_action {
    DECISION_RETRACT,
    DECISION_STAND,
    DECISION_AMEND,
    DECISION_ADD,
    DECISION_RELIEVE, /* while the case runs: the record is set aside until `until_us` */
    DECISION_RESUME   /* no longer */
};

/* A decision (更正) about the record it names, all revisions: it is retracted, or it stands, or it is
 * retracted and another one, the case's own, says what was so; or one that was missing is there. */
struct decision {
    uint8_t record[PHI_FACT_ID_LEN];
    enum decision_action action;
    bool is_retracted;
    bool has_fact;
    struct fact fact; /* what it makes: amended or added */
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t until_us;    /* of a relief; 0 where it ends */
    int64_t observed_us; /* what the record tells of, where whoever decided knows; INT64_MAX */
    const char *case_id;
    const char *source;
    const char *institution;
    const char *record_no;
    int64_t version;
    int64_t decided_us;
};

const char *decision_action_name(enum decision_action action);

/* `bus`: for the digest of the fact that it makes. */
enum phi_err decision_read(const struct phi_msg *msg, const char *region,
                           const struct phi_pinned_key *pinned, size_t pinned_count,
                           const struct fact_keys *keys, struct phi_arena *arena,
                           struct decision *out, struct phi_error *error) PHI_MUST_USE;
/* The same of a record whose signature was verified with those of others. */
enum phi_err decision_open(const struct phi_msg *msg, const char *region,
                           const struct fact_keys *keys, struct phi_arena *arena,
                           struct decision *out, struct phi_error *error) PHI_MUST_USE;

#endif
