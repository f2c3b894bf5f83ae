#include "svc-directory/query/challenge.h"

#include "base/bytes.h"
#include "crypto/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* A ring in the order of issue, which is the order of expiry; a hash index into it by chains. */
struct slot {
    uint8_t challenge[CHALLENGE_LEN];
    int64_t until_us;
    uint32_t next; /* in its chain */
    bool is_outstanding;
};

struct challenges {
    pthread_mutex_t lock;
    size_t max;
    size_t first; /* the oldest in the ring */
    size_t count;
    size_t outstanding;
    struct slot *slots;
    uint32_t *chains;
};

struct challenges *challenges_new(size_t max)
{
    if (max == 0 || max > 1u << 24)
        return NULL;
    struct challenges *challenges = calloc(1, sizeof(*challenges));
    if (challenges == NULL)
        return NULL;
    pthread_mutex_init(&challenges->lock, NULL);
    challenges->max = max;
    challenges->slots = calloc(max, sizeof(*challenges->slots));
    challenges->chains = malloc(max * sizeof(*challenges->chains));
    if (challenges->slots == NULL || challenges->chains == NULL) {
        challenges_free(challenges);
        return NULL;
    }
    for (size_t i = 0; i < max; i++)
        challenges->chains[i] = NONE;
    return challenges;
}

void challenges_free(struct challenges *challenges)
{
    if (challenges == NULL)
        return;
    pthread_mutex_destroy(&challenges->lock);
    free(challenges->slots);
    free(challenges->chains);
    free(challenges);
}

/* Challenges are random: any part of one is a hash. */
static uint32_t *chain_of(struct challenges *challenges, const uint8_t *challenge)
{
    uint32_t hash;
    memcpy(&hash, challenge, sizeof(hash));
    return &challenges->chains[hash % challenges->max];
}

/* Where the chain points at the challenge; the end of the chain when it has none. */
static uint32_t *find(struct challenges *challenges, const uint8_t *challenge)
{
    uint32_t *at = chain_of(challenges, challenge);
    while (*at != NONE &&
           !phi_equal_secret(challenges->slots[*at].challenge, challenge, CHALLENGE_LEN))
        at = &challenges->slots[*at].next;
    return at;
}

static void take_out(struct challenges *challenges, uint32_t *at)
{
    struct slot *slot = &challenges->slots[*at];
    *at = slot->next;
    slot->is_outstanding = false;
    challenges->outstanding--;
}

static void forget_past(struct challenges *challenges, int64_t now_us)
{
    while (challenges->count > 0) {
        struct slot *oldest = &challenges->slots[challenges->first];
        if (oldest->is_outstanding && now_us <= oldest->until_us)
            return;
        if (oldest->is_outstanding)
            take_out(challenges, find(challenges, oldest->challenge));
        challenges->first = (challenges->first + 1) % challenges->max;
        challenges->count--;
    }
}

static void put(struct challenges *challenges, const uint8_t *challenge, int64_t now_us)
{
    uint32_t index = (uint32_t)((challenges->first + challenges->count++) % challenges->max);
    struct slot *slot = &challenges->slots[index];
    uint32_t *chain = chain_of(challenges, challenge);
    memcpy(slot->challenge, challenge, CHALLENGE_LEN);
    slot->until_us = now_us + CHALLENGE_LIFE_US;
    slot->is_outstanding = true;
    slot->next = *chain;
    *chain = index;
    challenges->outstanding++;
}

enum phi_err challenge_issue(struct challenges *challenges, int64_t now_us,
                             uint8_t out[CHALLENGE_LEN])
{
    enum phi_err err = phi_random_bytes(out, CHALLENGE_LEN);
    if (err != PHI_OK)
        return err;
    pthread_mutex_lock(&challenges->lock);
    forget_past(challenges, now_us);
    if (challenges->count == challenges->max)
        err = PHI_ERR_OVERLOAD;
    else
        put(challenges, out, now_us);
    pthread_mutex_unlock(&challenges->lock);
    return err;
}

bool challenge_spend(struct challenges *challenges, const uint8_t challenge[CHALLENGE_LEN],
                     int64_t now_us)
{
    pthread_mutex_lock(&challenges->lock);
    forget_past(challenges, now_us);
    uint32_t *at = find(challenges, challenge);
    bool is_there = *at != NONE && now_us <= challenges->slots[*at].until_us;
    if (is_there)
        take_out(challenges, at);
    pthread_mutex_unlock(&challenges->lock);
    return is_there;
}

size_t challenges_outstanding(struct challenges *challenges, int64_t now_us)
{
    pthread_mutex_lock(&challenges->lock);
    forget_past(challenges, now_us);
    size_t count = challenges->outstanding;
    pthread_mutex_unlock(&challenges->lock);
    return count;
}
