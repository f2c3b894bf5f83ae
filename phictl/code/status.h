/* What the commands about codes share: exit statuses by class of verdict, and JSON out. */
#ifndef PHI_PHICTL_CODE_STATUS_H
#define PHI_PHICTL_CODE_STATUS_H

#include "phictl/options.h"

#include <jansson.h>

/* Besides CTL_OK, CTL_FAILED (no verdict: a file, a key, a list) and CTL_USAGE. */
enum {
    CTL_NO_CODE = 3,
    CTL_NO_PLATFORM = 4,
    CTL_NO_SIGNATURE = 5,
    CTL_EXPIRED = 6,
    CTL_REVOKED = 7
};

#define CTL_CODE_INPUT                                                                             \
    "a text, a file with text, bytes or a picture (PNG, JPEG: QR only), - for stdin"

#define CTL_JSON                                                                                   \
    {                                                                                              \
        .name = "json", .text = "one JSON object instead of lines"                                 \
    }

/* PHI_OK and PHI_ERR_ISSUER are good. */
int ctl_code_status(enum phi_err verdict);
/* Takes the reference over; CTL_FAILED when it is NULL or can't be written. */
int ctl_print_json(json_t *object);

#endif
