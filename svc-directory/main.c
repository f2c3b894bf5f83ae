/* svc-directory: facts → grade by the province's rules → directory; health query, graded picture,
 * explanation. */

#include "base/log.h"
#include "base/metrics.h"
#include "codes/sources.h"
#include "picture/mark.h"
#include "service/neighbours.h"
#include "svc-directory/facts/linked.h"
#include "svc-directory/facts/reference.h"
#include "svc-directory/grading/due.h"
#include "svc-directory/open/open.h"
#include "svc-directory/heal/heal.h"
#include "svc-directory/publish/publish.h"
#include "svc-directory/query/query.h"
#include "svc-directory/rules/life.h"

#include <stdlib.h>
#include <string.h>

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_directory_sql[];
extern const unsigned char phi_embed__120_person_keys_sql[];
extern const unsigned char phi_embed__130_rules_sql[];
extern const unsigned char phi_embed__140_facts_sql[];
extern const unsigned char phi_embed__141_places_sql[];
extern const unsigned char phi_embed__150_speed_sql[];
extern const unsigned char phi_embed__180_open_sql[];
extern const unsigned char phi_embed__190_decisions_sql[];
extern const unsigned char phi_embed__191_reliefs_sql[];
extern const unsigned char phi_embed__200_waiting_sql[];
extern const unsigned char phi_embed__160_healing_sql[];

#define GROUP          "svc-directory"
#define STREAMS        (PHI_SOURCES_COUNT + 3) /* and documents, decisions, data keys */
#define REPLAY_MS      3000
#define BATCH_MAX      1000
#define LINGER_MS      5 /* under load batches fill while others are on their way */
#define CHALLENGES_MAX 65536

static const struct phi_config_row rows[] = {
    {.name = "PHI_RULES_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "grading rules of the province, JSON: in force until others are published"},
    {.name = "PHI_RULES_RED_PERMILLE",
     .type = PHI_CONFIG_INT,
     .fallback = "10",
     .min = 0,
     .max = 1000,
     .unit = "per mille",
     .text = "share of all people whom new rules may turn red without a second officer's approval"},
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_HEALTH_KEY_FILE", "the health side's key for personal text"),
    PHI_SERVICE_KEY_ROW("PHI_BUS_KEY_FILE", "the health side's HMAC key for facts on the bus"),
    PHI_SERVICE_KEY_ROW("PHI_DIRECTORY_KEY_FILE", "SM2 key that signs directory entries"),
    PHI_SERVICE_KEY_ROW("PHI_MARK_KEY_FILE", "the platform's key of its pictures' trace mark"),
    {.name = "PHI_DETAIL_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "14",
     .min = 1,
     .max = 30,
     .unit = "days",
     .text = "how far back declarations and reports are shown, where the scope allows"},
    PHI_SERVICE_SESSION_ROW,
    PHI_QUERY_RPC_ROWS("5104"),
    PHI_FORWARD_ROWS,
    {.name = "PHI_VERIFY_RPC",
     .type = PHI_CONFIG_LIST,
     .min = 1,
     .max = PHI_RPC_ENDPOINTS_MAX,
     .unit = "",
     .text = "addresses of svc-verify's RPC, tcp://host:port"},
    {.name = "PHI_VERIFY_RPC_PUBLIC",
     .type = PHI_CONFIG_TEXT,
     .min = 40,
     .max = 64,
     .unit = "",
     .text = "svc-verify's CURVE public key, Z85 or hex"},
    {.name = "PHI_PLATFORM_RPC",
     .type = PHI_CONFIG_LIST,
     .optional = true,
     .min = 1,
     .max = PHI_RPC_ENDPOINTS_MAX,
     .unit = "",
     .text = "addresses of the unified platform's RPC; without it the nation is not asked, and "
             "that is said"},
    {.name = "PHI_PLATFORM_RPC_PUBLIC",
     .type = PHI_CONFIG_TEXT,
     .optional = true,
     .min = 40,
     .max = 64,
     .unit = "",
     .text = "the unified platform's CURVE public key, Z85 or hex"},
    {.name = "PHI_PLACES_PUBLIC_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "public key of who publishes reference.places and reference.sources, pinned; without "
             "it neither is read"},
    {.name = "PHI_NEEDED_SOURCES",
     .type = PHI_CONFIG_LIST,
     .optional = true,
     .max = SILENCE_NEEDED_MAX,
     .unit = "",
     .text = "streams of sources without which nobody is green, such as source.tests"},
    {.name = "PHI_INTAKE_THREADS",
     .type = PHI_CONFIG_INT,
     .fallback = "2",
     .min = 1,
     .max = PHI_CONSUMER_LANES_MAX,
     .unit = "threads",
     .text = "partitions whose facts are taken in at once, on a connection of their own each"},
    {.name = "PHI_FACTS_KEEP_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "90",
     .min = 31,
     .max = 3650,
     .unit = "days",
     .text = "how long facts are kept after what they tell of; older ones are deleted, and not "
             "taken in on a replay"},
    {.name = "PHI_NOTICE_APPS",
     .type = PHI_CONFIG_LIST,
     .optional = true,
     .max = TELL_APPS_MAX,
     .unit = "",
     .text = "apps that are told of changed grades on notice.<app>; the topics must be there"},
    {.name = "PHI_OPEN_PROJECTS",
     .type = PHI_CONFIG_LIST,
     .optional = true,
     .max = OPEN_PROJECTS_MAX,
     .unit = "",
     .text =
         "analysts' projects that get open.<project> once two officers have said so; the topics "
         "must be there"},
    HEAL_TURN_ROW,
};

static const struct phi_migration migrations[] = {
    {100, "directory", (const char *)phi_embed__100_directory_sql},
    {120, "person_keys", (const char *)phi_embed__120_person_keys_sql},
    {130, "rules", (const char *)phi_embed__130_rules_sql},
    {140, "facts", (const char *)phi_embed__140_facts_sql},
    {141, "places", (const char *)phi_embed__141_places_sql},
    {150, "speed", (const char *)phi_embed__150_speed_sql},
    {160, "healing", (const char *)phi_embed__160_healing_sql},
    {180, "open", (const char *)phi_embed__180_open_sql},
    {190, "decisions", (const char *)phi_embed__190_decisions_sql},
    {191, "reliefs", (const char *)phi_embed__191_reliefs_sql},
    {200, "waiting", (const char *)phi_embed__200_waiting_sql},
};

static const char *const try_fields[] = {"rules", "from", NULL};
static const char *const step_fields[] = {"step", NULL};
static const char *const no_fields[] = {NULL};
static const char *const project_fields[] = {"project", "purpose", "streams", "until", NULL};
static const char *const query_fields[] = {"code", "scope", NULL};
static const char *const explain_queries[] = {"asOf", NULL};
static const char *const picture_fields[] = {"code", "format", "symbology", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/health/query",
     .role = "query",
     .identity = PHI_API_CITIZEN,
     .fields = query_fields,
     .handle = directory_query},
    {.method = "POST",
     .path = "/v1/health/picture",
     .role = "picture",
     .identity = PHI_API_CITIZEN,
     .fields = picture_fields,
     .handle = directory_picture},
    {.method = "GET",
     .path = "/v1/health/explain",
     .role = "picture",
     .identity = PHI_API_CITIZEN,
     .queries = explain_queries,
     .handle = directory_explain},
    {.method = "GET",
     .path = "/v1/rules",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_OPEN,
     .handle = rules_route_list},
    {.method = "POST",
     .path = "/v1/rules/trials",
     .role = "rules",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = try_fields,
     .handle = rules_route_try},
    {.method = "GET",
     .path = "/v1/rules/trials/{id}",
     .role = "rules",
     .identity = PHI_API_STAFF,
     .handle = rules_route_show},
    {.method = "POST",
     .path = "/v1/rules/trials/{id}/steps",
     .role = "rules",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = step_fields,
     .handle = rules_route_step},
    {.method = "POST",
     .path = "/v1/rules/rollback",
     .role = "rules",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = no_fields,
     .handle = rules_route_rollback},
    {.method = "POST",
     .path = "/v1/open/projects",
     .role = "open",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = project_fields,
     .handle = open_route_register},
    {.method = "GET",
     .path = "/v1/open/projects/{project}",
     .role = "open",
     .identity = PHI_API_STAFF,
     .handle = open_route_show},
    {.method = "POST",
     .path = "/v1/open/projects/{project}/steps",
     .role = "open",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = step_fields,
     .handle = open_route_step},
};

/* The rules' and the open projects'; main lays them together. */
static struct phi_lane_table tables[RULES_TABLES + OPEN_TABLES];

struct directory *directory_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

enum phi_err directory_subject(struct phi_api_call *call, uint8_t out[PHI_SUBJECT_LEN])
{
    return phi_subject_index(directory_of(call)->index_key, &phi_api_who(call)->person, out);
}

static enum phi_err open_keys(struct phi_service *service, struct directory *directory,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &directory->index_key, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_BUS_KEY_FILE", &directory->keys.bus, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_HEALTH_KEY_FILE", &directory->keys.health, error));
    PHI_GUARD(
        phi_service_key_sm2(service, "PHI_DIRECTORY_KEY_FILE", &directory->directory_key, error));
    phi_sm2_private_public(directory->directory_key, xy);
    PHI_GUARD(phi_key_id_of(xy, directory->directory_key_id));
    phi_service_set_answer_seal(service, directory->keys.health);
out:
    return err;
}

/* The replicas of a list variable, all under one public key. */
static enum phi_err open_client(struct phi_service *service, const char *list,
                                const char *public_key, struct phi_rpc_client **out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_config *config = phi_service_config(service);
    struct phi_rpc_endpoint there[PHI_RPC_ENDPOINTS_MAX] = {0};
    struct phi_rpc_client_options options = {.endpoints = there};
    const char *text = phi_config_text(config, public_key);
    PHI_GUARD(phi_service_key_curve(service, "PHI_RPC_CURVE_FILE", options.secret_key, error));
    options.endpoints_count = phi_config_list_count(config, list);
    for (size_t i = 0; i < options.endpoints_count; i++) {
        snprintf(there[i].address, sizeof(there[i].address), "%s",
                 phi_config_list_item(config, list, i));
        if (phi_curve_parse(phi_view_text(text), there[i].server_key) != PHI_OK)
            PHI_GUARD(
                phi_error_set(error, PHI_ERR_CONFIG, public_key, "not a CURVE key in Z85 or hex"));
    }
    PHI_GUARD(phi_rpc_client_open(&options, out, error));
out:
    phi_wipe(options.secret_key, sizeof(options.secret_key));
    return err;
}

static enum phi_err open_clients(struct phi_service *service, struct directory *directory,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t secret[PHI_CURVE_KEY_LEN];
    bool has_platform = phi_config_list_count(phi_service_config(service), "PHI_PLATFORM_RPC") > 0;
    PHI_GUARD(
        open_client(service, "PHI_VERIFY_RPC", "PHI_VERIFY_RPC_PUBLIC", &directory->verify, error));
    if (has_platform)
        PHI_GUARD(open_client(service, "PHI_PLATFORM_RPC", "PHI_PLATFORM_RPC_PUBLIC",
                              &directory->platform, error));
    PHI_GUARD(phi_service_key_curve(service, "PHI_RPC_CURVE_FILE", secret, error));
    PHI_GUARD(phi_neighbours_open(PHI_TRUST_QUERY, secret, &directory->homes));
out:
    phi_wipe(secret, sizeof(secret));
    return err;
}

/* Who is told what, which sources are needed, what is kept: the configuration's. */
static void read_settings(struct phi_service *service, struct directory *directory)
{
    const struct phi_config *config = phi_service_config(service);
    struct silence *silence = &directory->silence;
    struct tell *tell = &directory->tell;
    for (size_t i = 0; i < phi_config_list_count(config, "PHI_NEEDED_SOURCES"); i++)
        silence->needed[silence->needed_count++] =
            phi_config_list_item(config, "PHI_NEEDED_SOURCES", i);
    for (size_t i = 0; i < phi_config_list_count(config, "PHI_NOTICE_APPS"); i++) {
        char stream[96];
        tell->apps[i] = phi_config_list_item(config, "PHI_NOTICE_APPS", i);
        snprintf(stream, sizeof(stream), "notice.%s", tell->apps[i]);
        tell->topics[tell->app_count++] = phi_service_topic(service, stream);
    }
    directory->keep_us = phi_config_int(config, "PHI_FACTS_KEEP_DAYS") * 86400 * 1000000;
    tell->region = phi_service_region(service);
    tell->source = phi_service_source(service);
    tell->reopened_topic = phi_service_topic(service, "correction.reopened");
    tell->applied_topic = phi_service_topic(service, "correction.applied");
    tell->signer = (struct phi_signer){directory->directory_key_id, directory->directory_key};
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules *first = NULL;
    struct directory *directory = calloc(1, sizeof(*directory));
    PHI_GUARD(directory == NULL ? PHI_ERR_MEMORY : PHI_OK);
    directory->service = service;
    pthread_mutex_init(&directory->lock, NULL);
    owned_init(&directory->owned);
    pthread_mutex_init(&directory->silence.lock, NULL);
    phi_service_set_state(service, directory);
    intake_metrics(directory);
    query_metrics(directory);
    PHI_GUARD(rules_read(phi_config_text(phi_service_config(service), "PHI_RULES_FILE"),
                         phi_service_region(service), &first, error));
    PHI_GUARD(rules_book_new(first, phi_service_region(service), &directory->book));
    PHI_GUARD(reasons_new(phi_service_store(service), &directory->reasons));
    PHI_GUARD(open_keys(service, directory, error));
    read_settings(service, directory);
    PHI_GUARD(phi_service_pictures_open(service, &directory->mark_key, error));
    directory->challenges = challenges_new(CHALLENGES_MAX);
    PHI_GUARD(directory->challenges == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_dlq_options dlq = {.region = phi_service_region(service),
                                        .program = phi_service_program(service),
                                        .seal_key = directory->keys.health,
                                        .producer = phi_service_producer(service)};
    PHI_GUARD(phi_dlq_open(&dlq, &directory->dlq, error));
    PHI_GUARD(open_clients(service, directory, error));
    PHI_GUARD(phi_query_rpc_new(service, home_answer, directory, &directory->rpc));
    const struct phi_forward_options forward = {.key = directory->directory_key,
                                                .serves = PHI_RELAY_QUERY};
    PHI_GUARD(phi_forward_open(service, &forward, &directory->forward, error));
    phi_query_rpc_forward(directory->rpc, directory->forward);
out:
    return err;
}

static void owns(const char *topic, int32_t partition, bool is_owner, void *context)
{
    struct directory *directory = context;
    (void)topic;
    owned_set(&directory->owned, partition, is_owner);
    if (is_owner)
        publisher_wake(directory->publisher);
}

static enum phi_err open_consumer(struct phi_service *service, struct directory *directory,
                                  struct phi_error *error)
{
    const char *topics[STREAMS];
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        topics[i] = phi_service_topic(service, phi_sources[i].stream);
    topics[PHI_SOURCES_COUNT] = phi_service_topic(service, LINKED_STREAM);
    topics[PHI_SOURCES_COUNT + 1] = phi_service_topic(service, "correction.decided");
    topics[PHI_SOURCES_COUNT + 2] = phi_service_topic(service, PHI_PERSON_STREAM);
    const struct phi_consumer_options options = {
        .bus = phi_service_bus(service),
        .group = GROUP,
        .topics = topics,
        .topic_count = STREAMS,
        .store = phi_service_store(service),
        .dlq = directory->dlq,
        .batch_max = BATCH_MAX,
        .linger_ms = LINGER_MS,
        .lanes = (size_t)phi_config_int(phi_service_config(service), "PHI_INTAKE_THREADS"),
        .session_ms = phi_config_int(phi_service_config(service), "PHI_BUS_SESSION_MS"),
        .handle = intake_handle,
        .committed = intake_committed,
        .owns = owns,
        .context = directory};
    return phi_consumer_open(&options, &directory->consumer, error);
}

static enum phi_err open_replay(struct phi_service *service, struct directory *directory,
                                struct phi_error *error)
{
    const struct phi_person_replay_options options = {
        .bus = phi_service_bus(service),
        .topic = phi_service_topic(service, PHI_PERSON_STREAM),
        .region = phi_service_region(service),
        .store = phi_service_store(service),
        .health = directory->keys.health};
    return phi_person_replay_open(&options, &directory->replay, error);
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = phi_service_state(service);
    PHI_GUARD(publisher_open(directory, error));
    PHI_GUARD(open_replay(service, directory, error));
    PHI_GUARD(life_start(directory, error));
    PHI_GUARD(open_start(directory, error));
    PHI_GUARD(open_consumer(service, directory, error));
    PHI_GUARD(publisher_start(directory->publisher));
    PHI_GUARD(reference_start(directory, error));
    PHI_GUARD(due_start(directory, error));
    PHI_GUARD(heal_requests_start(directory, error));
    (void)phi_person_replay_wait(directory->replay, phi_deadline_in_ms(REPLAY_MS));
    PHI_GUARD(phi_query_rpc_start(directory->rpc, error));
out:
    return err;
}

/* No more facts; then what they changed goes out; the neighbours stay until the routes are closed.
 */
static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct directory *directory = phi_service_state(service);
    if (directory == NULL)
        return;
    phi_query_rpc_stop(directory->rpc, until);
    pthread_mutex_lock(&directory->lock);
    struct phi_consumer *consumer = directory->consumer;
    directory->consumer = NULL;
    pthread_mutex_unlock(&directory->lock);
    if (phi_consumer_close(consumer, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "consumer_closed_late", PHI_L_WORD("rest", "comes_again"));
    life_close(directory->life);
    directory->life = NULL;
    due_close(directory->due);
    directory->due = NULL;
    heal_requests_close(directory->heal_requests);
    directory->heal_requests = NULL;
    reference_close(directory->reference);
    directory->reference = NULL;
    publisher_close(directory->publisher);
    directory->publisher = NULL;
    open_close(directory->open);
    directory->open = NULL;
}

static void close(struct phi_service *service)
{
    struct directory *directory = phi_service_state(service);
    if (directory == NULL)
        return;
    phi_rpc_client_close(directory->verify);
    phi_rpc_client_close(directory->platform);
    phi_neighbours_close(directory->homes);
    phi_forward_close(directory->forward);
    phi_query_rpc_free(directory->rpc);
    phi_person_replay_close(directory->replay);
    phi_dlq_close(directory->dlq);
    for (size_t i = 0; i < PHI_CONSUMER_LANES_MAX; i++)
        phi_laid_clear(&directory->laid[i]);
    challenges_free(directory->challenges);
    rules_book_free(directory->book);
    reasons_free(directory->reasons);
    phi_hmac_key_free(directory->index_key);
    phi_mark_key_free(directory->mark_key);
    phi_hmac_key_free(directory->keys.bus);
    phi_seal_key_free(directory->keys.health);
    phi_sm2_private_free(directory->directory_key);
    owned_fini(&directory->owned);
    pthread_mutex_destroy(&directory->silence.lock);
    pthread_mutex_destroy(&directory->lock);
    phi_service_set_state(service, NULL);
    free(directory);
}

static void callers_changed(struct phi_service *service)
{
    struct directory *directory = phi_service_state(service);
    if (directory != NULL)
        phi_query_rpc_peers(directory->rpc);
}

static const char *unready(struct phi_service *service)
{
    return phi_trust_is_usable(phi_service_trust(service)) ? NULL : "trust-list";
}

static const struct phi_program program = {
    .name = "svc-directory",
    .about = "grades facts by the province's rules and answers health queries (GB/T 38961, GB/T "
             "38963 6.4)",
    .schema = "directory",
    .by_index = true,
    .http_port = "8104",
    .parts = PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_TRUST | PHI_PART_RELAY,
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .tables = tables,
    .table_count = RULES_TABLES + OPEN_TABLES,
    .migrations = migrations,
    .migration_count = sizeof(migrations) / sizeof(migrations[0]),
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .openapi = phi_embed_openapi_json,
    .openapi_len = &phi_embed_openapi_json_len,
    .open = open,
    .start = start,
    .stop = stop,
    .close = close,
    .unready = unready,
    .callers_changed = callers_changed,
};

int main(int argc, char **argv)
{
    memcpy(tables, rules_tables, sizeof(rules_tables));
    memcpy(tables + RULES_TABLES, open_tables, sizeof(open_tables));
    return phi_service_main(&program, argc, argv);
}
