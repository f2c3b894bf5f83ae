/* What svc-codegen deletes by the policy's days, in a real PostgreSQL: what is over goes, a bounded
 * number at a time, all else stays. Run by tests/tools/with-postgres. */
#include "store_fixture.h"

#include "base/arena.h"
#include "base/file.h"
#include "svc-codegen/retention/retain.h"

#define DAY_S      INT64_C(86400)
#define NOW_S      (20000 * DAY_S)
#define WAIT_MS    20000
#define SCHEMA_MAX (16 * 1024)

static char sql[4][SCHEMA_MAX];
static const struct policy policy = {.application_keep_days = 90, .consent_keep_days = 1095};

static int64_t now_us(void *context)
{
    (void)context;
    return NOW_S * 1000000;
}

static void read_sql(const char *name, char *out)
{
    char path[512];
    struct phi_view bytes;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    snprintf(path, sizeof(path), "%s/%s", CODEGEN_SQL, name);
    assert_ok(phi_file_read(path, SCHEMA_MAX - 1, arena, &bytes));
    memcpy(out, bytes.data, bytes.len);
    phi_arena_free(arena);
}

static int set_up(void **state)
{
    (void)state;
    read_sql("100_codes.sql", sql[0]);
    read_sql("101_behalf.sql", sql[1]);
    read_sql("102_batch.sql", sql[2]);
    read_sql("110_looks.sql", sql[3]);
    return 0;
}

static struct phi_store *open_at(const char *schema)
{
    const struct phi_migration migrations[] = {{100, "codes", sql[0]},
                                               {101, "behalf", sql[1]},
                                               {102, "batch", sql[2]},
                                               {110, "looks", sql[3]}};
    struct phi_error error = {0};
    struct phi_store *store = NULL;
    struct phi_store_options options = {.conninfo = fixture_conninfo(), .schema = schema};
    if (phi_migrate(fixture_conninfo(), schema, migrations, 4, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    assert_ok(phi_store_open(&options, &store, &error));
    return store;
}

static struct phi_conn *borrow(struct phi_store *store)
{
    struct phi_conn *conn = NULL;
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &conn));
    return conn;
}

static void write_rows(struct phi_store *store, const char *script)
{
    struct phi_error error = {0};
    struct phi_conn *conn = borrow(store);
    if (phi_conn_script(conn, script, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    phi_store_release(conn);
}

/* Codes and applications 1 to 9, of which 1 to 5 are over by a second to 5 days, 6 is over in this
 * very second, and 7 to 9 are not, 9 being in force; each code with a batch line. */
static const char some_rows[] =
    "CREATE TEMPORARY TABLE n AS SELECT i, sha256(i::text::bytea) AS h, "
    "substr(sha256(i::text::bytea), 1, 16) AS a, (ARRAY[-1, -86400, -172800, -259200, -432000, 0, "
    "1, 86400, 1096 * 86400])[i] AS off FROM generate_series(1, 9) i;"
    "INSERT INTO applications (application_id, app_id, subject, subject_key, scene, challenge, "
    "created_us, usable_until_us, term_until_us, applicant) SELECT a, 'app', a, 1, 'pass', a, 1, "
    "2, ((20000 - 90) * 86400::bigint + off) * 1000000, a FROM n;"
    "INSERT INTO codes (serial_hmac, application_id, subject, subject_key, key_set, scene, "
    "deadline_s, consent_digest, consent_sealed, minted_us) SELECT h, a, a, 1, 1, 'pass', "
    "(20000 - 1095) * 86400::bigint + off, h, h, 1 FROM n;"
    "INSERT INTO batch_lines SELECT 'app', i::text, h, h, 1 FROM n;"
    "DROP TABLE n";

static int64_t count(struct phi_store *store, const char *table)
{
    char query[96];
    snprintf(query, sizeof(query), "SELECT count(*) FROM %s", table);
    return fixture_number(store, table, query);
}

static void steps_are_bounded_and_spare_what_is_kept(void **state)
{
    (void)state;
    struct phi_store *store = open_at("retain_a");
    struct phi_conn *conn = borrow(store);
    struct retain_deleted gone;
    struct phi_error error = {0};
    static const size_t expected[] = {2, 2, 1, 0};
    write_rows(store, some_rows);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_ok(retain_step(conn, &policy, now_us(NULL), 2, &gone, &error));
        assert_int_equal(gone.applications, expected[i]);
        assert_int_equal(gone.codes, expected[i]);
    }
    phi_store_release(conn);
    static const char *const tables[] = {"applications", "codes", "batch_lines"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(count(store, tables[i]), 4);
    assert_int_equal(fixture_number(store, "lost",
                                    "SELECT count(*) FROM batch_lines LEFT JOIN codes USING "
                                    "(serial_hmac) WHERE deadline_s IS NULL"),
                     0);
    phi_store_close(store);
}

/* Auditors' requests a day after their time, looks as long as a consent record is kept: each kind
 * with one that is over by a second, one at the very end and one within its time. */
static const char some_looks[] =
    "INSERT INTO consent_requests SELECT substr(sha256(i::text::bytea), 1, 16), "
    "sha256(i::text::bytea), sha256(i::text::bytea), substr(sha256(i::text::bytea), 1, 16), 'u', "
    "'law', 1, (19999 * 86400::bigint + i) * 1000000 FROM generate_series(-1, 1) i;"
    "INSERT INTO consent_looks SELECT substr(sha256(i::text::bytea), 1, 16), "
    "sha256(i::text::bytea), substr(sha256(i::text::bytea), 1, 16), NULL, sha256(i::text::bytea), "
    "'pass', sha256(i::text::bytea), 'u', sha256(i::text::bytea), 'v', 'law', 1, "
    "((20000 - 1095) * 86400::bigint + i) * 1000000 FROM generate_series(-1, 1) i";

static void looks_go_with_their_time(void **state)
{
    (void)state;
    struct phi_store *store = open_at("retain_d");
    struct phi_conn *conn = borrow(store);
    struct retain_deleted gone;
    struct phi_error error = {0};
    write_rows(store, some_looks);
    assert_ok(retain_step(conn, &policy, now_us(NULL), 9, &gone, &error));
    assert_int_equal(gone.looks, 2);
    assert_int_equal(count(store, "consent_requests"), 2);
    assert_int_equal(count(store, "consent_looks"), 2);
    phi_store_release(conn);
    phi_store_close(store);
}

static void two_replicas_share_the_work(void **state)
{
    (void)state;
    struct phi_store *store = open_at("retain_b");
    struct phi_conn *one = borrow(store), *other = borrow(store);
    struct retain_deleted gone;
    struct phi_error error = {0};
    write_rows(store, some_rows);
    assert_ok(phi_conn_begin(one, &error));
    assert_ok(retain_step(one, &policy, now_us(NULL), 2, &gone, &error));
    assert_int_equal(gone.codes, 2);
    assert_ok(retain_step(other, &policy, now_us(NULL), 9, &gone, &error));
    assert_int_equal(gone.codes, 3);
    assert_int_equal(gone.applications, 3);
    assert_ok(phi_conn_commit(one, &error));
    phi_store_release(one);
    phi_store_release(other);
    assert_int_equal(count(store, "codes"), 4);
    phi_store_close(store);
}

static void the_thread_does_so_at_once(void **state)
{
    (void)state;
    struct phi_store *store = open_at("retain_c");
    const struct phi_clock clock = {.now_us = now_us};
    struct retain *retain = NULL;
    write_rows(store, some_rows);
    const struct retain_options options = {.store = store, .clock = &clock, .policy = &policy};
    assert_ok(retain_start(&options, &retain));
    const struct phi_deadline until = phi_deadline_in_ms(WAIT_MS);
    while (count(store, "codes") > 4 && !phi_deadline_is_past(until))
        ;
    retain_stop(retain);
    retain_stop(NULL);
    assert_int_equal(count(store, "applications"), 4);
    assert_int_equal(count(store, "codes"), 4);
    phi_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_bounded_and_spare_what_is_kept),
        cmocka_unit_test(looks_go_with_their_time),
        cmocka_unit_test(two_replicas_share_the_work),
        cmocka_unit_test(the_thread_does_so_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
