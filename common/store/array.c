#include "store/array.h"

#include "store/pg.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LEN 20 /* dimensions, has NULLs, element type, count, lower bound: 4 bytes each */

struct phi_array {
    enum phi_column type;
    size_t count;
    struct phi_buffer buffer;
};

enum phi_err phi_buffer_reserve(struct phi_buffer *buffer, size_t more)
{
    if (buffer->cap - buffer->len >= more)
        return PHI_OK;
    size_t cap = buffer->cap ? buffer->cap : 256;
    while (cap - buffer->len < more)
        cap *= 2;
    uint8_t *data = realloc(buffer->is_borrowed ? NULL : buffer->data, cap);
    if (data == NULL)
        return PHI_ERR_MEMORY;
    if (buffer->is_borrowed && buffer->len > 0)
        memcpy(data, buffer->data, buffer->len);
    buffer->is_borrowed = false;
    buffer->data = data;
    buffer->cap = cap;
    return PHI_OK;
}

static enum phi_err write_element(struct phi_buffer *buffer, const void *data, size_t len)
{
    enum phi_err err = phi_buffer_reserve(buffer, len + 4);
    if (err != PHI_OK)
        return err;
    phi_pg_put_u32(buffer->data + buffer->len, (uint32_t)len);
    if (len > 0)
        memcpy(buffer->data + buffer->len + 4, data, len);
    buffer->len += len + 4;
    return PHI_OK;
}

static enum phi_err write_null(struct phi_buffer *buffer)
{
    enum phi_err err = phi_buffer_reserve(buffer, 4);
    if (err != PHI_OK)
        return err;
    phi_pg_put_u32(buffer->data + buffer->len, PHI_ELEMENT_NULL);
    buffer->len += 4;
    return PHI_OK;
}

static const enum phi_param_kind kind_of_column[] = {
    [PHI_COLUMN_BYTES] = PHI_P_BYTES,
    [PHI_COLUMN_TEXT] = PHI_P_TEXT,
    [PHI_COLUMN_I64] = PHI_P_I64,
    [PHI_COLUMN_BOOL] = PHI_P_BOOL,
};

enum phi_err phi_element_write(struct phi_buffer *buffer, enum phi_column type,
                               struct phi_param value)
{
    uint8_t number[8];
    if (value.kind == PHI_P_NULL)
        return write_null(buffer);
    if (value.kind != kind_of_column[type])
        return PHI_ERR_INTERNAL;
    switch (type) {
    case PHI_COLUMN_BYTES:
    case PHI_COLUMN_TEXT:
        if (value.view.len > INT32_MAX / 2)
            return PHI_ERR_INTERNAL;
        return write_element(buffer, value.view.data, value.view.len);
    case PHI_COLUMN_I64:
        phi_pg_put_u64(number, (uint64_t)value.number);
        return write_element(buffer, number, 8);
    case PHI_COLUMN_BOOL:
        number[0] = value.number != 0;
        return write_element(buffer, number, 1);
    }
    return PHI_ERR_INTERNAL;
}

unsigned phi_array_oid(enum phi_column type)
{
    static const unsigned oids[] = {[PHI_COLUMN_BYTES] = 1001,
                                    [PHI_COLUMN_TEXT] = 1009,
                                    [PHI_COLUMN_I64] = 1016,
                                    [PHI_COLUMN_BOOL] = 1000};
    return oids[type];
}

static uint32_t element_oid(enum phi_column type)
{
    static const uint32_t oids[] = {[PHI_COLUMN_BYTES] = PHI_PG_OID_BYTEA,
                                    [PHI_COLUMN_TEXT] = PHI_PG_OID_TEXT,
                                    [PHI_COLUMN_I64] = PHI_PG_OID_INT8,
                                    [PHI_COLUMN_BOOL] = PHI_PG_OID_BOOL};
    return oids[type];
}

static void write_header(struct phi_array *array)
{
    uint8_t *header = array->buffer.data;
    phi_pg_put_u32(header, 1);
    phi_pg_put_u32(header + 4, 0);
    phi_pg_put_u32(header + 8, element_oid(array->type));
    phi_pg_put_u32(header + 12, 0);
    phi_pg_put_u32(header + 16, 1);
}

struct phi_array *phi_array_new(enum phi_column type)
{
    struct phi_array *array = calloc(1, sizeof(*array));
    if (array == NULL)
        return NULL;
    if (phi_buffer_reserve(&array->buffer, HEADER_LEN) != PHI_OK) {
        free(array);
        return NULL;
    }
    phi_array_reset(array, type);
    return array;
}

void phi_array_reset(struct phi_array *array, enum phi_column type)
{
    array->type = type;
    array->count = 0;
    array->buffer.len = HEADER_LEN;
    write_header(array);
}

static void count_one(struct phi_array *array, const uint8_t *element)
{
    array->count++;
    if (phi_pg_get_u32(element) == PHI_ELEMENT_NULL)
        phi_pg_put_u32(array->buffer.data + 4, 1);
}

enum phi_err phi_array_put(struct phi_array *array, const uint8_t *element, size_t len)
{
    enum phi_err err = phi_buffer_reserve(&array->buffer, len);
    if (err != PHI_OK)
        return err;
    memcpy(array->buffer.data + array->buffer.len, element, len);
    array->buffer.len += len;
    count_one(array, element);
    return PHI_OK;
}

enum phi_err phi_array_add(struct phi_array *array, struct phi_param value)
{
    size_t before = array->buffer.len;
    enum phi_err err = phi_element_write(&array->buffer, array->type, value);
    if (err == PHI_OK)
        count_one(array, array->buffer.data + before);
    return err;
}

size_t phi_array_count(const struct phi_array *array)
{
    return array->count;
}

/* An empty array has no dimension: the header's first 12 bytes with a zero in front. */
struct phi_view phi_array_view(const struct phi_array *array)
{
    static const uint8_t empty[][12] = {
        [PHI_COLUMN_BYTES] = {[11] = PHI_PG_OID_BYTEA},
        [PHI_COLUMN_TEXT] = {[11] = PHI_PG_OID_TEXT},
        [PHI_COLUMN_I64] = {[11] = PHI_PG_OID_INT8},
        [PHI_COLUMN_BOOL] = {[11] = PHI_PG_OID_BOOL},
    };
    if (array->count == 0)
        return phi_view_of(empty[array->type], sizeof(empty[0]));
    phi_pg_put_u32(array->buffer.data + 12, (uint32_t)array->count);
    return phi_view_of(array->buffer.data, array->buffer.len);
}

enum phi_column phi_array_type(const struct phi_array *array)
{
    return array->type;
}

void phi_array_free(struct phi_array *array)
{
    if (array == NULL)
        return;
    free(array->buffer.data);
    free(array);
}
