/* Options and output of the commands that change a folder of keys. */
#include "phictl/key/folder.h"

#include "base/text.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

#define SPAN_MAX 1000000

static bool unit_of(char letter, int64_t *seconds)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    for (size_t i = 0; i < CTL_COUNT(units); i++) {
        if (units[i].letter == letter) {
            *seconds = units[i].seconds;
            return true;
        }
    }
    return false;
}

/* "+31d" */
static bool span_of(struct phi_view text, int64_t *out)
{
    int64_t unit = 0, number = 0;
    if (text.len < 3 || text.data[0] != '+' || !unit_of((char)text.data[text.len - 1], &unit) ||
        !phi_text_is_digits(phi_view_of(text.data + 1, text.len - 2)) ||
        phi_text_to_i64(phi_view_of(text.data + 1, text.len - 2), 0, SPAN_MAX, &number) != PHI_OK)
        return false;
    *out = number * unit;
    return true;
}

enum phi_err key_time_option(const struct ctl_args *args, const char *name, int64_t now_s,
                             int64_t otherwise, int64_t *out, struct phi_error *error)
{
    int64_t time_us = 0, span = 0;
    struct phi_view text = phi_view_text(ctl_get(args, name));
    *out = otherwise;
    if (text.len == 0)
        return PHI_OK;
    if (span_of(text, &span)) {
        *out = now_s + span;
        return PHI_OK;
    }
    if (phi_rfc3339_parse(text, &time_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, name,
                             "not a time: 2026-11-21T08:00:00+08:00, or +90s, +10m, +2h, +31d");
    *out = time_us / 1000000;
    return PHI_OK;
}

enum phi_err key_entry_options(const struct ctl_args *args, int64_t now_s,
                               struct phi_key_entry *entry, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t set = 0;
    const char *use = ctl_get(args, "use");
    if (use == NULL || !phi_text_is_word(phi_view_text(use), PHI_KEY_USE_MAX) || use[0] == '.' ||
        use[0] == '-')
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--use", "a word of at most %d letters",
                             PHI_KEY_USE_MAX);
    if (phi_text_to_i64(phi_view_text(ctl_get(args, "set")), 0, UINT8_MAX, &set) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--set", "a key set is 0 to 255");
    (void)snprintf(entry->use, sizeof(entry->use), "%s", use);
    entry->set = (uint8_t)set;
    PHI_GUARD(key_time_option(args, "from", now_s, 0, &entry->from_s, error));
    PHI_GUARD(key_time_option(args, "to", now_s, PHI_KEY_TIME_OPEN, &entry->to_s, error));
    if (entry->from_s >= entry->to_s)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--to", "not after --from");
out:
    return err;
}

void key_entry_name_file(struct phi_key_entry *entry)
{
    (void)snprintf(entry->file, sizeof(entry->file), "%s-%s.key", entry->use, entry->id);
}

static const char *time_text(int64_t time_s, bool is_open, char out[PHI_RFC3339_MAX])
{
    if (is_open)
        (void)snprintf(out, PHI_RFC3339_MAX, "-");
    else
        phi_rfc3339_format(time_s * 1000000, out);
    return out;
}

void key_entry_print(const char *what, const struct phi_key_entry *entry)
{
    char from[PHI_RFC3339_MAX], to[PHI_RFC3339_MAX];
    (void)printf("%s key=%s use=%s set=%u kind=%s from=%s to=%s file=%s\n", what, entry->id,
                 entry->use, (unsigned)entry->set, phi_key_kind_name(entry->kind),
                 time_text(entry->from_s, entry->from_s == 0, from),
                 time_text(entry->to_s, entry->to_s == PHI_KEY_TIME_OPEN, to), entry->file);
}
