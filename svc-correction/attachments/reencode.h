/* Has a picture drawn anew by phi-reencode, a process of its own for each.
 *
 *   PHI_GUARD(reencode_run(program, bytes, phi_deadline_in_ms(5000), jpeg, sizeof(jpeg), &len));
 *
 * Blocks until the deadline at most; any thread.
 */
#ifndef SVC_CORRECTION_REENCODE_H
#define SVC_CORRECTION_REENCODE_H

#include "base/time.h"

/* `program`: its path. PHI_ERR_FIELD_VALUE: no picture within bounds, or its JPEG is over
 * `size`; PHI_ERR_DEADLINE: it was ended; PHI_ERR_INTERNAL: it can't be started, or failed. */
enum phi_err reencode_run(const char *program, struct phi_view bytes, struct phi_deadline deadline,
                          uint8_t *out, size_t size, size_t *len) PHI_MUST_USE;

/* The program that lies beside the running one; false where it isn't there. */
bool reencode_program(char *out, size_t size);

#endif
