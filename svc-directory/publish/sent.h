/* An entry as it goes to the nation: read from its row, and signed.
 *
 *   PHI_GUARD(entry_sent_read(directory, rows, i, &entry));   // columns of ENTRY_SENT_COLUMNS
 *   PHI_GUARD(entry_sent_event(directory, topic, &entry, arena, &event));
 */
#ifndef SVC_DIRECTORY_SENT_H
#define SVC_DIRECTORY_SENT_H

#include "codes/entry.h"
#include "svc-directory/directory.h"

#define ENTRY_SENT_COLUMNS                                                                         \
    "subject, grade, reasons, sources_mask, version, from_us, updated_us, until_us, then_grade, "  \
    "is_withdrawn, published_version"

enum entry_sent_column {
    ENTRY_SENT_SUBJECT,
    ENTRY_SENT_GRADE,
    ENTRY_SENT_REASONS,
    ENTRY_SENT_MASK,
    ENTRY_SENT_VERSION,
    ENTRY_SENT_FROM,
    ENTRY_SENT_UPDATED,
    ENTRY_SENT_UNTIL,
    ENTRY_SENT_THEN,
    ENTRY_SENT_WITHDRAWN,
    ENTRY_SENT_PUBLISHED
};

/* PHI_ERR_MEMORY, what the reasons' codes give. */
enum phi_err entry_sent_read(struct directory *directory, const struct phi_rows *rows, size_t row,
                             struct phi_entry *out) PHI_MUST_USE;
/* PHI_ERR_FIELD_VALUE, PHI_ERR_CRYPTO, PHI_ERR_MEMORY; parts are the arena's. Without its
 * signature, and with it. */
enum phi_err entry_sent_make(const struct directory *directory, const char *topic,
                             const struct phi_entry *entry, struct phi_arena *arena,
                             struct phi_event *event) PHI_MUST_USE;
enum phi_err entry_sent_event(const struct directory *directory, const char *topic,
                              const struct phi_entry *entry, struct phi_arena *arena,
                              struct phi_event *event) PHI_MUST_USE;

#endif
