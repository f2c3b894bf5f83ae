/* Links of documents by officers, where the holder can't prove both: one proposes, another one, of
 * another unit, confirms; neither about themselves. POST /v1/documents/links and
 * POST /v1/documents/links/{id}/confirmation. */
#include "svc-declare/people/documents.h"

#include "forms/form.h"
#include "json/canonical.h"

#include <string.h>

#define ROLE_LINK        "link"
#define BASIS_MAX        200
#define PROPOSAL_LEN     16
#define PROPOSAL_US      (7 * 86400 * 1000000LL)
#define PROPOSAL_CONTEXT "link_proposals.documents"
#define NONE             "no open proposal"

static const char *const states[] = {"unlinked", "linked"};

struct officer {
    uint8_t digest[PHI_SM3_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    const char *unit;
};

struct proposal {
    uint8_t id[PROPOSAL_LEN];
    struct phi_person persons[2];
    size_t state; /* index into states */
    const char *basis;
    struct documents_link link;
    struct officer officer; /* who proposed; of a confirmation without the subject */
};

static enum phi_err read_officer(struct phi_api_call *call, struct officer *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_identity *who = phi_api_who(call);
    const struct phi_registry_staff *staff = who->staff;
    bool is_officer = staff != NULL && phi_words_has(&staff->roles, ROLE_LINK) &&
                      phi_words_has(&staff->regions, phi_service_region(phi_api_service(call)));
    if (!is_officer)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer for documents of this region");
    if (!who->has_person)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the token does not name its person");
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &who->person, out->subject));
    PHI_GUARD(phi_api_who_digest(call, out->digest));
    out->unit = staff->unit;
out:
    return err;
}

static enum phi_err check_link(const struct proposal *p, const struct officer *officer,
                               struct phi_error *error)
{
    if (documents_has_member(&p->link, officer->subject))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "nobody decides about themselves");
    return documents_check(&p->link, p->state == 1, error);
}

/* What was done, by whom, on audit; both steps under one key, so that they stay in order. */
static enum phi_err tell_audit(struct phi_api_call *call, const struct proposal *p,
                               const char *step, const struct officer *officer)
{
    enum phi_err err = PHI_OK;
    char id[2 * PROPOSAL_LEN + 1], link[2 * DOCUMENTS_LINK_LEN + 1], actor[2 * PHI_SM3_LEN + 1];
    char at[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(p->id, PROPOSAL_LEN), id);
    phi_hex_encode(phi_view_of(p->link.link_id, DOCUMENTS_LINK_LEN), link);
    phi_hex_encode(phi_view_of(officer->digest, PHI_SM3_LEN), actor);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "step", step, "proposalId", id, "linkId",
                  link, "state", states[p->state], "actor", actor, "unit", officer->unit, "at", at);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "audit"),
                              .type = "cn.phi.audit.documents",
                              .key = phi_view_of(p->id, PROPOSAL_LEN)};
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event.value));
    PHI_GUARD(phi_service_sign_event(phi_api_service(call), &event, (uint64_t)phi_api_now_us(call),
                                     phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

/* --- the first: proposes --- */

static enum phi_err read_persons(const struct phi_json_at *at, struct proposal *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at persons;
    size_t count = 0;
    PHI_GUARD(phi_json_array(at, "persons", 2, 2, &persons, &count, error));
    for (size_t i = 0; i < 2; i++) {
        struct phi_json_at one = phi_json_item(&persons, i);
        PHI_GUARD(phi_mandate_read_person(&one, &out->persons[i], error));
    }
out:
    return err;
}

static enum phi_err parse(struct phi_api_call *call, struct proposal *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(read_persons(&body, out, error));
    PHI_GUARD(phi_json_enum(&body, "state", states, 2, &out->state, error));
    PHI_GUARD(phi_json_text(&body, "basis", 1, BASIS_MAX, &out->basis, error));
    PHI_GUARD(phi_api_request_key(call, out->id));
out:
    return err;
}

/* Both documents and the basis, under the health key for the days until it is confirmed. */
static enum phi_err seal(struct phi_api_call *call, const struct proposal *p,
                         struct phi_view *sealed, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_view plain;
    json_t *one = NULL, *other = NULL;
    PHI_GUARD(form_person(&p->persons[0], arena, &one, error));
    PHI_GUARD(form_person(&p->persons[1], arena, &other, error));
    json_t *json = json_pack("{s:[O, O], s:s}", "persons", one, other, "basis", p->basis);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &plain));
    PHI_GUARD(phi_seal(declare_of(call)->keys.health, PROPOSAL_CONTEXT, p->link.link_id, plain,
                       arena, sealed));
out:
    return err;
}

static enum phi_err keep_proposal(struct phi_api_call *call, const struct proposal *p,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(seal(call, p, &sealed, error));
    const struct phi_param row[] = {PHI_BYTES_OF(p->id, PROPOSAL_LEN),
                                    PHI_BYTES_OF(p->link.link_id, DOCUMENTS_LINK_LEN),
                                    PHI_BYTES_OF(p->link.sides[0].subject, PHI_SUBJECT_LEN),
                                    PHI_BYTES_OF(p->link.sides[1].subject, PHI_SUBJECT_LEN),
                                    PHI_BOOL(p->state == 1),
                                    PHI_BYTES(sealed),
                                    PHI_BYTES_OF(p->officer.digest, PHI_SM3_LEN),
                                    PHI_TEXT(p->officer.unit),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_LINK_PROPOSALS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(tell_audit(call, p, "proposed", &p->officer));
    for (size_t i = 0; i < 2; i++)
        PHI_GUARD(look_keep(call, p->link.sides[i].subject, "documents-proposed", p->officer.unit));
out:
    return err;
}

enum phi_err declare_propose(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proposal *p = phi_arena_alloc(phi_api_arena(call), sizeof(*p));
    char id[2 * PROPOSAL_LEN + 1], until[PHI_RFC3339_MAX];
    PHI_GUARD(p == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_officer(call, &p->officer, error));
    PHI_GUARD(parse(call, p, error));
    PHI_GUARD(documents_find(call, &p->persons[0], &p->persons[1], &p->link, error));
    PHI_GUARD(check_link(p, &p->officer, error));
    PHI_GUARD(keep_proposal(call, p, error));
    phi_hex_encode(phi_view_of(p->id, PROPOSAL_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call) + PROPOSAL_US, until);
    phi_api_data(
        call, json_pack("{s:s, s:s, s:s}", "proposalId", id, "state", "proposed", "until", until));
out:
    return err;
}

/* --- the second: confirms --- */

static enum phi_err take_proposal(struct phi_api_call *call, const struct phi_rows *rows,
                                  struct proposal *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_view plain;
    struct phi_json_at root;
    bool is_open = phi_rows_count(rows) > 0 && phi_rows_bytes(rows, 0, 2).len > 0 &&
                   phi_rows_i64(rows, 0, 5) + PROPOSAL_US > phi_api_now_us(call);
    if (!is_open)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", NONE);
    out->state = phi_rows_bool(rows, 0, 1) ? 1 : 0;
    memcpy(out->officer.digest, phi_rows_bytes(rows, 0, 3).data, PHI_SM3_LEN);
    out->officer.unit = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 4)));
    PHI_GUARD(out->officer.unit == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_unseal(declare_of(call)->keys.health, PROPOSAL_CONTEXT,
                         phi_rows_bytes(rows, 0, 0).data, phi_rows_bytes(rows, 0, 2), arena,
                         &plain));
    PHI_GUARD(phi_json_read(plain, 4, arena, &root, error));
    PHI_GUARD(read_persons(&root, out, error));
out:
    return err;
}

static enum phi_err find_proposal(struct phi_api_call *call, struct proposal *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const char *text = phi_http_param(phi_api_request(call), "id");
    if (phi_hex_decode(phi_view_text(text), out->id, PROPOSAL_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", NONE);
    const struct phi_param id = PHI_BYTES_OF(out->id, PROPOSAL_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "proposal_find",
                            "SELECT link_id, is_linked, documents, officer, unit, proposed_us "
                            "FROM link_proposals WHERE proposal_id = $1",
                            &id, 1, &rows, error));
    PHI_GUARD(take_proposal(call, rows, out, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* Another account, and another unit. */
static enum phi_err check_second(const struct proposal *p, const struct officer *second,
                                 struct phi_error *error)
{
    if (memcmp(second->digest, p->officer.digest, PHI_SM3_LEN) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "who proposed does not confirm");
    if (strcmp(second->unit, p->officer.unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "an officer of the same unit does not confirm");
    return PHI_OK;
}

static enum phi_err keep_confirmation(struct phi_api_call *call, struct proposal *p,
                                      const struct officer *second, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct documents_by by = {.proof = "officers", .who = second->unit};
    const struct phi_param row[] = {PHI_BYTES_OF(p->id, PROPOSAL_LEN),
                                    PHI_BYTES_OF(second->digest, PHI_SM3_LEN),
                                    PHI_TEXT(second->unit), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(documents_keep(call, &p->link, p->state == 1, &by, error));
    PHI_GUARD(phi_api_row(call, TABLE_LINK_CONFIRMATIONS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(tell_audit(call, p, "confirmed", second));
out:
    return err;
}

enum phi_err declare_confirm(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer second = {.unit = ""};
    struct proposal *p = phi_arena_alloc(phi_api_arena(call), sizeof(*p));
    PHI_GUARD(p == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_officer(call, &second, error));
    PHI_GUARD(find_proposal(call, p, error));
    PHI_GUARD(check_second(p, &second, error));
    PHI_GUARD(documents_find(call, &p->persons[0], &p->persons[1], &p->link, error));
    PHI_GUARD(check_link(p, &second, error));
    PHI_GUARD(keep_confirmation(call, p, &second, error));
    documents_tell(call, &p->link);
out:
    return err;
}
