#include "codes/consent.h"

#include "base/mutant.h"
#include "base/text.h"
#include "base/time.h"
#include "codes/canonical.h"

#include <string.h>

#define CHINA_MIN     480
#define RECORD_FIELDS 5

static bool name_is_sound(struct phi_view name)
{
    if (name.len == 0 || !phi_text_is_utf8(name) || phi_text_has_control(name))
        return false;
    return memchr(name.data, '|', name.len) == NULL && phi_text_count(name) <= PHI_CONSENT_NAME_MAX;
}

enum phi_err phi_consent_format(const struct phi_person *person, int64_t time_s,
                                struct phi_arena *arena, struct phi_view *record)
{
    enum phi_err err = PHI_OK;
    struct phi_canonical found = {.id_type = "", .country = ""};
    struct phi_view name;
    char time[PHI_TIME14_LEN + 1];
    if (!name_is_sound(person->name))
        return PHI_ERR_FIELD_VALUE;
    PHI_GUARD(phi_text_nfc(person->name, arena, &name));
    PHI_GUARD(phi_canonical_person(person, arena, &found, NULL));
    phi_time14_format(time_s, PHI_MUTANT(consent_in_utc) ? 0 : CHINA_MIN, time);
    const char *id_type = strcmp(found.id_type, "553") == 0 ? "516" : found.id_type;
    const char *text = phi_arena_printf(
        arena, "%.*s|%.*s|%s|%s|%s", (int)name.len, (const char *)name.data, (int)found.id_no.len,
        (const char *)found.id_no.data, id_type, found.country, time);
    if (!text)
        return PHI_ERR_MEMORY;
    *record = phi_view_text(text);
out:
    return err;
}

enum phi_err phi_consent_digest(struct phi_view record, uint8_t out[PHI_SM3_LEN])
{
    return phi_sm3(record, out);
}

static bool split(struct phi_view record, struct phi_view fields[RECORD_FIELDS])
{
    size_t from = 0;
    size_t count = 0;
    for (size_t i = 0; i <= record.len; i++) {
        if (i < record.len && record.data[i] != '|')
            continue;
        if (count == RECORD_FIELDS)
            return false;
        fields[count++] = phi_view_of(record.data + from, i - from);
        from = i + 1;
    }
    return count == RECORD_FIELDS;
}

enum phi_err phi_consent_parse(struct phi_view record, struct phi_person *person, int64_t *time_s)
{
    struct phi_view fields[RECORD_FIELDS];
    int64_t found_s = 0;
    if (record.len == 0 || !phi_text_is_utf8(record) || !split(record, fields) ||
        !name_is_sound(fields[0]) || fields[1].len == 0 || fields[2].len != 3 ||
        fields[3].len != 3 || phi_time14_parse(fields[4], CHINA_MIN, &found_s) != PHI_OK)
        return PHI_ERR_DATA_BROKEN;
    *person = (struct phi_person){
        .name = fields[0], .id_no = fields[1], .id_type = fields[2], .country = fields[3]};
    *time_s = found_s;
    return PHI_OK;
}
