/* Lines of one data source and institution on their way into the store, one transaction at a time:
 * which are new, which came before, which contradict what came before. They come over HTTP or on
 * intake.<app>.
 *
 *   struct intake *intake = intake_new(&from, kind, institution);
 *   PHI_GUARD(intake_read(intake, line));           // each line: a fact, or why it is none
 *   PHI_GUARD(intake_store(intake, deadline, error)); // decided, written, committed, offered; or
 *   PHI_GUARD(intake_settle(intake, tx, error));      // the same inside the caller's transaction
 *   … intake->lines[i].result …; intake_free(intake);
 *
 * One thread; intake_store and intake_settle block on the database. A COMMIT whose outcome is
 * unknown is an error: sending the same lines again is harmless.
 */
#ifndef SVC_DECLARE_INTAKE_H
#define SVC_DECLARE_INTAKE_H

#include "svc-declare/declare.h"
#include "forms/form.h"

#define INTAKE_LINES_MAX      500
#define INTAKE_LINE_MAX_BYTES 8192

enum intake_result { INTAKE_ACCEPTED, INTAKE_DUPLICATE, INTAKE_REJECTED };

struct intake_line {
    enum intake_result result;
    struct fact fact;       /* unless rejected for its form */
    struct phi_error error; /* of a rejected one */
};

/* Where lines come from; all borrowed. */
struct intake_from {
    struct phi_service *service;
    int64_t now_us;
    const char *way;         /* "http" or "intake": shown in the report */
    const char *request_id;  /* NULL: none */
    const char *traceparent; /* NULL: none */
};

struct intake {
    struct intake_from from;
    const struct form_kind *kind;
    const char *institution;
    struct phi_arena *arena; /* of this transaction's lines */
    struct intake_line lines[INTAKE_LINES_MAX];
    size_t count;
    struct phi_event *events; /* of keys made and of the accepted lines, once they are settled */
    size_t event_count;
};

struct intake *intake_new(const struct intake_from *from, const struct form_kind *kind,
                          const char *institution); /* NULL: out of memory */
void intake_free(struct intake *intake);            /* NULL is fine */

/* Adds a line, at most INTAKE_LINES_MAX. PHI_ERR_MEMORY, PHI_ERR_CRYPTO; a wrong line is no error
 * here. */
enum phi_err intake_read(struct intake *intake, struct phi_view line) PHI_MUST_USE;

/* Decides line by line, writes rows, outbox rows and the report's; nothing is offered to the relay.
 */
enum phi_err intake_settle(struct intake *intake, struct phi_conn *tx,
                           struct phi_error *error) PHI_MUST_USE;

/* intake_settle in a transaction of its own, committed when this returns PHI_OK, and offered. */
enum phi_err intake_store(struct intake *intake, struct phi_deadline deadline,
                          struct phi_error *error) PHI_MUST_USE;

/* Counts the settled lines in the metrics. */
void intake_count(const struct intake *intake);

/* What is known of a line's record: `digest` of the same number and revision, `subject` of the same
 * number, each empty when there is none. Settles `line` if it is not new; pure. */
void intake_decide(struct intake_line *line, struct phi_view digest, struct phi_view subject);

#endif
