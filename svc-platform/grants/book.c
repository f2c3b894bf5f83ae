/* Grants as the tables hold them, and their steps on audit. */
#include "svc-platform/grants/grants.h"

#include "json/canonical.h"

#include <string.h>

static const enum phi_column grant_columns[] = {PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
                                                PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
                                                PHI_COLUMN_I64,   PHI_COLUMN_I64,  PHI_COLUMN_I64,
                                                PHI_COLUMN_BYTES, PHI_COLUMN_TEXT};
static const enum phi_column step_columns[] = {PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_TEXT, PHI_COLUMN_I64};

const struct phi_lane_table grant_tables[GRANT_TABLES] = {
    {.name = "grants",
     .columns = grant_columns,
     .column_count = 11,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_CONFLICT,
     .insert_sql = "INSERT INTO grants (grant_id, app, purpose, legal, regions, fields, "
                   "people_max, until_us, at_us, officer, unit) SELECT * FROM unnest($1::text[], "
                   "$2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], "
                   "$8::bigint[], $9::bigint[], $10::bytea[], $11::text[]) ON CONFLICT (grant_id) "
                   "DO NOTHING RETURNING grant_id"},
    {.name = "grant_steps",
     .columns = step_columns,
     .column_count = 5,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql = "INSERT INTO grant_steps (grant_id, step, officer, unit, at_us) SELECT * FROM "
                   "unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) ON "
                   "CONFLICT (grant_id, step) DO NOTHING RETURNING grant_id, step"},
};

enum column { APP, PURPOSE, LEGAL, REGIONS, FIELDS, PEOPLE, UNTIL, OFFICER, UNIT, APPROVED, ENDED };

static const char *state_of(const struct phi_rows *row, int64_t now_us)
{
    if (phi_rows_bool(row, 0, ENDED) || phi_rows_i64(row, 0, UNTIL) <= now_us)
        return "over";
    return phi_rows_bool(row, 0, APPROVED) ? "approved" : "registered";
}

static const char *kept(const struct phi_rows *row, size_t column, struct phi_arena *arena)
{
    return phi_arena_text(arena, phi_view_text(phi_rows_text(row, 0, column)));
}

static enum phi_err take(const struct phi_rows *row, int64_t now_us, struct phi_arena *arena,
                         struct grant *out)
{
    out->state = state_of(row, now_us);
    out->app = kept(row, APP, arena);
    out->purpose = kept(row, PURPOSE, arena);
    out->legal = kept(row, LEGAL, arena);
    out->regions = kept(row, REGIONS, arena);
    out->shows_time = strstr(phi_rows_text(row, 0, FIELDS), "time") != NULL;
    out->people_max = phi_rows_i64(row, 0, PEOPLE);
    out->until_us = phi_rows_i64(row, 0, UNTIL);
    out->officer = phi_arena_view(arena, phi_rows_bytes(row, 0, OFFICER));
    out->unit = kept(row, UNIT, arena);
    bool is_whole = out->app != NULL && out->purpose != NULL && out->legal != NULL &&
                    out->regions != NULL && out->unit != NULL && out->officer.data != NULL;
    return is_whole ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err grant_read(struct phi_api_call *call, struct grant *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *row = NULL;
    out->grant_id = phi_http_param(phi_api_request(call), "id");
    const struct phi_param params[] = {PHI_TEXT(out->grant_id)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "grant_of",
        "SELECT app, purpose, legal, regions, fields, people_max, until_us, officer, unit, EXISTS "
        "(SELECT 1 FROM grant_steps s WHERE s.grant_id = g.grant_id AND step = 'approve'), EXISTS "
        "(SELECT 1 FROM grant_steps s WHERE s.grant_id = g.grant_id AND step = 'end') FROM grants "
        "g WHERE grant_id = $1",
        params, 1, &row, error));
    if (phi_rows_count(row) == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_NOT_FOUND, "id", "no such grant"));
    PHI_GUARD(take(row, phi_api_now_us(call), phi_api_arena(call), out));
out:
    phi_rows_free(row);
    phi_store_release(conn);
    return err;
}

bool grant_has_region(const struct grant *grant, const char *region)
{
    return strlen(region) == 6 && strstr(grant->regions, region) != NULL;
}

enum phi_err grant_event(struct phi_api_call *call, const char *grant_id, const char *step,
                         json_t *json, struct phi_event *out)
{
    enum phi_err err = PHI_OK;
    char at[PHI_RFC3339_MAX];
    struct phi_service *service = phi_api_service(call);
    int64_t now_us = phi_api_now_us(call);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    *out = (struct phi_event){.topic = phi_service_topic(service, "audit"),
                              .type = "cn.phi.audit.grant",
                              .source = phi_service_source(service),
                              .time_us = now_us,
                              .key = phi_view_text(grant_id)};
    phi_rfc3339_format(now_us, at);
    bool is_told = json_object_set_new(json, "grant", json_string(grant_id)) == 0 &&
                   json_object_set_new(json, "step", json_string(step)) == 0 &&
                   json_object_set_new(json, "at", json_string(at)) == 0;
    PHI_GUARD(is_told ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &out->value));
    PHI_GUARD(phi_event_new_id(out));
    PHI_GUARD(phi_service_sign_event(service, out, (uint64_t)now_us, phi_api_arena(call)));
out:
    return err;
}
