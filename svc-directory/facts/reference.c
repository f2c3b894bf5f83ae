#include "svc-directory/facts/reference.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/reader.h"
#include "bus/signed.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define RECORD_ARENA (256 * 1024)
#define ACQUIRE_MS   2000
#define RETRY_MS     500

struct reference {
    struct directory *directory;
    struct phi_sm2_public *key;
    struct phi_pinned_key pinned;
    struct phi_topic_reader *places;
    struct phi_topic_reader *sources;
    atomic_bool is_stopping;
    _Atomic uint64_t changes;
    struct phi_counter *taken;
    struct phi_counter *refused;
};

static enum phi_err put_place(struct phi_conn *conn, const struct reference_place *p,
                              struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_I64(p->version), PHI_I64(p->from_us), PHI_I64(p->to_us),
                                       PHI_I64(p->risk),    PHI_TEXT(p->entry),  PHI_TEXT(p->place),
                                       PHI_TEXT(p->low),    PHI_TEXT(p->high)};
    return phi_conn_exec(
        conn, "places_upsert",
        "INSERT INTO places AS p (version, from_us, to_us, risk, entry, place, low, high) VALUES "
        "($1::bigint, $2::bigint, $3::bigint, $4::bigint, $5, $6, $7, $8) ON CONFLICT (entry) DO "
        "UPDATE SET version = EXCLUDED.version, from_us = EXCLUDED.from_us, to_us = "
        "EXCLUDED.to_us, risk = EXCLUDED.risk, place = EXCLUDED.place, low = EXCLUDED.low, high = "
        "EXCLUDED.high WHERE p.version < EXCLUDED.version RETURNING 1",
        params, 8, rows, NULL);
}

static enum phi_err put_source(struct phi_conn *conn, const struct reference_source *s,
                               struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_I64(s->version), PHI_I64(s->fresh_until_us),
                                       PHI_BOOL(s->is_ended), PHI_TEXT(s->name),
                                       PHI_TEXT(s->source)};
    return phi_conn_exec(
        conn, "sources_upsert",
        "INSERT INTO sources AS s (version, fresh_until_us, is_ended, name, source) VALUES "
        "($1::bigint, $2::bigint, $3::boolean, $4, $5) ON CONFLICT (name) DO UPDATE SET version = "
        "EXCLUDED.version, fresh_until_us = EXCLUDED.fresh_until_us, is_ended = EXCLUDED.is_ended, "
        "source = EXCLUDED.source WHERE s.version < EXCLUDED.version RETURNING 1",
        params, 5, rows, NULL);
}

/* One record: verified, read, laid down where it is newer. */
static enum phi_err take(struct reference *reference, const struct phi_msg *msg, bool is_place,
                         struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    uint64_t version = 0;
    struct reference_place place;
    struct reference_source source;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_signed_verify(msg, &reference->pinned, 1, &version, NULL));
    PHI_GUARD(is_place ? reference_place_read(msg, version, arena, &place, NULL)
                       : reference_source_read(msg, version, arena, &source, NULL));
    PHI_GUARD(phi_store_acquire(phi_service_store(reference->directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(is_place ? put_place(conn, &place, &rows) : put_source(conn, &source, &rows));
    phi_counter_add(reference->taken, phi_rows_count(rows));
    atomic_fetch_add(&reference->changes, phi_rows_count(rows));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* The database being away is no fault of the record: it is tried until it is laid down. */
static void take_in(struct reference *reference, const struct phi_msg *msg, bool is_place)
{
    enum phi_err err = PHI_OK;
    if (msg->is_tombstone)
        return;
    do {
        struct phi_arena *arena = phi_arena_new(RECORD_ARENA);
        err = arena == NULL ? PHI_ERR_MEMORY : take(reference, msg, is_place, arena);
        phi_arena_free(arena);
        if (phi_err_is_retryable(err))
            rest();
    } while (phi_err_is_retryable(err) && !atomic_load(&reference->is_stopping));
    if (err == PHI_OK || phi_err_is_retryable(err))
        return;
    phi_counter_add(reference->refused, 1);
    phi_log(PHI_LOG_WARN, "reference_refused", PHI_L_WORD("topic", msg->topic), PHI_L_ERR(err));
}

static void on_place(const struct phi_msg *msg, void *context)
{
    take_in(context, msg, true);
}

static void on_source(const struct phi_msg *msg, void *context)
{
    take_in(context, msg, false);
}

static enum phi_err read_key(struct reference *reference, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const struct phi_config *config = phi_service_config(reference->directory->service);
    PHI_GUARD(phi_public_read(phi_config_text(config, "PHI_PLACES_PUBLIC_FILE"), xy, error));
    PHI_GUARD(phi_key_id_of(xy, reference->pinned.key_serial));
    PHI_GUARD(phi_sm2_public_new(xy, &reference->key));
    reference->pinned.key = reference->key;
out:
    if (err != PHI_OK)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_PLACES_PUBLIC_FILE",
                             "not a readable SM2 public key in PEM");
    return err;
}

static enum phi_err open_reader(struct reference *reference, const char *stream,
                                void (*record)(const struct phi_msg *, void *),
                                struct phi_topic_reader **out, struct phi_error *error)
{
    struct phi_service *service = reference->directory->service;
    const struct phi_topic_reader_options options = {.bus = phi_service_bus(service),
                                                     .topic = phi_service_topic(service, stream),
                                                     .record = record,
                                                     .context = reference};
    return phi_topic_reader_open(&options, out, error);
}

enum phi_err reference_start(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *path =
        phi_config_text(phi_service_config(directory->service), "PHI_PLACES_PUBLIC_FILE");
    if (path == NULL || *path == '\0')
        return PHI_OK;
    struct reference *reference = calloc(1, sizeof(*reference));
    PHI_GUARD(reference == NULL ? PHI_ERR_MEMORY : PHI_OK);
    directory->reference = reference;
    reference->directory = directory;
    reference->taken = phi_counter_new("phi_directory_reference_total",
                                       "records about places and sources", "result=\"taken\"");
    reference->refused = phi_counter_new("phi_directory_reference_total",
                                         "records about places and sources", "result=\"refused\"");
    PHI_GUARD(read_key(reference, error));
    PHI_GUARD(open_reader(reference, "reference.places", on_place, &reference->places, error));
    PHI_GUARD(open_reader(reference, "reference.sources", on_source, &reference->sources, error));
out:
    return err;
}

void reference_close(struct reference *reference)
{
    if (reference == NULL)
        return;
    atomic_store(&reference->is_stopping, true);
    phi_topic_reader_close(reference->places);
    phi_topic_reader_close(reference->sources);
    phi_sm2_public_free(reference->key);
    free(reference);
}

uint64_t reference_changes(const struct reference *reference)
{
    return reference == NULL ? 0 : atomic_load(&reference->changes);
}
