/* Facts into their table: same number, same content is a duplicate; other content is refused aloud.
 * And whom they name, sealed as it came. */
#include "svc-directory/facts/intake.h"

#include <stdlib.h>
#include <string.h>

#define MOVED_AGAIN_US (60 * 1000000LL)

static struct phi_view id_view(const struct fact *fact)
{
    return phi_view_of(fact->id, PHI_FACT_ID_LEN);
}

static struct phi_view subject_view(const uint8_t *subject)
{
    return phi_view_of(subject, PHI_SUBJECT_LEN);
}

static int compare_items(const void *a, const void *b)
{
    const struct intake_item *left = a, *right = b;
    int order = memcmp(left->fact.id, right->fact.id, PHI_FACT_ID_LEN);
    return order != 0 ? order
                      : (left->msg->offset > right->msg->offset) -
                            (left->msg->offset < right->msg->offset);
}

/* Same number, same content: a duplicate. Same number, other content: refused aloud. */
static enum phi_err judge_same(struct intake *in, const struct intake_item *item,
                               struct phi_view digest)
{
    bool is_same = phi_view_equal(digest, phi_view_of(item->fact.digest, FACT_DIGEST_LEN));
    in->tally[is_same ? TALLY_DUPLICATE : TALLY_CONFLICT]++;
    return is_same ? PHI_OK : intake_bury(in, item->msg, PHI_ERR_CONFLICT);
}

static enum phi_err sort_facts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    size_t kept = 0;
    struct intake_item *items = in->items;
    qsort(items, in->count, sizeof(*items), compare_items);
    for (size_t i = 0; i < in->count; i++) {
        const struct fact *last = kept == 0 ? NULL : &items[kept - 1].fact;
        if (last != NULL && memcmp(last->id, items[i].fact.id, PHI_FACT_ID_LEN) == 0)
            PHI_GUARD(judge_same(in, &items[i], phi_view_of(last->digest, FACT_DIGEST_LEN)));
        else
            items[kept++] = items[i];
    }
    in->count = kept;
out:
    return err;
}

static struct intake_item *find_item(struct intake *in, struct phi_view id)
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

static enum phi_err add_fact(struct phi_columns *columns, const struct intake *in,
                             const struct intake_item *item)
{
    const struct fact *fact = &item->fact;
    const struct phi_param row[] = {
        PHI_I64(fact->observed_us),
        PHI_I64(fact->recorded_us),
        PHI_I64(in->now_us),
        PHI_I64(fact->revision),
        PHI_I64(fact->subject_key),
        PHI_BYTES(id_view(fact)),
        PHI_BYTES(subject_view(fact->subject)),
        PHI_BYTES_OF(fact->record, PHI_FACT_ID_LEN),
        PHI_BYTES_OF(fact->digest, FACT_DIGEST_LEN),
        fact->has_event_key ? PHI_BYTES_OF(fact->event_key, FACT_EVENT_KEY_LEN) : PHI_NULL,
        PHI_TEXT(fact->source),
        PHI_TEXT(fact->institution),
        PHI_TEXT(fact->record_no),
        PHI_TEXT_VIEW(fact->content),
        PHI_BOOL(item->stay_count > 0),
        fact->is_made ? PHI_BYTES_OF(fact->of_record, PHI_FACT_ID_LEN) : PHI_NULL,
        fact->is_made ? PHI_I64(fact->of_version) : PHI_NULL,
    };
    return phi_columns_add(columns, row);
}

static enum phi_err insert_facts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {
        PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64,   PHI_COLUMN_I64,
        PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
        PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_BOOL,
        PHI_COLUMN_BYTES, PHI_COLUMN_I64};
    struct phi_columns columns = {0};
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->count; i++)
        PHI_GUARD(add_fact(&columns, in, &in->items[i]));
    PHI_GUARD(phi_conn_exec(
        in->tx, "facts_insert",
        "INSERT INTO facts (observed_us, recorded_us, known_us, revision, subject_key, fact_id, "
        "subject, record, digest, event_key, source, institution, record_no, content, "
        "has_stays, of_record, of_version) SELECT unnest($1::bigint[]), unnest($2::bigint[]), "
        "unnest($3::bigint[]), "
        "unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bytea[]), unnest($7::bytea[]), "
        "unnest($8::bytea[]), unnest($9::bytea[]), unnest($10::bytea[]), unnest($11::text[]), "
        "unnest($12::text[]), unnest($13::text[]), unnest($14::text[]), unnest($15::boolean[]), "
        "unnest($16::bytea[]), unnest($17::bigint[]) ON CONFLICT DO NOTHING RETURNING fact_id",
        columns.params, columns.count, &rows, &in->error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        find_item(in, phi_rows_bytes(rows, i, 0))->is_new = true;
    in->tally[TALLY_NEW] += phi_rows_count(rows);
out:
    phi_rows_free(rows);
    phi_columns_fini(&columns);
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
        PHI_GUARD(
            phi_conn_exec(in->tx, "facts_known",
                          "SELECT fact_id, digest FROM facts WHERE fact_id = ANY($1::bytea[])",
                          &param, 1, &rows, &in->error));
        /* the id is made of the number: the one can't be taken without the other */
        PHI_GUARD(phi_rows_count(rows) == known ? PHI_OK : PHI_ERR_INTERNAL);
    }
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(
            judge_same(in, find_item(in, phi_rows_bytes(rows, i, 0)), phi_rows_bytes(rows, i, 1)));
out:
    phi_rows_free(rows);
    phi_array_free(ids);
    return err;
}

/* --- records that moved --- */

static enum phi_err add_moved(struct phi_columns *columns, const struct fact *fact)
{
    const struct phi_param row[] = {PHI_BYTES_OF(fact->record, PHI_FACT_ID_LEN),
                                    PHI_BYTES(subject_view(fact->subject))};
    return phi_columns_add(columns, row);
}

/* An amendment about somebody else than an earlier revision: that one's owner grades them anew. And
 * once more after a while: the earlier revision may be in another partition's open transaction. */
static enum phi_err mark_moved(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
    struct phi_columns columns = {0};
    PHI_GUARD(phi_columns_init(&columns, types, 2));
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new && in->items[i].fact.revision > 1)
            PHI_GUARD(add_moved(&columns, &in->items[i].fact));
    if (phi_columns_rows(&columns) == 0)
        goto out;
    const struct phi_param params[] = {
        columns.params[0],   columns.params[1],       PHI_I64(in->batch->partition),
        PHI_I64(in->now_us), PHI_I64(MOVED_AGAIN_US), PHI_I64(in->batch->partitions)};
    PHI_GUARD(phi_conn_exec(
        in->tx, "due_of_moved",
        "WITH m AS (SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS n(record, subject)) INSERT "
        "INTO due (partition, after_us, subject, record) SELECT " DUE_PARTITION(
            "f.subject", "$6") ", $4::bigint, f.subject, NULL FROM m JOIN facts f ON f.record = "
                               "m.record AND f.subject <> "
                               "m.subject UNION ALL SELECT $3::bigint, $4::bigint + "
                               "$5::bigint, m.subject, m.record FROM m",
        params, 6, NULL, &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}

/* --- identities --- */

static bool is_declared(const struct fact *fact)
{
    return strncmp(fact->source, "declare.", 8) == 0;
}

/* By person; of one person's the best last: of one topic, so all are declared or none, the latest.
 */
static int compare_people(const void *a, const void *b)
{
    const struct fact *left = *(const struct fact *const *)a,
                      *right = *(const struct fact *const *)b;
    int order = memcmp(left->subject, right->subject, PHI_SUBJECT_LEN);
    return order != 0 ? order
                      : (left->recorded_us > right->recorded_us) -
                            (left->recorded_us < right->recorded_us);
}

static enum phi_err add_person(struct phi_columns *columns, const struct intake *in,
                               const struct fact *fact)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed = fact->identity_sealed;
    if (sealed.len == 0)
        PHI_GUARD(phi_seal(in->directory->keys.health, PHI_PERSON_IDENTITY_SEALED, fact->subject,
                           fact->identity, in->arena, &sealed));
    const struct phi_param row[] = {PHI_BYTES(subject_view(fact->subject)),
                                    PHI_I64(fact->subject_key), PHI_BYTES(sealed),
                                    PHI_BOOL(is_declared(fact)), PHI_I64(fact->recorded_us)};
    PHI_GUARD(phi_columns_add(columns, row));
out:
    return err;
}

static enum phi_err upsert_people(struct intake *in, const struct fact **people, size_t count)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_I64, PHI_COLUMN_BYTES,
                                            PHI_COLUMN_BOOL, PHI_COLUMN_I64};
    struct phi_columns columns = {0};
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count ||
                       memcmp(people[i]->subject, people[i + 1]->subject, PHI_SUBJECT_LEN) != 0;
        if (is_last)
            PHI_GUARD(add_person(&columns, in, people[i]));
    }
    PHI_GUARD(phi_columns_write(
        &columns, in->tx, "people_upsert",
        "INSERT INTO people AS p (subject, subject_key, identity_sealed, is_declared, recorded_us) "
        "SELECT unnest($1::bytea[]), unnest($2::bigint[]), unnest($3::bytea[]), "
        "unnest($4::boolean[]), unnest($5::bigint[]) ON CONFLICT (subject) DO UPDATE SET "
        "subject_key = EXCLUDED.subject_key, identity_sealed = "
        "EXCLUDED.identity_sealed, "
        "is_declared = EXCLUDED.is_declared, recorded_us = EXCLUDED.recorded_us "
        "WHERE (p.is_declared, p.recorded_us) <= (EXCLUDED.is_declared, EXCLUDED.recorded_us)",
        &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}

static bool names_person(const struct fact *fact)
{
    return fact->identity_sealed.len > 0 || fact->identity.len > 0;
}

static enum phi_err keep_people(struct intake *in)
{
    size_t count = 0;
    const struct fact **people = phi_arena_alloc(in->arena, (in->count + 1) * sizeof(*people));
    if (people == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new && names_person(&in->items[i].fact))
            people[count++] = &in->items[i].fact;
    if (count == 0)
        return PHI_OK;
    qsort(people, count, sizeof(*people), compare_people);
    return upsert_people(in, people, count);
}

enum phi_err intake_facts(struct intake *in)
{
    enum phi_err err = PHI_OK;
    if (in->items == NULL || in->count == 0)
        return PHI_OK;
    PHI_GUARD(sort_facts(in));
    PHI_GUARD(insert_facts(in));
    PHI_GUARD(judge_known(in));
    PHI_GUARD(mark_moved(in));
    PHI_GUARD(keep_people(in));
out:
    return err;
}
