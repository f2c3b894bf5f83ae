/* The nation's trust list: what the operators wrote, signed as a whole with a rising version, and
 * signed again before consumers find it old. A version is its time in µs, or the last plus one.
 */
#include "svc-platform/members/members.h"

#include "auth/record.h"
#include "base/file.h"
#include "base/log.h"
#include "json/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX   (1024 * 1024)
#define LIST_ARENA (16 * 1024 * 1024)
#define ACQUIRE_MS 3000

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

/* Replicas that sign at the same time would give two versions of one list. */
static enum phi_err sign_alone(struct platform *platform, struct phi_conn *conn,
                               struct phi_trust_list *list, bool is_renewal,
                               struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    uint64_t last = 0;
    bool is_same = false;
    PHI_GUARD(digest_of(list, arena, digest, error));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(phi_conn_exec(conn, "trust_lock",
                            "SELECT pg_advisory_xact_lock(hashtext('platform.trust_lists'))", NULL,
                            0, NULL, error));
    PHI_GUARD(newest(conn, &last, &is_same, digest, error));
    bool is_old = phi_clock_now_us(NULL) - (int64_t)last >= platform->trust_renew_us;
    if (is_renewal ? is_same && is_old : !is_same) {
        PHI_GUARD(sign_and_keep(platform, conn, list, last, arena, digest, error));
        PHI_GUARD(phi_conn_exec(conn, "trust_forget",
                                "DELETE FROM trust_lists WHERE version <= (SELECT version FROM "
                                "trust_lists ORDER BY version DESC OFFSET 1000 LIMIT 1)",
                                NULL, 0, NULL, error));
    }
    PHI_GUARD(phi_conn_commit(conn, error));
out:
    if (err != PHI_OK)
        phi_conn_rollback(conn);
    return err;
}

/* The operators' file with the registered members in it. */
static enum phi_err compose(struct phi_conn *conn, struct phi_view file, struct phi_arena *arena,
                            struct phi_trust_list *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    json_t *json = NULL;
    struct phi_view text;
    PHI_GUARD(phi_trust_decode(file, arena, out, error));
    PHI_GUARD(phi_json_parse(file, 16, &json, error));
    PHI_GUARD(member_list_into(conn, json_object_get(json, "platforms"), error));
    PHI_GUARD(phi_json_canonical(json, arena, &text));
    PHI_GUARD(phi_trust_decode(text, arena, out, error));
out:
    json_decref(json);
    return err;
}

enum phi_err platform_trust_sign(struct platform *platform, bool is_renewal,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_view json = {0};
    struct phi_trust_list list;
    const char *path = phi_config_text(phi_service_config(platform->service), "PHI_PLATFORMS_FILE");
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_file(path, arena, &json, error));
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(compose(conn, json, arena, &list, error));
    PHI_GUARD(sign_alone(platform, conn, &list, is_renewal, arena, error));
out:
    phi_store_release(conn);
    phi_arena_free(arena);
    return err;
}
