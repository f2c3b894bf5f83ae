/* The arithmetic of the curve, in one form for each kind of processor: "plain" C, "adx" (mulx, adcx
 * and adox) and "ifma" (AVX-512, eight at a time). Inside sm2/native only.
 *
 *   const struct phi_sm2_core *core = phi_sm2_core_best();
 *   core->build(&table, &point);
 *   core->multiply(&base_table, rows, count);
 *
 * All functions may be called by any thread and don't block or allocate.
 */
#ifndef PHI_CRYPTO_SM2_NATIVE_CORE_H
#define PHI_CRYPTO_SM2_NATIVE_CORE_H

#include "crypto/sm2/native/table.h"

#define PHI_SM2_SECRET_WINDOW 6 /* of the table of G that signing scans from end to end: 86 KB */
#define PHI_SM2_OPEN_WINDOW   8 /* of the table of G for verifying: 256 KB */

/* k·G for signing: 0 < k < n, secret. */
struct phi_sm2_multiple {
    struct phi_u256 k;
    struct phi_u256 x; /* of the product, not in Montgomery's form */
    bool is_good;      /* false for one k in 2^255: take another */
};

/* Whether s·G + t·P is a point with x ≡ r − e modulo n, for verifying. */
struct phi_sm2_check {
    struct phi_u256 s, t;              /* in [1, n−1] */
    struct phi_u256 x;                 /* r − e modulo n */
    const struct phi_sm2_table *known; /* of P; NULL: there is none */
    const struct phi_sm2_affine *point;
    bool is_good;
};

struct phi_sm2_core {
    const char *name;
    bool (*is_here)(void); /* the processor can do it */
    /* Makes tables of its own, once, before anything else; may be NULL. */
    void (*ready)(const struct phi_sm2_affine *g);
    /* Fills table->points, for which there is room. `point` is on the curve. */
    void (*build)(struct phi_sm2_table *table, const struct phi_sm2_affine *point);
    /* Constant time; `base` is of G with windows of PHI_SM2_SECRET_WINDOW bits. */
    void (*multiply)(const struct phi_sm2_table *base, struct phi_sm2_multiple *rows, size_t count);
    /* Not constant time; `base` is of G. Right for any point and any numbers. */
    void (*check)(const struct phi_sm2_table *base, struct phi_sm2_check *rows, size_t count);
};

extern const struct phi_sm2_core phi_sm2_core_plain;
#ifdef PHI_SM2_X86
extern const struct phi_sm2_core phi_sm2_core_adx;
extern const struct phi_sm2_core phi_sm2_core_ifma;
#endif

/* The fastest that the processor can do, and one by name (NULL: unknown, or not here). */
const struct phi_sm2_core *phi_sm2_core_best(void);
const struct phi_sm2_core *phi_sm2_core_by_name(const char *name);

#endif
