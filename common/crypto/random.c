#include "crypto/random.h"

#include <openssl/rand.h>

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define STOCK_BYTES 512
#define SMALL_BYTES 64

/* Drawing a nonce costs OpenSSL as much as drawing half a kilobyte, so a thread draws ahead. What
 * was given is wiped here; what was drawn before a fork is used by neither. */
struct stock {
    uint8_t bytes[STOCK_BYTES];
    size_t left;
    unsigned forks;
};

static _Thread_local struct stock stock;
static _Atomic unsigned forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void count_fork(void)
{
    atomic_fetch_add(&forks, 1);
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, count_fork, count_fork) != 0)
        atomic_store(&forks, UINT_MAX); /* no stock then */
}

static bool is_stocked(size_t len)
{
    pthread_once(&forks_once, watch_forks);
    unsigned now = atomic_load(&forks);
    if (len > SMALL_BYTES || now == UINT_MAX)
        return false;
    if (stock.left >= len && stock.forks == now)
        return true;
    stock.left = RAND_bytes(stock.bytes, STOCK_BYTES) == 1 ? STOCK_BYTES : 0;
    stock.forks = now;
    return stock.left > 0;
}

static void take_stock(uint8_t *out, size_t len)
{
    stock.left -= len;
    memcpy(out, stock.bytes + stock.left, len);
    phi_wipe(stock.bytes + stock.left, len);
}

enum phi_err phi_random_bytes(void *out, size_t len)
{
    uint8_t *at = out;
    if (is_stocked(len)) {
        take_stock(out, len);
        return PHI_OK;
    }
    size_t left = len;
    while (left > 0) {
        int step = left > INT_MAX ? INT_MAX : (int)left;
        if (RAND_bytes(at, step) != 1) {
            phi_wipe(out, len);
            return PHI_ERR_CRYPTO;
        }
        at += step;
        left -= (size_t)step;
    }
    return PHI_OK;
}

enum phi_err phi_uuid7(int64_t now_us, uint8_t out[PHI_UUID_LEN])
{
    uint8_t id[PHI_UUID_LEN];
    if (phi_random_bytes(id, sizeof(id)) != PHI_OK)
        return PHI_ERR_CRYPTO;
    uint64_t ms = (uint64_t)now_us / 1000;
    for (int i = 0; i < 6; i++)
        id[i] = (uint8_t)(ms >> (40 - 8 * i));
    id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
    memcpy(out, id, sizeof(id));
    return PHI_OK;
}

static bool is_dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void phi_uuid_format(const uint8_t id[PHI_UUID_LEN], char out[PHI_UUID_TEXT_LEN + 1])
{
    char hex[2 * PHI_UUID_LEN + 1];
    phi_hex_encode(phi_view_of(id, PHI_UUID_LEN), hex);
    size_t from = 0;
    for (size_t i = 0; i < PHI_UUID_TEXT_LEN; i++)
        out[i] = is_dash_at(i) ? '-' : hex[from++];
    out[PHI_UUID_TEXT_LEN] = '\0';
}

enum phi_err phi_uuid_parse(struct phi_view text, uint8_t out[PHI_UUID_LEN])
{
    if (text.len != PHI_UUID_TEXT_LEN)
        return PHI_ERR_FIELD_VALUE;
    uint8_t hex[2 * PHI_UUID_LEN];
    size_t to = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_dash_at(i) != (text.data[i] == '-'))
            return PHI_ERR_FIELD_VALUE;
        if (!is_dash_at(i))
            hex[to++] = text.data[i];
    }
    uint8_t id[PHI_UUID_LEN];
    if (phi_hex_decode(phi_view_of(hex, sizeof(hex)), id, sizeof(id)) != PHI_OK)
        return PHI_ERR_FIELD_VALUE;
    memcpy(out, id, sizeof(id));
    return PHI_OK;
}
