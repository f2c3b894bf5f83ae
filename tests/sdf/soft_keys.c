#include "soft.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct soft_key keys[SOFT_KEYS_MAX];
static size_t key_count;

static bool read_hex(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        const char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end = NULL;
        out[i] = (uint8_t)strtoul(byte, &end, 16);
        if (*end != '\0')
            return false;
    }
    return true;
}

static bool read_line(const char *line, struct soft_key *key)
{
    char secret[65];
    if (sscanf(line, "sign %u %64s %64s", &key->index, key->password, secret) == 3)
        return read_hex(secret, key->secret, 32);
    key->is_kek = true;
    return sscanf(line, "kek %u %64s", &key->index, secret) == 2 &&
           read_hex(secret, key->secret, 16);
}

static void read_keys(void)
{
    char line[256];
    const char *path = getenv("PHI_SDF_SOFT_KEYS");
    FILE *file = path ? fopen(path, "re") : NULL;
    while (file && fgets(line, sizeof(line), file) && key_count < SOFT_KEYS_MAX) {
        memset(&keys[key_count], 0, sizeof(keys[key_count]));
        if (read_line(line, &keys[key_count]))
            key_count++;
    }
    if (file)
        (void)fclose(file);
}

const struct soft_key *soft_key_find(bool is_kek, uint32_t index)
{
    (void)pthread_once(&once, read_keys);
    for (size_t i = 0; i < key_count; i++)
        if (keys[i].is_kek == is_kek && keys[i].index == index)
            return &keys[i];
    return NULL;
}
