/* Reading a vector file of tests/vectors inside a test.
 *
 *   json_t *file = vector_open("sm3/gbt32905.json");
 *   VECTOR_EACH(file, "cases", c) {
 *       struct phi_view message = vector_bytes(c, "message");      // lives until vector_close
 *   }
 *   vector_close(file);
 */
#ifndef PHI_TESTS_VECTOR_FILE_H
#define PHI_TESTS_VECTOR_FILE_H

#include "base/arena.h"
#include "base/bytes.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct phi_arena *vector_arena;

static inline json_t *vector_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", PHI_VECTORS, name);
    json_error_t error;
    json_t *file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!file)
        fail_msg("%s: %s", path, error.text);
    vector_arena = phi_arena_new(4 * 1024 * 1024);
    assert_non_null(vector_arena);
    return file;
}

static inline void vector_close(json_t *file)
{
    json_decref(file);
    phi_arena_free(vector_arena);
    vector_arena = NULL;
}

static inline const char *vector_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text)
        fail_msg("no text \"%s\"", name);
    return text;
}

static inline struct phi_view vector_view(const json_t *object, const char *name)
{
    return phi_view_text(vector_text(object, name));
}

static inline int64_t vector_int(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* Hex to bytes; one byte more is allocated, so that an empty one has an address too. */
static inline struct phi_view vector_bytes(const json_t *object, const char *name)
{
    struct phi_view hex = vector_view(object, name);
    uint8_t *bytes = phi_arena_alloc(vector_arena, hex.len / 2 + 1);
    assert_non_null(bytes);
    assert_int_equal(phi_hex_decode(hex, bytes, hex.len / 2), PHI_OK);
    return phi_view_of(bytes, hex.len / 2);
}

static inline void vector_name(const json_t *object)
{
    print_message("    %s\n", vector_text(object, "name"));
}

static inline void assert_view(struct phi_view found, struct phi_view expected)
{
    assert_int_equal(found.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(found.data, expected.data, expected.len);
}

/* Each object of an array member; a vector file without cases is a failure, not a success. */
#define VECTOR_EACH(object, member, element)                                                       \
    assert_true(json_array_size(json_object_get((object), (member))) > 0);                         \
    for (size_t element##_i = 0;                                                                   \
         element##_i < json_array_size(json_object_get((object), (member))); element##_i++)        \
        for (const json_t *element =                                                               \
                 json_array_get(json_object_get((object), (member)), element##_i);                 \
             element; element = NULL)

#endif
