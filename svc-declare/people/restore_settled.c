/* What persons had settled, made again of declare.person. Nothing depends on the order in which
 * records come: of a consent and its end either may be first, of basic information and of a link
 * the newest counts, and what was sealed under a key that is destroyed by now stays away. */
#include "svc-declare/people/documents.h"
#include "svc-declare/people/restore.h"
#include "svc-declare/people/settled.h"

#include "bus/signed.h"

#define DEPTH_MAX  6
#define WORD_MAX   64
#define SEALED_MAX (32 * 1024)

struct settled {
    uint8_t subject[PHI_SUBJECT_LEN];
    int64_t subject_key, at_us;
    size_t kind;
    struct phi_json_at content;
};

static enum phi_err read_settled(const struct declare *declare, const struct phi_msg *msg,
                                 struct phi_arena *arena, struct settled *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(phi_mac_verify(msg, declare->keys.bus, NULL));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, NULL));
    PHI_GUARD(phi_json_hex(&root, "subject", out->subject, PHI_SUBJECT_LEN, NULL));
    PHI_GUARD(phi_json_int(&root, "subjectKeyVersion", 1, 255, &out->subject_key, NULL));
    PHI_GUARD(phi_json_time(&root, "at", &out->at_us, NULL));
    PHI_GUARD(phi_json_enum(&root, "kind", settled_words, SETTLED_KINDS, &out->kind, NULL));
    PHI_GUARD(phi_json_object(&root, "content", &out->content, NULL));
out:
    return err;
}

static enum phi_err keep_consent(const struct settled *told, struct phi_conn *tx,
                                 struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t id[CONSENT_ID_LEN], actor[PHI_SUBJECT_LEN];
    const char *notice = NULL, *purpose = NULL, *app = NULL, *given_by = NULL;
    bool has_actor = false;
    PHI_GUARD(phi_json_hex(&told->content, "consentId", id, CONSENT_ID_LEN, error));
    PHI_GUARD(phi_json_word(&told->content, "noticeVersion", WORD_MAX, &notice, error));
    PHI_GUARD(phi_json_word(&told->content, "purpose", WORD_MAX, &purpose, error));
    PHI_GUARD(phi_json_word(&told->content, "app", WORD_MAX, &app, error));
    PHI_GUARD(phi_json_word(&told->content, "givenBy", WORD_MAX, &given_by, error));
    PHI_GUARD(
        phi_json_hex_opt(&told->content, "grantedBy", actor, PHI_SUBJECT_LEN, &has_actor, error));
    const struct phi_param params[] = {
        PHI_BYTES_OF(id, CONSENT_ID_LEN),
        PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
        PHI_I64(told->subject_key),
        PHI_TEXT(app),
        PHI_TEXT(notice),
        PHI_TEXT(purpose),
        PHI_I64(told->at_us),
        has_actor ? PHI_BYTES_OF(actor, PHI_SUBJECT_LEN) : PHI_NULL,
        PHI_TEXT(given_by),
    };
    PHI_GUARD(phi_conn_exec(
        tx, "restore_consent",
        "INSERT INTO consents (consent_id, subject, subject_key, app_id, notice_version, purpose, "
        "recorded_us, granted_by, given_by, withdrawn_us) SELECT $1, $2::bytea, $3::bigint, $4, "
        "$5, $6::text, $7::bigint, $8, $9, (SELECT min(withdrawn_us) FROM withdrawals w WHERE "
        "w.subject = $2::bytea AND w.purpose = $6::text AND w.withdrawn_us >= $7::bigint) ON "
        "CONFLICT DO NOTHING RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), rows, error));
out:
    return err;
}

static enum phi_err keep_consent_end(const struct settled *told, struct phi_conn *tx,
                                     struct phi_rows **rows, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *purpose = NULL;
    PHI_GUARD(phi_json_word(&told->content, "purpose", WORD_MAX, &purpose, error));
    const struct phi_param params[] = {PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_TEXT(purpose), PHI_I64(told->at_us)};
    PHI_GUARD(phi_conn_exec(
        tx, "restore_consent_end",
        "WITH ended AS (UPDATE consents SET withdrawn_us = $3::bigint WHERE subject = $1::bytea "
        "AND purpose = $2::text AND withdrawn_us IS NULL AND recorded_us <= $3::bigint) INSERT "
        "INTO withdrawals VALUES ($1::bytea, $2::text, $3::bigint) ON CONFLICT DO NOTHING "
        "RETURNING 1",
        params, 3, rows, error));
out:
    return err;
}

/* Sealed bytes of the member; empty where nothing was sealed, or where nobody may open it. */
static enum phi_err read_sealed(const struct declare *declare, const struct settled *told,
                                const struct phi_person_key *key, const char *field,
                                const char *context, struct phi_arena *arena, struct phi_view *out,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    size_t len = 0;
    uint8_t *bytes = phi_arena_alloc(arena, SEALED_MAX);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64(&told->content, field, 0, SEALED_MAX, bytes, &len, error));
    *out = phi_view_of(bytes, len);
    if (len == 0)
        return PHI_OK;
    enum phi_err opened =
        phi_person_unseal(declare->keys.health, key, context, *out, arena, &plain);
    if (opened == PHI_ERR_ERASED)
        out->len = 0;
    else if (opened != PHI_ERR_NOT_FOUND) /* its key comes by another topic, maybe later */
        err = opened;
out:
    return err;
}

static enum phi_err keep_basic(const struct declare *declare, const struct settled *told,
                               struct phi_conn *tx, struct phi_arena *arena, struct phi_rows **rows,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *app = NULL, *division = NULL;
    struct phi_person_key key;
    struct phi_view sealed;
    PHI_GUARD(phi_json_word(&told->content, "app", WORD_MAX, &app, error));
    PHI_GUARD(phi_json_word(&told->content, "division", WORD_MAX, &division, error));
    PHI_GUARD(phi_person_keys_find(tx, told->subject, arena, &key, error));
    PHI_GUARD(read_sealed(declare, told, &key, "sealed", BASIC_SEALED, arena, &sealed, error));
    if (sealed.len == 0)
        return PHI_OK;
    const struct phi_param params[] = {PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(told->subject_key),
                                       PHI_TEXT(app),
                                       PHI_TEXT(division),
                                       PHI_BYTES(sealed),
                                       PHI_I64(told->at_us)};
    PHI_GUARD(phi_conn_exec(
        tx, "restore_basic",
        "INSERT INTO basic AS old (subject, subject_key, app_id, region, sealed, updated_us) "
        "VALUES ($1, $2::bigint, $3, $4, $5, $6::bigint) ON CONFLICT (subject) DO UPDATE SET "
        "subject_key = excluded.subject_key, app_id = excluded.app_id, region = excluded.region, "
        "sealed = excluded.sealed, updated_us = excluded.updated_us WHERE old.updated_us < "
        "excluded.updated_us RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), rows, error));
out:
    return err;
}

struct link_told {
    uint8_t id[DOCUMENTS_LINK_LEN];
    uint8_t greater[PHI_SUBJECT_LEN];
    int64_t revision;
    bool is_linked;
    const char *proof;
    struct phi_view views[2]; /* the lesser's first */
};

/* Once one of the two was erased neither is told of the other any more. */
static enum phi_err read_link(const struct declare *declare, const struct settled *told,
                              struct phi_conn *tx, struct phi_arena *arena, struct link_told *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_person_key keys[2];
    PHI_GUARD(phi_json_hex(&told->content, "linkId", out->id, DOCUMENTS_LINK_LEN, error));
    PHI_GUARD(phi_json_hex(&told->content, "greater", out->greater, PHI_SUBJECT_LEN, error));
    PHI_GUARD(phi_json_int(&told->content, "revision", 1, UINT32_MAX, &out->revision, error));
    PHI_GUARD(phi_json_bool(&told->content, "isLinked", &out->is_linked, error));
    PHI_GUARD(phi_json_word(&told->content, "proof", WORD_MAX, &out->proof, error));
    PHI_GUARD(phi_person_keys_find(tx, told->subject, arena, &keys[0], error));
    PHI_GUARD(phi_person_keys_find(tx, out->greater, arena, &keys[1], error));
    PHI_GUARD(read_sealed(declare, told, &keys[0], "lesserView", DOCUMENTS_VIEW, arena,
                          &out->views[0], error));
    PHI_GUARD(read_sealed(declare, told, &keys[1], "greaterView", DOCUMENTS_VIEW, arena,
                          &out->views[1], error));
    if (out->views[0].len == 0 || out->views[1].len == 0)
        out->views[0].len = out->views[1].len = 0;
out:
    return err;
}

static enum phi_err keep_link(const struct declare *declare, const struct settled *told,
                              struct phi_conn *tx, struct phi_arena *arena, struct phi_rows **rows,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct link_told link;
    PHI_GUARD(read_link(declare, told, tx, arena, &link, error));
    const struct phi_param params[] = {PHI_BYTES_OF(link.id, DOCUMENTS_LINK_LEN),
                                       PHI_BYTES_OF(told->subject, PHI_SUBJECT_LEN),
                                       PHI_BYTES_OF(link.greater, PHI_SUBJECT_LEN),
                                       PHI_I64(link.revision),
                                       PHI_BOOL(link.is_linked),
                                       PHI_TEXT(link.proof),
                                       PHI_BYTES(link.views[0]),
                                       PHI_BYTES(link.views[1]),
                                       PHI_I64(told->at_us)};
    PHI_GUARD(phi_conn_exec(
        tx, "restore_link",
        "INSERT INTO links AS old (link_id, lesser, greater, revision, is_linked, proof, "
        "lesser_view, greater_view, changed_us) VALUES ($1, $2, $3, $4::bigint, $5::boolean, $6, "
        "$7, $8, $9::bigint) ON CONFLICT (link_id) DO UPDATE SET revision = excluded.revision, "
        "is_linked = excluded.is_linked, proof = excluded.proof, lesser_view = "
        "excluded.lesser_view, greater_view = excluded.greater_view, changed_us = "
        "excluded.changed_us WHERE old.revision < excluded.revision RETURNING 1",
        params, sizeof(params) / sizeof(params[0]), rows, error));
out:
    return err;
}

enum phi_err restore_settled(struct phi_service *service, const struct phi_msg *msg,
                             struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(service);
    struct phi_rows *rows = NULL;
    struct settled told;
    err = read_settled(declare, msg, arena, &told);
    if (err != PHI_OK)
        return err == PHI_ERR_MEMORY || err == PHI_ERR_CRYPTO ? err : PHI_OK;
    switch ((enum settled_kind)told.kind) {
    case SETTLED_CONSENT:
        PHI_GUARD(keep_consent(&told, tx, &rows, error));
        break;
    case SETTLED_CONSENT_END:
        PHI_GUARD(keep_consent_end(&told, tx, &rows, error));
        break;
    case SETTLED_BASIC:
        PHI_GUARD(keep_basic(declare, &told, tx, arena, &rows, error));
        break;
    case SETTLED_LINK:
        PHI_GUARD(keep_link(declare, &told, tx, arena, &rows, error));
        break;
    case SETTLED_KINDS:
        break;
    }
    *is_new = phi_rows_count(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err restore_forget(struct phi_conn *tx, const uint8_t *subject, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN)};
    return phi_conn_exec(
        tx, "restore_forget",
        "WITH forgotten AS (DELETE FROM basic WHERE subject = $1::bytea), unseen AS (UPDATE links "
        "SET lesser_view = '', greater_view = '' WHERE $1::bytea IN (lesser, greater)), "
        "unproposed AS (UPDATE link_proposals SET documents = '' WHERE documents <> '' AND "
        "$1::bytea IN (lesser, greater)) UPDATE declarations SET sealed = '' WHERE subject = "
        "$1::bytea",
        params, 1, NULL, error);
}
