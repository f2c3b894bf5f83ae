/* Projects of analysts over HTTP: registered by an officer, approved by another of another unit,
 * ended by any. */
#include "svc-directory/officer.h"
#include "svc-directory/open/open.h"
#include "svc-directory/rules/life.h"

#include "codes/sources.h"
#include "crypto/random.h"

#include <string.h>

#define TERM_MAX_US (366 * 86400 * 1000000LL)

static const enum phi_column project_columns[] = {
    PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_I64,  PHI_COLUMN_I64,
    PHI_COLUMN_I64,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES};
static const enum phi_column step_columns[] = {PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_TEXT, PHI_COLUMN_I64};

const struct phi_lane_table open_tables[OPEN_TABLES] = {
    {.name = "open_projects",
     .columns = project_columns,
     .column_count = 9,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_CONFLICT,
     .insert_sql = "INSERT INTO open_projects (project, purpose, streams, from_us, until_us, "
                   "at_us, officer, unit, secret) SELECT * FROM unnest($1::text[], $2::text[], "
                   "$3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], "
                   "$8::text[], $9::bytea[]) ON CONFLICT (project) DO NOTHING RETURNING project"},
    {.name = "open_steps",
     .columns = step_columns,
     .column_count = 5,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql = "INSERT INTO open_steps (project, step, officer, unit, at_us) SELECT * FROM "
                   "unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]) ON "
                   "CONFLICT (project, step) DO NOTHING RETURNING project, step"},
};

static enum phi_err tell(struct phi_api_call *call, const char *step, const char *project,
                         const struct officer *officer)
{
    return officer_tell(call, "open", json_pack("{s:s, s:s}", "step", step, "project", project),
                        officer);
}

/* --- POST /v1/open/projects --- */

/* Part of a topic's name: small letters, digits and hyphens. */
static bool is_project(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len <= OPEN_NAME_MAX && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool is_stream(const char *name)
{
    return strcmp(name, OPEN_GRADES) == 0 || phi_source_bit(name) != 0;
}

struct wish {
    const char *project;
    const char *purpose;
    char streams[512];
    int64_t until_us;
};

static enum phi_err read_streams(const struct phi_json_at *body, struct wish *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at list;
    size_t count = 0;
    char *at = out->streams;
    PHI_GUARD(phi_json_array(body, "streams", 1, OPEN_STREAMS_MAX, &list, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&list, i);
        const char *name = NULL;
        PHI_GUARD(phi_json_as_word(&item, 24, &name, error));
        if (!is_stream(name))
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, item.path,
                                 "neither grades nor a stream of facts");
        at = stpcpy(stpcpy(at, i > 0 ? "," : ""), name);
    }
out:
    return err;
}

static enum phi_err read_wish(struct phi_api_call *call, struct wish *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    int64_t now_us = phi_api_now_us(call);
    PHI_GUARD(phi_json_word(&body, "project", OPEN_NAME_MAX, &out->project, error));
    if (!is_project(out->project))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.project",
                             "not of small letters, digits and hyphens");
    PHI_GUARD(phi_json_text(&body, "purpose", 1, OPEN_PURPOSE_MAX, &out->purpose, error));
    PHI_GUARD(phi_json_time(&body, "until", &out->until_us, error));
    if (out->until_us <= now_us || out->until_us > now_us + TERM_MAX_US)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.until", "not within a year from now");
    PHI_GUARD(read_streams(&body, out, error));
out:
    return err;
}

static enum phi_err make_secret(struct phi_api_call *call, const char *project,
                                struct phi_view *sealed)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_OPEN_SECRET_LEN], subject[PHI_SUBJECT_LEN];
    PHI_GUARD(phi_random_bytes(secret, sizeof(secret)));
    PHI_GUARD(open_seal_subject(project, subject));
    PHI_GUARD(phi_seal(directory_of(call)->keys.health, OPEN_SECRET, subject,
                       phi_view_of(secret, sizeof(secret)), phi_api_arena(call), sealed));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

enum phi_err open_route_register(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct wish wish = {.project = ""};
    struct phi_view sealed;
    PHI_GUARD(officer_of(call, "open", &officer, error));
    PHI_GUARD(read_wish(call, &wish, error));
    PHI_GUARD(make_secret(call, wish.project, &sealed));
    const struct phi_param row[] = {PHI_TEXT(wish.project),
                                    PHI_TEXT(wish.purpose),
                                    PHI_TEXT(wish.streams),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_I64(wish.until_us),
                                    PHI_I64(phi_api_now_us(call)),
                                    PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
                                    PHI_TEXT(officer.unit),
                                    PHI_BYTES(sealed)};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + RULES_TABLES + OPEN_TABLE_PROJECTS, row, 9));
    PHI_GUARD(tell(call, "register", wish.project, &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "project", wish.project, "state", "registered"));
out:
    return err;
}

/* --- a project --- */

enum column { PURPOSE, STREAMS, UNTIL, OFFICER, UNIT, IS_APPROVED, IS_ENDED, IS_OVER, HAS_SECRET };

static enum phi_err read_row(struct phi_api_call *call, const char **project, struct phi_rows **row,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    *project = phi_http_param(phi_api_request(call), "project");
    const struct phi_param params[] = {PHI_TEXT(*project), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "open_project",
        "SELECT purpose, streams, until_us, officer, unit, EXISTS (SELECT 1 FROM open_steps s "
        "WHERE s.project = p.project AND step = 'approve'), EXISTS (SELECT 1 FROM open_steps s "
        "WHERE s.project = p.project AND step = 'end'), until_us <= $2::bigint, secret IS NOT NULL "
        "FROM open_projects p WHERE project = $1",
        params, 2, row, error));
    if (phi_rows_count(*row) == 0)
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "project", "no such project");
out:
    phi_store_release(conn);
    return err;
}

static const char *state_of(const struct phi_rows *row)
{
    if (phi_rows_bool(row, 0, IS_ENDED) || phi_rows_bool(row, 0, IS_OVER))
        return "over";
    return phi_rows_bool(row, 0, IS_APPROVED) ? "approved" : "registered";
}

enum phi_err open_route_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_rows *row = NULL;
    const char *project = NULL;
    char until[PHI_RFC3339_MAX], topic[96];
    PHI_GUARD(officer_of(call, "open", &officer, error));
    PHI_GUARD(read_row(call, &project, &row, error));
    phi_rfc3339_format(phi_rows_i64(row, 0, UNTIL), until);
    snprintf(topic, sizeof(topic), "phi.%s.open.%s", phi_service_region(phi_api_service(call)),
             project);
    phi_api_data(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "project", project,
                                 "purpose", phi_rows_text(row, 0, PURPOSE), "streams",
                                 phi_rows_text(row, 0, STREAMS), "until", until, "state",
                                 state_of(row), "topic", topic, "isKeyDestroyed",
                                 (int)!phi_rows_bool(row, 0, HAS_SECRET)));
out:
    phi_rows_free(row);
    return err;
}

/* --- POST /v1/open/projects/{project}/steps --- */

enum phi_err open_route_step(struct phi_api_call *call, struct phi_error *error)
{
    static const char *const steps[] = {"approve", "end"};
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_rows *row = NULL;
    const char *project = NULL;
    struct phi_json_at body = phi_api_body(call);
    size_t step = 0;
    PHI_GUARD(officer_of(call, "open", &officer, error));
    PHI_GUARD(phi_json_enum(&body, "step", steps, 2, &step, error));
    PHI_GUARD(read_row(call, &project, &row, error));
    if (strcmp(state_of(row), "over") == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "project", "the project is over"));
    if (step == 0)
        PHI_GUARD(officer_second(phi_rows_bytes(row, 0, OFFICER), phi_rows_text(row, 0, UNIT),
                                 &officer, error));
    const struct phi_param params[] = {PHI_TEXT(project), PHI_TEXT(steps[step]),
                                       PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
                                       PHI_TEXT(officer.unit), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + RULES_TABLES + OPEN_TABLE_STEPS, params, 5));
    PHI_GUARD(tell(call, steps[step], project, &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "project", project, "step", steps[step]));
out:
    phi_rows_free(row);
    return err;
}
