/* The health code JKM1 (健康码, GB/T 38961 §4.1): A ‖ B ‖ S, and its text form (base32).
 *
 *   struct phi_jkm1 code;
 *   PHI_GUARD(phi_jkm1_text_decode(text, bytes, sizeof(bytes), &len));
 *   PHI_GUARD(phi_jkm1_decode(phi_view_of(bytes, len), &code, error));
 *   PHI_GUARD(phi_jkm1_verify(&code, platform_key));
 *   if (phi_jkm1_is_expired(&code, now_s)) …
 *
 * Pure; any thread; nothing blocks or allocates. Making and unsealing our own form is in codeside/.
 */
#ifndef PHI_CODES_JKM1_H
#define PHI_CODES_JKM1_H

#include "base/time.h"
#include "codes/scope.h"
#include "crypto/sm2.h"
#include "crypto/sm3.h"

#define PHI_JKM1_VERSION    1
#define PHI_JKM1_SERIAL_LEN 16
#define PHI_JKM1_SEALED_LEN 17 /* 16-byte subject and the flag byte */
#define PHI_JKM1_A_LEN      34 /* our form of A: key set, serial, sealed */
#define PHI_JKM1_A_MAX      4096
#define PHI_JKM1_B_LEN      58
#define PHI_JKM1_LEN        160 /* our form, whole */
#define PHI_JKM1_MAX        (2 + PHI_JKM1_A_MAX + 2 + PHI_JKM1_B_LEN + PHI_SM2_SIG_LEN)
#define PHI_BASE32_LEN(n)   (((n)*8 + 4) / 5)            /* without padding */
#define PHI_JKM1_TEXT_LEN   PHI_BASE32_LEN(PHI_JKM1_LEN) /* 256 */
#define PHI_JKM1_TEXT_MAX   PHI_BASE32_LEN(PHI_JKM1_MAX)

/* The flag byte, sealed with the subject: bits 3–5 are the scope of the consent, bits 6–7 zero. */
enum phi_jkm1_flag {
    PHI_JKM1_ONE_TIME = 0x01,
    PHI_JKM1_PAPER = 0x02,
    PHI_JKM1_ON_BEHALF = 0x04, /* shown on behalf of the holder */
};
#define PHI_JKM1_FLAGS_KNOWN        0x3f
#define PHI_JKM1_SCOPE_FLAGS(scope) ((uint8_t)((scope) << 3))
#define PHI_JKM1_SCOPE_OF(flags)    ((enum phi_scope)(((flags) >> 3) & 7))

/* A decoded code; views borrow the bytes it was decoded from. */
struct phi_jkm1 {
    struct phi_view signed_part; /* A‖B with their length bytes: what S signs */
    struct phi_view a;           /* A's content */
    const uint8_t *sig;          /* PHI_SM2_SIG_LEN bytes */
    uint16_t version;
    char platform[7];
    int64_t deadline_s; /* since 1970, UTC; valid while now ≤ deadline */
    uint8_t consent_digest[PHI_SM3_LEN];
    bool is_own_form; /* A has 34 bytes: the next three stand; else A is opaque (a cyber trusted
                         identity) */
    uint8_t key_set;
    uint8_t serial[PHI_JKM1_SERIAL_LEN];
    struct phi_view sealed; /* 17 bytes */
};

/* What goes into A and B; `a` is A's content, 1..4096 bytes. */
struct phi_jkm1_parts {
    struct phi_view a;
    const char *platform;
    int64_t deadline_s;
    const uint8_t *consent_digest; /* 32 bytes */
};

/* Writes A‖B (what is to be signed); S follows by the caller. A writer without room fails for good.
 * Errors: PHI_ERR_FIELD_VALUE (A's length, platform, deadline's year), PHI_ERR_FRAME (no room). */
enum phi_err phi_jkm1_encode(const struct phi_jkm1_parts *parts,
                             struct phi_writer *out) PHI_MUST_USE;

/* Reads a code by its lengths. Signature and deadline are not judged here.
 * Errors: PHI_ERR_CODE_MALFORMED, PHI_ERR_CODE_VERSION (another type or version), place "A",
 * "B.version" …; one for each defect. `error` may be NULL. */
enum phi_err phi_jkm1_decode(struct phi_view bytes, struct phi_jkm1 *out,
                             struct phi_error *error) PHI_MUST_USE;

/* Base32 of RFC 4648, upper case, no padding; `out` has room for PHI_BASE32_LEN(len) + 1. */
void phi_jkm1_text_encode(const uint8_t *bytes, size_t len, char *out);

/* Refuses lower case, padding, white space, impossible lengths and non-zero spare bits.
 * Errors: PHI_ERR_CODE_MALFORMED; also when `size` is too small (PHI_JKM1_MAX is always enough). */
enum phi_err phi_jkm1_text_decode(struct phi_view text, uint8_t *out, size_t size,
                                  size_t *len) PHI_MUST_USE;

/* S over A‖B. Errors: PHI_ERR_CODE_SIGNATURE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_jkm1_verify(const struct phi_jkm1 *code,
                             const struct phi_sm2_public *key) PHI_MUST_USE;

/* Whole seconds: a code is good through the second of its deadline. */
bool phi_jkm1_is_expired(const struct phi_jkm1 *code, int64_t now_s);

/* The serial a ledger knows a code by: its own, or for an opaque A the first 16 bytes of SM3(A‖B).
 * Whether 34 bytes are of our form is known only once the key set is known: pass false to treat A
 * as opaque. Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_jkm1_serial(const struct phi_jkm1 *code, bool is_own,
                             uint8_t out[PHI_JKM1_SERIAL_LEN]) PHI_MUST_USE;

/* The name a revocation goes by: first 16 bytes of SM3(platform ‖ serial).
 * Errors: PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_jkm1_revocation_id(const char *platform, const uint8_t serial[PHI_JKM1_SERIAL_LEN],
                                    uint8_t out[16]) PHI_MUST_USE;

#endif
