/* Revocation: how it is asked for, kept, published, followed, looked up and handed to scanners.
 *
 *   PHI_GUARD(verify_revoke_open(verify, &error));    // the key, and what is kept
 *   PHI_GUARD(verify_revoke_start(verify));           // the topics of all platforms
 *   PHI_GUARD(verify_revoke_check(job, is_own));      // PHI_ERR_CODE_REVOKED
 *   verify_revoke_close(verify);
 */
#ifndef SVC_VERIFY_REVOKE_H
#define SVC_VERIFY_REVOKE_H

#include "bus/reader.h"
#include "codes/filter.h"
#include "codes/revocation.h"
#include "svc-verify/verify.h"

#define REVOKE_LONGEST_S ((int64_t)31 * 86400) /* the longest life of a code, 30 days, and one */

/* How a record of the topic ended. */
enum revoke_record {
    RECORD_TAKEN,
    RECORD_KNOWN,   /* older or the same, or over */
    RECORD_FOREIGN, /* a platform without a key of this use, or a key that is not the topic's */
    RECORD_UNSIGNED,
    RECORD_FORGED,
    RECORD_MALFORMED,
    RECORD_FULL,
    RECORD_COUNT
};

/* A platform's topic. */
struct revoke_topic {
    struct verify_revoke *revoke;
    struct phi_topic_reader *reader;
    char platform[7];
};

struct verify_revoke {
    struct verify *verify;
    struct phi_revocations *set;
    struct phi_sm2_private *key;
    char key_id[17];
    struct phi_counter *records[RECORD_COUNT];
    struct phi_gauge *held;
    struct phi_queue *stop; /* closed to end the thread */
    pthread_t thread;
    bool has_thread;
    struct revoke_topic *topics[PHI_TRUST_PLATFORMS]; /* the thread's own */
    size_t topic_count;
    pthread_mutex_t filter_lock; /* the rest */
    uint8_t *filter;
    size_t filter_len;
    uint64_t filter_sequence;
    uint64_t filter_changes; /* the set's, when it was made */
    int64_t filter_made_s;
    int64_t filter_life_s;
};

enum phi_err verify_revoke_open(struct verify *verify, struct phi_error *error) PHI_MUST_USE;
enum phi_err verify_revoke_start(struct verify *verify) PHI_MUST_USE; /* PHI_ERR_MEMORY */
void verify_revoke_stop(struct verify *verify);
void verify_revoke_close(struct verify *verify);

/* check.c: PHI_OK, PHI_ERR_CODE_REVOKED, PHI_ERR_CRYPTO; never blocks. `is_own`: A is of its
 * platform's own form. What is sealed counts when it was opened. */
enum phi_err verify_revoke_check(struct verify_revoke *revoke, const struct verify_job *job,
                                 bool is_own) PHI_MUST_USE;

/* record.c: an entry as the topic's record, and back; and in the table. */
enum phi_err revoke_record_write(struct verify_revoke *revoke, const struct phi_revocation *entry,
                                 int64_t now_us, struct phi_arena *arena,
                                 struct phi_event *event) PHI_MUST_USE;
/* PHI_ERR_JSON, PHI_ERR_FIELD_*; the platform is the topic's. */
enum phi_err revoke_record_read(struct phi_view value, const char *platform,
                                struct phi_arena *arena, struct phi_revocation *out,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err revoke_save(struct phi_store *store, const struct phi_revocation *entry,
                         struct phi_error *error) PHI_MUST_USE;
/* Those that were kept in the last `seconds`; 0: all. */
enum phi_err revoke_load(struct verify_revoke *revoke, int64_t seconds,
                         struct phi_error *error) PHI_MUST_USE;
enum phi_err revoke_prune(struct phi_store *store, int64_t now_s,
                          struct phi_error *error) PHI_MUST_USE;

/* follow.c */
void revoke_follow(struct verify_revoke *revoke); /* topics of platforms that are new in the list */
void revoke_unfollow(struct verify_revoke *revoke);

/* The routes: post.c, filter.c. */
enum phi_err verify_revoke_post(struct phi_api_call *call, struct phi_error *error);
enum phi_err verify_revoke_filter(struct phi_api_call *call, struct phi_error *error);

#endif
