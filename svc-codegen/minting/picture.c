/* The picture that comes with a code on request: a symbol, and on paper a certificate. Neutral: the
 * code side knows nothing of health. */
#include "svc-codegen/minting/mint.h"

#include "codes/mask.h"
#include "codes/region.h"
#include "picture/picture.h"

#include <string.h>

#define PICTURE_SCALE 8

enum phi_err codegen_picture_parse(const struct phi_json_at *body, struct mint_picture *out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at picture;
    static const char *const members[] = {"format", "symbology"};
    PHI_GUARD(phi_json_object_opt(body, "picture", &picture, error));
    out->is_wanted = picture.value != NULL;
    if (!out->is_wanted)
        return PHI_OK;
    PHI_GUARD(phi_json_only(&picture, members, 2, error));
    PHI_GUARD(phi_json_enum(&picture, "format", phi_picture_formats, PHI_PICTURE_FORMATS,
                            &out->format, error));
    PHI_GUARD(phi_json_enum_opt(&picture, "symbology", phi_symbology_names, PHI_SYMBOLOGY_COUNT,
                                PHI_SYMBOL_QR, &out->symbology, error));
out:
    return err;
}

static enum phi_err picture_of(struct phi_api_call *call, const struct mint_job *job,
                               struct phi_picture *out)
{
    *out = (struct phi_picture){.symbology = (enum phi_symbology)job->picture.symbology,
                                .text = phi_view_text(job->code.text),
                                .format = (enum phi_picture_format)job->picture.format,
                                .scale = PICTURE_SCALE,
                                .mark_key = codegen_of(call)->mark_key};
    out->mark.time_s = phi_api_now_us(call) / 1000000;
    memcpy(out->mark.platform, phi_service_region(phi_api_service(call)), PHI_REGION_LEN + 1);
    return phi_mark_app(phi_view_text(phi_api_app(call)->app_id), out->mark.app);
}

static enum phi_err draw_certificate(struct phi_api_call *call, const struct phi_picture *picture,
                                     const struct mint_job *job, struct phi_arena *arena,
                                     struct phi_view *bytes)
{
    enum phi_err err = PHI_OK;
    bool on_behalf = (job->code.flags & PHI_JKM1_ON_BEHALF) != 0;
    const struct phi_person *person = on_behalf ? &job->terms.ward : &phi_api_who(call)->person;
    struct phi_view name, id_no;
    PHI_GUARD(phi_mask_name(person->name, phi_api_arena(call), &name));
    PHI_GUARD(phi_mask_id_no(person->id_no, phi_api_arena(call), &id_no));
    const struct phi_picture_paper paper = {
        .name = phi_arena_text(phi_api_arena(call), name),
        .id_no = phi_arena_text(phi_api_arena(call), id_no),
        .issuer = phi_region_name_zh(phi_service_region(phi_api_service(call))),
        .issued_us = job->code.minted_us,
        .until_us = job->code.deadline_s * 1000000};
    PHI_GUARD(phi_picture_certificate(picture, &paper, arena, bytes));
out:
    return err;
}

enum phi_err codegen_picture_draw(struct phi_api_call *call, const struct mint_job *job,
                                  json_t *data)
{
    enum phi_err err = PHI_OK;
    struct phi_picture picture;
    struct phi_view bytes;
    struct phi_arena *arena = phi_arena_new(PHI_PICTURE_ARENA_BYTES);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(picture_of(call, job, &picture));
    bool is_paper = (job->code.flags & PHI_JKM1_PAPER) != 0;
    PHI_GUARD(is_paper ? draw_certificate(call, &picture, job, arena, &bytes)
                       : phi_picture_neutral(&picture, arena, &bytes));
    char *base64 = phi_arena_alloc(arena, PHI_BASE64_LEN(bytes.len) + 1);
    PHI_GUARD(base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(bytes, base64);
    json_t *json = json_pack("{s:s, s:s, s:s}", "mediaType", phi_picture_media_type(picture.format),
                             "symbology", phi_symbology_names[picture.symbology], "base64", base64);
    PHI_GUARD(json_object_set_new(data, "picture", json) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    phi_arena_free(arena);
    return err;
}
