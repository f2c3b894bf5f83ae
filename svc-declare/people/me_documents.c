/* POST /v1/me/documents: the holder links another document, proved by a second identity token of
 * the same app; POST /v1/me/documents/unlink takes a link back, with the token of either. */
#include "svc-declare/people/documents.h"

#include "codes/age.h"

#include <string.h>

#define OTHER "$.otherIdentity"

/* As strict as the token in the header: the same app's, real name, a biometric factor. */
static enum phi_err check_other(struct phi_api_call *call, struct phi_identity *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct phi_error inner = {0};
    const char *token = NULL;
    PHI_GUARD(phi_json_word(&body, "otherIdentity", PHI_TOKEN_MAX_BYTES, &token, error));
    const struct phi_identity_ask ask = {.token = phi_view_text(token),
                                         .audience = phi_api_app(call)->client_id,
                                         .want = PHI_IDENTITY_CITIZEN};
    err = phi_identity_check(phi_service_identities(phi_api_service(call)), &ask,
                             phi_api_now_us(call), phi_api_arena(call), out, &inner);
    if (err != PHI_OK)
        return phi_error_set(error, err, OTHER, "%s", inner.text);
out:
    return err;
}

/* Numbers that tell a birth tell the same one. */
static enum phi_err check_births(const struct phi_person *one, const struct phi_person *other,
                                 struct phi_error *error)
{
    uint8_t births[2][8];
    bool are_told = phi_age_birth(one, births[0]) && phi_age_birth(other, births[1]);
    if (are_told && memcmp(births[0], births[1], sizeof(births[0])) != 0)
        return phi_error_set(error, PHI_ERR_RULE, OTHER, "the documents are of different births");
    return PHI_OK;
}

static enum phi_err check_consent(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    uint8_t me[PHI_SUBJECT_LEN];
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, me));
    const struct phi_param params[] = {PHI_BYTES_OF(me, PHI_SUBJECT_LEN), PHI_TEXT(PURPOSE_CODE)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "link_consent",
                            "SELECT EXISTS (SELECT 1 FROM consents WHERE subject = $1 AND purpose "
                            "= $2 AND withdrawn_us IS NULL)",
                            params, 2, &rows, error));
    if (!phi_rows_bool(rows, 0, 0))
        err = phi_error_set(error, PHI_ERR_CONSENT, "Phi-Identity",
                            "the person has not consented to collection for " PURPOSE_CODE);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static const struct documents_by holder = {.proof = "holder", .who = "self"};

enum phi_err declare_link(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_identity other;
    const struct phi_person *person = &phi_api_who(call)->person;
    struct documents_link *link = phi_arena_alloc(phi_api_arena(call), sizeof(*link));
    PHI_GUARD(link == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(check_other(call, &other, error));
    PHI_GUARD(check_births(person, &other.person, error));
    PHI_GUARD(check_consent(call, error));
    PHI_GUARD(documents_find(call, person, &other.person, link, error));
    PHI_GUARD(documents_check(link, true, error));
    PHI_GUARD(documents_keep(call, link, true, &holder, error));
    documents_tell(call, link);
out:
    return err;
}

/* A stranger's link is not there for them. */
enum phi_err declare_unlink(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    uint8_t id[DOCUMENTS_LINK_LEN], me[PHI_SUBJECT_LEN];
    struct documents_link *link = phi_arena_alloc(phi_api_arena(call), sizeof(*link));
    PHI_GUARD(link == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_hex(&body, "linkId", id, sizeof(id), error));
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, me));
    PHI_GUARD(documents_find_by_id(call, id, link, error));
    bool is_mine = memcmp(me, link->sides[0].subject, PHI_SUBJECT_LEN) == 0 ||
                   memcmp(me, link->sides[1].subject, PHI_SUBJECT_LEN) == 0;
    if (!is_mine)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "$.linkId", "no such link");
    PHI_GUARD(documents_check(link, false, error));
    PHI_GUARD(documents_keep(call, link, false, &holder, error));
    documents_tell(call, link);
out:
    return err;
}
