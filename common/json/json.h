/* JSON in: bounded parsing and typed reading. Every error names the path ("$.trips[2].arrivedAt")
 * and the reason ("not a date-time"), never the value; a path shows only field names that look like
 * names.
 *
 *   PHI_GUARD(phi_json_read(body, 8, arena, &root, error));
 *   PHI_GUARD(phi_json_only(&root, (const char *[]){"name", "trips"}, 2, error));
 *   PHI_GUARD(phi_json_text(&root, "name", 1, 64, &name, error));
 *   PHI_GUARD(phi_json_array(&root, "trips", 1, 50, &trips, &count, error));
 *   for (size_t i = 0; i < count; i++) {
 *       struct phi_json_at trip = phi_json_item(&trips, i);
 *       PHI_GUARD(phi_json_time(&trip, "arrivedAt", &arrived_us, error));
 *   }
 *
 * JSON null counts as absent. Texts handed out are borrowed from the document. All functions are
 * pure and don't block; a document is one thread's at a time. `error` may be NULL throughout;
 * outputs are written only on success.
 *
 * Errors of all readers: PHI_ERR_FIELD_MISSING, PHI_ERR_FIELD_TYPE, PHI_ERR_FIELD_VALUE.
 */
#ifndef PHI_JSON_JSON_H
#define PHI_JSON_JSON_H

#include "base/arena.h"
#include "base/time.h"

#include <jansson.h>

#define PHI_JSON_PATH_MAX 128

/* A place in a document; `value` is borrowed, NULL when an optional member is absent. */
struct phi_json_at {
    const json_t *value;
    char path[PHI_JSON_PATH_MAX];
};

/* Parses exactly one JSON text; the caller json_decref()s `out`. Refused with PHI_ERR_JSON and
 * place "$": what is not JSON in UTF-8, U+0000, a field twice, nesting deeper than `max_depth` (an
 * array or object at the top is depth 1), integers beyond 64 bits. PHI_ERR_MEMORY, which the
 * library sometimes takes for a bad token and reports as PHI_ERR_JSON. */
enum phi_err phi_json_parse(struct phi_view body, size_t max_depth, json_t **out,
                            struct phi_error *error) PHI_MUST_USE;

/* The same into an arena: the document lives as long as the arena. */
enum phi_err phi_json_read(struct phi_view body, size_t max_depth, struct phi_arena *arena,
                           struct phi_json_at *root, struct phi_error *error) PHI_MUST_USE;

/* Gives the reference to the arena; on PHI_ERR_MEMORY (also for a NULL `value`) it is dropped at
 * once. */
enum phi_err phi_json_keep(struct phi_arena *arena, json_t *value) PHI_MUST_USE;

/* "$" */
struct phi_json_at phi_json_root(const json_t *value);

/* A member of an object: PHI_ERR_FIELD_TYPE when `object` is none, PHI_ERR_FIELD_MISSING when
 * required and absent; absent and not required gives value NULL. */
enum phi_err phi_json_member(const struct phi_json_at *object, const char *field, bool required,
                             struct phi_json_at *out, struct phi_error *error) PHI_MUST_USE;

/* The item of an array read before; value NULL past its end. */
struct phi_json_at phi_json_item(const struct phi_json_at *array, size_t i);

/* `at` is an object without members besides `names`: PHI_ERR_FIELD_TYPE, PHI_ERR_FIELD_UNKNOWN. */
enum phi_err phi_json_only(const struct phi_json_at *at, const char *const *names, size_t count,
                           struct phi_error *error) PHI_MUST_USE;

/* Readers of the place itself (items of arrays). Bounds of texts are in code points, both
 * inclusive. as_text refuses control characters; as_lines lets line feed, carriage return and tab
 * pass; as_word takes 1..max of A-Z a-z 0-9 . _ - only. as_int refuses numbers with a fraction or
 * exponent. */
enum phi_err phi_json_as_text(const struct phi_json_at *at, size_t min, size_t max,
                              const char **out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_lines(const struct phi_json_at *at, size_t min, size_t max,
                               const char **out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_word(const struct phi_json_at *at, size_t max, const char **out,
                              struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_int(const struct phi_json_at *at, int64_t min, int64_t max, int64_t *out,
                             struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_number(const struct phi_json_at *at, double min, double max, double *out,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_bool(const struct phi_json_at *at, bool *out,
                              struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_time(const struct phi_json_at *at, int64_t *time_us,
                              struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_enum(const struct phi_json_at *at, const char *const *choices,
                              size_t count, size_t *index, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_hex(const struct phi_json_at *at, uint8_t *out, size_t len,
                             struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_base64(const struct phi_json_at *at, size_t min, size_t max, uint8_t *out,
                                size_t *len, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_array(const struct phi_json_at *at, size_t min, size_t max, size_t *count,
                               struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_as_object(const struct phi_json_at *at, struct phi_error *error) PHI_MUST_USE;

/* A date of the calendar; `text` is "YYYY-MM-DD", borrowed from the document. */
struct phi_json_date {
    int year;
    int month;
    int day;
    const char *text;
};
enum phi_err phi_json_as_date(const struct phi_json_at *at, struct phi_json_date *out,
                              struct phi_error *error) PHI_MUST_USE;

/* Readers of a required member: the same rules. */
enum phi_err phi_json_text(const struct phi_json_at *object, const char *field, size_t min,
                           size_t max, const char **out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_lines(const struct phi_json_at *object, const char *field, size_t min,
                            size_t max, const char **out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_word(const struct phi_json_at *object, const char *field, size_t max,
                           const char **out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_int(const struct phi_json_at *object, const char *field, int64_t min,
                          int64_t max, int64_t *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_number(const struct phi_json_at *object, const char *field, double min,
                             double max, double *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_bool(const struct phi_json_at *object, const char *field, bool *out,
                           struct phi_error *error) PHI_MUST_USE;
/* RFC 3339 with any offset → µs since 1970 UTC */
enum phi_err phi_json_time(const struct phi_json_at *object, const char *field, int64_t *time_us,
                           struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_date(const struct phi_json_at *object, const char *field,
                           struct phi_json_date *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_enum(const struct phi_json_at *object, const char *field,
                           const char *const *choices, size_t count, size_t *index,
                           struct phi_error *error) PHI_MUST_USE;
/* exactly `len` bytes as 2*len hex digits of either case */
enum phi_err phi_json_hex(const struct phi_json_at *object, const char *field, uint8_t *out,
                          size_t len, struct phi_error *error) PHI_MUST_USE;
/* min..max bytes; `out` has room for max */
enum phi_err phi_json_base64(const struct phi_json_at *object, const char *field, size_t min,
                             size_t max, uint8_t *out, size_t *len,
                             struct phi_error *error) PHI_MUST_USE;
/* min..max items */
enum phi_err phi_json_array(const struct phi_json_at *object, const char *field, size_t min,
                            size_t max, struct phi_json_at *out, size_t *count,
                            struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_object(const struct phi_json_at *object, const char *field,
                             struct phi_json_at *out, struct phi_error *error) PHI_MUST_USE;

/* Readers of an optional member: absent gives `fallback` (or, where there is none, present false,
 * count 0 or value NULL); what is there must still be right. */
enum phi_err phi_json_text_opt(const struct phi_json_at *object, const char *field, size_t min,
                               size_t max, const char *fallback, const char **out,
                               struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_lines_opt(const struct phi_json_at *object, const char *field, size_t min,
                                size_t max, const char *fallback, const char **out,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_word_opt(const struct phi_json_at *object, const char *field, size_t max,
                               const char *fallback, const char **out,
                               struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_int_opt(const struct phi_json_at *object, const char *field, int64_t min,
                              int64_t max, int64_t fallback, int64_t *out,
                              struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_number_opt(const struct phi_json_at *object, const char *field, double min,
                                 double max, double fallback, double *out,
                                 struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_bool_opt(const struct phi_json_at *object, const char *field, bool fallback,
                               bool *out, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_time_opt(const struct phi_json_at *object, const char *field,
                               int64_t fallback_us, int64_t *time_us,
                               struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_date_opt(const struct phi_json_at *object, const char *field,
                               struct phi_json_date *out, bool *present,
                               struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_enum_opt(const struct phi_json_at *object, const char *field,
                               const char *const *choices, size_t count, size_t fallback,
                               size_t *index, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_hex_opt(const struct phi_json_at *object, const char *field, uint8_t *out,
                              size_t len, bool *present, struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_base64_opt(const struct phi_json_at *object, const char *field, size_t min,
                                 size_t max, uint8_t *out, size_t *len, bool *present,
                                 struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_array_opt(const struct phi_json_at *object, const char *field, size_t min,
                                size_t max, struct phi_json_at *out, size_t *count,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_json_object_opt(const struct phi_json_at *object, const char *field,
                                 struct phi_json_at *out, struct phi_error *error) PHI_MUST_USE;

/* For rules that the caller checks itself: fills `error` with the path of the place, or of its
 * member `field` (NULL: the place itself), and returns `code`. `reason` must not hold the value. */
enum phi_err phi_json_refuse(const struct phi_json_at *at, const char *field, enum phi_err code,
                             const char *reason, struct phi_error *error);

#endif
