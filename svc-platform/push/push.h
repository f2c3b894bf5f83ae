/* POST /v1/directory/entries: a province without the bus hands its directory's records over, signed
 * as they would be on the topic, and they go there: one writer a region, each line once.
 *
 * A writer is a word that the province's end chose for a run; `from` is the number of the run's
 * lines before this request. Lines that were taken already are said to be; a gap is refused;
 * another writer is refused until the new one takes over (`take`), after which the old one is.
 */
#ifndef SVC_PLATFORM_PUSH_H
#define SVC_PLATFORM_PUSH_H

#include "service/api.h"

enum phi_err platform_push_http(struct phi_api_call *call, struct phi_error *error);
/* GET: the region's writer and how far it is. */
enum phi_err platform_push_state_http(struct phi_api_call *call, struct phi_error *error);

/* line.c: one line as the record that it is. Borrows `line`; parts are the arena's.
 * PHI_ERR_JSON, PHI_ERR_FIELD_*, PHI_ERR_MEMORY. */
enum phi_err push_line_read(struct phi_view line, const char *topic, struct phi_arena *arena,
                            struct phi_msg *out, struct phi_error *error) PHI_MUST_USE;

#endif
