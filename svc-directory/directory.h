/* What svc-directory's parts share: the consumer of facts, the publisher of entries, the routes. */
#ifndef SVC_DIRECTORY_DIRECTORY_H
#define SVC_DIRECTORY_DIRECTORY_H

#include "bus/consumer.h"
#include "bus/dlq.h"
#include "codes/verify_message.h"
#include "rpc/client.h"
#include "service/api.h"
#include "svc-directory/query/challenge.h"
#include "svc-directory/facts/fact.h"
#include "svc-directory/rules/rules.h"

#include <pthread.h>

struct publisher;

/* What a batch did; counted once it is committed. */
enum tally {
    TALLY_NEW,
    TALLY_DUPLICATE,
    TALLY_CONFLICT,
    TALLY_RETRACTED,
    TALLY_RETRACTED_BEFORE,
    TALLY_DEAD,
    TALLY_SAME,
    TALLY_CHANGED,
    TALLY_COUNT
};

struct directory {
    struct phi_service *service;
    struct rules *rules;
    struct fact_keys keys;
    struct phi_hmac_key *index_key;
    struct phi_mark_key *mark_key; /* the pictures' trace mark */
    struct phi_sm2_private *directory_key;
    char directory_key_id[17];
    struct phi_dlq *dlq;
    pthread_mutex_t lock; /* consumer */
    struct phi_consumer *consumer;
    struct publisher *publisher;
    struct challenges *challenges;
    struct phi_rpc_client *verify;
    struct phi_rpc_client *platform; /* NULL: the nation is not asked */
    struct phi_counter *counters[TALLY_COUNT];
    struct phi_counter *nation[2]; /* unanswered, answered */
    uint64_t tally[TALLY_COUNT];   /* of the batch under way; the consumer's thread only */
};

#define PEOPLE_CONTEXT   "people.identity_sealed"
#define FACTS_WINDOW_US  RULES_WINDOW_US
#define FACTS_PER_PERSON 500

/* intake.c: one batch of a topic-partition inside its transaction: facts, identities, retractions,
 * grades. */
enum phi_err intake_handle(struct phi_batch *batch, struct phi_conn *tx,
                           void *directory) PHI_MUST_USE;
void intake_committed(const struct phi_batch *batch, void *directory);
void intake_metrics(struct directory *directory); /* makes the counters */

/* grading.c: grades the subjects (sorted, each once) anew inside the transaction that changed their
 * facts, and writes the entries that changed, counting in the tally. */
struct grading {
    struct directory *directory;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int32_t partition;
    int64_t now_us;
};
enum phi_err grading_run(const struct grading *grading, const uint8_t (*subjects)[PHI_SUBJECT_LEN],
                         size_t count) PHI_MUST_USE;
/* The facts that count for these subjects: subject, source, institution, observed_us, content,
 * region, record_no, revision; by subject, then newest first. The caller frees `rows`. */
enum phi_err grading_facts(struct phi_conn *conn, const struct phi_array *subjects, int64_t now_us,
                           struct phi_rows **rows, struct phi_error *error) PHI_MUST_USE;
enum grading_column {
    GRADING_SUBJECT,
    GRADING_SOURCE,
    GRADING_INSTITUTION,
    GRADING_OBSERVED,
    GRADING_CONTENT,
    GRADING_REGION,
    GRADING_RECORD_NO,
    GRADING_REVISION
};

/* input.c: what the rules see of rows first..last (not including) of grading_facts, which it
 * borrows; the arena's. PHI_ERR_DATA_BROKEN, PHI_ERR_MEMORY. */
enum phi_err input_of_rows(const struct phi_rows *rows, size_t first, size_t last, int64_t now_us,
                           struct phi_arena *arena, struct rules_input **out) PHI_MUST_USE;
uint32_t input_source_bit(const char *source); /* annex B.2: bit 0 = a … bit 13 = n; 0 unknown */

/* publish.c: what the owner of a partition owes the nation. */
enum phi_err publisher_open(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
enum phi_err publisher_start(struct publisher *publisher) PHI_MUST_USE;
void publisher_owns(struct publisher *publisher, int32_t partition, bool is_owner);
void publisher_wake(struct publisher *publisher);
void publisher_close(struct publisher *publisher); /* after a last round; NULL is fine */

/* ask.c: svc-verify's word about a code. */
struct ask {
    enum phi_verify_operation operation;
    const char *code;
    enum phi_scope scope;
    uint8_t challenge[16];
    uint8_t holder[PHI_SUBJECT_LEN]; /* for PHI_VERIFY_OWN */
};
/* The reply's views are the call's arena's. PHI_ERR_NEIGHBOUR, PHI_ERR_DEADLINE, PHI_ERR_OVERLOAD …
 */
enum phi_err ask_verify(struct phi_api_call *call, const struct ask *ask,
                        struct phi_verify_reply *reply, struct phi_error *error) PHI_MUST_USE;
/* Passes a verdict (2xxx, 5004) on as the answer and returns PHI_OK; any other status is the error.
 */
enum phi_err ask_tell_refusal(struct phi_api_call *call, const struct phi_verify_reply *reply,
                              struct phi_error *error) PHI_MUST_USE;
/* Signature, issuer, challenge (spent by this), time, audience, scope, app. PHI_ERR_RECEIPT. */
enum phi_err ask_check_receipt(struct phi_api_call *call, const struct ask *ask,
                               struct phi_view bytes, struct phi_receipt *out,
                               struct phi_error *error) PHI_MUST_USE;

/* nation.c: the unified platform's entries, asked while we look at our own. */
struct nation;
struct nation *nation_ask(struct phi_api_call *call, struct phi_view receipt,
                          const uint8_t request_id[16]);
/* Waits for the answer at most until the ask's deadline, and ends the ask. NULL: no answer; else
 * the array of entries, the call's arena's. Always call it once after nation_ask. */
const json_t *nation_finish(struct directory *directory, struct nation *nation,
                            struct phi_arena *arena);
void nation_metrics(struct directory *directory); /* makes the counters */

/* person.c: what we know of one person. */
struct person_entry {
    bool is_there;
    enum phi_grade grade;
    json_t *reasons; /* [{"reason","rule","version"}], the arena's */
    int64_t version;
    int64_t published_version;
    int64_t from_us;
    int64_t updated_us;
};
enum phi_err person_entry_read(struct phi_conn *conn, const uint8_t *subject,
                               struct phi_arena *arena, struct person_entry *out,
                               struct phi_error *error) PHI_MUST_USE;
struct person_identity {
    bool is_there;
    const char *name;  /* masked */
    const char *id_no; /* masked */
};
enum phi_err person_identity_read(struct directory *directory, struct phi_conn *conn,
                                  const uint8_t *subject, struct phi_arena *arena,
                                  struct person_identity *out,
                                  struct phi_error *error) PHI_MUST_USE;
json_t *person_grade_json(enum phi_grade grade);    /* {code, zh, en, colour, shape} */
json_t *person_reason_words(const json_t *reasons); /* ["close-contact", …], each once */

/* The routes. */
enum phi_err directory_query(struct phi_api_call *call, struct phi_error *error); /* 6.4 */
enum phi_err directory_picture(struct phi_api_call *call, struct phi_error *error);
enum phi_err directory_explain(struct phi_api_call *call, struct phi_error *error);

struct directory *directory_of(struct phi_api_call *call);
enum phi_err directory_subject(struct phi_api_call *call,
                               uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

#endif
