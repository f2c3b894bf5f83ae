/* An entry as it goes to the nation: read from its row, signed; and the waiting for what was sent.
 *
 *   PHI_GUARD(entry_sent_read(directory, rows, i, &entry));   // columns of ENTRY_SENT_COLUMNS
 *   PHI_GUARD(entry_sent_event(directory, topic, &entry, arena, &event));
 *   sending_init(&sending);
 *   PHI_GUARD(sending_send(&sending, producer, &event));
 *   PHI_GUARD(sending_wait(&sending));                        // all of them are kept
 *   sending_fini(&sending);
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

/* Messages on their way; one thread sends and waits. */
struct sending {
    pthread_mutex_t lock;
    pthread_cond_t seen;
    size_t waiting;
    enum phi_err err; /* of the first that was not kept */
};

void sending_init(struct sending *sending);
void sending_fini(struct sending *sending); /* nothing is on its way any more */
/* The errors of phi_producer_send. */
enum phi_err sending_send(struct sending *sending, struct phi_producer *producer,
                          const struct phi_event *event) PHI_MUST_USE;
/* Until each is acknowledged or its deadline at the producer is past; the first error of those sent
 * since the last wait. */
enum phi_err sending_wait(struct sending *sending) PHI_MUST_USE;

#endif
