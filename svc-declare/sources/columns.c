#include "svc-declare/sources/columns.h"

void columns_fini(struct columns *columns)
{
    for (size_t i = 0; i < columns->count; i++)
        phi_array_free(columns->arrays[i]);
    columns->count = 0;
}

enum phi_err columns_init(struct columns *columns, const enum phi_column *types, size_t count)
{
    *columns = (struct columns){.count = count};
    for (size_t i = 0; i < count; i++) {
        columns->arrays[i] = phi_array_new(types[i]);
        if (columns->arrays[i] == NULL)
            return PHI_ERR_MEMORY;
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

enum phi_err columns_write(struct columns *columns, struct phi_conn *conn, const char *name,
                           const char *sql, struct phi_error *error)
{
    struct phi_param params[COLUMNS_MAX];
    for (size_t i = 0; i < columns->count; i++)
        params[i] = PHI_ARRAY(columns->arrays[i]);
    return phi_conn_exec(conn, name, sql, params, columns->count, NULL, error);
}
