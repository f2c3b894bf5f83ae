/* A revocation as the record of phi.<region>.code.revoked, and as a row. */
#include "svc-verify/revoke/revoke.h"

#include "bus/signed.h"
#include "json/canonical.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX  4
#define ACQUIRE_MS 2000
#define VALUE_MAX  4096

static json_t *value_of(const struct phi_revocation *entry, int64_t now_us)
{
    char at[PHI_RFC3339_MAX], from[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    char id[2 * PHI_REVOCATION_ID_LEN + 1];
    phi_rfc3339_format(now_us, at);
    phi_rfc3339_format(entry->from_s * 1000000, from);
    phi_rfc3339_format(entry->until_s * 1000000, until);
    phi_hex_encode(phi_view_of(entry->id, PHI_REVOCATION_ID_LEN), id);
    json_t *json = json_pack("{s:s, s:s, s:s}", "kind", phi_revoked_kind_name(entry->kind),
                             "deadlineUntil", until, "revokedAt", at);
    if (json != NULL && entry->kind == PHI_REVOKED_KEY_SET)
        json_object_set_new(json, "keySetId", json_integer(entry->id[0]));
    else if (json != NULL)
        json_object_set_new(json, "id", json_string(id));
    if (json != NULL && entry->kind != PHI_REVOKED_CODE)
        json_object_set_new(json, "deadlineFrom", json_string(from));
    return json;
}

enum phi_err revoke_record_write(struct verify_revoke *revoke, const struct phi_revocation *entry,
                                 int64_t now_us, struct phi_arena *arena, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    char id[2 * PHI_REVOCATION_ID_LEN + 1], key[64];
    const struct phi_signer signer = {.key_serial = revoke->key_id, .key = revoke->key};
    phi_hex_encode(phi_view_of(entry->id, PHI_REVOCATION_ID_LEN), id);
    snprintf(key, sizeof(key), "%s:%s", phi_revoked_kind_name(entry->kind), id);
    json_t *json = value_of(entry, now_us);
    PHI_GUARD(phi_json_keep(arena, json));
    *event = (struct phi_event){.topic = phi_service_topic(revoke->verify->service, "code.revoked"),
                                .type = "cn.phi.code.revoked",
                                .key = phi_arena_view(arena, phi_view_text(key))};
    PHI_GUARD(phi_json_canonical(json, arena, &event->value));
    PHI_GUARD(phi_signed_add(event, &signer, entry->version, arena));
out:
    return err;
}

static enum phi_err read_deadlines(const struct phi_json_at *root, bool has_from,
                                   struct phi_revocation *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t from_us = 0, until_us = 0;
    PHI_GUARD(phi_json_time(root, "deadlineUntil", &until_us, error));
    if (has_from)
        PHI_GUARD(phi_json_time(root, "deadlineFrom", &from_us, error));
    out->from_s = from_us / 1000000;
    out->until_s = until_us / 1000000;
out:
    return err;
}

/* Members that are not known are passed over: they come with later minor versions. */
enum phi_err revoke_record_read(struct phi_view value, const char *platform,
                                struct phi_arena *arena, struct phi_revocation *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    const char *kind = NULL;
    int64_t key_set = 0;
    if (value.len > VALUE_MAX)
        return phi_error_set(error, PHI_ERR_JSON, "$", "too long");
    PHI_GUARD(phi_json_read(value, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_word(&root, "kind", 16, &kind, error));
    PHI_GUARD(phi_revoked_kind_parse(phi_view_text(kind), &out->kind));
    PHI_GUARD(read_deadlines(&root, out->kind != PHI_REVOKED_CODE, out, error));
    if (out->kind == PHI_REVOKED_KEY_SET) {
        PHI_GUARD(phi_json_int(&root, "keySetId", 0, 255, &key_set, error));
        phi_revocation_key_set_id((uint8_t)key_set, out->id);
    } else {
        PHI_GUARD(phi_json_hex(&root, "id", out->id, sizeof(out->id), error));
    }
    memcpy(out->platform, platform, sizeof(out->platform));
out:
    return err;
}

enum phi_err revoke_save(struct phi_store *store, const struct phi_revocation *entry,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param row[] = {PHI_TEXT(entry->platform),
                                    PHI_TEXT(phi_revoked_kind_name(entry->kind)),
                                    PHI_BYTES_OF(entry->id, PHI_REVOCATION_ID_LEN),
                                    PHI_I64(entry->from_s),
                                    PHI_I64(entry->until_s),
                                    PHI_I64((int64_t)entry->version)};
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "revocation_save",
                            "INSERT INTO revocations AS r (platform, kind, id, from_s, until_s, "
                            "version) VALUES ($1, $2, $3, $4, $5, $6) "
                            "ON CONFLICT (platform, kind, id, from_s) DO UPDATE SET until_s = "
                            "greatest(r.until_s, excluded.until_s), version = excluded.version, "
                            "kept_at = excluded.kept_at WHERE r.version < excluded.version",
                            row, 6, &rows, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static bool entry_of_row(const struct phi_rows *rows, size_t i, struct phi_revocation *out)
{
    struct phi_view id = phi_rows_bytes(rows, i, 2);
    if (id.len != PHI_REVOCATION_ID_LEN ||
        phi_revoked_kind_parse(phi_view_text(phi_rows_text(rows, i, 1)), &out->kind) != PHI_OK)
        return false;
    snprintf(out->platform, sizeof(out->platform), "%s", phi_rows_text(rows, i, 0));
    memcpy(out->id, id.data, PHI_REVOCATION_ID_LEN);
    out->from_s = phi_rows_i64(rows, i, 3);
    out->until_s = phi_rows_i64(rows, i, 4);
    out->version = (uint64_t)phi_rows_i64(rows, i, 5);
    return true;
}

enum phi_err revoke_load(struct verify_revoke *revoke, int64_t seconds, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    int64_t now_s = phi_clock_now_us(revoke->verify->clock) / 1000000;
    const struct phi_param params[] = {PHI_I64(now_s), PHI_I64(seconds)};
    PHI_GUARD(phi_store_acquire(phi_service_store(revoke->verify->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, seconds == 0 ? "revocations_all" : "revocations_new",
        seconds == 0
            ? "SELECT platform, kind, id, from_s, until_s, version FROM revocations "
              "WHERE until_s >= $1 AND $2 = 0"
            : "SELECT platform, kind, id, from_s, until_s, version FROM revocations "
              "WHERE until_s >= $1 AND kept_at > clock_timestamp() - $2 * interval '1 second'",
        params, 2, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        struct phi_revocation entry = {0};
        if (!entry_of_row(rows, i, &entry))
            continue;
        err = phi_revocations_put(revoke->set, &entry, now_s);
        PHI_GUARD(err == PHI_ERR_STATE ? PHI_OK : err);
    }
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err revoke_prune(struct phi_store *store, int64_t now_s, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(now_s)};
    PHI_GUARD(phi_store_acquire(store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_exec(conn, "revocations_prune", "DELETE FROM revocations WHERE until_s < $1",
                            params, 1, &rows, error));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
