#include "phictl/code/status.h"

#include <stdio.h>

int ctl_code_status(enum phi_err verdict)
{
    switch (verdict) {
    case PHI_OK:
    case PHI_ERR_ISSUER:
        return CTL_OK;
    case PHI_ERR_CODE_MALFORMED:
    case PHI_ERR_CODE_VERSION:
        return CTL_NO_CODE;
    case PHI_ERR_CODE_PLATFORM:
    case PHI_ERR_CODE_SUSPENDED:
        return CTL_NO_PLATFORM;
    case PHI_ERR_CODE_SIGNATURE:
        return CTL_NO_SIGNATURE;
    case PHI_ERR_CODE_EXPIRED:
        return CTL_EXPIRED;
    case PHI_ERR_CODE_REVOKED:
        return CTL_REVOKED;
    default:
        return CTL_FAILED;
    }
}

int ctl_print_json(json_t *object)
{
    bool is_written = object != NULL && json_dumpf(object, stdout, JSON_INDENT(2)) == 0;
    (void)printf("\n");
    json_decref(object);
    return is_written ? CTL_OK : ctl_fail(PHI_ERR_MEMORY, NULL);
}
