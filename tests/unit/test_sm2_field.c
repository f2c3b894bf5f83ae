/* Products modulo p against OpenSSL's, compiled once for each kind of processor code: of numbers
 * whose product has words of all ones or zeros in its lower half, so that carries go far. */
#include "sm2_kit.h"

#include "crypto/sm2/native/field.h"
#ifdef __AVX512IFMA__
#include "crypto/sm2/native/eight.h"
#endif

#define LANES 8

struct factors {
    struct phi_u256 a[LANES], b[LANES], expected[LANES];
};

static bool is_here(void)
{
#ifdef __AVX512IFMA__
    return phi_sm2_core_by_name("ifma") != NULL;
#elif defined(__ADX__)
    return phi_sm2_core_by_name("adx") != NULL;
#else
    return true;
#endif
}

static void multiply(struct phi_u256 out[LANES], const struct factors *f)
{
#ifdef __AVX512IFMA__
    __m512i a[4], b[4];
    struct eight x, y;
    for (int i = 0; i < 4; i++) {
        uint64_t words[2][LANES];
        for (int lane = 0; lane < LANES; lane++) {
            words[0][lane] = f->a[lane].l[i];
            words[1][lane] = f->b[lane].l[i];
        }
        a[i] = _mm512_loadu_si512(words[0]);
        b[i] = _mm512_loadu_si512(words[1]);
    }
    eight_from_words(&x, a);
    eight_from_words(&y, b);
    eight_mul(&x, &x, &y);
    eight_to_fields(out, &x);
#else
    for (int lane = 0; lane < LANES; lane++)
        fe_mul(&out[lane], &f->a[lane], &f->b[lane]);
#endif
}

/* Two bits of the pattern for each word: zero, all ones, one, or random. */
static struct phi_u256 patterned(unsigned pattern)
{
    struct phi_u256 out = kit_random();
    for (int i = 0; i < 4; i++, pattern >>= 2)
        if (pattern % 4 < 3)
            out.l[i] = pattern % 4 == 0 ? 0 : pattern % 4 == 1 ? UINT64_MAX : 1;
    return out;
}

struct numbers {
    BN_CTX *context;
    BIGNUM *p, *inverse_r, *power; /* 1/2^256 mod p, 2^256 */
};

/* a·b has `low` as its lower half: b is odd and a is low/b modulo 2^256. False when a isn't below
 * p. */
static bool pair_of(const struct numbers *n, const struct phi_u256 *low, struct factors *f, int at)
{
    struct phi_u256 rest;
    struct phi_u256 b = kit_random();
    b.l[0] |= 1;
    b.l[3] >>= 1;
    BIGNUM *x = kit_bn(low);
    BIGNUM *y = kit_bn(&b);
    BIGNUM *a = BN_mod_inverse(NULL, y, n->power, n->context);
    assert_int_equal(BN_mod_mul(a, a, x, n->power, n->context), 1);
    f->b[at] = b;
    f->a[at] = kit_u256(a);
    const bool is_below = u256_sub(&rest, &f->a[at], &fe_p);
    assert_int_equal(BN_mod_mul(a, a, y, n->p, n->context), 1);
    assert_int_equal(BN_mod_mul(a, a, n->inverse_r, n->p, n->context), 1);
    f->expected[at] = kit_u256(a);
    BN_free(a);
    BN_free(x);
    BN_free(y);
    return is_below;
}

static void products(void **state)
{
    (void)state;
    struct numbers n = {.context = BN_CTX_new(), .p = kit_bn(&fe_p), .power = BN_new()};
    assert_int_equal(BN_set_bit(n.power, 256), 1);
    n.inverse_r = BN_mod_inverse(NULL, n.power, n.p, n.context);
    for (unsigned i = 0; i < kit_cases(20) * 256; i += LANES) {
        struct factors f;
        struct phi_u256 found[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            const struct phi_u256 low = patterned(i + (unsigned)lane);
            while (!pair_of(&n, &low, &f, lane)) {
            }
        }
        multiply(found, &f);
        assert_memory_equal(found, f.expected, sizeof(found));
    }
    BN_free(n.p);
    BN_free(n.power);
    BN_free(n.inverse_r);
    BN_CTX_free(n.context);
}

static int teardown(void **state)
{
    (void)state;
    kit_done();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products)};
    if (!is_here()) {
        print_message("SKIPPED: this machine can't do it\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, teardown);
}
