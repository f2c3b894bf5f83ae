#include "auth/token.h"

#include "auth/jwks.h"
#include "base/mutant.h"
#include "base/text.h"
#include "codes/idtype.h"

#include <string.h>

#define DEPTH_MAX       8
#define SIGNATURE_BYTES 64 /* ES256: r‖s */
#define ISSUER_MAX      256
#define SUB_MAX         128
#define NAME_MAX_CP     100
#define AMR_MAX         16
#define AUD_MAX         16

static enum phi_err refuse(struct phi_error *error, const char *place, const char *why)
{
    return phi_error_set(error, PHI_ERR_IDENTITY, place, "%s", why);
}

/* A reader's error becomes the token's: the place is the claim. */
static enum phi_err claim_error(enum phi_err err, const char *claim, struct phi_error *error)
{
    if (err == PHI_OK || err == PHI_ERR_MEMORY)
        return err;
    return refuse(error, claim, "missing or malformed claim");
}

/* Form: three parts of base64url */

static bool is_base64url(struct phi_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
        if (!ok)
            return false;
    }
    return text.len > 0;
}

static enum phi_err base64url_decode(struct phi_view text, struct phi_arena *arena,
                                     struct phi_view *out)
{
    size_t padded = (text.len + 3) / 4 * 4;
    size_t len = 0;
    char *standard = phi_arena_alloc(arena, padded + 1);
    uint8_t *bytes = phi_arena_alloc(arena, padded);
    if (standard == NULL || bytes == NULL)
        return PHI_ERR_MEMORY;
    memset(standard, '=', padded);
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        standard[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    if (phi_base64_decode(phi_view_of(standard, padded), bytes, padded, &len) != PHI_OK)
        return PHI_ERR_IDENTITY;
    *out = phi_view_of(bytes, len);
    return PHI_OK;
}

static bool split(struct phi_view token, struct phi_view parts[3])
{
    const uint8_t *at = token.data;
    const uint8_t *end = token.data + token.len;
    for (int i = 0; i < 3; i++) {
        const uint8_t *dot = i < 2 ? memchr(at, '.', (size_t)(end - at)) : end;
        if (dot == NULL)
            return false;
        parts[i] = phi_view_of(at, (size_t)(dot - at));
        if (!is_base64url(parts[i]))
            return false;
        at = dot + 1;
    }
    return true;
}

static enum phi_err read_part(struct phi_view part, struct phi_arena *arena,
                              struct phi_json_at *out)
{
    struct phi_view json;
    enum phi_err err = base64url_decode(part, arena, &json);
    if (err == PHI_OK)
        err = phi_json_read(json, DEPTH_MAX, arena, out, NULL);
    if (err == PHI_OK)
        err = phi_json_as_object(out, NULL);
    return err;
}

/* `alg` is pinned, and nothing that changes how the token is to be read is let through. */
static enum phi_err read_header(const struct phi_json_at *header, struct phi_token *out,
                                struct phi_error *error)
{
    static const char *const refused[] = {"crit", "b64", "zip", "jwk", "jku", "x5u"};
    const char *alg = NULL;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (json_object_get(header->value, refused[i]) != NULL)
            return refuse(error, refused[i], "header parameter not accepted");
    }
    if (phi_json_text(header, "alg", 1, 16, &alg, NULL) != PHI_OK || strcmp(alg, "ES256") != 0)
        return refuse(error, "alg", "not ES256");
    if (phi_json_text(header, "kid", 1, PHI_KID_MAX, &out->kid, NULL) != PHI_OK ||
        strlen(out->kid) > PHI_KID_MAX)
        return refuse(error, "kid", "missing or malformed");
    return PHI_OK;
}

enum phi_err phi_token_open(struct phi_view token, struct phi_arena *arena, struct phi_token *out,
                            struct phi_error *error)
{
    struct phi_view parts[3];
    struct phi_json_at header;
    struct phi_view signature;
    struct phi_token opened = {.kid = NULL};
    if (token.len > PHI_TOKEN_MAX_BYTES)
        return refuse(error, "Phi-Identity", "longer than 4096 bytes");
    if (!split(token, parts))
        return refuse(error, "Phi-Identity", "not a compact JWS");
    /* decoded here too: the verifying library lets spare bits pass, so that one token would have
     * many forms */
    enum phi_err err = base64url_decode(parts[2], arena, &signature);
    if (err == PHI_OK && signature.len != SIGNATURE_BYTES)
        err = PHI_ERR_IDENTITY;
    if (err == PHI_OK)
        err = read_part(parts[0], arena, &header);
    if (err == PHI_OK)
        err = read_part(parts[1], arena, &opened.payload);
    if (err == PHI_ERR_MEMORY)
        return err;
    if (err != PHI_OK)
        return refuse(error, "Phi-Identity", "a part is malformed");
    err = read_header(&header, &opened, error);
    if (err != PHI_OK)
        return err;
    err = phi_json_text(&opened.payload, "iss", 1, ISSUER_MAX, &opened.issuer, NULL);
    if (err == PHI_OK)
        *out = opened;
    return claim_error(err, "iss", error);
}

/* Claims */

static enum phi_err read_times(const struct phi_json_at *payload, struct phi_token_claims *out,
                               struct phi_error *error)
{
    static const int64_t max_s = 253402300799; /* the end of year 9999 */
    int64_t not_before_s = 0;
    if (phi_json_int(payload, "exp", 0, max_s, &out->expires_s, NULL) != PHI_OK)
        return refuse(error, "exp", "missing or malformed claim");
    if (phi_json_int(payload, "iat", 0, max_s, &out->issued_s, NULL) != PHI_OK)
        return refuse(error, "iat", "missing or malformed claim");
    if (phi_json_int_opt(payload, "nbf", 0, max_s, 0, &not_before_s, NULL) != PHI_OK)
        return refuse(error, "nbf", "malformed claim");
    if (not_before_s > out->issued_s)
        out->issued_s = not_before_s;
    return PHI_OK;
}

static bool audience_has(const struct phi_json_at *payload, const char *audience)
{
    const json_t *aud = json_object_get(payload->value, "aud");
    bool found = PHI_MUTANT(any_audience);
    if (found)
        return true;
    if (json_is_string(aud))
        return strcmp(json_string_value(aud), audience) == 0;
    if (!json_is_array(aud) || json_array_size(aud) > AUD_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *item = json_array_get(aud, i);
        if (!json_is_string(item))
            return false;
        found = found || strcmp(json_string_value(item), audience) == 0;
    }
    return found;
}

static enum phi_err check_audience(const struct phi_json_at *payload, const char *audience,
                                   struct phi_error *error)
{
    const char *party = NULL;
    if (audience == NULL || audience[0] == '\0' || !audience_has(payload, audience))
        return refuse(error, "aud", "not made for this app");
    /* issued to another party that may pass it on here: not a token of this app's own user session
     */
    if (phi_json_text_opt(payload, "azp", 1, 256, audience, &party, NULL) != PHI_OK ||
        strcmp(party, audience) != 0)
        return refuse(error, "azp", "issued to another app");
    return PHI_OK;
}

static bool is_biometric(const char *method)
{
    return strcmp(method, "face") == 0 || strcmp(method, "fpt") == 0 || strcmp(method, "iris") == 0;
}

static enum phi_err read_factor(const struct phi_json_at *payload, struct phi_token_claims *out,
                                struct phi_error *error)
{
    struct phi_json_at amr;
    size_t count = 0;
    out->factor = "";
    if (phi_json_array_opt(payload, "amr", 0, AMR_MAX, &amr, &count, NULL) != PHI_OK)
        return refuse(error, "amr", "malformed claim");
    for (size_t i = 0; i < count; i++) {
        const char *method = NULL;
        struct phi_json_at item = phi_json_item(&amr, i);
        if (phi_json_as_text(&item, 1, 32, &method, NULL) != PHI_OK)
            return refuse(error, "amr", "malformed claim");
        if (out->factor[0] == '\0' && is_biometric(method))
            out->factor = method;
    }
    return PHI_OK;
}

/* The name as consent records take it: NFC, without their separator. */
static enum phi_err read_name(const struct phi_json_at *payload, struct phi_arena *arena,
                              const char **out)
{
    const char *name = NULL;
    struct phi_view composed;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(payload, "name", 1, NAME_MAX_CP, &name, NULL));
    if (strchr(name, '|') != NULL)
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_text_nfc(phi_view_text(name), arena, &composed));
    *out = phi_arena_text(arena, composed);
    err = *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
out:
    return err;
}

static enum phi_err read_id_no(const struct phi_json_at *payload, struct phi_arena *arena,
                               const char **out)
{
    const char *number = NULL;
    struct phi_view upper;
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_json_text(payload, "phi_id_no", 1, PHI_ID_NO_MAX, &number, NULL));
    PHI_GUARD(phi_text_nfkc_upper(phi_view_text(number), arena, &upper));
    *out = phi_arena_text(arena, upper);
    err = *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
out:
    return err;
}

static enum phi_err read_person(const struct phi_json_at *payload, struct phi_arena *arena,
                                struct phi_token_claims *out, struct phi_error *error)
{
    struct phi_error detail = {.code = PHI_OK};
    out->name = out->id_type = out->id_no = out->country = "";
    out->has_person = json_object_get(payload->value, "phi_id_no") != NULL;
    if (!out->has_person)
        return PHI_OK;
    enum phi_err err = claim_error(read_name(payload, arena, &out->name), "name", error);
    if (err == PHI_OK)
        err = claim_error(phi_json_word(payload, "phi_id_type", 3, &out->id_type, NULL),
                          "phi_id_type", error);
    if (err == PHI_OK)
        err = claim_error(phi_json_word(payload, "phi_country", 3, &out->country, NULL),
                          "phi_country", error);
    if (err == PHI_OK)
        err = claim_error(read_id_no(payload, arena, &out->id_no), "phi_id_no", error);
    if (err != PHI_OK)
        return err;
    if (PHI_MUTANT(any_document))
        return PHI_OK;
    if (phi_idtype_check(out->id_type, phi_view_text(out->id_no), out->country, &detail) != PHI_OK)
        return refuse(error,
                      strcmp(detail.place, "idType") == 0    ? "phi_id_type"
                      : strcmp(detail.place, "country") == 0 ? "phi_country"
                                                             : "phi_id_no",
                      PHI_MUTANT(number_in_error) ? out->id_no : "not a document of its type");
    return PHI_OK;
}

enum phi_err phi_token_claims(const struct phi_token *token, const char *audience,
                              struct phi_arena *arena, struct phi_token_claims *out,
                              struct phi_error *error)
{
    struct phi_token_claims claims = {.issuer = token->issuer};
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_audience(&token->payload, audience, error));
    PHI_GUARD(read_times(&token->payload, &claims, error));
    PHI_GUARD(claim_error(phi_json_text(&token->payload, "sub", 1, SUB_MAX, &claims.sub, NULL),
                          "sub", error));
    PHI_GUARD(claim_error(phi_json_text_opt(&token->payload, "acr", 1, 128, "", &claims.acr, NULL),
                          "acr", error));
    PHI_GUARD(read_factor(&token->payload, &claims, error));
    PHI_GUARD(read_person(&token->payload, arena, &claims, error));
    *out = claims;
out:
    return err;
}

/* Bytes for the cache: texts with their ending zero, so that reading needs no copies. */

static void write_text(struct phi_writer *out, const char *text)
{
    phi_write_view16(out, phi_view_of(text, strlen(text) + 1));
}

static const char *read_text(struct phi_reader *in)
{
    struct phi_view text = phi_read_view16(in);
    if (text.len == 0 || text.data[text.len - 1] != '\0') {
        in->failed = true;
        return "";
    }
    return (const char *)text.data;
}

enum phi_err phi_claims_encode(const struct phi_token_claims *claims, struct phi_writer *out)
{
    phi_write_u64(out, (uint64_t)claims->issued_s);
    phi_write_u64(out, (uint64_t)claims->expires_s);
    phi_write_u8(out, claims->has_person ? 1 : 0);
    write_text(out, claims->issuer);
    write_text(out, claims->sub);
    write_text(out, claims->acr);
    write_text(out, claims->factor);
    write_text(out, claims->name);
    write_text(out, claims->id_type);
    write_text(out, claims->id_no);
    write_text(out, claims->country);
    return out->failed ? PHI_ERR_FRAME : PHI_OK;
}

enum phi_err phi_claims_decode(struct phi_view bytes, struct phi_token_claims *out)
{
    struct phi_reader in = phi_reader_of(bytes);
    struct phi_token_claims claims;
    claims.issued_s = (int64_t)phi_read_u64(&in);
    claims.expires_s = (int64_t)phi_read_u64(&in);
    claims.has_person = phi_read_u8(&in) == 1;
    claims.issuer = read_text(&in);
    claims.sub = read_text(&in);
    claims.acr = read_text(&in);
    claims.factor = read_text(&in);
    claims.name = read_text(&in);
    claims.id_type = read_text(&in);
    claims.id_no = read_text(&in);
    claims.country = read_text(&in);
    if (!phi_reader_done(&in))
        return PHI_ERR_FRAME;
    *out = claims;
    return PHI_OK;
}
