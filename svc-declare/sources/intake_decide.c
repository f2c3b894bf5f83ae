#include "svc-declare/sources/intake.h"

static void reject(struct intake_line *line, const char *field, const char *reason)
{
    line->result = INTAKE_REJECTED;
    phi_error_set(&line->error, PHI_ERR_CONFLICT, field, "%s", reason);
}

void intake_decide(struct intake_line *line, struct phi_view digest, struct phi_view subject)
{
    const struct fact *fact = &line->fact;
    if (digest.len > 0 && phi_view_equal(digest, phi_view_of(fact->digest, PHI_SM3_LEN)))
        line->result = INTAKE_DUPLICATE;
    else if (digest.len > 0)
        reject(line, "$.revision", "this number and revision came before with other content");
    else if (subject.len > 0 &&
             !phi_view_equal(subject, phi_view_of(fact->subject, PHI_SUBJECT_LEN)))
        reject(line, "$.person", "this number came before for another person");
}
