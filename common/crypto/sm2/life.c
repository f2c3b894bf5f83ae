#include "crypto/sm2/life.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint life = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_child(void)
{
    atomic_fetch_add(&life, 1);
}

static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, in_child);
}

unsigned phi_sm2_life(void)
{
    (void)pthread_once(&once, watch_forks);
    return atomic_load_explicit(&life, memory_order_relaxed);
}
