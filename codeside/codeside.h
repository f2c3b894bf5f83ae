/* The code side: the only library that signs, seals and unseals health codes. Linked by
 * svc-codegen, svc-verify and phictl; nothing of the health side links it.
 *
 *   PHI_GUARD(phi_codeside_new("320000", sets, 1, NULL, &codeside));
 *   PHI_GUARD(phi_codeside_mint(codeside, &input, &minted));
 *   …
 *   PHI_GUARD(phi_jkm1_verify(&code, public_key));                  // first, always
 *   PHI_GUARD(phi_codeside_unseal(codeside, &code, &content));
 *
 * Immutable once made: any number of threads. Nothing blocks.
 */
#ifndef PHI_CODESIDE_CODESIDE_H
#define PHI_CODESIDE_CODESIDE_H

#include "base/metrics.h"
#include "base/time.h"
#include "codes/jkm1.h"
#include "codes/subject.h"
#include "crypto/sm4.h"

#define PHI_CODESIDE_SETS_MAX 16

struct phi_codeside; /* opaque; holds keys, wiped when freed */

/* A key set: what its id in a code stands for, and when. */
struct phi_codeside_set {
    uint8_t id;
    struct phi_sm2_private *sign_key; /* NULL: this process only unseals */
    uint8_t seal_key[PHI_SM4_KEY_LEN];
    int64_t from_us;               /* mints from then on, until a newer one does */
    int64_t to_us;                 /* its codes are no longer ours from then on; 0: no end */
    struct phi_counter *seal_uses; /* counts sealing and unsealing; NULL: nothing is counted */
};

/* Takes over the sign keys on success and copies the seal keys (the caller wipes its own). The set
 * that mints is the newest one with a sign key whose time has come by `clock` (NULL: the system's):
 * a change of key sets needs no one's doing when its time comes. The caller frees the result.
 * Errors: PHI_ERR_CONFIG (platform, no sets or too many, an id twice), PHI_ERR_MEMORY. */
enum phi_err phi_codeside_new(const char *platform, const struct phi_codeside_set *sets,
                              size_t count, const struct phi_clock *clock,
                              struct phi_codeside **out) PHI_MUST_USE;
void phi_codeside_free(struct phi_codeside *codeside); /* NULL is fine */

struct phi_mint_input {
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t flags; /* enum phi_jkm1_flag | PHI_JKM1_SCOPE_FLAGS(scope) */
    int64_t deadline_s;
    uint8_t consent_digest[PHI_SM3_LEN];
};

struct phi_minted {
    uint8_t bytes[PHI_JKM1_LEN];
    char text[PHI_JKM1_TEXT_LEN + 1];
    uint8_t serial[PHI_JKM1_SERIAL_LEN];
    uint8_t key_set;
    enum phi_err result; /* of this row, for the batch form */
};

/* Makes one code under a fresh random serial.
 * Errors: PHI_ERR_FIELD_VALUE (flags, deadline), PHI_ERR_KEY (no set in force can sign),
 * PHI_ERR_CRYPTO, PHI_ERR_MEMORY, PHI_ERR_KEY_DEVICE. */
enum phi_err phi_codeside_mint(const struct phi_codeside *codeside,
                               const struct phi_mint_input *input,
                               struct phi_minted *out) PHI_MUST_USE;

/* Many at once, their signatures in one batch; each row's own result in `out[i].result`. */
void phi_codeside_mint_batch(const struct phi_codeside *codeside,
                             const struct phi_mint_input *inputs, struct phi_minted *out,
                             size_t count);

struct phi_codeside_content {
    uint8_t subject[PHI_SUBJECT_LEN];
    uint8_t flags;
    enum phi_scope scope;
};

/* True when the code is of our form, of this platform and of a key set that is held here, also of
 * one whose time is over. */
bool phi_codeside_is_ours(const struct phi_codeside *codeside, const struct phi_jkm1 *code);

/* Subject and flags of a code of ours whose signature *was verified*.
 * Errors: PHI_ERR_CODE_PLATFORM (not ours), PHI_ERR_CODE_SIGNATURE (of a key set that is not in
 * force), PHI_ERR_CODE_MALFORMED (reserved flags or no scope of ours), PHI_ERR_CRYPTO,
 * PHI_ERR_MEMORY. */
enum phi_err phi_codeside_unseal(const struct phi_codeside *codeside, const struct phi_jkm1 *code,
                                 struct phi_codeside_content *out) PHI_MUST_USE;

#endif
