#include "store/columns.h"

#include <assert.h>

enum phi_err phi_columns_init(struct phi_columns *columns, const enum phi_column *types,
                              size_t count)
{
    assert(count <= PHI_COLUMNS_MAX);
    *columns = (struct phi_columns){.count = count};
    for (size_t i = 0; i < count; i++) {
        columns->arrays[i] = phi_array_new(types[i]);
        if (columns->arrays[i] == NULL)
            return PHI_ERR_MEMORY;
        columns->params[i] = PHI_ARRAY(columns->arrays[i]);
    }
    return PHI_OK;
}

enum phi_err phi_columns_add(struct phi_columns *columns, const struct phi_param *row)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < columns->count; i++)
        PHI_GUARD(phi_array_add(columns->arrays[i], row[i]));
out:
    return err;
}

size_t phi_columns_rows(const struct phi_columns *columns)
{
    return columns->count == 0 ? 0 : phi_array_count(columns->arrays[0]);
}

enum phi_err phi_columns_write(const struct phi_columns *columns, struct phi_conn *conn,
                               const char *name, const char *sql, struct phi_error *error)
{
    return phi_conn_exec(conn, name, sql, columns->params, columns->count, NULL, error);
}

void phi_columns_fini(struct phi_columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        phi_array_free(columns->arrays[i]);
    columns->count = 0;
}
