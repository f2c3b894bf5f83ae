/* The graded picture (GB/T 38961 5): the holder's own code in the colour, word and shape of the
 * grade, with masked name and number and the time. The code comes with the holder's token;
 * svc-verify says that it is theirs. */
#include "codes/region.h"
#include "picture/picture.h"
#include "svc-directory/query/query.h"

#include <string.h>

#define PICTURE_SCALE 8

struct draw {
    struct ask ask;
    size_t format;    /* enum phi_picture_format */
    size_t symbology; /* enum phi_symbology */
    struct phi_verify_reply reply;
    struct person_entry entry;
    struct person_identity identity;
};

static enum phi_err parse(struct phi_api_call *call, struct draw *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_text(&body, "code", 1, PHI_JKM1_TEXT_MAX, &out->ask.code, error));
    PHI_GUARD(phi_json_enum(&body, "format", phi_picture_formats, PHI_PICTURE_FORMATS, &out->format,
                            error));
    PHI_GUARD(phi_json_enum_opt(&body, "symbology", phi_symbology_names, PHI_SYMBOLOGY_COUNT,
                                PHI_SYMBOL_QR, &out->symbology, error));
    out->ask.operation = PHI_VERIFY_OWN;
    out->ask.scope = PHI_SCOPE_PASS;
    PHI_GUARD(directory_subject(call, out->ask.holder));
out:
    return err;
}

static enum phi_err look_up(struct phi_api_call *call, struct draw *d, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(person_entry_read(directory_of(call), conn, d->ask.holder, phi_api_arena(call),
                                &d->entry, error));
    PHI_GUARD(person_identity_read(directory_of(call), conn, d->ask.holder, phi_api_arena(call),
                                   &d->identity, error));
    if (d->identity.is_awaited)
        err = phi_error_set(error, PHI_ERR_BUS, PHI_PERSON_STREAM, "data keys are being read");
    else if (!d->identity.is_there)
        err = phi_error_set(error, PHI_ERR_NO_BASIC, "Phi-Identity",
                            "no basic information is known here");
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err picture_of(struct phi_api_call *call, const struct draw *d,
                               struct phi_picture *out)
{
    *out = (struct phi_picture){.symbology = (enum phi_symbology)d->symbology,
                                .text = phi_view_text(d->ask.code),
                                .format = (enum phi_picture_format)d->format,
                                .scale = PICTURE_SCALE,
                                .mark_key = directory_of(call)->mark_key};
    out->mark.time_s = phi_api_now_us(call) / 1000000;
    memcpy(out->mark.platform, phi_service_region(phi_api_service(call)), PHI_REGION_LEN + 1);
    return phi_mark_app(phi_view_text(phi_api_app(call)->app_id), out->mark.app);
}

static enum phi_err draw(struct phi_api_call *call, const struct draw *d, struct phi_arena *arena,
                         struct phi_view *bytes, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_grade_row *row = phi_grade_row(d->entry.grade);
    const struct phi_picture_grade look = {row->zh, row->en, row->colour, row->shape};
    const struct phi_picture_holder holder = {.name = d->identity.name,
                                              .id_no = d->identity.id_no,
                                              .drawn_us = phi_api_now_us(call),
                                              .until_us = d->reply.deadline_s * 1000000,
                                              .place = phi_region_name_zh(d->reply.platform)};
    struct phi_picture picture;
    PHI_GUARD(picture_of(call, d, &picture));
    err = phi_picture_graded(&picture, &look, &holder, arena, bytes);
    if (err == PHI_ERR_FIELD_VALUE)
        err = phi_error_set(error, err, "$.code", "too long for a symbol");
out:
    return err;
}

static enum phi_err tell(struct phi_api_call *call, const struct draw *d, struct phi_arena *arena,
                         struct phi_view bytes)
{
    enum phi_err err = PHI_OK;
    char *base64 = phi_arena_alloc(arena, PHI_BASE64_LEN(bytes.len) + 1);
    PHI_GUARD(base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(bytes, base64);
    json_t *data = json_pack("{s:s, s:s, s:s, s:o}", "mediaType",
                             phi_picture_media_type((enum phi_picture_format)d->format),
                             "symbology", phi_symbology_names[d->symbology], "base64", base64,
                             "grade", person_grade_json(d->entry.grade));
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_api_data(call, data);
out:
    return err;
}

static enum phi_err answer(struct phi_api_call *call, struct draw *d, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    struct phi_arena *arena = phi_arena_new(PHI_PICTURE_ARENA_BYTES);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(look_up(call, d, error));
    PHI_GUARD(draw(call, d, arena, &bytes, error));
    PHI_GUARD(tell(call, d, arena, bytes));
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err directory_picture(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct draw d = {0};
    PHI_GUARD(parse(call, &d, error));
    PHI_GUARD(ask_verify(call, &d.ask, &d.reply, error));
    PHI_GUARD(d.reply.status == PHI_OK ? answer(call, &d, error)
                                       : ask_tell_refusal(call, &d.reply, error));
out:
    return err;
}
