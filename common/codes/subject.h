/* The subject index (索引): 16 bytes that stand for a person everywhere inside the suite.
 *
 *   HMAC-SM3(national index key, idType|idNo|country), first 16 bytes, over the canonical form:
 * NFKC, upper case, no spaces, 15-digit id numbers as 18, permanent residence cards always of type
 * 553.
 *
 *   struct phi_person person = {name, id_type, id_no, country};
 *   PHI_GUARD(phi_subject_index(index_key, &person, subject));
 *   int partition = phi_subject_partition(subject, partitions);
 *
 * Pure; any thread; nothing blocks.
 */
#ifndef PHI_CODES_SUBJECT_H
#define PHI_CODES_SUBJECT_H

#include "base/arena.h"
#include "crypto/sm3.h"

#define PHI_SUBJECT_LEN         16
#define PHI_SUBJECT_BUCKETS     4096
#define PHI_SUBJECT_KEY_VERSION 1 /* stored beside an index, so that a new key can be rolled in */

/* A person as an identity token or a declaration names them; all borrowed. `name` may be empty
 * where only the index is wanted. */
struct phi_person {
    struct phi_view name;
    struct phi_view id_type;
    struct phi_view id_no;
    struct phi_view country;
};

/* The canonical `idType|idNo|country`, checked by phi_idtype_check; the text is the arena's.
 * Errors: PHI_ERR_FIELD_VALUE (place "idType", "idNo" or "country"), PHI_ERR_MEMORY. */
enum phi_err phi_subject_canonical(const struct phi_person *person, struct phi_arena *arena,
                                   struct phi_view *out, struct phi_error *error) PHI_MUST_USE;

/* The index of a person. Errors: PHI_ERR_FIELD_VALUE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_subject_index(const struct phi_hmac_key *index_key,
                               const struct phi_person *person,
                               uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

/* The first 12 bits: the bucket of digests and of partitioning, 0..4095. */
int phi_subject_bucket(const uint8_t subject[PHI_SUBJECT_LEN]);

/* Bucket mod n; n ≥ 1. */
int phi_subject_partition(const uint8_t subject[PHI_SUBJECT_LEN], int n);

#endif
