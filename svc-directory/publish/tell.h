/* What others are told in the transaction that changed a grade, through the outbox: the person's
 * apps (notice.<app>: "your grade changed, why", "a record of yours was corrected", the person as
 * the HMAC of the app's own number for them, no name, no subject), and svc-correction
 * (correction.applied, correction.reopened). Signed by the directory's key.
 *
 *   PHI_GUARD(tell_changes(&directory->tell, tx, arena, changes, count));
 *   PHI_GUARD(tell_reopened(&directory->tell, tx, arena, &reopened));
 *
 * An app is told only where the configuration names it: its topic has to be there. A notice or a
 * reopening may come twice; its version (or case and fact) says so. Blocks for the database.
 */
#ifndef SVC_DIRECTORY_TELL_H
#define SVC_DIRECTORY_TELL_H

#include "bus/signed.h"
#include "codes/grade.h"
#include "codes/subject.h"
#include "store/store.h"

#include <jansson.h>

#define TELL_APPS_MAX   64
#define TELL_PERSON_LEN 16

struct tell {
    const char *region;
    const char *source;         /* ce_source */
    const char *reopened_topic; /* NULL: nobody is told */
    const char *applied_topic;  /* NULL: nobody is told */
    size_t app_count;
    const char *apps[TELL_APPS_MAX];
    const char *topics[TELL_APPS_MAX];
    struct phi_signer signer;
};

struct tell_change {
    uint8_t subject[PHI_SUBJECT_LEN];
    enum phi_grade before;
    enum phi_grade now;
    int64_t version;
    int64_t from_us;
    json_t *reasons; /* [{"reason","rule","version","zh","en"}]; the arena's */
};

/* Sorted by subject, each once. */
enum phi_err tell_changes(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                          const struct tell_change *changes, size_t count) PHI_MUST_USE;

/* A decision about a record of theirs counts from now on, whether or not it changes the grade: each
 * person of a bad batch is told, too. */
struct tell_correction {
    uint8_t subject[PHI_SUBJECT_LEN];
    const char *case_id;
    const char *action; /* of correction.decided */
    int64_t version;
};
enum phi_err tell_corrections(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                              const struct tell_correction *list, size_t count,
                              int64_t now_us) PHI_MUST_USE;

/* A record that counts tells of an event whose record a case retracted. */
struct tell_reopening {
    struct phi_view subject;
    const char *case_id;
    const char *fact_source;
    const char *institution;
    const char *record_no;
    int64_t now_us;
};
enum phi_err tell_reopened(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                           const struct tell_reopening *reopening) PHI_MUST_USE;

/* A decision has become part of what grades are a function of, in this transaction; or, with
 * `waits`, will as soon as its record comes. What was laid down is given, `count` of them or NULL,
 * in the arena: to be offered to the relay after the COMMIT. */
struct tell_application {
    struct phi_view subject;
    const char *case_id;
    const char *action;
    const char *fact_source;
    const char *institution;
    const char *record_no;
    int64_t decision_version;
    int64_t now_us;
    bool waits;
};
enum phi_err tell_applied(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                          const struct tell_application *list, size_t count,
                          const struct phi_event **events) PHI_MUST_USE;

#endif
