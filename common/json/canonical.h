/* JSON out, in the one canonical form of RFC 8785: members sorted by UTF-16 code units, no white
 * space, numbers as ECMAScript writes them. For all that is signed, compared or stored by its
 * bytes. And the bodies of answers, whose members stay in their order.
 *
 *   struct phi_view bytes;
 *   PHI_GUARD(phi_json_canonical(document, arena, &bytes));
 *
 * Pure, doesn't block; any thread, a document being one thread's at a time.
 */
#ifndef PHI_JSON_CANONICAL_H
#define PHI_JSON_CANONICAL_H

#include "json/json.h"

/* The bytes are the arena's and followed by a zero that is not counted. PHI_ERR_FIELD_VALUE for an
 * integer beyond ±(2^53 - 1), also one written as 1e16, which a reader would have to round;
 * PHI_ERR_MEMORY past the arena's bound; PHI_ERR_JSON for more than 64 levels or a NULL value. */
enum phi_err phi_json_canonical(const json_t *value, struct phi_arena *arena,
                                struct phi_view *out) PHI_MUST_USE;

struct phi_json_member {
    const char *name;
    const char *text; /* UTF-8 */
};

/* The last member's value: a tree, or text that is JSON already, or neither for null. */
struct phi_json_last {
    const json_t *json;
    struct phi_view text;
};

/* An answer's envelope: {"name":"text",…,"last":value} in the order given, the members of a tree in
 * the order they were put in, written like the canonical form otherwise, but integers of any size.
 * The bytes are the arena's and followed by a zero that is not counted. PHI_ERR_MEMORY;
 * PHI_ERR_JSON for more than 63 levels; PHI_ERR_FIELD_VALUE for NaN. */
enum phi_err phi_json_envelope(const struct phi_json_member *members, size_t count,
                               const char *last, struct phi_json_last value,
                               struct phi_arena *arena, struct phi_view *out) PHI_MUST_USE;

/* The canonical form of an object without one of its members. */
enum phi_err phi_json_canonical_without(const json_t *object, const char *name,
                                        struct phi_arena *arena, struct phi_view *out) PHI_MUST_USE;

/* A number as ECMAScript's Number::toString writes it, locale or not; `out` gets an ending zero.
 * PHI_ERR_FIELD_VALUE for NaN and infinities. */
#define PHI_JSON_NUMBER_MAX 48
enum phi_err phi_json_format_number(double value, char out[PHI_JSON_NUMBER_MAX]) PHI_MUST_USE;

#endif
