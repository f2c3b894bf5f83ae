#include "store_fixture.h"

#include <pthread.h>

static struct phi_store *store;

static int open_store(void **state)
{
    (void)state;
    store = fixture_open("test_store");
    return store == NULL;
}

static int close_store(void **state)
{
    (void)state;
    phi_store_close(store);
    return 0;
}

static void test_options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name, *conninfo, *schema;
        size_t size;
    } cases[] = {
        {"no schema", "host=/tmp", NULL, 1},
        {"upper case", "host=/tmp", "Codegen", 1},
        {"injection", "host=/tmp", "a; DROP TABLE b", 1},
        {"begins with a digit", "host=/tmp", "1a", 1},
        {"too long", "host=/tmp", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1},
        {"no conninfo", NULL, "a", 1},
        {"broken conninfo", "host", "a", 1},
        {"pool too large", "host=/tmp", "a", 65},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_store *out = NULL;
        struct phi_error error = {0};
        struct phi_store_options options = {
            .conninfo = cases[i].conninfo, .schema = cases[i].schema, .pool_size = cases[i].size};
        if (phi_store_open(&options, &out, &error) != PHI_ERR_CONFIG || out != NULL)
            fail_msg("%s", cases[i].name);
    }
}

static void test_down_is_said(void **state)
{
    (void)state;
    struct phi_store *out = NULL;
    struct phi_conn *conn = NULL;
    struct phi_store_options options = {.conninfo = "host=/nonexistent user=a dbname=b",
                                        .schema = "a"};
    assert_ok(phi_store_open(&options, &out, NULL));
    assert_false(phi_store_is_up(out));
    int64_t start_us = phi_monotonic_us();
    assert_int_equal(phi_store_acquire(out, phi_deadline_in_ms(150), &conn), PHI_ERR_STORE);
    assert_in_range(phi_monotonic_us() - start_us, 140000, 600000);
    assert_int_equal(phi_store_check(out, phi_deadline_in_ms(10)), PHI_ERR_STORE);
    phi_store_close(out);
}

static void test_kinds_there_and_back(void **state)
{
    (void)state;
    assert_true(phi_store_is_up(store));
    struct phi_conn *conn = fixture_conn(store);
    struct phi_rows *rows = NULL;
    static const uint8_t raw[] = {0, 1, 0xff, 0, 39, 92};
    struct phi_param params[] = {PHI_TEXT("张三 'x'"),
                                 PHI_BYTES_OF(raw, sizeof(raw)),
                                 PHI_I64(INT64_MIN),
                                 PHI_BOOL(true),
                                 PHI_NULL,
                                 PHI_I64(-7),
                                 PHI_BYTES_OF("", 0),
                                 PHI_TEXT("")};
    assert_ok(
        phi_conn_exec(conn, "kinds",
                      "SELECT $1::text, $2::bytea, $3::bigint, $4::boolean, $5::text, $6::int,"
                      " $7::bytea, $8::text, 12::smallint, to_timestamp(1.5), '{\"a\": 1}'::jsonb",
                      params, 8, &rows, NULL));
    assert_int_equal(phi_rows_count(rows), 1);
    assert_string_equal(phi_rows_text(rows, 0, 0), "张三 'x'");
    assert_true(phi_view_equal(phi_rows_bytes(rows, 0, 1), phi_view_of(raw, sizeof(raw))));
    assert_true(phi_rows_i64(rows, 0, 2) == INT64_MIN);
    assert_true(phi_rows_bool(rows, 0, 3));
    assert_true(phi_rows_is_null(rows, 0, 4));
    assert_null(phi_rows_text(rows, 0, 4));
    assert_true(phi_rows_i64(rows, 0, 5) == -7);
    assert_false(phi_rows_is_null(rows, 0, 6));
    assert_int_equal(phi_rows_bytes(rows, 0, 6).len, 0);
    assert_string_equal(phi_rows_text(rows, 0, 7), "");
    assert_int_equal(phi_rows_i64(rows, 0, 8), 12);
    assert_int_equal(phi_rows_i64(rows, 0, 9), 1500000);
    assert_string_equal(phi_rows_text(rows, 0, 10), "{\"a\": 1}");
    assert_null(phi_rows_text(rows, 1, 0));
    assert_null(phi_rows_text(rows, 0, 99));
    phi_rows_free(rows);
    phi_store_release(conn);
}

/* A statement first prepared with NULLs takes numbers and texts of any column type later. */
static void test_null_first_then_values(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_conn_script(
        conn, "CREATE TABLE mixed (a int, b text, c bytea, d timestamptz, e smallint, f boolean)",
        NULL));
    static const char sql[] = "INSERT INTO mixed VALUES ($1, $2, $3, $4, $5, $6)";
    struct phi_param nulls[] = {PHI_NULL, PHI_NULL, PHI_NULL, PHI_NULL, PHI_NULL, PHI_NULL};
    struct phi_param values[] = {PHI_I64(70000),       PHI_TEXT("b"),
                                 PHI_BYTES_OF("c", 1), PHI_TEXT("2026-11-21T08:00:00+08:00"),
                                 PHI_I64(5),           PHI_BOOL(true)};
    struct phi_rows *rows = NULL;
    struct phi_error error = {0};
    assert_ok(phi_conn_exec(conn, "mixed", sql, nulls, 6, NULL, NULL));
    assert_ok(phi_conn_exec(conn, "mixed", sql, values, 6, &rows, &error));
    assert_int_equal(phi_rows_affected(rows), 1);
    phi_rows_free(rows);
    values[4] = PHI_I64(70000);
    assert_int_equal(phi_conn_exec(conn, "mixed", sql, values, 6, NULL, &error), PHI_ERR_RULE);
    assert_string_equal(error.text, "SQLSTATE 22003");
    assert_int_equal(phi_conn_exec(conn, "mixed", "SELECT 1", NULL, 0, NULL, &error),
                     PHI_ERR_INTERNAL);
    phi_store_release(conn);
    assert_int_equal(
        fixture_number(store, "mixed_time",
                       "SELECT count(*) FROM mixed WHERE d = '2026-11-21 00:00:00Z' AND a = 70000"),
        1);
}

static void test_errors_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sql, *text, *place;
        enum phi_err err;
    } cases[] = {
        {"unique", "INSERT INTO items VALUES (1, 'secret'), (1, 'secret')", "SQLSTATE 23505",
         "items_pkey", PHI_ERR_CONFLICT},
        {"check", "INSERT INTO items VALUES (2, 'bad')", "SQLSTATE 23514", "items_word_check",
         PHI_ERR_RULE},
        {"not null", "INSERT INTO items VALUES (3, NULL)", "SQLSTATE 23502", "e_not null",
         PHI_ERR_RULE},
        {"value", "SELECT 'secret'::int", "SQLSTATE 22P02", "e_value", PHI_ERR_RULE},
        {"syntax", "SELEC 1", "SQLSTATE 42601", "e_syntax", PHI_ERR_INTERNAL},
        {"no table", "SELECT * FROM nothing", "SQLSTATE 42P01", "e_no table", PHI_ERR_INTERNAL},
        {"time-out", "SELECT pg_sleep(20)", "SQLSTATE 57014", "e_time-out", PHI_ERR_STORE},
    };
    struct phi_conn *conn = fixture_conn(store);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_error error = {0};
        char name[40];
        snprintf(name, sizeof(name), "e_%s", cases[i].name);
        enum phi_err err = phi_conn_exec(conn, name, cases[i].sql, NULL, 0, NULL, &error);
        if (err != cases[i].err || strcmp(error.text, cases[i].text) != 0 ||
            strcmp(error.place, cases[i].place) != 0)
            fail_msg("%s: %s, %s, %s", cases[i].name, phi_err_name(err), error.text, error.place);
    }
    phi_store_release(conn);
}

static void test_text_with_zero_is_refused(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    struct phi_param param = PHI_TEXT_VIEW(phi_view_of("a\0b", 3));
    assert_int_equal(phi_conn_exec(conn, "zero", "SELECT $1::text", &param, 1, NULL, NULL),
                     PHI_ERR_RULE);
    assert_int_equal(
        phi_conn_exec(conn, "zero_time", "SELECT $1::timestamptz", &param, 1, NULL, NULL),
        PHI_ERR_RULE);
    struct phi_param broken = PHI_TEXT("\xff\xfe");
    assert_int_equal(phi_conn_exec(conn, "zero", "SELECT $1::text", &broken, 1, NULL, NULL),
                     PHI_ERR_RULE);
    phi_store_release(conn);
}

static void test_transactions(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    static const char sql[] = "INSERT INTO items VALUES ($1, $2)";
    struct phi_param row[] = {PHI_I64(100), PHI_TEXT("kept")};
    struct phi_param bad[] = {PHI_I64(101), PHI_TEXT("bad")};
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(phi_conn_exec(conn, "tx", sql, row, 2, NULL, NULL));
    assert_ok(phi_conn_commit(conn, NULL));
    row[0] = PHI_I64(102);
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(phi_conn_exec(conn, "tx", sql, row, 2, NULL, NULL));
    assert_int_equal(phi_conn_exec(conn, "tx", sql, bad, 2, NULL, NULL), PHI_ERR_RULE);
    assert_int_equal(phi_conn_commit(conn, NULL), PHI_ERR_STORE);
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(phi_conn_exec(conn, "tx", sql, row, 2, NULL, NULL));
    phi_store_release(conn); /* rolls back */
    assert_int_equal(fixture_number(store, "tx_count",
                                    "SELECT count(*) FROM items WHERE id BETWEEN 100 AND 102"),
                     1);
}

static void test_arrays(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    struct phi_rows *rows = NULL;
    static const char sql[] =
        "SELECT count(*), sum(length(b)), sum(n)::bigint, count(*) FILTER (WHERE t),"
        " count(*) FILTER (WHERE x IS NULL)"
        " FROM unnest($1::bytea[], $2::bigint[], $3::boolean[], $4::text[]) AS u(b, n, t, x)";
    struct phi_array *arrays[] = {phi_array_new(PHI_COLUMN_BYTES), phi_array_new(PHI_COLUMN_I64),
                                  phi_array_new(PHI_COLUMN_BOOL), phi_array_new(PHI_COLUMN_TEXT)};
    struct phi_param params[4];
    for (int i = 0; i < 4; i++)
        params[i] = PHI_ARRAY(arrays[i]);
    assert_ok(phi_conn_exec(conn, "arrays", sql, params, 4, &rows, NULL));
    assert_int_equal(phi_rows_i64(rows, 0, 0), 0);
    phi_rows_free(rows);
    for (int i = 0; i < 1000; i++) {
        assert_ok(phi_array_add(arrays[0], PHI_BYTES_OF("abcdefgh", (size_t)(i % 8))));
        assert_ok(phi_array_add(arrays[1], PHI_I64(i)));
        assert_ok(phi_array_add(arrays[2], PHI_BOOL(i % 2)));
        assert_ok(phi_array_add(arrays[3], i % 4 ? PHI_TEXT("x") : PHI_NULL));
    }
    assert_int_equal(phi_array_add(arrays[0], PHI_I64(1)), PHI_ERR_INTERNAL);
    assert_ok(phi_conn_exec(conn, "arrays", sql, params, 4, &rows, NULL));
    assert_int_equal(phi_rows_i64(rows, 0, 0), 1000);
    assert_int_equal(phi_rows_i64(rows, 0, 1), 3500);
    assert_int_equal(phi_rows_i64(rows, 0, 2), 499500);
    assert_int_equal(phi_rows_i64(rows, 0, 3), 500);
    assert_int_equal(phi_rows_i64(rows, 0, 4), 250);
    phi_rows_free(rows);
    for (int i = 0; i < 4; i++)
        phi_array_free(arrays[i]);
    phi_store_release(conn);
}

static void test_pool_is_bounded(void **state)
{
    (void)state;
    struct phi_conn *conns[4];
    struct phi_conn *more = NULL;
    for (int i = 0; i < 4; i++)
        conns[i] = fixture_conn(store);
    int64_t start_us = phi_monotonic_us();
    assert_int_equal(phi_store_acquire(store, phi_deadline_in_ms(100), &more), PHI_ERR_OVERLOAD);
    assert_in_range(phi_monotonic_us() - start_us, 90000, 500000);
    for (int i = 0; i < 4; i++)
        phi_store_release(conns[i]);
    phi_store_release(fixture_conn(store));
}

static void test_broken_connection_is_replaced(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    assert_int_equal(phi_conn_exec(conn, "die", "SELECT pg_terminate_backend(pg_backend_pid())",
                                   NULL, 0, NULL, NULL),
                     PHI_ERR_STORE);
    assert_int_equal(phi_conn_exec(conn, "one", "SELECT 1", NULL, 0, NULL, NULL), PHI_ERR_STORE);
    phi_store_release(conn);
    assert_ok(phi_store_check(store, phi_deadline_in_ms(2000)));
    assert_true(phi_store_is_up(store));
}

static void test_idle_connections_survive_a_restart(void **state)
{
    (void)state;
    struct phi_conn *conns[4];
    for (int i = 0; i < 4; i++)
        conns[i] = fixture_conn(store);
    for (int i = 0; i < 4; i++)
        phi_store_release(conns[i]);
    fixture_control("stop fast");
    assert_int_equal(phi_store_check(store, phi_deadline_in_ms(200)), PHI_ERR_STORE);
    assert_false(phi_store_is_up(store));
    fixture_control("start");
    for (int i = 0; i < 4; i++)
        assert_ok(phi_store_check(store, phi_deadline_in_ms(3000)));
}

/* A server that doesn't answer is given up after the statement time-out, not waited for. */
static void test_silent_server_is_given_up(void **state)
{
    (void)state;
    struct phi_store *quick = NULL;
    struct phi_store_options options = {
        .conninfo = fixture_conninfo(), .schema = "test_store", .statement_timeout_ms = 300};
    assert_ok(phi_store_open(&options, &quick, NULL));
    struct phi_conn *conn = fixture_conn(quick);
    fixture_control("pause");
    int64_t start_us = phi_monotonic_us();
    enum phi_err err = phi_conn_exec(conn, "one", "SELECT 1", NULL, 0, NULL, NULL);
    int64_t took_us = phi_monotonic_us() - start_us;
    fixture_control("resume");
    assert_int_equal(err, PHI_ERR_STORE);
    assert_in_range(took_us, 500000, 2000000);
    phi_store_release(conn);
    assert_ok(phi_store_check(quick, phi_deadline_in_ms(3000)));
    phi_store_close(quick);
}

static void test_offsets(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    int64_t next = -1;
    bool is_foreign = true;
    assert_ok(phi_offsets_is_foreign(conn, "c1", "t", &is_foreign, NULL));
    assert_false(is_foreign);
    assert_ok(phi_offsets_load(conn, "c1", "t", 3, 40, &next, NULL));
    assert_int_equal(next, 40);
    assert_ok(phi_offsets_advance(conn, "c1", "t", 3, 40, 57, NULL));
    assert_int_equal(phi_offsets_advance(conn, "c1", "t", 3, 40, 60, NULL), PHI_ERR_FENCED);
    assert_int_equal(phi_offsets_advance(conn, "c1", "t", 4, 40, 60, NULL), PHI_ERR_FENCED);
    assert_int_equal(phi_offsets_advance(conn, "c2", "t", 3, 57, 60, NULL), PHI_ERR_FENCED);
    assert_ok(phi_offsets_load(conn, "c1", "t", 3, 0, &next, NULL));
    assert_int_equal(next, 57);
    assert_ok(phi_offsets_is_foreign(conn, "c2", "t", &is_foreign, NULL));
    assert_true(is_foreign);
    assert_ok(phi_offsets_reset(conn, "c1", "t", 3, 5, NULL));
    assert_ok(phi_offsets_load(conn, "c1", "t", 3, 0, &next, NULL));
    assert_int_equal(next, 5);
    phi_store_release(conn);
}

struct owner {
    pthread_t thread;
    int moved;
    int fenced;
};

/* Two owners of one partition: each step is made by exactly one of them. */
static void *own_partition(void *context)
{
    struct owner *owner = context;
    struct phi_conn *conn = NULL;
    if (phi_store_acquire(store, phi_deadline_in_ms(5000), &conn) != PHI_OK)
        return NULL;
    for (int64_t first = 0; first < 200; first++) {
        if (phi_conn_begin(conn, NULL) != PHI_OK)
            break;
        enum phi_err err = phi_offsets_advance(conn, "race", "t", 0, first, first + 1, NULL);
        owner->fenced += err == PHI_ERR_FENCED;
        if (err == PHI_OK && phi_conn_commit(conn, NULL) == PHI_OK)
            owner->moved++;
        else
            phi_conn_rollback(conn);
    }
    phi_store_release(conn);
    return NULL;
}

static void test_offsets_race(void **state)
{
    (void)state;
    struct owner owners[2] = {{0}};
    struct phi_conn *conn = fixture_conn(store);
    int64_t next = 0;
    assert_ok(phi_offsets_load(conn, "race", "t", 0, 0, &next, NULL));
    phi_store_release(conn);
    for (int i = 0; i < 2; i++)
        pthread_create(&owners[i].thread, NULL, own_partition, &owners[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(owners[i].thread, NULL);
    int64_t reached =
        fixture_number(store, "race", "SELECT next FROM offsets WHERE cluster_id = 'race'");
    assert_int_equal(owners[0].moved + owners[1].moved, reached);
    assert_int_equal(owners[0].moved + owners[1].moved + owners[0].fenced + owners[1].fenced, 400);
}

static void test_outbox(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    struct phi_conn *other = fixture_conn(store);
    struct phi_rows *rows = NULL;
    uint8_t ids[5][16] = {{0}};
    bool is_held = false;
    size_t count = 0;
    for (int i = 0; i < 5; i++) {
        ids[i][15] = (uint8_t)(5 - i);
        struct phi_param row[] = {PHI_BYTES_OF(ids[i], 16),
                                  PHI_TEXT("phi.320000.code.minted"),
                                  PHI_BYTES_OF("subject-subject-", 16),
                                  PHI_I64(-1),
                                  PHI_TEXT("{}"),
                                  PHI_BYTES_OF("{\"n\":1}", 7),
                                  PHI_I64(100 + i)};
        assert_ok(phi_outbox_add(conn, row, NULL));
        assert_ok(phi_outbox_add(conn, row, NULL));
    }
    assert_ok(phi_outbox_lock(conn, &is_held, NULL));
    assert_true(is_held);
    assert_ok(phi_outbox_lock(other, &is_held, NULL));
    assert_false(is_held);
    assert_ok(phi_outbox_read(conn, 103, 3, &rows, NULL));
    assert_int_equal(phi_rows_count(rows), 3);
    assert_memory_equal(phi_rows_bytes(rows, 0, PHI_OUTBOX_EVENT_ID).data, ids[0], 16);
    assert_string_equal(phi_rows_text(rows, 2, PHI_OUTBOX_TOPIC), "phi.320000.code.minted");
    assert_int_equal(phi_rows_i64(rows, 2, PHI_OUTBOX_PARTITION), -1);
    assert_int_equal(phi_rows_i64(rows, 2, PHI_OUTBOX_CREATED), 102);
    phi_rows_free(rows);
    assert_ok(phi_outbox_delete(conn, ids, 3, &count, NULL));
    assert_int_equal(count, 3);
    assert_ok(phi_outbox_count(conn, 100, &count, NULL));
    assert_int_equal(count, 2);
    assert_ok(phi_outbox_count(conn, 1, &count, NULL));
    assert_int_equal(count, 1);
    phi_store_release(conn); /* drops the lock */
    assert_ok(phi_outbox_lock(other, &is_held, NULL));
    assert_true(is_held);
    phi_outbox_unlock(other);
    phi_store_release(other);
}

static void test_prune(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    size_t deleted = 0;
    struct phi_rows *rows = NULL;
    const int64_t now_us = 1000000000000;
    assert_ok(phi_conn_script(conn,
                              "INSERT INTO nonces SELECT 'a', n::text, 1000000000000 - n * 1000000"
                              " FROM generate_series(0, 1000) n;"
                              "INSERT INTO idempotency SELECT 'a', 'r', 'c', n::text, '', 200, 'x',"
                              " 1000000000000 - n * 3600000000 FROM generate_series(0, 30) n",
                              NULL));
    assert_ok(phi_store_prune(conn, now_us, NULL, &deleted, NULL));
    assert_int_equal(deleted, 400 + 6);
    assert_ok(phi_store_prune(conn, now_us, NULL, &deleted, NULL));
    assert_int_equal(deleted, 0);
    assert_ok(phi_idempotency_find(conn, "a", "r", "c", "24", &rows, NULL));
    assert_int_equal(phi_rows_count(rows), 1);
    assert_int_equal(phi_rows_i64(rows, 0, PHI_IDEMPOTENCY_STATUS), 200);
    phi_rows_free(rows);
    assert_ok(phi_idempotency_find(conn, "a", "r", "c", "25", &rows, NULL));
    assert_int_equal(phi_rows_count(rows), 0);
    phi_rows_free(rows);
    phi_store_release(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_down_is_said),
        cmocka_unit_test(test_kinds_there_and_back),
        cmocka_unit_test(test_null_first_then_values),
        cmocka_unit_test(test_errors_are_told_apart),
        cmocka_unit_test(test_text_with_zero_is_refused),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_broken_connection_is_replaced),
        cmocka_unit_test(test_idle_connections_survive_a_restart),
        cmocka_unit_test(test_silent_server_is_given_up),
        cmocka_unit_test(test_offsets),
        cmocka_unit_test(test_offsets_race),
        cmocka_unit_test(test_outbox),
        cmocka_unit_test(test_prune),
    };
    return cmocka_run_group_tests_name("store", tests, open_store, close_store);
}
