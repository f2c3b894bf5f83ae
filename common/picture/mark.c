#include "picture/mark_parts.h"

#include "crypto/sm3.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define ROUNDS  4
#define HALF    (PHI_MARK_BLOCK_LEN / 2)

struct phi_mark_key {
    struct phi_hmac_key *hmac;
    uint16_t places[PHI_MARK_SQUARES_MAX]; /* high bit: turned round; else the coded bit */
};

/* Sixteen squares from each HMAC over "place" and a counter. */
static enum phi_err lay_out(struct phi_mark_key *key)
{
    enum phi_err err = PHI_OK;
    for (int i = 0; i < PHI_MARK_SQUARES_MAX; i += 16) {
        uint8_t mac[PHI_SM3_LEN];
        const uint8_t count[2] = {(uint8_t)(i / 16 >> 8), (uint8_t)(i / 16)};
        const struct phi_view parts[] = {phi_view_text("place"), phi_view_of(count, 2)};
        PHI_GUARD(phi_hmac_sm3(key->hmac, parts, 2, mac));
        for (int k = 0; k < 16; k++) {
            unsigned value = (unsigned)mac[(size_t)2 * k] << 8 | mac[(size_t)2 * k + 1];
            key->places[i + k] =
                (uint16_t)((value & 0x8000) | (value & 0x7fff) % PHI_MARK_CODED_BITS);
        }
    }
out:
    return err;
}

void phi_mark_key_count(struct phi_mark_key *key, struct phi_counter *uses)
{
    phi_hmac_key_count(key->hmac, uses);
}

enum phi_err phi_mark_key_new(struct phi_view secret, struct phi_mark_key **out)
{
    enum phi_err err = PHI_OK;
    struct phi_mark_key *key = NULL;
    if (secret.len < 16 || secret.len > 64)
        return PHI_ERR_KEY;
    key = calloc(1, sizeof(*key));
    PHI_GUARD(key == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_hmac_key_new(secret, &key->hmac));
    PHI_GUARD(lay_out(key));
    *out = key;
    key = NULL;
out:
    phi_mark_key_free(key);
    return err;
}

void phi_mark_key_free(struct phi_mark_key *key)
{
    if (key == NULL)
        return;
    phi_hmac_key_free(key->hmac);
    phi_wipe(key, sizeof(*key));
    free(key);
}

int phi_mark_bit_of(const struct phi_mark_key *key, int square)
{
    return key->places[square] & 0x7fff;
}

bool phi_mark_is_turned(const struct phi_mark_key *key, int square)
{
    return (key->places[square] & 0x8000) != 0;
}

enum phi_err phi_mark_app(struct phi_view app_id, uint8_t out[PHI_MARK_APP_LEN])
{
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3(app_id, digest);
    if (err == PHI_OK)
        memcpy(out, digest, PHI_MARK_APP_LEN);
    return err;
}

int phi_mark_rows(int width, int height)
{
    if (width < PHI_MARK_COLUMNS || height < 1)
        return 0;
    long rows = ((long)PHI_MARK_COLUMNS * height + width / 2) / width;
    return rows >= 1 && rows <= PHI_MARK_ROWS_MAX ? (int)rows : 0;
}

/* Four rounds of Feistel's network with HMAC-SM3 inside: a strong pseudo-random permutation (Luby
 * and Rackoff), so a block that wasn't made with the key opens to noise, which `open` sees. */
static enum phi_err turn(const struct phi_mark_key *key, int round,
                         uint8_t block[PHI_MARK_BLOCK_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t mac[PHI_SM3_LEN];
    const uint8_t number = (uint8_t)round;
    const uint8_t *source = round % 2 == 0 ? block : block + HALF;
    uint8_t *target = round % 2 == 0 ? block + HALF : block;
    const struct phi_view parts[] = {phi_view_text("round"), phi_view_of(&number, 1),
                                     phi_view_of(source, HALF)};
    PHI_GUARD(phi_hmac_sm3(key->hmac, parts, 3, mac));
    for (int i = 0; i < HALF; i++)
        target[i] ^= mac[i];
out:
    return err;
}

static bool platform_number(const char *platform, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 6; i++) {
        if (platform[i] < '0' || platform[i] > '9')
            return false;
        *out = *out * 10 + (uint32_t)(platform[i] - '0');
    }
    return platform[6] == '\0';
}

enum phi_err phi_mark_seal(const struct phi_mark_key *key, const struct phi_mark *mark,
                           uint8_t out[PHI_MARK_BLOCK_LEN])
{
    enum phi_err err = PHI_OK;
    uint32_t platform = 0;
    uint8_t block[PHI_MARK_BLOCK_LEN] = {VERSION};
    if (!platform_number(mark->platform, &platform) || mark->time_s < PHI_MARK_TIME_MIN_S ||
        mark->time_s > PHI_MARK_TIME_MAX_S)
        return PHI_ERR_FIELD_VALUE;
    uint32_t minute = (uint32_t)((mark->time_s - PHI_MARK_TIME_MIN_S) / 60);
    for (int i = 0; i < 3; i++) {
        block[1 + i] = (uint8_t)(platform >> (16 - 8 * i));
        block[9 + i] = (uint8_t)(minute >> (16 - 8 * i));
    }
    memcpy(block + 4, mark->app, PHI_MARK_APP_LEN);
    for (int round = 0; round < ROUNDS; round++)
        PHI_GUARD(turn(key, round, block));
    memcpy(out, block, sizeof(block));
out:
    return err;
}

enum phi_err phi_mark_open(const struct phi_mark_key *key, const uint8_t block[PHI_MARK_BLOCK_LEN],
                           struct phi_mark *out)
{
    enum phi_err err = PHI_OK;
    static const uint8_t zeros[4] = {0};
    uint8_t plain[PHI_MARK_BLOCK_LEN];
    memcpy(plain, block, sizeof(plain));
    for (int round = ROUNDS - 1; round >= 0; round--)
        PHI_GUARD(turn(key, round, plain));
    uint32_t platform = (uint32_t)plain[1] << 16 | (uint32_t)plain[2] << 8 | plain[3];
    if (plain[0] != VERSION || platform > 999999 || memcmp(plain + 12, zeros, 4) != 0)
        return PHI_ERR_NOT_FOUND;
    for (int i = 5; i >= 0; i--, platform /= 10)
        out->platform[i] = (char)('0' + platform % 10);
    out->platform[6] = '\0';
    memcpy(out->app, plain + 4, PHI_MARK_APP_LEN);
    out->time_s = PHI_MARK_TIME_MIN_S + 60LL * (plain[9] << 16 | plain[10] << 8 | plain[11]);
out:
    return err;
}

enum phi_err phi_mark_signs(const struct phi_mark_key *key, const struct phi_mark *mark, int rows,
                            int8_t *signs)
{
    enum phi_err err = PHI_OK;
    uint8_t block[PHI_MARK_BLOCK_LEN];
    uint8_t bits[PHI_MARK_CODED_BITS];
    if (rows < 1 || rows > PHI_MARK_ROWS_MAX)
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_mark_seal(key, mark, block));
    phi_convolution_encode(block, bits);
    for (int i = 0; i < rows * PHI_MARK_COLUMNS; i++) {
        bool is_one = bits[phi_mark_bit_of(key, i)] != 0;
        signs[i] = is_one != phi_mark_is_turned(key, i) ? 1 : -1;
    }
out:
    return err;
}
