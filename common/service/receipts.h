/* A receipt that came from outside: decoded, in force, and signed by its issuer as the trust list
 * in force has it. Challenge, audience and scope are the caller's to judge.
 *
 *   PHI_GUARD(phi_service_receipt_read(service, bytes, &receipt));
 */
#ifndef PHI_SERVICE_RECEIPTS_H
#define PHI_SERVICE_RECEIPTS_H

#include "codes/receipt.h"
#include "service/service.h"

/* Errors: PHI_ERR_RECEIPT, with the reason in error->detail. One signature check; any thread. */
enum phi_err phi_service_receipt_read(struct phi_service *service, struct phi_view bytes,
                                      struct phi_receipt *out,
                                      struct phi_error *error) PHI_MUST_USE;

#endif
