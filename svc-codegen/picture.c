/* The neutral picture of a code: the code side knows nothing of health. */
#include "svc-codegen/mint.h"

#include "picture/picture.h"

#define PICTURE_SCALE 8

static const char *const formats[] = {"png", "svg"};
static const char *const types[] = {"image/png", "image/svg+xml"};
static const enum phi_picture_format symbols[] = {PHI_PICTURE_PNG, PHI_PICTURE_SVG};

enum phi_err codegen_picture_parse(const struct phi_json_at *body, struct mint_picture *out,
                                   struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at picture;
    static const char *const members[] = {"format"};
    PHI_GUARD(phi_json_object_opt(body, "picture", &picture, error));
    out->is_wanted = picture.value != NULL;
    if (!out->is_wanted)
        return PHI_OK;
    PHI_GUARD(phi_json_only(&picture, members, 1, error));
    PHI_GUARD(phi_json_enum(&picture, "format", formats, 2, &out->format, error));
out:
    return err;
}

enum phi_err codegen_picture_draw(struct phi_api_call *call, const struct mint_picture *wish,
                                  const char *text, json_t *data)
{
    enum phi_err err = PHI_OK;
    const struct phi_picture picture = {.symbology = PHI_SYMBOL_QR,
                                        .text = phi_view_text(text),
                                        .format = symbols[wish->format],
                                        .scale = PICTURE_SCALE};
    struct phi_view bytes;
    PHI_GUARD(phi_picture_neutral(&picture, phi_api_arena(call), &bytes));
    char *base64 = phi_arena_alloc(phi_api_arena(call), PHI_BASE64_LEN(bytes.len) + 1);
    PHI_GUARD(base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(bytes, base64);
    json_object_set_new(
        data, "picture",
        json_pack("{s:s, s:s}", "mediaType", types[wish->format], "base64", base64));
out:
    return err;
}
