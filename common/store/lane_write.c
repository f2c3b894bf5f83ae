#include "store/lane_internal.h"

#include <stdio.h>
#include <string.h>

static bool push_op(struct phi_lane *lane, int is_sent, enum phi_lane_op_kind kind, size_t table)
{
    if (is_sent != 1)
        return false;
    lane->ops[lane->op_count++] = (struct phi_lane_op){.kind = kind, .table = table};
    return true;
}

bool phi_lane_send(struct phi_lane *lane, const char *sql, enum phi_lane_op_kind kind)
{
    int is_sent = PQsendQueryParams(lane->pg, sql, 0, NULL, NULL, NULL, NULL, 1);
    return push_op(lane, is_sent, kind, 0);
}

bool phi_lane_send_begin(struct phi_lane *lane)
{
    const char *values[] = {(const char *)lane->marker};
    int lengths[] = {PHI_LANE_MARKER_LEN};
    int formats[] = {1};
    return phi_lane_send(lane, "BEGIN", PHI_LANE_OP_PLAIN) &&
           push_op(lane, PQsendQueryPrepared(lane->pg, "mark", 1, values, lengths, formats, 1),
                   PHI_LANE_OP_PLAIN, 0);
}

/* Begins the arrays of a table's first `columns` columns. */
static void reset_arrays(struct phi_lane *lane, const struct phi_lane_table *table, size_t columns)
{
    for (size_t i = 0; i < columns; i++)
        phi_array_reset(lane->arrays[i], table->columns[i]);
}

static bool put_row(struct phi_lane *lane, const uint8_t *elements, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        size_t len = phi_element_len(elements);
        if (phi_array_put(lane->arrays[i], elements, len) != PHI_OK)
            return false;
        elements += len;
    }
    return true;
}

static bool send_arrays(struct phi_lane *lane, char kind, size_t table, size_t columns,
                        enum phi_lane_op_kind op)
{
    const char *values[PHI_LANE_COLUMNS_MAX];
    int lengths[PHI_LANE_COLUMNS_MAX];
    int formats[PHI_LANE_COLUMNS_MAX];
    char name[24];
    for (size_t i = 0; i < columns; i++) {
        struct phi_view array = phi_array_view(lane->arrays[i]);
        values[i] = (const char *)array.data;
        lengths[i] = (int)array.len;
        formats[i] = 1;
    }
    snprintf(name, sizeof(name), "%c%zu", kind, table);
    int is_sent = PQsendQueryPrepared(lane->pg, name, (int)columns, values, lengths, formats, 1);
    return push_op(lane, is_sent, op, table);
}

bool phi_lane_send_guard(struct phi_lane *lane, size_t table, bool *is_sent)
{
    const struct phi_lane_table *declared = &lane->tables[table];
    size_t count = 0;
    *is_sent = false;
    reset_arrays(lane, declared, declared->column_count);
    for (size_t i = 0; i < lane->guards.count; i++) {
        struct phi_lane_ref *ref = lane->guards.sorted[i];
        if (ref->table != table || !phi_lane_ref_is_due(lane, ref))
            continue;
        if (count == 0 && !lane->is_begun && !phi_lane_send_begin(lane))
            return false;
        lane->is_begun = true;
        if (!put_row(lane, ref->key, declared->column_count))
            return false;
        ref->is_sent = true;
        count++;
    }
    if (count == 0)
        return true;
    *is_sent = true;
    return send_arrays(lane, 'i', table, declared->column_count, PHI_LANE_OP_GUARD);
}

static bool gather_rows(struct phi_lane *lane, size_t table, struct phi_commit **batch,
                        size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += batch[i]->row_count;
    if (phi_lane_refs_reserve(&lane->rows, rows) != PHI_OK)
        return false;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; batch[i]->lost_table < 0 && j < batch[i]->row_count; j++) {
            if (batch[i]->rows[j].table == table)
                phi_lane_refs_add(&lane->rows, batch[i], &batch[i]->rows[j]);
        }
    }
    return true;
}

/* Of the rows of one key, sorted by arrival, the first or the last is written. */
static bool is_written(const struct phi_lane_refs *rows, size_t i, bool last_wins)
{
    if (last_wins)
        return i + 1 == rows->count || rows->sorted[i + 1]->group != rows->sorted[i]->group;
    return i == 0 || rows->sorted[i - 1]->group != rows->sorted[i]->group;
}

bool phi_lane_send_rows(struct phi_lane *lane, size_t table, struct phi_commit **batch,
                        size_t count)
{
    const struct phi_lane_table *declared = &lane->tables[table];
    if (!gather_rows(lane, table, batch, count))
        return false;
    if (lane->rows.count == 0)
        return true;
    if (declared->key_count > 0)
        phi_lane_refs_sort(&lane->rows);
    reset_arrays(lane, declared, declared->column_count);
    for (size_t i = 0; i < lane->rows.count; i++) {
        if (declared->key_count > 0 && !is_written(&lane->rows, i, declared->last_wins))
            continue;
        if (!put_row(lane, lane->rows.sorted[i]->key, declared->column_count))
            return false;
    }
    return send_arrays(lane, 'i', table, declared->column_count, PHI_LANE_OP_PLAIN);
}

bool phi_lane_send_fetch(struct phi_lane *lane, size_t table, struct phi_commit **batch,
                         size_t count)
{
    const struct phi_lane_table *declared = &lane->tables[table];
    size_t wanted = 0;
    if (!declared->is_guard || declared->fetch_sql == NULL)
        return true;
    reset_arrays(lane, declared, declared->key_count);
    for (size_t i = 0; i < count; i++) {
        if (batch[i]->lost_table != (int)table)
            continue;
        if (!put_row(lane, batch[i]->lost_key.data, declared->key_count))
            return false;
        wanted++;
    }
    if (wanted == 0)
        return true;
    return send_arrays(lane, 'f', table, declared->key_count, PHI_LANE_OP_FETCH);
}

static bool is_column(enum phi_column type, const uint8_t *element, const PGresult *result, int row,
                      int column)
{
    if (PQgetisnull(result, row, column))
        return false;
    size_t len = phi_element_len(element) - 4;
    if (type == PHI_COLUMN_I64) {
        uint8_t number[8];
        phi_pg_put_u64(number, (uint64_t)phi_pg_read_i64(result, row, column));
        return memcmp(element + 4, number, 8) == 0;
    }
    return len == (size_t)PQgetlength(result, row, column) &&
           (len == 0 || memcmp(element + 4, PQgetvalue(result, row, column), len) == 0);
}

bool phi_lane_key_is_row(const struct phi_lane_table *table, const uint8_t *key,
                         const PGresult *result, int row)
{
    if ((size_t)PQnfields(result) < table->key_count)
        return false;
    for (size_t i = 0; i < table->key_count; i++) {
        if (!is_column(table->columns[i], key, result, row, (int)i))
            return false;
        key += phi_element_len(key);
    }
    return true;
}
