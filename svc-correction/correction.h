/* What svc-correction's routes share: keys, tables, the fact that a case is about. */
#ifndef SVC_CORRECTION_CORRECTION_H
#define SVC_CORRECTION_CORRECTION_H

#include "bus/laid.h"
#include "codes/subject.h"
#include "person/key.h"
#include "service/api.h"

#define CASE_LEN      16
#define CASE_TEXT_MAX 1000 /* characters of a statement or note */
#define CASE_WORD_MAX 64

struct calendar;
struct case_clock;
struct case_daily;
struct handed;
struct phi_consumer;
struct phi_dlq;
struct phi_person_replay;

struct correction {
    struct phi_hmac_key *index_key;
    struct phi_seal_key *health_key;
    struct phi_sm2_private *correction_key; /* signs correction.decided */
    char correction_serial[17];
    struct phi_person_replay *replay;
    struct phi_consumer *consumer;
    struct phi_dlq *dlq;
    struct phi_laid laid; /* by the batch under way */
    struct calendar *calendar;
    struct case_clock *clock;
    struct case_daily *daily;
    struct handed *handed; /* entry/handed.h; NULL: no unified entry */
    char reencode[256];    /* phi-reencode's path; "": it is not there */
};

enum correction_table {
    TABLE_OPEN_MATTERS = PHI_API_OWN,
    TABLE_STEPS,
    TABLE_DECISIONS,
    TABLE_CASES,
    TABLE_CASES_MOVED,
    TABLE_MATTERS_CLOSED,
    TABLE_ATTACHMENTS,
    TABLE_CHUNKS,
    TABLE_FILERS,
    TABLE_HANDED,
    TABLE_CASES_TOLD,
    TABLE_LOOKS,
    TABLES_END
};
#define CORRECTION_TABLES (TABLES_END - PHI_API_OWN)
extern const struct phi_lane_table correction_tables[CORRECTION_TABLES];

/* The fact in dispute, by what names it everywhere: a retraction covers all its revisions. */
struct case_fact {
    const char *region;
    const char *source;
    const char *institution;
    const char *record_no;
};

struct correction *correction_of(struct phi_api_call *call);
enum phi_err correction_subject(struct phi_api_call *call,
                                uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

/* May this member of staff act on facts of this source and region? */
bool case_is_officers(const struct phi_identity *who, const char *region, const char *source);

extern const char *const case_file_fields[]; /* of the body; NULL-ended */
enum phi_err case_file(struct phi_api_call *call,
                       struct phi_error *error); /* POST /v1/corrections */
/* The same, of a number of the unified entry (entry/handed.h), which is NULL otherwise. */
enum phi_err case_file_handed(struct phi_api_call *call, const uint8_t *dispute_id,
                              struct phi_error *error);
enum phi_err case_list(struct phi_api_call *call,
                       struct phi_error *error); /* GET /v1/corrections */
enum phi_err case_show(struct phi_api_call *call,
                       struct phi_error *error); /* GET /v1/corrections/{id} */
enum phi_err case_give(struct phi_api_call *call, struct phi_error *error); /* POST …/evidence */
enum phi_err case_withdraw(struct phi_api_call *call,
                           struct phi_error *error); /* POST …/withdrawal */
enum phi_err case_ask(struct phi_api_call *call,
                      struct phi_error *error); /* POST …/evidence-requests */
enum phi_err case_propose(struct phi_api_call *call, struct phi_error *error); /* POST …/proposal */
enum phi_err case_decide(struct phi_api_call *call, struct phi_error *error); /* POST …/decision */

/* show.c: a case as GET /v1/corrections/{id} gives it to the citizen, the caller's to json_decref;
 * whose it is has been seen. Blocks on the database. */
enum phi_err case_whole(struct phi_api_call *call, struct phi_conn *conn, const uint8_t *case_id,
                        json_t **out, struct phi_error *error) PHI_MUST_USE;

/* flow/clock.c: the thread that looks for cases past their time. NULL is fine to stop. */
enum phi_err case_clock_start(struct phi_service *service) PHI_MUST_USE;
void case_clock_stop(struct correction *correction);

/* {id} of the path: PHI_ERR_NOT_FOUND when it is no case id. */
enum phi_err case_id_of(struct phi_api_call *call, uint8_t out[CASE_LEN],
                        struct phi_error *error) PHI_MUST_USE;

/* `proof` that the case is in the root of the day that the query `day` asks for; nothing without.
 * PHI_ERR_QUERY, PHI_ERR_STORE. */
enum phi_err case_add_proof(struct phi_api_call *call, struct phi_conn *conn,
                            const uint8_t case_id[CASE_LEN], json_t *to,
                            struct phi_error *error) PHI_MUST_USE;

#endif
