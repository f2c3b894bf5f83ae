#include "base/metrics_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [PHI_METRIC_COUNTER] = "counter",
    [PHI_METRIC_GAUGE] = "gauge",
    [PHI_METRIC_HISTOGRAM] = "histogram",
};

/* In help a backslash and a line end are escaped; labels come in quoted form already, only a bare
 * line end could break the format there. */
static void print_escaped(FILE *to, const char *text, bool escape_backslash)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", to);
        else if (*text == '\\' && escape_backslash)
            fputs("\\\\", to);
        else
            fputc(*text, to);
    }
}

static void print_family(FILE *to, const struct phi_metric *metric)
{
    fprintf(to, "# HELP %s ", metric->name);
    print_escaped(to, metric->help, true);
    fprintf(to, "\n# TYPE %s %s\n", metric->name, kind_names[metric->kind]);
}

/* `extra` is one more label, such as le="0.1", or NULL. */
static void print_name(FILE *to, const struct phi_metric *metric, const char *suffix,
                       const char *extra)
{
    fprintf(to, "%s%s", metric->name, suffix);
    bool labelled = metric->labels[0] != '\0';
    if (!labelled && extra == NULL)
        return;
    fputc('{', to);
    print_escaped(to, metric->labels, false);
    if (extra != NULL)
        fprintf(to, "%s%s", labelled ? "," : "", extra);
    fputc('}', to);
}

/* Seconds as a decimal without a float's rounding: 0.00025, 2.5, 10. */
static void format_seconds(uint64_t us, char *out, size_t size)
{
    int len = snprintf(out, size, "%" PRIu64 ".%06u", us / 1000000, (unsigned)(us % 1000000));
    while (out[len - 1] == '0')
        out[--len] = '\0';
    if (out[len - 1] == '.')
        out[len - 1] = '\0';
}

static void print_histogram(FILE *to, const struct phi_metric *metric)
{
    uint64_t count = 0;
    char seconds[32];
    char extra[48];
    for (size_t i = 0; i < PHI_METRIC_BUCKET_COUNT; i++) {
        count += phi_metrics_sum_locked(metric->slot + i);
        format_seconds((uint64_t)phi_metric_bounds_us[i], seconds, sizeof(seconds));
        snprintf(extra, sizeof(extra), "le=\"%s\"", seconds);
        print_name(to, metric, "_bucket", extra);
        fprintf(to, " %" PRIu64 "\n", count);
    }
    count += phi_metrics_sum_locked(metric->slot + PHI_METRIC_BUCKET_COUNT);
    print_name(to, metric, "_bucket", "le=\"+Inf\"");
    fprintf(to, " %" PRIu64 "\n", count);
    format_seconds(phi_metrics_sum_locked(metric->slot + PHI_METRIC_BUCKET_COUNT + 1), seconds,
                   sizeof(seconds));
    print_name(to, metric, "_sum", NULL);
    fprintf(to, " %s\n", seconds);
    print_name(to, metric, "_count", NULL);
    fprintf(to, " %" PRIu64 "\n", count);
}

static void print_metric(FILE *to, const struct phi_metric *metric)
{
    if (metric->kind == PHI_METRIC_HISTOGRAM) {
        print_histogram(to, metric);
        return;
    }
    print_name(to, metric, "", NULL);
    if (metric->kind == PHI_METRIC_COUNTER)
        fprintf(to, " %" PRIu64 "\n", phi_metrics_sum_locked(metric->slot));
    else
        fprintf(to, " %" PRId64 "\n", atomic_load_explicit(&metric->gauge, memory_order_relaxed));
}

static bool is_first_of_family(struct phi_metric *const *all, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(all[i]->name, all[index]->name) == 0)
            return false;
    return true;
}

/* The format wants the lines of one family together, in whatever order they were declared. */
static void print_all(FILE *to)
{
    struct phi_metric *const *all;
    size_t count = phi_metrics_lock(&all);
    for (size_t i = 0; i < count; i++) {
        if (!is_first_of_family(all, i))
            continue;
        print_family(to, all[i]);
        for (size_t j = i; j < count; j++)
            if (strcmp(all[j]->name, all[i]->name) == 0)
                print_metric(to, all[j]);
    }
    phi_metrics_unlock();
}

char *phi_metrics_render(size_t *len)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return NULL;
    print_all(to);
    bool failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed) {
        free(text);
        return NULL;
    }
    *len = size;
    return text;
}
