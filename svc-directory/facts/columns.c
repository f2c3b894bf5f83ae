#include "svc-directory/facts/columns.h"

#include <assert.h>
#include <string.h>

enum phi_err columns_init(struct columns *columns, const enum phi_column *types, size_t count)
{
    assert(count <= COLUMNS_MAX);
    memset(columns, 0, sizeof(*columns));
    columns->count = count;
    for (size_t i = 0; i < count; i++) {
        columns->arrays[i] = phi_array_new(types[i]);
        if (columns->arrays[i] == NULL)
            return PHI_ERR_MEMORY;
        columns->params[i] = PHI_ARRAY(columns->arrays[i]);
    }
    return PHI_OK;
}

enum phi_err columns_add(struct columns *columns, const struct phi_param *row)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < columns->count; i++)
        PHI_GUARD(phi_array_add(columns->arrays[i], row[i]));
out:
    return err;
}

size_t columns_rows(const struct columns *columns)
{
    return columns->count == 0 ? 0 : phi_array_count(columns->arrays[0]);
}

void columns_fini(struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        phi_array_free(columns->arrays[i]);
    columns->count = 0;
}
