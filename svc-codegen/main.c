/* svc-codegen: applications to use codes (1000), minting (2000), the consent record behind a code.
 */
#include "svc-codegen/batch/batch.h"
#include "svc-codegen/retention/retain.h"

#include "base/metrics.h"
#include "picture/mark.h"

#include <stdlib.h>

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_codes_sql[];
extern const unsigned char phi_embed__101_behalf_sql[];
extern const unsigned char phi_embed__102_batch_sql[];
extern const unsigned char phi_embed__110_looks_sql[];

#define RECENT_SETS 4096 /* of four codes: 13 MB when all are filled */

struct codegen *codegen_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

enum phi_err codegen_subject(struct phi_api_call *call, uint8_t out[PHI_SUBJECT_LEN])
{
    return phi_subject_index(codegen_of(call)->index_key, &phi_api_who(call)->person, out);
}

static const struct phi_config_row rows[] = {
    {.name = "PHI_POLICY_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "minting policy of the province, JSON"},
    PHI_SERVICE_KEY_ROW("PHI_CODE_KEY_FILE", "SM2 key that signs codes"),
    PHI_SERVICE_KEY_ROW("PHI_SEAL_KEY_FILE", "SM4 key that seals the subject in a code"),
    {.name = "PHI_KEY_SET",
     .type = PHI_CONFIG_INT,
     .fallback = "1",
     .min = 0,
     .max = 255,
     .unit = "",
     .text = "id of the key set that the two keys form"},
    {.name = "PHI_OVERLOAD_COMMITS",
     .type = PHI_CONFIG_INT,
     .fallback = "1024",
     .min = 0,
     .max = 8192,
     .unit = "commits",
     .text = "so many waiting: refreshes get the code they have, as long as it is valid"},
    {.name = "PHI_AUDIT_REQUEST_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "86400000",
     .min = 1000,
     .max = 604800000,
     .unit = "ms",
     .text = "time for a second auditor to let a look at a consent record happen"},
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_SERIAL_KEY_FILE",
                        "the province's key for code serials on topics and in tables"),
    PHI_SERVICE_KEY_ROW("PHI_STORE_KEY_FILE", "the code side's key for stored consent records"),
    PHI_SERVICE_KEY_ROW("PHI_MARK_KEY_FILE", "the platform's key of its pictures' trace mark"),
};

static const struct phi_migration migrations[] = {
    {100, "codes", (const char *)phi_embed__100_codes_sql},
    {101, "behalf", (const char *)phi_embed__101_behalf_sql},
    {102, "batch", (const char *)phi_embed__102_batch_sql},
    {110, "looks", (const char *)phi_embed__110_looks_sql},
};

static const enum phi_column application_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_TEXT,
    PHI_COLUMN_BYTES, PHI_COLUMN_I64,  PHI_COLUMN_I64,   PHI_COLUMN_I64, PHI_COLUMN_BYTES,
    PHI_COLUMN_I64,   PHI_COLUMN_I64,  PHI_COLUMN_BYTES};
static const enum phi_column code_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_I64,
    PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,
    PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_BYTES};

static const enum phi_column batch_columns[] = {PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_BYTES,
                                                PHI_COLUMN_BYTES, PHI_COLUMN_I64};
static const enum phi_column request_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_I64};
static const enum phi_column look_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
    PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_I64};

static const struct phi_lane_table tables[] = {
    {.name = "applications",
     .columns = application_columns,
     .column_count = 13,
     .key_count = 1,
     .insert_sql =
         "INSERT INTO applications (application_id, app_id, subject, subject_key, scene, "
         "challenge, created_us, usable_until_us, term_until_us, applicant, paper_days, "
         "mandate_until_us, behalf_sealed) SELECT * FROM unnest($1::bytea[], $2::text[], "
         "$3::bytea[], $4::bigint[], $5::text[], $6::bytea[], $7::bigint[], $8::bigint[], "
         "$9::bigint[], $10::bytea[], $11::bigint[], $12::bigint[], $13::bytea[]) ON CONFLICT "
         "(application_id) DO NOTHING"},
    {.name = "codes",
     .columns = code_columns,
     .column_count = CODE_COLUMNS,
     .key_count = 1,
     .insert_sql = codegen_codes_insert},
    {.name = "batch_lines",
     .columns = batch_columns,
     .column_count = BATCH_COLUMNS,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_CONFLICT,
     .insert_sql = "INSERT INTO batch_lines (app_id, line_serial, digest, serial_hmac, created_us) "
                   "SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], "
                   "$5::bigint[]) ON CONFLICT (app_id, line_serial) DO NOTHING RETURNING app_id, "
                   "line_serial"},
    {.name = "consent_requests",
     .columns = request_columns,
     .column_count = 8,
     .key_count = 1,
     .insert_sql = "INSERT INTO consent_requests (request_id, serial_hmac, who, person, unit, "
                   "legal_reference, requested_us, until_us) SELECT * FROM unnest($1::bytea[], "
                   "$2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::text[], $7::bigint[], "
                   "$8::bigint[]) ON CONFLICT (request_id) DO NOTHING"},
    {.name = "consent_looks",
     .columns = look_columns,
     .column_count = 13,
     .key_count = 1,
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE,
     .insert_sql =
         "INSERT INTO consent_looks (request_id, serial_hmac, subject, grantor, consent_digest, "
         "scene, asked_who, asked_unit, approved_who, approved_unit, legal_reference, "
         "requested_us, seen_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], "
         "$4::bytea[], $5::bytea[], $6::text[], $7::bytea[], $8::text[], $9::bytea[], "
         "$10::text[], $11::text[], $12::bigint[], $13::bigint[]) ON CONFLICT (request_id) DO "
         "NOTHING RETURNING request_id"},
};

static const char *const apply_fields[] = {"scene", "termSeconds", "paperDays", "onBehalfOf", NULL};
static const char *const mint_fields[] = {"applicationId", "challenge", "picture", NULL};
static const char *const consent_fields[] = {"code", NULL};
static const char *const audit_fields[] = {"code", "legalReference", NULL};
static const char *const looks_queries[] = {"limit", "before", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/code-applications",
     .role = "mint",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES | PHI_API_TOGETHER,
     .fields = apply_fields,
     .handle = codegen_apply},
    {.method = "POST",
     .path = "/v1/codes",
     .role = "mint",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES | PHI_API_TOGETHER,
     .fields = mint_fields,
     .handle_many = codegen_mint},
    {.method = "POST",
     .path = "/v1/codes/consent",
     .role = "mint",
     .identity = PHI_API_CITIZEN,
     .fields = consent_fields,
     .handle = codegen_consent},
    {.method = "POST",
     .path = "/v1/codes/consent/requests",
     .role = "audit",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = audit_fields,
     .handle = codegen_audit_request},
    {.method = "POST",
     .path = "/v1/codes/consent/requests/{id}/approval",
     .role = "audit",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .handle = codegen_audit_approve},
    {.method = "GET",
     .path = "/v1/codes/consent/looks",
     .role = "mint",
     .identity = PHI_API_CITIZEN,
     .queries = looks_queries,
     .handle = codegen_looks},
    {.method = "POST",
     .path = "/v1/codes/batch",
     .role = "mint.batch",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .handle = codegen_batch},
};

static enum phi_err read_set(struct phi_service *service, const struct phi_service_key_set *about,
                             struct phi_codeside_set *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    out->id = about->id;
    out->from_us = about->from_us;
    out->to_us = about->to_us;
    PHI_GUARD(phi_service_set_sm2(service, "PHI_CODE_KEY_FILE", out->id, &out->sign_key, error));
    PHI_GUARD(phi_service_set_bytes(service, "PHI_SEAL_KEY_FILE", out->id, out->seal_key,
                                    sizeof(out->seal_key), &out->seal_uses, error));
out:
    return err;
}

static enum phi_err open_codeside(struct phi_service *service, struct codegen *codegen,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service_key_set about[PHI_CODESIDE_SETS_MAX];
    struct phi_codeside_set sets[PHI_CODESIDE_SETS_MAX] = {{.id = 0}};
    size_t count = phi_service_key_sets(service, "PHI_CODE_KEY_FILE", about, PHI_CODESIDE_SETS_MAX);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(read_set(service, &about[i], &sets[i], error));
    PHI_GUARD(phi_codeside_new(phi_service_region(service), sets, count, NULL, &codegen->codeside));
    phi_wipe(sets, sizeof(sets));
out:
    for (size_t i = 0; i < count; i++)
        phi_sm2_private_free(sets[i].sign_key);
    phi_wipe(sets, sizeof(sets));
    return err;
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct codegen *codegen = calloc(1, sizeof(*codegen));
    PHI_GUARD(codegen == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_service_set_state(service, codegen);
    PHI_GUARD(policy_read(phi_config_text(phi_service_config(service), "PHI_POLICY_FILE"),
                          phi_service_region(service), &codegen->policy, error));
    PHI_GUARD(open_codeside(service, codegen, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &codegen->index_key, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_SERIAL_KEY_FILE", &codegen->serial_key, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_STORE_KEY_FILE", &codegen->store_key, error));
    phi_service_set_answer_seal(service, codegen->store_key);
    PHI_GUARD(phi_service_pictures_open(service, &codegen->mark_key, error));
    codegen->recent = recent_new(RECENT_SETS);
    PHI_GUARD(codegen->recent == NULL ? PHI_ERR_MEMORY : PHI_OK);
    codegen->overload_commits = phi_config_int(phi_service_config(service), "PHI_OVERLOAD_COMMITS");
    codegen->minted = phi_counter_new("phi_codes_minted_total", "health codes minted", NULL);
    codegen->again_memory = phi_counter_new(
        "phi_codes_again_total", "refreshes that got the code they had", "from=\"memory\"");
    codegen->again_database = phi_counter_new(
        "phi_codes_again_total", "refreshes that got the code they had", "from=\"database\"");
out:
    return err;
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    (void)error;
    struct codegen *codegen = phi_service_state(service);
    const struct retain_options options = {.store = phi_service_store(service),
                                           .clock = phi_service_clock(service),
                                           .policy = &codegen->policy};
    return retain_start(&options, &codegen->retain);
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    (void)until;
    struct codegen *codegen = phi_service_state(service);
    if (codegen == NULL)
        return;
    retain_stop(codegen->retain);
    codegen->retain = NULL;
}

static void close(struct phi_service *service)
{
    struct codegen *codegen = phi_service_state(service);
    if (codegen == NULL)
        return;
    phi_codeside_free(codegen->codeside);
    phi_hmac_key_free(codegen->index_key);
    phi_hmac_key_free(codegen->serial_key);
    phi_seal_key_free(codegen->store_key);
    phi_mark_key_free(codegen->mark_key);
    recent_free(codegen->recent);
    free(codegen);
}

static const struct phi_program program = {
    .name = "svc-codegen",
    .about = "mints health codes (GB/T 38961, services 1000 and 2000 of GB/T 38963)",
    .schema = "codegen",
    .http_port = "8101",
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
    .start = start,
    .stop = stop,
    .close = close,
};

int main(int argc, char **argv)
{
    return phi_service_main(&program, argc, argv);
}
