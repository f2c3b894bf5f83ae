/* The directory topics of all provinces into one table: each entry signed by the directory key that
 * the trust list gives its province, about its own region only, the highest version kept. Poison
 * goes to the dlq. */
#include "svc-platform/platform.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/signed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPICS      "^phi\\.[0-9]{6}\\.directory$"
#define ENTRY_ARENA (256 * 1024)
#define COLUMNS     11
#define PINNED_MAX  PHI_TRUST_KEYS

static const enum phi_column columns[COLUMNS] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_I64,  PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_BOOL};

static const char upsert[] =
    "INSERT INTO entries AS e (subject, region, version, grade, reasons, sources, from_us, "
    "until_us, "
    "then_grade, updated_us, is_withdrawn) SELECT * FROM unnest($1::bytea[], $2::text[], "
    "$3::bigint[], "
    "$4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], "
    "$10::bigint[], "
    "$11::boolean[]) ON CONFLICT (subject, region) DO UPDATE SET version = excluded.version, "
    "grade = excluded.grade, reasons = excluded.reasons, sources = excluded.sources, "
    "from_us = excluded.from_us, until_us = excluded.until_us, then_grade = excluded.then_grade, "
    "updated_us = excluded.updated_us, is_withdrawn = excluded.is_withdrawn "
    "WHERE e.version < excluded.version";

/* "phi.320000.directory": the pattern guarantees the form. */
static void region_of(const char *topic, char out[7])
{
    snprintf(out, 7, "%.6s", topic + strlen("phi."));
}

static size_t pin_keys(const struct phi_trust_platform *province, int64_t now_us,
                       struct phi_pinned_key *out)
{
    size_t count = 0;
    for (size_t i = 0; i < province->key_count && count < PINNED_MAX; i++) {
        const struct phi_trust_key *key = &province->keys[i];
        if (key->use != PHI_TRUST_DIRECTORY || now_us < key->from_us || now_us >= key->to_us)
            continue;
        memcpy(out[count].key_serial, key->serial, sizeof(out[count].key_serial));
        out[count++].key = key->public_key;
    }
    return count;
}

static enum phi_err check_signature(struct platform *platform, const struct phi_msg *msg,
                                    uint64_t *version, struct phi_error *error)
{
    char region[7];
    struct phi_pinned_key pinned[PINNED_MAX];
    region_of(msg->topic, region);
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(platform->service));
    const struct phi_trust_platform *province = phi_trust_platform(view, region);
    enum phi_err err = PHI_ERR_CODE_PLATFORM;
    if (province != NULL && province->status == PHI_TRUST_ACTIVE)
        err = phi_signed_verify(msg, pinned, pin_keys(province, phi_clock_now_us(NULL), pinned),
                                version, error);
    phi_trust_release(view);
    return err;
}

static enum phi_err read_entry(struct platform *platform, const struct phi_msg *msg,
                               struct phi_arena *arena, struct phi_entry *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint64_t version = 0;
    char region[7];
    region_of(msg->topic, region);
    PHI_GUARD(check_signature(platform, msg, &version, error));
    PHI_GUARD(platform_entry_read(msg->value, arena, out, error));
    bool is_keyed = phi_view_equal(msg->key, phi_view_of(out->subject, PHI_SUBJECT_LEN));
    if (!is_keyed || out->version != version)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.subject",
                             "not what the record's headers say");
    if (strcmp(out->region, region) != 0)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.region", "not the topic's region");
out:
    return err;
}

static int by_subject_then_newest(const void *a, const void *b)
{
    const struct phi_entry *left = a, *right = b;
    int order = memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
    if (order != 0)
        return order;
    return (left->version < right->version) - (left->version > right->version);
}

/* One row a person, the newest: an upsert can't touch a row twice, and sorted keys don't deadlock.
 */
static size_t newest_of_each(struct phi_entry *entries, size_t count)
{
    size_t kept = 0;
    qsort(entries, count, sizeof(*entries), by_subject_then_newest);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 ||
            memcmp(entries[kept - 1].subject, entries[i].subject, PHI_SUBJECT_LEN) != 0)
            entries[kept++] = entries[i];
    return kept;
}

static void join_reasons(const struct phi_entry *entry, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < entry->reasons_count && len < size; i++)
        len +=
            (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : ",", entry->reasons[i]);
}

static enum phi_err add_row(struct phi_array *arrays[COLUMNS], const struct phi_entry *e)
{
    enum phi_err err = PHI_OK;
    char reasons[PHI_ENTRY_REASONS_MAX * (PHI_ENTRY_REASON_MAX + 1) + 1];
    join_reasons(e, reasons, sizeof(reasons));
    const struct phi_param row[COLUMNS] = {PHI_BYTES_OF(e->subject, PHI_SUBJECT_LEN),
                                           PHI_TEXT(e->region),
                                           PHI_I64(e->version),
                                           PHI_I64(e->grade),
                                           PHI_TEXT(reasons),
                                           PHI_I64(e->sources_mask),
                                           PHI_I64(e->from_us),
                                           PHI_I64(e->until_us),
                                           PHI_I64(e->then),
                                           PHI_I64(e->updated_us),
                                           PHI_BOOL(e->is_withdrawn)};
    for (size_t i = 0; i < COLUMNS; i++)
        PHI_GUARD(phi_array_add(arrays[i], row[i]));
out:
    return err;
}

static enum phi_err store_entries(struct phi_conn *tx, const struct phi_entry *entries,
                                  size_t count)
{
    enum phi_err err = PHI_OK;
    struct phi_array *arrays[COLUMNS] = {0};
    struct phi_param params[COLUMNS];
    struct phi_error error = {0};
    if (count == 0)
        return PHI_OK;
    for (size_t i = 0; i < COLUMNS; i++) {
        arrays[i] = phi_array_new(columns[i]);
        PHI_GUARD(arrays[i] == NULL ? PHI_ERR_MEMORY : PHI_OK);
        params[i] = PHI_ARRAY(arrays[i]);
    }
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(add_row(arrays, &entries[i]));
    PHI_GUARD(phi_conn_exec(tx, "entries_upsert", upsert, params, COLUMNS, NULL, &error));
out:
    for (size_t i = 0; i < COLUMNS; i++)
        phi_array_free(arrays[i]);
    return err;
}

static bool is_poison(enum phi_err err)
{
    return err != PHI_OK && !phi_err_is_retryable(err) && err != PHI_ERR_MEMORY;
}

static enum phi_err take_msg(struct platform *platform, const struct phi_msg *msg,
                             struct phi_conn *tx, struct phi_entry *out, bool *is_taken)
{
    struct phi_error error = {0};
    struct phi_arena *arena = phi_arena_new(ENTRY_ARENA);
    enum phi_err err =
        arena == NULL ? PHI_ERR_MEMORY : read_entry(platform, msg, arena, out, &error);
    phi_arena_free(arena);
    *is_taken = err == PHI_OK;
    if (!is_poison(err))
        return err;
    phi_counter_add(platform->refused, 1);
    return phi_dlq_put(platform->dlq, tx, msg, err);
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct platform *platform = context;
    size_t count = 0;
    /* Without a list no signature can be judged: the batch comes again. */
    if (!phi_trust_is_usable(phi_service_trust(platform->service)))
        return PHI_ERR_NEIGHBOUR;
    struct phi_entry *entries = calloc(batch->count, sizeof(*entries));
    PHI_GUARD(entries == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < batch->count; i++) {
        bool is_taken = false;
        PHI_GUARD(take_msg(platform, &batch->msgs[i], tx, &entries[count], &is_taken));
        count += is_taken;
    }
    PHI_GUARD(store_entries(tx, entries, newest_of_each(entries, count)));
    phi_counter_add(platform->taken, count);
out:
    free(entries);
    return err;
}

static void committed(const struct phi_batch *batch, void *context)
{
    (void)batch;
    struct platform *platform = context;
    phi_relay_wake(phi_service_relay(platform->service));
}

enum phi_err platform_entries_open(struct platform *platform, struct phi_error *error)
{
    static const char *const topics[] = {TOPICS};
    struct phi_service *service = platform->service;
    struct phi_consumer_options options = {
        .bus = {.brokers = phi_config_text(phi_service_config(service), "PHI_PLATFORM_BUS"),
                .client_id = phi_service_program(service)},
        .group = "svc-platform.directory",
        .topics = topics,
        .topic_count = 1,
        .store = phi_service_store(service),
        .dlq = platform->dlq,
        .session_ms = phi_config_int(phi_service_config(service), "PHI_BUS_SESSION_MS"),
        .handle = handle,
        .committed = committed,
        .context = platform,
    };
    return phi_consumer_open(&options, &platform->consumer, error);
}
