#include "phictl/tap/print.h"

#include "phictl/tap/where.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  512
#define WIDTH_MAX 40

enum format { JSON, CSV, TABLE };

struct tap_print {
    enum format format;
    size_t count;
    char columns[TAP_COLUMNS_MAX][TAP_PATH_MAX];
    size_t widths[TAP_COLUMNS_MAX];
    bool has_header;
    json_t *held[TAP_HELD_MAX];
    size_t held_count;
    unsigned long long unseen; /* members in no column */
};

/* --- columns --- */

static bool has_column(const struct tap_print *print, const char *path)
{
    for (size_t i = 0; i < print->count; i++)
        if (strcmp(print->columns[i], path) == 0)
            return true;
    return false;
}

static void add_column(struct tap_print *print, const char *path)
{
    if (print->count == TAP_COLUMNS_MAX || strlen(path) >= TAP_PATH_MAX || has_column(print, path))
        return;
    (void)snprintf(print->columns[print->count++], TAP_PATH_MAX, "%s", path);
}

/* Objects are gone into; `visit` gets each member's path. */
static void each_path(const json_t *object, const char *before,
                      void (*visit)(struct tap_print *, const char *), struct tap_print *print)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        char path[TAP_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s%s%s", before, before[0] == '\0' ? "" : ".", name);
        if (json_is_object(value))
            each_path(value, path, visit, print);
        else
            visit(print, path);
    }
}

static void count_unseen(struct tap_print *print, const char *path)
{
    print->unseen += !has_column(print, path);
}

static bool read_columns(struct tap_print *print, const char *text)
{
    while (*text != '\0') {
        char path[TAP_PATH_MAX];
        size_t len = strcspn(text, ",");
        if (len == 0 || len >= sizeof(path) || print->count == TAP_COLUMNS_MAX)
            return false;
        memcpy(path, text, len);
        path[len] = '\0';
        add_column(print, path);
        text += len + (text[len] == ',');
    }
    return true;
}

/* --- rows --- */

static void csv_text(const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, stdout);
        return;
    }
    (void)putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)putchar('"');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void cell(const struct tap_print *print, size_t i, const char *text)
{
    if (print->format == CSV) {
        (void)fputs(i > 0 ? "," : "", stdout);
        csv_text(text);
    } else {
        (void)printf("%s%-*s", i > 0 ? "  " : "", (int)print->widths[i],
                     text[0] == '\0' ? "-" : text);
    }
}

static void header(struct tap_print *print)
{
    print->has_header = true;
    for (size_t i = 0; i < print->count; i++)
        cell(print, i, print->columns[i]);
    (void)putchar('\n');
}

static void row(struct tap_print *print, const json_t *view)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < print->count; i++) {
        tap_text(tap_member(view, print->columns[i]), text, sizeof(text));
        cell(print, i, text);
    }
    (void)putchar('\n');
    each_path(view, "", count_unseen, print);
}

static void widen(struct tap_print *print, const json_t *view)
{
    char text[TEXT_MAX];
    for (size_t i = 0; i < print->count; i++) {
        tap_text(tap_member(view, print->columns[i]), text, sizeof(text));
        size_t len = strlen(text) > WIDTH_MAX ? WIDTH_MAX : strlen(text);
        if (len > print->widths[i])
            print->widths[i] = len;
    }
}

static void release(struct tap_print *print)
{
    bool is_named = print->count > 0;
    for (size_t i = 0; !is_named && i < print->held_count; i++)
        each_path(print->held[i], "", add_column, print);
    for (size_t i = 0; i < print->count; i++)
        print->widths[i] = strlen(print->columns[i]);
    for (size_t i = 0; i < print->held_count; i++)
        widen(print, print->held[i]);
    header(print);
    for (size_t i = 0; i < print->held_count; i++) {
        row(print, print->held[i]);
        json_decref(print->held[i]);
    }
    print->held_count = 0;
}

/* --- life --- */

enum phi_err tap_print_open(const char *format, const char *columns, struct tap_print **out,
                            struct phi_error *error)
{
    static const char *const formats[] = {"json", "csv", "table"};
    size_t which = 0;
    while (which < 3 && strcmp(formats[which], format) != 0)
        which++;
    if (which == 3)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--format", "not table, json or csv");
    struct tap_print *print = calloc(1, sizeof(*print));
    if (print == NULL)
        return PHI_ERR_MEMORY;
    print->format = (enum format)which;
    if (columns != NULL && !read_columns(print, columns)) {
        free(print);
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--columns",
                             "not names with commas between");
    }
    *out = print;
    return PHI_OK;
}

void tap_print_add(struct tap_print *print, json_t *view)
{
    if (print->format == JSON) {
        (void)json_dumpf(view, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else if (print->has_header) {
        row(print, view);
    } else {
        print->held[print->held_count++] = json_incref(view);
        if (print->held_count == TAP_HELD_MAX)
            release(print);
    }
}

void tap_print_flush(struct tap_print *print)
{
    if (print->format != JSON && !print->has_header && print->held_count > 0)
        release(print);
    (void)fflush(stdout);
}

void tap_print_close(struct tap_print *print)
{
    if (print == NULL)
        return;
    tap_print_flush(print);
    if (print->unseen > 0)
        (void)fprintf(stderr, "phictl: %llu values stand in no column; --columns names others\n",
                      print->unseen);
    free(print);
}
