/* Commands and their options, each from one table: parsing and --help come from it.
 *
 *   static const struct ctl_option options[] = {CTL_PASSWORD, {.name = "out", .value = "FILE",
 *       .is_required = true, .text = "the key file to write"}};
 *   const struct ctl_command ctl_key_new = {
 *       .group = "key", .verb = "new", .options = options, …};
 */
#ifndef PHI_PHICTL_OPTIONS_H
#define PHI_PHICTL_OPTIONS_H

#include "base/err.h"

#define CTL_OPTIONS_MAX 24
#define CTL_REPEAT_MAX  16

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl_option {
    const char *name;     /* "password-file": --password-file VALUE or --password-file=VALUE */
    const char *value;    /* what the value is, for --help; NULL: a flag */
    const char *variable; /* environment variable that stands in; NULL for none */
    const char *fallback;
    const char *text;
    char letter; /* 'd': -d VALUE; 0 for none */
    bool is_required;
    bool repeats; /* up to CTL_REPEAT_MAX times */
};

struct ctl_args;

struct ctl_command {
    const char *group;
    const char *verb; /* NULL: the group is the command ("curl") */
    const char *about;
    const char *positional; /* "URL"; NULL: none */
    const char *second;     /* another one behind it; NULL: none */
    const struct ctl_option *options;
    size_t option_count;
    int (*run)(const struct ctl_args *args); /* the exit status */
    const char *example;                     /* for --help; NULL: none */
};

struct ctl_args {
    const struct ctl_command *command;
    const char *values[CTL_OPTIONS_MAX][CTL_REPEAT_MAX];
    size_t counts[CTL_OPTIONS_MAX];
    const char *positional;
    const char *second;
};

/* Parses and runs; prints what is wrong, or the help. */
int ctl_run(const struct ctl_command *command, int argc, char **argv);
void ctl_print_help(const struct ctl_command *command);

/* The option must be in the command's table; NULL when not given. */
const char *ctl_get(const struct ctl_args *args, const char *name);
const char *ctl_get_nth(const struct ctl_args *args, const char *name, size_t i);
bool ctl_has(const struct ctl_args *args, const char *name);

/* "phictl: app.key: wrong password (key)" on stderr; CTL_FAILED. */
int ctl_fail(enum phi_err err, const struct phi_error *error);

#define CTL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define CTL_PASSWORD                                                                               \
    {                                                                                              \
        .name = "password-file", .value = "FILE", .variable = "PHI_KEY_PASSWORD_FILE",             \
        .is_required = true,                                                                       \
        .text = "file (mode 0600) whose first line is the password of the key files"               \
    }

#endif
