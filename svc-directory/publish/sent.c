#include "svc-directory/publish/sent.h"

#include "bus/signed.h"
#include "svc-directory/query/query.h"

#include <stdio.h>
#include <string.h>

static enum phi_err fill_reasons(struct reasons *known, struct phi_view codes,
                                 struct phi_entry *entry)
{
    enum phi_err err = PHI_OK;
    json_t *reasons = NULL, *words = NULL;
    PHI_GUARD(reasons_decode(known, codes, &reasons));
    words = person_reason_words(reasons);
    PHI_GUARD(words == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < json_array_size(words) && i < PHI_ENTRY_REASONS_MAX; i++)
        snprintf(entry->reasons[entry->reasons_count++], sizeof(entry->reasons[0]), "%s",
                 json_string_value(json_array_get(words, i)));
out:
    json_decref(reasons);
    json_decref(words);
    return err;
}

enum phi_err entry_sent_read(struct directory *directory, const struct phi_rows *rows, size_t row,
                             struct phi_entry *entry)
{
    *entry = (struct phi_entry){
        .grade = (enum phi_grade)phi_rows_i64(rows, row, ENTRY_SENT_GRADE),
        .sources_mask = (uint32_t)phi_rows_i64(rows, row, ENTRY_SENT_MASK),
        .version = (uint64_t)phi_rows_i64(rows, row, ENTRY_SENT_VERSION),
        .from_us = phi_rows_i64(rows, row, ENTRY_SENT_FROM),
        .until_us = phi_rows_i64(rows, row, ENTRY_SENT_UNTIL),
        .then = (enum phi_grade)phi_rows_i64(rows, row, ENTRY_SENT_THEN),
        .updated_us = phi_rows_i64(rows, row, ENTRY_SENT_UPDATED),
        .is_withdrawn = phi_rows_bool(rows, row, ENTRY_SENT_WITHDRAWN),
    };
    memcpy(entry->subject, phi_rows_bytes(rows, row, ENTRY_SENT_SUBJECT).data, PHI_SUBJECT_LEN);
    snprintf(entry->region, sizeof(entry->region), "%s", phi_service_region(directory->service));
    return fill_reasons(directory->reasons, phi_rows_bytes(rows, row, ENTRY_SENT_REASONS), entry);
}

enum phi_err entry_sent_make(const struct directory *directory, const char *topic,
                             const struct phi_entry *entry, struct phi_arena *arena,
                             struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct phi_view value;
    PHI_GUARD(phi_entry_format(entry, arena, &value));
    *event = (struct phi_event){
        .topic = topic,
        .type = "cn.phi.directory",
        .source = phi_service_source(directory->service),
        .time_us = entry->updated_us,
        .key = phi_arena_view(arena, phi_view_of(entry->subject, PHI_SUBJECT_LEN)),
        .value = value,
    };
    PHI_GUARD(phi_event_new_id(event));
out:
    return err;
}

enum phi_err entry_sent_event(const struct directory *directory, const char *topic,
                              const struct phi_entry *entry, struct phi_arena *arena,
                              struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    const struct phi_signer signer = {directory->directory_key_id, directory->directory_key};
    PHI_GUARD(entry_sent_make(directory, topic, entry, arena, event));
    PHI_GUARD(phi_signed_add(event, &signer, entry->version, arena));
out:
    return err;
}
