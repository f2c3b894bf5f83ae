/* svc-platform: the unified platform: trust list, the nation's directory, query by receipt. */
#include "svc-platform/appeals/appeals.h"
#include "svc-platform/disputes/disputes.h"
#include "svc-platform/down/results.h"
#include "svc-platform/entries/quality.h"
#include "svc-platform/grants/grants.h"
#include "svc-platform/heal/ask.h"
#include "svc-platform/heal/heal.h"
#include "svc-platform/members/members.h"
#include "svc-platform/platform.h"
#include "svc-platform/push/push.h"
#include "svc-platform/rebuild/rebuild.h"
#include "svc-platform/rebuild/window.h"
#include "svc-platform/relay/relay.h"
#include "svc-platform/statistics/statistics.h"

#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdlib.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_platform_sql[];
extern const unsigned char phi_embed__110_members_sql[];
extern const unsigned char phi_embed__120_nation_sql[];
extern const unsigned char phi_embed__121_push_sql[];
extern const unsigned char phi_embed__122_rebuild_sql[];
extern const unsigned char phi_embed__123_statistics_sql[];
extern const unsigned char phi_embed__140_grants_sql[];
extern const unsigned char phi_embed__141_key_services_sql[];
extern const unsigned char phi_embed__142_windows_sql[];
extern const unsigned char phi_embed__150_disputes_sql[];
extern const unsigned char phi_embed__151_appeals_sql[];
extern const unsigned char phi_embed__170_appeal_letters_sql[];

static const struct phi_config_row rows[] = {
    {.name = "PHI_PLATFORMS_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "the platforms, their keys and endpoints: the trust list before it is signed (phictl "
             "platform)"},
    PHI_SERVICE_SESSION_ROW,
    PHI_SERVICE_KEY_ROW("PHI_TRUST_KEY_FILE", "SM2 key that signs the trust list"),
    {.name = "PHI_TRUST_RENEW_S",
     .type = PHI_CONFIG_INT,
     .fallback = "3600",
     .min = 1,
     .max = 43200,
     .unit = "s",
     .text = "an unchanged trust list is signed again this often, so that a held-back one shows"},
    PHI_SERVICE_KEY_ROW("PHI_CA_KEY_FILE", "SM2 key of the platform CA"),
    {.name = "PHI_CA_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "the platform CA's certificate (phictl cert ca); without it no platform is approved"},
    {.name = "PHI_CERTIFICATE_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "365",
     .min = 1,
     .max = 3650,
     .unit = "days",
     .text = "how long a platform's certificates last, and its keys in the trust list with them"},
    PHI_SERVICE_KEY_ROW("PHI_PLATFORM_KEY_FILE", "the unified platform's key for dead letters"),
    PHI_QUERY_RPC_ROWS("5110"),
    STATISTICS_ROW,
    WINDOW_ROW,
    RELAY_ROW,
    DISPUTE_ROWS,
    PHI_SERVICE_KEY_ROW("PHI_INTAKE_KEY_FILE",
                        "SM2 key that opens appeals; without it and the next one none are taken"),
    PHI_SERVICE_KEY_ROW("PHI_CORRECTION_KEY_FILE", "SM2 key that signs decisions of appeals"),
};

static const struct phi_migration migrations[] = {
    {100, "platform", (const char *)phi_embed__100_platform_sql},
    {110, "members", (const char *)phi_embed__110_members_sql},
    {120, "nation", (const char *)phi_embed__120_nation_sql},
    {121, "push", (const char *)phi_embed__121_push_sql},
    {122, "rebuild", (const char *)phi_embed__122_rebuild_sql},
    {123, "statistics", (const char *)phi_embed__123_statistics_sql},
    {140, "grants", (const char *)phi_embed__140_grants_sql},
    {141, "key services", (const char *)phi_embed__141_key_services_sql},
    {142, "windows", (const char *)phi_embed__142_windows_sql},
    {150, "disputes", (const char *)phi_embed__150_disputes_sql},
    {151, "appeals", (const char *)phi_embed__151_appeals_sql},
    {170, "appeal_letters", (const char *)phi_embed__170_appeal_letters_sql},
};

static const char *const trust_queries[] = {"after", "wait", NULL};
static const char *const apply_fields[] = {
    "region",     "name",      "organisation",        "contact", "mode",
    "testReport", "endpoints", "certificateRequests", NULL};
static const char *const decide_fields[] = {"action", "reason", NULL};
static const char *const change_fields[] = {"kind", "certificateRequests", "overlapSeconds", NULL};
static const char *const parcel_fields[] = {"parcel", NULL};
static const char *const query_fields[] = {"receipt", NULL};
static const char *const push_queries[] = {"writer", "from", "take", NULL};
static const char *const no_fields[] = {NULL};
static const char *const grant_fields[] = {"grant",          "app",     "purpose",
                                           "legalReference", "regions", "fields",
                                           "peoplePerDay",   "until",   NULL};
static const char *const grant_step_fields[] = {"step", NULL};
static const char *const heal_fields[] = {"bucket", NULL};
static const char *const dispute_fields[] = {"region", "dispute", NULL};
static const char *const appeal_queries[] = {"limit", NULL};
static const char *const appeal_fields[] = {"decision", "reason", "note", NULL};
static const char *const dispute_queries[] = {"limit", "before", NULL};

static const struct phi_api_route routes[] = {
    {.method = "GET",
     .path = "/v1/trust-list",
     .queries = trust_queries,
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_OPEN,
     .handle = platform_trust_http},
    {.method = "POST",
     .path = "/v1/platforms",
     .role = "platform.apply",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_CREATES,
     .fields = apply_fields,
     .handle = member_apply},
    {.method = "GET",
     .path = "/v1/platforms",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .handle = member_show_all},
    {.method = "GET",
     .path = "/v1/platforms/{region}",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .handle = member_show},
    {.method = "GET",
     .path = "/v1/platforms/{region}/own",
     .role = "platform.apply",
     .identity = PHI_API_NOBODY,
     .handle = member_show_own},
    {.method = "POST",
     .path = "/v1/platforms/{region}/decisions",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = decide_fields,
     .handle = member_decide},
    {.method = "POST",
     .path = "/v1/platforms/{region}/keys",
     .role = "platform.apply",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_CREATES,
     .fields = change_fields,
     .handle = member_change_keys},
    {.method = "POST",
     .path = "/v1/platforms/{region}/parcels",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = parcel_fields,
     .handle = member_put_parcel},
    {.method = "POST",
     .path = "/v1/platforms/{region}/hand-over",
     .role = "platform.apply",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_CREATES,
     .handle = member_hand_over},
    {.method = "GET",
     .path = "/v1/bus/users",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .handle = member_bus},
    {.method = "POST",
     .path = "/v1/directory/query",
     .role = "directory",
     .identity = PHI_API_NOBODY,
     .fields = query_fields,
     .handle = platform_query_http},
    {.method = "POST",
     .path = "/v1/directory/entries",
     .role = "directory",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .queries = push_queries,
     .handle = platform_push_http},
    {.method = "GET",
     .path = "/v1/directory/entries",
     .role = "directory",
     .identity = PHI_API_NOBODY,
     .handle = platform_push_state_http},
    {.method = "GET",
     .path = "/v1/statistics",
     .role = "statistics",
     .identity = PHI_API_NOBODY,
     .handle = platform_statistics_http},
    {.method = "POST",
     .path = "/v1/directory/rebuilds",
     .role = "platform",
     .identity = PHI_API_NOBODY,
     .fields = no_fields,
     .handle = platform_rebuild_http},
    {.method = "GET",
     .path = "/v1/directory/rebuilds",
     .role = "platform",
     .identity = PHI_API_NOBODY,
     .handle = platform_rebuild_state_http},
    {.method = "GET",
     .path = "/v1/platforms/{region}/quality",
     .identity = PHI_API_NOBODY,
     .handle = platform_quality_http},
    {.method = "GET",
     .path = "/v1/platforms/{region}/healing",
     .identity = PHI_API_NOBODY,
     .handle = platform_healing_http},
    {.method = "POST",
     .path = "/v1/platforms/{region}/healing",
     .identity = PHI_API_NOBODY,
     .fields = heal_fields,
     .handle = platform_heal_http},
    {.method = "POST",
     .path = "/v1/platforms/{region}/sources/{kind}",
     .role = "source",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .handle = results_hand_down},
    {.method = "POST",
     .path = "/v1/grants",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = grant_fields,
     .handle = grant_register},
    {.method = "GET",
     .path = "/v1/grants/{id}",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .handle = grant_show},
    {.method = "POST",
     .path = "/v1/grants/{id}/steps",
     .role = "platform.review",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = grant_step_fields,
     .handle = grant_step},
    {.method = "POST",
     .path = "/v1/grants/{id}/queries",
     .role = "grant",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_NDJSON,
     .handle = grant_query},
    {.method = "POST",
     .path = "/v1/disputes",
     .role = "dispute",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = dispute_fields,
     .handle = dispute_file},
    {.method = "GET",
     .path = "/v1/disputes",
     .role = "dispute",
     .identity = PHI_API_CITIZEN,
     .queries = dispute_queries,
     .handle = dispute_list},
    {.method = "GET",
     .path = "/v1/disputes/{id}",
     .role = "dispute",
     .identity = PHI_API_CITIZEN,
     .handle = dispute_show},
    {.method = "GET",
     .path = "/v1/appeals",
     .role = APPEAL_ROLE,
     .identity = PHI_API_STAFF,
     .queries = appeal_queries,
     .handle = appeal_list},
    {.method = "GET",
     .path = "/v1/appeals/{region}/{id}",
     .role = APPEAL_ROLE,
     .identity = PHI_API_STAFF,
     .handle = appeal_show},
    {.method = "POST",
     .path = "/v1/appeals/{region}/{id}/proposal",
     .role = APPEAL_ROLE,
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = appeal_fields,
     .handle = appeal_propose},
    {.method = "POST",
     .path = "/v1/appeals/{region}/{id}/decision",
     .role = APPEAL_ROLE,
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = appeal_fields,
     .handle = appeal_decide},
};

static enum phi_err open_ca(struct phi_service *service, struct platform *platform,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view pem;
    const char *path = phi_config_text(phi_service_config(service), "PHI_CA_FILE");
    struct phi_arena *arena = phi_arena_new(PHI_CERTIFICATE_BYTES_MAX * 4);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    platform->certificate_us =
        phi_config_int(phi_service_config(service), "PHI_CERTIFICATE_DAYS") * DAY_US;
    if (path == NULL)
        goto out;
    PHI_GUARD(phi_service_key_sm2(service, "PHI_CA_KEY_FILE", &platform->ca_key, error));
    err = phi_file_read(path, PHI_CERTIFICATE_BYTES_MAX, arena, &pem);
    if (err == PHI_OK)
        err = phi_certificate_read(pem, &platform->ca, error);
    if (err != PHI_OK)
        err = phi_error_set(error, PHI_ERR_CONFIG, "PHI_CA_FILE", "not a certificate");
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err open_keys(struct phi_service *service, struct platform *platform,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    PHI_GUARD(phi_service_key_sm2(service, "PHI_TRUST_KEY_FILE", &platform->trust_key, error));
    phi_sm2_private_public(platform->trust_key, xy);
    PHI_GUARD(phi_key_id_of(xy, platform->trust_key_serial));
    PHI_GUARD(phi_service_key_seal(service, "PHI_PLATFORM_KEY_FILE", &platform->store_key, error));
    phi_service_set_answer_seal(service, platform->store_key);
    PHI_GUARD(appeals_open(service, &platform->appeals, error));
    PHI_GUARD(open_ca(service, platform, error));
out:
    return err;
}

static void open_news(struct platform *platform)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&platform->trust_lock, NULL);
    pthread_cond_init(&platform->trust_news, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct platform *platform = calloc(1, sizeof(*platform));
    PHI_GUARD(platform == NULL ? PHI_ERR_MEMORY : PHI_OK);
    platform->service = service;
    phi_service_set_state(service, platform);
    open_news(platform);
    PHI_GUARD(platform_rpc_new(platform));
    PHI_GUARD(relay_open(platform, error));
    PHI_GUARD(open_keys(service, platform, error));
    struct phi_dlq_options dlq = {.region = phi_service_region(service),
                                  .program = phi_service_program(service),
                                  .seal_key = platform->store_key};
    PHI_GUARD(phi_dlq_open(&dlq, &platform->dlq, error));
    platform->taken =
        phi_counter_new("phi_entries_taken_total", "directory entries consumed", NULL);
    platform->refused =
        phi_counter_new("phi_entries_refused_total", "records sent to the dlq", NULL);
    platform->heal = heal_new(service);
    PHI_GUARD(platform->heal == NULL ? PHI_ERR_MEMORY : PHI_OK);
    platform->trust_renew_us =
        phi_config_int(phi_service_config(service), "PHI_TRUST_RENEW_S") * 1000000;
    PHI_GUARD(platform_trust_sign(platform, false, error));
out:
    return err;
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct platform *platform = phi_service_state(service);
    PHI_GUARD(platform_trust_start(platform));
    PHI_GUARD(platform_entries_open(platform, error));
    PHI_GUARD(statistics_start(platform));
    PHI_GUARD(window_start(platform));
    PHI_GUARD(disputes_open(platform, error));
    PHI_GUARD(phi_query_rpc_start(platform->rpc, error));
out:
    return err;
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct platform *platform = phi_service_state(service);
    if (platform == NULL)
        return;
    statistics_stop(platform);
    window_stop(platform);
    disputes_stop(platform, until);
    phi_query_rpc_stop(platform->rpc, until);
    if (phi_consumer_close(platform->consumer, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "consumer_left_late", PHI_L_WORD("group", "svc-platform.directory"));
    platform->consumer = NULL;
    platform_trust_stop(platform);
}

static void close(struct phi_service *service)
{
    struct platform *platform = phi_service_state(service);
    if (platform == NULL)
        return;
    heal_free(platform->heal);
    phi_dlq_close(platform->dlq);
    appeals_close(platform->appeals);
    relay_close(platform);
    phi_query_rpc_free(platform->rpc);
    phi_sm2_private_free(platform->trust_key);
    phi_seal_key_free(platform->store_key);
    phi_certificate_free(platform->ca);
    phi_sm2_private_free(platform->ca_key);
    phi_service_set_state(service, NULL);
    pthread_cond_destroy(&platform->trust_news);
    pthread_mutex_destroy(&platform->trust_lock);
    free(platform);
}

static void callers_changed(struct phi_service *service)
{
    struct platform *platform = phi_service_state(service);
    if (platform != NULL)
        phi_query_rpc_peers(platform->rpc);
}

#define PLATFORM_TABLES (GRANT_TABLES + DISPUTE_TABLES)
static struct phi_lane_table tables[PLATFORM_TABLES]; /* of both rooms, put together in main */

static const struct phi_program program = {
    .name = "svc-platform",
    .about = "the unified platform: trust list, the nation's directory, query by receipt",
    .schema = "platform",
    .http_port = "8110",
    .parts = PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_TRUST | PHI_PART_RELAY,
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .migrations = migrations,
    .migration_count = sizeof(migrations) / sizeof(migrations[0]),
    .tables = tables,
    .table_count = PLATFORM_TABLES,
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .openapi = phi_embed_openapi_json,
    .openapi_len = &phi_embed_openapi_json_len,
    .open = open,
    .start = start,
    .stop = stop,
    .close = close,
    .callers_changed = callers_changed,
};

int main(int argc, char **argv)
{
    memcpy(tables, grant_tables, GRANT_TABLES * sizeof(tables[0]));
    memcpy(tables + GRANT_TABLES, dispute_tables, DISPUTE_TABLES * sizeof(tables[0]));
    return phi_service_main(&program, argc, argv);
}
