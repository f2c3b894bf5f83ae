/* What svc-correction's routes share: keys, tables, the fact that a case is about. */
#ifndef SVC_CORRECTION_CORRECTION_H
#define SVC_CORRECTION_CORRECTION_H

#include "codes/subject.h"
#include "person/key.h"
#include "service/api.h"

#define CASE_LEN      16
#define CASE_TEXT_MAX 1000 /* characters of a statement or note */
#define CASE_WORD_MAX 64

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
};

enum correction_table {
    TABLE_OPEN_MATTERS = PHI_API_OWN,
    TABLE_DECISIONS,
    TABLE_CASES,
    TABLE_STEPS,
    TABLE_CASES_DECIDED,
    TABLE_MATTERS_CLOSED,
};

/* The fact in dispute, by what names it everywhere: a retraction covers all its revisions. */
struct case_fact {
    const char *region;
    const char *source;
    const char *institution;
    const char *record_no;
};

/* One step of a case, told to the citizen and on correction.step. */
struct case_step {
    const uint8_t *case_id;
    const struct phi_person_key *key; /* of the person it is about */
    const struct case_fact *fact;
    const char *step;
    const char *state;
    const char *reason; /* "" for none */
    const char *note;   /* NULL for none; kept sealed */
    const char *told;   /* what a person wrote with this step; sealed, on correction.step */
};

struct correction *correction_of(struct phi_api_call *call);
enum phi_err correction_subject(struct phi_api_call *call,
                                uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

/* step.c: the row and the event of a step, into the call's commit. */
enum phi_err case_step_add(struct phi_api_call *call, const struct case_step *step) PHI_MUST_USE;

/* May this member of staff act on facts of this source and region? */
bool case_is_officers(const struct phi_identity *who, const char *region, const char *source);

enum phi_err case_file(struct phi_api_call *call,
                       struct phi_error *error); /* POST /v1/corrections */
enum phi_err case_list(struct phi_api_call *call,
                       struct phi_error *error); /* GET /v1/corrections */
enum phi_err case_show(struct phi_api_call *call,
                       struct phi_error *error); /* GET /v1/corrections/{id} */
enum phi_err case_decide(struct phi_api_call *call,
                         struct phi_error *error); /* POST …/{id}/decision */

/* {id} of the path: PHI_ERR_NOT_FOUND when it is no case id. */
enum phi_err case_id_of(struct phi_api_call *call, uint8_t out[CASE_LEN],
                        struct phi_error *error) PHI_MUST_USE;

#endif
