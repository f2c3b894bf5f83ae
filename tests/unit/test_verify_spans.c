/* The tables of svc-verify in a real PostgreSQL: what stood there before comes along, partitions
 * are made ahead and dropped whole. Run by tests/tools/with-postgres. */
#include "store_fixture.h"

#include "base/arena.h"
#include "base/file.h"

#define DAY_S INT64_C(86400)

static char sql[2][32 * 1024];

static void read_sql(const char *name, char *out)
{
    char path[512];
    struct phi_view bytes;
    struct phi_arena *arena = phi_arena_new(128 * 1024);
    snprintf(path, sizeof(path), "%s/%s", VERIFY_SQL, name);
    assert_ok(phi_file_read(path, sizeof(sql[0]) - 1, arena, &bytes));
    memcpy(out, bytes.data, bytes.len);
    out[bytes.len] = '\0';
    phi_arena_free(arena);
}

static int set_up(void **state)
{
    (void)state;
    read_sql("100_verify.sql", sql[0]);
    read_sql("101_spans.sql", sql[1]);
    return 0;
}

static struct phi_store *open_at(const char *schema, size_t count)
{
    const struct phi_migration migrations[] = {{100, "verify", sql[0]}, {101, "spans", sql[1]}};
    struct phi_error error = {0};
    struct phi_store *store = NULL;
    struct phi_store_options options = {.conninfo = fixture_conninfo(), .schema = schema};
    if (phi_migrate(fixture_conninfo(), schema, migrations, count, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    assert_ok(phi_store_open(&options, &store, &error));
    return store;
}

static enum phi_err run(struct phi_store *store, const char *script)
{
    struct phi_conn *conn = NULL;
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &conn));
    enum phi_err err = phi_conn_script(conn, script, NULL);
    phi_store_release(conn);
    return err;
}

/* 50 uses over 10 weeks and 20 spent codes over 20 days, as version 100 kept them. */
static const char old_rows[] =
    "INSERT INTO uses SELECT '320000', 'p', decode(lpad(to_hex(i), 32, '0'), 'hex'), "
    "sha256('a'), sha256('b'), decode(lpad(to_hex(i % 5), 32, '0'), 'hex'), 1, sha256('c'), 'app', "
    "0, '0000', 0, 1700000000, 1700000000000000 + i * 121000000000 FROM generate_series(1, 50) i;"
    "INSERT INTO ledger SELECT 1700000000 + i * 86400, sha256(i::text::bytea), 1 "
    "FROM generate_series(1, 20) i";

static void what_stood_there_comes_along(void **state)
{
    (void)state;
    phi_store_close(open_at("spans_a", 1));
    struct phi_store *store = open_at("spans_a", 1);
    assert_ok(run(store, old_rows));
    phi_store_close(store);
    store = open_at("spans_a", 2);
    assert_int_equal(fixture_number(store, "uses", "SELECT count(*) FROM uses"), 50);
    assert_int_equal(fixture_number(store, "requests", "SELECT count(*) FROM requests"), 50);
    assert_int_equal(fixture_number(store, "ledger", "SELECT count(*) FROM ledger"), 20);
    assert_int_equal(fixture_number(store, "ids", "SELECT count(DISTINCT id) FROM uses"), 50);
    assert_true(fixture_number(store, "parts",
                               "SELECT count(*) FROM pg_inherits WHERE inhparent = "
                               "to_regclass('uses')") >= 10);
    /* once is once across the change of tables */
    assert_int_equal(run(store, "INSERT INTO ledger VALUES (1700086400, sha256('1'), 2)"),
                     PHI_ERR_CONFLICT);
    phi_store_close(store);
    phi_store_close(open_at("spans_a", 2));
}

static void spans_are_made_once_and_dropped_whole(void **state)
{
    (void)state;
    struct phi_store *store = open_at("spans_b", 2);
    assert_int_equal(run(store, "INSERT INTO ledger VALUES (86400, sha256('1'), 1)"), PHI_ERR_RULE);
    assert_int_equal(fixture_number(store, "five", "SELECT make_spans('ledger', 86400, 0, 4)"), 5);
    assert_int_equal(fixture_number(store, "more", "SELECT make_spans('ledger', 86400, 0, 6)"), 2);
    assert_ok(run(store,
                  "INSERT INTO ledger SELECT d * 86400 + s, sha256((d || '/' || s)::bytea), 1 "
                  "FROM generate_series(0, 6) d, unnest(ARRAY[0, 1, 86399]) s"));
    assert_int_equal(fixture_number(store, "drop", "SELECT drop_spans('ledger', 3)"), 3);
    assert_int_equal(fixture_number(store, "drop", "SELECT drop_spans('ledger', 3)"), 0);
    assert_int_equal(fixture_number(store, "left", "SELECT count(*) FROM ledger"), 12);
    assert_int_equal(fixture_number(store, "first", "SELECT min(deadline_s) FROM ledger"),
                     3 * DAY_S);
    phi_store_close(store);
}

/* Two replicas start at the same time. */
static void two_may_make_them_at_once(void **state)
{
    (void)state;
    struct phi_store *store = open_at("spans_c", 2);
    struct phi_conn *one = NULL, *other = NULL;
    struct phi_error error = {0};
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &one));
    assert_ok(phi_store_acquire(store, phi_deadline_in_ms(5000), &other));
    assert_ok(phi_conn_begin(one, &error));
    assert_ok(phi_conn_script(one, "SELECT make_spans('uses', 604800000000, 1, 2)", &error));
    assert_ok(phi_conn_script(other, "SET lock_timeout = 100", &error));
    assert_int_not_equal(
        phi_conn_script(other, "SELECT make_spans('uses', 604800000000, 1, 3)", &error), PHI_OK);
    assert_ok(phi_conn_commit(one, &error));
    assert_ok(phi_conn_script(other, "SELECT make_spans('uses', 604800000000, 1, 3)", &error));
    phi_store_release(one);
    phi_store_release(other);
    assert_int_equal(fixture_number(store, "parts",
                                    "SELECT count(*) FROM pg_inherits WHERE inhparent = "
                                    "to_regclass('uses')"),
                     3);
    phi_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stood_there_comes_along),
        cmocka_unit_test(spans_are_made_once_and_dropped_whole),
        cmocka_unit_test(two_may_make_them_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
