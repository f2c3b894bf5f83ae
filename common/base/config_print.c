#include "base/config_internal.h"

#include <inttypes.h>
#include <string.h>

static const char *const type_names[] = {
    [PHI_CONFIG_TEXT] = "text",   [PHI_CONFIG_INT] = "number", [PHI_CONFIG_BOOL] = "true or false",
    [PHI_CONFIG_MS] = "duration", [PHI_CONFIG_BYTES] = "size", [PHI_CONFIG_ENUM] = "choice",
    [PHI_CONFIG_LIST] = "list",   [PHI_CONFIG_FILE] = "file",  [PHI_CONFIG_SECRET] = "secret file",
};

static const char *const source_names[] = {
    [PHI_CONFIG_UNSET] = "unset",
    [PHI_CONFIG_DEFAULT] = "default",
    [PHI_CONFIG_ENVIRONMENT] = "environment",
    [PHI_CONFIG_FLAG] = "flag",
};

static const char *unit_of(const struct phi_config_row *row)
{
    if (row->unit != NULL && row->unit[0] != '\0')
        return row->unit;
    if (row->type == PHI_CONFIG_MS)
        return "ms";
    return row->type == PHI_CONFIG_BYTES ? "bytes" : "";
}

/* "1 to 65535", "1 to 8 items"; nothing for what has no range. */
static void print_range(const struct phi_config_row *row, FILE *to)
{
    int64_t most = phi_config_most_characters(row);
    if (phi_config_is_number(row->type))
        fprintf(to, "%" PRId64 " to %" PRId64, row->min, row->max);
    else if (row->type == PHI_CONFIG_LIST)
        fprintf(to, "%" PRId64 " to %" PRId64 " items", row->min, most);
    else if (row->type == PHI_CONFIG_TEXT)
        fprintf(to, "%" PRId64 " to %" PRId64 " characters", row->min, most);
    else if (row->type == PHI_CONFIG_BOOL)
        fputs("true, false", to);
}

static void print_choices(const struct phi_config_row *row, FILE *to)
{
    for (const char *at = row->choices; at != NULL && *at != '\0'; at++) {
        if (*at == '|')
            fputs(", ", to);
        else
            fputc(*at, to);
    }
}

static void print_limits(const struct phi_config_row *row, FILE *to)
{
    if (row->type == PHI_CONFIG_ENUM)
        print_choices(row, to);
    else
        print_range(row, to);
}

static void print_default(const struct phi_config_row *row, FILE *to)
{
    if (row->fallback != NULL && row->fallback[0] != '\0')
        fputs(row->fallback, to);
    else if (row->fallback != NULL)
        fputs("empty", to);
    else
        fputs(row->optional ? "none" : "required", to);
}

static void print_help_row(const struct phi_config_row *row, FILE *to)
{
    char flag[PHI_CONFIG_FLAG_MAX];
    phi_config_flag_of(row->name, flag);
    fprintf(to, "  %s VALUE\n      %s; %s", flag, row->text, type_names[row->type]);
    if (unit_of(row)[0] != '\0')
        fprintf(to, " in %s", unit_of(row));
    if (phi_config_is_number(row->type) || row->type == PHI_CONFIG_ENUM) {
        fputs(", ", to);
        print_limits(row, to);
    }
    fputs("; default: ", to);
    print_default(row, to);
    fprintf(to, "%s  [%s]\n", row->reloadable ? "; read again on SIGHUP" : "", row->name);
}

void phi_config_print_help(const struct phi_config_row *rows, size_t count, const char *program,
                           const char *about, FILE *to)
{
    fprintf(to, "%s: %s\n\nusage: %s [--flag VALUE | --flag=VALUE]...\n\n", program, about,
            program);
    fputs("Each flag can also be given as the environment variable in brackets; the flag wins.\n\n",
          to);
    for (size_t i = 0; i < count; i++)
        print_help_row(&rows[i], to);
    fputs("  --check\n      say which values would be used, and exit\n", to);
    fputs("  --help\n      say this, and exit\n", to);
}

void phi_config_print_check(const struct phi_config *config, FILE *to)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct phi_config_value *value = &config->values[i];
        const char *shown = value->text != NULL ? value->text : "(unset)";
        if (value->secret != NULL)
            shown = "(set)";
        fprintf(to, "%s=%s", config->rows[i].name, shown);
        if (value->source != PHI_CONFIG_UNSET)
            fprintf(to, "  # %s", source_names[value->source]);
        fputc('\n', to);
    }
}

/* A bar would end the cell. */
static void print_cell(const char *text, FILE *to)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', to);
        fputc(*text, to);
    }
}

static void print_markdown_row(const struct phi_config_row *row, FILE *to)
{
    bool literal = row->fallback != NULL && row->fallback[0] != '\0';
    fprintf(to, "| `%s` | %s | %s", row->name, type_names[row->type], literal ? "`" : "");
    if (literal)
        print_cell(row->fallback, to);
    else
        print_default(row, to);
    fprintf(to, "%s | ", literal ? "`" : "");
    print_limits(row, to);
    fprintf(to, " | %s | %s | ", unit_of(row), row->reloadable ? "yes" : "no");
    print_cell(row->text, to);
    fputs(" |\n", to);
}

void phi_config_print_markdown(const struct phi_config_row *rows, size_t count, const char *program,
                               FILE *to)
{
    fprintf(to, "## %s\n\n", program);
    fputs("| variable | type | default | range | unit | on SIGHUP | meaning |\n", to);
    fputs("| --- | --- | --- | --- | --- | --- | --- |\n", to);
    for (size_t i = 0; i < count; i++)
        print_markdown_row(&rows[i], to);
    fputc('\n', to);
}
