#include "crypto/sm2/native/order.h"

const struct phi_u256 phi_sm2_n = {
    {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff}};

/* 2^512 mod n, and −n⁻¹ mod 2^64. */
static const struct phi_u256 r2 = {
    {0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b}};
static const uint64_t n_inverse = 0x327f9e8872350975;

/* a + 2^256·carry, known to lie below 2n, minus n when it is not below n. */
static void trim(struct phi_u256 *out, const struct phi_u256 *a, uint64_t carry)
{
    struct phi_u256 less;
    uint64_t borrow = u256_sub(&less, a, &phi_sm2_n);
    (void)u64_sub(carry, 0, &borrow);
    u256_select(out, 0 - borrow, a, &less);
}

void phi_sm2_order_add(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    struct phi_u256 sum;
    uint64_t carry = u256_add(&sum, a, b);
    trim(out, &sum, carry);
}

void phi_sm2_order_sub(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    struct phi_u256 rest;
    struct phi_u256 more;
    uint64_t mask = 0 - u256_sub(&rest, a, b);
    (void)u256_add(&more, &rest, &phi_sm2_n);
    u256_select(out, mask, &more, &rest);
}

void phi_sm2_order_reduce(struct phi_u256 *out, const struct phi_u256 *a)
{
    trim(out, a, 0);
}

void phi_sm2_order_mul(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    struct phi_u256 t = {{0}};
    uint64_t top = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        uint64_t over = 0;
        for (int j = 0; j < 4; j++)
            t.l[j] = u64_mul_add(t.l[j], a->l[j], b->l[i], &carry);
        uint64_t fifth = u64_add(top, carry, &over);
        uint64_t m = t.l[0] * n_inverse;
        carry = 0;
        (void)u64_mul_add(t.l[0], m, phi_sm2_n.l[0], &carry);
        for (int j = 1; j < 4; j++)
            t.l[j - 1] = u64_mul_add(t.l[j], m, phi_sm2_n.l[j], &carry);
        uint64_t last = 0;
        t.l[3] = u64_add(fifth, carry, &last);
        top = over + last;
    }
    trim(out, &t, top);
}

void phi_sm2_order_lift(struct phi_u256 *out, const struct phi_u256 *a)
{
    phi_sm2_order_mul(out, a, &r2);
}

uint64_t phi_sm2_order_odd(struct phi_u256 *out, const struct phi_u256 *k)
{
    struct phi_u256 other;
    uint64_t even = (k->l[0] & 1) - 1;
    (void)u256_sub(&other, &phi_sm2_n, k);
    u256_select(out, even, &other, k);
    return even;
}
