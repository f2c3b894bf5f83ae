/* What svc-directory's parts share: the consumer of facts, the publisher of entries, the routes. */
#ifndef SVC_DIRECTORY_DIRECTORY_H
#define SVC_DIRECTORY_DIRECTORY_H

#include "bus/consumer.h"
#include "bus/dlq.h"
#include "bus/laid.h"
#include "codes/bucket.h"
#include "person/replay.h"
#include "rpc/client.h"
#include "service/api.h"
#include "service/forward.h"
#include "svc-directory/facts/fact.h"
#include "svc-directory/grading/reasons.h"
#include "svc-directory/publish/owned.h"
#include "svc-directory/publish/tell.h"
#include "svc-directory/query/challenge.h"
#include "svc-directory/rules/book.h"

#include <pthread.h>
#include <stdatomic.h>

struct publisher;
struct due;
struct phi_neighbours;
struct phi_query_rpc;
struct life;
struct reference;
struct open;
struct heal_requests;

/* What a batch did; counted once it is committed. */
enum tally {
    TALLY_NEW,
    TALLY_DUPLICATE,
    TALLY_CONFLICT,
    TALLY_OLD,
    TALLY_RETRACTED,
    TALLY_RETRACTED_BEFORE,
    TALLY_DEAD,
    TALLY_SAME,
    TALLY_CHANGED,
    TALLY_OPENED,
    TALLY_COUNT
};

#define SILENCE_NEEDED_MAX 16

/* Which needed sources are silent now; grading/silence.h. */
struct silence {
    pthread_mutex_t lock;                    /* with names */
    char names[SILENCE_NEEDED_MAX * 65 + 1]; /* with commas between */
    size_t needed_count;
    const char *needed[SILENCE_NEEDED_MAX]; /* the configuration's */
};

struct directory {
    struct phi_service *service;
    struct rules_book *book; /* which rules are in force when */
    struct life *life;
    struct open *open; /* what analysts get */
    struct reasons *reasons;
    struct fact_keys keys;
    struct phi_hmac_key *index_key;
    struct phi_mark_key *mark_key; /* the pictures' trace mark */
    struct phi_sm2_private *directory_key;
    char directory_key_id[17];
    struct tell tell;
    struct phi_dlq *dlq;
    pthread_mutex_t lock; /* consumer */
    struct phi_consumer *consumer;
    struct owned owned; /* partitions, by what the consumer was given */
    struct publisher *publisher;
    struct phi_person_replay *replay; /* nothing personal is opened before it is done */
    struct due *due;
    struct reference *reference;
    struct heal_requests *heal_requests;
    /* A bit a bucket: the nation wants its digest now; the publisher's thread clears it. */
    atomic_uint_fast64_t tells[PHI_BUCKETS / 64];
    struct silence silence;
    int64_t keep_us; /* how long facts are kept after what they tell of */
    struct challenges *challenges;
    struct phi_rpc_client *verify;
    struct phi_rpc_client *platform; /* NULL: the nation is not asked */
    struct phi_forward *forward;     /* the relay: asking, and being asked */
    struct phi_neighbours *homes;    /* other provinces' directories */
    struct phi_query_rpc *rpc;       /* their door to ours */
    struct phi_counter *counters[TALLY_COUNT];
    struct phi_counter *nation[2]; /* unanswered, answered */
    struct phi_counter *home[2];   /* the same of the home provinces */
    struct phi_counter *asked[2];  /* other provinces' queries: refused, answered */
    uint64_t tally[PHI_CONSUMER_LANES_MAX][TALLY_COUNT]; /* of each lane's batch under way */
    struct phi_laid laid[PHI_CONSUMER_LANES_MAX];        /* likewise */
};

struct directory *directory_of(struct phi_api_call *call);
enum phi_err directory_subject(struct phi_api_call *call,
                               uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

#endif
