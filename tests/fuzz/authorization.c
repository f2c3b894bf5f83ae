/* The Authorization header of a signed request, and the headers of a signed answer. */
#include "auth/signature.h"
#include "base/text.h"
#include "fuzz.h"

static struct phi_sm2_public *answer_key(void)
{
    static struct phi_sm2_public *key;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_private *private_key = NULL;
    if (key != NULL)
        return key;
    fuzz_expect(phi_sm2_private_generate(&private_key) == PHI_OK);
    phi_sm2_private_public(private_key, xy);
    fuzz_expect(phi_sm2_public_new(xy, &key) == PHI_OK);
    phi_sm2_private_free(private_key);
    return key;
}

static void check_answer(struct phi_view rest)
{
    char parts[3][128];
    struct phi_error error;
    for (int i = 0; i < 3; i++) {
        struct phi_view part = fuzz_cut(&rest, '\n');
        size_t len = part.len < sizeof(parts[i]) ? part.len : sizeof(parts[i]) - 1;
        if (len > 0)
            memcpy(parts[i], part.data, len);
        parts[i][len] = '\0';
    }
    fuzz_expect(phi_signature_check_answer(answer_key(), 200, parts[0], parts[1], parts[2],
                                           parts[1], 1700000000000000, rest, &error) != PHI_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view header = phi_view_of(data, len);
    struct phi_authorization parsed;
    struct phi_error error;
    const struct phi_signature_request request = {
        .method = "POST", .target = "/v1/codes", .header = header};
    uint8_t digest[32];
    if (phi_authorization_parse(header, &parsed, &error) == PHI_OK) {
        fuzz_expect(len <= PHI_AUTHORIZATION_MAX && parsed.timestamp_s >= 0);
        fuzz_expect(phi_text_is_word(phi_view_text(parsed.app_id), PHI_APP_ID_MAX));
        fuzz_expect(strlen(parsed.nonce) >= PHI_NONCE_MIN);
        fuzz_expect(phi_signature_digest(&request, &parsed, digest) == PHI_OK);
    }
    check_answer(header);
    return 0;
}
