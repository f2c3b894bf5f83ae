#include "phictl/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t index_of(const struct ctl_command *command, const char *name)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (strcmp(command->options[i].name, name) == 0)
            return i;
    }
    (void)fprintf(stderr, "phictl: no option %s in the table of %s\n", name, command->group);
    abort();
}

const char *ctl_get_nth(const struct ctl_args *args, const char *name, size_t i)
{
    size_t at = index_of(args->command, name);
    return i < args->counts[at] ? args->values[at][i] : NULL;
}

const char *ctl_get(const struct ctl_args *args, const char *name)
{
    return ctl_get_nth(args, name, 0);
}

bool ctl_has(const struct ctl_args *args, const char *name)
{
    return ctl_get(args, name) != NULL;
}

int ctl_fail(enum phi_err err, const struct phi_error *error)
{
    bool told = error != NULL && error->code != PHI_OK;
    (void)fprintf(stderr, "phictl: %s%s%s (%s)\n", told ? error->place : "", told ? ": " : "",
                  told ? error->text : phi_err_text_en(err), phi_err_name(err));
    return CTL_FAILED;
}

static void print_option(const struct ctl_option *option)
{
    char left[64];
    char letter[8] = "";
    if (option->letter != 0)
        (void)snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name,
                   option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
    (void)printf("  %-30s %s", left, option->text);
    if (option->variable != NULL)
        (void)printf(" [%s]", option->variable);
    if (option->fallback != NULL)
        (void)printf(" (%s)", option->fallback);
    (void)printf("%s%s\n", option->repeats ? "; may be repeated" : "",
                 option->is_required ? "; required" : "");
}

static void print_name(const struct ctl_command *command, FILE *to)
{
    (void)fprintf(to, "phictl %s%s%s", command->group, command->verb != NULL ? " " : "",
                  command->verb != NULL ? command->verb : "");
}

void ctl_print_help(const struct ctl_command *command)
{
    (void)printf("usage: ");
    print_name(command, stdout);
    (void)printf(" [options]%s%s%s%s\n%s\n\n", command->positional != NULL ? " " : "",
                 command->positional != NULL ? command->positional : "",
                 command->second != NULL ? " " : "", command->second != NULL ? command->second : "",
                 command->about);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
    (void)printf("  %-30s this text\n", "--help");
    if (command->example != NULL)
        (void)printf("\nexample:\n  %s\n", command->example);
}

static int usage_error(const struct ctl_command *command, const char *what, const char *which)
{
    (void)fprintf(stderr, "phictl: %s%s\ntry: ", what, which);
    print_name(command, stderr);
    (void)fprintf(stderr, " --help\n");
    return CTL_USAGE;
}

/* Which option the argument names; `*value` is what follows its '=', or NULL. */
static const struct ctl_option *option_of(const struct ctl_command *command, const char *argument,
                                          const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < command->option_count; i++) {
        const struct ctl_option *option = &command->options[i];
        size_t len = strlen(option->name);
        if (option->letter != 0 && argument[0] == '-' && argument[1] == option->letter &&
            argument[2] == '\0')
            return option;
        if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, option->name, len) != 0)
            continue;
        if (argument[2 + len] == '\0')
            return option;
        if (argument[2 + len] == '=') {
            *value = argument + 2 + len + 1;
            return option;
        }
    }
    return NULL;
}

static bool keep(struct ctl_args *args, const struct ctl_option *option, const char *value)
{
    size_t at = (size_t)(option - args->command->options);
    size_t max = option->repeats ? CTL_REPEAT_MAX : 1;
    if (args->counts[at] == max)
        return false;
    args->values[at][args->counts[at]++] = value;
    return true;
}

static int parse_option(struct ctl_args *args, const char *argument, const char *next,
                        bool *took_next)
{
    const char *value = NULL;
    const struct ctl_option *option = option_of(args->command, argument, &value);
    *took_next = false;
    if (option == NULL)
        return usage_error(args->command, "unknown option ", argument);
    if (option->value == NULL && value != NULL)
        return usage_error(args->command, "takes no value: ", argument);
    if (option->value == NULL)
        value = "true";
    if (value == NULL) {
        if (next == NULL)
            return usage_error(args->command, "a value is missing after ", argument);
        value = next;
        *took_next = true;
    }
    if (!keep(args, option, value))
        return usage_error(args->command, "given too often: --", option->name);
    return CTL_OK;
}

static int parse(struct ctl_args *args, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        bool took_next = false;
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            int status = parse_option(args, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_next);
            if (status != CTL_OK)
                return status;
            i += took_next ? 1 : 0;
            continue;
        }
        const char **free_place = args->positional == NULL ? &args->positional : &args->second;
        const char *wanted =
            args->positional == NULL ? args->command->positional : args->command->second;
        if (wanted == NULL || *free_place != NULL)
            return usage_error(args->command, "one argument too many: ", argv[i]);
        *free_place = argv[i];
    }
    return CTL_OK;
}

static int fill_in(struct ctl_args *args)
{
    for (size_t i = 0; i < args->command->option_count; i++) {
        const struct ctl_option *option = &args->command->options[i];
        /* nothing here changes the environment: NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const char *value = option->variable != NULL ? getenv(option->variable) : NULL;
        if (value == NULL || value[0] == '\0')
            value = option->fallback;
        if (args->counts[i] == 0 && value != NULL)
            (void)keep(args, option, value);
        if (args->counts[i] == 0 && option->is_required)
            return usage_error(args->command, "missing: --", option->name);
    }
    if (args->command->positional != NULL && args->positional == NULL)
        return usage_error(args->command, "missing: ", args->command->positional);
    if (args->command->second != NULL && args->second == NULL)
        return usage_error(args->command, "missing: ", args->command->second);
    return CTL_OK;
}

int ctl_run(const struct ctl_command *command, int argc, char **argv)
{
    struct ctl_args args = {.command = command};
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ctl_print_help(command);
            return CTL_OK;
        }
    }
    int status = parse(&args, argc, argv);
    if (status == CTL_OK)
        status = fill_in(&args);
    if (status != CTL_OK)
        return status;
    return command->run(&args);
}
