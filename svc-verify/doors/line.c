/* A queue and the one thread that takes from it what has arrived. */
#include "svc-verify/verify.h"

#include "base/queue.h"

#include <stdlib.h>

#define WAIT_MS 500

struct start {
    struct verify *verify;
    struct verify_line *line;
};

static void *run(void *context)
{
    struct start start = *(struct start *)context;
    void *items[VERIFY_BATCH];
    free(context);
    for (;;) {
        size_t count =
            phi_queue_pop(start.line->queue, items, VERIFY_BATCH, phi_deadline_in_ms(WAIT_MS));
        if (count > 0)
            start.line->handle(start.verify, items, count);
        else if (phi_queue_is_closed(start.line->queue))
            return NULL;
    }
}

enum phi_err verify_line_start(struct verify *verify, struct verify_line *line,
                               void (*handle)(struct verify *, void **items, size_t count),
                               size_t capacity)
{
    struct start *start = malloc(sizeof(*start));
    line->queue = phi_queue_new(capacity);
    line->handle = handle;
    if (start == NULL || line->queue == NULL) {
        free(start);
        return PHI_ERR_MEMORY;
    }
    *start = (struct start){verify, line};
    if (pthread_create(&line->thread, NULL, run, start) != 0) {
        free(start);
        return PHI_ERR_MEMORY;
    }
    line->has_thread = true;
    return PHI_OK;
}

void verify_line_stop(struct verify_line *line)
{
    if (line->queue == NULL)
        return;
    phi_queue_close(line->queue);
    if (line->has_thread)
        pthread_join(line->thread, NULL);
    phi_queue_free(line->queue);
    line->queue = NULL;
}
