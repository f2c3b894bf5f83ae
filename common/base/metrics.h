/* Prometheus metrics: counters, gauges, histograms; counted per thread without a lock, summed on
 * reading. Declare once at start (the objects live as long as the process), count from any thread.
 *
 *   struct phi_counter *minted =
 *       phi_counter_new("phi_codes_minted_total", "codes minted", "scene=\"pass\"");
 *   phi_counter_add(minted, 1);
 */
#ifndef PHI_BASE_METRICS_H
#define PHI_BASE_METRICS_H

#include "base/err.h"

#include <stdint.h>

struct phi_counter;
struct phi_gauge;
struct phi_histogram;

/* `labels` is the inside of the braces or NULL (in values \ and " stand as \\ and \"; malformed
 * ones stop the process, as does one name with two kinds); the same (name, labels) gives the same
 * object. At most 1,024 objects a process; past that, or out of memory, the process stops (it is a
 * fault of ours). */
struct phi_counter *phi_counter_new(const char *name, const char *help, const char *labels);
struct phi_gauge *phi_gauge_new(const char *name, const char *help, const char *labels);
struct phi_histogram *phi_histogram_new(const char *name, const char *help,
                                        const char *labels); /* seconds, 50 µs … 10 s */

void phi_counter_add(struct phi_counter *counter, uint64_t n);
uint64_t phi_counter_value(const struct phi_counter *counter); /* summed over threads */
void phi_gauge_set(struct phi_gauge *gauge, int64_t value);
void phi_histogram_observe_us(struct phi_histogram *histogram, int64_t us);

/* The text exposition format 0.0.4; the caller frees it with free(). NULL when out of memory. */
char *phi_metrics_render(size_t *len);

#endif
