/* A history that can't be rewritten: the steps of a case as a hash chain, and one root a day over
 * the heads of all chains (docs/corrections.md has the bytes).
 *
 *   PHI_GUARD(phi_chain_digest(salt, step_json, digest));
 *   PHI_GUARD(phi_chain_next(head, digest, head));         // 32 zero bytes before the first step
 *   PHI_GUARD(phi_merkle_root(heads, count, root));        // heads in the order of their case ids
 *   if (phi_merkle_is_in(head, i, count, path, path_count, root)) …
 *
 * A step's digest is salted: once salt and step are removed nobody can guess the step from it, and
 * the chain can still be checked. Leaves and nodes are told apart by their first byte, as RFC 6962
 * does, so that no node passes for a leaf. Pure; any thread. PHI_ERR_CRYPTO.
 */
#ifndef PHI_CODES_CHAIN_H
#define PHI_CODES_CHAIN_H

#include "crypto/sm3.h"

#define PHI_CHAIN_LEN      PHI_SM3_LEN
#define PHI_CHAIN_SALT_LEN 16
#define PHI_MERKLE_MAX     ((size_t)1 << 24) /* leaves of a root */
#define PHI_MERKLE_PATH    24                /* hashes of a path, at most */

/* SM3(0x02 ‖ salt ‖ step): the step in its canonical form. */
enum phi_err phi_chain_digest(const uint8_t salt[PHI_CHAIN_SALT_LEN], struct phi_view step,
                              uint8_t out[PHI_CHAIN_LEN]) PHI_MUST_USE;
/* SM3(0x03 ‖ head before ‖ digest). `out` may be `head`. */
enum phi_err phi_chain_next(const uint8_t head[PHI_CHAIN_LEN], const uint8_t digest[PHI_CHAIN_LEN],
                            uint8_t out[PHI_CHAIN_LEN]) PHI_MUST_USE;

/* Merkle tree hash of RFC 6962 with SM3; of no leaves, SM3 of nothing. The leaves are overwritten.
 * More than PHI_MERKLE_MAX: PHI_ERR_INTERNAL. */
enum phi_err phi_merkle_root(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count,
                             uint8_t out[PHI_CHAIN_LEN]) PHI_MUST_USE;
/* The hashes that lead from leaf `i` to the root, from below; `path_count` up to PHI_MERKLE_PATH.
 * The leaves are overwritten. */
enum phi_err phi_merkle_path(uint8_t (*leaves)[PHI_CHAIN_LEN], size_t count, size_t i,
                             uint8_t (*path)[PHI_CHAIN_LEN], size_t *path_count) PHI_MUST_USE;
/* The same over roots of subtrees that are full, of one size, a power of two, but for the last: the
 * tree is that of all leaves. The path goes on from that of the leaf in its subtree. The roots are
 * overwritten. */
enum phi_err phi_merkle_join(uint8_t (*roots)[PHI_CHAIN_LEN], size_t count,
                             uint8_t out[PHI_CHAIN_LEN]) PHI_MUST_USE;
enum phi_err phi_merkle_join_path(uint8_t (*roots)[PHI_CHAIN_LEN], size_t count, size_t i,
                                  uint8_t (*path)[PHI_CHAIN_LEN], size_t *path_count) PHI_MUST_USE;
bool phi_merkle_is_in(const uint8_t leaf[PHI_CHAIN_LEN], size_t i, size_t count,
                      const uint8_t (*path)[PHI_CHAIN_LEN], size_t path_count,
                      const uint8_t root[PHI_CHAIN_LEN]);

#endif
