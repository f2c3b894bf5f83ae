#include "svc-declare/people/restore.h"

#include "bus/signed.h"
#include "codes/sources.h"
#include "json/canonical.h"
#include "person/keys.h"
#include "service/catch_up.h"
#include "svc-declare/people/settled.h"

#include <string.h>

#define DEPTH_MAX  12
#define SEALED_MAX (32 * 1024)
#define WORD_MAX   64

struct told {
    uint8_t id[PHI_FACT_ID_LEN];
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t digest[PHI_SM3_LEN];
    const char *region, *source, *institution, *record_no;
    int64_t revision, subject_key, observed_us, recorded_us;
    struct phi_view content;
    struct phi_view sealed;
};

static enum phi_err keep_key(struct phi_service *service, const struct phi_msg *msg,
                             struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                             struct phi_error *error)
{
    const struct declare *declare = phi_service_state(service);
    struct phi_person_key told, kept;
    enum phi_err err = phi_person_key_read(msg, phi_service_region(service), declare->keys.health,
                                           arena, &told, NULL);
    if (err != PHI_OK)
        return err == PHI_ERR_MEMORY || err == PHI_ERR_CRYPTO ? err : PHI_OK;
    PHI_GUARD(phi_person_keys_find(tx, told.subject, arena, &kept, error));
    *is_new = kept.version < told.version;
    if (*is_new)
        PHI_GUARD(phi_person_keys_keep(tx, &told, 1, phi_clock_now_us(phi_service_clock(service)),
                                       error));
    if (*is_new && !phi_person_key_is_kept(&told))
        PHI_GUARD(restore_forget(tx, told.subject, error));
out:
    return err;
}

static enum phi_err read_sealed(const struct phi_json_at *root, struct phi_arena *arena,
                                struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    bool is_there = false;
    uint8_t *bytes = phi_arena_alloc(arena, SEALED_MAX);
    *out = phi_view_of(bytes, 0);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64_opt(root, "sealed", PHI_SEAL_OVERHEAD, SEALED_MAX, bytes, &out->len,
                                  &is_there, NULL));
out:
    return err;
}

static enum phi_err read_told(const struct declare *declare, const struct phi_msg *msg,
                              struct phi_arena *arena, struct told *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root, content;
    PHI_GUARD(phi_mac_verify(msg, declare->keys.bus, NULL));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_hex(&root, "factId", out->id, PHI_FACT_ID_LEN, NULL));
    PHI_GUARD(phi_json_hex(&root, "subject", out->subject, PHI_SUBJECT_LEN, NULL));
    PHI_GUARD(phi_json_hex(&root, "digest", out->digest, PHI_SM3_LEN, NULL));
    PHI_GUARD(phi_json_word(&root, "region", 6, &out->region, NULL));
    PHI_GUARD(phi_json_word(&root, "source", WORD_MAX, &out->source, NULL));
    PHI_GUARD(phi_json_word(&root, "institution", WORD_MAX, &out->institution, NULL));
    PHI_GUARD(phi_json_word(&root, "recordNo", WORD_MAX, &out->record_no, NULL));
    PHI_GUARD(phi_json_int(&root, "revision", 1, INT32_MAX, &out->revision, NULL));
    PHI_GUARD(phi_json_int(&root, "subjectKeyVersion", 1, 255, &out->subject_key, NULL));
    PHI_GUARD(phi_json_time(&root, "observedAt", &out->observed_us, NULL));
    PHI_GUARD(phi_json_time(&root, "recordedAt", &out->recorded_us, NULL));
    PHI_GUARD(phi_json_object(&root, "content", &content, NULL));
    PHI_GUARD(phi_json_canonical(content.value, arena, &out->content));
    PHI_GUARD(read_sealed(&root, arena, &out->sealed));
out:
    return err;
}

static enum phi_err add_declaration(struct phi_conn *tx, const struct told *told,
                                    struct phi_rows **rows, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(told->id, PHI_FACT_ID_LEN),
                                       PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(told->subject_key),
                                       PHI_TEXT(told->source),
                                       PHI_TEXT(told->institution),
                                       PHI_TEXT(told->record_no),
                                       PHI_I64(told->revision),
                                       PHI_BYTES_OF(told->digest, PHI_SM3_LEN),
                                       PHI_TEXT_VIEW(told->content),
                                       PHI_BYTES(told->sealed),
                                       PHI_I64(told->observed_us),
                                       PHI_I64(told->recorded_us)};
    return phi_conn_exec(
        tx, "restore_declaration",
        "INSERT INTO declarations (fact_id, subject, subject_key, source, institution, record_no, "
        "revision, content_digest, content, sealed, observed_us, recorded_us) VALUES ($1, $2, "
        "$3::bigint, $4, $5, $6, $7::bigint, $8, $9::text::jsonb, $10, $11, $12) ON CONFLICT DO "
        "NOTHING RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), rows, error);
}

static enum phi_err add_report(struct phi_conn *tx, const struct told *told, struct phi_rows **rows,
                               struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(told->region),
                                       PHI_TEXT(told->source),
                                       PHI_TEXT(told->institution),
                                       PHI_TEXT(told->record_no),
                                       PHI_I64(told->revision),
                                       PHI_BYTES_OF(told->digest, PHI_SM3_LEN),
                                       PHI_BYTES_OF(told->id, PHI_FACT_ID_LEN),
                                       PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(told->subject_key),
                                       PHI_I64(told->observed_us),
                                       PHI_I64(told->recorded_us)};
    return phi_conn_exec(
        tx, "restore_report",
        "INSERT INTO intake (region, source, institution, record_no, revision, content_digest, "
        "fact_id, subject, subject_key, observed_us, recorded_us) VALUES ($1, $2, $3, $4, "
        "$5::bigint, $6, $7, $8, $9::bigint, $10, $11) ON CONFLICT DO NOTHING RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), rows, error);
}

static enum phi_err keep_fact(struct phi_service *service, const struct phi_msg *msg,
                              struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_person_key key;
    struct told told;
    err = read_told(phi_service_state(service), msg, arena, &told);
    if (err != PHI_OK)
        return err == PHI_ERR_MEMORY || err == PHI_ERR_CRYPTO ? err : PHI_OK;
    PHI_GUARD(phi_person_keys_find(tx, told.subject, arena, &key, error));
    if (key.version > 0 && !phi_person_key_is_kept(&key))
        told.sealed.len = 0;
    if (strncmp(told.source, "declare.", 8) == 0)
        PHI_GUARD(add_declaration(tx, &told, &rows, error));
    else
        PHI_GUARD(add_report(tx, &told, &rows, error));
    *is_new = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err declare_restore(struct phi_service *service, struct phi_error *error)
{
    struct phi_catch_up_stream streams[2 + PHI_SOURCES_COUNT] = {
        {.stream = PHI_PERSON_STREAM, .keep = keep_key},
        {.stream = SETTLED_STREAM, .keep = restore_settled}};
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        streams[2 + i] =
            (struct phi_catch_up_stream){.stream = phi_sources[i].stream, .keep = keep_fact};
    return phi_service_catch_up(service, streams, 2 + PHI_SOURCES_COUNT, error);
}
