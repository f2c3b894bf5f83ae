/* Lines of one data source and institution on their way into the store, one transaction at a time:
 * which are new, which came before, which contradict what came before.
 *
 *   struct intake *intake = intake_new(call, kind, institution);
 *   PHI_GUARD(intake_read(intake, line));           // each line: a fact, or why it is none
 *   PHI_GUARD(intake_store(intake, error));         // decided, written, committed, offered
 *   … intake->lines[i].result …; intake_free(intake);
 *
 * A worker's thread; intake_store blocks on the database within the call's deadline. A COMMIT whose
 * outcome is unknown is an error: sending the same lines again is harmless.
 */
#ifndef SVC_DECLARE_INTAKE_H
#define SVC_DECLARE_INTAKE_H

#include "svc-declare/declare.h"
#include "svc-declare/forms/form.h"

#define INTAKE_LINES_MAX      500
#define INTAKE_LINE_MAX_BYTES 8192

enum intake_result { INTAKE_ACCEPTED, INTAKE_DUPLICATE, INTAKE_REJECTED };

struct intake_line {
    enum intake_result result;
    struct fact fact;       /* unless rejected for its form */
    struct phi_error error; /* of a rejected one */
};

struct intake {
    struct phi_api_call *call;
    const struct form_kind *kind;
    const char *institution;
    struct phi_arena *arena; /* of this transaction's lines */
    struct intake_line lines[INTAKE_LINES_MAX];
    size_t count;
};

struct intake *intake_new(struct phi_api_call *call, const struct form_kind *kind,
                          const char *institution); /* NULL: out of memory */
void intake_free(struct intake *intake);            /* NULL is fine */

/* Adds a line, at most INTAKE_LINES_MAX. PHI_ERR_MEMORY, PHI_ERR_CRYPTO; a wrong line is no error
 * here. */
enum phi_err intake_read(struct intake *intake, struct phi_view line) PHI_MUST_USE;

/* Decides line by line; accepted lines have their rows and outbox rows committed when this returns
 * PHI_OK. */
enum phi_err intake_store(struct intake *intake, struct phi_error *error) PHI_MUST_USE;

/* What is known of a line's record: `digest` of the same number and revision, `subject` of the same
 * number, each empty when there is none. Settles `line` if it is not new; pure. */
void intake_decide(struct intake_line *line, struct phi_view digest, struct phi_view subject);

#endif
