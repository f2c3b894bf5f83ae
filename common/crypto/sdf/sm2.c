/* The sm2 backend of the crypto machine: pairs whose private half stays there, and public keys that
 * verify there. */
#include "crypto/sdf/device.h"

#include <stdlib.h>
#include <string.h>

#define WAVE 8

static struct phi_sdf *verifier;

void phi_sdf_use_to_verify(struct phi_sdf *sdf)
{
    verifier = sdf;
    phi_sm2_backend_for_public(sdf ? &phi_sm2_sdf : NULL);
}

static const struct sdf_handle *find(const struct phi_sdf *sdf, const char *use)
{
    for (size_t i = 0; i < sdf->key_count; i++)
        if (strcmp(sdf->keys[i].id.use, use) == 0)
            return &sdf->keys[i];
    return NULL;
}

enum phi_err phi_sdf_sm2_key(struct phi_sdf *sdf, const char *use, struct phi_sm2_private **out)
{
    const struct sdf_handle *key = find(sdf, use);
    /* only read, and drop leaves a pair alone */
    return key ? phi_sm2_private_of(&phi_sm2_sdf, (void *)(uintptr_t)key, key->xy, out)
               : PHI_ERR_KEY;
}

static enum phi_err scalar(const void *key, uint8_t out[PHI_SM2_SCALAR_LEN])
{
    (void)key;
    (void)out;
    return PHI_ERR_KEY;
}

static enum phi_err load_public(const uint8_t xy[PHI_SM2_PUBLIC_LEN], void **key)
{
    struct sdf_handle *made = calloc(1, sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    enum phi_err err = phi_sm2_native.load_public(xy, &made->native);
    if (err != PHI_OK) {
        free(made);
        return err;
    }
    made->sdf = verifier;
    memcpy(made->xy, xy, sizeof(made->xy));
    *key = made;
    return PHI_OK;
}

static void announce(const void *key)
{
    const struct sdf_handle *handle = key;
    if (phi_sm2_native.announce)
        phi_sm2_native.announce(handle->native);
}

static void drop(void *key)
{
    struct sdf_handle *handle = key;
    if (handle->is_pair)
        return;
    phi_sm2_native.drop(handle->native);
    free(handle);
}

static void sign_wave(struct phi_sm2_row *rows, size_t count, struct phi_deadline until)
{
    struct sdf_call calls[WAVE];
    enum phi_err results[WAVE];
    const struct sdf_handle *first = rows[0].key;
    memset(calls, 0, count * sizeof(calls[0]));
    for (size_t i = 0; i < count; i++) {
        calls[i].op = SDF_OP_SIGN;
        calls[i].key = rows[i].key;
        memcpy(calls[i].in, rows[i].digest, PHI_SM3_LEN);
    }
    phi_sdf_run_all(first->sdf, calls, results, count, until);
    for (size_t i = 0; i < count; i++) {
        rows[i].result = results[i];
        if (results[i] == PHI_OK)
            memcpy(rows[i].sig, calls[i].out, PHI_SM2_SIG_LEN);
        else
            phi_wipe(rows[i].sig, PHI_SM2_SIG_LEN);
    }
}

/* Rows of one machine that lie together go together; all of them have the time of one call. */
static void sign(struct phi_sm2_row *rows, size_t count)
{
    int64_t timeout_ms = ((const struct sdf_handle *)rows[0].key)->sdf->timeout_ms;
    struct phi_deadline until = phi_deadline_in_ms(timeout_ms);
    for (size_t at = 0, run; at < count; at += run) {
        const struct phi_sdf *sdf = ((const struct sdf_handle *)rows[at].key)->sdf;
        for (run = 1; run < WAVE && at + run < count; run++)
            if (((const struct sdf_handle *)rows[at + run].key)->sdf != sdf)
                break;
        sign_wave(rows + at, run, until);
    }
}

static enum phi_err verify_there(const struct phi_sm2_row *row)
{
    const struct sdf_handle *key = row->key;
    struct sdf_call call = {.op = SDF_OP_VERIFY_EXTERNAL,
                            .in_len = PHI_SM3_LEN + PHI_SM2_PUBLIC_LEN,
                            .extra_len = PHI_SM2_SIG_LEN};
    memcpy(call.in, row->digest, PHI_SM3_LEN);
    memcpy(call.in + PHI_SM3_LEN, key->xy, PHI_SM2_PUBLIC_LEN);
    memcpy(call.extra, row->sig, PHI_SM2_SIG_LEN);
    return phi_sdf_run(key->sdf, &call);
}

static void verify(struct phi_sm2_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct sdf_handle *key = rows[i].key;
        struct phi_sm2_row ours = rows[i];
        ours.key = key->native;
        phi_sm2_native.verify(&ours, 1);
        enum phi_err theirs = verify_there(&rows[i]);
        bool differs = theirs != PHI_ERR_KEY_DEVICE && theirs != ours.result;
        rows[i].result = differs ? PHI_ERR_KEY_DEVICE : theirs;
    }
}

enum phi_err phi_sdf_verify_internal(struct phi_sdf *sdf, const char *use,
                                     const uint8_t digest[PHI_SM3_LEN],
                                     const uint8_t sig[PHI_SM2_SIG_LEN])
{
    const struct sdf_handle *key = find(sdf, use);
    if (!key)
        return PHI_ERR_KEY;
    struct sdf_call call = {.op = SDF_OP_VERIFY_INTERNAL,
                            .index = key->id.index,
                            .in_len = PHI_SM3_LEN,
                            .extra_len = PHI_SM2_SIG_LEN};
    memcpy(call.in, digest, PHI_SM3_LEN);
    memcpy(call.extra, sig, PHI_SM2_SIG_LEN);
    return phi_sdf_run(sdf, &call);
}

const struct phi_sm2_backend phi_sm2_sdf = {
    .name = "sdf",
    .scalar = scalar,
    .load_public = load_public,
    .announce = announce,
    .drop = drop,
    .sign = sign,
    .verify = verify,
};
