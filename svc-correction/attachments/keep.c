#include "svc-correction/attachments/keep.h"

#include "svc-correction/attachments/chunks.h"

#include <string.h>

/* Bound to its place, so that no chunk stands for another. */
static const char *context_of(struct phi_api_call *call, const uint8_t *id, size_t chunk)
{
    char hex[2 * ATTACHMENT_LEN + 1];
    phi_hex_encode(phi_view_of(id, ATTACHMENT_LEN), hex);
    return phi_arena_printf(phi_api_arena(call), "attachment.%s.%zu", hex, chunk);
}

static enum phi_err seal(struct phi_api_call *call, const struct phi_person_key *key,
                         const char *context, struct phi_view plain, struct phi_view *sealed)
{
    const struct phi_seal_key *health = correction_of(call)->health_key;
    struct phi_arena *arena = phi_api_arena(call);
    if (context == NULL)
        return PHI_ERR_MEMORY;
    return phi_person_key_is_kept(key)
               ? phi_person_seal(health, key, context, plain, arena, sealed)
               : phi_seal(health, context, key->subject, plain, arena, sealed);
}

static enum phi_err unseal(struct phi_api_call *call, const struct phi_person_key *key,
                           const char *context, struct phi_view sealed, struct phi_view *plain)
{
    const struct phi_seal_key *health = correction_of(call)->health_key;
    struct phi_arena *arena = phi_api_arena(call);
    uint32_t id = 0;
    if (context == NULL)
        return PHI_ERR_MEMORY;
    bool is_healths = phi_sealed_key_id(sealed, &id) == PHI_OK && phi_seal_key_has(health, id);
    return is_healths ? phi_unseal(health, context, key->subject, sealed, arena, plain)
                      : phi_person_unseal(health, key, context, sealed, arena, plain);
}

enum phi_err keep_write(struct phi_api_call *call, const struct phi_person_key *key,
                        const uint8_t id[ATTACHMENT_LEN], struct phi_view bytes,
                        uint8_t digest[PHI_SM3_LEN])
{
    enum phi_err err = PHI_OK;
    struct chunk_teller teller;
    struct phi_view parts[ATTACHMENT_MAX_BYTES / ATTACHMENT_CHUNK];
    size_t count = (bytes.len + ATTACHMENT_CHUNK - 1) / ATTACHMENT_CHUNK;
    PHI_GUARD(count > sizeof(parts) / sizeof(parts[0]) ? PHI_ERR_BODY_TOO_LARGE : PHI_OK);
    PHI_GUARD(chunks_begin(call, key, id, &teller));
    for (size_t i = 0; i < count; i++) {
        size_t left = bytes.len - i * ATTACHMENT_CHUNK;
        struct phi_view plain = phi_view_of(bytes.data + i * ATTACHMENT_CHUNK,
                                            left < ATTACHMENT_CHUNK ? left : ATTACHMENT_CHUNK);
        PHI_GUARD(seal(call, key, context_of(call, id, i), plain, &parts[i]));
        const struct phi_param row[] = {PHI_BYTES_OF(id, ATTACHMENT_LEN), PHI_I64((int64_t)i),
                                        PHI_BYTES(parts[i])};
        PHI_GUARD(phi_api_row(call, TABLE_CHUNKS, row, 3));
        PHI_GUARD(chunks_tell(&teller, i, parts[i]));
    }
    PHI_GUARD(phi_sm3_parts(parts, count, digest));
out:
    return err;
}

static enum phi_err join(struct phi_api_call *call, const struct phi_person_key *key,
                         const uint8_t *id, const struct phi_rows *rows, uint8_t *to, size_t size)
{
    enum phi_err err = PHI_OK;
    size_t len = 0;
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        struct phi_view plain;
        PHI_GUARD(unseal(call, key, context_of(call, id, i), phi_rows_bytes(rows, i, 0), &plain));
        PHI_GUARD(plain.len > size - len ? PHI_ERR_DATA_BROKEN : PHI_OK);
        memcpy(to + len, plain.data, plain.len);
        len += plain.len;
    }
    err = len == size ? PHI_OK : PHI_ERR_DATA_BROKEN;
out:
    return err;
}

enum phi_err keep_read(struct phi_api_call *call, struct phi_conn *conn,
                       const struct phi_person_key *key, const uint8_t id[ATTACHMENT_LEN],
                       int64_t size_bytes, struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param param = PHI_BYTES_OF(id, ATTACHMENT_LEN);
    uint8_t *bytes = phi_arena_alloc(phi_api_arena(call), (size_t)size_bytes);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_conn_exec(conn, "chunks_read",
                            "SELECT sealed FROM attachment_chunks WHERE attachment_id = $1 ORDER "
                            "BY chunk",
                            &param, 1, &rows, error));
    err = phi_rows_count(rows) == 0 ? PHI_ERR_ERASED
                                    : join(call, key, id, rows, bytes, (size_t)size_bytes);
    if (err == PHI_ERR_ERASED)
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "number", "erased");
    *out = phi_view_of(bytes, (size_t)size_bytes);
out:
    phi_rows_free(rows);
    return err;
}
