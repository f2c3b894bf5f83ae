/* Inside the intake only: one batch on its way into the tables. */
#ifndef SVC_DIRECTORY_INTAKE_H
#define SVC_DIRECTORY_INTAKE_H

#include "store/columns.h"
#include "svc-directory/facts/stays.h"
#include "svc-directory/directory.h"

#define INTAKE_KEYS_MAX PHI_TRUST_KEYS

/* SQL: whose owner a subject's is, among a topic's partitions (phi_subject_partition). */
#define DUE_PARTITION(subject, partitions)                                                         \
    "(((get_byte(" subject ", 0) << 4) | (get_byte(" subject ", 1) >> 4)) % " partitions           \
    "::bigint)::smallint"

struct intake_link {
    uint8_t other[PHI_SUBJECT_LEN];
    bool is_linked;
};

struct intake_item {
    struct fact fact;
    struct intake_link link; /* of facts about documents */
    const struct stay *stays;
    size_t stay_count;
    const struct phi_msg *msg;
    bool is_new;
};

/* A key of decisions that is out of force; `listed` is the trust view's. */
struct intake_late {
    struct phi_pinned_key key;
    const struct phi_trust_key *listed;
};

struct intake {
    struct directory *directory;
    struct phi_batch *batch;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int64_t now_us;
    uint64_t *tally;    /* TALLY_COUNT numbers */
    const char *stream; /* of the batch's topic */
    struct phi_error error;
    struct intake_item *items; /* facts, sorted by id once all are read */
    size_t count;
    struct decision *decisions;
    size_t decision_count;
    struct phi_rows *decided; /* those that were not known before; NULL: none */
    const struct phi_trust_view *trust;
    struct phi_pinned_key pinned[INTAKE_KEYS_MAX];
    size_t pinned_count;
    struct phi_signed_job *jobs;              /* of a batch of decisions; else NULL */
    struct intake_late late[INTAKE_KEYS_MAX]; /* lately out of force */
    size_t late_count;
    uint8_t (*touched)[PHI_SUBJECT_LEN];
    size_t touched_count;
    const struct phi_event *applied; /* laid down, to be offered after the COMMIT */
    size_t applied_count;
};

/* One batch of a topic-partition inside its transaction: facts, identities, decisions, grades; and
 * what is counted of it afterwards. On the lane's thread. */
enum phi_err intake_handle(struct phi_batch *batch, struct phi_conn *tx,
                           void *directory) PHI_MUST_USE;
void intake_committed(const struct phi_batch *batch, void *directory);
void intake_metrics(struct directory *directory); /* makes the counters */

/* A dead letter with its reason, in the batch's transaction. */
enum phi_err intake_bury(struct intake *in, const struct phi_msg *msg,
                         enum phi_err reason) PHI_MUST_USE;

/* intake_facts.c: sorts, drops doubles, refuses conflicts, inserts, keeps identities; sets is_new.
 */
enum phi_err intake_facts(struct intake *in) PHI_MUST_USE;
/* intake_keys.c: a batch of person.key. */
enum phi_err intake_keys(struct intake *in) PHI_MUST_USE;
/* intake_stays.c: what a fact says of places; and that of new facts into its table. */
enum phi_err intake_read_stays(struct intake *in, struct intake_item *item) PHI_MUST_USE;
enum phi_err intake_stays(struct intake *in) PHI_MUST_USE;
/* intake_customers.c: of new facts, as whom their apps know the people. */
enum phi_err intake_customers(struct intake *in) PHI_MUST_USE;
/* intake_decisions.c: the retractions. */
enum phi_err intake_decisions(struct intake *in) PHI_MUST_USE;
/* Once the people are graded: which decisions count from now on, of this batch or because of a
 * record in it, and which wait for theirs. */
enum phi_err intake_tell_decisions(struct intake *in) PHI_MUST_USE;

#endif
