/* NDJSON in, NDJSON out: the lines of a request, and one short line of the answer for each.
 *
 *   struct lines lines = {0};
 *   PHI_GUARD(lines_split(phi_api_body_bytes(call), arena, &lines, error));
 *   PHI_GUARD(lines_answer(lines.count, arena, &to));
 *   PHI_GUARD(lines_tell(json_pack(…), &to));          // for each line; takes the reference
 *   phi_api_lines(call, lines_told(&to));
 *
 * The request's thread; nothing blocks; everything is the arena's.
 */
#ifndef SVC_DECLARE_LINES_H
#define SVC_DECLARE_LINES_H

#include "base/arena.h"
#include "json/json.h"

#define LINES_MAX 10000

struct lines {
    struct phi_view *items; /* views of the body, without their ends */
    size_t count;
};

/* PHI_ERR_BODY_TOO_LARGE past LINES_MAX, PHI_ERR_FIELD_MISSING without a line, PHI_ERR_MEMORY. */
enum phi_err lines_split(struct phi_view body, struct phi_arena *arena, struct lines *out,
                         struct phi_error *error) PHI_MUST_USE;

/* Room for the answers to `count` lines; PHI_ERR_MEMORY. */
enum phi_err lines_answer(size_t count, struct phi_arena *arena,
                          struct phi_writer *out) PHI_MUST_USE;
/* PHI_ERR_MEMORY also for a NULL `json`; PHI_ERR_INTERNAL when the line is too long. */
enum phi_err lines_tell(json_t *json, struct phi_writer *to) PHI_MUST_USE;
struct phi_view lines_told(const struct phi_writer *to);

#endif
