#include "crypto/sdf/device.h"

#include "base/text.h"

#include <dlfcn.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define SEED_LEN 48

static struct phi_sdf *for_files;

void phi_sdf_use_for_files(struct phi_sdf *sdf)
{
    for_files = sdf;
}

struct phi_sdf *phi_sdf_for_files(void)
{
    return for_files;
}

static bool is_use_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

enum phi_err phi_sdf_key_parse(const char *text, struct phi_sdf_key *out)
{
    const char *colon = strchr(text, ':');
    int64_t index = 0;
    if (!colon || colon == text || colon - text > PHI_SDF_USE_MAX ||
        phi_text_to_i64(phi_view_text(colon + 1), 1, UINT32_MAX, &index) != PHI_OK)
        return PHI_ERR_CONFIG;
    struct phi_sdf_key key = {.index = (uint32_t)index};
    for (size_t i = 0; text + i < colon; i++) {
        if (!is_use_letter(text[i]))
            return PHI_ERR_CONFIG;
        key.use[i] = text[i];
    }
    *out = key;
    return PHI_OK;
}

enum phi_sdf_state phi_sdf_state(const struct phi_sdf *sdf)
{
    return (enum phi_sdf_state)atomic_load(&sdf->state);
}

static enum phi_err key_open(struct phi_sdf *sdf, struct sdf_handle *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct sdf_call call = {.op = SDF_OP_EXPORT, .index = key->id.index};
    err = phi_sdf_run(sdf, &call);
    if (err != PHI_OK)
        return phi_error_set(error, err, key->id.use,
                             "the machine refuses the password or has no key at index %u",
                             (unsigned)key->id.index);
    memcpy(key->xy, call.out, sizeof(key->xy));
    if (phi_sm2_native.load_public(key->xy, &key->native) != PHI_OK)
        return phi_error_set(error, PHI_ERR_KEY_DEVICE, key->id.use,
                             "the machine's public key is no point of the curve");
    call = (struct sdf_call){.op = SDF_OP_SIGN, .key = key};
    PHI_GUARD(phi_sm3(phi_view_of(key->xy, sizeof(key->xy)), call.in));
    err = phi_sdf_run(sdf, &call);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, key->id.use, "the machine doesn't sign with this key");
out:
    return err;
}

static enum phi_err seed(struct phi_sdf *sdf, struct phi_error *error)
{
    uint8_t bytes[SEED_LEN];
    enum phi_err err = phi_sdf_random(sdf, bytes, sizeof(bytes));
    if (err != PHI_OK)
        return phi_error_set(error, err, "random", "the machine gives none");
    RAND_add(bytes, sizeof(bytes), 0);
    phi_wipe(bytes, sizeof(bytes));
    return PHI_OK;
}

static enum phi_err check_digest(struct phi_sdf *sdf, struct phi_error *error)
{
    uint8_t theirs[PHI_SM3_LEN], ours[PHI_SM3_LEN];
    struct phi_view text = phi_view_text("abc");
    if (phi_sdf_sm3(sdf, text, theirs) != PHI_OK || phi_sm3(text, ours) != PHI_OK ||
        memcmp(theirs, ours, sizeof(ours)) != 0)
        return phi_error_set(error, PHI_ERR_KEY_DEVICE, "sm3",
                             "the machine can't be reached, or its digest is wrong");
    return PHI_OK;
}

static enum phi_err check_options(const struct phi_sdf_options *options, struct phi_error *error)
{
    if (options->key_count > PHI_SDF_KEYS_MAX || options->sessions == 0 ||
        options->sessions > PHI_SDF_SESSIONS_MAX || options->timeout_ms <= 0 ||
        options->probe_ms <= 0)
        return phi_error_set(error, PHI_ERR_CONFIG, "machine", "too many keys or sessions");
    if (strlen(options->password) >= sizeof(((struct phi_sdf *)0)->password))
        return phi_error_set(error, PHI_ERR_CONFIG, "password", "too long");
    return PHI_OK;
}

static void count_open(struct phi_sdf *sdf)
{
    sdf->calls = phi_counter_new("phi_key_device_calls_total", "calls to the crypto machine", NULL);
    sdf->failures =
        phi_counter_new("phi_key_device_failures_total",
                        "calls to the crypto machine that failed or came to nothing in time", NULL);
    sdf->state_gauge =
        phi_gauge_new("phi_key_device_state", "crypto machine: 0 working, 1 failing, 2 down", NULL);
}

enum phi_err phi_sdf_open(const struct phi_sdf_options *options, struct phi_sdf **out,
                          struct phi_error *error)
{
    enum phi_err err = check_options(options, error);
    if (err != PHI_OK)
        return err;
    struct phi_sdf *sdf = calloc(1, sizeof(*sdf));
    if (!sdf)
        return PHI_ERR_MEMORY;
    sdf->timeout_ms = options->timeout_ms;
    sdf->probe_ms = options->probe_ms;
    memcpy(sdf->password, options->password, strlen(options->password));
    err = phi_sdf_library_open(options->library, &sdf->library, &sdf->api, error);
    if (err != PHI_OK) {
        phi_wipe(sdf, sizeof(*sdf));
        free(sdf);
        return err;
    }
    for (size_t i = 0; i < options->key_count; i++)
        sdf->keys[i] = (struct sdf_handle){.sdf = sdf, .is_pair = true, .id = options->keys[i]};
    sdf->key_count = options->key_count;
    count_open(sdf);
    PHI_GUARD(phi_sdf_pool_start(sdf, options->sessions));
    for (size_t i = 0; i < sdf->key_count; i++)
        PHI_GUARD(key_open(sdf, &sdf->keys[i], error));
    PHI_GUARD(check_digest(sdf, error));
    PHI_GUARD(seed(sdf, error));
    atomic_store(&sdf->is_open, true);
    *out = sdf;
    sdf = NULL;
out:
    phi_sdf_close(sdf);
    return err;
}

void phi_sdf_close(struct phi_sdf *sdf)
{
    if (!sdf)
        return;
    if (for_files == sdf)
        for_files = NULL;
    if (!phi_sdf_pool_stop(sdf))
        return;
    for (size_t i = 0; i < sdf->key_count; i++)
        if (sdf->keys[i].native)
            phi_sm2_native.drop(sdf->keys[i].native);
    pthread_mutex_destroy(&sdf->lock);
    pthread_mutex_destroy(&sdf->device_lock);
    (void)dlclose(sdf->library);
    phi_wipe(sdf, sizeof(*sdf));
    free(sdf);
}

enum phi_err phi_sdf_random(struct phi_sdf *sdf, void *out, size_t len)
{
    enum phi_err err = PHI_OK;
    uint8_t *at = out;
    for (size_t done = 0; done < len && err == PHI_OK;) {
        size_t left = len - done;
        struct sdf_call call = {.op = SDF_OP_RANDOM,
                                .out_len = left < PHI_SDF_BYTES_MAX ? left : PHI_SDF_BYTES_MAX};
        err = phi_sdf_run(sdf, &call);
        if (err == PHI_OK)
            memcpy(at + done, call.out, call.out_len);
        done += call.out_len;
        phi_wipe(&call, sizeof(call));
    }
    if (err != PHI_OK)
        phi_wipe(out, len);
    return err;
}

enum phi_err phi_sdf_sm3(struct phi_sdf *sdf, struct phi_view data, uint8_t out[PHI_SM3_LEN])
{
    if (data.len > PHI_SDF_BYTES_MAX)
        return PHI_ERR_FIELD_VALUE;
    struct sdf_call call = {.op = SDF_OP_SM3, .in_len = data.len};
    if (data.len > 0)
        memcpy(call.in, data.data, data.len);
    enum phi_err err = phi_sdf_run(sdf, &call);
    if (err == PHI_OK)
        memcpy(out, call.out, PHI_SM3_LEN);
    return err;
}

enum phi_err phi_sdf_sm4_generate(struct phi_sdf *sdf, uint32_t kek, struct phi_sdf_sm4 *out)
{
    struct sdf_call call = {.op = SDF_OP_SM4_GENERATE, .index = kek};
    enum phi_err err = phi_sdf_run(sdf, &call);
    if (err != PHI_OK)
        return err;
    *out = (struct phi_sdf_sm4){.kek = kek, .wrapped_len = call.out_len};
    memcpy(out->wrapped, call.out, call.out_len);
    return PHI_OK;
}

static void count_up(uint8_t counter[PHI_SM4_BLOCK_LEN])
{
    for (int i = PHI_SM4_BLOCK_LEN - 1; i >= 0 && ++counter[i] == 0; i--)
        ;
}

static enum phi_err keystream(struct phi_sdf *sdf, const struct phi_sdf_sm4 *key,
                              uint8_t counter[PHI_SM4_BLOCK_LEN], struct sdf_call *call, size_t len)
{
    *call =
        (struct sdf_call){.op = SDF_OP_SM4_ECB, .index = key->kek, .extra_len = key->wrapped_len};
    memcpy(call->extra, key->wrapped, key->wrapped_len);
    while (call->in_len < len) {
        memcpy(call->in + call->in_len, counter, PHI_SM4_BLOCK_LEN);
        call->in_len += PHI_SM4_BLOCK_LEN;
        count_up(counter);
    }
    return phi_sdf_run(sdf, call);
}

enum phi_err phi_sdf_sm4_ctr(struct phi_sdf *sdf, const struct phi_sdf_sm4 *key,
                             const uint8_t iv[PHI_SM4_BLOCK_LEN], const uint8_t *in, size_t len,
                             uint8_t *out)
{
    enum phi_err err = PHI_OK;
    struct sdf_call call;
    uint8_t counter[PHI_SM4_BLOCK_LEN];
    memcpy(counter, iv, sizeof(counter));
    for (size_t done = 0; done < len;) {
        size_t step = len - done < PHI_SDF_BYTES_MAX ? len - done : PHI_SDF_BYTES_MAX;
        PHI_GUARD(keystream(sdf, key, counter, &call, step));
        for (size_t i = 0; i < step; i++)
            out[done + i] = in[done + i] ^ call.out[i];
        done += step;
    }
out:
    phi_wipe(&call, sizeof(call));
    if (err != PHI_OK)
        phi_wipe(out, len);
    return err;
}
