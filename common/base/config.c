#include "base/config_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void phi_config_flag_of(const char *name, char out[PHI_CONFIG_FLAG_MAX])
{
    const char *rest = strncmp(name, "PHI_", 4) == 0 ? name + 4 : name;
    int len = snprintf(out, PHI_CONFIG_FLAG_MAX, "--%s", rest);
    assert(len < PHI_CONFIG_FLAG_MAX);
    (void)len;
    for (char *at = out; *at != '\0'; at++) {
        if (*at == '_')
            *at = '-';
        else if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    }
}

static bool is_given(int argc, char *const *argv, const char *flag)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], flag) == 0)
            return true;
    return false;
}

static enum phi_err set_value(struct phi_config *config, size_t i, enum phi_config_source source,
                              const char *text, struct phi_error *error)
{
    struct phi_config_value *value = &config->values[i];
    free(value->text);
    value->text = phi_config_copy(text, strlen(text));
    if (value->text == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, config->rows[i].name, "out of memory");
    value->source = source;
    return PHI_OK;
}

/* An empty variable counts as unset: compose files pass on variables that nobody filled. */
static enum phi_err read_environment(struct phi_config *config, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < config->count; i++) {
        /* nothing in the suite changes the environment: NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const char *text = getenv(config->rows[i].name);
        if (text != NULL && text[0] != '\0')
            PHI_GUARD(set_value(config, i, PHI_CONFIG_ENVIRONMENT, text, error));
        else if (config->rows[i].fallback != NULL)
            PHI_GUARD(set_value(config, i, PHI_CONFIG_DEFAULT, config->rows[i].fallback, error));
    }
out:
    return err;
}

/* The row of a flag of `len` characters; count when there is none. */
static size_t find_flag(const struct phi_config *config, const char *arg, size_t len)
{
    char flag[PHI_CONFIG_FLAG_MAX];
    for (size_t i = 0; i < config->count; i++) {
        phi_config_flag_of(config->rows[i].name, flag);
        if (strlen(flag) == len && memcmp(flag, arg, len) == 0)
            return i;
    }
    return config->count;
}

/* `place` is the flag without a value that may stand behind '=': it could be a secret. */
static enum phi_err refuse_flag(struct phi_error *error, const char *arg, size_t len,
                                const char *why)
{
    char place[PHI_CONFIG_FLAG_MAX];
    snprintf(place, sizeof(place), "%.*s", (int)(len < sizeof(place) ? len : sizeof(place) - 1),
             arg);
    return phi_error_set(error, PHI_ERR_CONFIG, place, "%s", why);
}

/* Takes argv[*at] and, in the form "--flag value", the argument after it. */
static enum phi_err read_flag(struct phi_config *config, int argc, char *const *argv, int *at,
                              struct phi_error *error)
{
    const char *arg = argv[*at];
    if (strncmp(arg, "--", 2) != 0)
        return phi_error_set(error, PHI_ERR_CONFIG, "argv", "argument %d is not a flag", *at);
    size_t len = strcspn(arg, "=");
    size_t i = find_flag(config, arg, len);
    if (i == config->count)
        return refuse_flag(error, arg, len, "unknown flag");
    if (config->values[i].source == PHI_CONFIG_FLAG)
        return phi_error_set(error, PHI_ERR_CONFIG, config->rows[i].name,
                             "the flag is given twice");
    const char *text = arg[len] == '=' ? arg + len + 1 : NULL;
    if (text == NULL && *at + 1 < argc)
        text = argv[++*at];
    if (text == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, config->rows[i].name, "the flag needs a value");
    return set_value(config, i, PHI_CONFIG_FLAG, text, error);
}

static enum phi_err read_flags(struct phi_config *config, int argc, char *const *argv,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (int at = 1; at < argc; at++)
        if (strcmp(argv[at], "--check") != 0)
            PHI_GUARD(read_flag(config, argc, argv, &at, error));
out:
    return err;
}

static enum phi_err check_values(struct phi_config *config, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < config->count; i++) {
        const struct phi_config_row *row = &config->rows[i];
        if (config->values[i].source != PHI_CONFIG_UNSET)
            PHI_GUARD(phi_config_value_check(row, &config->values[i], error));
        else if (!row->optional)
            PHI_GUARD(phi_error_set(error, PHI_ERR_CONFIG, row->name, "is required"));
    }
out:
    return err;
}

enum phi_err phi_config_load(const struct phi_config_row *rows, size_t count, int argc,
                             char *const *argv, struct phi_config **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_config *config = calloc(1, sizeof(*config) + count * sizeof(config->values[0]));
    if (config == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "", "out of memory");
    config->rows = rows;
    config->count = count;
    config->help = is_given(argc, argv, "--help");
    config->check = is_given(argc, argv, "--check");
    if (!config->help) {
        PHI_GUARD(read_environment(config, error));
        PHI_GUARD(read_flags(config, argc, argv, error));
        PHI_GUARD(check_values(config, error));
    }
    *out = config;
    config = NULL;
out:
    phi_config_free(config);
    return err;
}

void phi_config_free(struct phi_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->count; i++)
        phi_config_value_drop(&config->values[i]);
    free(config);
}

bool phi_config_wants_help(const struct phi_config *config)
{
    return config->help;
}

bool phi_config_wants_check(const struct phi_config *config)
{
    return config->check;
}

static _Noreturn void stop(const char *name, const char *why)
{
    fprintf(stderr, "configuration: %s %s\n", name, why);
    abort();
}

/* Asking for a name that is not in the table, or by another type, is a fault of ours. */
static const struct phi_config_value *find(const struct phi_config *config, const char *name,
                                           bool (*fits)(enum phi_config_type))
{
    for (size_t i = 0; i < config->count; i++) {
        if (strcmp(config->rows[i].name, name) != 0)
            continue;
        if (!fits(config->rows[i].type))
            stop(name, "is of another type");
        return &config->values[i];
    }
    stop(name, "is not in the table");
}

static bool is_text(enum phi_config_type type)
{
    return type == PHI_CONFIG_TEXT || type == PHI_CONFIG_ENUM || type == PHI_CONFIG_FILE ||
           type == PHI_CONFIG_SECRET;
}

static bool is_bool(enum phi_config_type type)
{
    return type == PHI_CONFIG_BOOL;
}

static bool is_list(enum phi_config_type type)
{
    return type == PHI_CONFIG_LIST;
}

const char *phi_config_text(const struct phi_config *config, const char *name)
{
    const struct phi_config_value *value = find(config, name, is_text);
    return value->secret != NULL ? value->secret : value->text;
}

int64_t phi_config_int(const struct phi_config *config, const char *name)
{
    return find(config, name, phi_config_is_number)->number;
}

bool phi_config_bool(const struct phi_config *config, const char *name)
{
    return find(config, name, is_bool)->number != 0;
}

size_t phi_config_list_count(const struct phi_config *config, const char *name)
{
    return find(config, name, is_list)->item_count;
}

const char *phi_config_list_item(const struct phi_config *config, const char *name, size_t i)
{
    const struct phi_config_value *value = find(config, name, is_list);
    return i < value->item_count ? value->items[i] : NULL;
}
