/* NDJSON in, NDJSON out: the lines of a request, and one short line of the answer for each.
 *
 *   struct phi_ndjson lines = {0};
 *   PHI_GUARD(phi_ndjson_split(phi_api_body_bytes(call), arena, &lines, error));
 *   PHI_GUARD(phi_ndjson_answer(lines.count, arena, &to));
 *   PHI_GUARD(phi_ndjson_tell(json_pack(…), &to));          // for each line; takes the reference
 *   phi_api_lines(call, phi_ndjson_told(&to));
 *
 * The request's thread; nothing blocks; everything is the arena's. Answers may carry
 * codes: what held them on the way is wiped.
 */
#ifndef PHI_JSON_NDJSON_H
#define PHI_JSON_NDJSON_H

#include "base/arena.h"
#include "json/json.h"

#define PHI_NDJSON_LINES_MAX          10000
#define PHI_NDJSON_LINE_OUT_MAX_BYTES 1024 /* of an answer: place and text of an error, or a code */

struct phi_ndjson {
    struct phi_view *items; /* views of the body, without their ends */
    size_t count;
};

/* PHI_ERR_BODY_TOO_LARGE past PHI_NDJSON_LINES_MAX, PHI_ERR_FIELD_MISSING without a line,
 * PHI_ERR_MEMORY. */
enum phi_err phi_ndjson_split(struct phi_view body, struct phi_arena *arena, struct phi_ndjson *out,
                              struct phi_error *error) PHI_MUST_USE;

/* Room for the answers to `count` lines; PHI_ERR_MEMORY. */
enum phi_err phi_ndjson_answer(size_t count, struct phi_arena *arena,
                               struct phi_writer *out) PHI_MUST_USE;
/* PHI_ERR_MEMORY also for a NULL `json`; PHI_ERR_INTERNAL when the line is too long. */
enum phi_err phi_ndjson_tell(json_t *json, struct phi_writer *to) PHI_MUST_USE;
struct phi_view phi_ndjson_told(const struct phi_writer *to);

#endif
