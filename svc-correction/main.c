/* svc-correction: disputes of citizens about facts: file, see, decide. */
#include "svc-correction/texts.h"

#include "person/replay.h"

#include <stdlib.h>

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_correction_sql[];
extern const unsigned char phi_embed__120_person_keys_sql[];
extern const unsigned char phi_embed__121_erasures_sql[];

struct correction *correction_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

enum phi_err correction_subject(struct phi_api_call *call, uint8_t out[PHI_SUBJECT_LEN])
{
    return phi_subject_index(correction_of(call)->index_key, &phi_api_who(call)->person, out);
}

static const struct phi_config_row rows[] = {
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_HEALTH_KEY_FILE", "the health side's key for personal text"),
    PHI_SERVICE_KEY_ROW("PHI_CORRECTION_KEY_FILE",
                        "SM2 key that signs decisions (correction.decided)"),
};

static const struct phi_migration migrations[] = {
    {100, "correction", (const char *)phi_embed__100_correction_sql},
    {120, "person_keys", (const char *)phi_embed__120_person_keys_sql},
    {121, "erasures", (const char *)phi_embed__121_erasures_sql},
};

static const enum phi_column matter_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
static const enum phi_column decision_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
                                                   PHI_COLUMN_I64,   PHI_COLUMN_BYTES,
                                                   PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
static const enum phi_column case_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES,
    PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64};
static const enum phi_column step_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_TEXT,
                                               PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_BYTES};
static const enum phi_column decided_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                                  PHI_COLUMN_I64};
static const enum phi_column closed_columns[] = {PHI_COLUMN_BYTES};

/* In the order of enum correction_table: guards first. */
static const struct phi_lane_table tables[] = {
    {.name = "open_matters",
     .columns = matter_columns,
     .column_count = 2,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_OVERLOAD, /* filed twice at once: the next try adds to it */
     .insert_sql = "INSERT INTO open_matters (matter, case_id) SELECT * FROM unnest($1::bytea[], "
                   "$2::bytea[]) ON CONFLICT (matter) DO NOTHING RETURNING matter"},
    {.name = "decisions",
     .columns = decision_columns,
     .column_count = 6,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql =
         "INSERT INTO decisions (case_id, decision, decision_version, officer, unit, decided_us) "
         "SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bytea[], $5::text[], "
         "$6::bigint[]) ON CONFLICT (case_id) DO NOTHING RETURNING case_id"},
    {.name = "cases",
     .columns = case_columns,
     .column_count = 13,
     .key_count = 1,
     .insert_sql =
         "INSERT INTO cases (case_id, subject, subject_key, matter, region, source, institution, "
         "record_no, state, statement_sealed, opened_us, decision_version, decided_us) SELECT * "
         "FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], "
         "$7::text[], $8::text[], $9::text[], $10::bytea[], $11::bigint[], $12::bigint[], "
         "$13::bigint[]) ON CONFLICT (case_id) DO NOTHING"},
    {.name = "steps",
     .columns = step_columns,
     .column_count = 6,
     .key_count = 3,
     .insert_sql =
         "INSERT INTO steps (case_id, at_us, step, state, reason, note_sealed) SELECT * FROM "
         "unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[]) "
         "ON CONFLICT (case_id, at_us, step) DO NOTHING"},
    {.name = "cases_decided",
     .columns = decided_columns,
     .column_count = 4,
     .key_count = 1,
     .insert_sql =
         "UPDATE cases SET state = d.state, decision_version = d.version, decided_us = d.decided "
         "FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::bigint[]) "
         "AS d (case_id, state, version, decided) WHERE cases.case_id = d.case_id"},
    {.name = "matters_closed",
     .columns = closed_columns,
     .column_count = 1,
     .key_count = 1,
     .insert_sql = "DELETE FROM open_matters USING unnest($1::bytea[]) AS c (matter) "
                   "WHERE open_matters.matter = c.matter"},
};

static const char *const file_fields[] = {"matter", "fact", "statement", NULL};
static const char *const decide_fields[] = {"decision", "reason", "note", NULL};
static const char *const list_queries[] = {"state", "limit", "before", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/corrections",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = file_fields,
     .handle = case_file},
    {.method = "GET",
     .path = "/v1/corrections",
     .role = "correct",
     .identity = PHI_API_EITHER,
     .queries = list_queries,
     .handle = case_list},
    {.method = "GET",
     .path = "/v1/corrections/{id}",
     .role = "correct",
     .identity = PHI_API_EITHER,
     .handle = case_show},
    {.method = "POST",
     .path = "/v1/corrections/{id}/decision",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = decide_fields,
     .handle = case_decide},
};

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct correction *correction = calloc(1, sizeof(*correction));
    PHI_GUARD(correction == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_service_set_state(service, correction);
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &correction->index_key, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_HEALTH_KEY_FILE", &correction->health_key, error));
    PHI_GUARD(phi_service_key_sm2(service, "PHI_CORRECTION_KEY_FILE", &correction->correction_key,
                                  error));
    phi_sm2_private_public(correction->correction_key, xy);
    PHI_GUARD(phi_key_id_of(xy, correction->correction_serial));
    phi_service_set_answer_seal(service, correction->health_key);
out:
    return err;
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct correction *correction = phi_service_state(service);
    if (correction != NULL)
        case_keys_stop(correction, until);
}

/* Ready all the same: what names nobody is told, only texts have to wait. */
static const char *unready(struct phi_service *service)
{
    const struct correction *correction = phi_service_state(service);
    phi_service_set_degraded(service, "person-keys",
                             !phi_person_replay_is_done(correction->replay));
    return NULL;
}

static void close(struct phi_service *service)
{
    struct correction *correction = phi_service_state(service);
    if (correction == NULL)
        return;
    case_keys_close(correction);
    phi_hmac_key_free(correction->index_key);
    phi_seal_key_free(correction->health_key);
    phi_sm2_private_free(correction->correction_key);
    free(correction);
}

static const struct phi_program program = {
    .name = "svc-correction",
    .about = "disputes of citizens about facts (GB/T 38963 6.8)",
    .schema = "correction",
    .http_port = "8105",
    .parts = PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_RELAY,
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .migrations = migrations,
    .migration_count = sizeof(migrations) / sizeof(migrations[0]),
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .openapi = phi_embed_openapi_json,
    .openapi_len = &phi_embed_openapi_json_len,
    .open = open,
    .start = case_keys_start,
    .stop = stop,
    .close = close,
    .unready = unready,
};

int main(int argc, char **argv)
{
    return phi_service_main(&program, argc, argv);
}
