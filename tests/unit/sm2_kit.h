/* What the tests of the native SM2 share: OpenSSL's numbers and points as the other opinion, and a
 * run of a test for each kind of processor code that this machine has.
 *
 *   struct phi_u256 x = kit_product_x(s, t, point, &is_infinity);     // of s·G + t·P
 */
#ifndef PHI_TESTS_UNIT_SM2_KIT_H
#define PHI_TESTS_UNIT_SM2_KIT_H

#include "case.h"

#include "crypto/random.h"
#include "crypto/sm2/native/base.h"
#include "crypto/sm2/native/known.h"
#include "crypto/sm2/native/order.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kit_cores[] = {"plain", "adx", "ifma"};

#define KIT_EACH_CORE(name)                                                                        \
    for (size_t name##_i = 0; name##_i < PHI_COUNT(kit_cores); name##_i++)                         \
        for (const char *name = kit_core(kit_cores[name##_i]); name; name = NULL)

/* PHI_SM2_CORE names the only one that is wanted. */
static inline const char *kit_core(const char *name)
{
    const char *only = getenv("PHI_SM2_CORE"); // NOLINT(concurrency-mt-unsafe)
    const bool is_wanted = !only || strcmp(only, name) == 0;
    const bool is_here = phi_sm2_core_use(name);
    print_message("    %s%s\n", name,
                  !is_wanted ? ": SKIPPED, not wanted"
                  : !is_here ? ": SKIPPED, not on this machine"
                             : "");
    return is_wanted && is_here ? name : NULL;
}

static inline EC_GROUP *kit_group(void)
{
    static EC_GROUP *group;
    if (!group)
        group = EC_GROUP_new_by_curve_name(NID_sm2);
    assert_non_null(group);
    return group;
}

static inline void kit_done(void)
{
    EC_GROUP_free(kit_group());
}

static inline BIGNUM *kit_bn(const struct phi_u256 *a)
{
    uint8_t bytes[32];
    u256_to_bytes(a, bytes);
    return BN_bin2bn(bytes, sizeof(bytes), NULL);
}

static inline struct phi_u256 kit_u256(const BIGNUM *a)
{
    uint8_t bytes[32];
    assert_int_equal(BN_bn2binpad(a, bytes, sizeof(bytes)), sizeof(bytes));
    return u256_from_bytes(bytes);
}

static inline struct phi_u256 kit_random(void)
{
    uint8_t bytes[32];
    struct phi_u256 out;
    assert_int_equal(phi_random_bytes(bytes, sizeof(bytes)), PHI_OK);
    out = u256_from_bytes(bytes);
    return out;
}

/* In [1, n−1]; some of them are short, or short of n. */
static inline struct phi_u256 kit_scalar(void)
{
    struct phi_u256 a = kit_random();
    struct phi_u256 small = {{a.l[0] % 1000 + 1, 0, 0, 0}};
    phi_sm2_order_reduce(&a, &a);
    if (a.l[1] % 16 == 0)
        a = small;
    if (a.l[1] % 16 == 1)
        (void)u256_sub(&a, &phi_sm2_n, &small);
    return u256_zero_mask(&a) ? small : a;
}

static inline struct phi_u256 kit_number(uint64_t value)
{
    return (struct phi_u256){{value, 0, 0, 0}};
}

/* n − value */
static inline struct phi_u256 kit_minus(uint64_t value)
{
    struct phi_u256 out = kit_number(value);
    (void)u256_sub(&out, &phi_sm2_n, &out);
    return out;
}

/* s·G + t·P; t and P may be NULL. The caller frees it. */
static inline EC_POINT *kit_product(const struct phi_u256 *s, const struct phi_u256 *t,
                                    const EC_POINT *p)
{
    EC_POINT *out = EC_POINT_new(kit_group());
    BIGNUM *by_g = s ? kit_bn(s) : NULL;
    BIGNUM *by_p = t ? kit_bn(t) : NULL;
    assert_int_equal(EC_POINT_mul(kit_group(), out, by_g, p, by_p, NULL), 1);
    BN_free(by_g);
    BN_free(by_p);
    return out;
}

/* x of a point modulo n; false for infinity. */
static inline bool kit_x(const EC_POINT *point, struct phi_u256 *x)
{
    BIGNUM *number = BN_new();
    if (EC_POINT_is_at_infinity(kit_group(), point)) {
        BN_free(number);
        return false;
    }
    assert_int_equal(EC_POINT_get_affine_coordinates(kit_group(), point, number, NULL, NULL), 1);
    *x = kit_u256(number);
    BN_free(number);
    return true;
}

static inline void kit_xy(const EC_POINT *point, uint8_t xy[64])
{
    uint8_t bytes[65];
    assert_int_equal(EC_POINT_point2oct(kit_group(), point, POINT_CONVERSION_UNCOMPRESSED, bytes,
                                        sizeof(bytes), NULL),
                     sizeof(bytes));
    memcpy(xy, bytes + 1, 64);
}

/* How many random cases: PHI_SM2_CASES, or a few in the ordinary run. */
static inline size_t kit_cases(size_t few)
{
    const char *text = getenv("PHI_SM2_CASES"); // NOLINT(concurrency-mt-unsafe)
    return text ? strtoul(text, NULL, 10) : few;
}

#endif
