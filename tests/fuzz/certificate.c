/* Certificates and requests of foreign bytes: what is read says the same when it is read again, and
 * nothing verifies under a root whose key nobody has. */
#include "crypto/certificate.h"
#include "fuzz.h"

#define NOW 1764000000

static void check_info(const struct phi_certificate_info *info)
{
    struct phi_sm2_public *key = NULL;
    fuzz_expect(strlen(info->serial) > 0 && strlen(info->serial) <= PHI_CERTIFICATE_SERIAL_MAX);
    fuzz_expect(info->path_len >= PHI_CERTIFICATE_ANY_PATH);
    fuzz_expect(info->uses < 1u << PHI_CERTIFICATE_USE_END && (info->uses & 1u) == 0);
    /* a key that was read is a point of the curve */
    fuzz_expect(phi_sm2_public_new(info->public_key, &key) == PHI_OK);
    phi_sm2_public_free(key);
}

static struct phi_certificate *root_of_a_lost_key(void)
{
    static struct phi_certificate *root;
    static char pem[PHI_CERTIFICATE_BYTES_MAX];
    struct phi_sm2_private *key = NULL;
    const struct phi_certificate_name name = {"fuzz", "root"};
    const struct phi_certificate_terms terms = {
        .is_ca = true, .path_len = 3, .from_s = 0, .to_s = 4102444800};
    if (root != NULL)
        return root;
    fuzz_expect(phi_sm2_private_generate(&key) == PHI_OK);
    fuzz_expect(phi_certificate_root(key, &name, &terms, pem, sizeof(pem), NULL) == PHI_OK);
    fuzz_expect(phi_certificate_read(phi_view_text(pem), &root, NULL) == PHI_OK);
    phi_sm2_private_free(key);
    return root;
}

static void check_verify(const struct phi_certificate *leaf, enum phi_certificate_use use)
{
    struct phi_error error;
    const struct phi_certificate *root = root_of_a_lost_key();
    const struct phi_certificate_check check = {.use = use,
                                                .now_s = NOW,
                                                .roots = &root,
                                                .root_count = 1,
                                                .others = &leaf,
                                                .other_count = 1};
    fuzz_expect(phi_certificate_verify(leaf, &check, &error) == PHI_ERR_KEY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_error error;
    struct phi_certificate *certificate = NULL;
    struct phi_certificate_asked asked;
    struct phi_view bytes = phi_view_of(data, len);
    if (phi_certificate_read(bytes, &certificate, &error) == PHI_OK) {
        check_info(phi_certificate_info(certificate));
        for (int use = PHI_CERTIFICATE_CODE; use < PHI_CERTIFICATE_USE_END; use++)
            check_verify(certificate, (enum phi_certificate_use)use);
        phi_certificate_free(certificate);
    }
    if (phi_certificate_request_read(bytes, &asked, &error) == PHI_OK)
        fuzz_expect(strlen(asked.subject) <= PHI_CERTIFICATE_NAME_MAX);
    return 0;
}
