#include "person/keys.h"

#include "bus/dlq.h"
#include "store/columns.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS    4
#define ROUNDS_MAX 3 /* of making: each loses only to another who made or destroyed meanwhile */

static const enum phi_column types[COLUMNS] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_BYTES,
                                               PHI_COLUMN_I64};

static enum phi_err add(struct phi_columns *columns, const struct phi_person_key *key,
                        int64_t now_us)
{
    const struct phi_param row[COLUMNS] = {PHI_BYTES_OF(key->subject, PHI_SUBJECT_LEN),
                                           PHI_I64(key->version), PHI_BYTES(key->wrapped),
                                           PHI_I64(now_us)};
    return phi_columns_add(columns, row);
}

/* By subject; of one subject the highest version last. */
static int compare(const void *a, const void *b)
{
    const struct phi_person_key *left = *(const struct phi_person_key *const *)a;
    const struct phi_person_key *right = *(const struct phi_person_key *const *)b;
    int order = memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
    return order != 0 ? order : (left->version > right->version) - (left->version < right->version);
}

enum phi_err phi_person_keys_keep(struct phi_conn *tx, const struct phi_person_key *keys,
                                  size_t count, int64_t now_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    const struct phi_person_key **sorted = NULL;
    if (count == 0)
        return PHI_OK;
    PHI_GUARD(phi_columns_init(&columns, types, COLUMNS));
    sorted = calloc(count, sizeof(*sorted));
    PHI_GUARD(sorted == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &keys[i];
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count ||
            memcmp(sorted[i]->subject, sorted[i + 1]->subject, PHI_SUBJECT_LEN) != 0)
            PHI_GUARD(add(&columns, sorted[i], now_us));
    PHI_GUARD(phi_columns_write(
        &columns, tx, "person_keys_keep",
        "INSERT INTO person_keys AS k (subject, version, wrapped, changed_us) SELECT * FROM "
        "unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[]) ON CONFLICT (subject) DO "
        "UPDATE SET version = EXCLUDED.version, wrapped = EXCLUDED.wrapped, changed_us = "
        "EXCLUDED.changed_us WHERE k.version < EXCLUDED.version",
        error));
out:
    free(sorted);
    phi_columns_fini(&columns);
    return err;
}

enum phi_err phi_person_keys_take(struct phi_conn *tx, const struct phi_msg *msgs, size_t count,
                                  const char *region, const struct phi_seal_key *health,
                                  struct phi_dlq *dlq, int64_t now_us, struct phi_arena *arena,
                                  struct phi_array *erased, size_t *dead, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t kept = 0;
    struct phi_person_key *keys = phi_arena_alloc(arena, count * sizeof(*keys));
    PHI_GUARD(keys == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++) {
        struct phi_person_key *key = &keys[kept];
        enum phi_err found = phi_person_key_read(&msgs[i], region, health, arena, key, NULL);
        PHI_GUARD(found == PHI_ERR_MEMORY || found == PHI_ERR_CRYPTO ? found : PHI_OK);
        if (found != PHI_OK) {
            PHI_GUARD(phi_dlq_put(dlq, tx, &msgs[i], found));
            (*dead)++;
            continue;
        }
        kept++;
        if (erased != NULL && !phi_person_key_is_kept(key))
            PHI_GUARD(phi_array_add(erased, PHI_BYTES_OF(key->subject, PHI_SUBJECT_LEN)));
    }
    PHI_GUARD(phi_person_keys_keep(tx, keys, kept, now_us, error));
out:
    return err;
}

static enum phi_err take_key(const struct phi_rows *rows, size_t row, struct phi_arena *arena,
                             struct phi_person_key *out)
{
    struct phi_view wrapped = phi_rows_bytes(rows, row, 1);
    uint8_t *copy = phi_arena_copy(arena, wrapped.data, wrapped.len);
    if (copy == NULL)
        return PHI_ERR_MEMORY;
    out->version = phi_rows_i64(rows, row, 0);
    out->wrapped = phi_view_of(copy, wrapped.len);
    return PHI_OK;
}

enum phi_err phi_person_keys_find(struct phi_conn *conn, const uint8_t *subject,
                                  struct phi_arena *arena, struct phi_person_key *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param param = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    *out = (struct phi_person_key){0};
    memcpy(out->subject, subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_conn_exec(conn, "person_keys_find",
                            "SELECT version, wrapped FROM person_keys WHERE subject = $1", &param,
                            1, &rows, error));
    if (phi_rows_count(rows) > 0)
        PHI_GUARD(take_key(rows, 0, arena, out));
out:
    phi_rows_free(rows);
    return err;
}

static struct phi_person_key *find(struct phi_person_key *keys, size_t count,
                                   struct phi_view subject)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(keys[middle].subject, subject.data, PHI_SUBJECT_LEN);
        if (order == 0)
            return &keys[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* What stands in the table of those that have no key yet. */
static enum phi_err look_up(struct phi_conn *tx, size_t count, struct phi_arena *arena,
                            struct phi_person_key *keys, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_array *wanted = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(wanted == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        if (!phi_person_key_is_kept(&keys[i]))
            PHI_GUARD(phi_array_add(wanted, PHI_BYTES_OF(keys[i].subject, PHI_SUBJECT_LEN)));
    const struct phi_param param = PHI_ARRAY(wanted);
    PHI_GUARD(phi_conn_exec(tx, "person_keys_of",
                            "SELECT version, wrapped, subject FROM person_keys WHERE subject = "
                            "ANY ($1::bytea[])",
                            &param, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(take_key(rows, i, arena, find(keys, count, phi_rows_bytes(rows, i, 2))));
out:
    phi_rows_free(rows);
    phi_array_free(wanted);
    return err;
}

/* Offers a new key for each that has none; the row that was there first stays. */
static enum phi_err make(struct phi_conn *tx, const struct phi_seal_key *health, size_t count,
                         int64_t now_us, struct phi_arena *arena, struct phi_person_key *keys,
                         bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns columns = {0};
    struct phi_rows *rows = NULL;
    struct phi_person_key *made = phi_arena_alloc(arena, count * sizeof(*made));
    PHI_GUARD(made == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_columns_init(&columns, types, COLUMNS));
    for (size_t i = 0; i < count; i++) {
        made[i] = keys[i];
        if (phi_person_key_is_kept(&keys[i]))
            continue;
        PHI_GUARD(
            phi_person_key_make(health, keys[i].subject, keys[i].version + 1, arena, &made[i]));
        PHI_GUARD(add(&columns, &made[i], now_us));
    }
    PHI_GUARD(phi_conn_exec(
        tx, "person_keys_make",
        "INSERT INTO person_keys AS k (subject, version, wrapped, changed_us) SELECT * FROM "
        "unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[]) ON CONFLICT (subject) DO "
        "UPDATE SET version = EXCLUDED.version, wrapped = EXCLUDED.wrapped, changed_us = "
        "EXCLUDED.changed_us WHERE k.version = EXCLUDED.version - 1 RETURNING subject",
        columns.params, columns.count, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        struct phi_person_key *key = find(keys, count, phi_rows_bytes(rows, i, 0));
        *key = made[key - keys];
        is_made[key - keys] = true;
    }
out:
    phi_rows_free(rows);
    phi_columns_fini(&columns);
    return err;
}

static bool is_whole(const struct phi_person_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!phi_person_key_is_kept(&keys[i]))
            return false;
    return true;
}

enum phi_err phi_person_keys_ensure(struct phi_conn *tx, const struct phi_seal_key *health,
                                    const uint8_t (*subjects)[PHI_SUBJECT_LEN], size_t count,
                                    int64_t now_us, struct phi_arena *arena,
                                    struct phi_person_key *keys, bool *is_made,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct phi_person_key){0};
        memcpy(keys[i].subject, subjects[i], PHI_SUBJECT_LEN);
        is_made[i] = false;
    }
    for (int round = 0; round < ROUNDS_MAX && !is_whole(keys, count); round++) {
        PHI_GUARD(look_up(tx, count, arena, keys, error));
        if (!is_whole(keys, count))
            PHI_GUARD(make(tx, health, count, now_us, arena, keys, is_made, error));
    }
    PHI_GUARD(is_whole(keys, count) ? PHI_OK : PHI_ERR_STORE);
out:
    return err;
}
