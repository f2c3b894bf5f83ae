/* crypto/sm2/native/field.h's operations with mulx and two carry chains at once (adcx, adox), which
 * compilers do not make of C: a product in 11 ns where theirs take 25 to 60. The four words of the
 * lower half are reduced by themselves (the value stays below 2^256, no fifth word), then added to
 * the upper half. */
#ifndef PHI_CRYPTO_SM2_NATIVE_FIELD_ADX_H
#define PHI_CRYPTO_SM2_NATIVE_FIELD_ADX_H

/* Inside a function that a sanitizer watches there may be too few registers left. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FE_ALONE __attribute__((noinline))
#endif
#endif
#ifndef FE_ALONE
#define FE_ALONE inline
#endif

/* clang-format off */

/* (t1, t2, t3, t0) = (t0 + 2^64 t1 + 2^128 t2 + 2^192 t3 + t0·p) / 2^64 */
#define FE_STEP(t0, t1, t2, t3)                                                                    \
    "movq " t0 ", %[lo]\n\t"                                                                       \
    "movq " t0 ", %[hi]\n\t"                                                                       \
    "shlq $32, %[lo]\n\t"                                                                          \
    "shrq $32, %[hi]\n\t"                                                                          \
    "addq " t0 ", " t1 "\n\t"                                                                      \
    "adcq $0, " t2 "\n\t"                                                                          \
    "adcq $0, " t3 "\n\t"                                                                          \
    "adcq $0, " t0 "\n\t"                                                                          \
    "subq %[lo], " t1 "\n\t"                                                                       \
    "sbbq %[hi], " t2 "\n\t"                                                                       \
    "sbbq %[lo], " t3 "\n\t"                                                                       \
    "sbbq %[hi], " t0 "\n\t"

/* (t0 … t4) += a · the word of b at `offset`, where t4 is new; the address of b stands in t7 until
 * the last row, as sanitizers leave few registers */
#define FE_ROW(offset, t0, t1, t2, t3, t4)                                                         \
    "movq " offset "(%[t7]), %%rdx\n\t"                                                             \
    "xorq " t4 ", " t4 "\n\t"                                                                      \
    "mulxq (%[a]), %[lo], %[hi]\n\t"                                                               \
    "adcxq %[lo], " t0 "\n\t"                                                                      \
    "adoxq %[hi], " t1 "\n\t"                                                                      \
    "mulxq 8(%[a]), %[lo], %[hi]\n\t"                                                              \
    "adcxq %[lo], " t1 "\n\t"                                                                      \
    "adoxq %[hi], " t2 "\n\t"                                                                      \
    "mulxq 16(%[a]), %[lo], %[hi]\n\t"                                                             \
    "adcxq %[lo], " t2 "\n\t"                                                                      \
    "adoxq %[hi], " t3 "\n\t"                                                                      \
    "mulxq 24(%[a]), %[lo], %[hi]\n\t"                                                             \
    "adcxq %[lo], " t3 "\n\t"                                                                      \
    "adoxq %[hi], " t4 "\n\t"                                                                      \
    "adcq $0, " t4 "\n\t"

/* t0 … t3 = t0 … t7 divided by 2^256 modulo p, below p */
#define FE_REDUCE                                                                                  \
    FE_STEP("%[t0]", "%[t1]", "%[t2]", "%[t3]")                                                    \
    FE_STEP("%[t1]", "%[t2]", "%[t3]", "%[t0]")                                                    \
    FE_STEP("%[t2]", "%[t3]", "%[t0]", "%[t1]")                                                    \
    FE_STEP("%[t3]", "%[t0]", "%[t1]", "%[t2]")                                                    \
    "xorl %k[hi], %k[hi]\n\t"                                                                      \
    "addq %[t4], %[t0]\n\t"                                                                        \
    "adcq %[t5], %[t1]\n\t"                                                                        \
    "adcq %[t6], %[t2]\n\t"                                                                        \
    "adcq %[t7], %[t3]\n\t"                                                                        \
    "adcq $0, %[hi]\n\t"                                                                           \
    "movq %[t0], %[t4]\n\t"                                                                        \
    "movq %[t1], %[t5]\n\t"                                                                        \
    "movq %[t2], %[t6]\n\t"                                                                        \
    "movq %[t3], %[t7]\n\t"                                                                        \
    "movabsq $0xffffffff00000000, %[lo]\n\t"                                                       \
    "subq $-1, %[t4]\n\t"                                                                          \
    "sbbq %[lo], %[t5]\n\t"                                                                        \
    "movabsq $0xfffffffeffffffff, %[lo]\n\t"                                                       \
    "sbbq $-1, %[t6]\n\t"                                                                          \
    "sbbq %[lo], %[t7]\n\t"                                                                        \
    "sbbq $0, %[hi]\n\t"                                                                           \
    "cmovncq %[t4], %[t0]\n\t"                                                                     \
    "cmovncq %[t5], %[t1]\n\t"                                                                     \
    "cmovncq %[t6], %[t2]\n\t"                                                                     \
    "cmovncq %[t7], %[t3]\n\t"

#define FE_REGISTERS                                                                               \
    [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3), [t4] "=&r"(t4),                \
    [t5] "=&r"(t5), [t6] "=&r"(t6), [lo] "=&r"(lo), [hi] "=&r"(hi)

static FE_ALONE void fe_mul(struct phi_u256 *out, const struct phi_u256 *a,
                            const struct phi_u256 *b)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, lo, hi;
    uint64_t t7 = (uint64_t)(uintptr_t)b->l;
    __asm__("movq (%[t7]), %%rdx\n\t"
            "mulxq (%[a]), %[t0], %[t1]\n\t"
            "mulxq 8(%[a]), %[lo], %[t2]\n\t"
            "addq %[lo], %[t1]\n\t"
            "mulxq 16(%[a]), %[lo], %[t3]\n\t"
            "adcq %[lo], %[t2]\n\t"
            "mulxq 24(%[a]), %[lo], %[t4]\n\t"
            "adcq %[lo], %[t3]\n\t"
            "adcq $0, %[t4]\n\t"
            FE_ROW("8", "%[t1]", "%[t2]", "%[t3]", "%[t4]", "%[t5]")
            FE_ROW("16", "%[t2]", "%[t3]", "%[t4]", "%[t5]", "%[t6]")
            FE_ROW("24", "%[t3]", "%[t4]", "%[t5]", "%[t6]", "%[t7]")
            FE_REDUCE
            : FE_REGISTERS, [t7] "+&r"(t7)
            : [a] "r"(a->l), "m"(*a), "m"(*b)
            : "rdx", "cc");
    *out = (struct phi_u256){{t0, t1, t2, t3}};
}

static FE_ALONE void fe_sqr(struct phi_u256 *out, const struct phi_u256 *a)
{
    uint64_t t0, t1, t2, t3, t4, t5, t6, t7, lo, hi;
    __asm__("movq (%[a]), %%rdx\n\t"
            "mulxq 8(%[a]), %[t1], %[t2]\n\t"
            "mulxq 16(%[a]), %[lo], %[t3]\n\t"
            "addq %[lo], %[t2]\n\t"
            "mulxq 24(%[a]), %[lo], %[t4]\n\t"
            "adcq %[lo], %[t3]\n\t"
            "adcq $0, %[t4]\n\t"
            "movq 8(%[a]), %%rdx\n\t"
            "xorl %k[t6], %k[t6]\n\t"
            "mulxq 16(%[a]), %[lo], %[hi]\n\t"
            "adcxq %[lo], %[t3]\n\t"
            "adoxq %[hi], %[t4]\n\t"
            "mulxq 24(%[a]), %[lo], %[t5]\n\t"
            "adcxq %[lo], %[t4]\n\t"
            "adoxq %[t6], %[t5]\n\t"
            "movq 16(%[a]), %%rdx\n\t"
            "mulxq 24(%[a]), %[lo], %[hi]\n\t"
            "adcxq %[lo], %[t5]\n\t"
            "adcxq %[hi], %[t6]\n\t"
            /* twice the mixed products and the squares, each along its own chain */
            "xorl %k[t7], %k[t7]\n\t"
            "movq (%[a]), %%rdx\n\t"
            "mulxq %%rdx, %[t0], %[hi]\n\t"
            "adcxq %[t1], %[t1]\n\t"
            "adoxq %[hi], %[t1]\n\t"
            "movq 8(%[a]), %%rdx\n\t"
            "mulxq %%rdx, %[lo], %[hi]\n\t"
            "adcxq %[t2], %[t2]\n\t"
            "adoxq %[lo], %[t2]\n\t"
            "adcxq %[t3], %[t3]\n\t"
            "adoxq %[hi], %[t3]\n\t"
            "movq 16(%[a]), %%rdx\n\t"
            "mulxq %%rdx, %[lo], %[hi]\n\t"
            "adcxq %[t4], %[t4]\n\t"
            "adoxq %[lo], %[t4]\n\t"
            "adcxq %[t5], %[t5]\n\t"
            "adoxq %[hi], %[t5]\n\t"
            "movq 24(%[a]), %%rdx\n\t"
            "mulxq %%rdx, %[lo], %[hi]\n\t"
            "adcxq %[t6], %[t6]\n\t"
            "adoxq %[lo], %[t6]\n\t"
            "adcxq %[t7], %[t7]\n\t"
            "adoxq %[hi], %[t7]\n\t"
            FE_REDUCE
            : FE_REGISTERS, [t7] "=&r"(t7)
            : [a] "r"(a->l), "m"(*a)
            : "rdx", "cc");
    *out = (struct phi_u256){{t0, t1, t2, t3}};
}

static inline void fe_add(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    uint64_t t0 = a->l[0], t1 = a->l[1], t2 = a->l[2], t3 = a->l[3], s0, s1, s2, s3, carry;
    __asm__("xorl %k[c], %k[c]\n\t"
            "addq %[b0], %[t0]\n\t"
            "adcq %[b1], %[t1]\n\t"
            "adcq %[b2], %[t2]\n\t"
            "adcq %[b3], %[t3]\n\t"
            "adcq $0, %[c]\n\t"
            "movq %[t0], %[s0]\n\t"
            "movq %[t1], %[s1]\n\t"
            "movq %[t2], %[s2]\n\t"
            "movq %[t3], %[s3]\n\t"
            "subq $-1, %[s0]\n\t"
            "sbbq %[p1], %[s1]\n\t"
            "sbbq $-1, %[s2]\n\t"
            "sbbq %[p3], %[s3]\n\t"
            "sbbq $0, %[c]\n\t"
            "cmovncq %[s0], %[t0]\n\t"
            "cmovncq %[s1], %[t1]\n\t"
            "cmovncq %[s2], %[t2]\n\t"
            "cmovncq %[s3], %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [s0] "=&r"(s0),
              [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [c] "=&r"(carry)
            : [b0] "m"(b->l[0]), [b1] "m"(b->l[1]), [b2] "m"(b->l[2]), [b3] "m"(b->l[3]),
              [p1] "m"(fe_p.l[1]), [p3] "m"(fe_p.l[3])
            : "cc");
    *out = (struct phi_u256){{t0, t1, t2, t3}};
}

static inline void fe_sub(struct phi_u256 *out, const struct phi_u256 *a, const struct phi_u256 *b)
{
    uint64_t t0 = a->l[0], t1 = a->l[1], t2 = a->l[2], t3 = a->l[3], mask, half, top;
    __asm__("subq %[b0], %[t0]\n\t"
            "sbbq %[b1], %[t1]\n\t"
            "sbbq %[b2], %[t2]\n\t"
            "sbbq %[b3], %[t3]\n\t"
            "sbbq %[m], %[m]\n\t"
            "movq %[m], %[h]\n\t"
            "movq %[p3], %[top]\n\t"
            "shlq $32, %[h]\n\t"
            "andq %[m], %[top]\n\t"
            "addq %[m], %[t0]\n\t"
            "adcq %[h], %[t1]\n\t"
            "adcq %[m], %[t2]\n\t"
            "adcq %[top], %[t3]\n\t"
            : [t0] "+&r"(t0), [t1] "+&r"(t1), [t2] "+&r"(t2), [t3] "+&r"(t3), [m] "=&r"(mask),
              [h] "=&r"(half), [top] "=&r"(top)
            : [b0] "m"(b->l[0]), [b1] "m"(b->l[1]), [b2] "m"(b->l[2]), [b3] "m"(b->l[3]),
              [p3] "m"(fe_p.l[3])
            : "cc");
    *out = (struct phi_u256){{t0, t1, t2, t3}};
}

/* clang-format on */

#endif
