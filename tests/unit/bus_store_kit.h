/* What the tests of consumer and relay share: a store with outbox and offsets, topics. */
#ifndef PHI_TESTS_UNIT_BUS_STORE_KIT_H
#define PHI_TESTS_UNIT_BUS_STORE_KIT_H

#include "store_fixture.h"

#include "bus_kit.h"

#define TOPIC      "phi.320000.declare.health"
#define OTHER      "phi.320000.declare.trip"
#define PARTITIONS 8

static const char counted_ddl[] =
    "CREATE TABLE counted (topic text, partition int, at bigint, n text, times int DEFAULT 1,"
    " PRIMARY KEY (topic, partition, at))";

static const struct phi_migration kit_migrations[] = {
    {1, "outbox", phi_outbox_ddl}, {2, "offsets", phi_offsets_ddl}, {3, "counted", counted_ddl}};

static inline struct phi_store *kit_store(const char *schema)
{
    struct phi_error error = {0};
    struct phi_store *store = NULL;
    assert_ok(phi_migrate(fixture_conninfo(), schema, kit_migrations, 3, &error));
    struct phi_store_options options = {.conninfo = fixture_conninfo(),
                                        .schema = schema,
                                        .pool_size = 6,
                                        .statement_timeout_ms = 4000};
    assert_ok(phi_store_open(&options, &store, &error));
    return store;
}

static inline int64_t kit_count(struct phi_store *store, const char *name, const char *sql)
{
    return fixture_number(store, name, sql);
}

static inline int64_t kit_outbox_rows(struct phi_store *store)
{
    return kit_count(store, "outbox_rows", "SELECT count(*) FROM outbox");
}

static inline void kit_topics(struct kit_cluster *cluster)
{
    kit_topic(cluster, TOPIC, PARTITIONS);
    kit_topic(cluster, OTHER, PARTITIONS);
}

#endif
