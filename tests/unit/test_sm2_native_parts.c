/* The arithmetic of the native SM2 against OpenSSL's, with the cases that random ones never meet.
 */
#include "sm2_kit.h"

#include "crypto/sm2/native/field.h"
#include "crypto/sm2/native/invert.h"

static const struct phi_u256 p_minus_one = {
    {0xfffffffffffffffe, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff}};

/* Fields */

static struct phi_u256 below(const struct phi_u256 *modulus, size_t i)
{
    struct phi_u256 a = i < 4 ? kit_number(i) : kit_random();
    struct phi_u256 rest;
    if (i >= 4 && i < 8) {
        a = kit_number(i - 3);
        (void)u256_sub(&a, modulus, &a);
    }
    if (i >= 8 && i < 24) /* words of all ones and all zeros carry far */
        for (int j = 0; j < 4; j++)
            a.l[j] = i & (1u << j) ? UINT64_MAX : 0;
    if (!u256_sub(&rest, &a, modulus))
        a = rest;
    return a;
}

static void inverses(void **state)
{
    (void)state;
    const struct phi_sm2_modulus *moduli[] = {&phi_sm2_invert_p, &phi_sm2_invert_n};
    const struct phi_u256 *values[] = {&fe_p, &phi_sm2_n};
    BN_CTX *context = BN_CTX_new();
    for (size_t m = 0; m < 2; m++) {
        BIGNUM *modulus = kit_bn(values[m]);
        for (size_t i = 0; i < kit_cases(2000); i++) {
            struct phi_u256 a = below(values[m], i);
            struct phi_u256 found;
            phi_sm2_invert(&found, &a, moduli[m]);
            if (u256_zero_mask(&a)) {
                assert_true(u256_zero_mask(&found));
                continue;
            }
            BIGNUM *number = kit_bn(&a);
            assert_non_null(BN_mod_inverse(number, number, modulus, context));
            struct phi_u256 expected = kit_u256(number);
            BN_free(number);
            assert_memory_equal(&found, &expected, sizeof(found));
        }
        BN_free(modulus);
    }
    BN_CTX_free(context);
}

static void numbers_modulo_n(void **state)
{
    (void)state;
    BN_CTX *context = BN_CTX_new();
    BIGNUM *n = kit_bn(&phi_sm2_n);
    BIGNUM *out = BN_new();
    for (size_t i = 0; i < kit_cases(2000); i++) {
        struct phi_u256 a = below(&phi_sm2_n, i % 64);
        struct phi_u256 b = below(&phi_sm2_n, i / 64);
        struct phi_u256 found, expected;
        BIGNUM *x = kit_bn(&a);
        BIGNUM *y = kit_bn(&b);
        phi_sm2_order_lift(&found, &a);
        phi_sm2_order_mul(&found, &found, &b);
        assert_int_equal(BN_mod_mul(out, x, y, n, context), 1);
        expected = kit_u256(out);
        assert_memory_equal(&found, &expected, sizeof(found));
        phi_sm2_order_add(&found, &a, &b);
        assert_int_equal(BN_mod_add(out, x, y, n, context), 1);
        expected = kit_u256(out);
        assert_memory_equal(&found, &expected, sizeof(found));
        phi_sm2_order_sub(&found, &a, &b);
        assert_int_equal(BN_mod_sub(out, x, y, n, context), 1);
        expected = kit_u256(out);
        assert_memory_equal(&found, &expected, sizeof(found));
        BN_free(x);
        BN_free(y);
    }
    BN_free(out);
    BN_free(n);
    BN_CTX_free(context);
}

static void digits_add_up(void **state)
{
    (void)state;
    for (unsigned bits = 6; bits <= 8; bits++) {
        for (size_t i = 0; i < 2000; i++) {
            struct phi_u256 k = i == 0 ? kit_number(1) : kit_scalar();
            struct phi_u256 sum = {{0}};
            (void)phi_sm2_order_odd(&k, &k);
            for (unsigned j = (256 + bits - 1) / bits; j-- > 0;) {
                for (unsigned b = 0; b < bits; b++)
                    (void)u256_add(&sum, &sum, &sum);
                uint32_t digit = phi_sm2_digit(&k, bits, j);
                struct phi_u256 term = kit_number(digit | 1);
                if (digit & 1)
                    (void)u256_sub(&sum, &sum, &term);
                else
                    (void)u256_add(&sum, &sum, &term);
            }
            assert_memory_equal(&sum, &k, sizeof(k));
        }
    }
}

/* Multiples of G */

/* 30·2^252 − n: its last addition meets a point with itself, as does n minus it. */
static struct phi_u256 meeting(void)
{
    struct phi_u256 k = {{0, 0, 0, 0xe000000000000000}};
    (void)u256_sub(&k, &k, &phi_sm2_n); /* 2^256 more than it is, and less */
    return k;
}

static struct phi_u256 multiplier(size_t i)
{
    if (i < 40)
        return i % 2 ? kit_minus(i / 2 + 1) : kit_number(i / 2 + 1);
    if (i < 300) {
        struct phi_u256 k = {{0}};
        k.l[(i - 40) / 64 % 4] = UINT64_C(1) << (i - 40) % 64;
        return k;
    }
    if (i == 300)
        return meeting();
    return kit_scalar();
}

#define MULTIPLE_ROWS 40

static void one_batch_of_multiples(size_t from, size_t count)
{
    static struct phi_sm2_multiple rows[MULTIPLE_ROWS];
    const struct phi_sm2_base *base = phi_sm2_base_get();
    const struct phi_u256 special = meeting();
    for (size_t i = 0; i < count; i++)
        rows[i].k = multiplier(from + i);
    base->core->multiply(&base->secret, rows, count);
    for (size_t i = 0; i < count; i++) {
        struct phi_u256 expected;
        EC_POINT *point = kit_product(&rows[i].k, NULL, NULL);
        assert_true(kit_x(point, &expected));
        EC_POINT_free(point);
        if (rows[i].is_good)
            assert_memory_equal(&rows[i].x, &expected, sizeof(expected));
        else
            assert_memory_equal(&rows[i].k, &special, sizeof(special));
    }
}

static void multiples_of_g(void **state)
{
    (void)state;
    KIT_EACH_CORE(core)
    {
        size_t count = 0;
        for (size_t i = 0; i < kit_cases(1500); i += count) {
            count = count % MULTIPLE_ROWS + 1;
            one_batch_of_multiples(i, count);
        }
    }
}

/* One nonce (and n minus it) makes a point meet itself when one is added after the other: told. */
static void the_nonce_that_meets_is_told(void **state)
{
    (void)state;
    const struct phi_sm2_base *base = phi_sm2_base_get();
    struct phi_sm2_multiple row = {.k = meeting()};
    assert_true(phi_sm2_core_use("plain"));
    base->core->multiply(&base->secret, &row, 1);
    assert_false(row.is_good);
    (void)u256_sub(&row.k, &phi_sm2_n, &row.k);
    base->core->multiply(&base->secret, &row, 1);
    assert_false(row.is_good);
    row.k = kit_number(7);
    base->core->multiply(&base->secret, &row, 1);
    assert_true(row.is_good);
}

static void example_of_the_standard(void **state)
{
    (void)state;
    /* GB/T 32918.5, A.2: k and x1 */
    struct phi_sm2_multiple row = {
        .k = {{0x6d54b80deac1bc21, 0xef3cc1fa3cdbe4ce, 0x16680f3ad9c02dcc, 0x59276e27d506861a}}};
    const struct phi_u256 x = {
        {0x4f640ecd2e149a73, 0x415e2ede0e073c0f, 0x620432268e77feb6, 0x04ebfc718e8d1798}};
    const struct phi_sm2_base *base = phi_sm2_base_get();
    KIT_EACH_CORE(core)
    {
        base->core->multiply(&base->secret, &row, 1);
        assert_true(row.is_good);
        assert_memory_equal(&row.x, &x, sizeof(x));
    }
}

/* Sums s·G + t·P */

struct known_point {
    EC_POINT *point;
    struct phi_sm2_affine affine;
    struct phi_sm2_table tables[2]; /* of 6 and of 8 bits */
};

static void known_point_init(struct known_point *known, EC_POINT *point)
{
    uint8_t xy[64];
    known->point = point;
    kit_xy(point, xy);
    struct phi_u256 x = u256_from_bytes(xy);
    struct phi_u256 y = u256_from_bytes(xy + 32);
    known->affine = (struct phi_sm2_affine){fe_from_plain(&x), fe_from_plain(&y)};
    for (unsigned i = 0; i < 2; i++) {
        const unsigned bits = 6 + 2 * i;
        struct phi_sm2_table *table = &known->tables[i];
        table->window_bits = bits;
        table->window_count = (256 + bits - 1) / bits;
        table->points = aligned_alloc(64, phi_sm2_table_points(bits) * sizeof(*table->points));
        assert_non_null(table->points);
        phi_sm2_base_get()->core->build(table, &known->affine);
    }
}

static void known_point_fini(struct known_point *known)
{
    free(known->tables[0].points);
    free(known->tables[1].points);
    EC_POINT_free(known->point);
}

#define CHECK_ROWS 45

struct checks {
    struct phi_sm2_check rows[CHECK_ROWS];
    bool expected[CHECK_ROWS];
    size_t count;
};

static void checks_flush(struct checks *checks)
{
    const struct phi_sm2_base *base = phi_sm2_base_get();
    base->core->check(&base->open, checks->rows, checks->count);
    for (size_t i = 0; i < checks->count; i++)
        assert_int_equal(checks->rows[i].is_good, checks->expected[i]);
    checks->count = 0;
}

static void checks_add(struct checks *checks, const struct phi_sm2_check *row, bool expected)
{
    if (checks->count == CHECK_ROWS)
        checks_flush(checks);
    checks->expected[checks->count] = expected;
    checks->rows[checks->count++] = *row;
}

/* -1: no table, else the place in known_point's. Rows of one size stand together, so that they do
 * go through the processor together. */
#define EACH_SIZE(size) for (int size = -1; size < 2; size++)

/* The right x is accepted, its neighbour is not, infinity is nothing's x; in batches and (`alone`)
 * by itself. */
static void try_sum(struct checks *checks, const struct known_point *known, int size,
                    const struct phi_u256 *s, const struct phi_u256 *t, bool alone)
{
    const struct phi_u256 one = kit_number(1);
    struct phi_sm2_check row = {.s = *s, .t = *t, .point = &known->affine};
    EC_POINT *sum = kit_product(s, t, known->point);
    bool is_finite = kit_x(sum, &row.x);
    EC_POINT_free(sum);
    phi_sm2_order_reduce(&row.x, &row.x);
    row.known = size < 0 ? NULL : &known->tables[size];
    checks_add(checks, &row, is_finite);
    if (alone)
        checks_flush(checks);
    phi_sm2_order_add(&row.x, &row.x, &one);
    checks_add(checks, &row, false);
    if (alone)
        checks_flush(checks);
}

static void random_sums(void **state)
{
    (void)state;
    static struct checks checks;
    KIT_EACH_CORE(core)
    {
        for (size_t key = 0; key < 5; key++) {
            struct known_point known;
            struct phi_u256 d = kit_scalar();
            known_point_init(&known, kit_product(&d, NULL, NULL));
            EACH_SIZE(size)
            {
                for (size_t i = 0; i < kit_cases(200) / 5; i++) {
                    struct phi_u256 s = kit_scalar();
                    struct phi_u256 t = kit_scalar();
                    try_sum(&checks, &known, size, &s, &t, i % 4 == 3);
                }
                checks_flush(&checks);
            }
            known_point_fini(&known);
        }
    }
}

/* P is a small multiple of G or its negative, s and t are small or nearly n: the terms of the sum
 * meet, cancel, or end at infinity. Each such row stands in a batch beside ordinary ones. */
static void sums_whose_points_meet(void **state)
{
    (void)state;
    static struct checks checks;
    struct phi_u256 numbers[16];
    for (size_t i = 0; i < 8; i++) {
        static const uint64_t values[] = {1, 2, 3, 5, 31, 64, 255, 256};
        numbers[2 * i] = kit_number(values[i]);
        numbers[2 * i + 1] = kit_minus(values[i]);
    }
    KIT_EACH_CORE(core)
    {
        for (size_t key = 0; key < 8; key++) {
            struct known_point known;
            known_point_init(&known, kit_product(&numbers[key], NULL, NULL));
            EACH_SIZE(size)
            {
                for (size_t i = 0; i < PHI_COUNT(numbers) * PHI_COUNT(numbers); i++) {
                    struct phi_u256 s = kit_scalar();
                    struct phi_u256 t = kit_scalar();
                    try_sum(&checks, &known, size, &numbers[i % 16], &numbers[i / 16], false);
                    if (i % 16 == 0)
                        try_sum(&checks, &known, size, &s, &t, false);
                    if (i % 16 == 1)
                        try_sum(&checks, &known, size, &numbers[i / 16], &numbers[0], true);
                }
                checks_flush(&checks);
            }
            known_point_fini(&known);
        }
    }
}

/* Rows of all kinds, in no order. */
static void mixed_rows(void **state)
{
    (void)state;
    static struct checks checks;
    KIT_EACH_CORE(core)
    {
        struct known_point known;
        struct phi_u256 d = kit_scalar();
        known_point_init(&known, kit_product(&d, NULL, NULL));
        for (size_t i = 0; i < 200; i++) {
            struct phi_u256 s = kit_scalar();
            struct phi_u256 t = kit_scalar();
            try_sum(&checks, &known, (int)(s.l[0] % 3) - 1, &s, &t, false);
        }
        checks_flush(&checks);
        known_point_fini(&known);
    }
}

/* A point whose x lies between n and p: r − e is then x − n, and x is (r − e) + n. */
static EC_POINT *point_past_n(void)
{
    EC_POINT *point = EC_POINT_new(kit_group());
    BIGNUM *x = kit_bn(&phi_sm2_n);
    while (EC_POINT_set_compressed_coordinates(kit_group(), point, x, 1, NULL) != 1)
        assert_int_equal(BN_add_word(x, 1), 1);
    BN_free(x);
    return point;
}

static void x_between_n_and_p(void **state)
{
    (void)state;
    static struct checks checks;
    KIT_EACH_CORE(core)
    {
        EC_POINT *sum = point_past_n();
        for (size_t i = 0; i < 4; i++) {
            struct known_point known;
            struct phi_u256 s = kit_scalar();
            struct phi_u256 t = kit_scalar();
            struct phi_u256 inverse;
            struct phi_u256 minus_s;
            (void)u256_sub(&minus_s, &phi_sm2_n, &s);
            phi_sm2_invert(&inverse, &t, &phi_sm2_invert_n);
            EC_POINT *rest = kit_product(&minus_s, NULL, NULL); /* P = (sum − s·G)/t */
            assert_int_equal(EC_POINT_add(kit_group(), rest, rest, sum, NULL), 1);
            known_point_init(&known, kit_product(NULL, &inverse, rest));
            EC_POINT_free(rest);
            EACH_SIZE(size)
            {
                try_sum(&checks, &known, size, &s, &t, true);
                for (int again = 0; again < 5; again++)
                    try_sum(&checks, &known, size, &s, &t, false);
                checks_flush(&checks);
            }
            known_point_fini(&known);
        }
        EC_POINT_free(sum);
    }
}

static void field_edges(void **state)
{
    (void)state;
    struct phi_u256 one = fe_from_plain(&(struct phi_u256){{1, 0, 0, 0}});
    struct phi_u256 minus = fe_from_plain(&p_minus_one);
    struct phi_u256 found;
    assert_memory_equal(&one, &fe_one, sizeof(one));
    fe_sqr(&found, &minus);
    assert_memory_equal(&found, &fe_one, sizeof(one));
    fe_add(&found, &minus, &one);
    assert_true(u256_zero_mask(&found));
    fe_sub(&found, &found, &one);
    assert_memory_equal(&found, &minus, sizeof(one));
}

static int teardown(void **state)
{
    (void)state;
    kit_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inverses),
        cmocka_unit_test(numbers_modulo_n),
        cmocka_unit_test(digits_add_up),
        cmocka_unit_test(field_edges),
        cmocka_unit_test(example_of_the_standard),
        cmocka_unit_test(multiples_of_g),
        cmocka_unit_test(the_nonce_that_meets_is_told),
        cmocka_unit_test(random_sums),
        cmocka_unit_test(sums_whose_points_meet),
        cmocka_unit_test(mixed_rows),
        cmocka_unit_test(x_between_n_and_p),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
