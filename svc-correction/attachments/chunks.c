#include "svc-correction/attachments/chunks.h"

#include "bus/signed.h"
#include "crypto/seal.h"
#include "json/json.h"
#include "person/keys.h"
#include "svc-correction/restore/own.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX  1
#define FRAME_MAX  256 /* of the JSON around the chunk */
#define SEALED_MAX (ATTACHMENT_CHUNK + 256)
#define NUMBER_MAX ((int64_t)(ATTACHMENT_MAX_BYTES / ATTACHMENT_CHUNK) - 1)

/* --- telling --- */

enum phi_err chunks_begin(struct phi_api_call *call, const struct phi_person_key *key,
                          const uint8_t id[ATTACHMENT_LEN], struct chunk_teller *out)
{
    *out = (struct chunk_teller){.call = call, .key = key, .id = id};
    if (!phi_person_key_is_kept(key))
        return PHI_OK;
    out->value = phi_arena_alloc(phi_api_arena(call), FRAME_MAX + PHI_BASE64_LEN(SEALED_MAX) + 1);
    return out->value == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

/* Canonical as it is: members in their order, nothing to be escaped. */
static enum phi_err write_value(const struct chunk_teller *t, size_t chunk, struct phi_view sealed,
                                struct phi_view *out)
{
    static const char tail[] = "\"}";
    char hex[2 * ATTACHMENT_LEN + 1], at[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(t->id, ATTACHMENT_LEN), hex);
    phi_rfc3339_format(phi_api_now_us(t->call), at);
    if (sealed.len > SEALED_MAX)
        return PHI_ERR_INTERNAL;
    int len = snprintf(t->value, FRAME_MAX,
                       "{\"at\":\"%s\",\"attachmentId\":\"%s\",\"chunk\":%zu,\"sealed\":\"", at,
                       hex, chunk);
    if (len <= 0 || len >= FRAME_MAX - 4)
        return PHI_ERR_INTERNAL;
    phi_base64_encode(sealed, t->value + len);
    size_t end = (size_t)len + PHI_BASE64_LEN(sealed.len);
    memcpy(t->value + end, tail, sizeof(tail));
    *out = phi_view_of(t->value, end + sizeof(tail) - 1);
    return PHI_OK;
}

enum phi_err chunks_tell(const struct chunk_teller *t, size_t chunk, struct phi_view sealed)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = correction_of(t->call);
    const struct phi_signer signer = {.key_serial = correction->correction_serial,
                                      .key = correction->correction_key};
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(t->call), CHUNK_STREAM),
                              .type = "cn.phi.correction.attachment",
                              .key = phi_view_of(t->key->subject, PHI_SUBJECT_LEN)};
    if (t->value == NULL)
        return PHI_OK;
    PHI_GUARD(write_value(t, chunk, sealed, &event.value));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)chunk + 1, phi_api_arena(t->call)));
    PHI_GUARD(phi_api_event(t->call, &event));
out:
    return err;
}

/* --- taking again --- */

struct told {
    uint8_t id[ATTACHMENT_LEN];
    int64_t chunk;
    struct phi_view sealed;
};

static enum phi_err read_told(const struct phi_msg *msg, struct phi_arena *arena, struct told *out,
                              int64_t *at_us)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    size_t len = 0;
    uint8_t *bytes = phi_arena_alloc(arena, SEALED_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_time(&root, "at", at_us, NULL));
    PHI_GUARD(phi_json_hex(&root, "attachmentId", out->id, ATTACHMENT_LEN, NULL));
    PHI_GUARD(phi_json_int(&root, "chunk", 0, NUMBER_MAX, &out->chunk, NULL));
    PHI_GUARD(phi_json_base64(&root, "sealed", PHI_SEAL_OVERHEAD, SEALED_MAX, bytes, &len, NULL));
    out->sealed = phi_view_of(bytes, len);
out:
    return err;
}

static enum phi_err add(struct phi_conn *tx, const struct told *told, bool *is_new,
                        struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(told->id, ATTACHMENT_LEN), PHI_I64(told->chunk),
                                       PHI_BYTES(told->sealed)};
    PHI_GUARD(phi_conn_exec(tx, "restore_chunk",
                            "INSERT INTO attachment_chunks (attachment_id, chunk, sealed) VALUES "
                            "($1, $2::bigint, $3) ON CONFLICT DO NOTHING",
                            params, 3, &rows, error));
    *is_new = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err chunk_keep(struct phi_service *service, const struct phi_msg *msg, struct phi_conn *tx,
                        struct phi_arena *arena, bool *is_new, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct told told;
    int64_t at_us = 0;
    bool is_gone = false;
    err = read_told(msg, arena, &told, &at_us);
    if (err == PHI_OK)
        err = own_check(service, msg, at_us);
    if (err != PHI_OK)
        return own_pass_over(err, CHUNK_STREAM);
    PHI_GUARD(own_is_erased(tx, msg->key.data, told.sealed, arena, &is_gone, error));
    if (!is_gone)
        PHI_GUARD(add(tx, &told, is_new, error));
out:
    return err;
}
