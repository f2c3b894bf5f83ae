#include "crypto/sm2/native/invert.h"

#define MASK62 ((int64_t)(UINT64_MAX >> 2))

const struct phi_sm2_modulus phi_sm2_invert_p = {
    {{0x3fffffffffffffff, 0x3ffffffc00000003, 0x3fffffffffffffff, 0x3fffffbfffffffff, 0xff}},
    0x3fffffffffffffff};
const struct phi_sm2_modulus phi_sm2_invert_n = {
    {{0x13bbf40939d54123, 0x080f7dac871814ad, 0x3ffffffffffffff7, 0x3fffffbfffffffff, 0xff}},
    0x0d8061778dcaf68b};

/* Ones for a negative number. */
static inline int64_t sign_of(int64_t a)
{
    return -(int64_t)((uint64_t)a >> 63);
}

/* What 59 steps do to (f, g), times 2^62. */
struct matrix {
    int64_t u, v, q, r;
};

/* 59 steps on the lowest words. `zeta` is −(δ + 1/2). The matrix begins as 8 times the identity, so
 * that 59 steps divide by 2^62 as 62 would; its numbers are kept as two's complement words. */
static int64_t steps59(int64_t zeta, uint64_t f, uint64_t g, struct matrix *out)
{
    uint64_t u = 8;
    uint64_t v = 0;
    uint64_t q = 0;
    uint64_t r = 8;
    for (int i = 0; i < 59; i++) {
        uint64_t negative = (uint64_t)sign_of(zeta);
        uint64_t odd = 0 - (g & 1);
        g += ((f ^ negative) - negative) & odd;
        q += ((u ^ negative) - negative) & odd;
        r += ((v ^ negative) - negative) & odd;
        uint64_t swap = negative & odd;
        zeta = (int64_t)(((uint64_t)zeta ^ swap) - 1);
        f += g & swap;
        u += q & swap;
        v += r & swap;
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    *out = (struct matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return zeta;
}

/* (f, g) = matrix · (f, g) / 2^62, exactly. */
static void apply_exact(struct phi_sm2_signed62 *f, struct phi_sm2_signed62 *g,
                        const struct matrix *t)
{
    phi_i128 cf = (phi_i128)t->u * f->v[0] + (phi_i128)t->v * g->v[0];
    phi_i128 cg = (phi_i128)t->q * f->v[0] + (phi_i128)t->r * g->v[0];
    cf >>= 62;
    cg >>= 62;
    for (int i = 1; i < 5; i++) {
        cf += (phi_i128)t->u * f->v[i] + (phi_i128)t->v * g->v[i];
        cg += (phi_i128)t->q * f->v[i] + (phi_i128)t->r * g->v[i];
        f->v[i - 1] = (int64_t)cf & MASK62;
        g->v[i - 1] = (int64_t)cg & MASK62;
        cf >>= 62;
        cg >>= 62;
    }
    f->v[4] = (int64_t)cf;
    g->v[4] = (int64_t)cg;
}

/* What to add of the modulus so that the lowest 62 bits of `low` vanish; `base` keeps the sum
 * within (−2m, m). */
static int64_t cancel(phi_i128 low, int64_t base, const struct phi_sm2_modulus *m)
{
    return base - (int64_t)((m->inverse * (uint64_t)low + (uint64_t)base) & (uint64_t)MASK62);
}

/* (d, e) = matrix · (d, e) / 2^62 modulo m, both within (−2m, m). */
static void apply_modulo(struct phi_sm2_signed62 *d, struct phi_sm2_signed62 *e,
                         const struct matrix *t, const struct phi_sm2_modulus *m)
{
    int64_t sd = sign_of(d->v[4]);
    int64_t se = sign_of(e->v[4]);
    phi_i128 cd = (phi_i128)t->u * d->v[0] + (phi_i128)t->v * e->v[0];
    phi_i128 ce = (phi_i128)t->q * d->v[0] + (phi_i128)t->r * e->v[0];
    int64_t md = cancel(cd, (t->u & sd) + (t->v & se), m);
    int64_t me = cancel(ce, (t->q & sd) + (t->r & se), m);
    cd = (cd + (phi_i128)m->value.v[0] * md) >> 62;
    ce = (ce + (phi_i128)m->value.v[0] * me) >> 62;
    for (int i = 1; i < 5; i++) {
        int64_t di = d->v[i];
        int64_t ei = e->v[i];
        cd += (phi_i128)t->u * di + (phi_i128)t->v * ei + (phi_i128)m->value.v[i] * md;
        ce += (phi_i128)t->q * di + (phi_i128)t->r * ei + (phi_i128)m->value.v[i] * me;
        d->v[i - 1] = (int64_t)cd & MASK62;
        e->v[i - 1] = (int64_t)ce & MASK62;
        cd >>= 62;
        ce >>= 62;
    }
    d->v[4] = (int64_t)cd;
    e->v[4] = (int64_t)ce;
}

static void carry(struct phi_sm2_signed62 *a)
{
    for (int i = 0; i < 4; i++) {
        a->v[i + 1] += a->v[i] >> 62;
        a->v[i] &= MASK62;
    }
}

static void add_if(struct phi_sm2_signed62 *a, int64_t mask, const struct phi_sm2_signed62 *m)
{
    for (int i = 0; i < 5; i++)
        a->v[i] += m->v[i] & mask;
}

/* a times the sign (0 or −1 for minus), from (−2m, m) into [0, m). */
static void normalize(struct phi_sm2_signed62 *a, int64_t sign, const struct phi_sm2_modulus *m)
{
    add_if(a, sign_of(a->v[4]), &m->value);
    for (int i = 0; i < 5; i++)
        a->v[i] = (a->v[i] ^ sign) - sign;
    carry(a);
    add_if(a, sign_of(a->v[4]), &m->value);
    carry(a);
}

static struct phi_sm2_signed62 to_signed62(const struct phi_u256 *a)
{
    const uint64_t *l = a->l;
    const uint64_t mask = (uint64_t)MASK62;
    return (struct phi_sm2_signed62){
        {(int64_t)(l[0] & mask), (int64_t)((l[0] >> 62 | l[1] << 2) & mask),
         (int64_t)((l[1] >> 60 | l[2] << 4) & mask), (int64_t)((l[2] >> 58 | l[3] << 6) & mask),
         (int64_t)(l[3] >> 56)}};
}

static struct phi_u256 from_signed62(const struct phi_sm2_signed62 *a)
{
    uint64_t v[5];
    for (int i = 0; i < 5; i++)
        v[i] = (uint64_t)a->v[i];
    return (struct phi_u256){{v[0] | v[1] << 62, v[1] >> 2 | v[2] << 60, v[2] >> 4 | v[3] << 58,
                              v[3] >> 6 | v[4] << 56}};
}

void phi_sm2_invert(struct phi_u256 *out, const struct phi_u256 *in,
                    const struct phi_sm2_modulus *modulus)
{
    struct phi_sm2_signed62 d = {{0}};
    struct phi_sm2_signed62 e = {{1}};
    struct phi_sm2_signed62 f = modulus->value;
    struct phi_sm2_signed62 g = to_signed62(in);
    struct matrix t;
    int64_t zeta = -1;
    for (int i = 0; i < 10; i++) {
        zeta = steps59(zeta, (uint64_t)f.v[0], (uint64_t)g.v[0], &t);
        apply_modulo(&d, &e, &t, modulus);
        apply_exact(&f, &g, &t);
    }
    normalize(&d, sign_of(f.v[4]), modulus);
    *out = from_signed62(&d);
}
