#include "crypto/sm4/core.h"

#include <stdatomic.h>
#include <string.h>

static const struct phi_sm4_core *const cores[] = {
#ifdef PHI_SM4_X86
    &phi_sm4_core_gfni, &phi_sm4_core_aes,
#endif
    &phi_sm4_core_plain};

#define CORE_COUNT (sizeof(cores) / sizeof(cores[0]))

static _Atomic(const struct phi_sm4_core *) in_use;

static const struct phi_sm4_core *best(void)
{
    for (size_t i = 0; i < CORE_COUNT; i++)
        if (cores[i]->is_here())
            return cores[i];
    return &phi_sm4_core_plain;
}

/* All threads come to the same answer, so it doesn't matter who writes it. */
const struct phi_sm4_core *phi_sm4_core_get(void)
{
    const struct phi_sm4_core *core = atomic_load_explicit(&in_use, memory_order_relaxed);
    if (!core) {
        core = best();
        atomic_store_explicit(&in_use, core, memory_order_relaxed);
    }
    return core;
}

bool phi_sm4_core_use(const char *name)
{
    for (size_t i = 0; i < CORE_COUNT; i++) {
        if (strcmp(cores[i]->name, name) == 0 && cores[i]->is_here()) {
            atomic_store_explicit(&in_use, cores[i], memory_order_relaxed);
            return true;
        }
    }
    return false;
}

void phi_sm4_key_init(struct phi_sm4_key *key, const uint8_t bytes[PHI_SM4_KEY_LEN])
{
    phi_sm4_core_get()->expand(bytes, key->round);
}

void phi_sm4_key_ctr(const struct phi_sm4_key *key, const uint8_t iv[PHI_SM4_BLOCK_LEN],
                     const uint8_t *in, size_t len, uint8_t *out)
{
    struct phi_reader reader = phi_reader_of(phi_view_of(iv, PHI_SM4_BLOCK_LEN));
    struct phi_sm4_counter counter;
    counter.high = phi_read_u64(&reader);
    counter.low = phi_read_u64(&reader);
    if (len > 0)
        phi_sm4_core_get()->ctr(key->round, counter, in, len, out);
}

enum phi_err phi_sm4_ctr(const uint8_t key[PHI_SM4_KEY_LEN], const uint8_t iv[PHI_SM4_BLOCK_LEN],
                         const uint8_t *in, size_t len, uint8_t *out)
{
    struct phi_sm4_key expanded;
    phi_sm4_key_init(&expanded, key);
    phi_sm4_key_ctr(&expanded, iv, in, len, out);
    phi_wipe(&expanded, sizeof(expanded));
    return PHI_OK;
}
