#include "svc-declare/people/documents.h"

#include <string.h>

/* The same two always have the same link, whichever comes first. */
static enum phi_err name_link(const struct fact_keys *keys, struct documents_link *link)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    const struct phi_view parts[] = {phi_view_text("documents"),
                                     phi_view_of(link->sides[0].subject, PHI_SUBJECT_LEN),
                                     phi_view_of(link->sides[1].subject, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_hmac_sm3(keys->bus, parts, 3, digest));
    memcpy(link->link_id, digest, DOCUMENTS_LINK_LEN);
out:
    return err;
}

static enum phi_err place(const struct fact_keys *keys, const struct phi_person *one,
                          const struct phi_person *other, struct documents_link *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_person *persons[2] = {one, other};
    uint8_t subjects[2][PHI_SUBJECT_LEN];
    for (size_t i = 0; i < 2; i++)
        PHI_GUARD(phi_subject_index(keys->index, persons[i], subjects[i]));
    int order = memcmp(subjects[0], subjects[1], PHI_SUBJECT_LEN);
    if (order == 0)
        return phi_error_set(error, PHI_ERR_RULE, "$", "twice the same document");
    for (size_t i = 0; i < 2; i++) {
        struct documents_side *side = &out->sides[order < 0 ? i : 1 - i];
        side->person = *persons[i];
        memcpy(side->subject, subjects[i], PHI_SUBJECT_LEN);
    }
    PHI_GUARD(name_link(keys, out));
out:
    return err;
}

static enum phi_err take_members(const struct phi_rows *rows, struct documents_link *link,
                                 struct phi_error *error)
{
    size_t count = phi_rows_count(rows);
    if (count > sizeof(link->members) / sizeof(link->members[0]))
        return phi_error_set(error, PHI_ERR_RULE, "$", "more than %d documents of one person",
                             DOCUMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        memcpy(link->members[i].subject, phi_rows_bytes(rows, i, 0).data, PHI_SUBJECT_LEN);
        link->members[i].changes = phi_rows_i64(rows, i, 1);
    }
    link->member_count = count;
    return PHI_OK;
}

/* Everyone of either group, over links in force, and how often their links changed. */
static enum phi_err read_members(struct phi_conn *conn, struct documents_link *link,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(link->sides[0].subject, PHI_SUBJECT_LEN),
                                       PHI_BYTES_OF(link->sides[1].subject, PHI_SUBJECT_LEN)};
    PHI_GUARD(phi_conn_exec(
        conn, "link_members",
        "WITH RECURSIVE mine (subject) AS (SELECT unnest(ARRAY[$1::bytea, $2::bytea]) UNION SELECT "
        "CASE WHEN l.lesser = m.subject THEN l.greater ELSE l.lesser END FROM links l JOIN mine m "
        "ON m.subject IN (l.lesser, l.greater) WHERE l.is_linked) SELECT m.subject, (SELECT "
        "coalesce(max(c.change_no), 0) FROM link_changes c WHERE c.subject = m.subject) FROM mine "
        "m",
        params, 2, &rows, error));
    PHI_GUARD(take_members(rows, link, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err read_state(struct phi_conn *conn, struct documents_link *link,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(link->link_id, DOCUMENTS_LINK_LEN);
    PHI_GUARD(
        phi_conn_exec(conn, "link_state",
                      "SELECT revision, is_linked, lesser, greater FROM links WHERE link_id = $1",
                      &id, 1, &rows, error));
    if (phi_rows_count(rows) == 0)
        goto out;
    link->revision = phi_rows_i64(rows, 0, 0);
    link->is_linked = phi_rows_bool(rows, 0, 1);
    for (size_t i = 0; i < 2; i++)
        memcpy(link->sides[i].subject, phi_rows_bytes(rows, 0, 2 + i).data, PHI_SUBJECT_LEN);
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err documents_find(struct phi_api_call *call, const struct phi_person *one,
                            const struct phi_person *other, struct documents_link *out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    memset(out, 0, sizeof(*out));
    PHI_GUARD(place(&declare_of(call)->keys, one, other, out, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(read_members(conn, out, error));
    PHI_GUARD(read_state(conn, out, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err documents_find_by_id(struct phi_api_call *call, const uint8_t *link_id,
                                  struct documents_link *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    memset(out, 0, sizeof(*out));
    memcpy(out->link_id, link_id, DOCUMENTS_LINK_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(read_state(conn, out, error));
    if (out->revision == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "$.linkId", "no such link"));
    PHI_GUARD(read_members(conn, out, error));
out:
    phi_store_release(conn);
    return err;
}

bool documents_has_member(const struct documents_link *link, const uint8_t *subject)
{
    for (size_t i = 0; i < link->member_count; i++)
        if (memcmp(link->members[i].subject, subject, PHI_SUBJECT_LEN) == 0)
            return true;
    return false;
}

enum phi_err documents_check(const struct documents_link *link, bool is_linked,
                             struct phi_error *error)
{
    if (link->is_linked == is_linked)
        return phi_error_set(error, PHI_ERR_STATE, "$", "the link is so already");
    if (is_linked && link->member_count > DOCUMENTS_MAX)
        return phi_error_set(error, PHI_ERR_RULE, "$", "more than %d documents of one person",
                             DOCUMENTS_MAX);
    return PHI_OK;
}

void documents_tell(struct phi_api_call *call, const struct documents_link *link)
{
    char id[2 * DOCUMENTS_LINK_LEN + 1], changed[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(link->link_id, DOCUMENTS_LINK_LEN), id);
    phi_rfc3339_format(phi_api_now_us(call), changed);
    phi_api_data(call, json_pack("{s:s, s:s, s:s}", "linkId", id, "state",
                                 link->is_linked ? "linked" : "unlinked", "changedAt", changed));
}
