/* Checked identity tokens, so that one isn't verified again within its short life here: bounded,
 * least recently used first out, by SM3 of audience and token. Inside auth only. What goes is
 * wiped.
 *
 *   phi_token_cache_put(cache, digest, entry_bytes, until_us);
 *   if (phi_token_cache_get(cache, digest, now_us, arena, &bytes)) …
 */
#ifndef PHI_AUTH_TOKEN_CACHE_H
#define PHI_AUTH_TOKEN_CACHE_H

#include "base/arena.h"
#include "crypto/sm3.h"

struct phi_token_cache;

struct phi_token_cache *phi_token_cache_new(size_t max); /* 1..65536; NULL when out of memory */
void phi_token_cache_free(struct phi_token_cache *cache);

/* A copy of what was put, in the arena; false when not there, past its time, or out of memory. Any
 * thread; a short critical section. */
bool phi_token_cache_get(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN],
                         int64_t now_us, struct phi_arena *arena, struct phi_view *out);
/* Copies; forgets the least recently used when full; silently does nothing when out of memory. */
void phi_token_cache_put(struct phi_token_cache *cache, const uint8_t digest[PHI_SM3_LEN],
                         struct phi_view bytes, int64_t from_us, int64_t until_us);
size_t phi_token_cache_count(struct phi_token_cache *cache);

#endif
