#include "svc-correction/restore/kept.h"

#include "base/text.h"
#include "crypto/seal.h"
#include "json/canonical.h"

#define CONTEXT     "correction.step.kept"
#define SEALED_MAX  (32 * 1024)
#define NOTE_MAX    (16 * 1024)
#define CONTENT_MAX (16 * 1024)
#define DEPTH_MAX   3
#define TEXT_MAX    128

static const char *hex_of(struct phi_view bytes, struct phi_arena *arena)
{
    char *text = phi_arena_alloc(arena, 2 * bytes.len + 1);
    if (text != NULL)
        phi_hex_encode(bytes, text);
    return text;
}

static const char *base64_of(struct phi_view bytes, struct phi_arena *arena)
{
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(bytes.len) + 1);
    if (text != NULL)
        phi_base64_encode(bytes, text);
    return text;
}

enum phi_err kept_seal(const struct correction *correction, const struct move *move,
                       struct phi_arena *arena, const char **out)
{
    enum phi_err err = PHI_OK;
    struct case_now then = *move->now;
    struct phi_view plain, sealed;
    move_take(move, &then);
    const char *note = move->act->told == NULL ? NULL : base64_of(move->act->note, arena);
    bool has_content = move->act->content_is_told && move->act->content.len > 0;
    const char *content = has_content ? base64_of(move->act->content, arena) : NULL;
    json_t *json = json_pack(
        "{s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s*, s:s, s:s*}", "matter",
        hex_of(phi_view_of(then.matter, PHI_SM3_LEN), arena), "subjectKey",
        (json_int_t)PHI_SUBJECT_KEY_VERSION, "due",
        phi_arena_printf(arena, "%lld", (long long)move->due_us), "level", (json_int_t)then.level,
        "decisionVersion", phi_arena_printf(arena, "%lld", (long long)move->act->decision_version),
        "institution", then.fact.institution, "recordNo", then.fact.record_no, "outcome",
        then.outcome, "reason", then.reason, "proposer", hex_of(then.officer, arena),
        "proposerUnit", then.unit, "note", note, "matterKind", matter_names[then.matter_kind],
        "content", content);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(rows_write(move->act->rows, json));
    PHI_GUARD(phi_json_canonical(json, arena, &plain));
    PHI_GUARD(phi_seal(correction->health_key, CONTEXT, then.subject, plain, arena, &sealed));
    *out = base64_of(sealed, arena);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

/* --- reading --- */

static enum phi_err read_bytes(const struct phi_json_at *at, const char *member, size_t max,
                               struct phi_arena *arena, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    bool is_there = false;
    size_t len = 0;
    uint8_t *bytes = phi_arena_alloc(arena, max);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_base64_opt(at, member, 0, max, bytes, &len, &is_there, NULL));
    *out = phi_view_of(bytes, is_there ? len : 0);
out:
    return err;
}

static enum phi_err read_number(const struct phi_json_at *at, const char *member, int64_t *out)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    PHI_GUARD(phi_json_word(at, member, 20, &text, NULL));
    PHI_GUARD(phi_text_to_i64(phi_view_text(text), 0, INT64_MAX, out));
out:
    return err;
}

static enum phi_err read_proposer(const struct phi_json_at *at, struct phi_arena *arena,
                                  struct kept *out)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    uint8_t *bytes = phi_arena_alloc(arena, PHI_SM3_LEN);
    PHI_GUARD(bytes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_text(at, "proposer", 0, 2 * PHI_SM3_LEN, &text, NULL));
    if (text[0] != '\0')
        PHI_GUARD(phi_hex_decode(phi_view_text(text), bytes, PHI_SM3_LEN));
    out->proposer = phi_view_of(bytes, text[0] == '\0' ? 0 : PHI_SM3_LEN);
out:
    return err;
}

static enum phi_err read_plain(struct phi_view plain, struct phi_arena *arena, struct kept *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at at;
    PHI_GUARD(phi_json_read(plain, DEPTH_MAX, arena, &at, NULL));
    PHI_GUARD(phi_json_hex(&at, "matter", out->matter, PHI_SM3_LEN, NULL));
    PHI_GUARD(phi_json_int(&at, "subjectKey", 1, 255, &out->subject_key, NULL));
    PHI_GUARD(phi_json_int(&at, "level", 0, INT32_MAX, &out->level, NULL));
    PHI_GUARD(read_number(&at, "due", &out->due_us));
    PHI_GUARD(read_number(&at, "decisionVersion", &out->decision_version));
    PHI_GUARD(phi_json_text(&at, "institution", 0, TEXT_MAX, &out->institution, NULL));
    PHI_GUARD(phi_json_text(&at, "recordNo", 0, TEXT_MAX, &out->record_no, NULL));
    PHI_GUARD(phi_json_text(&at, "outcome", 0, TEXT_MAX, &out->outcome, NULL));
    PHI_GUARD(phi_json_text(&at, "reason", 0, TEXT_MAX, &out->reason, NULL));
    PHI_GUARD(phi_json_text(&at, "proposerUnit", 0, TEXT_MAX, &out->proposer_unit, NULL));
    PHI_GUARD(read_proposer(&at, arena, out));
    PHI_GUARD(read_bytes(&at, "note", NOTE_MAX, arena, &out->note));
    PHI_GUARD(phi_json_word_opt(&at, "matterKind", CASE_WORD_MAX, "fact", &out->matter_kind, NULL));
    PHI_GUARD(read_bytes(&at, "content", CONTENT_MAX, arena, &out->content));
    PHI_GUARD(rows_read(&at, &out->rows));
out:
    return err;
}

enum phi_err kept_open(const struct correction *correction, const struct phi_json_at *root,
                       const uint8_t *subject, struct phi_arena *arena, struct kept *out)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed, plain;
    PHI_GUARD(read_bytes(root, "kept", SEALED_MAX, arena, &sealed));
    PHI_GUARD(sealed.len == 0 ? PHI_ERR_FIELD_MISSING : PHI_OK);
    PHI_GUARD(phi_unseal(correction->health_key, CONTEXT, subject, sealed, arena, &plain));
    PHI_GUARD(read_plain(plain, arena, out));
out:
    return err;
}
