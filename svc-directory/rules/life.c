#include "svc-directory/rules/life.h"

#include "base/log.h"
#include "base/queue.h"
#include "svc-directory/publish/owned.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_MS   300
#define ACQUIRE_MS 2000
#define SETTLE_US  1000000 /* other replicas have read the activation by then */

struct life {
    struct directory *directory;
    pthread_t thread;
    struct phi_queue *stop;
    struct trial_cache cache;
    int64_t swept[OWNED_MAX]; /* the activation under which nobody of the partition is left */
};

static bool goes_on(const struct life *life)
{
    return !phi_queue_is_closed(life->stop);
}

/* --- sweeps --- */

/* The activation whose people are to be graded anew now: false when there is none. */
static bool find_activation(struct life *life, int64_t now_us, struct rules_force *out)
{
    return rules_book_list(life->directory->book, now_us, out, 1) == 1 && out->number > 0 &&
           now_us >= out->from_us + SETTLE_US;
}

static enum phi_err sweep_partition(struct life *life, struct phi_conn *conn, int64_t now_us,
                                    const struct rules_force *force, int32_t partition,
                                    size_t *count)
{
    enum phi_err err = PHI_OK;
    size_t graded = 0;
    bool is_done = false;
    PHI_GUARD(
        sweep_run(life->directory, conn, now_us, force->number, partition, &graded, &is_done));
    *count += graded;
    if (is_done)
        life->swept[partition] = force->number;
    if (is_done && graded > 0)
        phi_log(PHI_LOG_INFO, "rules_swept", PHI_L_INT("activation", force->number),
                PHI_L_INT("partition", partition));
out:
    return err;
}

static enum phi_err sweep(struct life *life, struct phi_conn *conn, int64_t now_us, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct rules_force force;
    if (!find_activation(life, now_us, &force))
        return PHI_OK;
    rules_book_begin(life->directory->book, &force);
    for (int32_t p = 0; p < OWNED_MAX && goes_on(life); p++)
        if (life->swept[p] < force.number && owned_has(&life->directory->owned, p))
            PHI_GUARD(sweep_partition(life, conn, now_us, &force, p, count));
out:
    return err;
}

/* --- the thread --- */

static enum phi_err look(struct life *life, size_t *count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct directory *directory = life->directory;
    size_t compared = 0;
    *count = 0;
    int64_t now_us = phi_clock_now_us(phi_service_clock(directory->service));
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(rules_book_refresh(directory->book, conn, now_us, error));
    PHI_GUARD(sweep(life, conn, now_us, count));
    PHI_GUARD(trial_run(directory, conn, now_us, &life->cache, &compared));
    *count += compared;
out:
    phi_store_release(conn);
    return err;
}

static void *run(void *context)
{
    struct life *life = context;
    void *nothing[1];
    bool was_failing = false;
    while (goes_on(life)) {
        struct phi_error error = {.code = PHI_OK};
        size_t count = 0;
        enum phi_err err = look(life, &count, &error);
        if ((err != PHI_OK) != was_failing)
            phi_log(err != PHI_OK ? PHI_LOG_WARN : PHI_LOG_INFO, "rules_followed", PHI_L_ERR(err),
                    PHI_L_DETAIL(&error));
        was_failing = err != PHI_OK;
        if (count == 0)
            (void)phi_queue_pop(life->stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
    }
    return NULL;
}

static void free_life(struct life *life)
{
    phi_queue_free(life->stop);
    rules_free(life->cache.rules);
    free(life);
}

enum phi_err life_start(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct life *life = calloc(1, sizeof(*life));
    PHI_GUARD(life == NULL ? PHI_ERR_MEMORY : PHI_OK);
    life->directory = directory;
    life->stop = phi_queue_new(1);
    PHI_GUARD(life->stop == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    int64_t now_us = phi_clock_now_us(phi_service_clock(directory->service));
    PHI_GUARD(rules_book_refresh(directory->book, conn, now_us, error));
    if (pthread_create(&life->thread, NULL, run, life) != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_MEMORY, "rules", "no thread"));
    directory->life = life;
    life = NULL;
out:
    phi_store_release(conn);
    if (life != NULL)
        free_life(life);
    return err;
}

void life_close(struct life *life)
{
    if (life == NULL)
        return;
    phi_queue_close(life->stop);
    pthread_join(life->thread, NULL);
    free_life(life);
}
