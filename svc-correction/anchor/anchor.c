#include "svc-correction/anchor/anchor.h"

#include "base/log.h"
#include "bus/event_row.h"
#include "codes/chain.h"
#include "json/canonical.h"
#include "svc-correction/anchor/heads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US    1000000LL
#define OFFSET_US    (8 * 3600 * SECOND_US)
#define DAY_S        86400
#define DATE_LEN     10
#define TURNS_MAX    31
#define ACQUIRE_MS   2000
#define ARENA_MAX    (64 * 1024)
#define AUDIT_KEY    16
#define CHUNKS_MAX   (PHI_MERKLE_MAX / HEADS_CHUNK)
#define CHUNKS_FIRST 16

/* --- turns --- */

void anchor_of(int64_t number, int64_t turn_s, struct anchor_turn *out)
{
    char begin[PHI_RFC3339_MAX];
    int64_t begin_us = number * turn_s * SECOND_US - OFFSET_US;
    out->number = number;
    out->cut_us = begin_us + turn_s * SECOND_US;
    phi_rfc3339_format(begin_us, begin);
    snprintf(out->day, sizeof(out->day), "%.*s", DATE_LEN, begin);
}

void anchor_newest(int64_t now_us, int64_t turn_s, int64_t after_s, struct anchor_turn *out)
{
    int64_t local_us = now_us - after_s * SECOND_US + OFFSET_US;
    anchor_of(local_us / (turn_s * SECOND_US) - 1, turn_s, out);
}

/* --- the root --- */

struct root {
    uint8_t (*chunks)[PHI_CHAIN_LEN];
    uint8_t (*firsts)[CASE_LEN];
    size_t chunk_count, chunk_room;
    size_t count;
    uint8_t root[PHI_CHAIN_LEN];
};

static enum phi_err grow(struct root *root)
{
    size_t room = root->chunk_room == 0 ? CHUNKS_FIRST : 2 * root->chunk_room;
    if (root->chunk_count < root->chunk_room)
        return PHI_OK;
    if (room > CHUNKS_MAX)
        return PHI_ERR_OVERLOAD;
    void *chunks = realloc(root->chunks, room * sizeof(*root->chunks));
    if (chunks == NULL)
        return PHI_ERR_MEMORY;
    root->chunks = chunks;
    void *firsts = realloc(root->firsts, room * sizeof(*root->firsts));
    if (firsts == NULL)
        return PHI_ERR_MEMORY;
    root->firsts = firsts;
    root->chunk_room = room;
    return PHI_OK;
}

static enum phi_err add_chunk(struct root *root, struct heads *heads)
{
    enum phi_err err = PHI_OK;
    if (heads->count == 0)
        return PHI_OK;
    PHI_GUARD(grow(root));
    memcpy(root->firsts[root->chunk_count], heads->ids[0], CASE_LEN);
    PHI_GUARD(phi_merkle_root(heads->heads, heads->count, root->chunks[root->chunk_count]));
    root->chunk_count++;
    root->count += heads->count;
out:
    return err;
}

static enum phi_err join(struct root *root)
{
    enum phi_err err = PHI_OK;
    size_t count = root->chunk_count;
    uint8_t(*copy)[PHI_CHAIN_LEN] = calloc(count + 1, sizeof(*copy));
    PHI_GUARD(copy == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (count > 0)
        memcpy(copy, root->chunks, count * sizeof(*copy));
    PHI_GUARD(phi_merkle_join(copy, count, root->root));
out:
    free(copy);
    return err;
}

static enum phi_err make_root(struct phi_conn *conn, int64_t cut_us, struct root *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct heads *heads = calloc(1, sizeof(*heads));
    PHI_GUARD(heads == NULL ? PHI_ERR_MEMORY : PHI_OK);
    do {
        PHI_GUARD(heads_after(conn, cut_us, heads, error));
        PHI_GUARD(add_chunk(out, heads));
    } while (heads->count == HEADS_CHUNK);
    PHI_GUARD(join(out));
out:
    free(heads);
    return err;
}

/* --- publishing --- */

static enum phi_err make_event(struct phi_service *service, const struct anchor_turn *turn,
                               const struct root *root, int64_t now_us, struct phi_arena *arena,
                               struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    char at[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX], hex[2 * PHI_CHAIN_LEN + 1];
    uint8_t *key = phi_arena_alloc(arena, PHI_SM3_LEN);
    phi_rfc3339_format(now_us, at);
    phi_rfc3339_format(turn->cut_us, until);
    phi_hex_encode(phi_view_of(root->root, PHI_CHAIN_LEN), hex);
    json_t *json = json_pack("{s:s, s:s, s:I, s:s, s:s}", "day", turn->day, "until", until, "count",
                             (json_int_t)root->count, "root", hex, "at", at);
    *event = (struct phi_event){.topic = phi_service_topic(service, "audit"),
                                .type = "cn.phi.audit.anchor",
                                .source = phi_service_source(service),
                                .time_us = now_us,
                                .key = phi_view_of(key, AUDIT_KEY)};
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(key == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_sm3(phi_view_text(until), key));
    PHI_GUARD(phi_json_canonical(json, arena, &event->value));
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(phi_service_sign_event(service, event, (uint64_t)turn->number, arena));
out:
    return err;
}

static enum phi_err keep(struct phi_conn *tx, const struct anchor_turn *turn,
                         const struct root *root, int64_t now_us, bool *is_ours,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {
        PHI_I64(turn->cut_us),
        PHI_TEXT(turn->day),
        PHI_I64((int64_t)root->count),
        PHI_BYTES_OF(root->root, PHI_CHAIN_LEN),
        PHI_BYTES(phi_view_of(root->count == 0 ? "" : (const void *)root->chunks,
                              root->chunk_count * PHI_CHAIN_LEN)),
        PHI_BYTES(phi_view_of(root->count == 0 ? "" : (const void *)root->firsts,
                              root->chunk_count * CASE_LEN)),
        PHI_I64(now_us)};
    PHI_GUARD(
        phi_conn_exec(tx, "anchor_add",
                      "INSERT INTO anchors (cut_us, day, count, root, chunks, firsts, made_us) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                      params, sizeof(params) / sizeof(params[0]), &rows, error));
    *is_ours = phi_rows_affected(rows) == 1;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err publish(struct phi_service *service, struct phi_conn *conn,
                            const struct anchor_turn *turn, const struct root *root, bool *is_made,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    bool is_ours = false;
    int64_t now_us = phi_clock_now_us(phi_service_clock(service));
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(make_event(service, turn, root, now_us, arena, &event));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(keep(conn, turn, root, now_us, &is_ours, error));
    if (is_ours)
        PHI_GUARD(phi_event_put(conn, &event, error));
    PHI_GUARD(phi_conn_commit(conn, error));
    *is_made = *is_made || is_ours;
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err make_one(struct phi_service *service, struct phi_conn *conn,
                             const struct anchor_turn *turn, bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct root root = {.count = 0};
    PHI_GUARD(make_root(conn, turn->cut_us, &root, error));
    PHI_GUARD(publish(service, conn, turn, &root, is_made, error));
    phi_log(PHI_LOG_INFO, "cases_anchored", PHI_L_WORD("day", turn->day),
            PHI_L_INT("cases", (int64_t)root.count));
out:
    free(root.chunks);
    free(root.firsts);
    return err;
}

/* The number of the newest root, or of the one before the newest that is due: the first day of a
 * new database has no past to make up for. */
static enum phi_err last_made(struct phi_conn *conn, int64_t newest, int64_t turn_s, int64_t *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(conn, "anchor_last", "SELECT max(cut_us) FROM anchors", NULL, 0, &rows,
                            error));
    *out = newest - 1;
    if (!phi_rows_is_null(rows, 0, 0))
        *out = (phi_rows_i64(rows, 0, 0) + OFFSET_US) / (turn_s * SECOND_US) - 1;
    if (*out < newest - TURNS_MAX)
        *out = newest - TURNS_MAX;
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err anchor_look(struct phi_service *service, bool *is_made, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct anchor_turn turn;
    int64_t last = 0;
    int64_t turn_s = phi_config_int(phi_service_config(service), "PHI_ANCHOR_TURN_S");
    *is_made = false;
    anchor_newest(phi_clock_now_us(phi_service_clock(service)), turn_s,
                  phi_config_int(phi_service_config(service), "PHI_ANCHOR_AFTER_S"), &turn);
    int64_t newest = turn.number;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(last_made(conn, newest, turn_s, &last, error));
    for (int64_t number = last + 1; number <= newest; number++) {
        anchor_of(number, turn_s, &turn);
        PHI_GUARD(make_one(service, conn, &turn, is_made, error));
    }
out:
    phi_store_release(conn);
    return err;
}
