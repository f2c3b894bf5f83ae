/* The last many-time code of each application, in memory: a refresh finds it without the database;
 * and the applications of one-time codes.
 *
 *   recent_settle(recent, &entry, now_us - 10000000, arena);     // minted, not committed yet
 *   if (recent_get(recent, application_id, arena, &entry)) …     // whoever asks again
 *   recent_commit(recent, application_id, entry.serial_hmac);    // its rows are kept
 *
 * An entry that was not committed yet carries its rows: who gives the code again puts them into the
 * own commit too (same keys, so they are written once), and so nobody is told a code that may get
 * lost. Bounded: the oldest of four neighbours goes. Wiped where it goes. Any thread; a short
 * critical section.
 */
#ifndef SVC_CODEGEN_RECENT_H
#define SVC_CODEGEN_RECENT_H

#include "bus/event.h"
#include "codes/jkm1.h"
#include "codes/subject.h"
#include "svc-codegen/policy/policy.h"

#define RECENT_APPLICATION_LEN 16
#define RECENT_SEALED_MAX      2048 /* of an entry's two sealed rows each */

/* A code as it is told, kept and given again. */
struct recent_entry {
    uint8_t application_id[RECENT_APPLICATION_LEN];
    uint8_t challenge[RECENT_APPLICATION_LEN];
    char app_id[33];
    uint8_t applicant[PHI_SUBJECT_LEN]; /* whose token it takes */
    uint8_t subject[PHI_SUBJECT_LEN];   /* whose code it is */
    const struct policy_scene *scene;
    int64_t term_until_us;
    int64_t paper_days; /* 0: not paper */
    int64_t minted_us;
    int64_t deadline_s;
    uint8_t flags;
    uint8_t key_set;
    uint8_t serial_hmac[PHI_SM3_LEN];
    uint8_t consent_digest[PHI_SM3_LEN];
    char text[PHI_JKM1_TEXT_LEN + 1];
    uint8_t event_id[PHI_EVENT_ID_LEN];
    bool is_committed;
    struct phi_view consent_sealed; /* both empty once committed */
    struct phi_view code_sealed;
};

struct recent;

struct recent *recent_new(size_t sets); /* of four entries each; NULL when out of memory or for 0 */
void recent_free(struct recent *recent); /* NULL is fine */

/* Puts a copy of `entry`; or, where one of its application minted at or after `since_us` is there
 * already, gives that one in `entry` and true: of two that were minted at one time only one is
 * told. What can't be kept (memory, sealed rows too long) is not there the next time. */
bool recent_settle(struct recent *recent, struct recent_entry *entry, int64_t since_us,
                   struct phi_arena *arena);
/* A copy, its views in the arena; false when not there. */
bool recent_get(struct recent *recent, const uint8_t application_id[RECENT_APPLICATION_LEN],
                struct phi_arena *arena, struct recent_entry *out);
/* If it is still this code's. */
void recent_commit(struct recent *recent, const uint8_t application_id[RECENT_APPLICATION_LEN],
                   const uint8_t serial_hmac[PHI_SM3_LEN]);

/* Of a committed one-time code its application alone: never the code, which is given once. */
void recent_know(struct recent *recent, const struct recent_entry *entry);

#endif
