/* The manifest's text, read and written. */
#include "crypto/manifest.h"

#include "base/text.h"
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD    "phi-keys 1"
#define FIELDS  9
#define MAC_LEN PHI_SM3_LEN

static const char *const kind_names[] = {"sm2", "secret", "curve"};
static const char *const state_names[] = {"live", "archived", "destroyed"};
static const char *const phase_names[] = {"waits",   "active",   "overlaps",
                                          "expired", "archived", "destroyed"};

const char *phi_key_kind_name(enum phi_key_kind kind)
{
    return kind_names[kind];
}

const char *phi_key_state_name(enum phi_key_state state)
{
    return state_names[state];
}

const char *phi_key_phase_name(enum phi_key_phase phase)
{
    return phase_names[phase];
}

/* Which of the names the text is; -1 when none. */
static int name_of(struct phi_view text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (phi_view_equal(text, phi_view_text(names[i])))
            return (int)i;
    }
    return -1;
}

static bool is_lower_hex(struct phi_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9') &&
            (text.data[i] < 'a' || text.data[i] > 'f'))
            return false;
    }
    return true;
}

static bool take_hex(struct phi_view text, uint8_t *out, size_t len)
{
    return is_lower_hex(text) && phi_hex_decode(text, out, len) == PHI_OK;
}

/* A decimal number that is written in one way only. */
static bool take_number(struct phi_view text, int64_t max, int64_t *out)
{
    return phi_text_is_digits(text) && (text.data[0] != '0' || text.len == 1) &&
           phi_text_to_i64(text, 0, max, out) == PHI_OK;
}

/* Splits at single spaces; false unless there are just `count` fields, none of them empty. */
static bool split(struct phi_view line, struct phi_view *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *space = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
        bool is_last = i + 1 == count;
        if (is_last != (space == NULL))
            return false;
        fields[i] = phi_view_of(line.data, is_last ? line.len : (size_t)(space - line.data));
        if (fields[i].len == 0)
            return false;
        if (!is_last)
            line = phi_view_of(space + 1, line.len - fields[i].len - 1);
    }
    return true;
}

static bool take_word(struct phi_view text, char *out, size_t max)
{
    if (!phi_text_is_word(text, max) || text.data[0] == '.' || text.data[0] == '-')
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static bool take_time(struct phi_view text, int64_t when_open, int64_t *out)
{
    *out = when_open;
    return phi_view_equal(text, phi_view_text("-")) || phi_time14_parse(text, 0, out) == PHI_OK;
}

static bool take_id(struct phi_view text, char out[PHI_KEY_ID_LEN + 1])
{
    uint8_t bytes[PHI_KEY_ID_LEN / 2];
    if (!take_hex(text, bytes, sizeof(bytes)))
        return false;
    phi_hex_encode(phi_view_of(bytes, sizeof(bytes)), out);
    return true;
}

static bool take_fields(const struct phi_view *fields, struct phi_key_entry *out)
{
    int64_t set = 0;
    int kind = name_of(fields[3], kind_names, PHI_KEY_KIND_COUNT);
    int state = name_of(fields[5], state_names, PHI_KEY_STATE_COUNT);
    if (!phi_view_equal(fields[0], phi_view_text("key")) || kind < 0 || state < 0 ||
        !take_word(fields[1], out->use, PHI_KEY_USE_MAX) ||
        !take_number(fields[2], UINT8_MAX, &set) || !take_id(fields[4], out->id) ||
        !take_time(fields[6], 0, &out->from_s) ||
        !take_time(fields[7], PHI_KEY_TIME_OPEN, &out->to_s) ||
        !take_word(fields[8], out->file, PHI_KEY_FILE_MAX) || out->from_s >= out->to_s)
        return false;
    out->set = (uint8_t)set;
    out->kind = (enum phi_key_kind)kind;
    out->state = (enum phi_key_state)state;
    return true;
}

enum phi_err phi_key_entry_parse(struct phi_view line, struct phi_key_entry *out)
{
    struct phi_view fields[FIELDS];
    struct phi_key_entry made = {.set = 0};
    if (!split(line, fields, FIELDS) || !take_fields(fields, &made))
        return PHI_ERR_KEY;
    *out = made;
    return PHI_OK;
}

static void format_time(int64_t time_s, bool is_open, char out[PHI_TIME14_LEN + 1])
{
    if (is_open)
        memcpy(out, "-", 2);
    else
        phi_time14_format(time_s, 0, out);
}

void phi_key_entry_format(const struct phi_key_entry *entry, char out[PHI_KEY_LINE_MAX])
{
    char from[PHI_TIME14_LEN + 1], to[PHI_TIME14_LEN + 1];
    format_time(entry->from_s, entry->from_s == 0, from);
    format_time(entry->to_s, entry->to_s == PHI_KEY_TIME_OPEN, to);
    (void)snprintf(out, PHI_KEY_LINE_MAX, "key %s %u %s %s %s %s %s %s", entry->use,
                   (unsigned)entry->set, kind_names[entry->kind], entry->id,
                   state_names[entry->state], from, to, entry->file);
}

/* The next line without its end; false when there is none that is ended. */
static bool next_line(struct phi_view *text, struct phi_view *line)
{
    const uint8_t *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    if (end == NULL)
        return false;
    *line = phi_view_of(text->data, (size_t)(end - text->data));
    *text = phi_view_of(end + 1, text->len - line->len - 1);
    return true;
}

static bool take_head(struct phi_view *text, struct phi_manifest *out)
{
    struct phi_view line, fields[3];
    int64_t version = 0, steps = 0;
    bool ok = next_line(text, &line) && phi_view_equal(line, phi_view_text(HEAD)) &&
              next_line(text, &line) && split(line, fields, 2) &&
              phi_view_equal(fields[0], phi_view_text("salt")) &&
              take_hex(fields[1], out->salt, sizeof(out->salt)) && next_line(text, &line) &&
              split(line, fields, 2) && phi_view_equal(fields[0], phi_view_text("version")) &&
              take_number(fields[1], INT64_MAX, &version) && next_line(text, &line) &&
              split(line, fields, 3) && phi_view_equal(fields[0], phi_view_text("steps")) &&
              take_number(fields[1], INT64_MAX, &steps) &&
              take_hex(fields[2], out->step_head, sizeof(out->step_head));
    out->version = (uint64_t)version;
    out->step_count = (uint64_t)steps;
    return ok;
}

static bool is_mac_line(struct phi_view line)
{
    struct phi_view fields[2];
    uint8_t mac[MAC_LEN];
    return split(line, fields, 2) && phi_view_equal(fields[0], phi_view_text("mac")) &&
           take_hex(fields[1], mac, sizeof(mac));
}

static enum phi_err wrong_line(struct phi_error *error, size_t number, const char *why)
{
    char place[32];
    (void)snprintf(place, sizeof(place), "line %zu", number);
    return phi_error_set(error, PHI_ERR_KEY, place, "%s", why);
}

static enum phi_err parse(struct phi_view text, struct phi_manifest *out, struct phi_error *error)
{
    struct phi_view line;
    struct phi_key_entry entry;
    if (!take_head(&text, out))
        return wrong_line(error, 1, "not the head of a manifest");
    for (size_t number = 5; next_line(&text, &line); number++) {
        if (is_mac_line(line))
            return text.len == 0 ? PHI_OK : wrong_line(error, number + 1, "follows the MAC");
        if (phi_key_entry_parse(line, &entry) != PHI_OK)
            return wrong_line(error, number, "not a key's line");
        if (phi_manifest_add(out, &entry) != PHI_OK)
            return wrong_line(error, number, "a key twice, or too many keys");
    }
    return wrong_line(error, out->count + 5, "no MAC at the end");
}

enum phi_err phi_manifest_parse(struct phi_view text, struct phi_manifest *out,
                                struct phi_error *error)
{
    struct phi_manifest made = {.version = 0};
    enum phi_err err = parse(text, &made, error);
    if (err == PHI_OK)
        *out = made;
    return err;
}

static size_t format_body(const struct phi_manifest *manifest, char *out, size_t size)
{
    char salt[2 * PHI_MANIFEST_SALT_LEN + 1], head[2 * PHI_SM3_LEN + 1], line[PHI_KEY_LINE_MAX];
    phi_hex_encode(phi_view_of(manifest->salt, sizeof(manifest->salt)), salt);
    phi_hex_encode(phi_view_of(manifest->step_head, sizeof(manifest->step_head)), head);
    int made = snprintf(out, size, HEAD "\nsalt %s\nversion %" PRIu64 "\nsteps %" PRIu64 " %s\n",
                        salt, manifest->version, manifest->step_count, head);
    size_t at = (size_t)made;
    for (size_t i = 0; i < manifest->count && at < size; i++) {
        phi_key_entry_format(&manifest->keys[i], line);
        at += (size_t)snprintf(out + at, size - at, "%s\n", line);
    }
    return at;
}

enum phi_err phi_manifest_format(const struct phi_manifest *manifest, char *out, size_t size,
                                 size_t *len)
{
    enum phi_err err = PHI_OK;
    struct phi_hmac_key *key = NULL;
    uint8_t mac[MAC_LEN];
    char hex[2 * MAC_LEN + 1];
    size_t body = format_body(manifest, out, size);
    if (body + sizeof(hex) + 5 > size)
        return PHI_ERR_OVERLOAD;
    const struct phi_view view = phi_view_of(out, body);
    PHI_GUARD(phi_hmac_key_new(phi_view_of(manifest->mac_key, sizeof(manifest->mac_key)), &key));
    PHI_GUARD(phi_hmac_sm3(key, &view, 1, mac));
    phi_hex_encode(phi_view_of(mac, sizeof(mac)), hex);
    *len = body + (size_t)snprintf(out + body, size - body, "mac %s\n", hex);
out:
    phi_hmac_key_free(key);
    return err;
}
