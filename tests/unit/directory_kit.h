/* A directory on a real PostgreSQL, without bus and HTTP: tables, rules, facts by SQL, grading. */
#ifndef PHI_TESTS_UNIT_DIRECTORY_KIT_H
#define PHI_TESTS_UNIT_DIRECTORY_KIT_H

#include "store_fixture.h"

#include "base/file.h"
#include "svc-directory/grading/due_batch.h"
#include "svc-directory/grading/grading.h"
#include "svc-directory/grading/places.h"
#include "svc-directory/grading/retain.h"
#include "svc-directory/grading/silence.h"

#include <unistd.h>

#define KIT_NOW       1795233600000000LL
#define KIT_SECOND    1000000LL
#define KIT_DAY       (86400 * KIT_SECOND)
#define KIT_PARTITION 3

struct kit {
    struct phi_store *store;
    struct directory directory;
    int64_t now_us;
    unsigned records; /* numbers given out */
};

static inline void kit_rules(struct kit *kit, const char *json)
{
    char path[] = "/tmp/phi-rules-XXXXXX";
    struct phi_error error = {0};
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, json, strlen(json)), strlen(json));
    close(file);
    struct rules *rules = NULL;
    rules_book_free(kit->directory.book);
    kit->directory.book = NULL;
    enum phi_err err = rules_read(path, "320000", &rules, &error);
    unlink(path);
    if (err != PHI_OK)
        fail_msg("rules: %s: %s", error.place, error.text);
    assert_ok(rules_book_new(rules, "320000", &kit->directory.book));
}

static inline const char *kit_text(struct phi_arena *arena, const char *name)
{
    struct phi_view bytes;
    assert_ok(phi_file_read(phi_arena_printf(arena, DIRECTORY_SQL "/%s.sql", name), 65536, arena,
                            &bytes));
    return phi_arena_text(arena, bytes);
}

static inline void kit_open(struct kit *kit, const char *schema, const char *rules)
{
    struct phi_arena *arena = phi_arena_new(1024 * 1024);
    const struct phi_migration migrations[] = {
        {3, "outbox", phi_outbox_ddl},
        {4, "offsets", phi_offsets_ddl},
        {100, "directory", kit_text(arena, "100_directory")},
        {130, "rules", kit_text(arena, "130_rules")},
        {140, "facts", kit_text(arena, "140_facts")},
        {141, "places", kit_text(arena, "141_places")},
        {150, "speed", kit_text(arena, "150_speed")},
        {160, "healing", kit_text(arena, "160_healing")},
        {190, "decisions", kit_text(arena, "190_decisions")},
        {191, "reliefs", kit_text(arena, "191_reliefs")},
    };
    struct phi_error error = {0};
    const struct phi_store_options options = {
        .conninfo = fixture_conninfo(), .schema = schema, .statement_timeout_ms = 60000};
    *kit = (struct kit){.now_us = KIT_NOW};
    pthread_mutex_init(&kit->directory.silence.lock, NULL);
    if (phi_migrate(fixture_conninfo(), schema, migrations,
                    sizeof(migrations) / sizeof(migrations[0]), &error) != PHI_OK)
        fail_msg("migrate: %s: %s", error.place, error.text);
    phi_arena_free(arena);
    assert_ok(phi_store_open(&options, &kit->store, &error));
    assert_ok(reasons_new(kit->store, &kit->directory.reasons));
    kit_rules(kit, rules);
}

static inline void kit_close(struct kit *kit)
{
    rules_book_free(kit->directory.book);
    reasons_free(kit->directory.reasons);
    phi_store_close(kit->store);
}

static inline void kit_sql(struct kit *kit, const char *sql)
{
    struct phi_error error = {0};
    struct phi_conn *conn = fixture_conn(kit->store);
    if (phi_conn_script(conn, sql, &error) != PHI_OK)
        fail_msg("%s: %s", error.text, sql);
    phi_store_release(conn);
}

/* The subject of a small number: all of KIT_PARTITION of eight. */
static inline void kit_subject(unsigned number, uint8_t out[PHI_SUBJECT_LEN])
{
    memset(out, 0, PHI_SUBJECT_LEN);
    out[1] = KIT_PARTITION << 4;
    out[14] = (uint8_t)(number >> 8);
    out[15] = (uint8_t)number;
}

struct kit_fact {
    unsigned subject;
    unsigned record; /* 0: one of its own */
    unsigned revision;
    const char *source; /* NULL: source.tests */
    const char *content;
    const char *event; /* 32 hex digits; NULL: none */
    int64_t observed_us;
    int64_t recorded_us; /* 0: as observed */
    const char *place;   /* where, when observed; NULL: nowhere */
};

static inline void kit_fact(struct kit *kit, const struct kit_fact *fact)
{
    uint8_t subject[PHI_SUBJECT_LEN], id[16] = {1}, record[16] = {2}, event[16] = {0};
    unsigned number = fact->record != 0 ? fact->record : 1000000 + ++kit->records;
    unsigned revision = fact->revision == 0 ? 1 : fact->revision;
    kit_subject(fact->subject, subject);
    memcpy(record + 8, &number, sizeof(number));
    memcpy(id + 8, &number, sizeof(number));
    id[1] = (uint8_t)revision;
    if (fact->event != NULL)
        assert_ok(phi_hex_decode(phi_view_text(fact->event), event, sizeof(event)));
    const struct phi_param params[] = {
        PHI_I64(fact->observed_us),
        PHI_I64(fact->recorded_us == 0 ? fact->observed_us : fact->recorded_us),
        PHI_I64(kit->now_us),
        PHI_I64(revision),
        PHI_BYTES_OF(id, 16),
        PHI_BYTES_OF(subject, PHI_SUBJECT_LEN),
        PHI_BYTES_OF(record, 16),
        fact->event == NULL ? PHI_NULL : PHI_BYTES_OF(event, 16),
        PHI_TEXT(fact->source == NULL ? "source.tests" : fact->source),
        PHI_TEXT(fact->content),
        PHI_TEXT(fact->place),
    };
    struct phi_conn *conn = fixture_conn(kit->store);
    assert_ok(
        phi_conn_exec(conn, "kit_fact",
                      "INSERT INTO facts (observed_us, recorded_us, known_us, revision, "
                      "subject_key, fact_id, subject, record, digest, event_key, source, "
                      "institution, record_no, content, has_stays) VALUES ($1::bigint, $2::bigint, "
                      "$3::bigint, $4::bigint, 1, $5::bytea, $6::bytea, $7::bytea, "
                      "$5::bytea, $8::bytea, $9::text, 'lab', 'r', $10::text, $11::text IS "
                      "NOT NULL)",
                      params, 11, NULL, NULL));
    const struct phi_param stay[] = {params[0], PHI_I64(KIT_PARTITION), params[4], params[5],
                                     PHI_TEXT(fact->place)};
    if (fact->place != NULL)
        assert_ok(phi_conn_exec(conn, "kit_stay",
                                "INSERT INTO stays (from_us, to_us, partition, fact_id, subject, "
                                "place) VALUES ($1::bigint, $1::bigint, $2::bigint, $3::bytea, "
                                "$4::bytea, $5)",
                                stay, 5, NULL, NULL));
    phi_store_release(conn);
}

/* A decision in the case of `subject` on a record of a number. */
static inline void kit_decide(struct kit *kit, unsigned subject, unsigned record, int64_t version,
                              bool is_retracted, int64_t decided_us)
{
    uint8_t who[PHI_SUBJECT_LEN], name[16] = {2};
    kit_subject(subject, who);
    memcpy(name + 8, &record, sizeof(record));
    const struct phi_param params[] = {PHI_BYTES_OF(name, 16), PHI_BYTES_OF(who, PHI_SUBJECT_LEN),
                                       PHI_I64(version),       PHI_BOOL(is_retracted),
                                       PHI_I64(decided_us),    PHI_I64(kit->now_us)};
    struct phi_conn *conn = fixture_conn(kit->store);
    assert_ok(phi_conn_exec(conn, "kit_decide",
                            "INSERT INTO retractions (record, subject, decision_version, "
                            "is_retracted, source, institution, record_no, case_id, decided_us, "
                            "known_us) VALUES ($1::bytea, $2::bytea, $3::bigint, $4::boolean, "
                            "'source.tests', 'lab', 'r', 'case', $5::bigint, $6::bigint)",
                            params, 6, NULL, NULL));
    phi_store_release(conn);
}

static inline struct grading kit_begin(struct kit *kit, uint64_t *tally)
{
    struct grading grading = {.directory = &kit->directory,
                              .tx = fixture_conn(kit->store),
                              .arena = phi_arena_new(64 * 1024 * 1024),
                              .partition = KIT_PARTITION,
                              .now_us = kit->now_us,
                              .tally = tally};
    assert_ok(phi_conn_begin(grading.tx, NULL));
    return grading;
}

static inline void kit_commit(struct grading *grading)
{
    assert_ok(phi_conn_commit(grading->tx, NULL));
    phi_store_release(grading->tx);
    phi_arena_free(grading->arena);
}

static inline void kit_grade(struct kit *kit, unsigned number)
{
    uint64_t tally[TALLY_COUNT] = {0};
    uint8_t subjects[1][PHI_SUBJECT_LEN];
    struct grading grading = kit_begin(kit, tally);
    kit_subject(number, subjects[0]);
    assert_ok(grading_run(&grading, (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, 1));
    kit_commit(&grading);
}

/* Works off what is due; how many people. */
static inline size_t kit_due(struct kit *kit, size_t max)
{
    uint64_t tally[TALLY_COUNT] = {0};
    size_t count = 0;
    struct grading grading = kit_begin(kit, tally);
    assert_ok(due_batch(&grading, max, &count));
    kit_commit(&grading);
    return count;
}

/* One number of a person's entry: `column` of entries. */
static inline int64_t kit_entry(struct kit *kit, unsigned number, const char *column)
{
    char sql[160], name[48];
    uint8_t subject[PHI_SUBJECT_LEN];
    struct phi_rows *rows = NULL;
    kit_subject(number, subject);
    const struct phi_param param = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    snprintf(name, sizeof(name), "kit_entry_%s", column);
    snprintf(sql, sizeof(sql), "SELECT %s FROM entries WHERE subject = $1", column);
    struct phi_conn *conn = fixture_conn(kit->store);
    assert_ok(phi_conn_exec(conn, name, sql, &param, 1, &rows, NULL));
    int64_t value = phi_rows_count(rows) == 0 ? -1 : phi_rows_i64(rows, 0, 0);
    phi_rows_free(rows);
    phi_store_release(conn);
    return value;
}

static inline int64_t kit_grade_of(struct kit *kit, unsigned number)
{
    return kit_entry(kit, number, "grade");
}

#endif
