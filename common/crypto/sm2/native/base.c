#include "crypto/sm2/native/base.h"

#include <pthread.h>

#define SECRET_COUNT (43 * 32)
#define OPEN_COUNT   (32 * 128)

static const struct phi_sm2_affine base_point = {
    {{0x61328990f418029e, 0x3e7981eddca6c050, 0xd6a1ed99ac24c3c3, 0x91167a5ee1c13b05}},
    {{0xc1354e593c2d0ddd, 0xc1f5e5788d3295fa, 0x8d4cfb066e2a48f8, 0x63cd65d481d735bd}}};

static _Alignas(64) struct phi_sm2_affine secret_points[SECRET_COUNT];
static _Alignas(64) struct phi_sm2_affine open_points[OPEN_COUNT];
static struct phi_sm2_base base = {
    .secret = {.window_bits = PHI_SM2_SECRET_WINDOW, .window_count = 43, .points = secret_points},
    .open = {.window_bits = PHI_SM2_OPEN_WINDOW, .window_count = 32, .points = open_points}};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct phi_sm2_core *const cores[] = {
#ifdef PHI_SM2_X86
    &phi_sm2_core_ifma, &phi_sm2_core_adx,
#endif
    &phi_sm2_core_plain};

#define CORE_COUNT (sizeof(cores) / sizeof(cores[0]))

const struct phi_sm2_core *phi_sm2_core_best(void)
{
    for (size_t i = 0; i < CORE_COUNT; i++)
        if (cores[i]->is_here())
            return cores[i];
    return &phi_sm2_core_plain;
}

const struct phi_sm2_core *phi_sm2_core_by_name(const char *name)
{
    for (size_t i = 0; i < CORE_COUNT; i++)
        if (strcmp(cores[i]->name, name) == 0)
            return cores[i]->is_here() ? cores[i] : NULL;
    return NULL;
}

static void make(void)
{
    base.core = phi_sm2_core_best();
    if (base.core->ready)
        base.core->ready(&base_point);
    base.core->build(&base.secret, &base_point);
    base.core->build(&base.open, &base_point);
}

const struct phi_sm2_base *phi_sm2_base_get(void)
{
    (void)pthread_once(&once, make);
    return &base;
}

bool phi_sm2_core_use(const char *name)
{
    const struct phi_sm2_core *core = phi_sm2_core_by_name(name);
    (void)pthread_once(&once, make);
    if (core)
        base.core = core;
    return core != NULL;
}
