#include "base/memory.h"

#include <malloc.h>

#define KEEP_BYTES   (4 * 1024 * 1024)
#define MAPPED_BYTES (1024 * 1024)

void phi_memory_set_up(void)
{
    /* before any other thread: NOLINTBEGIN(concurrency-mt-unsafe) */
    mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_MXFAST, 0);
    /* NOLINTEND(concurrency-mt-unsafe) */
}
