/* Entries on their way into the table: one run of a province's records, the newest of each person,
 * in one statement.
 *
 *   PHI_GUARD(entry_rows_store(tx, rows, count, false, &taken));
 *
 * The consumer's thread; blocks on the database.
 */
#ifndef SVC_PLATFORM_ROWS_H
#define SVC_PLATFORM_ROWS_H

#include "codes/entry.h"
#include "store/store.h"

struct entry_row {
    struct phi_entry entry;
    int64_t listing; /* of the complete listing that it is part of; 0: of none */
};

/* Sorts `rows` and drops all but the newest of each person. The highest version stays; within a
 * listing the province's word counts whatever version is here, and with `takes_equal` (a rebuild)
 * the same version too, where it says something else. `taken`: rows written. Errors of
 * phi_conn_exec, PHI_ERR_MEMORY. */
enum phi_err entry_rows_store(struct phi_conn *tx, struct entry_row *rows, size_t count,
                              bool takes_equal, size_t *taken) PHI_MUST_USE;

/* Rows as the table holds them, for who scans a bucket: columns of ENTRY_COLUMNS, from `first`. */
#define ENTRY_COLUMNS                                                                              \
    "subject, region, version, grade, reasons, sources, from_us, until_us, then_grade, "           \
    "updated_us, is_withdrawn"
void entry_rows_read(const struct phi_rows *rows, size_t row, struct phi_entry *out);

#endif
