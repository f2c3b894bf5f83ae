/* Views on stdout, as they come: JSON lines, CSV, a table.
 *
 *   PHI_GUARD(tap_print_open("csv", "time,grade,person", &print, error));
 *   tap_print_add(print, view);          // takes a reference while it holds the row back
 *   tap_print_flush(print);              // nothing more comes soon
 *   tap_print_close(print);
 *
 * Without names of columns the first rows (at most TAP_HELD_MAX) are held back, and what stands in
 * them makes the columns; members that come later and are in no column are counted and said at the
 * end. One thread.
 */
#ifndef PHI_PHICTL_TAP_PRINT_H
#define PHI_PHICTL_TAP_PRINT_H

#include "base/err.h"

#include <jansson.h>

#define TAP_HELD_MAX    100
#define TAP_COLUMNS_MAX 64

struct tap_print;

/* PHI_ERR_FIELD_VALUE (--format, --columns), PHI_ERR_MEMORY. */
enum phi_err tap_print_open(const char *format, const char *columns, struct tap_print **out,
                            struct phi_error *error) PHI_MUST_USE;
void tap_print_add(struct tap_print *print, json_t *view);
void tap_print_flush(struct tap_print *print);
void tap_print_close(struct tap_print *print); /* flushes; NULL is fine */

#endif
