/* SM2 by arithmetic of our own. Keys are made by OpenSSL; what is done by the thousand is done
 * here. Signing is constant time in the key and the nonce, verifying is not. */
#include "crypto/sm2/native/base.h"
#include "crypto/sm2/native/invert.h"
#include "crypto/sm2/native/known.h"
#include "crypto/sm2/native/nonce.h"
#include "crypto/sm2/native/order.h"
#include "crypto/sm2/native/point.h"

#include "crypto/sm2/backend.h"

#include <stdlib.h>

#define ROWS_MAX 64

enum kind { KIND_PAIR, KIND_PUBLIC };

/* Both kinds begin with `kind`: one function drops either. */
struct pair {
    enum kind kind;
    uint8_t scalar[PHI_SM2_SCALAR_LEN];
    struct phi_u256 inverse; /* 2^256/(1 + d) mod n */
    struct phi_sm2_nonce_key nonce_key;
};

struct public
{
    enum kind kind;
    struct phi_sm2_affine point;
    struct phi_sm2_known *known;
};

static void drop(void *key)
{
    if (*(const enum kind *)key == KIND_PAIR)
        phi_wipe(key, sizeof(struct pair));
    else
        phi_sm2_known_put(((struct public *)key)->known);
    free(key);
}

/* Keys */

static void pair_init(struct pair *pair, const uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    static const struct phi_u256 one = {{1, 0, 0, 0}};
    struct phi_u256 d = u256_from_bytes(scalar);
    pair->kind = KIND_PAIR;
    memcpy(pair->scalar, scalar, sizeof(pair->scalar));
    phi_sm2_order_add(&d, &d, &one);
    phi_sm2_invert(&d, &d, &phi_sm2_invert_n);
    phi_sm2_order_lift(&pair->inverse, &d);
    phi_sm2_nonce_key_init(&pair->nonce_key, scalar);
    phi_wipe(&d, sizeof(d));
}

static enum phi_err load(const uint8_t scalar[PHI_SM2_SCALAR_LEN], void **key,
                         uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    void *other = NULL;
    enum phi_err err = phi_sm2_openssl.load(scalar, &other, xy);
    if (err != PHI_OK)
        return err;
    phi_sm2_openssl.drop(other);
    struct pair *pair = malloc(sizeof(*pair));
    if (!pair)
        return PHI_ERR_MEMORY;
    pair_init(pair, scalar);
    *key = pair;
    return PHI_OK;
}

static enum phi_err generate(void **key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    enum phi_err err = PHI_OK;
    void *other = NULL;
    uint8_t scalar[PHI_SM2_SCALAR_LEN];
    PHI_GUARD(phi_sm2_openssl.generate(&other, xy));
    PHI_GUARD(phi_sm2_openssl.scalar(other, scalar));
    struct pair *pair = malloc(sizeof(*pair));
    if (!pair) {
        err = PHI_ERR_MEMORY;
        goto out;
    }
    pair_init(pair, scalar);
    *key = pair;
out:
    if (other)
        phi_sm2_openssl.drop(other);
    phi_wipe(scalar, sizeof(scalar));
    return err;
}

static enum phi_err scalar_of(const void *key, uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    memcpy(scalar, ((const struct pair *)key)->scalar, PHI_SM2_SCALAR_LEN);
    return PHI_OK;
}

/* Coordinates below p that fulfil y² = x³ − 3x + b. The order of the curve is prime, so any such
 * point will do. */
static bool point_from_bytes(struct phi_sm2_affine *point, const uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    static const struct phi_u256 b = {
        {0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8}};
    struct phi_u256 x = u256_from_bytes(xy);
    struct phi_u256 y = u256_from_bytes(xy + 32);
    struct phi_u256 left, right;
    if (!u256_sub(&left, &x, &fe_p) || !u256_sub(&right, &y, &fe_p))
        return false;
    point->x = fe_from_plain(&x);
    point->y = fe_from_plain(&y);
    fe_sqr(&left, &point->y);
    fe_sqr(&right, &point->x);
    for (int i = 0; i < 3; i++)
        fe_sub(&right, &right, &fe_one);
    fe_mul(&right, &right, &point->x);
    fe_add(&right, &right, &b);
    return u256_is_equal(&left, &right);
}

static enum phi_err load_public(const uint8_t xy[PHI_SM2_PUBLIC_LEN], void **key)
{
    struct phi_sm2_affine point;
    if (!point_from_bytes(&point, xy))
        return PHI_ERR_KEY;
    struct public *made = malloc(sizeof(*made));
    struct phi_sm2_known *known = made ? phi_sm2_known_get(&point) : NULL;
    if (!known) {
        free(made);
        return PHI_ERR_MEMORY;
    }
    *made = (struct public){.kind = KIND_PUBLIC, .point = point, .known = known};
    *key = made;
    return PHI_OK;
}

static void announce(const void *key)
{
    phi_sm2_known_announce(((const struct public *)key)->known);
}

/* Signing */

/* r = e + x and s = (k + r)/(1 + d) − r, which is (k − r·d)/(1 + d). False when a zero came out
 * that the standard doesn't allow: another nonce. */
static bool finish(const struct phi_sm2_multiple *multiple, struct phi_sm2_row *row)
{
    const struct pair *pair = row->key;
    struct phi_u256 e = u256_from_bytes(row->digest);
    struct phi_u256 r, s, sum;
    phi_sm2_order_reduce(&e, &e);
    phi_sm2_order_reduce(&r, &multiple->x);
    phi_sm2_order_add(&r, &r, &e);
    phi_sm2_order_add(&sum, &multiple->k, &r);
    phi_sm2_order_mul(&s, &sum, &pair->inverse);
    phi_sm2_order_sub(&s, &s, &r);
    uint64_t bad = u256_zero_mask(&r) | u256_zero_mask(&sum) | u256_zero_mask(&s);
    phi_wipe(&sum, sizeof(sum));
    if (bad || !multiple->is_good)
        return false;
    u256_to_bytes(&r, row->sig);
    u256_to_bytes(&s, row->sig + 32);
    return true;
}

static enum phi_err nonce_for(struct phi_sm2_multiple *multiple, const struct phi_sm2_row *row)
{
    const struct pair *pair = row->key;
    return phi_sm2_nonce(&pair->nonce_key, row->digest, &multiple->k);
}

static void sign_again(const struct phi_sm2_base *base, struct phi_sm2_row *row)
{
    struct phi_sm2_multiple multiple;
    do {
        row->result = nonce_for(&multiple, row);
        if (row->result != PHI_OK)
            break;
        base->core->multiply(&base->secret, &multiple, 1);
    } while (!finish(&multiple, row));
    phi_wipe(&multiple, sizeof(multiple));
}

static void sign_some(struct phi_sm2_row *rows, size_t count)
{
    const struct phi_sm2_base *base = phi_sm2_base_get();
    struct phi_sm2_multiple multiples[ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        rows[i].result = nonce_for(&multiples[i], &rows[i]);
        if (rows[i].result != PHI_OK)
            multiples[i].k = (struct phi_u256){{1, 0, 0, 0}};
    }
    base->core->multiply(&base->secret, multiples, count);
    for (size_t i = 0; i < count; i++)
        if (rows[i].result == PHI_OK && !finish(&multiples[i], &rows[i]))
            sign_again(base, &rows[i]);
    phi_wipe(multiples, count * sizeof(multiples[0]));
}

static void sign(struct phi_sm2_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i += ROWS_MAX)
        sign_some(rows + i, count - i < ROWS_MAX ? count - i : ROWS_MAX);
}

static size_t prepare_ahead(const void *key, struct phi_sm2_prepared *out, size_t count)
{
    const struct pair *pair = key;
    const struct phi_sm2_base *base = phi_sm2_base_get();
    struct phi_sm2_multiple multiples[ROWS_MAX];
    size_t ready = 0;
    size_t made = 0;
    while (ready < count && ready < ROWS_MAX &&
           phi_sm2_nonce_ahead(&pair->nonce_key, &multiples[ready].k) == PHI_OK)
        ready++;
    base->core->multiply(&base->secret, multiples, ready);
    for (size_t i = 0; i < ready; i++) {
        if (!multiples[i].is_good)
            continue;
        memcpy(out[made].k, multiples[i].k.l, sizeof(out->k));
        memcpy(out[made++].x, multiples[i].x.l, sizeof(out->x));
    }
    phi_wipe(multiples, ready * sizeof(multiples[0]));
    return made;
}

static void sign_prepared(struct phi_sm2_row *row, struct phi_sm2_prepared *prepared)
{
    struct phi_sm2_multiple multiple = {.is_good = true};
    memcpy(multiple.k.l, prepared->k, sizeof(prepared->k));
    memcpy(multiple.x.l, prepared->x, sizeof(prepared->x));
    phi_wipe(prepared, sizeof(*prepared));
    row->result = PHI_OK;
    if (!finish(&multiple, row))
        sign_again(phi_sm2_base_get(), row);
    phi_wipe(&multiple, sizeof(multiple));
}

/* Verifying */

/* False when t = r + s is zero: refused without looking at points. */
static bool check_init(struct phi_sm2_check *check, const struct phi_sm2_row *row)
{
    const struct public *public = row->key;
    struct phi_u256 r = u256_from_bytes(row->sig);
    struct phi_u256 e = u256_from_bytes(row->digest);
    check->s = u256_from_bytes(row->sig + 32);
    phi_sm2_order_reduce(&e, &e);
    phi_sm2_order_add(&check->t, &r, &check->s);
    phi_sm2_order_sub(&check->x, &r, &e);
    check->point = &public->point;
    return !u256_zero_mask(&check->t);
}

static void verify_some(struct phi_sm2_row *rows, size_t count)
{
    const struct phi_sm2_base *base = phi_sm2_base_get();
    struct phi_sm2_check checks[ROWS_MAX];
    struct phi_sm2_row *of[ROWS_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        rows[i].result = PHI_ERR_SIGNATURE;
        if (!check_init(&checks[ready], &rows[i]))
            continue;
        checks[ready].known = phi_sm2_known_enter(((const struct public *)rows[i].key)->known);
        of[ready++] = &rows[i];
    }
    base->core->check(&base->open, checks, ready);
    for (size_t i = 0; i < ready; i++) {
        phi_sm2_known_leave(((const struct public *)of[i]->key)->known);
        if (checks[i].is_good)
            of[i]->result = PHI_OK;
    }
}

static void verify(struct phi_sm2_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i += ROWS_MAX)
        verify_some(rows + i, count - i < ROWS_MAX ? count - i : ROWS_MAX);
}

const struct phi_sm2_backend phi_sm2_native = {
    .name = "native",
    .generate = generate,
    .load = load,
    .scalar = scalar_of,
    .load_public = load_public,
    .announce = announce,
    .drop = drop,
    .sign = sign,
    .verify = verify,
    .prepare = prepare_ahead,
    .sign_prepared = sign_prepared,
};
