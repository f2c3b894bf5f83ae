/* The routes' parts: svc-verify's word about a code, what is known of a person, other provinces'
 * door.
 *
 *   PHI_GUARD(ask_verify(call, &ask, &reply, error));
 *   PHI_GUARD(ask_check_receipt(call, &ask, reply.receipt, &receipt, error));
 *   PHI_GUARD(person_entry_read(directory, conn, receipt.subject, arena, &entry, error));
 *
 * On a worker's thread, within the call's deadline; all of them block.
 */
#ifndef SVC_DIRECTORY_QUERY_H
#define SVC_DIRECTORY_QUERY_H

#include "codes/verify_message.h"
#include "service/query_rpc.h"
#include "svc-directory/directory.h"

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

/* home.c: the query RPC's answers to other provinces' directories (5104). */
enum phi_err home_answer(void *context, const struct phi_query_ask *ask, json_t **out,
                         struct phi_error *error);

/* person.c: what we know of one person. */
struct person_entry {
    bool is_there;
    bool
        is_withdrawn; /* the nation was told to forget it: only the person's own history shows it */
    enum phi_grade grade;
    json_t *reasons; /* [{"reason","rule","version"}], the arena's */
    int64_t version;
    int64_t published_version;
    int64_t from_us;
    int64_t updated_us;
    int64_t until_us; /* INT64_MAX: nothing ends it */
    enum phi_grade then;
};
/* As it is at this moment: `then` is applied once `until` is past. */
enum phi_err person_entry_read(struct directory *directory, struct phi_conn *conn,
                               const uint8_t *subject, struct phi_arena *arena,
                               struct person_entry *out, struct phi_error *error) PHI_MUST_USE;
struct person_identity {
    bool is_there;
    bool is_awaited;   /* data keys are being replayed: nothing can be told yet */
    const char *name;  /* masked */
    const char *id_no; /* masked */
};
enum phi_err person_identity_read(struct directory *directory, struct phi_conn *conn,
                                  const uint8_t *subject, struct phi_arena *arena,
                                  struct person_identity *out,
                                  struct phi_error *error) PHI_MUST_USE;
json_t *person_grade_json(enum phi_grade grade); /* {code, zh, en, colour, shape} */
json_t *person_holder_json(const struct person_identity *identity); /* {name, idNo}, or null */
/* {region, via, grade, reasons, version, updatedAt} */
json_t *person_entry_json(const char *region, const char *via, const struct person_entry *entry);
json_t *person_reason_words(const json_t *reasons); /* ["close-contact", …], each once */

void query_metrics(struct directory *directory); /* makes the counters */

/* The routes. */
enum phi_err directory_query(struct phi_api_call *call, struct phi_error *error); /* 6.4 */
enum phi_err directory_picture(struct phi_api_call *call, struct phi_error *error);
enum phi_err directory_explain(struct phi_api_call *call, struct phi_error *error);

#endif
