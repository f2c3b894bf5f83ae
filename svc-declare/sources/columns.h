/* Columns of many rows on their way into unnest(): one array each, freed together.
 *
 *   struct columns columns;
 *   PHI_GUARD(columns_init(&columns, types, 3));
 *   PHI_GUARD(columns_add(&columns, row)); // struct phi_param row[3]
 *   PHI_GUARD(columns_write(&columns, tx, "rows_insert", sql, error));
 *   columns_fini(&columns);                // also after a failed init, and of a zeroed one
 *
 * One thread; columns_write blocks like a statement.
 */
#ifndef SVC_DECLARE_COLUMNS_H
#define SVC_DECLARE_COLUMNS_H

#include "store/store.h"

#define COLUMNS_MAX 16

struct columns {
    struct phi_array *arrays[COLUMNS_MAX];
    size_t count;
};

enum phi_err columns_init(struct columns *columns, const enum phi_column *types,
                          size_t count) PHI_MUST_USE;
enum phi_err columns_add(struct columns *columns, const struct phi_param *row) PHI_MUST_USE;
enum phi_err columns_write(struct columns *columns, struct phi_conn *conn, const char *name,
                           const char *sql, struct phi_error *error) PHI_MUST_USE;
void columns_fini(struct columns *columns);

#endif
