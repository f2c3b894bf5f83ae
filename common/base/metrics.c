#include "base/metrics.h"

#include "base/metrics_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_MAX (PHI_METRIC_MAX * PHI_METRIC_HISTOGRAM_SLOTS)

struct phi_counter {
    struct phi_metric metric;
};
struct phi_gauge {
    struct phi_metric metric;
};
struct phi_histogram {
    struct phi_metric metric;
};

struct block {
    struct block *next;
    struct block **link; /* what points here */
    _Atomic uint64_t slots[SLOT_MAX];
};

const int64_t phi_metric_bounds_us[PHI_METRIC_BUCKET_COUNT] = {
    50,    100,    250,    500,    1000,    2500,    5000,    10000,    25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static struct phi_metric *metrics[PHI_METRIC_MAX];
static size_t metric_count;
static size_t slot_count;
static struct block *blocks;
static _Atomic uint64_t base_slots[SLOT_MAX];
static _Thread_local struct block *block_of_thread;

static _Noreturn void stop(const char *name, const char *why)
{
    fprintf(stderr, "metric %s: %s\n", name, why);
    abort();
}

static void fold_block(void *pointer)
{
    struct block *block = pointer;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < slot_count; i++)
        atomic_fetch_add_explicit(&base_slots[i],
                                  atomic_load_explicit(&block->slots[i], memory_order_relaxed),
                                  memory_order_relaxed);
    *block->link = block->next;
    if (block->next != NULL)
        block->next->link = block->link;
    pthread_mutex_unlock(&lock);
    block_of_thread = NULL;
    free(block);
}

static void make_key(void)
{
    if (pthread_key_create(&thread_key, fold_block) != 0)
        stop("of this process", "no thread key left");
}

/* NULL when out of memory: the thread then counts in the base block, which is slower but right. */
static struct block *attach_block(void)
{
    pthread_once(&key_once, make_key);
    struct block *block = calloc(1, sizeof(*block));
    if (block == NULL)
        return NULL;
    if (pthread_setspecific(thread_key, block) != 0) {
        free(block);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    block->next = blocks;
    block->link = &blocks;
    if (blocks != NULL)
        blocks->link = &block->next;
    blocks = block;
    pthread_mutex_unlock(&lock);
    block_of_thread = block;
    return block;
}

static void add(size_t slot, uint64_t n)
{
    struct block *block = block_of_thread != NULL ? block_of_thread : attach_block();
    if (block == NULL) {
        atomic_fetch_add_explicit(&base_slots[slot], n, memory_order_relaxed);
        return;
    }
    uint64_t value = atomic_load_explicit(&block->slots[slot], memory_order_relaxed);
    atomic_store_explicit(&block->slots[slot], value + n, memory_order_relaxed);
}

size_t phi_metrics_lock(struct phi_metric *const **all)
{
    pthread_mutex_lock(&lock);
    *all = metrics;
    return metric_count;
}

void phi_metrics_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

uint64_t phi_metrics_sum_locked(size_t slot)
{
    uint64_t sum = atomic_load_explicit(&base_slots[slot], memory_order_relaxed);
    for (struct block *block = blocks; block != NULL; block = block->next)
        sum += atomic_load_explicit(&block->slots[slot], memory_order_relaxed);
    return sum;
}

static bool name_is_valid(const char *name, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return len > 0 && strspn(name, allowed) >= len && (name[0] < '0' || name[0] > '9');
}

/* The end of a quoted value that begins at `at`, or NULL. */
static const char *skip_value(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if (*at == '\\' && strchr("\\\"n", *++at) == NULL)
            return NULL;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

/* name="value",name="value" */
static bool labels_are_valid(const char *at)
{
    while (*at != '\0') {
        size_t len = strcspn(at, "=");
        if (!name_is_valid(at, len) || at[len] != '=')
            return false;
        at = skip_value(at + len + 1);
        if (at == NULL || (*at == ',' && at[1] == '\0') || (*at != ',' && *at != '\0'))
            return false;
        at += *at == ',';
    }
    return true;
}

static size_t slots_of(enum phi_metric_kind kind)
{
    if (kind == PHI_METRIC_HISTOGRAM)
        return PHI_METRIC_HISTOGRAM_SLOTS;
    return kind == PHI_METRIC_COUNTER ? 1 : 0;
}

/* One family has one kind: the format allows one TYPE line a name. */
static struct phi_metric *find(enum phi_metric_kind kind, const char *name, const char *labels)
{
    for (size_t i = 0; i < metric_count; i++) {
        if (strcmp(metrics[i]->name, name) != 0)
            continue;
        if (metrics[i]->kind != kind)
            stop(name, "declared with two kinds");
        if (strcmp(metrics[i]->labels, labels) == 0)
            return metrics[i];
    }
    return NULL;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy == NULL)
        stop(text, "out of memory");
    memcpy(copy, text, size);
    return copy;
}

static struct phi_metric *declare(enum phi_metric_kind kind, const char *name, const char *help,
                                  const char *labels)
{
    labels = labels != NULL ? labels : "";
    if (!name_is_valid(name, strlen(name)) || !labels_are_valid(labels))
        stop(name, "malformed name or labels");
    pthread_mutex_lock(&lock);
    struct phi_metric *metric = find(kind, name, labels);
    if (metric != NULL)
        goto out;
    if (metric_count == PHI_METRIC_MAX)
        stop(name, "too many metrics");
    metric = calloc(1, sizeof(*metric));
    if (metric == NULL)
        stop(name, "out of memory");
    metric->kind = kind;
    metric->name = copy_text(name);
    metric->help = copy_text(help != NULL ? help : "");
    metric->labels = copy_text(labels);
    metric->slot = slot_count;
    slot_count += slots_of(kind);
    metrics[metric_count++] = metric;
out:
    pthread_mutex_unlock(&lock);
    return metric;
}

struct phi_counter *phi_counter_new(const char *name, const char *help, const char *labels)
{
    return (struct phi_counter *)declare(PHI_METRIC_COUNTER, name, help, labels);
}

struct phi_gauge *phi_gauge_new(const char *name, const char *help, const char *labels)
{
    return (struct phi_gauge *)declare(PHI_METRIC_GAUGE, name, help, labels);
}

struct phi_histogram *phi_histogram_new(const char *name, const char *help, const char *labels)
{
    return (struct phi_histogram *)declare(PHI_METRIC_HISTOGRAM, name, help, labels);
}

void phi_counter_add(struct phi_counter *counter, uint64_t n)
{
    add(counter->metric.slot, n);
}

uint64_t phi_counter_value(const struct phi_counter *counter)
{
    pthread_mutex_lock(&lock);
    uint64_t value = phi_metrics_sum_locked(counter->metric.slot);
    pthread_mutex_unlock(&lock);
    return value;
}

void phi_gauge_set(struct phi_gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->metric.gauge, value, memory_order_relaxed);
}

void phi_histogram_observe_us(struct phi_histogram *histogram, int64_t us)
{
    size_t bucket = 0;
    if (us < 0)
        us = 0;
    while (bucket < PHI_METRIC_BUCKET_COUNT && us > phi_metric_bounds_us[bucket])
        bucket++;
    add(histogram->metric.slot + bucket, 1);
    add(histogram->metric.slot + PHI_METRIC_BUCKET_COUNT + 1, (uint64_t)us);
}
