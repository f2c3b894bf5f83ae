/* svc-declare: consent to collection, declarations of health and of trips, intake of data sources.
 */
#include "svc-declare/people/restore.h"
#include "svc-declare/sources/intake.h"
#include "svc-declare/sources/letters.h"
#include "svc-declare/sources/watch.h"

#include "base/metrics.h"

#include <stdlib.h>

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_declare_sql[];
extern const unsigned char phi_embed__110_places_sql[];
extern const unsigned char phi_embed__111_report_sql[];
extern const unsigned char phi_embed__112_rhythms_sql[];
extern const unsigned char phi_embed__113_retractions_sql[];
extern const unsigned char phi_embed__120_person_keys_sql[];
extern const unsigned char phi_embed__121_people_sql[];
extern const unsigned char phi_embed__122_documents_sql[];
extern const unsigned char phi_embed__123_withdrawals_sql[];
extern const unsigned char phi_embed__130_batches_sql[];

struct declare *declare_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

static const struct phi_config_row rows[] = {
    PHI_SERVICE_SESSION_ROW,
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_HEALTH_KEY_FILE",
                        "the health side's key for personal text, stored or on topics"),
    PHI_SERVICE_KEY_ROW("PHI_BUS_KEY_FILE", "the health side's key for the MAC of facts"),
    PHI_SERVICE_KEY_ROW("PHI_PLACES_KEY_FILE",
                        "SM2 key that signs the list of places and the sources' state"),
    PHI_SERVICE_KEY_ROW("PHI_RETRACTION_KEY_FILE",
                        "SM2 key that signs bulk retractions (correction.decided, "
                        "correction.batch)"),
    PHI_SERVICE_KEY_ROW("PHI_INTAKE_KEY_FILE",
                        "SM2 key to which institutions seal what they send on intake.<app>"),
    {.name = "PHI_RHYTHMS_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "how often each source is expected to be heard of, JSON; without it none is"},
    {.name = "PHI_CONTROL_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "control periods: where and when health is to be declared again, JSON; without it "
             "nowhere"},
    {.name = "PHI_MANDATE_MAX_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "366",
     .min = 1,
     .max = 3660,
     .unit = "days",
     .text = "longest mandate to declare for somebody else"},
};

static const struct phi_migration migrations[] = {
    {100, "declare", (const char *)phi_embed__100_declare_sql},
    {110, "places", (const char *)phi_embed__110_places_sql},
    {111, "report", (const char *)phi_embed__111_report_sql},
    {112, "rhythms", (const char *)phi_embed__112_rhythms_sql},
    {113, "retractions", (const char *)phi_embed__113_retractions_sql},
    {120, "person_keys", (const char *)phi_embed__120_person_keys_sql},
    {121, "people", (const char *)phi_embed__121_people_sql},
    {122, "documents", (const char *)phi_embed__122_documents_sql},
    {123, "withdrawals", (const char *)phi_embed__123_withdrawals_sql},
    {130, "batches", (const char *)phi_embed__130_batches_sql},
};

static const enum phi_column declaration_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_I64, PHI_COLUMN_BYTES,
    PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_I64};
static const enum phi_column basic_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_TEXT,
                                                PHI_COLUMN_TEXT,  PHI_COLUMN_BYTES, PHI_COLUMN_I64};
static const enum phi_column consent_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
    PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_TEXT};
static const enum phi_column withdrawal_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,
                                                     PHI_COLUMN_I64};
static const enum phi_column erasure_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64,
                                                  PHI_COLUMN_BYTES, PHI_COLUMN_I64};
static const enum phi_column change_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64,
                                                 PHI_COLUMN_BYTES};
static const enum phi_column link_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_I64,   PHI_COLUMN_BOOL,  PHI_COLUMN_TEXT,
                                               PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64};
static const enum phi_column proposal_columns[] = {
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BOOL,
    PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_TEXT,  PHI_COLUMN_I64};
static const enum phi_column confirmation_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
                                                       PHI_COLUMN_TEXT, PHI_COLUMN_I64};
static const enum phi_column look_columns[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,
                                               PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT};

/* A declaration that is there already refuses the request: two at once of one number, past the 24
 * hours of the stored answers, must not both be told "accepted" when only one is kept. */
static const struct phi_lane_table tables[] = {
    {.name = "declarations",
     .columns = declaration_columns,
     .column_count = 12,
     .key_count = 1,
     .insert_sql =
         "INSERT INTO declarations (fact_id, subject, subject_key, source, institution, record_no, "
         "revision, content_digest, content, sealed, observed_us, recorded_us) SELECT f, s, k, o, "
         "i, n, r, d, c::jsonb, e, a, b FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], "
         "$4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::text[], "
         "$10::bytea[], "
         "$11::bigint[], $12::bigint[]) AS t (f, s, k, o, i, n, r, d, c, e, a, b) "
         "ON CONFLICT (fact_id) DO NOTHING RETURNING fact_id",
     .is_guard = true,
     .on_conflict = PHI_ERR_CONFLICT},
    {.name = "basic",
     .columns = basic_columns,
     .column_count = 6,
     .key_count = 1,
     .last_wins = true,
     .insert_sql =
         "INSERT INTO basic AS old (subject, subject_key, app_id, region, sealed, updated_us) "
         "SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], "
         "$6::bigint[]) ON CONFLICT (subject) DO UPDATE SET subject_key = excluded.subject_key, "
         "app_id = excluded.app_id, region = excluded.region, sealed = excluded.sealed, "
         "updated_us = excluded.updated_us WHERE old.updated_us <= excluded.updated_us"},
    {.name = "consents",
     .columns = consent_columns,
     .column_count = 9,
     .key_count = 1,
     .insert_sql =
         "INSERT INTO consents (consent_id, subject, subject_key, app_id, notice_version, purpose, "
         "recorded_us, granted_by, given_by) SELECT * FROM unnest($1::bytea[], $2::bytea[], "
         "$3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[], $9::text[]) "
         "ON CONFLICT (consent_id) DO NOTHING"},
    {.name = "withdrawals",
     .columns = withdrawal_columns,
     .column_count = 3,
     .key_count = 2,
     .insert_sql =
         "WITH w (subject, purpose, at) AS (SELECT * FROM unnest($1::bytea[], $2::text[], "
         "$3::bigint[])), kept AS (INSERT INTO withdrawals SELECT * FROM w ON CONFLICT DO NOTHING) "
         "UPDATE consents c SET withdrawn_us = w.at FROM w WHERE c.subject = w.subject AND "
         "c.purpose = "
         "w.purpose AND c.withdrawn_us IS NULL"},
    {.name = "erasures",
     .columns = erasure_columns,
     .column_count = 4,
     .key_count = 1,
     .last_wins = true,
     .insert_sql =
         "WITH e (subject, version, wrapped, at) AS (SELECT * FROM unnest($1::bytea[], "
         "$2::bigint[], $3::bytea[], $4::bigint[])), ended AS (INSERT INTO person_keys AS k "
         "(subject, version, wrapped, changed_us) SELECT * FROM e ON CONFLICT (subject) DO UPDATE "
         "SET version = excluded.version, wrapped = excluded.wrapped, changed_us = "
         "excluded.changed_us WHERE k.version < excluded.version), forgotten AS (DELETE FROM basic "
         "b USING e WHERE b.subject = e.subject), unseen AS "
         "(UPDATE "
         "links l SET lesser_view = '', greater_view = '' FROM e WHERE e.subject IN (l.lesser, "
         "l.greater)), unproposed AS (UPDATE link_proposals p SET documents = '' FROM e WHERE "
         "p.documents <> '' AND e.subject IN (p.lesser, p.greater)) UPDATE "
         "declarations d SET sealed = '' FROM e WHERE d.subject = e.subject"},
    {.name = "link_changes",
     .columns = change_columns,
     .column_count = 3,
     .key_count = 2,
     .insert_sql = "INSERT INTO link_changes (subject, change_no, link_id) SELECT * FROM "
                   "unnest($1::bytea[], $2::bigint[], $3::bytea[]) ON CONFLICT (subject, "
                   "change_no) DO NOTHING RETURNING subject, change_no",
     .is_guard = true,
     .on_conflict = PHI_ERR_STATE},
    {.name = "links",
     .columns = link_columns,
     .column_count = 9,
     .key_count = 1,
     .last_wins = true,
     .insert_sql =
         "INSERT INTO links AS old (link_id, lesser, greater, revision, is_linked, proof, "
         "lesser_view, greater_view, changed_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], "
         "$3::bytea[], $4::bigint[], $5::boolean[], $6::text[], $7::bytea[], $8::bytea[], "
         "$9::bigint[]) ON CONFLICT (link_id) DO UPDATE SET revision = excluded.revision, "
         "is_linked "
         "= excluded.is_linked, proof = excluded.proof, lesser_view = excluded.lesser_view, "
         "greater_view = excluded.greater_view, changed_us = excluded.changed_us WHERE "
         "old.revision < excluded.revision"},
    {.name = "link_proposals",
     .columns = proposal_columns,
     .column_count = 9,
     .key_count = 1,
     .insert_sql =
         "WITH past AS (UPDATE link_proposals SET documents = '' WHERE documents <> '' AND "
         "proposed_us < (SELECT min(t) FROM unnest($9::bigint[]) AS n(t)) - 604800000000) INSERT "
         "INTO link_proposals (proposal_id, link_id, lesser, greater, is_linked, documents, "
         "officer, unit, proposed_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], "
         "$4::bytea[], $5::boolean[], $6::bytea[], $7::bytea[], $8::text[], $9::bigint[]) ON "
         "CONFLICT (proposal_id) DO NOTHING"},
    {.name = "link_confirmations",
     .columns = confirmation_columns,
     .column_count = 4,
     .key_count = 1,
     .insert_sql =
         "WITH n (id, officer, unit, at) AS (SELECT * FROM unnest($1::bytea[], $2::bytea[], "
         "$3::text[], $4::bigint[])), closed AS (UPDATE link_proposals p SET documents = '' FROM n "
         "WHERE p.proposal_id = n.id) INSERT INTO link_confirmations (proposal_id, officer, unit, "
         "confirmed_us) SELECT * FROM n ON CONFLICT (proposal_id) DO NOTHING"},
    {.name = "looks",
     .columns = look_columns,
     .column_count = 6,
     .key_count = 1,
     .insert_sql = "INSERT INTO looks (look_id, subject, at_us, what, who, app_id) SELECT * FROM "
                   "unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], "
                   "$6::text[]) ON CONFLICT (look_id) DO NOTHING"},
};

static const char *const consent_fields[] = {"noticeVersion", "purpose", "onBehalfOf", NULL};
static const char *const withdraw_fields[] = {"purpose", "onBehalfOf", NULL};
static const char *const basic_fields[] = {"basic", "onBehalfOf", NULL};
static const char *const export_fields[] = {"declarationsBefore", "reportsBefore", NULL};
static const char *const erase_fields[] = {"confirm", "onBehalfOf", NULL};
static const char *const link_fields[] = {"otherIdentity", NULL};
static const char *const unlink_fields[] = {"linkId", NULL};
static const char *const propose_fields[] = {"persons", "state", "basis", NULL};
static const char *const health_fields[] = {"basic", "health", "onBehalfOf", NULL};
static const char *const trips_fields[] = {"trips", "onBehalfOf", NULL};

static const char *const retraction_fields[] = {"institution", "time",   "from",
                                                "to",          "reason", NULL};
static const char *const report_queries[] = {"recordNo", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/consents",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = consent_fields,
     .handle = declare_consent},
    {.method = "POST",
     .path = "/v1/consents/withdraw",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = withdraw_fields,
     .handle = declare_withdraw},
    {.method = "GET",
     .path = "/v1/consents",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .handle = declare_consents},
    {.method = "POST",
     .path = "/v1/me/basic",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = basic_fields,
     .handle = declare_basic},
    {.method = "POST",
     .path = "/v1/me/export",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .fields = export_fields,
     .handle = declare_export},
    {.method = "POST",
     .path = "/v1/me/erase",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = erase_fields,
     .handle = declare_erase},
    {.method = "POST",
     .path = "/v1/me/documents",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = link_fields,
     .handle = declare_link},
    {.method = "POST",
     .path = "/v1/me/documents/unlink",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = unlink_fields,
     .handle = declare_unlink},
    {.method = "POST",
     .path = "/v1/documents/links",
     .role = "link",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = propose_fields,
     .handle = declare_propose},
    {.method = "POST",
     .path = "/v1/documents/links/{id}/confirmation",
     .role = "link",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .handle = declare_confirm},
    {.method = "POST",
     .path = "/v1/declarations/health",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = health_fields,
     .handle = declare_health},
    {.method = "POST",
     .path = "/v1/declarations/trips",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = trips_fields,
     .handle = declare_trips},
    {.method = "GET",
     .path = "/v1/declarations/due",
     .role = "declare",
     .identity = PHI_API_CITIZEN,
     .handle = declare_due},
    {.method = "POST",
     .path = "/v1/sources/{kind}",
     .role = "source",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .handle = declare_source},
    {.method = "GET",
     .path = "/v1/sources/{kind}/report",
     .role = "source",
     .identity = PHI_API_NOBODY,
     .queries = report_queries,
     .handle = declare_report},
    {.method = "POST",
     .path = "/v1/sources/{kind}/retractions",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = retraction_fields,
     .handle = declare_retraction_propose},
    {.method = "POST",
     .path = "/v1/retractions/{id}/approval",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .handle = declare_retraction_approve},
    {.method = "POST",
     .path = "/v1/retractions/{id}/refusal",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .handle = declare_retraction_refuse},
    {.method = "GET",
     .path = "/v1/retractions/{id}",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .handle = declare_retraction_show},
    {.method = "POST",
     .path = "/v1/places",
     .role = "source",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .handle = declare_places},
};

static void count(struct declare *declare)
{
    const char *name = "phi_declarations_total", *help = "facts that citizens declared";
    declare->health = phi_counter_new(name, help, "source=\"declare.health\"");
    declare->trips = phi_counter_new(name, help, "source=\"declare.trip\"");
    name = "phi_intake_lines_total", help = "lines of data sources, by result";
    declare->lines[INTAKE_ACCEPTED] = phi_counter_new(name, help, "result=\"accepted\"");
    declare->lines[INTAKE_DUPLICATE] = phi_counter_new(name, help, "result=\"duplicate\"");
    declare->lines[INTAKE_REJECTED] = phi_counter_new(name, help, "result=\"rejected\"");
}

static enum phi_err open_signer(struct phi_service *service, const char *variable,
                                struct phi_sm2_private **key, char serial[PHI_KEY_SERIAL_LEN + 1],
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    PHI_GUARD(phi_service_key_sm2(service, variable, key, error));
    phi_sm2_private_public(*key, xy);
    PHI_GUARD(phi_key_id_of(xy, serial));
out:
    return err;
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct declare *declare = calloc(1, sizeof(*declare));
    PHI_GUARD(declare == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_service_set_state(service, declare);
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &declare->keys.index, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_BUS_KEY_FILE", &declare->keys.bus, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_HEALTH_KEY_FILE", &declare->keys.health, error));
    PHI_GUARD(open_signer(service, "PHI_PLACES_KEY_FILE", &declare->places_key,
                          declare->places_serial, error));
    PHI_GUARD(open_signer(service, "PHI_RETRACTION_KEY_FILE", &declare->retraction_key,
                          declare->retraction_serial, error));
    phi_service_set_answer_seal(service, declare->keys.health);
    PHI_GUARD(declare_control_open(service, error));
    PHI_GUARD(watch_open(service, &declare->watch, error));
    PHI_GUARD(letters_open(service, &declare->letters, error));
    count(declare);
out:
    return err;
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(service);
    PHI_GUARD(declare_restore(service, error));
    PHI_GUARD(letters_start(declare->letters, error));
    PHI_GUARD(watch_start(declare->watch));
out:
    return err;
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct declare *declare = phi_service_state(service);
    if (declare == NULL)
        return;
    letters_stop(declare->letters, until);
    watch_close(declare->watch);
    declare->watch = NULL;
}

static void close(struct phi_service *service)
{
    struct declare *declare = phi_service_state(service);
    if (declare == NULL)
        return;
    watch_close(declare->watch);
    letters_close(declare->letters);
    phi_arena_free(declare->control_arena);
    phi_hmac_key_free(declare->keys.index);
    phi_hmac_key_free(declare->keys.bus);
    phi_seal_key_free(declare->keys.health);
    phi_sm2_private_free(declare->places_key);
    phi_sm2_private_free(declare->retraction_key);
    free(declare);
}

static const struct phi_program program = {
    .name = "svc-declare",
    .about = "takes consents, declarations of health and trips, and reports of data sources (GB/T "
             "38963)",
    .schema = "declare",
    .http_port = "8103",
    .parts = PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_TRUST | PHI_PART_RELAY,
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
