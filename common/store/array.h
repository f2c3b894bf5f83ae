/* Inside the store: arrays in the server's binary form, built element by element.
 *
 *   phi_array_reset(array, PHI_COLUMN_BYTES); phi_array_put(array, element, 4 + length);
 *   struct phi_view whole = phi_array_view(array);
 *
 * An element is a big-endian length of 4 bytes (-1 for NULL) and its bytes: the form in which a
 * commit keeps its rows, so that building the array is copying.
 */
#ifndef PHI_STORE_ARRAY_H
#define PHI_STORE_ARRAY_H

#include "store/pg.h"
#include "store/store.h"

#define PHI_ELEMENT_NULL 0xffffffffu

struct phi_buffer {
    bool is_borrowed; /* `data` is not this buffer's to free: when it grows, it moves */
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Room for `more` bytes at the end; PHI_ERR_MEMORY. */
enum phi_err phi_buffer_reserve(struct phi_buffer *buffer, size_t more) PHI_MUST_USE;

/* Appends one value as an element. PHI_ERR_INTERNAL when the kind doesn't fit, PHI_ERR_MEMORY. */
enum phi_err phi_element_write(struct phi_buffer *buffer, enum phi_column type,
                               struct phi_param value) PHI_MUST_USE;
/* With its 4 bytes of length. */
static inline size_t phi_element_len(const uint8_t *element)
{
    uint32_t len = phi_pg_get_u32(element);
    return len == PHI_ELEMENT_NULL ? 4 : 4 + (size_t)len;
}

unsigned phi_array_oid(enum phi_column type);
void phi_array_reset(struct phi_array *array, enum phi_column type);
enum phi_err phi_array_put(struct phi_array *array, const uint8_t *element,
                           size_t len) PHI_MUST_USE;
struct phi_view phi_array_view(const struct phi_array *array); /* complete at any time */
enum phi_column phi_array_type(const struct phi_array *array);

#endif
