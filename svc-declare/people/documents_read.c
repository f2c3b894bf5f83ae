/* A person's links, for their copy. */
#include "svc-declare/people/documents.h"

static enum phi_err add_link(const struct phi_seal_key *health, const struct phi_person_key *key,
                             const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                             json_t *list)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain = {0}, sealed = phi_rows_bytes(rows, row, 4);
    struct phi_json_at root = {0};
    char id[2 * DOCUMENTS_LINK_LEN + 1], changed[PHI_RFC3339_MAX];
    phi_hex_encode(phi_rows_bytes(rows, row, 0), id);
    phi_rfc3339_format(phi_rows_i64(rows, row, 3), changed);
    enum phi_err opened = phi_person_unseal(health, key, DOCUMENTS_VIEW, sealed, arena, &plain);
    PHI_GUARD(opened == PHI_ERR_ERASED ? PHI_OK : opened);
    if (plain.len > 0)
        PHI_GUARD(phi_json_read(plain, 2, arena, &root, NULL));
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:s, s:O?}", "linkId", id, "state",
                  phi_rows_bool(rows, row, 1) ? "linked" : "unlinked", "proof",
                  phi_rows_text(rows, row, 2), "changedAt", changed, "document", root.value);
    PHI_GUARD(json_array_append_new(list, line) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

enum phi_err documents_read(struct phi_conn *conn, const struct phi_seal_key *health,
                            const struct phi_person_key *key, struct phi_arena *arena, json_t **out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *list = json_array();
    const struct phi_param param = PHI_BYTES_OF(key->subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_json_keep(arena, list));
    PHI_GUARD(phi_conn_exec(
        conn, "links_of",
        "SELECT link_id, is_linked, proof, changed_us, CASE WHEN lesser = $1 THEN lesser_view ELSE "
        "greater_view END FROM links WHERE lesser = $1 OR greater = $1 ORDER BY changed_us DESC "
        "LIMIT 50",
        &param, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_link(health, key, rows, i, arena, list));
    *out = list;
out:
    phi_rows_free(rows);
    return err;
}
