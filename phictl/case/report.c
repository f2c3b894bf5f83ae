/* phictl case report: the newest report of fairness, and which sources are most often wrong. */
#include "phictl/case/topics.h"
#include "phictl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_COUNT 3
static const char *const tables[TABLE_COUNT] = {"outcomes", "times", "reasons"};

static const char *word(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text == NULL ? "-" : text;
}

/* Times are all of one offset, so that their order is that of their texts. */
static const json_t *newest(const json_t *reports)
{
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(reports); i++) {
        const json_t *one = json_array_get(reports, i);
        if (found == NULL || strcmp(word(found, "until"), word(one, "until")) < 0)
            found = one;
    }
    return found;
}

/* --- as a table, with commas --- */

/* The middle dot has two bytes and one column. */
static void print_cell(const json_t *cell)
{
    if (json_is_integer(cell))
        printf("%12lld", (long long)json_integer_value(cell));
    else
        printf("%13s", "·");
}

static void print_row(const char *name, const json_t *row)
{
    printf("  %-24s", name);
    for (size_t c = 0; c < json_array_size(row); c++)
        print_cell(json_array_get(row, c));
    printf("\n");
}

static void print_table(const json_t *report, const char *name)
{
    const json_t *table = json_object_get(json_object_get(report, "tables"), name);
    const json_t *columns = json_object_get(table, "columns"),
                 *rows = json_object_get(table, "rows");
    printf("\n%-26s", name);
    for (size_t c = 0; c < json_array_size(columns); c++)
        printf("%12s", json_string_value(json_array_get(columns, c)));
    printf("\n");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        print_row(word(row, "name"), json_object_get(row, "cells"));
    }
}

static void print_csv(const json_t *report, const char *name)
{
    const json_t *table = json_object_get(json_object_get(report, "tables"), name);
    const json_t *columns = json_object_get(table, "columns"),
                 *rows = json_object_get(table, "rows");
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        const json_t *cells = json_object_get(row, "cells");
        for (size_t c = 0; c < json_array_size(cells) && c < json_array_size(columns); c++) {
            const json_t *cell = json_array_get(cells, c);
            printf("%s,%s,%s,%s,%s", word(report, "region"), word(report, "day"), name,
                   word(row, "name"), json_string_value(json_array_get(columns, c)));
            if (json_is_integer(cell))
                printf(",%lld\n", (long long)json_integer_value(cell));
            else
                printf(",\n");
        }
    }
}

/* --- which sources are most often wrong --- */

struct share {
    const char *source;
    long long percent;
};

static int by_share(const void *a, const void *b)
{
    const struct share *left = a, *right = b;
    return (left->percent < right->percent) - (left->percent > right->percent);
}

/* Of what is shown only: corrected among corrected and refused. */
static void print_shares(const json_t *report)
{
    struct share shares[64] = {{NULL, 0}};
    size_t count = 0;
    const json_t *rows =
        json_object_get(json_object_get(json_object_get(report, "tables"), "outcomes"), "rows");
    for (size_t r = 0; r < json_array_size(rows) && count < CTL_COUNT(shares); r++) {
        const json_t *row = json_array_get(rows, r), *cells = json_object_get(row, "cells");
        const json_t *corrected = json_array_get(cells, 0), *refused = json_array_get(cells, 1);
        long long whole = json_integer_value(corrected) + json_integer_value(refused);
        if (json_is_integer(corrected) && json_is_integer(refused) && whole > 0)
            shares[count++] =
                (struct share){word(row, "name"), 100 * json_integer_value(corrected) / whole};
    }
    qsort(shares, count, sizeof(*shares), by_share);
    printf("\ncorrected among decided\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-24s%11lld%%\n", shares[i].source, shares[i].percent);
}

static void print(const json_t *report, const char *format)
{
    bool is_csv = strcmp(format, "csv") == 0;
    if (is_csv)
        printf("region,day,table,row,column,cases\n");
    else
        printf("%s, %s: cases opened from %s to %s; · is fewer than 10, or would tell of such\n",
               word(report, "region"), word(report, "day"), word(report, "from"),
               word(report, "until"));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (is_csv)
            print_csv(report, tables[i]);
        else
            print_table(report, tables[i]);
    }
    if (!is_csv)
        print_shares(report);
}

/* --- the command --- */

static int run(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct phi_sm2_public *key = NULL;
    const char *format = ctl_get(args, "format");
    json_t *reports = json_array();
    PHI_GUARD(reports == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0)
        PHI_GUARD(phi_error_set(&error, PHI_ERR_FIELD_VALUE, "--format", "table, json or csv"));
    PHI_GUARD(ctl_topic_key(args, "key", &key, &error));
    const struct ctl_topic from = {.brokers = ctl_get(args, "bus"),
                                   .region = ctl_get(args, "region"),
                                   .stream = "correction.report",
                                   .member = "region",
                                   .value = ctl_get(args, "region"),
                                   .key = key};
    PHI_GUARD(ctl_topic_read(&from, reports, &error));
    const json_t *report = newest(reports);
    if (report == NULL)
        PHI_GUARD(phi_error_set(&error, PHI_ERR_NOT_FOUND, "correction.report", "no report yet"));
    if (strcmp(format, "json") == 0)
        printf("%s", json_dumpf(report, stdout, JSON_INDENT(2)) == 0 ? "\n" : "");
    else
        print(report, format);
out:
    json_decref(reports);
    phi_sm2_public_free(key);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options_of_report[] = {
    {.name = "region",
     .value = "DIGITS",
     .variable = "PHI_REGION",
     .is_required = true,
     .text = "whose report"},
    {.name = "bus",
     .value = "HOST:PORT,…",
     .variable = "PHI_BUS",
     .is_required = true,
     .text = "brokers"},
    {.name = "key",
     .value = "PUBLIC",
     .text = "the key that signs decisions (PEM or hex): the report must be signed by it"},
    {.name = "format", .value = "FORMAT", .fallback = "table", .text = "table, json or csv"}};

const struct ctl_command ctl_case_report = {
    .group = "case",
    .verb = "report",
    .about = "disputes by source, reason, outcome and time; which sources are most often wrong",
    .options = options_of_report,
    .option_count = CTL_COUNT(options_of_report),
    .run = run,
    .example = "phictl case report --region 320000 --bus 127.0.0.1:9092"};
