/* Who looked at, or acted on, what is kept here of a person; the person sees it in their copy. */
#include "svc-declare/people/own.h"

#include "crypto/random.h"

#define LOOK_LEN 16

enum phi_err look_keep(struct phi_api_call *call, const uint8_t *subject, const char *what,
                       const char *who)
{
    enum phi_err err = PHI_OK;
    uint8_t id[LOOK_LEN];
    PHI_GUARD(phi_random_bytes(id, sizeof(id)));
    const struct phi_param row[] = {PHI_BYTES_OF(id, LOOK_LEN),
                                    PHI_BYTES_OF(subject, PHI_SUBJECT_LEN),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_TEXT(what),
                                    PHI_TEXT(who),
                                    PHI_TEXT(phi_api_app(call)->app_id)};
    PHI_GUARD(phi_api_row(call, TABLE_LOOKS, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

enum phi_err looks_read(struct phi_conn *conn, const uint8_t *subject, struct phi_arena *arena,
                        json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *list = json_array();
    const struct phi_param param = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_json_keep(arena, list));
    PHI_GUARD(phi_conn_exec(conn, "looks_of",
                            "SELECT at_us, what, who, app_id FROM looks WHERE subject = $1 ORDER "
                            "BY at_us DESC LIMIT 200",
                            &param, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        char at[PHI_RFC3339_MAX];
        phi_rfc3339_format(phi_rows_i64(rows, i, 0), at);
        json_t *line =
            json_pack("{s:s, s:s, s:s, s:s}", "at", at, "what", phi_rows_text(rows, i, 1), "who",
                      phi_rows_text(rows, i, 2), "app", phi_rows_text(rows, i, 3));
        PHI_GUARD(json_array_append_new(list, line) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = list;
out:
    phi_rows_free(rows);
    return err;
}
