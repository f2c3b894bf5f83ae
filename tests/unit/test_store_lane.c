#include "store_lane_fixture.h"

static struct phi_store *store;
static struct phi_lane *lane;

static int open_all(void **state)
{
    (void)state;
    store = fixture_open("test_lane");
    lane = store ? open_lane(store, "test", 0) : NULL;
    return lane == NULL;
}

static int close_all(void **state)
{
    (void)state;
    phi_lane_close(lane);
    phi_store_close(store);
    return 0;
}

static void test_declarations_are_checked(void **state)
{
    (void)state;
    static const enum phi_column columns[] = {PHI_COLUMN_BYTES};
    static const enum phi_column texts[] = {PHI_COLUMN_TEXT};
    static const struct {
        const char *name;
        struct phi_lane_table table;
        enum phi_err err;
    } cases[] = {
        {"no sql", {.name = "a", .columns = columns, .column_count = 1}, PHI_ERR_CONFIG},
        {"no columns", {.name = "a", .insert_sql = "SELECT 1"}, PHI_ERR_CONFIG},
        {"key too wide",
         {.name = "a",
          .insert_sql = "SELECT 1",
          .columns = columns,
          .column_count = 1,
          .key_count = 2},
         PHI_ERR_CONFIG},
        {"guard without key",
         {.name = "a",
          .insert_sql = "SELECT 1",
          .columns = columns,
          .column_count = 1,
          .is_guard = true,
          .on_conflict = PHI_ERR_CONFLICT},
         PHI_ERR_CONFIG},
        {"guard without error",
         {.name = "a",
          .insert_sql = "SELECT 1",
          .columns = columns,
          .column_count = 1,
          .key_count = 1,
          .is_guard = true},
         PHI_ERR_CONFIG},
        {"no such table",
         {.name = "a",
          .insert_sql = "INSERT INTO nothing SELECT unnest($1::bytea[])",
          .columns = columns,
          .column_count = 1},
         PHI_ERR_INTERNAL},
        {"guard that returns nothing",
         {.name = "a",
          .insert_sql = "INSERT INTO nonces SELECT 'a', unnest($1::text[]), 1",
          .columns = texts,
          .column_count = 1,
          .key_count = 1,
          .is_guard = true,
          .on_conflict = PHI_ERR_CONFLICT},
         PHI_ERR_INTERNAL},
        {"other parameters",
         {.name = "a", .insert_sql = "SELECT $2::int", .columns = columns, .column_count = 1},
         PHI_ERR_INTERNAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_lane *out = NULL;
        struct phi_lane_options options = {
            .name = "bad", .tables = &cases[i].table, .table_count = 1};
        enum phi_err err = phi_lane_open(store, &options, &out, NULL);
        if (err != cases[i].err || out != NULL)
            fail_msg("%s: %s", cases[i].name, phi_err_name(err));
    }
}

static void test_rows_are_checked(void **state)
{
    (void)state;
    struct phi_commit *commit = phi_commit_new(lane);
    struct phi_param good[] = {PHI_BYTES_OF("k", 1), PHI_TEXT("x")};
    struct phi_param wrong_kind[] = {PHI_TEXT("k"), PHI_TEXT("x")};
    struct phi_param null_key[] = {PHI_NULL, PHI_TEXT("x")};
    assert_int_equal(phi_commit_add(commit, TABLES, good, 2), PHI_ERR_INTERNAL);
    assert_int_equal(phi_commit_add(commit, LEDGER, good, 1), PHI_ERR_INTERNAL);
    assert_int_equal(phi_commit_add(commit, LEDGER, wrong_kind, 2), PHI_ERR_INTERNAL);
    assert_int_equal(phi_commit_add(commit, LEDGER, null_key, 2), PHI_ERR_INTERNAL);
    char *big = calloc(1, PHI_COMMIT_BYTES_MAX + 1);
    good[0] = PHI_BYTES_OF(big, PHI_COMMIT_BYTES_MAX);
    assert_int_equal(phi_commit_add(commit, LEDGER, good, 2), PHI_ERR_BODY_TOO_LARGE);
    free(big);
    phi_commit_free(commit);
}

/* A shut table refuses its rows and no other's; what was added before is written. */
static void test_a_shut_table_takes_nothing(void **state)
{
    (void)state;
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "before", "y"));
    phi_lane_shut(lane, LEDGER, PHI_ERR_BUS);
    assert_int_equal(add_ledger(commit, "meanwhile", "y"), PHI_ERR_BUS);
    assert_ok(add_nonce(commit, "meanwhile"));
    assert_ok(phi_commit_wait(commit, phi_deadline_in_ms(3000), NULL, NULL));
    phi_lane_shut(lane, LEDGER, PHI_OK);
    commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "after", "y"));
    assert_ok(phi_commit_wait(commit, phi_deadline_in_ms(3000), NULL, NULL));
    assert_int_equal(
        fixture_number(store, "shut", "SELECT count(*) FROM ledger WHERE holder = 'y'"), 2);
}

static void test_kept_with_all_kinds(void **state)
{
    (void)state;
    struct phi_commit *commit = phi_commit_new(lane);
    static const uint8_t id[16] = {1, 2, 3};
    assert_ok(add_nonce(commit, "kept"));
    assert_ok(add_idempotency(commit, "kept", "answer"));
    assert_ok(add_ledger(commit, "kept", "张三"));
    assert_ok(phi_commit_add(commit, ITEMS,
                             (struct phi_param[]){PHI_I64(-5), PHI_TEXT("negative"), PHI_NULL}, 3));
    assert_ok(phi_commit_add(commit, OUTBOX,
                             (struct phi_param[]){PHI_BYTES_OF(id, 16), PHI_TEXT("t"),
                                                  PHI_BYTES_OF("k", 1), PHI_I64(-1), PHI_TEXT("{}"),
                                                  PHI_BYTES_OF("{}", 2), PHI_I64(1)},
                             PHI_OUTBOX_COLUMNS));
    assert_ok(phi_commit_wait(commit, phi_deadline_in_ms(3000), NULL, NULL));
    assert_int_equal(fixture_number(store, "kept",
                                    "SELECT (SELECT count(*) FROM nonces WHERE nonce = 'kept')"
                                    " + (SELECT count(*) FROM idempotency WHERE serial = 'kept')"
                                    " + (SELECT count(*) FROM ledger WHERE holder = '张三')"
                                    " + (SELECT count(*) FROM items WHERE id = -5 AND ok IS NULL)"
                                    " + (SELECT count(*) FROM outbox)"),
                     5);
}

static void test_guard_refuses_what_is_stored(void **state)
{
    (void)state;
    struct told told[2] = {0};
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "stored", "first"));
    submit(commit, &told[0]);
    wait_told(told, 1, 5000);
    assert_ok(told[0].err);
    commit = phi_commit_new(lane);
    assert_ok(add_item(commit, 20, "of the refused"));
    assert_ok(add_ledger(commit, "stored", "second"));
    submit(commit, &told[1]);
    wait_told(told, 2, 5000);
    assert_int_equal(told[1].err, PHI_ERR_CODE_USED);
    assert_int_equal(told[1].table, LEDGER);
    assert_string_equal(told[1].holder, "first");
    assert_int_equal(fixture_number(store, "stored", "SELECT count(*) FROM items WHERE id = 20"),
                     0);
}

static void test_first_of_a_batch_wins(void **state)
{
    (void)state;
    struct gate gate;
    struct told told[4] = {0};
    hold_lane(lane, &gate);
    for (int i = 0; i < 4; i++) {
        struct phi_commit *commit = phi_commit_new(lane);
        char answer[32];
        snprintf(answer, sizeof(answer), "answer %d", i);
        assert_ok(add_idempotency(commit, "batch", answer));
        assert_ok(add_idempotency(commit, "batch", answer)); /* the same key of the same request */
        assert_ok(add_item(commit, 30 + i, "x"));
        submit(commit, &told[i]);
    }
    atomic_store(&gate.is_open, true);
    wait_told(told, 4, 5000);
    assert_ok(told[0].err);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(told[i].err, PHI_ERR_CONFLICT);
        assert_string_equal(told[i].holder, "answer 0");
    }
    assert_int_equal(fixture_number(store, "batch",
                                    "SELECT sum(id)::bigint FROM items WHERE id BETWEEN 30 AND 33"),
                     30);
}

/* A later guard refuses: rows of earlier guards go, sticky ones stay, and whoever lost to the
 * refused request gets its turn. */
static void test_refused_late_leaves_no_rows(void **state)
{
    (void)state;
    struct gate gate;
    struct told told[5] = {0};
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "late", "stored before"));
    assert_ok(phi_commit_wait(commit, phi_deadline_in_ms(3000), NULL, NULL));
    hold_lane(lane, &gate);
    static const struct {
        const char *nonce, *idempotency, *ledger;
        enum phi_err err;
    } cases[5] = {
        {"late-1", "late-a", "late", PHI_ERR_CODE_USED}, /* its idempotency row must go */
        {"late-2", "late-a", "late-new", PHI_OK}, /* lost late-a to a request that is refused */
        {"late-1", "late-b", "late-other", PHI_ERR_NONCE}, /* the nonce of the refused one stays */
        {"late-3", "late-a", "late-x", PHI_ERR_CONFLICT},  /* lost late-a for good */
        {"late-4", "late-c", "late-x", PHI_OK},            /* so late-x is free */
    };
    for (int i = 0; i < 5; i++) {
        commit = phi_commit_new(lane);
        assert_ok(add_nonce(commit, cases[i].nonce));
        assert_ok(add_idempotency(commit, cases[i].idempotency, cases[i].nonce));
        assert_ok(add_ledger(commit, cases[i].ledger, cases[i].nonce));
        assert_ok(add_item(commit, 40 + i, "x"));
        submit(commit, &told[i]);
    }
    atomic_store(&gate.is_open, true);
    wait_told(told, 5, 5000);
    for (int i = 0; i < 5; i++) {
        if (told[i].err != cases[i].err)
            fail_msg("%d: %s", i, phi_err_name(told[i].err));
    }
    assert_string_equal(told[0].holder, "stored before");
    assert_string_equal(told[3].holder, "late-2");
    assert_int_equal(fixture_number(store, "late_i",
                                    "SELECT count(*) FROM idempotency WHERE serial LIKE 'late-%'"),
                     2);
    assert_int_equal(
        fixture_number(store, "late_n", "SELECT count(*) FROM nonces WHERE nonce LIKE 'late-%'"),
        4);
    assert_int_equal(
        fixture_number(store, "late_l", "SELECT count(*) FROM ledger WHERE holder LIKE 'late-%'"),
        2);
    assert_int_equal(fixture_number(store, "late_x",
                                    "SELECT sum(id)::bigint FROM items WHERE id BETWEEN 40 AND 44"),
                     85);
}

static void test_last_of_a_batch_wins(void **state)
{
    (void)state;
    struct gate gate;
    struct told told[3] = {0};
    hold_lane(lane, &gate);
    for (int i = 0; i < 3; i++) {
        struct phi_commit *commit = phi_commit_new(lane);
        for (int j = 0; j < 2; j++) {
            assert_ok(phi_commit_add(
                commit, LATEST, (struct phi_param[]){PHI_BYTES_OF("one", 3), PHI_I64(10 * i + j)},
                2));
        }
        submit(commit, &told[i]);
    }
    atomic_store(&gate.is_open, true);
    wait_told(told, 3, 5000);
    assert_int_equal(fixture_number(store, "latest", "SELECT version FROM latest WHERE id = 'one'"),
                     21);
}

static void test_bad_rows_fail_alone(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct gate gate;
    static struct told told[COUNT];
    hold_lane(lane, &gate);
    for (int i = 0; i < COUNT; i++) {
        struct phi_commit *commit = phi_commit_new(lane);
        struct phi_view zero = phi_view_of("a\0b", 3);
        assert_ok(add_item(commit, 1000 + i, i == 17 || i == 99 ? "bad" : "good"));
        if (i == 50)
            assert_ok(phi_commit_add(
                commit, LEDGER, (struct phi_param[]){PHI_BYTES_OF("zero", 4), PHI_TEXT_VIEW(zero)},
                2));
        if (i == 0)
            assert_ok(phi_commit_add(
                commit, ITEMS, (struct phi_param[]){PHI_I64(1), PHI_TEXT("\xc3\x28"), PHI_NULL},
                3));
        submit(commit, &told[i]);
    }
    atomic_store(&gate.is_open, true);
    wait_told(told, COUNT, 10000);
    for (int i = 0; i < COUNT; i++) {
        bool is_bad = i == 0 || i == 17 || i == 50 || i == 99;
        if (told[i].err != (is_bad ? PHI_ERR_RULE : PHI_OK))
            fail_msg("%d: %s", i, phi_err_name(told[i].err));
    }
    assert_int_equal(
        fixture_number(store, "bad", "SELECT count(*) FROM items WHERE id BETWEEN 1000 AND 1099"),
        96);
}

static void test_late_ones_are_not_written(void **state)
{
    (void)state;
    struct gate gate;
    struct told told[2] = {0};
    hold_lane(lane, &gate);
    for (int i = 0; i < 2; i++) {
        struct phi_commit *commit = phi_commit_new(lane);
        assert_ok(add_item(commit, 50 + i, "x"));
        assert_ok(
            phi_commit_submit(commit, on_told, &told[i], phi_deadline_in_ms(i == 0 ? 5 : 5000)));
    }
    usleep(20000);
    atomic_store(&gate.is_open, true);
    wait_told(told, 2, 5000);
    assert_int_equal(told[0].err, PHI_ERR_DEADLINE);
    assert_ok(told[1].err);
    assert_int_equal(
        fixture_number(store, "deadline", "SELECT count(*) FROM items WHERE id IN (50, 51)"), 1);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct phi_lane *small = open_lane(store, "small", 10);
    struct gate gate;
    struct told told[12] = {0};
    int accepted = 0;
    int refused = 0;
    hold_lane(small, &gate);
    for (int i = 0; i < 12; i++) {
        struct phi_commit *commit = phi_commit_new(small);
        assert_ok(add_item(commit, 60 + i, "x"));
        enum phi_err err =
            phi_commit_submit(commit, on_told, &told[accepted], phi_deadline_in_ms(5000));
        accepted += err == PHI_OK;
        refused += err == PHI_ERR_OVERLOAD;
        if (err != PHI_OK)
            phi_commit_free(commit);
    }
    assert_int_equal(accepted, 10);
    assert_int_equal(refused, 2);
    assert_int_equal(phi_lane_depth(small), 10);
    atomic_store(&gate.is_open, true);
    wait_told(told, 10, 5000);
    phi_lane_close(small);
}

/* Handed over at once, each has its own outcome, those past the bound at once. */
static void test_many_are_submitted_together(void **state)
{
    (void)state;
    enum { COUNT = 12 };
    struct phi_lane *small = open_lane(store, "together", 10);
    struct gate gate;
    struct told told[COUNT] = {0};
    struct phi_submission items[COUNT];
    hold_lane(small, &gate);
    for (int i = 0; i < COUNT; i++) {
        items[i] = (struct phi_submission){.commit = phi_commit_new(small),
                                           .done = on_told,
                                           .context = &told[i],
                                           .deadline = phi_deadline_in_ms(5000)};
        assert_ok(add_ledger(items[i].commit, i < 2 ? "together" : "alone", "x"));
        assert_ok(add_item(items[i].commit, 9000 + i, "x"));
    }
    phi_commit_submit_all(items, COUNT);
    phi_commit_submit_all(items, 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(items[i].err, i < 10 ? PHI_OK : PHI_ERR_OVERLOAD);
        if (items[i].err != PHI_OK)
            phi_commit_free(items[i].commit);
    }
    atomic_store(&gate.is_open, true);
    wait_told(told, 10, 5000);
    for (int i = 0; i < 10; i++)
        assert_int_equal(told[i].err, i == 0 || i == 2 ? PHI_OK : PHI_ERR_CODE_USED);
    phi_lane_close(small);
}

static void test_close_finishes_what_was_submitted(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static struct told told[COUNT];
    struct phi_lane *closing = open_lane(store, "closing", 0);
    for (int i = 0; i < COUNT; i++) {
        struct phi_commit *commit = phi_commit_new(closing);
        assert_ok(add_item(commit, 2000 + i, "x"));
        submit(commit, &told[i]);
    }
    phi_lane_close(closing);
    for (int i = 0; i < COUNT; i++)
        assert_true(atomic_load(&told[i].count) == 1 && told[i].err == PHI_OK);
    assert_int_equal(fixture_number(store, "closed",
                                    "SELECT count(*) FROM items WHERE id BETWEEN 2000 AND 3999"),
                     COUNT);
}

/* The marker's table is pruned, guard waits end, statements that never end are cut. */
static void test_locked_row_times_out(void **state)
{
    (void)state;
    struct phi_conn *conn = fixture_conn(store);
    struct told told[2] = {0};
    assert_ok(phi_conn_begin(conn, NULL));
    assert_ok(
        phi_conn_script(conn, "INSERT INTO ledger VALUES ('locked', 'open transaction')", NULL));
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "locked", "lane"));
    submit(commit, &told[0]);
    wait_told(told, 1, 8000);
    assert_int_equal(told[0].err, PHI_ERR_STORE);
    assert_false(told[0].outcome_unknown);
    phi_store_release(conn);
    commit = phi_commit_new(lane);
    assert_ok(add_ledger(commit, "locked", "lane"));
    submit(commit, &told[1]);
    wait_told(told, 2, 5000);
    assert_ok(told[1].err);
}

enum { THREADS = 8, PER_THREAD = 1250 };

struct worker {
    pthread_t thread;
    int number;
    struct phi_lane *lanes[2];
    int lane_count;
    int window;
    struct told *told;
};

/* Every serial is wanted by two commits, with two lanes one on each and in opposite order; every
 * commit has an item of its own. */
static void *work(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < PER_THREAD; i++) {
        int number = worker->number * PER_THREAD + i;
        int pair = worker->number / 2 * PER_THREAD + (worker->number % 2 ? PER_THREAD - 1 - i : i);
        struct phi_commit *commit =
            phi_commit_new(worker->lanes[worker->number % worker->lane_count]);
        char serial[24];
        char holder[24];
        snprintf(serial, sizeof(serial), "w%d", pair);
        snprintf(holder, sizeof(holder), "%d", number);
        if (add_ledger(commit, serial, holder) != PHI_OK ||
            add_item(commit, 100000 + number, "w") != PHI_OK)
            abort();
        if (phi_commit_submit(commit, on_told, &worker->told[i], phi_deadline_in_ms(30000)) !=
            PHI_OK)
            abort();
        int behind = i - worker->window;
        while (behind >= 0 && atomic_load(&worker->told[behind].count) == 0)
            usleep(100);
    }
    return NULL;
}

static void run_workers(struct phi_lane **lanes, int lane_count, int window, const char *name)
{
    static struct told told[THREADS * PER_THREAD];
    struct worker workers[THREADS] = {{0}};
    struct phi_conn *conn = fixture_conn(store);
    assert_ok(phi_conn_script(conn, "TRUNCATE ledger; DELETE FROM items WHERE id >= 100000", NULL));
    phi_store_release(conn);
    memset(told, 0, sizeof(told));
    int64_t start_us = phi_monotonic_us();
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i,
                                     .lanes = {lanes[0], lanes[lane_count - 1]},
                                     .lane_count = lane_count,
                                     .window = window,
                                     .told = told + i * PER_THREAD};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    wait_told(told, THREADS * PER_THREAD, 30000);
    int64_t took_us = phi_monotonic_us() - start_us;
    int64_t kept = 0;
    int64_t sum = 0;
    for (int i = 0; i < THREADS * PER_THREAD; i++) {
        assert_true(told[i].err == PHI_OK ||
                    (told[i].err == PHI_ERR_CODE_USED && told[i].holder[0] != '\0'));
        kept += told[i].err == PHI_OK;
        sum += told[i].err == PHI_OK ? 100000 + i : 0;
    }
    print_message("%s: %d commits, %lld kept, %.0f commits/s\n", name, THREADS * PER_THREAD,
                  (long long)kept, THREADS * PER_THREAD * 1e6 / (double)took_us);
    assert_int_equal(kept, THREADS * PER_THREAD / 2);
    assert_int_equal(
        fixture_number(store, "w_count", "SELECT count(*) FROM items WHERE id >= 100000"), kept);
    assert_int_equal(
        fixture_number(store, "w_sum", "SELECT sum(id)::bigint FROM items WHERE id >= 100000"),
        sum);
    assert_int_equal(
        fixture_number(store, "w_match",
                       "SELECT count(*) FROM ledger JOIN items ON id = holder::bigint + 100000"),
        kept);
}

static void test_ten_thousand_from_eight_threads(void **state)
{
    (void)state;
    run_workers(&lane, 1, 1, "one at a time");
    run_workers(&lane, 1, 500, "window of 500");
}

/* The same keys on both lanes at the same time, in opposite orders of arrival. */
static void collide(struct phi_lane **lanes, int round)
{
    enum { COUNT = 200 };
    static struct told told[2][COUNT];
    struct gate gates[2];
    memset(told, 0, sizeof(told));
    for (int j = 0; j < 2; j++) {
        hold_lane(lanes[j], &gates[j]);
        for (int i = 0; i < COUNT; i++) {
            struct phi_commit *commit = phi_commit_new(lanes[j]);
            char serial[32];
            snprintf(serial, sizeof(serial), "c%d-%d", round, j == 0 ? i : COUNT - 1 - i);
            assert_ok(add_ledger(commit, serial, "collide"));
            submit(commit, &told[j][i]);
        }
    }
    for (int j = 0; j < 2; j++)
        atomic_store(&gates[j].is_open, true);
    for (int j = 0; j < 2; j++)
        wait_told(told[j], COUNT, 10000);
    for (int i = 0; i < COUNT; i++)
        assert_true((told[0][i].err == PHI_OK) != (told[1][COUNT - 1 - i].err == PHI_OK));
}

static void test_two_lanes_do_not_deadlock(void **state)
{
    (void)state;
    struct phi_lane *lanes[2] = {lane, open_lane(store, "second", 0)};
    run_workers(lanes, 2, 500, "two lanes");
    for (int i = 0; i < 20; i++)
        collide(lanes, i);
    phi_lane_close(lanes[1]);
    assert_int_equal(fixture_number(store, "deadlocks",
                                    "SELECT deadlocks FROM pg_stat_database"
                                    " WHERE datname = current_database()"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_declarations_are_checked),
        cmocka_unit_test(test_rows_are_checked),
        cmocka_unit_test(test_a_shut_table_takes_nothing),
        cmocka_unit_test(test_kept_with_all_kinds),
        cmocka_unit_test(test_guard_refuses_what_is_stored),
        cmocka_unit_test(test_first_of_a_batch_wins),
        cmocka_unit_test(test_refused_late_leaves_no_rows),
        cmocka_unit_test(test_last_of_a_batch_wins),
        cmocka_unit_test(test_bad_rows_fail_alone),
        cmocka_unit_test(test_late_ones_are_not_written),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_many_are_submitted_together),
        cmocka_unit_test(test_close_finishes_what_was_submitted),
        cmocka_unit_test(test_locked_row_times_out),
        cmocka_unit_test(test_ten_thousand_from_eight_threads),
        cmocka_unit_test(test_two_lanes_do_not_deadlock),
    };
    return cmocka_run_group_tests_name("store_lane", tests, open_all, close_all);
}
