/* What counting (metrics.c) and rendering (metrics_render.c) share; nobody else includes it.
 *
 * Each thread counts in a block of its own, which it alone writes; a reader sums the blocks under
 * the registry's lock. A thread that ends adds its block to the base block under the same lock, so
 * that a sum never falls.
 */
#ifndef PHI_BASE_METRICS_INTERNAL_H
#define PHI_BASE_METRICS_INTERNAL_H

#include "base/metrics.h"

#include <stdatomic.h>

#define PHI_METRIC_MAX          1024
#define PHI_METRIC_BUCKET_COUNT 17
/* the buckets, the one past the last bound, and the sum in µs */
#define PHI_METRIC_HISTOGRAM_SLOTS (PHI_METRIC_BUCKET_COUNT + 2)

enum phi_metric_kind { PHI_METRIC_COUNTER, PHI_METRIC_GAUGE, PHI_METRIC_HISTOGRAM };

struct phi_metric {
    enum phi_metric_kind kind;
    char *name;
    char *help;
    char *labels; /* "" for none */
    size_t slot;
    _Atomic int64_t gauge;
};

extern const int64_t phi_metric_bounds_us[PHI_METRIC_BUCKET_COUNT];

/* Between lock and unlock: the objects in the order of declaration, and sums of slots. */
size_t phi_metrics_lock(struct phi_metric *const **all);
uint64_t phi_metrics_sum_locked(size_t slot);
void phi_metrics_unlock(void);

#endif
