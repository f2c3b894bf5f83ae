#include "store/pg.h"

/* struct phi_rows has no members: it is libpq's result under a name that doesn't leave the room. */
static const PGresult *result_of(const struct phi_rows *rows)
{
    return (const PGresult *)rows;
}

static bool is_there(const struct phi_rows *rows, size_t row, size_t column)
{
    const PGresult *result = result_of(rows);
    return rows != NULL && row < (size_t)PQntuples(result) && column < (size_t)PQnfields(result) &&
           !PQgetisnull(result, (int)row, (int)column);
}

size_t phi_rows_count(const struct phi_rows *rows)
{
    return rows ? (size_t)PQntuples(result_of(rows)) : 0;
}

size_t phi_rows_affected(const struct phi_rows *rows)
{
    /* libpq's signature isn't const though it only reads */
    const char *digits = rows ? PQcmdTuples((PGresult *)(uintptr_t)rows) : "";
    size_t count = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        count = count * 10 + (size_t)(*digits - '0');
    return count;
}

bool phi_rows_is_null(const struct phi_rows *rows, size_t row, size_t column)
{
    return !is_there(rows, row, column);
}

const char *phi_rows_text(const struct phi_rows *rows, size_t row, size_t column)
{
    if (!is_there(rows, row, column))
        return NULL;
    const char *text = PQgetvalue(result_of(rows), (int)row, (int)column);
    bool has_version = PQftype(result_of(rows), (int)column) == PHI_PG_OID_JSONB;
    return has_version ? text + 1 : text;
}

struct phi_view phi_rows_bytes(const struct phi_rows *rows, size_t row, size_t column)
{
    if (!is_there(rows, row, column))
        return phi_view_of(NULL, 0);
    const PGresult *result = result_of(rows);
    return phi_view_of(PQgetvalue(result, (int)row, (int)column),
                       (size_t)PQgetlength(result, (int)row, (int)column));
}

int64_t phi_rows_i64(const struct phi_rows *rows, size_t row, size_t column)
{
    if (!is_there(rows, row, column))
        return 0;
    return phi_pg_read_i64(result_of(rows), (int)row, (int)column);
}

bool phi_rows_bool(const struct phi_rows *rows, size_t row, size_t column)
{
    return phi_rows_i64(rows, row, column) != 0;
}

void phi_rows_free(struct phi_rows *rows)
{
    PQclear((PGresult *)rows);
}
