#include "codes/entry.h"

#include "base/text.h"
#include "base/time.h"
#include "codes/region.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REASONS_TEXT_MAX (PHI_ENTRY_REASONS_MAX * (PHI_ENTRY_REASON_MAX + 3) + 1)

static bool is_sound(const struct phi_entry *entry)
{
    if (!phi_platform_is_valid(phi_view_text(entry->region)) ||
        entry->reasons_count > PHI_ENTRY_REASONS_MAX)
        return false;
    for (size_t i = 0; i < entry->reasons_count; i++) {
        if (!phi_text_is_word(phi_view_text(entry->reasons[i]), PHI_ENTRY_REASON_MAX))
            return false;
    }
    return true;
}

static void reasons_text(const struct phi_entry *entry, char out[REASONS_TEXT_MAX])
{
    char *at = out;
    *at = '\0';
    for (size_t i = 0; i < entry->reasons_count; i++)
        at += sprintf(at, "%s\"%s\"", i > 0 ? "," : "", entry->reasons[i]);
}

static void end_text(const struct phi_entry *entry, char out[160])
{
    out[0] = '\0';
    if (entry->until_us == PHI_ENTRY_NEVER_US)
        return;
    char until[PHI_RFC3339_MAX];
    phi_rfc3339_format(entry->until_us, until);
    snprintf(out, 160, "\"then\":\"%s\",\"until\":\"%s\",", phi_grade_code(entry->then), until);
}

enum phi_err phi_entry_format(const struct phi_entry *entry, struct phi_arena *arena,
                              struct phi_view *json)
{
    if (!is_sound(entry))
        return PHI_ERR_FIELD_VALUE;
    char from[PHI_RFC3339_MAX];
    char updated[PHI_RFC3339_MAX];
    char reasons[REASONS_TEXT_MAX];
    char end[160];
    char subject[2 * PHI_SUBJECT_LEN + 1];
    phi_rfc3339_format(entry->from_us, from);
    phi_rfc3339_format(entry->updated_us, updated);
    reasons_text(entry, reasons);
    end_text(entry, end);
    phi_hex_encode(phi_view_of(entry->subject, PHI_SUBJECT_LEN), subject);
    /* every text here is plain ASCII without quotes, so that no escapes arise; keys stand in RFC
     * 8785's order */
    const char *text = phi_arena_printf(
        arena,
        "{\"from\":\"%s\",\"grade\":\"%s\",\"reasons\":[%s],\"region\":\"%s\",\"sources\":%" PRIu32
        ",\"subject\":\"%s\",%s\"updated\":\"%s\",\"version\":\"%" PRIu64 "\",\"withdrawn\":%s}",
        from, phi_grade_code(entry->grade), reasons, entry->region, entry->sources_mask, subject,
        end, updated, entry->version, entry->is_withdrawn ? "true" : "false");
    if (!text)
        return PHI_ERR_MEMORY;
    *json = phi_view_text(text);
    return PHI_OK;
}

enum phi_err phi_entry_digest(const uint8_t subject[PHI_SUBJECT_LEN], uint64_t version,
                              struct phi_view json, uint8_t out[PHI_ENTRY_DIGEST_LEN])
{
    uint8_t number[8];
    struct phi_writer writer = phi_writer_of(number, sizeof(number));
    phi_write_u64(&writer, version);
    const struct phi_view parts[] = {phi_view_of(subject, PHI_SUBJECT_LEN),
                                     phi_view_of(number, sizeof(number)), json};
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3_parts(parts, 3, digest);
    if (err == PHI_OK)
        memcpy(out, digest, PHI_ENTRY_DIGEST_LEN);
    return err;
}

void phi_entry_digest_add(uint8_t sum[PHI_ENTRY_DIGEST_LEN], const uint8_t h[PHI_ENTRY_DIGEST_LEN])
{
    unsigned carry = 0;
    for (size_t i = PHI_ENTRY_DIGEST_LEN; i-- > 0;) {
        carry += (unsigned)sum[i] + h[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

enum phi_grade phi_entry_grade_at(const struct phi_entry *entry, int64_t now_us)
{
    return now_us > entry->until_us ? entry->then : entry->grade;
}
