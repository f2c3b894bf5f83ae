/* What this directory knows of one person: the entry, the masked identity; and how both are told.
 */
#include "codes/mask.h"
#include "svc-directory/grading/silence.h"
#include "svc-directory/query/query.h"

#include <string.h>

/* What the clock has changed since is shown at once; its reasons come with the next version. */
static void apply_then(int64_t now_us, struct person_entry *out)
{
    if (now_us <= out->until_us)
        return;
    if (out->then != out->grade) {
        out->grade = out->then;
        out->from_us = out->until_us + 1;
        json_array_clear(out->reasons);
    }
    out->until_us = INT64_MAX;
}

/* Everybody is graded anew for a source that fell silent; who has not been yet is not green. */
static void apply_silence(struct silence *silence, struct person_entry *out)
{
    if (!silence_is_any(silence))
        return;
    if (out->then == PHI_GRADE_GREEN)
        out->then = PHI_GRADE_GREY;
    if (out->grade != PHI_GRADE_GREEN)
        return;
    out->grade = PHI_GRADE_GREY;
    json_array_clear(out->reasons);
}

enum phi_err person_entry_read(struct directory *directory, struct phi_conn *conn,
                               const uint8_t *subject, struct phi_arena *arena,
                               struct person_entry *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *reasons = NULL;
    const struct phi_param key = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    *out = (struct person_entry){.grade = PHI_GRADE_GREY};
    PHI_GUARD(
        phi_conn_exec(conn, "entry_find",
                      "SELECT grade, reasons, version, published_version, from_us, "
                      "updated_us, until_us, then_grade, is_withdrawn FROM entries WHERE subject = "
                      "$1",
                      &key, 1, &rows, error));
    if (phi_rows_count(rows) == 0)
        goto out;
    PHI_GUARD(reasons_decode(directory->reasons, phi_rows_bytes(rows, 0, 1), &reasons));
    PHI_GUARD(phi_json_keep(arena, reasons));
    *out = (struct person_entry){.is_there = true,
                                 .grade = (enum phi_grade)phi_rows_i64(rows, 0, 0),
                                 .reasons = reasons,
                                 .version = phi_rows_i64(rows, 0, 2),
                                 .published_version = phi_rows_i64(rows, 0, 3),
                                 .from_us = phi_rows_i64(rows, 0, 4),
                                 .updated_us = phi_rows_i64(rows, 0, 5),
                                 .until_us = phi_rows_i64(rows, 0, 6),
                                 .then = (enum phi_grade)phi_rows_i64(rows, 0, 7),
                                 .is_withdrawn = phi_rows_bool(rows, 0, 8)};
    apply_then(phi_clock_now_us(phi_service_clock(directory->service)), out);
    apply_silence(&directory->silence, out);
out:
    phi_rows_free(rows);
    return err;
}

/* A number of an unusual document can't be masked by rule: then nothing of it is shown. */
static enum phi_err mask_number(const char *number, struct phi_arena *arena, const char **out)
{
    struct phi_view masked;
    enum phi_err err = phi_mask_id_no(phi_view_text(number), arena, &masked);
    if (err == PHI_ERR_FIELD_VALUE) {
        *out = "*";
        return PHI_OK;
    }
    if (err == PHI_OK)
        *out = phi_arena_text(arena, masked);
    return err == PHI_OK && *out == NULL ? PHI_ERR_MEMORY : err;
}

static enum phi_err mask_identity(struct phi_view plain, struct phi_arena *arena,
                                  struct person_identity *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    struct phi_view masked;
    const char *name = NULL, *id_no = NULL;
    PHI_GUARD(phi_json_read(plain, 2, arena, &root, error));
    PHI_GUARD(phi_json_text(&root, "name", 1, 100, &name, error));
    PHI_GUARD(phi_json_text(&root, "idNo", 1, 32, &id_no, error));
    PHI_GUARD(phi_mask_name(phi_view_text(name), arena, &masked));
    out->name = phi_arena_text(arena, masked);
    PHI_GUARD(out->name == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(mask_number(id_no, arena, &out->id_no));
    out->is_there = true;
out:
    return err;
}

/* What was erased is said in place of the name; a key that is not here yet leaves the person
 * unnamed until it is. */
static enum phi_err open_identity(struct directory *directory, const uint8_t *subject,
                                  const struct phi_rows *rows, struct phi_arena *arena,
                                  struct person_identity *out, struct phi_error *error)
{
    struct phi_view plain;
    struct phi_person_key key = {.version = phi_rows_i64(rows, 0, 1),
                                 .wrapped = phi_rows_bytes(rows, 0, 2)};
    memcpy(key.subject, subject, PHI_SUBJECT_LEN);
    enum phi_err err = phi_person_unseal(directory->keys.health, &key, PHI_PERSON_IDENTITY_SEALED,
                                         phi_rows_bytes(rows, 0, 0), arena, &plain);
    if (err == PHI_ERR_NOT_FOUND)
        return PHI_OK;
    if (err != PHI_ERR_ERASED)
        return err == PHI_OK ? mask_identity(plain, arena, out, error) : err;
    *out = (struct person_identity){.is_there = true, .name = PHI_PERSON_ERASED_ZH, .id_no = "*"};
    return PHI_OK;
}

enum phi_err person_identity_read(struct directory *directory, struct phi_conn *conn,
                                  const uint8_t *subject, struct phi_arena *arena,
                                  struct person_identity *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param key = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    *out = (struct person_identity){.is_awaited = !phi_person_replay_is_done(directory->replay)};
    if (out->is_awaited)
        return PHI_OK;
    PHI_GUARD(phi_conn_exec(conn, "person_find",
                            "SELECT p.identity_sealed, coalesce(k.version, 0), k.wrapped FROM "
                            "people p LEFT JOIN person_keys k USING (subject) WHERE subject = $1",
                            &key, 1, &rows, error));
    if (phi_rows_count(rows) > 0)
        PHI_GUARD(open_identity(directory, subject, rows, arena, out, error));
out:
    phi_rows_free(rows);
    return err;
}

json_t *person_grade_json(enum phi_grade grade)
{
    const struct phi_grade_row *row = phi_grade_row(grade);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", row->code, "zh", row->zh, "en", row->en,
                     "colour", row->colour, "shape", row->shape);
}

static bool has_word(const json_t *words, const char *word)
{
    for (size_t i = 0; i < json_array_size(words); i++)
        if (strcmp(json_string_value(json_array_get(words, i)), word) == 0)
            return true;
    return false;
}

json_t *person_reason_words(const json_t *reasons)
{
    json_t *words = json_array();
    for (size_t i = 0; words != NULL && i < json_array_size(reasons); i++) {
        const char *word = json_string_value(json_object_get(json_array_get(reasons, i), "reason"));
        if (word != NULL && !has_word(words, word))
            json_array_append_new(words, json_string(word));
    }
    return words;
}

json_t *person_holder_json(const struct person_identity *identity)
{
    return identity->is_there
               ? json_pack("{s:s, s:s}", "name", identity->name, "idNo", identity->id_no)
               : json_null();
}

json_t *person_entry_json(const char *region, const char *via, const struct person_entry *entry)
{
    char version[24], updated[PHI_RFC3339_MAX];
    snprintf(version, sizeof(version), "%lld", (long long)entry->version);
    phi_rfc3339_format(entry->updated_us, updated);
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "region", region, "via", via, "grade",
                     phi_grade_code(entry->grade), "reasons", person_reason_words(entry->reasons),
                     "version", version, "updatedAt", updated);
}
