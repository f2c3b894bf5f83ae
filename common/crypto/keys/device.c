#include "crypto/keys/device.h"

#include "crypto/keys/file.h"
#include "crypto/sdf.h"

#include <string.h>

#define PREFIX     "sdf:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define FILE_MAX   (PREFIX_LEN + PHI_SDF_USE_MAX + 2)

bool phi_keyfile_is_device(const char *path)
{
    uint8_t text[PHI_KEYFILE_MAX];
    size_t len = 0;
    bool is_device = phi_keyfile_read(path, true, text, sizeof(text), &len, NULL) == PHI_OK &&
                     len > PREFIX_LEN && memcmp(text, PREFIX, PREFIX_LEN) == 0;
    phi_wipe(text, sizeof(text));
    return is_device;
}

enum phi_err phi_keyfile_device(const char *path, struct phi_sm2_private **out,
                                struct phi_error *error)
{
    char text[FILE_MAX + 1];
    size_t len = 0;
    const char *name = phi_keyfile_name(path);
    struct phi_sdf *sdf = phi_sdf_for_files();
    enum phi_err err = phi_keyfile_read(path, true, (uint8_t *)text, FILE_MAX, &len, error);
    if (err != PHI_OK)
        return err;
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (!sdf)
        return phi_error_set(error, PHI_ERR_KEY, name,
                             "names a key of a crypto machine; none is open");
    err = phi_sdf_sm2_key(sdf, text + PREFIX_LEN, out);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, name, "the crypto machine has no key for this use");
    return err;
}
