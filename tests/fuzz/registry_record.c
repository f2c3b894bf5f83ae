/* A record of the callers' registry: the input's first line is the key, the rest the value. */
#include "auth/registry.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct phi_view rest = phi_view_of(data, len);
    struct phi_error error = {.code = PHI_OK};
    struct phi_view key = fuzz_cut(&rest, '\n');
    enum phi_err err = phi_registry_check(key, rest, &error);
    fuzz_expect(err == PHI_OK || err == PHI_ERR_MEMORY || error.code == err);
    return 0;
}
