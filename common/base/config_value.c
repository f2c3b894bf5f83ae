#include "base/config_internal.h"

#include "base/bytes.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_CHARACTERS 1024
#define SECRET_BYTES       4096

static enum phi_err refuse(struct phi_error *error, const struct phi_config_row *row,
                           const char *why)
{
    return phi_error_set(error, PHI_ERR_CONFIG, row->name, "%s", why);
}

bool phi_config_is_number(enum phi_config_type type)
{
    return type == PHI_CONFIG_INT || type == PHI_CONFIG_MS || type == PHI_CONFIG_BYTES;
}

/* Every text has a bound, also where the row doesn't say. */
int64_t phi_config_most_characters(const struct phi_config_row *row)
{
    return row->max > 0 ? row->max : DEFAULT_CHARACTERS;
}

char *phi_config_copy(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void phi_config_value_drop(struct phi_config_value *value)
{
    if (value->secret != NULL)
        phi_wipe(value->secret, strlen(value->secret));
    free(value->secret);
    free(value->items);
    free(value->item_text);
    free(value->text);
}

static enum phi_err check_plain(const struct phi_config_row *row, const char *text,
                                struct phi_error *error)
{
    struct phi_view view = phi_view_text(text);
    if (!phi_text_is_utf8(view) || phi_text_has_control(view))
        return refuse(error, row, "not plain text in UTF-8");
    return PHI_OK;
}

static enum phi_err check_length(const struct phi_config_row *row, const char *text,
                                 struct phi_error *error)
{
    int64_t count = (int64_t)phi_text_count(phi_view_text(text));
    int64_t most = phi_config_most_characters(row);
    if (count < row->min || count > most)
        return phi_error_set(error, PHI_ERR_CONFIG, row->name,
                             "must have %" PRId64 " to %" PRId64 " characters", row->min, most);
    return PHI_OK;
}

static enum phi_err check_number(const struct phi_config_row *row, struct phi_config_value *value,
                                 struct phi_error *error)
{
    if (phi_text_to_i64(phi_view_text(value->text), row->min, row->max, &value->number) != PHI_OK)
        return phi_error_set(error, PHI_ERR_CONFIG, row->name,
                             "must be a whole number from %" PRId64 " to %" PRId64, row->min,
                             row->max);
    return PHI_OK;
}

static enum phi_err check_bool(const struct phi_config_row *row, struct phi_config_value *value,
                               struct phi_error *error)
{
    value->number = strcmp(value->text, "true") == 0;
    if (value->number == 0 && strcmp(value->text, "false") != 0)
        return refuse(error, row, "must be true or false");
    return PHI_OK;
}

static enum phi_err check_enum(const struct phi_config_row *row, const char *text,
                               struct phi_error *error)
{
    size_t len = strlen(text);
    for (const char *at = row->choices; at != NULL && len > 0;) {
        size_t choice_len = strcspn(at, "|");
        if (choice_len == len && memcmp(at, text, len) == 0)
            return PHI_OK;
        at = at[choice_len] == '|' ? at + choice_len + 1 : NULL;
    }
    return phi_error_set(error, PHI_ERR_CONFIG, row->name, "must be one of %s", row->choices);
}

static size_t count_items(const char *text)
{
    size_t count = text[0] != '\0';
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

static enum phi_err check_list(const struct phi_config_row *row, struct phi_config_value *value,
                               struct phi_error *error)
{
    int64_t most = phi_config_most_characters(row);
    size_t count = count_items(value->text);
    if ((int64_t)count < row->min || (int64_t)count > most)
        return phi_error_set(error, PHI_ERR_CONFIG, row->name,
                             "must have %" PRId64 " to %" PRId64 " items", row->min, most);
    value->item_text = phi_config_copy(value->text, strlen(value->text));
    value->items = calloc(count + 1, sizeof(*value->items));
    if (value->item_text == NULL || value->items == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, row->name, "out of memory");
    char *rest = value->item_text;
    for (size_t i = 0; i < count; i++) {
        value->items[i] = strsep(&rest, ",");
        if (value->items[i][0] == '\0')
            return refuse(error, row, "has an empty item");
    }
    value->item_count = count;
    return PHI_OK;
}

/* Opened without waiting: a pipe in the place of a file must not hang the start. */
static enum phi_err open_file(const struct phi_config_row *row, const char *path,
                              struct stat *status, int *out, struct phi_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return refuse(error, row, errno == ENOENT ? "no such file" : "the file can't be read");
    if (fstat(fd, status) != 0 || !S_ISREG(status->st_mode)) {
        close(fd);
        return refuse(error, row, "not a regular file");
    }
    *out = fd;
    return PHI_OK;
}

static enum phi_err check_file(const struct phi_config_row *row, const char *path,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct stat status = {0};
    int fd = -1;
    PHI_GUARD(check_plain(row, path, error));
    PHI_GUARD(check_length(row, path, error));
    PHI_GUARD(open_file(row, path, &status, &fd, error));
    close(fd);
out:
    return err;
}

static ssize_t read_start(int fd, char *out, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, out + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static enum phi_err take_first_line(const struct phi_config_row *row, const char *start, size_t len,
                                    char **out, struct phi_error *error)
{
    const char *end = memchr(start, '\n', len);
    if (end == NULL && len == SECRET_BYTES)
        return refuse(error, row, "the file's first line is too long");
    size_t line_len = end != NULL ? (size_t)(end - start) : len;
    if (line_len > 0 && start[line_len - 1] == '\r')
        line_len--;
    if (line_len == 0 || memchr(start, '\0', line_len) != NULL)
        return refuse(error, row, "the file's first line is empty or binary");
    int64_t most = phi_config_most_characters(row);
    if ((int64_t)line_len < row->min || (int64_t)line_len > most)
        return phi_error_set(error, PHI_ERR_CONFIG, row->name,
                             "the file's first line must have %" PRId64 " to %" PRId64 " bytes",
                             row->min, most);
    *out = phi_config_copy(start, line_len);
    if (*out == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, row->name, "out of memory");
    return PHI_OK;
}

static enum phi_err check_secret(const struct phi_config_row *row, struct phi_config_value *value,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct stat status = {0};
    char start[SECRET_BYTES];
    ssize_t len = 0;
    int fd = -1;
    PHI_GUARD(check_plain(row, value->text, error));
    PHI_GUARD(open_file(row, value->text, &status, &fd, error));
    if ((status.st_mode & 07177) != 0) {
        err = refuse(error, row, "the file's mode must be 0600 or narrower");
        goto out;
    }
    len = read_start(fd, start, sizeof(start));
    if (len < 0) {
        err = refuse(error, row, "the file can't be read");
        goto out;
    }
    err = take_first_line(row, start, (size_t)len, &value->secret, error);
out:
    phi_wipe(start, sizeof(start));
    if (fd >= 0)
        close(fd);
    return err;
}

static enum phi_err check_text(const struct phi_config_row *row, const char *text,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_plain(row, text, error));
    PHI_GUARD(check_length(row, text, error));
out:
    return err;
}

enum phi_err phi_config_value_check(const struct phi_config_row *row,
                                    struct phi_config_value *value, struct phi_error *error)
{
    switch (row->type) {
    case PHI_CONFIG_TEXT:
        return check_text(row, value->text, error);
    case PHI_CONFIG_INT:
    case PHI_CONFIG_MS:
    case PHI_CONFIG_BYTES:
        return check_number(row, value, error);
    case PHI_CONFIG_BOOL:
        return check_bool(row, value, error);
    case PHI_CONFIG_ENUM:
        return check_enum(row, value->text, error);
    case PHI_CONFIG_LIST:
        return check_list(row, value, error);
    case PHI_CONFIG_FILE:
        return check_file(row, value->text, error);
    case PHI_CONFIG_SECRET:
        return check_secret(row, value, error);
    }
    return refuse(error, row, "the row has no known type");
}
