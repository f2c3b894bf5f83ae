/* What svc-platform's doors, its consumer and its trust list share. */
#ifndef SVC_PLATFORM_PLATFORM_H
#define SVC_PLATFORM_PLATFORM_H

#include "bus/consumer.h"
#include "bus/dlq.h"
#include "codes/entry.h"
#include "codes/receipt.h"
#include "crypto/certificate.h"
#include "service/api.h"
#include "service/query_rpc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

/* What a file looked like: its name is given to another when it is written anew. */
struct platform_file {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct appeals;
struct disputes;
struct heal;
struct relay;
struct statistics;
struct windows;

struct platform {
    struct phi_service *service;
    struct phi_sm2_private *trust_key;
    char trust_key_serial[17];
    struct phi_seal_key *store_key; /* dead letters */
    struct phi_dlq *dlq;
    struct phi_consumer *consumer;
    struct phi_query_rpc *rpc;
    struct phi_certificate *ca; /* NULL: nobody is approved here */
    struct phi_sm2_private *ca_key;
    int64_t certificate_us; /* how long a certificate lasts */
    atomic_bool is_member_changed;
    int64_t members_seen; /* member_changed at the publisher's last look */
    pthread_t publisher;
    bool has_publisher;
    atomic_bool stopping;
    int64_t trust_renew_us;
    int64_t published;         /* version; the publisher's */
    struct platform_file file; /* at the publisher's last look */
    bool is_sign_owed;
    pthread_mutex_t trust_lock; /* the three below */
    pthread_cond_t trust_news;
    int64_t trust_version; /* the newest known here */
    int trust_waiters;
    struct phi_counter *taken;
    struct phi_counter *refused;
    struct heal *heal; /* heal/heal.h */
    struct statistics *statistics;
    struct windows *windows; /* rebuild/window.h */
    struct relay *relay;
    struct disputes *disputes; /* disputes/disputes.h */
    struct appeals *appeals;   /* appeals/appeals.h; NULL: without its keys */
};

/* trust/list.c: signs what PHI_PLATFORMS_FILE and the members in force say, when that is not what
 * was signed last (`is_renewal`: when it is, long ago), and keeps it in trust_lists. Blocks on the
 * database. */
enum phi_err platform_trust_sign(struct platform *platform, bool is_renewal,
                                 struct phi_error *error) PHI_MUST_USE;
/* trust/publish.c: the thread that looks for changes, signs, and publishes on phi.registry. */
enum phi_err platform_trust_start(struct platform *platform) PHI_MUST_USE;
void platform_trust_stop(struct platform *platform);
/* trust/http.c: who waits for a newer list hears of it. */
void platform_trust_tell(struct platform *platform, int64_t version);
enum phi_err platform_trust_http(struct phi_api_call *call,
                                 struct phi_error *error); /* GET /v1/trust-list */

/* entries/entry_json.c: an entry's JSON as a province published it; refuses what is not of its
 * form. */
enum phi_err platform_entry_read(struct phi_view json, struct phi_arena *arena,
                                 struct phi_entry *out, struct phi_error *error) PHI_MUST_USE;

/* entries/entries.c: consumes phi.<region>.directory of all provinces. */
enum phi_err platform_entries_open(struct platform *platform, struct phi_error *error) PHI_MUST_USE;

/* trust/standing.c: what is wrong with a region whose entries must not count: "suspended" (a
 * retired platform stands in the list as suspended), "unknown" to the list; NULL when they count.
 * Pure. */
const char *platform_standing(const struct phi_trust_view *view, const char *region);

/* query/query.c: POST /v1/directory/query */
enum phi_err platform_query_http(struct phi_api_call *call, struct phi_error *error);
enum phi_err platform_rpc_new(struct platform *platform) PHI_MUST_USE; /* query/rpc.c */

#endif
