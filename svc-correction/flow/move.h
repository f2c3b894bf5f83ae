/* One step of a case, made: where it leads, its link of the chain, its row, its event.
 *
 *   struct move move;
 *   PHI_GUARD(move_make(&now, &act, correction, at_us, arena, &move));
 *   move_step_row(&move, params);        // of the table steps
 *   move_case_row(&move, params);        // of the table cases
 *   … move.event …                       // on correction.step, by
 *   PHI_GUARD(move_sign(&move, correction, arena, &event));
 *
 * Two steps of one case at once have the same number: the table takes one of them. Pure but for
 * the salt; any thread. What a move holds is the arena's, the case's and the act's.
 */
#ifndef SVC_CORRECTION_MOVE_H
#define SVC_CORRECTION_MOVE_H

#include "bus/event.h"
#include "codes/chain.h"
#include "store/store.h"
#include "svc-correction/correction.h"
#include "svc-correction/matters/matters.h"
#include "svc-correction/steps/steps.h"

#define MOVE_LEVEL_MAX 3 /* a case is escalated this often in one state, then its due time stays */

/* A case as it stands, the call's or the arena's. */
struct case_now {
    uint8_t case_id[CASE_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t matter[PHI_SM3_LEN];
    enum matter_kind matter_kind;
    struct case_fact fact; /* what names the matter, of one that is no record */
    enum step_state state;
    int64_t seq; /* of the newest step; 0: there is none */
    uint8_t head[PHI_CHAIN_LEN];
    int64_t due_us;
    int64_t level;
    const char *outcome;     /* "" until one is proposed */
    const char *reason;      /* of the proposal, or "" */
    struct phi_view officer; /* who proposed; empty for nobody */
    const char *unit;        /* theirs, or "" */
    const char *acting;      /* as what somebody acts for the citizen (entry/filer.h), or NULL */
};

/* What a step brings into other tables: a restored database makes it of correction.step again
 * (restore/rows.h). Each NULL or empty for none. */
struct filer;
struct move_file {
    const uint8_t *id;
    int64_t number;
    const char *type;
    int64_t size_bytes;
};
struct move_rows {
    const struct filer *filer;    /* who filed for somebody */
    const uint8_t *dispute_id;    /* of the unified entry */
    const struct move_file *file; /* attached */
    struct phi_view first;        /* who proposed a decision that the case's own proposer did not */
    const char *first_unit;
};

/* What is done. Texts "" for none. */
struct move_act {
    const char *step;
    enum step_state to;
    const char *outcome;
    const char *reason;
    struct phi_view actor; /* SM3 of issuer and sub; empty: the citizen, or the suite itself */
    const char *unit;
    struct phi_view note;           /* sealed for the table; empty for none */
    const char *told;               /* sealed for the topic, in base64; NULL for none */
    struct phi_view content;        /* what is proposed or brought beside the note, likewise */
    bool content_is_told;           /* under the person's own key: it may lie on a topic */
    struct phi_view content_digest; /* of content that lies elsewhere; empty: made of `content` */
    int64_t decision_version;       /* of a decision; 0 */
    bool is_escalation;
    const struct move_rows *rows; /* NULL: the step has its own row only */
};

#define MOVE_STEP_COLUMNS 16
#define MOVE_CASE_COLUMNS 12

struct move {
    const struct case_now *now;
    const struct move_act *act;
    int64_t at_us;
    int64_t seq;
    int64_t due_us;
    int64_t level;
    uint8_t salt[PHI_CHAIN_SALT_LEN];
    uint8_t digest[PHI_CHAIN_LEN];
    uint8_t head[PHI_CHAIN_LEN];
    uint8_t note_digest[PHI_CHAIN_LEN];
    struct phi_view content_digest; /* empty: no content */
    uint8_t content_made[PHI_CHAIN_LEN];
    struct phi_view event; /* the value of correction.step */
};

/* PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err move_make(const struct case_now *now, const struct move_act *act,
                       const struct correction *correction, int64_t at_us, struct phi_arena *arena,
                       struct move *out) PHI_MUST_USE;

/* The event, whose topic and key are set, gets its value and the signature of the correction key;
 * the version is the step's number. PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err move_sign(const struct move *move, const struct correction *correction,
                       struct phi_arena *arena, struct phi_event *event) PHI_MUST_USE;

void move_step_row(const struct move *move, struct phi_param row[MOVE_STEP_COLUMNS]);
void move_case_row(const struct move *move, struct phi_param row[MOVE_CASE_COLUMNS]);

/* The case after the move, for the next one. */
void move_take(const struct move *move, struct case_now *now);

/* The step as its digest is made of it. */
struct move_link {
    const uint8_t *case_id;
    int64_t seq;
    int64_t at_us;
    const char *step;
    const char *state;
    const char *outcome;
    const char *reason;
    const char *unit;
    struct phi_view actor;
    struct phi_view note_digest;    /* empty: no note */
    struct phi_view content_digest; /* empty: none, and no member of the link */
};
enum phi_err move_link_bytes(const struct move_link *link, struct phi_arena *arena,
                             struct phi_view *out) PHI_MUST_USE;

#endif
