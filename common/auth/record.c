#include "auth/record.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { H_SERIAL, H_VERSION, H_SIGNATURE, H_COUNT };

static const char *const header_names[H_COUNT] = {"phi-key", "phi-version", "phi-signature"};

static const char save_sql[] =
    "INSERT INTO auth_registry (topic, key, version, value, signature, key_serial)"
    " VALUES ($1, $2, $3, $4, $5, $6)"
    " ON CONFLICT (topic, key) DO UPDATE SET version = excluded.version, value = excluded.value,"
    " signature = excluded.signature, key_serial = excluded.key_serial, kept_at = now()"
    " WHERE auth_registry.version < excluded.version";

static const char load_sql[] =
    "SELECT key, version, value, signature, key_serial FROM auth_registry"
    " WHERE topic = $1 ORDER BY key";

enum phi_err phi_record_sign(const char *topic, const struct phi_signer *signer,
                             struct phi_arena *arena, struct phi_record *record)
{
    struct phi_event event = {.topic = topic, .key = record->key, .value = record->value};
    enum phi_err err = phi_signed_add(&event, signer, record->version, arena);
    if (err != PHI_OK)
        return err;
    for (size_t i = 0; i < event.extra_count; i++) {
        if (strcmp(event.extra[i].name, header_names[H_SERIAL]) == 0)
            record->key_serial = event.extra[i].value;
        if (strcmp(event.extra[i].name, header_names[H_SIGNATURE]) == 0)
            record->signature = event.extra[i].value;
    }
    return PHI_OK;
}

enum phi_err phi_record_verify(const char *topic, const struct phi_record *record,
                               const struct phi_pinned_key *pinned, size_t pinned_count,
                               struct phi_error *error)
{
    uint64_t version = 0;
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%" PRIu64, record->version);
    const struct phi_msg msg = {
        .topic = topic,
        .key = record->key,
        .value = record->value,
        .header_count = H_COUNT,
        .headers = {{header_names[H_SERIAL], record->key_serial},
                    {header_names[H_VERSION], phi_view_text(digits)},
                    {header_names[H_SIGNATURE], record->signature}},
    };
    return phi_signed_verify(&msg, pinned, pinned_count, &version, error);
}

enum phi_err phi_record_event(const char *topic, const struct phi_record *record,
                              const char *source, struct phi_arena *arena, struct phi_event *out)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {
        .topic = topic,
        .type = "cn.phi.registry.record",
        .source = source,
        .time_us = (int64_t)record->version,
        .key = record->key,
        .value = record->value,
    };
    const char *digits = phi_arena_printf(arena, "%" PRIu64, record->version);
    if (digits == NULL)
        return PHI_ERR_MEMORY;
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_add(&event, header_names[H_SERIAL], record->key_serial));
    PHI_GUARD(phi_event_add(&event, header_names[H_VERSION], phi_view_text(digits)));
    PHI_GUARD(phi_event_add(&event, header_names[H_SIGNATURE], record->signature));
    *out = event;
out:
    return err;
}

static enum phi_err parse_version(struct phi_view text, uint64_t *out)
{
    int64_t version = 0;
    if (phi_text_to_i64(text, 1, INT64_MAX, &version) != PHI_OK)
        return PHI_ERR_HEADER;
    *out = (uint64_t)version;
    return PHI_OK;
}

enum phi_err phi_record_of_msg(const struct phi_msg *msg, struct phi_record *out,
                               struct phi_error *error)
{
    struct phi_view values[H_COUNT];
    struct phi_record record = {.key = msg->key, .value = msg->value};
    for (int i = 0; i < H_COUNT; i++) {
        if (!phi_msg_header(msg, header_names[i], &values[i]))
            return phi_error_set(error, PHI_ERR_UNSIGNED, header_names[i], "missing");
    }
    if (parse_version(values[H_VERSION], &record.version) != PHI_OK)
        return phi_error_set(error, PHI_ERR_HEADER, header_names[H_VERSION], "not a version");
    record.key_serial = values[H_SERIAL];
    record.signature = values[H_SIGNATURE];
    *out = record;
    return PHI_OK;
}

static struct phi_deadline store_deadline(void)
{
    return phi_deadline_in_ms(2000);
}

enum phi_err phi_record_save(struct phi_store *store, const char *topic,
                             const struct phi_record *record, struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    const struct phi_param params[] = {
        PHI_TEXT(topic),
        PHI_TEXT_VIEW(record->key),
        PHI_I64(record->version),
        PHI_TEXT_VIEW(record->value),
        PHI_TEXT_VIEW(record->signature),
        PHI_TEXT_VIEW(record->key_serial),
    };
    enum phi_err err = phi_store_acquire(store, store_deadline(), &conn);
    if (err != PHI_OK)
        return phi_error_set(error, err, "auth_registry", "no database connection");
    err = phi_conn_exec(conn, "auth_registry_save", save_sql, params, 6, NULL, error);
    phi_store_release(conn);
    return err;
}

static struct phi_record record_of_row(const struct phi_rows *rows, size_t i)
{
    return (struct phi_record){
        .key = phi_view_text(phi_rows_text(rows, i, 0)),
        .version = (uint64_t)phi_rows_i64(rows, i, 1),
        .value = phi_view_text(phi_rows_text(rows, i, 2)),
        .signature = phi_view_text(phi_rows_text(rows, i, 3)),
        .key_serial = phi_view_text(phi_rows_text(rows, i, 4)),
    };
}

enum phi_err phi_record_load(struct phi_store *store, const char *topic,
                             void (*each)(const struct phi_record *record, void *context),
                             void *context, struct phi_error *error)
{
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(topic)};
    enum phi_err err = phi_store_acquire(store, store_deadline(), &conn);
    if (err != PHI_OK)
        return phi_error_set(error, err, "auth_registry", "no database connection");
    err = phi_conn_exec(conn, "auth_registry_load", load_sql, params, 1, &rows, error);
    phi_store_release(conn);
    for (size_t i = 0; err == PHI_OK && i < phi_rows_count(rows); i++) {
        const struct phi_record record = record_of_row(rows, i);
        each(&record, context);
    }
    phi_rows_free(rows);
    return err;
}
