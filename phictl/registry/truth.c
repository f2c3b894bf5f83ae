#include "phictl/registry/truth.h"

#include "auth/registry.h"
#include "base/time.h"
#include "bus/producer.h"
#include "bus/reader.h"
#include "crypto/key.h"
#include "phictl/files.h"
#include "store/migrate.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA          "access"
#define ARENA_MAX_BYTES (64 * 1024 * 1024)
#define BUS_WAIT_MS     15000
#define KEPT_MAX        PHI_REGISTRY_MAX

/* The signed bytes are the text's; the jsonb column is for people and queries. */
static const char ddl[] =
    "CREATE TABLE registry (\n"
    "    key text PRIMARY KEY,\n"
    "    version bigint NOT NULL CHECK (version > 0),\n"
    "    signed_value text NOT NULL,\n"
    "    value jsonb NOT NULL GENERATED ALWAYS AS (signed_value::jsonb) STORED,\n"
    "    signature text NOT NULL,\n"
    "    key_serial text NOT NULL,\n"
    "    changed_at timestamptz NOT NULL DEFAULT now()\n"
    ");\n";

static const struct phi_migration migrations[] = {{1, "registry", ddl}};

static const char lock_sql[] =
    "SELECT pg_advisory_xact_lock(hashtext('phi.access.registry'))::text";
static const char version_sql[] = "SELECT version FROM registry WHERE key = $1";
static const char put_sql[] =
    "INSERT INTO registry (key, version, signed_value, signature, key_serial) VALUES ($1, $2, $3, "
    "$4, $5)"
    " ON CONFLICT (key) DO UPDATE SET version = excluded.version, signed_value = "
    "excluded.signed_value,"
    " signature = excluded.signature, key_serial = excluded.key_serial, changed_at = now()";
static const char each_sql[] =
    "SELECT key, version, signed_value, signature, key_serial FROM registry"
    " WHERE starts_with(key, $1) ORDER BY key";

struct ctl_truth {
    char topic[64];
    char source[64];
    const char *brokers;
    struct phi_store *store;
    struct phi_producer *producer;
    atomic_int failed; /* records that the bus did not take */
    struct phi_sm2_private *key;
    char key_serial[PHI_KEY_ID_LEN + 1];
    struct phi_pinned_key pinned;
    struct phi_sm2_public *public_key;
    struct phi_arena *arena;
    /* read from the topic, when there is no database */
    struct phi_record *records;
    size_t count;
};

static enum phi_err open_key(struct ctl_truth *truth, const struct ctl_args *args,
                             struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_key(args, "key", &truth->key, error));
    phi_sm2_private_public(truth->key, xy);
    PHI_GUARD(phi_key_id_of(xy, truth->key_serial));
    PHI_GUARD(phi_sm2_public_new(xy, &truth->public_key));
    truth->pinned.key = truth->public_key;
    (void)memcpy(truth->pinned.key_serial, truth->key_serial, sizeof(truth->pinned.key_serial));
out:
    return err;
}

static enum phi_err open_store(struct ctl_truth *truth, const char *conninfo,
                               struct phi_error *error)
{
    const struct phi_store_options options = {
        .conninfo = conninfo, .schema = SCHEMA, .pool_size = 1};
    enum phi_err err = PHI_OK;
    if (conninfo == NULL)
        return PHI_OK;
    PHI_GUARD(phi_migrate(conninfo, SCHEMA, migrations, 1, error));
    PHI_GUARD(phi_store_open(&options, &truth->store, error));
out:
    return err;
}

enum phi_err ctl_truth_open(const struct ctl_args *args, struct ctl_truth **out,
                            struct phi_error *error)
{
    const char *region = ctl_get(args, "region");
    enum phi_err err = PHI_OK;
    struct ctl_truth *truth = calloc(1, sizeof(*truth));
    if (truth == NULL)
        return PHI_ERR_MEMORY;
    if (strlen(region) != 6 || strspn(region, "0123456789") != 6) {
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--region", "not six digits");
        goto out;
    }
    (void)snprintf(truth->topic, sizeof(truth->topic), "phi.%s.access.registry", region);
    (void)snprintf(truth->source, sizeof(truth->source), "/phi/%s/phictl", region);
    truth->brokers = ctl_get(args, "bus");
    truth->arena = phi_arena_new(ARENA_MAX_BYTES);
    if (truth->arena == NULL || (truth->brokers == NULL && ctl_get(args, "database") == NULL)) {
        err = phi_error_set(error, PHI_ERR_CONFIG, "--bus",
                            "neither brokers nor a database were given");
        goto out;
    }
    PHI_GUARD(open_key(truth, args, error));
    PHI_GUARD(open_store(truth, ctl_get(args, "database"), error));
    *out = truth;
    truth = NULL;
out:
    ctl_truth_close(truth);
    return err;
}

void ctl_truth_close(struct ctl_truth *truth)
{
    if (truth == NULL)
        return;
    phi_producer_close(truth->producer);
    phi_store_close(truth->store);
    phi_sm2_private_free(truth->key);
    phi_sm2_public_free(truth->public_key);
    phi_arena_free(truth->arena);
    free(truth->records);
    free(truth);
}

/* The topic as the source */

static void on_msg(const struct phi_msg *msg, void *context)
{
    struct ctl_truth *truth = context;
    struct phi_record record;
    if (phi_record_of_msg(msg, &record, NULL) != PHI_OK ||
        phi_record_verify(truth->topic, &record, &truth->pinned, 1, NULL) != PHI_OK)
        return;
    size_t at = 0;
    while (at < truth->count && !phi_view_equal(truth->records[at].key, record.key))
        at++;
    if (at == KEPT_MAX || (at < truth->count && truth->records[at].version >= record.version))
        return;
    truth->records[at] = (struct phi_record){
        .key = phi_arena_view(truth->arena, record.key),
        .version = record.version,
        .value = phi_view_text(phi_arena_text(truth->arena, record.value)),
        .key_serial = phi_arena_view(truth->arena, record.key_serial),
        .signature = phi_arena_view(truth->arena, record.signature),
    };
    if (at == truth->count)
        truth->count++;
}

static int by_key(const void *a, const void *b)
{
    const struct phi_view left = ((const struct phi_record *)a)->key;
    const struct phi_view right = ((const struct phi_record *)b)->key;
    int order = memcmp(left.data, right.data, left.len < right.len ? left.len : right.len);
    return order != 0 ? order : (left.len > right.len) - (left.len < right.len);
}

static enum phi_err read_topic(struct ctl_truth *truth, struct phi_error *error)
{
    struct phi_topic_reader *reader = NULL;
    const struct phi_topic_reader_options options = {
        .bus = {.brokers = truth->brokers, .client_id = "phictl"},
        .topic = truth->topic,
        .record = on_msg,
        .context = truth,
    };
    if (truth->records != NULL)
        return PHI_OK;
    truth->records = calloc(KEPT_MAX, sizeof(*truth->records));
    if (truth->records == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = phi_topic_reader_open(&options, &reader, error);
    if (err == PHI_OK) {
        err = phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(BUS_WAIT_MS));
        if (err != PHI_OK)
            (void)phi_error_set(error, err, truth->topic, "no broker or no such topic in time");
    }
    phi_topic_reader_close(reader);
    qsort(truth->records, truth->count, sizeof(*truth->records), by_key);
    return err;
}

/* The table as the source */

static enum phi_err each_row(struct ctl_truth *truth, const char *prefix,
                             void (*each)(const struct phi_record *record, void *context),
                             void *context, struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(prefix)};
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_store_acquire(truth->store, phi_deadline_in_ms(5000), &conn));
    PHI_GUARD(phi_conn_exec(conn, "each", each_sql, params, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        const struct phi_record record = {
            .key = phi_view_text(phi_rows_text(rows, i, 0)),
            .version = (uint64_t)phi_rows_i64(rows, i, 1),
            .value = phi_view_text(phi_rows_text(rows, i, 2)),
            .signature = phi_view_text(phi_rows_text(rows, i, 3)),
            .key_serial = phi_view_text(phi_rows_text(rows, i, 4)),
        };
        each(&record, context);
    }
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static bool begins(struct phi_view key, const char *prefix)
{
    size_t len = strlen(prefix);
    return key.len >= len && memcmp(key.data, prefix, len) == 0;
}

enum phi_err ctl_truth_each(struct ctl_truth *truth, const char *prefix,
                            void (*each)(const struct phi_record *record, void *context),
                            void *context, struct phi_error *error)
{
    if (truth->store != NULL)
        return each_row(truth, prefix, each, context, error);
    enum phi_err err = read_topic(truth, error);
    for (size_t i = 0; err == PHI_OK && i < truth->count; i++) {
        if (begins(truth->records[i].key, prefix))
            each(&truth->records[i], context);
    }
    return err;
}

/* Publishing */

static void on_done(void *context, enum phi_err err)
{
    atomic_int *failed = context;
    if (err != PHI_OK)
        (void)atomic_fetch_add(failed, 1);
}

struct publishing {
    struct ctl_truth *truth;
    enum phi_err err; /* the first that went wrong before it was sent */
    size_t count;
};

/* One producer for all that a command publishes: its start costs half a second at the broker. */
static enum phi_err open_producer(struct ctl_truth *truth, struct phi_error *error)
{
    const struct phi_producer_options options = {
        .bus = {.brokers = truth->brokers, .client_id = "phictl"},
        .message_deadline_ms = BUS_WAIT_MS,
        .queue_max_count = KEPT_MAX,
    };
    if (truth->producer != NULL)
        return PHI_OK;
    if (truth->brokers == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, "--bus", "missing");
    return phi_producer_open(&options, &truth->producer, error);
}

static void publish_one(const struct phi_record *record, void *context)
{
    struct publishing *publishing = context;
    struct ctl_truth *truth = publishing->truth;
    struct phi_event event;
    if (publishing->err != PHI_OK)
        return;
    publishing->err = phi_record_event(truth->topic, record, truth->source, truth->arena, &event);
    if (publishing->err == PHI_OK)
        publishing->err = phi_producer_send(truth->producer, &event, on_done, &truth->failed);
    publishing->count++;
}

static enum phi_err await_published(struct ctl_truth *truth, enum phi_err sent,
                                    struct phi_error *error)
{
    enum phi_err err = phi_producer_flush(truth->producer, phi_deadline_in_ms(BUS_WAIT_MS + 1000));
    if (sent != PHI_OK)
        err = sent;
    if (err == PHI_OK && atomic_load(&truth->failed) > 0)
        err = PHI_ERR_BUS;
    if (err != PHI_OK)
        return phi_error_set(
            error, err, truth->topic,
            "not published (kept records can be published later: phictl app publish)");
    return PHI_OK;
}

enum phi_err ctl_truth_publish(struct ctl_truth *truth, size_t *count, struct phi_error *error)
{
    struct publishing publishing = {.truth = truth};
    if (truth->store == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, "--database",
                             "missing: nothing to publish from");
    enum phi_err err = open_producer(truth, error);
    if (err != PHI_OK)
        return err;
    err = each_row(truth, "", publish_one, &publishing, error);
    *count = publishing.count;
    return await_published(truth, err != PHI_OK ? err : publishing.err, error);
}

static enum phi_err publish_record(struct ctl_truth *truth, const struct phi_record *record,
                                   struct phi_error *error)
{
    struct publishing publishing = {.truth = truth};
    enum phi_err err = open_producer(truth, error);
    if (err != PHI_OK)
        return err;
    publish_one(record, &publishing);
    return await_published(truth, publishing.err, error);
}

/* Putting */

static enum phi_err sign(struct ctl_truth *truth, int64_t last_version, struct phi_record *record)
{
    const struct phi_signer signer = {.key_serial = truth->key_serial, .key = truth->key};
    int64_t now_us = phi_clock_now_us(NULL);
    record->version = (uint64_t)(now_us > last_version ? now_us : last_version + 1);
    return phi_record_sign(truth->topic, &signer, truth->arena, record);
}

static enum phi_err put_in(struct ctl_truth *truth, struct phi_conn *conn,
                           struct phi_record *record, struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    const struct phi_param key[] = {PHI_TEXT_VIEW(record->key)};
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_conn_exec(conn, "lock", lock_sql, NULL, 0, NULL, error));
    PHI_GUARD(phi_conn_exec(conn, "version", version_sql, key, 1, &rows, error));
    PHI_GUARD(sign(truth, phi_rows_count(rows) > 0 ? phi_rows_i64(rows, 0, 0) : 0, record));
    const struct phi_param row[] = {PHI_TEXT_VIEW(record->key), PHI_I64(record->version),
                                    PHI_TEXT_VIEW(record->value), PHI_TEXT_VIEW(record->signature),
                                    PHI_TEXT_VIEW(record->key_serial)};
    PHI_GUARD(phi_conn_exec(conn, "put", put_sql, row, 5, NULL, error));
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err put_row(struct ctl_truth *truth, struct phi_record *record,
                            struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    enum phi_err err = phi_store_acquire(truth->store, phi_deadline_in_ms(5000), &conn);
    if (err != PHI_OK)
        return err;
    err = put_in(truth, conn, record, error);
    phi_store_release(conn);
    return err;
}

enum phi_err ctl_truth_put(struct ctl_truth *truth, const char *key, struct phi_view value,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_record record = {.key = phi_view_text(key), .value = value};
    PHI_GUARD(phi_registry_check(record.key, value, error));
    PHI_GUARD(truth->store != NULL ? put_row(truth, &record, error) : sign(truth, 0, &record));
    if (truth->brokers != NULL)
        PHI_GUARD(publish_record(truth, &record, error));
out:
    return err;
}
