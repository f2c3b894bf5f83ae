#include "service/parts.h"

#include "store/tables.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARED_MIGRATIONS 6
#define RETRY_MS          500
#define RELAY_QUEUE       20000
#define LINGER_MS         10 /* of events on their way to the broker: in batches, and soon */

static const struct phi_migration shared_migrations[SHARED_MIGRATIONS] = {
    {1, "lane", phi_lane_ddl},     {2, "requests", phi_requests_ddl},
    {3, "outbox", phi_outbox_ddl}, {4, "offsets", phi_offsets_ddl},
    {5, "auth", phi_auth_ddl},     {6, "alive", phi_alive_ddl},
};

static const struct phi_lane_table shared_tables[] = {
    [PHI_API_NONCES] = PHI_LANE_NONCES,
    [PHI_API_IDEMPOTENCY] = PHI_LANE_IDEMPOTENCY,
    [PHI_API_OUTBOX] = PHI_LANE_OUTBOX,
};

static void pause_ms(int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

/* A database that comes up after us is a usual thing at the start of a machine. */
static enum phi_err migrate(struct phi_service *service, struct phi_error *error)
{
    const struct phi_program *program = service->program;
    size_t count = SHARED_MIGRATIONS + program->migration_count;
    service->migrations = calloc(count, sizeof(*service->migrations));
    if (service->migrations == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "migrations", "out of memory");
    memcpy(service->migrations, shared_migrations, sizeof(shared_migrations));
    if (program->migration_count > 0)
        memcpy(service->migrations + SHARED_MIGRATIONS, program->migrations,
               program->migration_count * sizeof(*program->migrations));
    struct phi_deadline until = phi_deadline_in_ms(phi_config_int(service->config, "PHI_START_MS"));
    for (;;) {
        enum phi_err err =
            phi_migrate(service->conninfo, phi_config_text(service->config, "PHI_SCHEMA"),
                        service->migrations, count, error);
        if (err != PHI_ERR_STORE || phi_deadline_is_past(until))
            return err;
        phi_log(PHI_LOG_WARN, "database_awaited", PHI_L_DETAIL(error));
        pause_ms(RETRY_MS);
    }
}

static enum phi_err open_store(struct phi_service *service, struct phi_error *error)
{
    const struct phi_config *config = service->config;
    struct phi_store_options options = {
        .conninfo = service->conninfo,
        .schema = phi_config_text(config, "PHI_SCHEMA"),
        .application_name = service->program->name,
        .pool_size = (size_t)phi_config_int(config, "PHI_DATABASE_POOL"),
        .statement_timeout_ms = phi_config_int(config, "PHI_DATABASE_TIMEOUT_MS"),
        .by_index = service->program->by_index,
    };
    return phi_store_open(&options, &service->store, error);
}

static enum phi_err open_lane(struct phi_service *service, struct phi_error *error)
{
    const struct phi_program *program = service->program;
    size_t count = PHI_API_OWN + program->table_count;
    if (count > PHI_LANE_TABLES_MAX)
        return phi_error_set(error, PHI_ERR_INTERNAL, "tables", "more tables than a lane holds");
    memcpy(service->tables, shared_tables, sizeof(shared_tables));
    if (program->table_count > 0)
        memcpy(service->tables + PHI_API_OWN, program->tables,
               program->table_count * sizeof(*program->tables));
    struct phi_lane_options options = {
        .name = "requests", .tables = service->tables, .table_count = count};
    return phi_lane_open(service->store, &options, &service->lane, error);
}

static enum phi_err open_platform_producer(struct phi_service *service, struct phi_error *error)
{
    struct phi_producer_options producer = {.bus = phi_service_platform_bus(service),
                                            .name = "platform_bus",
                                            .queue_max_count = RELAY_QUEUE};
    return phi_producer_open(&producer, &service->platform_producer, error);
}

#define MIB ((int64_t)1024 * 1024)

static enum phi_err open_relay(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_producer_options producer = {
        .bus = phi_service_bus(service),
        .linger_ms = service->program->linger_ms > 0 ? service->program->linger_ms : LINGER_MS,
        .queue_max_count = RELAY_QUEUE};
    PHI_GUARD(phi_producer_open(&producer, &service->producer, error));
    if (service->program->parts & PHI_PART_NATION)
        PHI_GUARD(open_platform_producer(service, error));
    const struct phi_config *config = service->config;
    struct phi_relay_options relay = {
        .warn_bytes = phi_config_int(config, "PHI_OUTBOX_WARN_MB") * MIB,
        .max_bytes = phi_config_int(config, "PHI_OUTBOX_MAX_MB") * MIB,
        .store = service->store,
        .schema = phi_config_text(service->config, "PHI_SCHEMA"),
        .producer = service->producer,
        .platform_producer = service->platform_producer};
    PHI_GUARD(phi_relay_open(&relay, &service->relay, error));
out:
    return err;
}

static enum phi_err read_pinned(struct phi_service *service, const char *variable,
                                uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_error *error)
{
    enum phi_err err = phi_public_read(phi_config_text(service->config, variable), xy, error);
    if (err != PHI_OK)
        return phi_error_set(error, err, variable, "not a readable SM2 public key in PEM");
    return PHI_OK;
}

static void callers_changed(void *context)
{
    struct phi_service *service = context;
    if (service->program->callers_changed != NULL)
        service->program->callers_changed(service);
}

static enum phi_err open_registry(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_bus_options bus = phi_service_bus(service);
    struct phi_registry_options options = {.bus = &bus,
                                           .region = phi_service_region(service),
                                           .store = service->store,
                                           .changed = callers_changed,
                                           .context = service};
    PHI_GUARD(read_pinned(service, "PHI_ACCESS_PUBLIC_FILE", options.owner, error));
    PHI_GUARD(phi_registry_open(&options, &service->registry, error));
out:
    return err;
}

static enum phi_err open_identities(struct phi_service *service, struct phi_error *error)
{
    struct phi_identity_options options = {
        .registry = service->registry,
        .allow_http_loopback = phi_config_bool(service->config, "PHI_DEV_HTTP_JWKS")};
    return phi_identities_open(&options, &service->identities, error);
}

static enum phi_err open_trust(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_bus_options bus = phi_service_platform_bus(service);
    struct phi_trust_options options = {.bus = &bus,
                                        .store = service->store,
                                        .grace_s =
                                            phi_config_int(service->config, "PHI_TRUST_GRACE_S")};
    PHI_GUARD(read_pinned(service, "PHI_TRUST_PUBLIC_FILE", options.owner, error));
    PHI_GUARD(phi_trust_open(&options, &service->trust, error));
out:
    return err;
}

static enum phi_err open_answer_key(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    PHI_GUARD(phi_service_key_sm2(service, "PHI_ANSWER_KEY_FILE", &service->answer_key, error));
    phi_sm2_private_public(service->answer_key, xy);
    PHI_GUARD(phi_key_id_of(xy, service->answer_serial));
out:
    return err;
}

enum phi_err phi_service_open_parts(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    unsigned parts = service->program->parts;
    PHI_GUARD(phi_service_device_open(service, error));
    PHI_GUARD(phi_service_keys_open(service, error));
    PHI_GUARD(open_answer_key(service, error));
    service->conninfo = phi_service_conninfo(service->config);
    PHI_GUARD(service->conninfo == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(migrate(service, error));
    PHI_GUARD(open_store(service, error));
    PHI_GUARD(open_lane(service, error));
    PHI_GUARD(parts & PHI_PART_RELAY ? open_relay(service, error) : PHI_OK);
    PHI_GUARD(parts & PHI_PART_REGISTRY ? open_registry(service, error) : PHI_OK);
    PHI_GUARD(parts & PHI_PART_IDENTITY ? open_identities(service, error) : PHI_OK);
    PHI_GUARD(parts & PHI_PART_TRUST ? open_trust(service, error) : PHI_OK);
out:
    return err;
}

void phi_service_close_callers(struct phi_service *service)
{
    phi_identities_close(service->identities);
    phi_trust_close(service->trust);
    phi_registry_close(service->registry);
}

void phi_service_close_parts(struct phi_service *service, struct phi_deadline until)
{
    if (phi_relay_close(service->relay, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "outbox_left", PHI_L_WORD("rest", "in_the_table"));
    phi_producer_close(service->producer);
    phi_producer_close(service->platform_producer);
    phi_store_close(service->store);
    phi_sm2_private_free(service->answer_key);
    phi_service_device_close(service);
    phi_manifest_free(service->manifest);
    if (service->conninfo != NULL)
        phi_wipe(service->conninfo, strlen(service->conninfo));
    free(service->conninfo);
    free(service->migrations);
}
