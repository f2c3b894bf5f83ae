/* One batch of the bus inside the transaction that moves its offset: what is verified goes into facts, people
 * and retractions, what isn't goes to the dlq, and every person it touched is graded anew, once. */
#include "base/log.h"
#include "base/metrics.h"
#include "svc-directory/columns.h"
#include "svc-directory/directory.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (192 * 1024 * 1024)
#define KEYS_MAX  PHI_TRUST_KEYS

struct item {
    struct fact fact;
    const struct phi_msg *msg;
    bool is_new;
};

struct intake {
    struct directory *directory;
    struct phi_batch *batch;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int64_t now_us;
    const char *stream; /* of the batch's topic */
    struct phi_error error;
    struct item *items; /* facts, sorted by id once all are read */
    size_t count;
    struct decision *decisions;
    size_t decision_count;
    const struct phi_trust_view *trust;
    struct phi_pinned_key pinned[KEYS_MAX];
    size_t pinned_count;
    uint8_t (*touched)[PHI_SUBJECT_LEN];
    size_t touched_count;
};

static struct phi_view id_view(const struct fact *fact)
{
    return phi_view_of(fact->id, PHI_FACT_ID_LEN);
}

static struct phi_view subject_view(const uint8_t *subject)
{
    return phi_view_of(subject, PHI_SUBJECT_LEN);
}

static enum phi_err bury(struct intake *in, const struct phi_msg *msg, enum phi_err reason)
{
    in->directory->tally[TALLY_DEAD]++;
    return phi_dlq_put(in->directory->dlq, in->tx, msg, reason);
}

/* --- reading --- */

/* The keys that may sign decisions: this province's, by the trust list, in force now. */
static enum phi_err pin_keys(struct intake *in)
{
    struct directory *directory = in->directory;
    in->trust = phi_trust_acquire(phi_service_trust(directory->service));
    const struct phi_trust_platform *platform =
        phi_trust_platform(in->trust, phi_service_region(directory->service));
    if (platform == NULL)
        return PHI_ERR_NEIGHBOUR; /* the trust list is not here yet: the batch comes again */
    for (size_t i = 0; i < platform->key_count && in->pinned_count < KEYS_MAX; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use != PHI_TRUST_CORRECTION || in->now_us < key->from_us || in->now_us >= key->to_us)
            continue;
        struct phi_pinned_key *pinned = &in->pinned[in->pinned_count++];
        snprintf(pinned->key_serial, sizeof(pinned->key_serial), "%s", key->serial);
        pinned->key = key->public_key;
    }
    return PHI_OK;
}

static bool is_decisions(const struct intake *in)
{
    return strcmp(in->stream, "correction.decided") == 0;
}

static enum phi_err read_one(struct intake *in, const struct phi_msg *msg)
{
    enum phi_err err = PHI_OK;
    const char *region = phi_service_region(in->directory->service);
    if (is_decisions(in)) {
        PHI_GUARD(decision_read(msg, region, in->pinned, in->pinned_count, in->arena,
                                &in->decisions[in->decision_count], &in->error));
        in->decision_count++;
    } else {
        PHI_GUARD(fact_read(msg, in->stream, region, &in->directory->keys, in->arena,
                            &in->items[in->count].fact, &in->error));
        in->items[in->count++].msg = msg;
    }
out:
    return err;
}

static enum phi_err read_all(struct intake *in)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < in->batch->count; i++) {
        enum phi_err found = read_one(in, &in->batch->msgs[i]);
        if (found == PHI_OK)
            continue;
        PHI_GUARD(found == PHI_ERR_MEMORY || found == PHI_ERR_CRYPTO ? found : PHI_OK);
        PHI_GUARD(bury(in, &in->batch->msgs[i], found));
    }
out:
    return err;
}

/* --- facts --- */

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = memcmp(left->fact.id, right->fact.id, PHI_FACT_ID_LEN);
    return order != 0 ? order : (left->msg->offset > right->msg->offset) - (left->msg->offset < right->msg->offset);
}

/* Same number, same content: a duplicate. Same number, other content: refused aloud. */
static enum phi_err judge_same(struct intake *in, const struct item *item, struct phi_view digest)
{
    bool is_same = phi_view_equal(digest, phi_view_of(item->fact.digest, PHI_SM3_LEN));
    in->directory->tally[is_same ? TALLY_DUPLICATE : TALLY_CONFLICT]++;
    return is_same ? PHI_OK : bury(in, item->msg, PHI_ERR_CONFLICT);
}

static enum phi_err sort_facts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    size_t kept = 0;
    if (in->count == 0)
        return PHI_OK;
    qsort(in->items, in->count, sizeof(*in->items), compare_items);
    for (size_t i = 0; i < in->count; i++) {
        const struct fact *last = kept == 0 ? NULL : &in->items[kept - 1].fact;
        if (last != NULL && memcmp(last->id, in->items[i].fact.id, PHI_FACT_ID_LEN) == 0)
            PHI_GUARD(judge_same(in, &in->items[i], phi_view_of(last->digest, PHI_SM3_LEN)));
        else
            in->items[kept++] = in->items[i];
    }
    in->count = kept;
out:
    return err;
}

static struct item *find_item(struct intake *in, struct phi_view id)
{
    size_t low = 0, high = in->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(in->items[middle].fact.id, id.data, PHI_FACT_ID_LEN);
        if (order == 0)
            return &in->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static enum phi_err add_fact(struct columns *columns, const struct intake *in, const struct fact *fact)
{
    const struct phi_param row[] = {
        PHI_BYTES(id_view(fact)),
        PHI_BYTES(subject_view(fact->subject)),
        PHI_I64(fact->subject_key),
        PHI_TEXT(phi_service_region(in->directory->service)),
        PHI_TEXT(fact->source),
        PHI_TEXT(fact->institution),
        PHI_TEXT(fact->record_no),
        PHI_I64(fact->revision),
        PHI_BYTES_OF(fact->digest, PHI_SM3_LEN),
        PHI_I64(fact->observed_us),
        PHI_I64(fact->recorded_us),
        PHI_I64(in->now_us),
        PHI_TEXT_VIEW(fact->content),
    };
    return columns_add(columns, row);
}

static enum phi_err insert_facts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {
        PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
        PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_I64,   PHI_COLUMN_BYTES, PHI_COLUMN_I64,
        PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_TEXT};
    struct columns columns;
    struct phi_rows *rows = NULL;
    PHI_GUARD(columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->count; i++)
        PHI_GUARD(add_fact(&columns, in, &in->items[i].fact));
    PHI_GUARD(phi_conn_exec(
        in->tx, "facts_insert",
        "INSERT INTO facts (fact_id, subject, subject_key, region, source, institution, record_no, revision, "
        "digest, observed_us, recorded_us, known_us, content) SELECT * FROM unnest($1::bytea[], $2::bytea[], "
        "$3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::bytea[], "
        "$10::bigint[], $11::bigint[], $12::bigint[], $13::text[]) ON CONFLICT DO NOTHING RETURNING fact_id",
        columns.params, columns.count, &rows, &in->error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        find_item(in, phi_rows_bytes(rows, i, 0))->is_new = true;
    in->directory->tally[TALLY_NEW] += phi_rows_count(rows);
out:
    phi_rows_free(rows);
    columns_fini(&columns);
    return err;
}

/* Those that were there already: the same, or another content under their number. */
static enum phi_err judge_known(struct intake *in)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    size_t known = 0;
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < in->count; i++)
        if (!in->items[i].is_new)
            PHI_GUARD(phi_array_add(ids, PHI_BYTES(id_view(&in->items[i].fact))));
    known = phi_array_count(ids);
    if (known > 0) {
        const struct phi_param param = PHI_ARRAY(ids);
        PHI_GUARD(phi_conn_exec(in->tx, "facts_known",
                                "SELECT fact_id, digest FROM facts WHERE fact_id = ANY($1::bytea[])", &param,
                                1, &rows, &in->error));
        /* the id is made of the number: the one can't be taken without the other */
        PHI_GUARD(phi_rows_count(rows) == known ? PHI_OK : PHI_ERR_INTERNAL);
    }
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(judge_same(in, find_item(in, phi_rows_bytes(rows, i, 0)), phi_rows_bytes(rows, i, 1)));
out:
    phi_rows_free(rows);
    phi_array_free(ids);
    return err;
}

/* --- identities --- */

static bool is_declared(const struct fact *fact)
{
    return strncmp(fact->source, "declare.", 8) == 0;
}

/* By person; of one person's the best last: of one topic, so all are declared or none, the latest. */
static int compare_people(const void *a, const void *b)
{
    const struct fact *left = *(const struct fact *const *)a, *right = *(const struct fact *const *)b;
    int order = memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
    return order != 0 ? order : (left->recorded_us > right->recorded_us) - (left->recorded_us < right->recorded_us);
}

static enum phi_err add_person(struct columns *columns, const struct intake *in, const struct fact *fact)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(phi_seal(in->directory->keys.health, PEOPLE_CONTEXT, fact->subject, fact->identity, in->arena,
                       &sealed));
    const struct phi_param row[] = {PHI_BYTES(subject_view(fact->subject)), PHI_I64(fact->subject_key),
                                    PHI_BYTES(sealed), PHI_BOOL(is_declared(fact)),
                                    PHI_I64(fact->recorded_us)};
    PHI_GUARD(columns_add(columns, row));
out:
    return err;
}

static enum phi_err upsert_people(struct intake *in, const struct fact **people, size_t count)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_BYTES,
                                            PHI_COLUMN_BOOL, PHI_COLUMN_I64};
    struct columns columns;
    PHI_GUARD(columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count || memcmp(people[i]->subject, people[i + 1]->subject, PHI_SUBJECT_LEN) != 0;
        if (is_last)
            PHI_GUARD(add_person(&columns, in, people[i]));
    }
    PHI_GUARD(phi_conn_exec(
        in->tx, "people_upsert",
        "INSERT INTO people AS p (subject, subject_key, identity_sealed, is_declared, recorded_us) SELECT * FROM "
        "unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::boolean[], $5::bigint[]) ON CONFLICT (subject) "
        "DO UPDATE SET subject_key = EXCLUDED.subject_key, identity_sealed = EXCLUDED.identity_sealed, "
        "is_declared = EXCLUDED.is_declared, recorded_us = EXCLUDED.recorded_us "
        "WHERE (p.is_declared, p.recorded_us) <= (EXCLUDED.is_declared, EXCLUDED.recorded_us)",
        columns.params, columns.count, NULL, &in->error));
out:
    columns_fini(&columns);
    return err;
}

static enum phi_err keep_people(struct intake *in)
{
    size_t count = 0;
    const struct fact **people = phi_arena_alloc(in->arena, (in->count + 1) * sizeof(*people));
    if (people == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new && in->items[i].fact.identity.len > 0)
            people[count++] = &in->items[i].fact;
    if (count == 0)
        return PHI_OK;
    qsort(people, count, sizeof(*people), compare_people);
    return upsert_people(in, people, count);
}

/* --- retractions --- */

static int compare_named(const struct decision *a, const struct decision *b)
{
    int order = memcmp(a->subject, b->subject, PHI_SUBJECT_LEN);
    if (order == 0)
        order = strcmp(a->source, b->source);
    if (order == 0)
        order = strcmp(a->institution, b->institution);
    return order != 0 ? order : strcmp(a->record_no, b->record_no);
}

/* By what they name; of two on one record the higher version last. */
static int compare_decisions(const void *a, const void *b)
{
    const struct decision *left = a, *right = b;
    int order = compare_named(left, right);
    return order != 0 ? order : (left->version > right->version) - (left->version < right->version);
}

static enum phi_err add_decision(struct columns *columns, const struct intake *in,
                                 const struct decision *decision)
{
    const struct phi_param row[] = {
        PHI_BYTES(subject_view(decision->subject)),
        PHI_TEXT(phi_service_region(in->directory->service)),
        PHI_TEXT(decision->source),
        PHI_TEXT(decision->institution),
        PHI_TEXT(decision->record_no),
        PHI_I64(decision->version),
        PHI_TEXT(decision->case_id),
        PHI_I64(decision->decided_us),
        PHI_I64(in->now_us),
    };
    return columns_add(columns, row);
}

static enum phi_err keep_decisions(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {
        PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
        PHI_COLUMN_I64,   PHI_COLUMN_TEXT, PHI_COLUMN_I64,  PHI_COLUMN_I64};
    struct columns columns;
    struct phi_rows *rows = NULL;
    qsort(in->decisions, in->decision_count, sizeof(*in->decisions), compare_decisions);
    PHI_GUARD(columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->decision_count; i++) {
        const struct decision *decision = &in->decisions[i];
        bool is_last = i + 1 == in->decision_count || compare_named(decision, decision + 1) != 0;
        if (is_last)
            PHI_GUARD(add_decision(&columns, in, decision));
    }
    PHI_GUARD(phi_conn_exec(
        in->tx, "retractions_upsert",
        "INSERT INTO retractions AS r (subject, region, source, institution, record_no, decision_version, "
        "case_id, decided_us, known_us) SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], "
        "$5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[]) "
        "ON CONFLICT (subject, region, source, institution, record_no) DO UPDATE SET "
        "decision_version = EXCLUDED.decision_version, case_id = EXCLUDED.case_id, "
        "decided_us = EXCLUDED.decided_us, known_us = EXCLUDED.known_us "
        "WHERE r.decision_version < EXCLUDED.decision_version RETURNING 1",
        columns.params, columns.count, &rows, &in->error));
    in->directory->tally[TALLY_RETRACTED] += phi_rows_count(rows);
    in->directory->tally[TALLY_RETRACTED_BEFORE] += in->decision_count - phi_rows_count(rows);
out:
    phi_rows_free(rows);
    columns_fini(&columns);
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
    const struct grading grading = {.directory = in->directory,
                                    .tx = in->tx,
                                    .arena = in->arena,
                                    .partition = in->batch->partition,
                                    .now_us = in->now_us};
    collect_touched(in);
    if (in->touched_count == 0)
        return PHI_OK;
    return grading_run(&grading, (const uint8_t (*)[PHI_SUBJECT_LEN])in->touched, in->touched_count);
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
    in->touched = phi_arena_alloc(in->arena, count * sizeof(*in->touched));
    bool is_there = in->items != NULL && in->decisions != NULL && in->touched != NULL;
    return is_there ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err take_in(struct intake *in)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(make_room(in));
    PHI_GUARD(is_decisions(in) ? pin_keys(in) : PHI_OK);
    PHI_GUARD(read_all(in));
    PHI_GUARD(sort_facts(in));
    PHI_GUARD(in->count > 0 ? insert_facts(in) : PHI_OK);
    PHI_GUARD(judge_known(in));
    PHI_GUARD(keep_people(in));
    PHI_GUARD(in->decision_count > 0 ? keep_decisions(in) : PHI_OK);
    PHI_GUARD(grade(in));
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
                        .arena = phi_arena_new(ARENA_MAX),
                        .now_us = phi_clock_now_us(phi_service_clock(directory->service)),
                        .stream = stream_of(batch->topic)};
    memset(directory->tally, 0, sizeof(directory->tally));
    PHI_GUARD(in.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(take_in(&in));
out:
    if (in.trust != NULL)
        phi_trust_release(in.trust);
    phi_arena_free(in.arena);
    if (err != PHI_OK && !phi_err_is_retryable(err))
        phi_log(PHI_LOG_ERROR, "batch_failed", PHI_L_WORD("topic", batch->topic), PHI_L_ERR(err),
                PHI_L_WORD("place", in.error.place), PHI_L_WORD("why", in.error.text));
    return err;
}

void intake_committed(const struct phi_batch *batch, void *context)
{
    (void)batch;
    struct directory *directory = context;
    for (int i = 0; i < TALLY_COUNT; i++)
        phi_counter_add(directory->counters[i], directory->tally[i]);
    if (directory->tally[TALLY_CHANGED] > 0)
        publisher_wake(directory->publisher);
    if (directory->tally[TALLY_DEAD] > 0)
        phi_relay_wake(phi_service_relay(directory->service));
    memset(directory->tally, 0, sizeof(directory->tally));
}

void intake_metrics(struct directory *directory)
{
    static const struct {
        const char *name;
        const char *help;
        const char *labels;
    } rows[TALLY_COUNT] = {
        [TALLY_NEW] = {"phi_directory_facts_total", "facts taken from the bus", "result=\"new\""},
        [TALLY_DUPLICATE] = {"phi_directory_facts_total", "facts taken from the bus", "result=\"duplicate\""},
        [TALLY_CONFLICT] = {"phi_directory_facts_total", "facts taken from the bus", "result=\"conflict\""},
        [TALLY_RETRACTED] = {"phi_directory_retractions_total", "decisions taken from the bus",
                             "result=\"new\""},
        [TALLY_RETRACTED_BEFORE] = {"phi_directory_retractions_total", "decisions taken from the bus",
                                    "result=\"older\""},
        [TALLY_DEAD] = {"phi_directory_dead_letters_total", "records that went to the dlq", NULL},
        [TALLY_SAME] = {"phi_directory_regrades_total", "people graded anew", "result=\"same\""},
        [TALLY_CHANGED] = {"phi_directory_regrades_total", "people graded anew", "result=\"changed\""},
    };
    for (int i = 0; i < TALLY_COUNT; i++)
        directory->counters[i] = phi_counter_new(rows[i].name, rows[i].help, rows[i].labels);
}
