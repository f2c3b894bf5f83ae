/* That a case is in a day's root: its chunk's heads are read again, the rest is kept. */
#include "codes/chain.h"
#include "svc-correction/anchor/anchor.h"
#include "svc-correction/anchor/heads.h"

#include <stdlib.h>
#include <string.h>

enum { AT_CUT, AT_COUNT, AT_ROOT, AT_CHUNKS, AT_FIRSTS, AT_DAY };

struct proof {
    const struct phi_rows *anchor;
    size_t chunk, chunk_count;
    size_t index; /* in its chunk */
    uint8_t head[PHI_CHAIN_LEN];
    uint8_t path[PHI_MERKLE_PATH][PHI_CHAIN_LEN];
    size_t path_count;
};

/* The chunk whose first case is the last that is not behind this one. */
static bool find_chunk(struct proof *proof, const uint8_t *case_id)
{
    struct phi_view firsts = phi_rows_bytes(proof->anchor, 0, AT_FIRSTS);
    proof->chunk_count = firsts.len / CASE_LEN;
    size_t low = 0, high = proof->chunk_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(firsts.data + middle * CASE_LEN, case_id, CASE_LEN) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    proof->chunk = low - 1;
    return low > 0;
}

static bool find_case(struct proof *proof, const struct heads *heads, const uint8_t *case_id)
{
    for (size_t i = 0; i < heads->count; i++)
        if (memcmp(heads->ids[i], case_id, CASE_LEN) == 0) {
            proof->index = i;
            memcpy(proof->head, heads->heads[i], PHI_CHAIN_LEN);
            return true;
        }
    return false;
}

static enum phi_err make_path(struct proof *proof, struct heads *heads)
{
    enum phi_err err = PHI_OK;
    size_t above = 0;
    struct phi_view chunks = phi_rows_bytes(proof->anchor, 0, AT_CHUNKS);
    uint8_t(*roots)[PHI_CHAIN_LEN] = calloc(proof->chunk_count, sizeof(*roots));
    PHI_GUARD(roots == NULL || chunks.len != proof->chunk_count * sizeof(*roots)
                  ? PHI_ERR_DATA_BROKEN
                  : PHI_OK);
    memcpy(roots, chunks.data, chunks.len);
    PHI_GUARD(
        phi_merkle_path(heads->heads, heads->count, proof->index, proof->path, &proof->path_count));
    PHI_GUARD(phi_merkle_join_path(roots, proof->chunk_count, proof->chunk,
                                   proof->path + proof->path_count, &above));
    proof->path_count += above;
out:
    free(roots);
    return err;
}

static json_t *json_of(const struct proof *proof)
{
    char until[PHI_RFC3339_MAX], head[2 * PHI_CHAIN_LEN + 1], hex[2 * PHI_CHAIN_LEN + 1];
    size_t index = proof->chunk * HEADS_CHUNK + proof->index;
    json_t *path = json_array();
    for (size_t i = 0; i < proof->path_count; i++) {
        phi_hex_encode(phi_view_of(proof->path[i], PHI_CHAIN_LEN), hex);
        json_array_append_new(path, json_string(hex));
    }
    phi_rfc3339_format(phi_rows_i64(proof->anchor, 0, AT_CUT), until);
    phi_hex_encode(phi_view_of(proof->head, PHI_CHAIN_LEN), head);
    phi_hex_encode(phi_rows_bytes(proof->anchor, 0, AT_ROOT), hex);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "day",
                     phi_rows_text(proof->anchor, 0, AT_DAY), "until", until, "count",
                     (json_int_t)phi_rows_i64(proof->anchor, 0, AT_COUNT), "index",
                     (json_int_t)index, "head", head, "root", hex, "path", path);
}

static enum phi_err prove(struct phi_conn *conn, const struct phi_rows *anchor,
                          const uint8_t *case_id, json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proof proof = {.anchor = anchor};
    struct heads *heads = calloc(1, sizeof(*heads));
    PHI_GUARD(heads == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = json_null();
    if (!find_chunk(&proof, case_id))
        goto out;
    PHI_GUARD(heads_from(conn, phi_rows_i64(anchor, 0, AT_CUT),
                         phi_rows_bytes(anchor, 0, AT_FIRSTS).data + proof.chunk * CASE_LEN, heads,
                         error));
    if (!find_case(&proof, heads, case_id))
        goto out;
    PHI_GUARD(make_path(&proof, heads));
    *out = json_of(&proof);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    free(heads);
    return err;
}

enum phi_err anchor_proof(struct phi_conn *conn, const uint8_t *case_id, const char *day,
                          json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param param = PHI_TEXT(day);
    *out = json_null();
    PHI_GUARD(phi_conn_exec(conn, "anchor_of_day",
                            "SELECT cut_us, count, root, chunks, firsts, day FROM anchors WHERE "
                            "day = $1 ORDER BY cut_us DESC LIMIT 1",
                            &param, 1, &rows, error));
    if (phi_rows_count(rows) == 1)
        PHI_GUARD(prove(conn, rows, case_id, out, error));
out:
    phi_rows_free(rows);
    return err;
}
