/* The nation's trust list: what the operators wrote, signed as a whole with a rising version. */
#include "svc-platform/platform.h"

#include "auth/record.h"
#include "base/file.h"
#include "base/log.h"
#include "json/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX   (1024 * 1024)
#define LIST_ARENA (16 * 1024 * 1024)
#define ACQUIRE_MS 3000
#define SEND_MS    5000
#define RETRY_MS   500
#define REPEAT_MS  60000 /* published again: a broker made anew gets its list back */

static enum phi_err read_file(const char *path, struct phi_arena *arena, struct phi_view *out,
                              struct phi_error *error)
{
    enum phi_err err = phi_file_read(path, FILE_MAX, arena, out);
    if (err == PHI_ERR_IO)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_PLATFORMS_FILE",
                             "can't be read, or over 1 MiB");
    return err;
}

/* The digest leaves out version and time, which are ours to give. */
static enum phi_err digest_of(struct phi_trust_list *list, struct phi_arena *arena,
                              uint8_t digest[PHI_SM3_LEN], struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    list->version = 1;
    list->issued_us = 0;
    PHI_GUARD(phi_trust_encode(list, arena, &bytes, error));
    PHI_GUARD(phi_sm3(bytes, digest));
out:
    return err;
}

static enum phi_err newest(struct phi_conn *conn, uint64_t *version, bool *is_same,
                           const uint8_t digest[PHI_SM3_LEN], struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(conn, "trust_newest",
                            "SELECT version, digest FROM trust_lists ORDER BY version DESC LIMIT 1",
                            NULL, 0, &rows, error));
    bool is_there = phi_rows_count(rows) == 1;
    *version = is_there ? (uint64_t)phi_rows_i64(rows, 0, 0) : 0;
    *is_same =
        is_there && phi_view_equal(phi_rows_bytes(rows, 0, 1), phi_view_of(digest, PHI_SM3_LEN));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err sign_and_keep(struct platform *platform, struct phi_conn *conn,
                                  struct phi_trust_list *list, uint64_t last,
                                  struct phi_arena *arena, const uint8_t digest[PHI_SM3_LEN],
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view value;
    const struct phi_signer signer = {.key_serial = platform->trust_key_serial,
                                      .key = platform->trust_key};
    struct phi_record record = {.key = phi_view_text(PHI_TRUST_KEY)};
    int64_t now_us = phi_clock_now_us(NULL);
    list->issued_us = now_us;
    list->version = (uint64_t)now_us > last ? (uint64_t)now_us : last + 1;
    PHI_GUARD(phi_trust_encode(list, arena, &value, error));
    record.version = list->version;
    record.value = value;
    PHI_GUARD(phi_record_sign(PHI_TRUST_TOPIC, &signer, arena, &record));
    const struct phi_param row[] = {PHI_I64(list->version), PHI_BYTES_OF(digest, PHI_SM3_LEN),
                                    PHI_BYTES(value), PHI_TEXT(platform->trust_key_serial),
                                    PHI_TEXT_VIEW(record.signature)};
    PHI_GUARD(
        phi_conn_exec(conn, "trust_keep",
                      "INSERT INTO trust_lists (version, digest, value, key_serial, signature) "
                      "VALUES ($1, $2, $3, $4, $5)",
                      row, 5, NULL, error));
    phi_log(PHI_LOG_INFO, "trust_list_signed", PHI_L_INT("platforms", list->platform_count));
out:
    return err;
}

enum phi_err platform_trust_sign(struct platform *platform, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_view json = {0};
    struct phi_trust_list list;
    uint8_t digest[PHI_SM3_LEN];
    uint64_t last = 0;
    bool is_same = false;
    const char *path = phi_config_text(phi_service_config(platform->service), "PHI_PLATFORMS_FILE");
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_file(path, arena, &json, error));
    PHI_GUARD(phi_trust_decode(json, arena, &list, error));
    PHI_GUARD(digest_of(&list, arena, digest, error));
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(newest(conn, &last, &is_same, digest, error));
    if (!is_same)
        PHI_GUARD(sign_and_keep(platform, conn, &list, last, arena, digest, error));
out:
    phi_store_release(conn);
    phi_arena_free(arena);
    return err;
}

struct sending {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    bool is_done;
    enum phi_err err;
};

static void on_sent(void *context, enum phi_err err)
{
    struct sending *sending = context;
    pthread_mutex_lock(&sending->lock);
    sending->is_done = true;
    sending->err = err;
    pthread_cond_signal(&sending->seen);
    pthread_mutex_unlock(&sending->lock);
}

/* The producer tells every message its end within its own deadline, so this wait ends. */
static enum phi_err send_and_wait(struct phi_producer *producer, const struct phi_event *event)
{
    struct sending sending = {.lock = PTHREAD_MUTEX_INITIALIZER, .seen = PTHREAD_COND_INITIALIZER};
    enum phi_err err = phi_producer_send(producer, event, on_sent, &sending);
    if (err != PHI_OK)
        return err;
    pthread_mutex_lock(&sending.lock);
    while (!sending.is_done)
        pthread_cond_wait(&sending.seen, &sending.lock);
    pthread_mutex_unlock(&sending.lock);
    pthread_cond_destroy(&sending.seen);
    pthread_mutex_destroy(&sending.lock);
    return sending.err;
}

static enum phi_err publish_rows(struct platform *platform, const struct phi_rows *rows,
                                 struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = platform->service;
    const struct phi_record record = {.key = phi_view_text(PHI_TRUST_KEY),
                                      .version = (uint64_t)phi_rows_i64(rows, 0, 0),
                                      .value = phi_rows_bytes(rows, 0, 1),
                                      .key_serial = phi_view_text(phi_rows_text(rows, 0, 2)),
                                      .signature = phi_view_text(phi_rows_text(rows, 0, 3))};
    struct phi_event event;
    PHI_GUARD(
        phi_record_event(PHI_TRUST_TOPIC, &record, phi_service_source(service), arena, &event));
    PHI_GUARD(send_and_wait(phi_service_producer(service), &event));
out:
    return err;
}

static enum phi_err publish(struct platform *platform)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct phi_error error = {0};
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service), phi_deadline_in_ms(SEND_MS),
                                &conn));
    PHI_GUARD(phi_conn_exec(conn, "trust_publish",
                            "SELECT version, value, key_serial, signature FROM trust_lists "
                            "ORDER BY version DESC LIMIT 1",
                            NULL, 0, &rows, &error));
    PHI_GUARD(phi_rows_count(rows) == 1 ? publish_rows(platform, rows, arena) : PHI_ERR_NOT_FOUND);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    phi_arena_free(arena);
    return err;
}

static void *publish_run(void *context)
{
    struct platform *platform = context;
    const struct timespec tick = {.tv_nsec = 100 * 1000000L};
    struct phi_deadline next = phi_deadline_in_ms(0);
    while (!atomic_load(&platform->stopping)) {
        if (phi_deadline_is_past(next)) {
            enum phi_err err = publish(platform);
            if (err != PHI_OK)
                phi_log(PHI_LOG_WARN, "trust_list_unpublished", PHI_L_ERR(err));
            next = phi_deadline_in_ms(err == PHI_OK ? REPEAT_MS : RETRY_MS);
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

enum phi_err platform_trust_start(struct platform *platform)
{
    if (pthread_create(&platform->publisher, NULL, publish_run, platform) != 0)
        return PHI_ERR_MEMORY;
    platform->has_publisher = true;
    return PHI_OK;
}

void platform_trust_stop(struct platform *platform)
{
    atomic_store(&platform->stopping, true);
    if (platform->has_publisher)
        pthread_join(platform->publisher, NULL);
    platform->has_publisher = false;
}

static json_t *trust_data(const struct phi_rows *rows)
{
    char version[24];
    struct phi_view value = phi_rows_bytes(rows, 0, 1);
    snprintf(version, sizeof(version), "%lld", (long long)phi_rows_i64(rows, 0, 0));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s%}", "topic", PHI_TRUST_TOPIC, "key",
                     PHI_TRUST_KEY, "version", version, "keySerial", phi_rows_text(rows, 0, 2),
                     "signature", phi_rows_text(rows, 0, 3), "value", (const char *)value.data,
                     value.len);
}

enum phi_err platform_trust_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "trust_http",
                            "SELECT version, value, key_serial, signature FROM trust_lists "
                            "ORDER BY version DESC LIMIT 1",
                            NULL, 0, &rows, error));
    if (phi_rows_count(rows) == 1)
        phi_api_data(call, trust_data(rows));
    else
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "trust-list", "none was signed yet");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
