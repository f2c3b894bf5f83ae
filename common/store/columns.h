/* Columns of many rows on their way into unnest(): one array each, freed together.
 *
 *   struct phi_columns columns = {0};
 *   PHI_GUARD(phi_columns_init(&columns, types, 3));
 *   PHI_GUARD(phi_columns_add(&columns, row));         // struct phi_param row[3]
 *   PHI_GUARD(phi_columns_write(&columns, tx, "rows_insert", sql, error));
 *   phi_columns_fini(&columns);                        // also after a failed init, or of zeros
 *
 * Where the statement takes more parameters, or gives rows back: columns.params, columns.count.
 * Against deadlocks rows are added in the order of their key. One thread owns it.
 */
#ifndef PHI_STORE_COLUMNS_H
#define PHI_STORE_COLUMNS_H

#include "store/store.h"

#define PHI_COLUMNS_MAX 20

struct phi_columns {
    size_t count;
    struct phi_array *arrays[PHI_COLUMNS_MAX];
    struct phi_param params[PHI_COLUMNS_MAX];
};

/* `count` is at most PHI_COLUMNS_MAX. PHI_ERR_MEMORY. */
enum phi_err phi_columns_init(struct phi_columns *columns, const enum phi_column *types,
                              size_t count) PHI_MUST_USE;

/* One row, a value for each column, copied. PHI_ERR_MEMORY, or PHI_ERR_INTERNAL for a value of
 * another kind; the columns are of no use then. */
enum phi_err phi_columns_add(struct phi_columns *columns, const struct phi_param *row) PHI_MUST_USE;

size_t phi_columns_rows(const struct phi_columns *columns);

/* Runs a statement with the columns as its only parameters. Blocks and errs as phi_conn_exec. */
enum phi_err phi_columns_write(const struct phi_columns *columns, struct phi_conn *conn,
                               const char *name, const char *sql,
                               struct phi_error *error) PHI_MUST_USE;

void phi_columns_fini(struct phi_columns *columns);

#endif
