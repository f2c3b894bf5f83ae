/* The signed revocation filter for scanners without a network (docs/codes.md): which codes are
 * revoked, as a Bloom filter of their revocation ids, and the key sets revoked between two
 * deadlines. A code that is revoked is always met; one that is not, in less than one of 50,000.
 *
 *   PHI_GUARD(phi_filter_write(&contents, key, key_serial, arena, &bytes));
 *   …
 *   PHI_GUARD(phi_filter_read(bytes, &filter, error));
 *   PHI_GUARD(phi_filter_verify(&filter, public_key));     // of the platform's `revocation` keys
 *   if (phi_filter_has(&filter, id)) …
 */
#ifndef PHI_CODES_FILTER_H
#define PHI_CODES_FILTER_H

#include "base/arena.h"
#include "codes/revocation.h"
#include "crypto/sm2.h"

#define PHI_FILTER_RANGES_MAX  256
#define PHI_FILTER_IDS_MAX     1000000
#define PHI_FILTER_PROBES      16
#define PHI_FILTER_BITS_PER_ID 24
#define PHI_FILTER_BITS_MIN    65536
#define PHI_FILTER_BITS_MAX    (1u << 25)
#define PHI_FILTER_RANGE_LEN   23
#define PHI_FILTER_HEAD_LEN    52
#define PHI_FILTER_KEY_LEN     16 /* hex digits of a key's serial */

struct phi_filter_range {
    char platform[7];
    uint8_t key_set;
    int64_t from_s;
    int64_t until_s;
};

struct phi_filter_contents {
    const char *platform; /* who signs */
    uint64_t sequence;
    int64_t issued_s;
    int64_t not_after_s;
    const struct phi_filter_range *ranges;
    size_t range_count;
    const uint8_t (*ids)[PHI_REVOCATION_ID_LEN];
    size_t id_count;
};

/* A filter as read; views borrow its bytes. */
struct phi_filter {
    char platform[7];
    char key_serial[PHI_FILTER_KEY_LEN + 1];
    uint64_t sequence;
    int64_t issued_s;
    int64_t not_after_s;
    struct phi_view ranges;
    size_t range_count;
    uint32_t id_count;
    uint8_t probes;
    uint32_t bits;
    struct phi_view set; /* bits / 8 bytes */
    struct phi_view signed_part;
    const uint8_t *sig;
};

/* In the arena. PHI_ERR_FIELD_VALUE (bounds), PHI_ERR_CRYPTO, PHI_ERR_MEMORY. Pure. */
enum phi_err phi_filter_write(const struct phi_filter_contents *contents,
                              const struct phi_sm2_private *key, const char *key_serial,
                              struct phi_arena *arena, struct phi_view *out) PHI_MUST_USE;

/* The form only: PHI_ERR_FRAME, with the part's name as place. Pure. */
enum phi_err phi_filter_read(struct phi_view bytes, struct phi_filter *out,
                             struct phi_error *error) PHI_MUST_USE;
/* PHI_ERR_SIGNATURE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_filter_verify(const struct phi_filter *filter,
                               const struct phi_sm2_public *key) PHI_MUST_USE;

bool phi_filter_has(const struct phi_filter *filter, const uint8_t id[PHI_REVOCATION_ID_LEN]);
/* i < range_count */
struct phi_filter_range phi_filter_range_at(const struct phi_filter *filter, size_t i);
bool phi_filter_has_key_set(const struct phi_filter *filter, const char *platform, uint8_t key_set,
                            int64_t deadline_s);

#endif
