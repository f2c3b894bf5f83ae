/* What officers see of appeals: all of their regions, and of one what the person says. */
#include "svc-platform/appeals/appeals.h"

#include "base/text.h"
#include "service/letter.h"

#include <string.h>

#define LIMIT_MAX     100
#define LIMIT_DEFAULT 20
#define DEPTH_MAX     6

#define COLUMNS                                                                                    \
    "region, case_id, state, seq, decision, reason, proposer, proposer_unit, proposer_sealed, "    \
    "record"

static bool is_officer(const struct phi_identity *who, const char *region)
{
    return who->is_staff && who->staff != NULL && phi_words_has(&who->staff->roles, APPEAL_ROLE) &&
           phi_words_has(&who->staff->regions, region);
}

static void add_time(json_t *to, const char *name, int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(at_us, text);
    json_object_set_new(to, name, json_string(text));
}

/* --- all --- */

static enum phi_err read_limit(struct phi_api_call *call, int64_t *limit, struct phi_error *error)
{
    const char *text = phi_http_query(phi_api_request(call), "limit");
    *limit = LIMIT_DEFAULT;
    if (text != NULL && phi_text_to_i64(phi_view_text(text), 1, LIMIT_MAX, limit) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, "limit", "not a number from 1 to %d", LIMIT_MAX);
    return PHI_OK;
}

static json_t *brief(const struct phi_rows *rows, size_t i)
{
    char id[2 * DISPUTE_LEN + 1];
    phi_hex_encode(phi_rows_bytes(rows, i, 1), id);
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "region", phi_rows_text(rows, i, 0), "caseId",
                  id, "state", phi_rows_text(rows, i, 2), "source", phi_rows_text(rows, i, 3),
                  "matter", phi_rows_text(rows, i, 4), "decision", phi_rows_text(rows, i, 5));
    add_time(one, "lodgedAt", phi_rows_i64(rows, i, 6));
    add_time(one, "changedAt", phi_rows_i64(rows, i, 7));
    return one;
}

/* Those that wait longest come first. */
enum phi_err appeal_list(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t limit = 0;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    struct phi_array *regions = phi_array_new(PHI_COLUMN_TEXT);
    PHI_GUARD(regions == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_limit(call, &limit, error));
    if (!phi_words_has(&staff->roles, APPEAL_ROLE))
        PHI_GUARD(
            phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity", "no officer for appeals"));
    for (size_t i = 0; i < staff->regions.count; i++)
        PHI_GUARD(phi_array_add(regions, PHI_TEXT(staff->regions.items[i])));
    const struct phi_param params[] = {PHI_ARRAY(regions), PHI_I64(limit)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "appeals_list",
                            "SELECT region, case_id, state, source, matter, decision, lodged_us, "
                            "changed_us FROM appeals WHERE region = ANY($1::text[]) AND state IN "
                            "('lodged', 'proposed') ORDER BY lodged_us LIMIT $2",
                            params, 2, &rows, error));
    json_t *appeals = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        json_array_append_new(appeals, brief(rows, i));
    phi_api_data(call, json_pack("{s:o}", "appeals", appeals));
out:
    phi_array_free(regions);
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

/* --- one --- */

static const char *kept(struct phi_arena *arena, const struct phi_rows *rows, size_t column)
{
    return phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, column)));
}

static enum phi_err take(struct phi_api_call *call, const struct phi_rows *rows, struct appeal *out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    out->state = kept(arena, rows, 2);
    out->seq = phi_rows_i64(rows, 0, 3);
    out->decision = kept(arena, rows, 4);
    out->reason = kept(arena, rows, 5);
    out->proposer = phi_arena_view(arena, phi_rows_bytes(rows, 0, 6));
    out->proposer_unit = kept(arena, rows, 7);
    out->proposer_sealed = kept(arena, rows, 8);
    const char *record = kept(arena, rows, 9);
    bool is_whole = out->state && out->decision && out->reason && out->proposer_unit &&
                    out->proposer_sealed && record;
    PHI_GUARD(is_whole ? PHI_OK : PHI_ERR_MEMORY);
    if (record[0] != '\0')
        PHI_GUARD(phi_json_read(phi_view_text(record), DEPTH_MAX, arena, &out->record, error));
out:
    return err;
}

enum phi_err appeal_find(struct phi_api_call *call, struct appeal *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const char *id = phi_http_param(phi_api_request(call), "id");
    *out = (struct appeal){.region = phi_http_param(phi_api_request(call), "region")};
    if (!is_officer(phi_api_who(call), out->region))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer for appeals of this region");
    if (phi_hex_decode(phi_view_text(id), out->case_id, DISPUTE_LEN) != PHI_OK)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such appeal");
    const struct phi_param params[] = {PHI_TEXT(out->region),
                                       PHI_BYTES_OF(out->case_id, DISPUTE_LEN)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "appeal_find",
                            "SELECT " COLUMNS " FROM appeals WHERE region = $1 AND case_id = $2",
                            params, 2, &rows, error));
    if (phi_rows_count(rows) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such appeal"));
    PHI_GUARD(take(call, rows, out, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err open_said(struct phi_api_call *call, const struct appeal *appeal, json_t *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct platform *platform = phi_service_state(phi_api_service(call));
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_view plain;
    struct phi_json_at said;
    if (appeal->record.value == NULL)
        return PHI_OK;
    if (platform->appeals == NULL)
        return phi_error_set(error, PHI_ERR_KEY, "PHI_INTAKE_KEY_FILE", "appeals can't be opened");
    const char *topic = phi_arena_printf(arena, "phi.%s." DISPUTE_UP, appeal->region);
    PHI_GUARD(topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_letter letter = {.topic = topic, .context = DISPUTE_UP, .member = "sealed"};
    PHI_GUARD(phi_letter_open(&letter, &appeal->record, platform->appeals->intake_key, arena,
                              &plain, error));
    PHI_GUARD(phi_json_read(plain, DEPTH_MAX, arena, &said, error));
    static const char *const open[] = {"matter", "source", "outcome", "head", "steps"};
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        json_object_set(to, open[i], json_object_get(appeal->record.value, open[i]));
    json_object_set(to, "statement", json_object_get(said.value, "statement"));
    json_object_set(to, "fact", json_object_get(said.value, "fact"));
out:
    return err;
}

enum phi_err appeal_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct appeal appeal;
    char id[2 * DISPUTE_LEN + 1];
    PHI_GUARD(appeal_find(call, &appeal, error));
    phi_hex_encode(phi_view_of(appeal.case_id, DISPUTE_LEN), id);
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "region", appeal.region, "caseId", id, "state",
                  appeal.state, "decision", appeal.decision, "reason", appeal.reason);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), one));
    PHI_GUARD(open_said(call, &appeal, one, error));
    phi_api_data(call, json_incref(one));
out:
    return err;
}
