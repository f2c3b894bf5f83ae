/* Columns of many rows on their way into unnest(): one array each, freed together.
 *
 *   struct columns columns;
 *   PHI_GUARD(columns_init(&columns, types, 3));
 *   PHI_GUARD(columns_add(&columns, row)); // struct phi_param row[3]
 *   PHI_GUARD(phi_conn_exec(tx, name, sql, columns.params, columns.count, NULL, error));
 *   columns_fini(&columns);                // also after a failed init
 *
 * Rows are added in the order of their key, each key once. One thread.
 */
#ifndef SVC_DIRECTORY_COLUMNS_H
#define SVC_DIRECTORY_COLUMNS_H

#include "store/store.h"

#define COLUMNS_MAX 20

struct columns {
    size_t count;
    struct phi_array *arrays[COLUMNS_MAX];
    struct phi_param params[COLUMNS_MAX];
};

enum phi_err columns_init(struct columns *columns, const enum phi_column *types,
                          size_t count) PHI_MUST_USE;
enum phi_err columns_add(struct columns *columns, const struct phi_param *row) PHI_MUST_USE;
size_t columns_rows(const struct columns *columns);
void columns_fini(struct columns *columns);

#endif
