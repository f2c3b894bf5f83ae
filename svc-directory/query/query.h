/* The routes' parts: svc-verify's word about a code, the nation's entries, what is known of a
 * person.
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
/* As it is at this moment: `then` is applied once `until` is past. */
enum phi_err person_entry_read(const struct directory *directory, struct phi_conn *conn,
                               const uint8_t *subject, struct phi_arena *arena,
                               struct person_entry *out, struct phi_error *error) PHI_MUST_USE;
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

#endif
