#include "svc-correction/restore/rows.h"

#include "base/text.h"
#include "svc-correction/attachments/attach.h"
#include "svc-correction/entry/filer.h"

#include <stdio.h>

#define TYPE_MAX 64
#define I64_TEXT 24

/* --- writing --- */

static enum phi_err add(json_t *to, const char *member, json_t *value)
{
    return json_object_set_new(to, member, value) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static json_t *filer_json(const struct filer *filer)
{
    char hex[2 * PHI_SUBJECT_LEN + 1], until[I64_TEXT];
    phi_hex_encode(phi_view_of(filer->actor, PHI_SUBJECT_LEN), hex);
    snprintf(until, sizeof(until), "%lld", (long long)filer->mandate.until_us);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "filer", hex, "role", filer->role, "issuer",
                     filer->mandate.issuer, "mandateId", filer->mandate.mandate_id, "until", until);
}

static json_t *file_json(const struct move_file *file)
{
    char hex[2 * ATTACHMENT_LEN + 1];
    phi_hex_encode(phi_view_of(file->id, ATTACHMENT_LEN), hex);
    return json_pack("{s:s, s:I, s:s, s:I}", "id", hex, "number", (json_int_t)file->number, "type",
                     file->type, "size", (json_int_t)file->size_bytes);
}

enum phi_err rows_write(const struct move_rows *rows, json_t *to)
{
    enum phi_err err = PHI_OK;
    char hex[2 * PHI_SM3_LEN + 1];
    if (rows == NULL)
        return PHI_OK;
    if (rows->filer != NULL)
        PHI_GUARD(add(to, "filer", filer_json(rows->filer)));
    if (rows->dispute_id != NULL) {
        phi_hex_encode(phi_view_of(rows->dispute_id, DISPUTE_LEN), hex);
        PHI_GUARD(add(to, "disputeId", json_string(hex)));
    }
    if (rows->file != NULL)
        PHI_GUARD(add(to, "file", file_json(rows->file)));
    if (rows->first.len > 0) {
        phi_hex_encode(rows->first, hex);
        PHI_GUARD(
            add(to, "first", json_pack("{s:s, s:s}", "officer", hex, "unit", rows->first_unit)));
    }
out:
    return err;
}

/* --- reading --- */

static enum phi_err read_filer(const struct phi_json_at *at, struct kept_rows *out)
{
    enum phi_err err = PHI_OK;
    const char *until = NULL;
    PHI_GUARD(phi_json_hex(at, "filer", out->filer, PHI_SUBJECT_LEN, NULL));
    PHI_GUARD(phi_json_word(at, "issuer", PHI_MANDATE_WORD_MAX, &out->issuer, NULL));
    PHI_GUARD(phi_json_word(at, "mandateId", PHI_MANDATE_WORD_MAX, &out->mandate_id, NULL));
    PHI_GUARD(phi_json_word(at, "until", I64_TEXT, &until, NULL));
    PHI_GUARD(phi_text_to_i64(phi_view_text(until), 0, INT64_MAX, &out->until_us));
    PHI_GUARD(phi_json_word(at, "role", CASE_WORD_MAX, &out->role, NULL));
out:
    return err;
}

static enum phi_err read_file(const struct phi_json_at *at, struct kept_rows *out)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_hex(at, "id", out->file_id, ATTACHMENT_LEN, NULL));
    PHI_GUARD(phi_json_int(at, "number", 1, ATTACH_MAX, &out->file_number, NULL));
    PHI_GUARD(phi_json_int(at, "size", 1, ATTACHMENT_MAX_BYTES, &out->file_bytes, NULL));
    PHI_GUARD(phi_json_text(at, "type", 1, TYPE_MAX, &out->file_type, NULL));
out:
    return err;
}

enum phi_err rows_read(const struct phi_json_at *at, struct kept_rows *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at filer, file, first;
    PHI_GUARD(phi_json_object_opt(at, "filer", &filer, NULL));
    PHI_GUARD(phi_json_object_opt(at, "file", &file, NULL));
    PHI_GUARD(phi_json_object_opt(at, "first", &first, NULL));
    PHI_GUARD(
        phi_json_hex_opt(at, "disputeId", out->dispute_id, DISPUTE_LEN, &out->has_dispute, NULL));
    if (filer.value != NULL)
        PHI_GUARD(read_filer(&filer, out));
    if (file.value != NULL)
        PHI_GUARD(read_file(&file, out));
    if (first.value != NULL) {
        PHI_GUARD(phi_json_hex(&first, "officer", out->first, PHI_SM3_LEN, NULL));
        PHI_GUARD(phi_json_word(&first, "unit", CASE_WORD_MAX, &out->first_unit, NULL));
    }
out:
    return err;
}

/* --- into the tables --- */

static enum phi_err add_filer(const struct rows_of *of, const struct kept_rows *rows,
                              struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(of->case_id, CASE_LEN),
                                       PHI_BYTES_OF(rows->filer, PHI_SUBJECT_LEN),
                                       PHI_BYTES_OF(of->subject, PHI_SUBJECT_LEN),
                                       PHI_TEXT(rows->role),
                                       PHI_TEXT(rows->issuer),
                                       PHI_TEXT(rows->mandate_id),
                                       PHI_I64(rows->until_us),
                                       PHI_I64(of->at_us)};
    return phi_conn_exec(of->tx, "restore_filer",
                         "INSERT INTO filers (case_id, filer, subject, role, issuer, mandate_id, "
                         "until_us, at_us) VALUES ($1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint) "
                         "ON CONFLICT (case_id, filer) DO UPDATE SET role = EXCLUDED.role, issuer "
                         "= EXCLUDED.issuer, mandate_id = EXCLUDED.mandate_id, until_us = "
                         "EXCLUDED.until_us WHERE filers.until_us < EXCLUDED.until_us",
                         params, sizeof(params) / sizeof(params[0]), NULL, error);
}

/* The unified platform is told again from the case's first step: it keeps what it knows. */
static enum phi_err add_handed(const struct rows_of *of, const struct kept_rows *rows,
                               struct phi_error *error)
{
    const struct phi_param params[] = {PHI_BYTES_OF(rows->dispute_id, DISPUTE_LEN),
                                       PHI_BYTES_OF(of->case_id, CASE_LEN)};
    enum phi_err err = phi_conn_exec(of->tx, "restore_handed",
                                     "INSERT INTO handed (dispute_id, case_id) VALUES ($1, $2) ON "
                                     "CONFLICT DO NOTHING",
                                     params, 2, NULL, error);
    if (err != PHI_OK)
        return err;
    return phi_conn_exec(of->tx, "restore_told", "UPDATE cases SET told_seq = 0 WHERE case_id = $1",
                         &params[1], 1, NULL, error);
}

static enum phi_err add_file(const struct rows_of *of, const struct kept_rows *rows,
                             struct phi_error *error)
{
    const struct phi_param params[ATTACH_COLUMNS] = {PHI_BYTES_OF(rows->file_id, ATTACHMENT_LEN),
                                                     PHI_BYTES_OF(of->case_id, CASE_LEN),
                                                     PHI_I64(rows->file_number),
                                                     PHI_TEXT(rows->file_type),
                                                     PHI_I64(rows->file_bytes),
                                                     PHI_BYTES(of->content_digest),
                                                     PHI_I64(of->at_us)};
    return phi_conn_exec(of->tx, "restore_file",
                         "INSERT INTO attachments (attachment_id, case_id, number, type, "
                         "size_bytes, digest, at_us) VALUES ($1, $2, $3::bigint, $4, $5::bigint, "
                         "$6, $7::bigint) ON CONFLICT DO NOTHING",
                         params, ATTACH_COLUMNS, NULL, error);
}

enum phi_err rows_restore(const struct rows_of *of, const struct kept_rows *rows,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (rows->role != NULL)
        PHI_GUARD(add_filer(of, rows, error));
    if (rows->has_dispute)
        PHI_GUARD(add_handed(of, rows, error));
    if (rows->file_type != NULL)
        PHI_GUARD(add_file(of, rows, error));
out:
    return err;
}
