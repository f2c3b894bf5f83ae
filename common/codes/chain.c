#include "codes/chain.h"

#include <string.h>

enum { LEAF = 0x00, NODE = 0x01, STEP = 0x02, LINK = 0x03 };

static enum phi_err hash(uint8_t kind, struct phi_view a, struct phi_view b,
                         uint8_t out[PHI_CHAIN_LEN])
{
    const struct phi_view parts[] = {phi_view_of(&kind, 1), a, b};
    return phi_sm3_parts(parts, 3, out);
}

static struct phi_view of(const uint8_t value[PHI_CHAIN_LEN])
{
    return phi_view_of(value, PHI_CHAIN_LEN);
}

enum phi_err phi_chain_digest(const uint8_t salt[PHI_CHAIN_SALT_LEN], struct phi_view step,
                              uint8_t out[PHI_CHAIN_LEN])
{
    return hash(STEP, phi_view_of(salt, PHI_CHAIN_SALT_LEN), step, out);
}

enum phi_err phi_chain_next(const uint8_t head[PHI_CHAIN_LEN], const uint8_t digest[PHI_CHAIN_LEN],
                            uint8_t out[PHI_CHAIN_LEN])
{
    return hash(LINK, of(head), of(digest), out);
}

static enum phi_err hash_leaves(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < count && err == PHI_OK; i++)
        err = hash(LEAF, of(leaves[i]), phi_view_of(NULL, 0), leaves[i]);
    return err;
}

/* One level up, in place: pairs become one, a last one without its pair goes up as it is. Level by
 * level that is the tree of RFC 6962, whose left side is always full. */
static enum phi_err rise(uint8_t (*level)[PHI_CHAIN_LEN], size_t *count)
{
    enum phi_err err = PHI_OK;
    size_t above = 0;
    for (size_t i = 0; i + 1 < *count; i += 2) {
        PHI_GUARD(hash(NODE, of(level[i]), of(level[i + 1]), level[above]));
        above++;
    }
    if (*count % 2 == 1) {
        memmove(level[above], level[*count - 1], PHI_CHAIN_LEN);
        above++;
    }
    *count = above;
out:
    return err;
}

enum phi_err phi_merkle_root(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count,
                             uint8_t out[PHI_CHAIN_LEN])
{
    enum phi_err err = PHI_OK;
    if (count == 0)
        return phi_sm3(phi_view_of(NULL, 0), out);
    if (count > PHI_MERKLE_MAX)
        return PHI_ERR_INTERNAL;
    PHI_GUARD(hash_leaves(leaves, count));
    PHI_GUARD(phi_merkle_join(leaves, count, out));
out:
    return err;
}

enum phi_err phi_merkle_join(uint8_t (*roots)[PHI_CHAIN_LEN], size_t count,
                             uint8_t out[PHI_CHAIN_LEN])
{
    enum phi_err err = PHI_OK;
    if (count == 0)
        return phi_sm3(phi_view_of(NULL, 0), out);
    while (count > 1)
        PHI_GUARD(rise(roots, &count));
    memcpy(out, roots[0], PHI_CHAIN_LEN);
out:
    return err;
}

enum phi_err phi_merkle_path(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count, size_t i,
                             uint8_t (*path)[PHI_CHAIN_LEN], size_t *path_count)
{
    enum phi_err err = PHI_OK;
    if (i >= count || count > PHI_MERKLE_MAX)
        return PHI_ERR_INTERNAL;
    PHI_GUARD(hash_leaves(leaves, count));
    PHI_GUARD(phi_merkle_join_path(leaves, count, i, path, path_count));
out:
    return err;
}

enum phi_err phi_merkle_join_path(uint8_t (*roots)[PHI_CHAIN_LEN], size_t count, size_t i,
                                  uint8_t (*path)[PHI_CHAIN_LEN], size_t *path_count)
{
    enum phi_err err = PHI_OK;
    size_t steps = 0;
    if (i >= count || count > PHI_MERKLE_MAX)
        return PHI_ERR_INTERNAL;
    for (; count > 1; i /= 2) {
        size_t beside = i ^ 1;
        if (beside < count)
            memcpy(path[steps++], roots[beside], PHI_CHAIN_LEN);
        PHI_GUARD(rise(roots, &count));
    }
    *path_count = steps;
out:
    return err;
}

bool phi_merkle_is_in(const uint8_t leaf[PHI_CHAIN_LEN], size_t i, size_t count,
                      const uint8_t (*path)[PHI_CHAIN_LEN], size_t path_count,
                      const uint8_t root[PHI_CHAIN_LEN])
{
    uint8_t at[PHI_CHAIN_LEN];
    size_t used = 0;
    if (i >= count || hash(LEAF, of(leaf), phi_view_of(NULL, 0), at) != PHI_OK)
        return false;
    for (; count > 1; i /= 2, count = (count + 1) / 2) {
        size_t beside = i ^ 1;
        if (beside >= count)
            continue;
        if (used == path_count)
            return false;
        struct phi_view left = beside < i ? of(path[used]) : of(at);
        struct phi_view right = beside < i ? of(at) : of(path[used]);
        if (hash(NODE, left, right, at) != PHI_OK)
            return false;
        used++;
    }
    return used == path_count && memcmp(at, root, PHI_CHAIN_LEN) == 0;
}
