/* What loading (config.c), checking one value (config_value.c) and printing (config_print.c) share;
 * nobody else includes it. */
#ifndef PHI_BASE_CONFIG_INTERNAL_H
#define PHI_BASE_CONFIG_INTERNAL_H

#include "base/config.h"

#define PHI_CONFIG_FLAG_MAX 80

enum phi_config_source {
    PHI_CONFIG_UNSET,
    PHI_CONFIG_DEFAULT,
    PHI_CONFIG_ENVIRONMENT,
    PHI_CONFIG_FLAG
};

struct phi_config_value {
    enum phi_config_source source;
    char *text;      /* as given; a secret's is the file's name */
    int64_t number;  /* INT, MS, BYTES, BOOL */
    char *secret;    /* SECRET: the first line */
    char *item_text; /* LIST: a copy cut at the commas */
    char **items;    /* into item_text */
    size_t item_count;
};

struct phi_config {
    const struct phi_config_row *rows;
    size_t count;
    bool help;
    bool check;
    struct phi_config_value values[];
};

/* "PHI_HTTP_PORT" gives "--http-port". */
void phi_config_flag_of(const char *name, char out[PHI_CONFIG_FLAG_MAX]);
bool phi_config_is_number(enum phi_config_type type); /* INT, MS, BYTES */
int64_t phi_config_most_characters(const struct phi_config_row *row);

/* Checks `value->text` by its row and fills the rest. PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err phi_config_value_check(const struct phi_config_row *row,
                                    struct phi_config_value *value,
                                    struct phi_error *error) PHI_MUST_USE;
void phi_config_value_drop(struct phi_config_value *value); /* wipes the secret */
char *phi_config_copy(const char *text, size_t len);        /* NULL when out of memory */

#endif
