/* What one call does to the machine, on the thread of its session. */
#include "crypto/sdf/device.h"

#include <stdlib.h>
#include <string.h>

static struct sdf_device *device_hold(struct phi_sdf *sdf)
{
    pthread_mutex_lock(&sdf->device_lock);
    if (!sdf->device) {
        struct sdf_device *device = calloc(1, sizeof(*device));
        if (device && sdf->api.open_device(&device->handle) == GMT0018_OK && device->handle) {
            sdf->device = device;
        } else {
            free(device);
        }
    }
    if (sdf->device)
        sdf->device->holders++;
    struct sdf_device *held = sdf->device;
    pthread_mutex_unlock(&sdf->device_lock);
    return held;
}

/* `is_broken`: new sessions get another handle, and this one goes with its last session. */
static void device_release(struct phi_sdf *sdf, struct sdf_device *device, bool is_broken)
{
    pthread_mutex_lock(&sdf->device_lock);
    if (sdf->device == device && (is_broken || device->holders == 1))
        sdf->device = NULL;
    bool is_last = --device->holders == 0;
    pthread_mutex_unlock(&sdf->device_lock);
    if (!is_last)
        return;
    (void)sdf->api.close_device(device->handle);
    free(device);
}

void phi_sdf_session_close(struct sdf_session *session)
{
    struct phi_sdf *sdf = session->sdf;
    if (!session->handle)
        return;
    for (size_t i = 0; i < sdf->key_count; i++)
        (void)sdf->api.access_release(session->handle, sdf->keys[i].id.index);
    (void)sdf->api.close_session(session->handle);
    device_release(sdf, session->device, false);
    session->handle = NULL;
    session->device = NULL;
}

static int access_get(struct phi_sdf *sdf, void *handle)
{
    uint8_t *password = (uint8_t *)sdf->password;
    for (size_t i = 0; i < sdf->key_count; i++) {
        int status = sdf->api.access_get(handle, sdf->keys[i].id.index, password,
                                         (uint32_t)strlen(sdf->password));
        if (status != GMT0018_OK)
            return status;
    }
    return GMT0018_OK;
}

static int session_open(struct sdf_session *session)
{
    struct phi_sdf *sdf = session->sdf;
    void *handle = NULL;
    struct sdf_device *device = device_hold(sdf);
    if (!device)
        return GMT0018_OPENDEVICE;
    int status = sdf->api.open_session(device->handle, &handle);
    if (status != GMT0018_OK || !handle) {
        device_release(sdf, device, true);
        return status != GMT0018_OK ? status : GMT0018_OPENSESSION;
    }
    session->handle = handle;
    session->device = device;
    status = access_get(sdf, handle);
    if (status != GMT0018_OK)
        phi_sdf_session_close(session);
    return status;
}

static void public_to(const uint8_t xy[PHI_SM2_PUBLIC_LEN], struct gmt0018_public *out)
{
    memset(out, 0, sizeof(*out));
    out->bits = 256;
    memcpy(out->x + GMT0018_ECC_LEN - 32, xy, 32);
    memcpy(out->y + GMT0018_ECC_LEN - 32, xy + 32, 32);
}

static void signature_to(const uint8_t sig[PHI_SM2_SIG_LEN], struct gmt0018_signature *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->r + GMT0018_ECC_LEN - 32, sig, 32);
    memcpy(out->s + GMT0018_ECC_LEN - 32, sig + 32, 32);
}

/* The lower 256 bits of two fields, when the upper are zero. */
static bool pair_from(const uint8_t *a, const uint8_t *b, uint8_t out[64])
{
    static const uint8_t zero[GMT0018_ECC_LEN - 32];
    memcpy(out, a + sizeof(zero), 32);
    memcpy(out + 32, b + sizeof(zero), 32);
    return memcmp(a, zero, sizeof(zero)) == 0 && memcmp(b, zero, sizeof(zero)) == 0;
}

static enum phi_err export_public(struct sdf_session *session, struct sdf_call *call)
{
    struct gmt0018_public key = {.bits = 0};
    if (session->sdf->api.export_sign_public(session->handle, call->index, &key) != GMT0018_OK)
        return PHI_ERR_KEY_DEVICE;
    call->out_len = PHI_SM2_PUBLIC_LEN;
    return key.bits == 256 && pair_from(key.x, key.y, call->out) ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

/* Whatever the machine says, a signature that doesn't verify here has not been made. */
static enum phi_err sign(struct sdf_session *session, struct sdf_call *call)
{
    struct gmt0018_signature made = {.r = {0}};
    const struct sdf_handle *key = call->key;
    if (session->sdf->api.internal_sign(session->handle, key->id.index, call->in, PHI_SM3_LEN,
                                        &made) != GMT0018_OK ||
        !pair_from(made.r, made.s, call->out) || !phi_sm2_is_in_order(call->out) ||
        !phi_sm2_is_in_order(call->out + 32))
        return PHI_ERR_KEY_DEVICE;
    struct phi_sm2_row row = {.key = key->native, .sig = call->out, .result = PHI_ERR_CRYPTO};
    memcpy(row.digest, call->in, PHI_SM3_LEN);
    phi_sm2_native.verify(&row, 1);
    call->out_len = PHI_SM2_SIG_LEN;
    return row.result == PHI_OK ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err verify(struct sdf_session *session, struct sdf_call *call)
{
    struct gmt0018_signature sig;
    struct gmt0018_public key;
    const struct gmt0018 *api = &session->sdf->api;
    int status;
    signature_to(call->extra, &sig);
    if (call->op == SDF_OP_VERIFY_INTERNAL) {
        status = api->internal_verify(session->handle, call->index, call->in, PHI_SM3_LEN, &sig);
    } else {
        public_to(call->in + PHI_SM3_LEN, &key);
        status =
            api->external_verify(session->handle, GMT0018_SM2_1, &key, call->in, PHI_SM3_LEN, &sig);
    }
    if (status == GMT0018_VERIFY)
        return PHI_ERR_SIGNATURE;
    return status == GMT0018_OK ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err digest(struct sdf_session *session, struct sdf_call *call)
{
    const struct gmt0018 *api = &session->sdf->api;
    uint32_t len = PHI_SM3_LEN;
    bool ok = api->hash_init(session->handle, GMT0018_SM3, NULL, NULL, 0) == GMT0018_OK &&
              api->hash_update(session->handle, call->in, (uint32_t)call->in_len) == GMT0018_OK &&
              api->hash_final(session->handle, call->out, &len) == GMT0018_OK && len == PHI_SM3_LEN;
    call->out_len = PHI_SM3_LEN;
    return ok ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err sm4_generate(struct sdf_session *session, struct sdf_call *call)
{
    const struct gmt0018 *api = &session->sdf->api;
    void *key = NULL;
    uint32_t len = PHI_SDF_WRAPPED_MAX;
    if (api->generate_with_kek(session->handle, 8 * PHI_SM4_KEY_LEN, GMT0018_SM4_ECB, call->index,
                               call->out, &len, &key) != GMT0018_OK)
        return PHI_ERR_KEY_DEVICE;
    (void)api->destroy_key(session->handle, key);
    call->out_len = len;
    return len >= PHI_SM4_KEY_LEN && len <= PHI_SDF_WRAPPED_MAX ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err sm4_ecb(struct sdf_session *session, struct sdf_call *call)
{
    const struct gmt0018 *api = &session->sdf->api;
    void *key = NULL;
    uint32_t len = (uint32_t)call->in_len;
    if (api->import_with_kek(session->handle, GMT0018_SM4_ECB, call->index, call->extra,
                             (uint32_t)call->extra_len, &key) != GMT0018_OK)
        return PHI_ERR_KEY_DEVICE;
    int status = api->encrypt(session->handle, key, GMT0018_SM4_ECB, NULL, call->in,
                              (uint32_t)call->in_len, call->out, &len);
    (void)api->destroy_key(session->handle, key);
    call->out_len = call->in_len;
    return status == GMT0018_OK && len == call->in_len ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err random_bytes(struct sdf_session *session, struct sdf_call *call)
{
    int status = session->sdf->api.random(session->handle, (uint32_t)call->out_len, call->out);
    return status == GMT0018_OK ? PHI_OK : PHI_ERR_KEY_DEVICE;
}

static enum phi_err call_once(struct sdf_session *session, struct sdf_call *call)
{
    static enum phi_err (*const operations[])(struct sdf_session *, struct sdf_call *) = {
        [SDF_OP_EXPORT] = export_public,      [SDF_OP_SIGN] = sign,
        [SDF_OP_VERIFY_INTERNAL] = verify,    [SDF_OP_VERIFY_EXTERNAL] = verify,
        [SDF_OP_RANDOM] = random_bytes,       [SDF_OP_SM3] = digest,
        [SDF_OP_SM4_GENERATE] = sm4_generate, [SDF_OP_SM4_ECB] = sm4_ecb,
    };
    if (!session->handle && session_open(session) != GMT0018_OK)
        return PHI_ERR_KEY_DEVICE;
    enum phi_err err = operations[call->op](session, call);
    if (err == PHI_ERR_KEY_DEVICE)
        phi_sdf_session_close(session);
    return err;
}

enum phi_err phi_sdf_execute(struct sdf_session *session, struct sdf_call *call)
{
    bool was_open = session->handle != NULL;
    phi_counter_add(session->sdf->calls, 1);
    enum phi_err err = call_once(session, call);
    if (err != PHI_ERR_KEY_DEVICE)
        return err;
    phi_counter_add(session->sdf->failures, 1);
    /* a session may have ended while nobody used it: that is no reason to refuse anybody */
    return was_open ? call_once(session, call) : err;
}

enum phi_err phi_sdf_probe(struct sdf_session *session)
{
    static const uint8_t text[3] = {'a', 'b', 'c'};
    struct sdf_call *call = &session->call;
    const struct phi_sdf *sdf = session->sdf;
    uint8_t expected[PHI_SM3_LEN];
    *call = (struct sdf_call){.op = SDF_OP_SM3, .in_len = sizeof(text)};
    memcpy(call->in, text, sizeof(text));
    enum phi_err err = phi_sdf_execute(session, call);
    if (err == PHI_OK && (phi_sm3(phi_view_of(text, sizeof(text)), expected) != PHI_OK ||
                          memcmp(call->out, expected, sizeof(expected)) != 0))
        err = PHI_ERR_KEY_DEVICE;
    if (err != PHI_OK || sdf->key_count == 0 || !atomic_load(&sdf->is_open))
        return err;
    *call = (struct sdf_call){.op = SDF_OP_SIGN, .key = &sdf->keys[0]};
    memcpy(call->in, expected, sizeof(expected));
    return phi_sdf_execute(session, call);
}
