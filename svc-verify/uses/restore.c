#include "svc-verify/uses/restore.h"

#include "base/memory.h"
#include "crypto/random.h"
#include "json/json.h"
#include "service/catch_up.h"

#include <string.h>

#define CONTEXT   "code.verified.kept"
#define FORM      1
#define KEPT_LEN  (1 + PHI_SUBJECT_LEN + 1 + 1 + 8 + 16 + PHI_SM3_LEN)
#define KEPT_MAX  (KEPT_LEN + PHI_SEAL_OVERHEAD)
#define DEPTH_MAX 4

struct kept {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t subject_key;
    int64_t flags;
    int64_t deadline_s;
    uint8_t request_id[16];
    uint8_t requester_digest[PHI_SM3_LEN];
};

struct use {
    uint8_t id[PHI_EVENT_ID_LEN];
    uint8_t serial_hmac[PHI_SM3_LEN];
    const char *app, *platform, *program, *result_code;
    enum phi_scope scope;
    int64_t used_us;
    struct kept kept;
};

enum phi_err verify_kept_seal(struct verify_job *job, const char **out)
{
    enum phi_err err = PHI_OK;
    uint8_t plain[KEPT_LEN], *at = plain;
    struct phi_view sealed;
    *at++ = FORM;
    at = mempcpy(at, job->content.subject, PHI_SUBJECT_LEN);
    *at++ = PHI_SUBJECT_KEY_VERSION;
    *at++ = (uint8_t)job->reply.flags;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (uint8_t)((uint64_t)job->reply.deadline_s >> shift);
    at = mempcpy(at, job->request.request_id, 16);
    memcpy(at, job->request.digest, PHI_SM3_LEN);
    PHI_GUARD(phi_seal(job->verify->kept_key, CONTEXT, job->event->id,
                       phi_view_of(plain, sizeof(plain)), job->batch->arena, &sealed));
    char *text = phi_arena_alloc(job->batch->arena, PHI_BASE64_LEN(sealed.len) + 1);
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(sealed, text);
    *out = text;
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static enum phi_err read_kept(struct verify *verify, const struct phi_json_at *root,
                              struct phi_arena *arena, struct use *use)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[KEPT_MAX];
    struct phi_view sealed = {.data = bytes}, plain;
    bool is_there = false;
    PHI_GUARD(
        phi_json_base64_opt(root, "kept", KEPT_MAX, KEPT_MAX, bytes, &sealed.len, &is_there, NULL));
    PHI_GUARD(is_there ? PHI_OK : PHI_ERR_UNSIGNED);
    PHI_GUARD(phi_unseal(verify->kept_key, CONTEXT, use->id, sealed, arena, &plain));
    if (plain.len != KEPT_LEN || plain.data[0] != FORM)
        return PHI_ERR_DATA_BROKEN;
    const uint8_t *at = plain.data + 1;
    memcpy(use->kept.subject, at, PHI_SUBJECT_LEN);
    at += PHI_SUBJECT_LEN;
    use->kept.subject_key = *at++;
    use->kept.flags = *at++;
    use->kept.deadline_s = 0;
    for (int i = 0; i < 8; i++)
        use->kept.deadline_s = use->kept.deadline_s << 8 | *at++;
    memcpy(use->kept.request_id, at, 16);
    memcpy(use->kept.requester_digest, at + 16, PHI_SM3_LEN);
out:
    return err;
}

/* PHI_OK only of an event that this program made. */
static enum phi_err read_use(struct verify *verify, const struct phi_msg *msg,
                             struct phi_arena *arena, struct use *use)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    struct phi_view id;
    const char *scope = NULL;
    PHI_GUARD(phi_msg_header(msg, "ce_id", &id) ? PHI_OK : PHI_ERR_HEADER);
    PHI_GUARD(phi_uuid_parse(id, use->id));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_hex(&root, "serialHmac", use->serial_hmac, PHI_SM3_LEN, NULL));
    PHI_GUARD(phi_json_word(&root, "app", 64, &use->app, NULL));
    PHI_GUARD(phi_json_word(&root, "platform", 6, &use->platform, NULL));
    PHI_GUARD(phi_json_word(&root, "program", 32, &use->program, NULL));
    PHI_GUARD(phi_json_word(&root, "resultCode", 4, &use->result_code, NULL));
    PHI_GUARD(phi_json_word(&root, "scope", 8, &scope, NULL));
    PHI_GUARD(phi_scope_parse(phi_view_text(scope), &use->scope));
    PHI_GUARD(phi_json_time(&root, "verifiedAt", &use->used_us, NULL));
    PHI_GUARD(read_kept(verify, &root, arena, use));
out:
    return err;
}

/* Whether the use was not there. The index by subject leads to it. */
static enum phi_err add_use(struct phi_conn *tx, const struct use *use, bool *is_new,
                            struct phi_error *error)
{
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(use->id, PHI_EVENT_ID_LEN),
                                       PHI_TEXT(use->platform),
                                       PHI_TEXT(use->program),
                                       PHI_BYTES_OF(use->kept.subject, PHI_SUBJECT_LEN),
                                       PHI_I64(use->kept.subject_key),
                                       PHI_BYTES_OF(use->serial_hmac, PHI_SM3_LEN),
                                       PHI_TEXT(use->app),
                                       PHI_I64(use->scope),
                                       PHI_TEXT(use->result_code),
                                       PHI_I64(use->kept.flags),
                                       PHI_I64(use->kept.deadline_s),
                                       PHI_I64(use->used_us)};
    enum phi_err err = phi_conn_exec(
        tx, "restore_use",
        "INSERT INTO uses (id, platform, program, subject, subject_key, serial_hmac, app, scope, "
        "result_code, flags, deadline_s, used_us) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
        "$11, $12 WHERE NOT EXISTS (SELECT 1 FROM uses u WHERE u.subject = $4 AND u.used_us = $12 "
        "AND u.id = $1) RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), &rows, error);
    *is_new = err == PHI_OK && phi_rows_count(rows) > 0;
    phi_rows_free(rows);
    return err;
}

static enum phi_err add_request(struct phi_conn *tx, const struct use *use, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(use->platform),
                                       PHI_TEXT(use->program),
                                       PHI_BYTES_OF(use->kept.request_id, 16),
                                       PHI_BYTES_OF(use->serial_hmac, PHI_SM3_LEN),
                                       PHI_BYTES_OF(use->kept.requester_digest, PHI_SM3_LEN),
                                       PHI_I64(use->scope),
                                       PHI_TEXT(use->result_code),
                                       PHI_I64(use->used_us)};
    return phi_conn_exec(
        tx, "restore_request",
        "INSERT INTO requests (platform, program, request_id, serial_hmac, requester_digest, "
        "scope, result_code, used_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO "
        "NOTHING",
        params, sizeof(params) / sizeof(params[0]), NULL, error);
}

static enum phi_err add_ledger(struct phi_conn *tx, const struct use *use, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_I64(use->kept.deadline_s),
                                       PHI_BYTES_OF(use->serial_hmac, PHI_SM3_LEN),
                                       PHI_I64(use->used_us)};
    return phi_conn_exec(tx, "restore_ledger",
                         "INSERT INTO ledger (deadline_s, serial_hmac, used_us) VALUES ($1, $2, "
                         "$3) ON CONFLICT DO NOTHING",
                         params, 3, NULL, error);
}

/* A code past its deadline is refused anyway, and its ledger's span may be gone. */
static bool is_spent(const struct use *use, int64_t now_us)
{
    return strcmp(use->result_code, phi_err_return_code(PHI_OK)) == 0 &&
           use->kept.flags & PHI_JKM1_ONE_TIME && use->kept.deadline_s > now_us / 1000000;
}

static enum phi_err keep(struct phi_service *service, const struct phi_msg *msg,
                         struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct verify *verify = phi_service_state(service);
    int64_t now_us = phi_clock_now_us(verify->clock);
    struct use use;
    err = read_use(verify, msg, arena, &use);
    if (err != PHI_OK)
        return err == PHI_ERR_MEMORY ? err : PHI_OK;
    if (use.used_us < now_us - verify->uses_keep_us)
        return PHI_OK;
    PHI_GUARD(add_use(tx, &use, is_new, error));
    if (!*is_new)
        goto out;
    PHI_GUARD(add_request(tx, &use, error));
    if (is_spent(&use, now_us))
        PHI_GUARD(add_ledger(tx, &use, error));
out:
    return err;
}

enum phi_err verify_restore(struct phi_service *service, struct phi_error *error)
{
    static const struct phi_catch_up_stream streams[] = {{.stream = "code.verified", .keep = keep}};
    return phi_service_catch_up(service, streams, 1, error);
}
