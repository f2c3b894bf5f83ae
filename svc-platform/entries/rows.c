#include "svc-platform/entries/rows.h"

#include "store/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 12

static const enum phi_column columns[COLUMNS] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_I64,  PHI_COLUMN_I64,
                                                 PHI_COLUMN_I64,   PHI_COLUMN_BOOL, PHI_COLUMN_I64};

static const char upsert[] =
    "INSERT INTO entries AS e (" ENTRY_COLUMNS ", heal) SELECT * FROM unnest($1::bytea[], "
    "$2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], "
    "$8::bigint[], $9::bigint[], $10::bigint[], $11::boolean[], $12::bigint[]) "
    "ON CONFLICT (subject, region) DO UPDATE SET version = excluded.version, "
    "grade = excluded.grade, reasons = excluded.reasons, sources = excluded.sources, "
    "from_us = excluded.from_us, until_us = excluded.until_us, then_grade = excluded.then_grade, "
    "updated_us = excluded.updated_us, is_withdrawn = excluded.is_withdrawn, "
    "heal = GREATEST(e.heal, excluded.heal) "
    "WHERE e.version < excluded.version OR e.heal < excluded.heal OR ($13::boolean AND "
    "e.version = excluded.version AND (e.grade, e.reasons, e.sources, e.from_us, e.until_us, "
    "e.then_grade, e.updated_us, e.is_withdrawn) IS DISTINCT FROM (excluded.grade, "
    "excluded.reasons, excluded.sources, excluded.from_us, excluded.until_us, "
    "excluded.then_grade, excluded.updated_us, excluded.is_withdrawn))";

static int by_subject_then_newest(const void *a, const void *b)
{
    const struct entry_row *left = a, *right = b;
    int order = memcmp(left->entry.subject, right->entry.subject, PHI_SUBJECT_LEN);
    if (order != 0)
        return order;
    return (left->entry.version < right->entry.version) -
           (left->entry.version > right->entry.version);
}

/* One row a person, the newest: an upsert can't touch a row twice, and sorted keys don't deadlock.
 */
static size_t newest_of_each(struct entry_row *rows, size_t count)
{
    size_t kept = 0;
    qsort(rows, count, sizeof(*rows), by_subject_then_newest);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 ||
            memcmp(rows[kept - 1].entry.subject, rows[i].entry.subject, PHI_SUBJECT_LEN) != 0)
            rows[kept++] = rows[i];
    return kept;
}

static void join_reasons(const struct phi_entry *entry, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < entry->reasons_count && len < size; i++)
        len +=
            (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : ",", entry->reasons[i]);
}

static enum phi_err add_row(struct phi_columns *to, const struct entry_row *r)
{
    enum phi_err err = PHI_OK;
    const struct phi_entry *e = &r->entry;
    char reasons[PHI_ENTRY_REASONS_MAX * (PHI_ENTRY_REASON_MAX + 1) + 1];
    join_reasons(e, reasons, sizeof(reasons));
    const struct phi_param row[COLUMNS] = {PHI_BYTES_OF(e->subject, PHI_SUBJECT_LEN),
                                           PHI_TEXT(e->region),
                                           PHI_I64(e->version),
                                           PHI_I64(e->grade),
                                           PHI_TEXT(reasons),
                                           PHI_I64(e->sources_mask),
                                           PHI_I64(e->from_us),
                                           PHI_I64(e->until_us),
                                           PHI_I64(e->then),
                                           PHI_I64(e->updated_us),
                                           PHI_BOOL(e->is_withdrawn),
                                           PHI_I64(r->listing)};
    PHI_GUARD(phi_columns_add(to, row));
out:
    return err;
}

enum phi_err entry_rows_store(struct phi_conn *tx, struct entry_row *rows, size_t count,
                              bool takes_equal, size_t *taken)
{
    enum phi_err err = PHI_OK;
    struct phi_columns entries = {0};
    struct phi_param params[COLUMNS + 1];
    struct phi_rows *told = NULL;
    *taken = 0;
    if (count == 0)
        return PHI_OK;
    count = newest_of_each(rows, count);
    PHI_GUARD(phi_columns_init(&entries, columns, COLUMNS));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(add_row(&entries, &rows[i]));
    memcpy(params, entries.params, sizeof(entries.params[0]) * COLUMNS);
    params[COLUMNS] = PHI_BOOL(takes_equal);
    PHI_GUARD(phi_conn_exec(tx, "entries_upsert", upsert, params, COLUMNS + 1, &told, NULL));
    *taken = phi_rows_affected(told);
out:
    phi_rows_free(told);
    phi_columns_fini(&entries);
    return err;
}

/* A reason that no province can have written counts as it stands: the sum will differ. */
static void split_reasons(const char *joined, struct phi_entry *entry)
{
    while (*joined != '\0' && entry->reasons_count < PHI_ENTRY_REASONS_MAX) {
        size_t len = strcspn(joined, ",");
        snprintf(entry->reasons[entry->reasons_count++], sizeof(entry->reasons[0]), "%.*s",
                 (int)len, joined);
        joined += len + (joined[len] == ',');
    }
}

void entry_rows_read(const struct phi_rows *rows, size_t row, struct phi_entry *out)
{
    *out = (struct phi_entry){.version = (uint64_t)phi_rows_i64(rows, row, 2),
                              .grade = (enum phi_grade)phi_rows_i64(rows, row, 3),
                              .sources_mask = (uint32_t)phi_rows_i64(rows, row, 5),
                              .from_us = phi_rows_i64(rows, row, 6),
                              .until_us = phi_rows_i64(rows, row, 7),
                              .then = (enum phi_grade)phi_rows_i64(rows, row, 8),
                              .updated_us = phi_rows_i64(rows, row, 9),
                              .is_withdrawn = phi_rows_bool(rows, row, 10)};
    memcpy(out->subject, phi_rows_bytes(rows, row, 0).data, PHI_SUBJECT_LEN);
    snprintf(out->region, sizeof(out->region), "%s", phi_rows_text(rows, row, 1));
    split_reasons(phi_rows_text(rows, row, 4), out);
}
