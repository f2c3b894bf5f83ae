/* Hash chains of cases and the daily root over them, against the definition of RFC 6962 read
 * anew. */
#include "case.h"
#include "codes/chain.h"

#include <string.h>

#define LEAVES 70

static void leaf(size_t i, uint8_t out[PHI_CHAIN_LEN])
{
    assert_int_equal(phi_sm3(phi_view_of(&i, sizeof(i)), out), PHI_OK);
}

static void hash(uint8_t kind, const uint8_t *a, const uint8_t *b, uint8_t *out)
{
    const struct phi_view parts[] = {phi_view_of(&kind, 1), phi_view_of(a, PHI_CHAIN_LEN),
                                     phi_view_of(b, b == NULL ? 0 : PHI_CHAIN_LEN)};
    assert_int_equal(phi_sm3_parts(parts, 3, out), PHI_OK);
}

/* MTH(D[n]) = H(0x01 ‖ MTH(D[0:k]) ‖ MTH(D[k:n])), k the largest power of two below n. */
static void tree_hash(size_t first, size_t count, uint8_t *out)
{
    uint8_t left[PHI_CHAIN_LEN], right[PHI_CHAIN_LEN];
    size_t half = 1;
    if (count == 1) {
        leaf(first, left);
        hash(0, left, NULL, out);
        return;
    }
    while (half * 2 < count)
        half *= 2;
    tree_hash(first, half, left);
    tree_hash(first + half, count - half, right);
    hash(1, left, right, out);
}

static void fill(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count)
{
    for (size_t i = 0; i < count; i++)
        leaf(i, leaves[i]);
}

static void roots_are_those_of_the_definition(void **state)
{
    (void)state;
    uint8_t leaves[LEAVES][PHI_CHAIN_LEN], root[PHI_CHAIN_LEN], expected[PHI_CHAIN_LEN];
    for (size_t count = 1; count <= LEAVES; count++) {
        fill(leaves, count);
        tree_hash(0, count, expected);
        assert_int_equal(phi_merkle_root(leaves, count, root), PHI_OK);
        assert_memory_equal(root, expected, sizeof(root));
    }
    assert_int_equal(phi_sm3(phi_view_of(NULL, 0), expected), PHI_OK);
    assert_int_equal(phi_merkle_root(leaves, 0, root), PHI_OK);
    assert_memory_equal(root, expected, sizeof(root));
    assert_int_equal(phi_merkle_root(leaves, PHI_MERKLE_MAX + 1, root), PHI_ERR_INTERNAL);
}

static void check_path(size_t i, size_t count)
{
    uint8_t leaves[LEAVES][PHI_CHAIN_LEN], path[PHI_MERKLE_PATH][PHI_CHAIN_LEN];
    uint8_t root[PHI_CHAIN_LEN], one[PHI_CHAIN_LEN], other[PHI_CHAIN_LEN];
    const uint8_t(*way)[PHI_CHAIN_LEN] = (const uint8_t(*)[PHI_CHAIN_LEN])path;
    size_t steps = 0;
    tree_hash(0, count, root);
    fill(leaves, count);
    assert_int_equal(phi_merkle_path(leaves, count, i, path, &steps), PHI_OK);
    leaf(i, one);
    leaf(i + 1, other);
    assert_true(phi_merkle_is_in(one, i, count, way, steps, root));
    assert_false(phi_merkle_is_in(other, i, count, way, steps, root));
    assert_false(phi_merkle_is_in(one, count, count, way, steps, root));
    assert_false(phi_merkle_is_in(one, i, count, way, steps + 1, root));
    if (steps > 0)
        assert_false(phi_merkle_is_in(one, i, count, way, steps - 1, root));
    root[0] ^= 1;
    assert_false(phi_merkle_is_in(one, i, count, way, steps, root));
}

static void every_leaf_has_its_path_and_no_other_has(void **state)
{
    (void)state;
    uint8_t leaves[1][PHI_CHAIN_LEN], path[PHI_MERKLE_PATH][PHI_CHAIN_LEN];
    size_t steps = 0;
    for (size_t count = 1; count <= 35; count++)
        for (size_t i = 0; i < count; i++)
            check_path(i, count);
    assert_int_equal(phi_merkle_path(leaves, 1, 1, path, &steps), PHI_ERR_INTERNAL);
}

/* A node of the tree given out as a leaf is none: leaves are hashed with another first byte. */
static void a_node_is_no_leaf(void **state)
{
    (void)state;
    uint8_t left[PHI_CHAIN_LEN], right[PHI_CHAIN_LEN], node[PHI_CHAIN_LEN], root[PHI_CHAIN_LEN];
    tree_hash(0, 2, node);
    tree_hash(2, 2, right);
    tree_hash(0, 4, root);
    memcpy(left, node, sizeof(left));
    assert_false(phi_merkle_is_in(left, 0, 2, (const uint8_t(*)[PHI_CHAIN_LEN]) & right, 1, root));
}

static void append(uint8_t *head, const uint8_t *salt, const char *step)
{
    uint8_t digest[PHI_CHAIN_LEN];
    assert_int_equal(phi_chain_digest(salt, phi_view_text(step), digest), PHI_OK);
    assert_int_equal(phi_chain_next(head, digest, head), PHI_OK);
}

static void a_chain_tells_every_change(void **state)
{
    (void)state;
    static const uint8_t salt[PHI_CHAIN_SALT_LEN] = {1}, salt2[PHI_CHAIN_SALT_LEN] = {2};
    static const struct {
        const char *name;
        const uint8_t *salt;
        const char *steps[3];
    } others[] = {
        {"another step", salt, {"received", "proposed", "refused"}},
        {"another order", salt, {"proposed", "received", "decided"}},
        {"one less", salt, {"received", "decided", NULL}},
        {"another salt", salt2, {"received", "proposed", "decided"}},
    };
    uint8_t head[PHI_CHAIN_LEN] = {0};
    append(head, salt, "received");
    append(head, salt, "proposed");
    append(head, salt, "decided");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        uint8_t other[PHI_CHAIN_LEN] = {0};
        for (size_t j = 0; j < 3 && others[i].steps[j] != NULL; j++)
            append(other, others[i].salt, others[i].steps[j]);
        phi_check(others[i].name, memcmp(head, other, sizeof(head)) != 0);
    }
}

/* The way that a day's root is kept: chunks of eight, a path from both parts. */
static void chunks_join_to_the_same_root_and_paths(void **state)
{
    (void)state;
    enum { CHUNK = 8 };
    for (size_t count = 1; count <= LEAVES; count++) {
        uint8_t leaves[LEAVES][PHI_CHAIN_LEN], chunks[LEAVES][PHI_CHAIN_LEN], root[PHI_CHAIN_LEN];
        uint8_t roots[LEAVES][PHI_CHAIN_LEN], joined[PHI_CHAIN_LEN];
        size_t chunk_count = (count + CHUNK - 1) / CHUNK;
        fill(leaves, count);
        for (size_t i = 0; i < chunk_count; i++) {
            size_t first = i * CHUNK, left = count - first;
            assert_int_equal(
                phi_merkle_root(leaves + first, left < CHUNK ? left : CHUNK, chunks[i]), PHI_OK);
        }
        memcpy(roots, chunks, sizeof(roots));
        assert_int_equal(phi_merkle_join(roots, chunk_count, joined), PHI_OK);
        tree_hash(0, count, root);
        assert_memory_equal(joined, root, sizeof(root));
        for (size_t i = 0; i < count; i++) {
            uint8_t path[PHI_MERKLE_PATH][PHI_CHAIN_LEN], one[PHI_CHAIN_LEN];
            size_t first = i / CHUNK * CHUNK, left = count - first, low = 0, high = 0;
            fill(leaves, count);
            memcpy(roots, chunks, sizeof(roots));
            memcpy(one, leaves[i], sizeof(one));
            assert_int_equal(
                phi_merkle_path(leaves + first, left < CHUNK ? left : CHUNK, i - first, path, &low),
                PHI_OK);
            assert_int_equal(phi_merkle_join_path(roots, chunk_count, i / CHUNK, path + low, &high),
                             PHI_OK);
            assert_true(phi_merkle_is_in(one, i, count, path, low + high, root));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_definition),
        cmocka_unit_test(every_leaf_has_its_path_and_no_other_has),
        cmocka_unit_test(a_node_is_no_leaf),
        cmocka_unit_test(chunks_join_to_the_same_root_and_paths),
        cmocka_unit_test(a_chain_tells_every_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
