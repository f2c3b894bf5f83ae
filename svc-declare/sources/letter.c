#include "svc-declare/sources/letter.h"

#include "bus/signed.h"
#include "codes/region.h"
#include "crypto/envelope.h"
#include "crypto/key.h"
#include "crypto/seal.h"
#include "json/json.h"
#include "service/letter.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX          2
#define NATIONAL_DEPTH_MAX 4
#define NATIONAL_MAX       57 /* with "000000." an institution has at most 64 letters */
#define KIND_MAX           32
#define KEYS_MAX           16
#define LINES_MAX          (1024 * 1024)
#define DATA_KEY_MAX       64
#define CONTEXT            "intake.lines"

static enum phi_err check_signature(const struct phi_msg *msg, const struct phi_registry_app *app,
                                    int64_t now_us, struct phi_error *error)
{
    struct phi_pinned_key pinned[KEYS_MAX];
    size_t count = 0;
    uint64_t version = 0;
    for (size_t i = 0; i < app->key_count && count < KEYS_MAX; i++) {
        const struct phi_registry_key *key = &app->keys[i];
        if (now_us < key->from_us || now_us >= key->to_us)
            continue;
        struct phi_pinned_key *pin = &pinned[count++];
        snprintf(pin->key_serial, sizeof(pin->key_serial), "%s", key->serial);
        pin->key = key->public_key;
    }
    return phi_signed_verify(msg, pinned, count, &version, error);
}

static enum phi_err read_kind(const struct phi_json_at *root, const struct form_kind **out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *name = NULL;
    PHI_GUARD(phi_json_word(root, "kind", KIND_MAX, &name, error));
    *out = form_kind_find(name);
    if (*out == NULL)
        err = phi_json_refuse(root, "kind", PHI_ERR_FIELD_VALUE, "no such data source", error);
out:
    return err;
}

static enum phi_err find_kind(const struct phi_json_at *root, const struct phi_registry_app *app,
                              struct letter *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct form_kind *kind = NULL;
    PHI_GUARD(read_kind(root, &kind, error));
    if (!phi_words_has(&app->sources, kind->kind))
        return phi_json_refuse(root, "kind", PHI_ERR_FORBIDDEN,
                               "the app does not report this source", error);
    out->kind = kind;
out:
    return err;
}

static enum phi_err open_key(const struct phi_json_at *root, const struct phi_sm2_private *key,
                             struct phi_seal_key **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t envelope[PHI_ENVELOPE_MAX], plain[DATA_KEY_MAX];
    size_t envelope_len = 0, len = 0;
    PHI_GUARD(phi_json_base64(root, "key", 1, sizeof(envelope), envelope, &envelope_len, error));
    err = phi_envelope_open(key, phi_view_of(envelope, envelope_len), plain, sizeof(plain), &len);
    if (err == PHI_OK)
        err = phi_seal_key_new(0, phi_view_of(plain, len), out);
    if (err != PHI_OK && err != PHI_ERR_MEMORY)
        err =
            phi_json_refuse(root, "key", PHI_ERR_DATA_BROKEN, "not sealed to this program", error);
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static enum phi_err open_lines(const struct phi_msg *msg, const struct phi_json_at *root,
                               const struct phi_seal_key *key, struct phi_arena *arena,
                               struct letter *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    size_t len = 0;
    uint8_t *sealed = phi_arena_alloc(arena, LINES_MAX);
    PHI_GUARD(sealed == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64(root, "lines", PHI_SEAL_OVERHEAD, LINES_MAX, sealed, &len, error));
    PHI_GUARD(phi_sm3(phi_view_text(msg->topic), digest));
    err = phi_unseal(key, CONTEXT, digest, phi_view_of(sealed, len), arena, &out->lines);
    if (err == PHI_ERR_DATA_BROKEN)
        err = phi_json_refuse(root, "lines", err, "altered, or of another topic", error);
out:
    return err;
}

enum phi_err letter_open(const struct phi_msg *msg, const struct phi_registry_app *app,
                         const struct phi_sm2_private *key, int64_t now_us, struct phi_arena *arena,
                         struct letter *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"kind", "key", "lines"};
    struct phi_seal_key *data_key = NULL;
    struct phi_json_at root;
    if (app == NULL || app->suspended || !phi_words_has(&app->roles, LETTER_ROLE))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "topic", "no app that may write letters");
    PHI_GUARD(check_signature(msg, app, now_us, error));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(find_kind(&root, app, out, error));
    PHI_GUARD(open_key(&root, key, &data_key, error));
    PHI_GUARD(open_lines(msg, &root, data_key, arena, out, error));
out:
    phi_seal_key_free(data_key);
    return err;
}

/* --- of the nation --- */

static enum phi_err check_national(const struct phi_msg *msg,
                                   const struct phi_trust_platform *nation, int64_t now_us,
                                   struct phi_error *error)
{
    struct phi_pinned_key pinned[PHI_LETTER_KEYS_MAX];
    uint64_t version = 0;
    if (nation == NULL || nation->status != PHI_TRUST_ACTIVE)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "topic", "the trust list has no nation");
    size_t count = phi_letter_pin(nation, PHI_TRUST_ANSWER, now_us, pinned);
    return phi_signed_verify(msg, pinned, count, &version, error);
}

static enum phi_err read_institution(const struct phi_json_at *root, struct phi_arena *arena,
                                     struct letter *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *name = NULL;
    PHI_GUARD(phi_json_word(root, "institution", NATIONAL_MAX, &name, error));
    out->institution = phi_arena_printf(arena, PHI_REGION_NATION ".%s", name);
    PHI_GUARD(out->institution == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err letter_open_national(const struct phi_msg *msg,
                                  const struct phi_trust_platform *nation,
                                  const struct phi_sm2_private *key, int64_t now_us,
                                  struct phi_arena *arena, struct letter *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"kind", "institution", "keys", "lines"};
    const struct phi_letter sealed = {.topic = msg->topic, .context = CONTEXT, .member = "lines"};
    struct phi_json_at root;
    PHI_GUARD(check_national(msg, nation, now_us, error));
    PHI_GUARD(phi_json_read(msg->value, NATIONAL_DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(read_institution(&root, arena, out, error));
    PHI_GUARD(read_kind(&root, &out->kind, error));
    PHI_GUARD(phi_letter_open(&sealed, &root, key, arena, &out->lines, error));
out:
    return err;
}
