/* One batch of the bus inside the transaction that moves its offset: what is verified goes into
 * facts, people and retractions, what isn't goes to the dlq, and every person it touched is graded
 * anew, once. */
#include "base/log.h"
#include "base/metrics.h"
#include "svc-directory/facts/linked.h"
#include "svc-directory/grading/grading.h"
#include "svc-directory/open/open.h"
#include "svc-directory/publish/publish.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (192 * 1024 * 1024)

enum phi_err intake_bury(struct intake *in, const struct phi_msg *msg, enum phi_err reason)
{
    in->tally[TALLY_DEAD]++;
    return phi_dlq_put(in->directory->dlq, in->tx, msg, reason);
}

/* --- reading --- */

/* What was decided under a key that is out of force since is read again after a restore, for as
 * long as the topic has it. */
#define LATE_US (8 * 86400 * INT64_C(1000000))

static void pin(struct intake *in, const struct phi_trust_key *key)
{
    bool is_late = in->now_us >= key->to_us;
    if (key->use != PHI_TRUST_CORRECTION || in->now_us < key->from_us ||
        (is_late && in->now_us - key->to_us > LATE_US))
        return;
    struct phi_pinned_key *pinned =
        is_late ? &in->late[in->late_count].key : &in->pinned[in->pinned_count++];
    if (is_late)
        in->late[in->late_count++].listed = key;
    snprintf(pinned->key_serial, sizeof(pinned->key_serial), "%s", key->serial);
    pinned->key = key->public_key;
}

/* The keys that may sign decisions: this province's, by the trust list, in force now. */
static enum phi_err pin_keys(struct intake *in)
{
    struct directory *directory = in->directory;
    in->trust = phi_trust_acquire(phi_service_trust(directory->service));
    const struct phi_trust_platform *platform =
        phi_trust_platform(in->trust, phi_service_region(directory->service));
    if (platform == NULL)
        return PHI_ERR_NEIGHBOUR; /* the trust list is not here yet: the batch comes again */
    for (size_t i = 0; i < platform->key_count && in->pinned_count < INTAKE_KEYS_MAX &&
                       in->late_count < INTAKE_KEYS_MAX;
         i++)
        pin(in, &platform->keys[i]);
    return PHI_OK;
}

static bool is_decisions(const struct intake *in)
{
    return strcmp(in->stream, "correction.decided") == 0;
}

/* On a replay: its number is forgotten, so it would count as new. Links have no age. */
static bool is_past_keeping(const struct intake *in, const struct fact *fact)
{
    return fact->observed_us < in->now_us - in->directory->keep_us &&
           strcmp(in->stream, LINKED_STREAM) != 0;
}

/* What a decision makes is a fact like any other. */
static enum phi_err add_made(struct intake *in, const struct decision *decision,
                             const struct phi_msg *msg)
{
    enum phi_err err = PHI_OK;
    struct intake_item *item = &in->items[in->count];
    if (!decision->has_fact || is_past_keeping(in, &decision->fact))
        return PHI_OK;
    *item = (struct intake_item){.fact = decision->fact, .msg = msg};
    PHI_GUARD(intake_read_stays(in, item));
    in->count++;
out:
    return err;
}

/* The decisions' signatures, of all at once. */
static enum phi_err verify(struct intake *in)
{
    size_t count = in->batch->count;
    if (!is_decisions(in))
        return PHI_OK;
    in->jobs = phi_arena_alloc(in->arena, count * sizeof(*in->jobs));
    if (in->jobs == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        in->jobs[i] = (struct phi_signed_job){
            .msg = &in->batch->msgs[i], .pinned = in->pinned, .pinned_count = in->pinned_count};
    phi_signed_verify_many(in->jobs, count, in->arena);
    return PHI_OK;
}

/* By a key in force now, or by one that was when the decision says that it was made. */
static enum phi_err read_decision(struct intake *in, size_t i, struct decision *out)
{
    uint64_t version = 0;
    const struct intake_late *late = NULL;
    const struct phi_msg *msg = &in->batch->msgs[i];
    enum phi_err err = in->jobs[i].err;
    for (size_t k = 0; k < in->late_count && err == PHI_ERR_KEY; k++) {
        late = &in->late[k];
        err = phi_signed_verify(msg, &late->key, 1, &version, &in->error);
    }
    PHI_GUARD(err);
    PHI_GUARD(decision_open(msg, phi_service_region(in->directory->service), &in->directory->keys,
                            in->arena, out, &in->error));
    if (late != NULL &&
        (out->decided_us < late->listed->from_us || out->decided_us >= late->listed->to_us))
        err = PHI_ERR_KEY;
out:
    return err;
}

static enum phi_err read_one(struct intake *in, size_t i)
{
    enum phi_err err = PHI_OK;
    const struct phi_msg *msg = &in->batch->msgs[i];
    const char *region = phi_service_region(in->directory->service);
    if (in->jobs != NULL) {
        PHI_GUARD(read_decision(in, i, &in->decisions[in->decision_count]));
        PHI_GUARD(add_made(in, &in->decisions[in->decision_count], msg));
        in->decision_count++;
    } else {
        struct intake_item *item = &in->items[in->count];
        PHI_GUARD(fact_read(msg, in->stream, region, &in->directory->keys, in->arena, &item->fact,
                            &in->error));
        if (strcmp(in->stream, LINKED_STREAM) == 0)
            PHI_GUARD(linked_read(&item->fact.content_json, &item->link, &in->error));
        PHI_GUARD(intake_read_stays(in, item));
        item->msg = msg;
        if (is_past_keeping(in, &item->fact))
            in->tally[TALLY_OLD]++;
        else
            in->count++;
    }
out:
    return err;
}

static enum phi_err read_all(struct intake *in)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(verify(in));
    for (size_t i = 0; i < in->batch->count; i++) {
        enum phi_err found = read_one(in, i);
        if (found == PHI_OK)
            continue;
        PHI_GUARD(found == PHI_ERR_MEMORY || found == PHI_ERR_CRYPTO ? found : PHI_OK);
        PHI_GUARD(intake_bury(in, &in->batch->msgs[i], found));
    }
out:
    return err;
}

/* --- grades --- */

static int compare_subjects(const void *a, const void *b)
{
    return memcmp(a, b, PHI_SUBJECT_LEN);
}

static void touch(struct intake *in, const uint8_t *subject)
{
    memcpy(in->touched[in->touched_count++], subject, PHI_SUBJECT_LEN);
}

static void collect_touched(struct intake *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new)
            touch(in, in->items[i].fact.subject);
    for (size_t i = 0; i < in->decision_count; i++)
        touch(in, in->decisions[i].subject);
    qsort(in->touched, in->touched_count, PHI_SUBJECT_LEN, compare_subjects);
    for (size_t i = 0; i < in->touched_count; i++)
        if (kept == 0 || memcmp(in->touched[kept - 1], in->touched[i], PHI_SUBJECT_LEN) != 0)
            memmove(in->touched[kept++], in->touched[i], PHI_SUBJECT_LEN);
    in->touched_count = kept;
}

static enum phi_err grade(struct intake *in)
{
    enum phi_err err = PHI_OK;
    const struct grading grading = {.directory = in->directory,
                                    .tx = in->tx,
                                    .arena = in->arena,
                                    .partition = in->batch->partition,
                                    .now_us = in->now_us,
                                    .tally = in->tally};
    collect_touched(in);
    if (in->touched_count == 0)
        return PHI_OK;
    PHI_GUARD(linked_mark(in));
    PHI_GUARD(
        grading_run(&grading, (const uint8_t(*)[PHI_SUBJECT_LEN])in->touched, in->touched_count));
out:
    return err;
}

/* --- analysts --- */

static enum phi_err tell_analysts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    const struct open_put put = {.tx = in->tx, .arena = in->arena, .now_us = in->now_us};
    if (!open_wants(in->directory, in->stream, in->now_us))
        return PHI_OK;
    for (size_t i = 0; i < in->count; i++) {
        if (!in->items[i].is_new)
            continue;
        PHI_GUARD(open_fact(in->directory, &put, &in->items[i].fact));
        in->tally[TALLY_OPENED]++;
    }
out:
    return err;
}

/* --- the whole --- */

/* "declare.health" of "phi.320000.declare.health": topics are subscribed by name. */
static const char *stream_of(const char *topic)
{
    return topic + strlen("phi.320000.");
}

static enum phi_err make_room(struct intake *in)
{
    size_t count = in->batch->count;
    in->items = phi_arena_alloc(in->arena, count * sizeof(*in->items));
    in->decisions = phi_arena_alloc(in->arena, count * sizeof(*in->decisions));
    /* a decision may make a fact beside what it says of another */
    in->touched = phi_arena_alloc(in->arena, 2 * count * sizeof(*in->touched));
    bool is_there = in->items != NULL && in->decisions != NULL && in->touched != NULL;
    return is_there ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err take_in(struct intake *in)
{
    enum phi_err err = PHI_OK;
    if (strcmp(in->stream, PHI_PERSON_STREAM) == 0)
        return intake_keys(in);
    PHI_GUARD(make_room(in));
    PHI_GUARD(is_decisions(in) ? pin_keys(in) : PHI_OK);
    PHI_GUARD(read_all(in));
    PHI_GUARD(intake_facts(in));
    PHI_GUARD(intake_stays(in));
    PHI_GUARD(intake_customers(in));
    PHI_GUARD(linked_insert(in));
    PHI_GUARD(intake_decisions(in));
    PHI_GUARD(grade(in));
    PHI_GUARD(intake_tell_decisions(in));
    PHI_GUARD(tell_analysts(in));
out:
    return err;
}

enum phi_err intake_handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = context;
    struct intake in = {.directory = directory,
                        .batch = batch,
                        .tx = tx,
                        .tally = directory->tally[batch->lane],
                        .arena = phi_arena_new(ARENA_MAX),
                        .now_us = phi_clock_now_us(phi_service_clock(directory->service)),
                        .stream = stream_of(batch->topic)};
    memset(in.tally, 0, sizeof(directory->tally[0]));
    phi_laid_clear(&directory->laid[batch->lane]);
    PHI_GUARD(in.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(take_in(&in));
out:
    if (in.trust != NULL)
        phi_trust_release(in.trust);
    phi_rows_free(in.decided);
    if (err == PHI_OK && in.applied_count > 0)
        phi_laid_keep(&directory->laid[batch->lane], in.arena, in.applied, in.applied_count);
    else
        phi_arena_free(in.arena);
    if (err != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "batch_failed", PHI_L_WORD("topic", batch->topic), PHI_L_ERR(err),
                PHI_L_WORD("place", in.error.place), PHI_L_WORD("why", in.error.text));
    return err;
}

void intake_committed(const struct phi_batch *batch, void *context)
{
    struct directory *directory = context;
    uint64_t *tally = directory->tally[batch->lane];
    for (int i = 0; i < TALLY_COUNT; i++)
        phi_counter_add(directory->counters[i], tally[i]);
    phi_laid_offer(&directory->laid[batch->lane], phi_service_relay(directory->service));
    if (tally[TALLY_CHANGED] > 0)
        publisher_wake(directory->publisher);
    if (tally[TALLY_DEAD] + tally[TALLY_CHANGED] + tally[TALLY_OPENED] > 0)
        phi_relay_wake(phi_service_relay(directory->service));
    memset(tally, 0, sizeof(directory->tally[0]));
}

void intake_metrics(struct directory *directory)
{
    static const struct {
        const char *name;
        const char *help;
        const char *labels;
    } rows[TALLY_COUNT] = {
        [TALLY_NEW] = {"phi_directory_facts_total", "facts taken from the bus", "result=\"new\""},
        [TALLY_DUPLICATE] = {"phi_directory_facts_total", "facts taken from the bus",
                             "result=\"duplicate\""},
        [TALLY_CONFLICT] = {"phi_directory_facts_total", "facts taken from the bus",
                            "result=\"conflict\""},
        [TALLY_OLD] = {"phi_directory_facts_total", "facts taken from the bus", "result=\"old\""},
        [TALLY_RETRACTED] = {"phi_directory_retractions_total", "decisions taken from the bus",
                             "result=\"new\""},
        [TALLY_RETRACTED_BEFORE] = {"phi_directory_retractions_total",
                                    "decisions taken from the bus", "result=\"older\""},
        [TALLY_DEAD] = {"phi_directory_dead_letters_total", "records that went to the dlq", NULL},
        [TALLY_SAME] = {"phi_directory_regrades_total", "people graded anew", "result=\"same\""},
        [TALLY_CHANGED] = {"phi_directory_regrades_total", "people graded anew",
                           "result=\"changed\""},
        [TALLY_OPENED] = {"phi_directory_open_facts_total", "facts told on open streams", NULL},
    };
    for (int i = 0; i < TALLY_COUNT; i++)
        directory->counters[i] = phi_counter_new(rows[i].name, rows[i].help, rows[i].labels);
}
