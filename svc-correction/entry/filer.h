/* 代办: who files a case, for oneself or, under a mandate (auth/mandate.h), for a ward or somebody in
 * one's care, as the member `onBehalfOf` of a body says. Who filed for somebody sees the case and
 * acts in it while the mandate lasts, and never decides about that person.
 *
 *   PHI_GUARD(filer_read(call, &filer, error));
 *   … filer.subject: whom the case is about …
 *   PHI_GUARD(filer_keep(call, &filer, case_id));   // a row, when for somebody else
 *   PHI_GUARD(filer_find(conn, case_id, who, now_us, &role, error));   // NULL: nobody's
 *   PHI_GUARD(filer_is_of(conn, subject, officer, &is, error));     // has ever filed for them
 *
 * A worker's or a consumer's thread; filer_find and filer_is_of block for the database.
 */
#ifndef SVC_CORRECTION_FILER_H
#define SVC_CORRECTION_FILER_H

#include "auth/mandate.h"
#include "svc-correction/correction.h"

#define FILER_GUARDIAN "guardian"
#define FILER_WORKER   "worker" /* of a community, by the mandate's relation */
#define FILER_COLUMNS  8

struct filer {
    uint8_t subject[PHI_SUBJECT_LEN]; /* whom it is about */
    uint8_t actor[PHI_SUBJECT_LEN];   /* who files */
    const char *role;                 /* NULL: for oneself */
    struct phi_mandate mandate;       /* when for somebody else */
    int64_t at_us;
};

/* `behalf` is the member or a missing one, `who` whom the token names.
 * PHI_ERR_FIELD_*, PHI_ERR_RULE (a document that can't be), PHI_ERR_MANDATE, PHI_ERR_MEMORY,
 * PHI_ERR_CRYPTO. Texts are the document's; the registry's view is held with the arena. */
enum phi_err filer_of(struct phi_service *service, const struct phi_person *who,
                      const struct phi_json_at *behalf, int64_t now_us, struct phi_arena *arena,
                      struct filer *out, struct phi_error *error) PHI_MUST_USE;
/* The same of a call's token and body. */
enum phi_err filer_read(struct phi_api_call *call, struct filer *out,
                        struct phi_error *error) PHI_MUST_USE;

/* The row of TABLE_FILERS; borrows. */
void filer_row(const struct filer *filer, const uint8_t *case_id,
               struct phi_param row[FILER_COLUMNS]);
/* Into the call's commit; nothing when for oneself. */
enum phi_err filer_keep(struct phi_api_call *call, const struct filer *filer,
                        const uint8_t *case_id) PHI_MUST_USE;

/* As what `who` may act in the case now; NULL when they never filed it, or their mandate is over.
 */
enum phi_err filer_find(struct phi_conn *conn, const uint8_t *case_id, const uint8_t *who,
                        int64_t now_us, const char **role, struct phi_error *error) PHI_MUST_USE;

/* Whether `who` has filed for the person in any case, whatever became of the mandate. */
enum phi_err filer_is_of(struct phi_conn *conn, const uint8_t *subject, const uint8_t *who,
                         bool *is, struct phi_error *error) PHI_MUST_USE;

#endif
