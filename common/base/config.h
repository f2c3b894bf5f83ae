/* Configuration from one table: each row is an environment variable PHI_* and a --flag of the same
 * name (PHI_HTTP_PORT = --http-port), typed, bounded, with default and unit; parsing, --help,
 * --check and docs/configuration.md all come from the table. A flag wins over the environment.
 *
 *   static const struct phi_config_row rows[] = {
 *       {.name = "PHI_HTTP_PORT", .type = PHI_CONFIG_INT, .fallback = "8101", .min = 1,
 *        .max = 65535, .unit = "", .text = "port of the HTTP interface"}, …};
 *   PHI_GUARD(phi_config_load(rows, count, argc, argv, &config, &error));
 *   int64_t port = phi_config_int(config, "PHI_HTTP_PORT");
 */
#ifndef PHI_BASE_CONFIG_H
#define PHI_BASE_CONFIG_H

#include "base/err.h"

#include <stdint.h>
#include <stdio.h>

enum phi_config_type {
    PHI_CONFIG_TEXT,   /* min..max characters */
    PHI_CONFIG_INT,    /* min..max */
    PHI_CONFIG_BOOL,   /* true, false */
    PHI_CONFIG_MS,     /* a duration in milliseconds, min..max */
    PHI_CONFIG_BYTES,  /* a size in bytes, min..max */
    PHI_CONFIG_ENUM,   /* one of `choices`, separated by '|' */
    PHI_CONFIG_LIST,   /* comma separated, min..max items, no empty one */
    PHI_CONFIG_FILE,   /* a readable file's path */
    PHI_CONFIG_SECRET, /* the row's name ends in _FILE: the value is that file's first line, mode
                          0600 or narrower; never shown, wiped by phi_config_free */
};

struct phi_config_row {
    const char *name;
    enum phi_config_type type;
    const char *fallback; /* NULL: required, unless `optional` */
    int64_t min;
    int64_t max;
    const char *unit;    /* "ms", "bytes", "" */
    const char *choices; /* for PHI_CONFIG_ENUM */
    bool optional;       /* without a value the getters give NULL */
    bool reloadable;     /* taken over on SIGHUP */
    const char *text;    /* one sentence */
};

struct phi_config;

/* Reads argv and the environment. Errors name the variable: place = "PHI_HTTP_PORT". An unknown
 * flag or a stray argument is an error; unknown PHI_* variables are not (several programs share an
 * environment), and an empty variable counts as unset. Both --flag VALUE and --flag=VALUE are read.
 * PHI_ERR_CONFIG or PHI_ERR_MEMORY; `rows` must outlive the configuration, which the caller frees.
 * Reads files; call it before threads start. A text, list, file or secret without `max` is bounded
 * at 1,024. */
enum phi_err phi_config_load(const struct phi_config_row *rows, size_t count, int argc,
                             char *const *argv, struct phi_config **out,
                             struct phi_error *error) PHI_MUST_USE;
void phi_config_free(struct phi_config *config);

bool phi_config_wants_help(
    const struct phi_config *config); /* --help was given: values were not checked */
bool phi_config_wants_check(
    const struct phi_config *config); /* --check was given: explain and exit */
/* The getters stop the process for a name that is not in the table or is of another type. What they
 * give lives as long as the configuration; without a value NULL, 0 or false. Any thread. */
const char *phi_config_text(const struct phi_config *config,
                            const char *name); /* TEXT, ENUM, FILE, SECRET */
int64_t phi_config_int(const struct phi_config *config, const char *name); /* INT, MS, BYTES */
bool phi_config_bool(const struct phi_config *config, const char *name);
size_t phi_config_list_count(const struct phi_config *config, const char *name);
const char *phi_config_list_item(const struct phi_config *config, const char *name, size_t i);

void phi_config_print_help(const struct phi_config_row *rows, size_t count, const char *program,
                           const char *about, FILE *to);
void phi_config_print_check(const struct phi_config *config,
                            FILE *to); /* secrets shown as "(set)" */
/* A table in Markdown under a heading; docs/configuration.md is made of one for each program. */
void phi_config_print_markdown(const struct phi_config_row *rows, size_t count, const char *program,
                               FILE *to);

#endif
