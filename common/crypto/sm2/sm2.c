#include "base/metrics.h"
#include "crypto/sm2/backend.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 64

static const struct phi_sm2_backend *const backends[] = {&phi_sm2_native, &phi_sm2_openssl};
static const struct phi_sm2_backend *backend = &phi_sm2_native;
static const struct phi_sm2_backend *public_backend; /* NULL: the same */

/* Z depends on the key only, so it is made with the key. */
struct phi_sm2_private {
    const struct phi_sm2_backend *backend;
    void *handle;
    struct phi_counter *uses; /* NULL: nothing is counted */
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint8_t z[PHI_SM3_LEN];
};

struct phi_sm2_public {
    const struct phi_sm2_backend *backend;
    void *handle;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    uint8_t z[PHI_SM3_LEN];
};

enum phi_err phi_sm2_backend_use(const char *name)
{
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            backend = backends[i];
            return PHI_OK;
        }
    }
    return PHI_ERR_CONFIG;
}

void phi_sm2_backend_for_public(const struct phi_sm2_backend *of)
{
    public_backend = of;
}

static enum phi_err z_of(const uint8_t xy[PHI_SM2_PUBLIC_LEN], uint8_t z[PHI_SM3_LEN])
{
    static const uint8_t id_bits[2] = {0x00, 0x80};
    const struct phi_view parts[] = {
        phi_view_of(id_bits, sizeof(id_bits)),
        phi_view_text(PHI_SM2_USER_ID),
        phi_view_of(phi_sm2_curve_abg, sizeof(phi_sm2_curve_abg)),
        phi_view_of(xy, PHI_SM2_PUBLIC_LEN),
    };
    return phi_sm3_parts(parts, 4, z);
}

static enum phi_err digest_of(const uint8_t z[PHI_SM3_LEN], struct phi_view message,
                              uint8_t digest[PHI_SM3_LEN])
{
    const struct phi_view parts[] = {phi_view_of(z, PHI_SM3_LEN), message};
    return phi_sm3_parts(parts, 2, digest);
}

static enum phi_err private_make(const uint8_t *scalar, struct phi_sm2_private **out)
{
    struct phi_sm2_private *key = calloc(1, sizeof(*key));
    if (!key)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    key->backend = backend;
    PHI_GUARD(scalar ? backend->load(scalar, &key->handle, key->xy)
                     : backend->generate(&key->handle, key->xy));
    PHI_GUARD(z_of(key->xy, key->z));
    *out = key;
    key = NULL;
out:
    phi_sm2_private_free(key);
    return err;
}

enum phi_err phi_sm2_private_of(const struct phi_sm2_backend *of, void *handle,
                                const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_sm2_private **out)
{
    struct phi_sm2_private *key = calloc(1, sizeof(*key));
    if (!key)
        return PHI_ERR_MEMORY;
    enum phi_err err = z_of(xy, key->z);
    if (err != PHI_OK) {
        free(key);
        return err;
    }
    key->backend = of;
    key->handle = handle;
    memcpy(key->xy, xy, sizeof(key->xy));
    *out = key;
    return PHI_OK;
}

enum phi_err phi_sm2_private_generate(struct phi_sm2_private **out)
{
    return private_make(NULL, out);
}

/* n − 1 is no key: (1 + d) must have an inverse. */
static bool scalar_is_key(const uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    uint8_t last[32];
    memcpy(last, phi_sm2_order, sizeof(last));
    last[31]--;
    return phi_sm2_is_in_order(scalar) && memcmp(scalar, last, sizeof(last)) != 0;
}

enum phi_err phi_sm2_private_new(const uint8_t scalar[PHI_SM2_SCALAR_LEN],
                                 struct phi_sm2_private **out)
{
    return scalar_is_key(scalar) ? private_make(scalar, out) : PHI_ERR_KEY;
}

void phi_sm2_private_free(struct phi_sm2_private *key)
{
    if (!key)
        return;
    if (key->handle)
        key->backend->drop(key->handle);
    free(key);
}

void phi_sm2_private_count(struct phi_sm2_private *key, struct phi_counter *uses)
{
    key->uses = uses;
}

static void count_use(const struct phi_sm2_private *key)
{
    if (key->uses)
        phi_counter_add(key->uses, 1);
}

void phi_sm2_private_public(const struct phi_sm2_private *key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    memcpy(xy, key->xy, PHI_SM2_PUBLIC_LEN);
}

enum phi_err phi_sm2_private_scalar(const struct phi_sm2_private *key,
                                    uint8_t scalar[PHI_SM2_SCALAR_LEN])
{
    return key->backend->scalar(key->handle, scalar);
}

enum phi_err phi_sm2_public_new(const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct phi_sm2_public **out)
{
    struct phi_sm2_public *key = calloc(1, sizeof(*key));
    if (!key)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    key->backend = public_backend ? public_backend : backend;
    memcpy(key->xy, xy, sizeof(key->xy));
    PHI_GUARD(key->backend->load_public(xy, &key->handle));
    PHI_GUARD(z_of(xy, key->z));
    *out = key;
    key = NULL;
out:
    phi_sm2_public_free(key);
    return err;
}

void phi_sm2_public_free(struct phi_sm2_public *key)
{
    if (!key)
        return;
    if (key->handle)
        key->backend->drop(key->handle);
    free(key);
}

void phi_sm2_public_announce(const struct phi_sm2_public *key)
{
    if (key->backend->announce)
        key->backend->announce(key->handle);
}

void phi_sm2_public_get(const struct phi_sm2_public *key, uint8_t xy[PHI_SM2_PUBLIC_LEN])
{
    memcpy(xy, key->xy, PHI_SM2_PUBLIC_LEN);
}

/* A run of a batch: consecutive jobs of one backend that reach it together. */
struct run {
    const struct phi_sm2_backend *backend;
    struct phi_sm2_row rows[BATCH_ROWS];
    struct phi_sm2_job *jobs[BATCH_ROWS];
    size_t count;
};

static void run_flush(struct run *run, bool is_signing)
{
    if (run->count == 0)
        return;
    if (is_signing)
        run->backend->sign(run->rows, run->count);
    else
        run->backend->verify(run->rows, run->count);
    for (size_t i = 0; i < run->count; i++)
        run->jobs[i]->result = run->rows[i].result;
    run->count = 0;
}

static void run_add(struct run *run, const struct phi_sm2_backend *of, const void *handle,
                    const uint8_t z[PHI_SM3_LEN], struct phi_sm2_job *job, bool is_signing)
{
    if (run->count == BATCH_ROWS || (run->count > 0 && run->backend != of))
        run_flush(run, is_signing);
    struct phi_sm2_row *row = &run->rows[run->count];
    job->result = digest_of(z, job->message, row->digest);
    if (job->result != PHI_OK)
        return;
    run->backend = of;
    row->key = handle;
    row->sig = job->sig;
    row->result = PHI_ERR_CRYPTO;
    run->jobs[run->count++] = job;
}

void phi_sm2_sign_batch(struct phi_sm2_job *jobs, size_t count)
{
    struct run run = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct phi_sm2_private *key = jobs[i].private_key;
        count_use(key);
        run_add(&run, key->backend, key->handle, key->z, &jobs[i], true);
    }
    run_flush(&run, true);
}

void phi_sm2_verify_batch(struct phi_sm2_job *jobs, size_t count)
{
    struct run run = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        const struct phi_sm2_public *key = jobs[i].public_key;
        if (phi_sm2_is_in_order(jobs[i].sig) && phi_sm2_is_in_order(jobs[i].sig + 32))
            run_add(&run, key->backend, key->handle, key->z, &jobs[i], false);
        else
            jobs[i].result = PHI_ERR_SIGNATURE;
    }
    run_flush(&run, false);
}

enum phi_err phi_sm2_sign(const struct phi_sm2_private *key, struct phi_view message,
                          uint8_t sig[PHI_SM2_SIG_LEN])
{
    struct phi_sm2_row row = {.key = key->handle, .sig = sig, .result = PHI_ERR_CRYPTO};
    enum phi_err err = digest_of(key->z, message, row.digest);
    if (err != PHI_OK)
        return err;
    count_use(key);
    key->backend->sign(&row, 1);
    return row.result;
}

size_t phi_sm2_private_prepare(const struct phi_sm2_private *key, struct phi_sm2_prepared *out,
                               size_t count)
{
    return key->backend->prepare ? key->backend->prepare(key->handle, out, count) : 0;
}

enum phi_err phi_sm2_private_sign_prepared(const struct phi_sm2_private *key,
                                           struct phi_view message,
                                           struct phi_sm2_prepared *prepared,
                                           uint8_t sig[PHI_SM2_SIG_LEN])
{
    struct phi_sm2_row row = {.key = key->handle, .sig = sig, .result = PHI_ERR_CRYPTO};
    const enum phi_err err = digest_of(key->z, message, row.digest);
    if (err == PHI_OK)
        key->backend->sign_prepared(&row, prepared);
    phi_wipe(prepared, sizeof(*prepared));
    return err == PHI_OK ? row.result : err;
}

enum phi_err phi_sm2_verify(const struct phi_sm2_public *key, struct phi_view message,
                            const uint8_t sig[PHI_SM2_SIG_LEN])
{
    if (!phi_sm2_is_in_order(sig) || !phi_sm2_is_in_order(sig + 32))
        return PHI_ERR_SIGNATURE;
    uint8_t copy[PHI_SM2_SIG_LEN];
    memcpy(copy, sig, sizeof(copy));
    struct phi_sm2_row row = {.key = key->handle, .sig = copy, .result = PHI_ERR_CRYPTO};
    enum phi_err err = digest_of(key->z, message, row.digest);
    if (err != PHI_OK)
        return err;
    key->backend->verify(&row, 1);
    return row.result;
}
