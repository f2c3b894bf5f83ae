/* The outbox: events written in the same transaction as what they tell of, published later
 * (data.md). A row is removed once the broker has it; consumers drop doubles by event id.
 *
 *   phi_commit_add(commit, OUTBOX, (struct phi_param[]){PHI_BYTES_OF(id, 16), PHI_TEXT(topic),
 *       PHI_BYTES(key), PHI_I64(-1), PHI_TEXT(headers_json), PHI_BYTES(value), PHI_I64(now_us)},
 *       PHI_OUTBOX_COLUMNS);
 *   // relay, on a connection of its own:
 *   PHI_GUARD(phi_outbox_lock(conn, &is_held, &error));
 *   PHI_GUARD(phi_outbox_read(conn, now_us - 2000000, 500, &rows, &error));
 *   … publish …; PHI_GUARD(phi_outbox_delete(conn, ids, count, &deleted, &error));
 */
#ifndef PHI_STORE_OUTBOX_H
#define PHI_STORE_OUTBOX_H

#include "store/store.h"

/* Columns of the lane's table and of the rows that phi_outbox_read gives. */
enum phi_outbox_column {
    PHI_OUTBOX_EVENT_ID,  /* bytes, 16, UUIDv7; the key */
    PHI_OUTBOX_TOPIC,     /* text */
    PHI_OUTBOX_KEY,       /* bytes: a 16-byte subject or text */
    PHI_OUTBOX_PARTITION, /* i64; -1: by subject key */
    PHI_OUTBOX_HEADERS,   /* text: a JSON object */
    PHI_OUTBOX_VALUE,     /* bytes */
    PHI_OUTBOX_CREATED,   /* i64, µs */
    PHI_OUTBOX_COLUMNS
};

/* Tries to become the schema's one relay; held by this connection until phi_outbox_unlock, its
 * release or its loss. Never waits. */
enum phi_err phi_outbox_lock(struct phi_conn *conn, bool *is_held,
                             struct phi_error *error) PHI_MUST_USE;
void phi_outbox_unlock(struct phi_conn *conn);

/* One event, outside a lane: inside the caller's transaction on `conn`. PHI_OUTBOX_COLUMNS
 * parameters. */
enum phi_err phi_outbox_add(struct phi_conn *conn, const struct phi_param *columns,
                            struct phi_error *error) PHI_MUST_USE;
/* Up to `max` (≤ 10,000) rows created at or before `until_us`, oldest first, no more than about 32
 * MiB of values. The caller frees `rows`. */
enum phi_err phi_outbox_read(struct phi_conn *conn, int64_t until_us, size_t max,
                             struct phi_rows **rows, struct phi_error *error) PHI_MUST_USE;
/* The same, of topics that match (or, with `is_matching` false, don't match) a POSIX regular
 * expression: so that one bus that is down doesn't hold back the rows of the other. */
enum phi_err phi_outbox_read_topics(struct phi_conn *conn, int64_t until_us, const char *pattern,
                                    bool is_matching, size_t max, struct phi_rows **rows,
                                    struct phi_error *error) PHI_MUST_USE;
/* Deletes by 16-byte event ids; unknown ones are no error; `deleted` may be NULL. */
enum phi_err phi_outbox_delete(struct phi_conn *conn, const uint8_t (*event_ids)[16], size_t count,
                               size_t *deleted, struct phi_error *error) PHI_MUST_USE;
/* Rows waiting, counted up to `max`. */
enum phi_err phi_outbox_count(struct phi_conn *conn, size_t max, size_t *count,
                              struct phi_error *error) PHI_MUST_USE;
/* Bytes that the table takes on the disk, indexes and rows that are gone included. */
enum phi_err phi_outbox_size(struct phi_conn *conn, int64_t *bytes,
                             struct phi_error *error) PHI_MUST_USE;

#endif
