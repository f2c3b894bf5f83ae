#include "store_lane_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A go-between on a socket of its own that loses a transaction's COMMIT or the answer to it. */
enum cut {
    CUT_NOTHING,
    CUT_ANSWER,  /* the server gets the COMMIT, the lane never hears of it */
    CUT_COMMIT,  /* the server never gets it */
    CUT_DELAYED, /* the lane sees a broken connection, the server gets the COMMIT later */
};

struct between {
    pthread_t thread;
    char dir[64];
    int listener;
    _Atomic int cut;
    _Atomic bool is_stopping;
    _Atomic int cuts_done;
};

static struct phi_store *store;

static int unix_socket(const char *dir, struct sockaddr_un *address)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof(address->sun_path), "%s/.s.PGSQL.5432", dir);
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static bool pass_on(int to, const char *data, ssize_t len)
{
    for (ssize_t sent = 0; sent < len;) {
        ssize_t n = send(to, data + sent, (size_t)(len - sent), MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += n;
    }
    return true;
}

static void lose(struct between *between, int client, int server, int cut, const char *data,
                 ssize_t len)
{
    struct pollfd poller = {.fd = server, .events = POLLIN};
    if (cut == CUT_DELAYED) {
        shutdown(client, SHUT_RDWR);
        usleep(300000);
    }
    if (cut != CUT_COMMIT)
        pass_on(server, data, len);
    if (cut == CUT_ANSWER)
        poll(&poller, 1, 3000);
    if (cut == CUT_DELAYED)
        usleep(300000);
    atomic_fetch_add(&between->cuts_done, 1);
}

struct passage {
    struct between *between;
    int client;
};

static void *serve_one(void *context)
{
    struct passage *passage = context;
    struct between *between = passage->between;
    struct sockaddr_un address;
    static _Thread_local char data[262144];
    int server = unix_socket(fixture_dir(), &address);
    int client = passage->client;
    free(passage);
    bool is_open = connect(server, (struct sockaddr *)&address, sizeof(address)) == 0;
    struct pollfd pollers[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (is_open && !atomic_load(&between->is_stopping)) {
        if (poll(pollers, 2, 50) <= 0)
            continue;
        for (int i = 0; i < 2 && is_open; i++) {
            if (pollers[i].revents == 0)
                continue;
            ssize_t len = read(pollers[i].fd, data, sizeof(data));
            is_open = len > 0;
            if (is_open && i == 0 && atomic_load(&between->cut) != CUT_NOTHING &&
                memmem(data, (size_t)len, "COMMIT", 6) != NULL) {
                lose(between, client, server, atomic_exchange(&between->cut, CUT_NOTHING), data,
                     len);
                is_open = false;
            }
            is_open = is_open && pass_on(pollers[1 - i].fd, data, len);
        }
    }
    close(client);
    close(server);
    return NULL;
}

static void *serve(void *context)
{
    struct between *between = context;
    pthread_t threads[64];
    int count = 0;
    while (!atomic_load(&between->is_stopping)) {
        struct pollfd poller = {.fd = between->listener, .events = POLLIN};
        if (poll(&poller, 1, 50) <= 0 || count == 64)
            continue;
        struct passage *passage = malloc(sizeof(*passage));
        *passage = (struct passage){between, accept(between->listener, NULL, NULL)};
        pthread_create(&threads[count++], NULL, serve_one, passage);
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return NULL;
}

static void start_between(struct between *between)
{
    struct sockaddr_un address;
    memset(between, 0, sizeof(*between));
    snprintf(between->dir, sizeof(between->dir), "/tmp/phi-between.XXXXXX");
    assert_non_null(mkdtemp(between->dir));
    between->listener = unix_socket(between->dir, &address);
    assert_int_equal(bind(between->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(between->listener, 16), 0);
    pthread_create(&between->thread, NULL, serve, between);
}

static void stop_between(struct between *between)
{
    char path[128];
    atomic_store(&between->is_stopping, true);
    pthread_join(between->thread, NULL);
    close(between->listener);
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", between->dir);
    unlink(path);
    rmdir(between->dir);
}

static int open_all(void **state)
{
    (void)state;
    store = fixture_open("test_outage");
    return store == NULL;
}

static int close_all(void **state)
{
    (void)state;
    phi_store_close(store);
    return 0;
}

static void test_lost_commit_is_settled(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum cut cut;
    } cases[] = {{"answer", CUT_ANSWER}, {"commit", CUT_COMMIT}, {"delayed", CUT_DELAYED}};
    struct between between;
    start_between(&between);
    char conninfo[256];
    snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", between.dir);
    struct phi_store *through = NULL;
    struct phi_store_options options = {.conninfo = conninfo, .schema = "test_outage"};
    assert_ok(phi_store_open(&options, &through, NULL));
    struct phi_lane *lane = open_lane(through, "cut", 0);
    struct phi_commit *first = phi_commit_new(lane);
    assert_ok(add_ledger(first, "settled-before", "stored"));
    assert_ok(phi_commit_wait(first, phi_deadline_in_ms(5000), NULL, NULL));
    for (int i = 0; i < 3; i++) {
        struct told told[3] = {0};
        struct gate gate;
        char serial[32];
        snprintf(serial, sizeof(serial), "settled-%s", cases[i].name);
        hold_lane(lane, &gate);
        for (int j = 0; j < 3; j++) {
            struct phi_commit *commit = phi_commit_new(lane);
            assert_ok(
                add_ledger(commit, j < 2 ? serial : "settled-before", j == 0 ? "first" : "second"));
            assert_ok(add_item(commit, 10 * i + j, cases[i].name));
            submit(commit, &told[j]);
        }
        atomic_store(&between.cut, cases[i].cut);
        atomic_store(&gate.is_open, true);
        wait_told(told, 3, 10000);
        if (told[0].err != PHI_OK || told[1].err != PHI_ERR_CODE_USED ||
            told[2].err != PHI_ERR_CODE_USED)
            fail_msg("%s: %s, %s, %s", cases[i].name, phi_err_name(told[0].err),
                     phi_err_name(told[1].err), phi_err_name(told[2].err));
        assert_string_equal(told[1].holder, "first");
        assert_string_equal(told[2].holder, "stored");
        while (atomic_load(&between.cuts_done) <= i)
            usleep(1000);
    }
    assert_int_equal(
        fixture_number(store, "settled", "SELECT sum(id)::bigint FROM items WHERE id < 100"), 30);
    /* a delayed COMMIT was waited for or fenced off: one kept marker for each kept transaction */
    assert_int_equal(fixture_number(store, "fenced", "SELECT count(*) FROM ledger"), 4);
    phi_lane_close(lane);
    phi_store_close(through);
    stop_between(&between);
}

static void test_unknown_is_said_when_nothing_can_be_seen(void **state)
{
    (void)state;
    struct between between;
    start_between(&between);
    char conninfo[256];
    snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", between.dir);
    struct phi_store *through = NULL;
    struct phi_store_options options = {.conninfo = conninfo, .schema = "test_outage"};
    assert_ok(phi_store_open(&options, &through, NULL));
    struct phi_lane *lane = open_lane(through, "unknown", 0);
    struct told told[2] = {0};
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_item(commit, 200, "unknown"));
    atomic_store(&between.cut, CUT_ANSWER);
    char path[128];
    snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", between.dir);
    unlink(path); /* nobody gets through again */
    assert_ok(phi_commit_submit(commit, on_told, &told[0], phi_deadline_in_ms(700)));
    commit = phi_commit_new(lane);
    while (atomic_load(&between.cuts_done) == 0)
        usleep(1000);
    assert_ok(add_item(commit, 201, "queued"));
    assert_ok(phi_commit_submit(commit, on_told, &told[1], phi_deadline_in_ms(300)));
    wait_told(told, 2, 2000);
    assert_int_equal(told[0].err, PHI_ERR_STORE);
    assert_true(told[0].outcome_unknown);
    assert_int_equal(told[1].err, PHI_ERR_DEADLINE);
    assert_true(told[1].at_us < told[0].at_us);
    assert_false(phi_lane_is_up(lane));
    phi_lane_close(lane);
    phi_store_close(through);
    stop_between(&between);
}

static void test_opens_while_the_database_is_down(void **state)
{
    (void)state;
    fixture_control("stop fast");
    struct phi_lane *lane = open_lane(store, "early", 0);
    assert_non_null(lane);
    assert_false(phi_lane_is_up(lane));
    struct told told = {0};
    struct phi_commit *commit = phi_commit_new(lane);
    assert_ok(add_item(commit, 300, "x"));
    assert_ok(phi_commit_submit(commit, on_told, &told, phi_deadline_in_ms(20000)));
    fixture_control("start");
    wait_told(&told, 1, 20000);
    assert_ok(told.err);
    assert_true(phi_lane_is_up(lane));
    phi_lane_close(lane);
}

enum { WRITERS = 8, PER_WRITER = 6000, DEADLINE_MS = 2000 };

struct record {
    struct told told;
    int64_t submitted_us;
    bool is_submitted;
};

struct writer {
    pthread_t thread;
    int number;
    struct phi_lane *lane;
    struct record *records;
};

static _Atomic bool is_over;

static void write_one(struct writer *writer, int i)
{
    struct record *record = &writer->records[i];
    int number = writer->number * PER_WRITER + i;
    struct phi_commit *commit = phi_commit_new(writer->lane);
    char serial[24];
    char holder[24];
    /* each serial is wanted by two writers, one on each lane */
    snprintf(serial, sizeof(serial), "o%d", writer->number / 2 * PER_WRITER + i);
    snprintf(holder, sizeof(holder), "%d", number);
    if (add_ledger(commit, serial, holder) != PHI_OK ||
        add_item(commit, 1000000 + number, "o") != PHI_OK)
        abort();
    record->submitted_us = phi_monotonic_us();
    enum phi_err err =
        phi_commit_submit(commit, on_told, &record->told, phi_deadline_in_ms(DEADLINE_MS));
    record->is_submitted = err == PHI_OK;
    if (err != PHI_OK)
        phi_commit_free(commit);
}

static void *write_many(void *context)
{
    struct writer *writer = context;
    for (int i = 0; i < PER_WRITER && !atomic_load(&is_over); i++) {
        write_one(writer, i);
        usleep(1500);
    }
    return NULL;
}

struct tally {
    int64_t submitted, kept, refused, late, failed, unknown, kept_though_unknown, slowest_ms;
};

static void tally_one(struct tally *tally, const struct record *record, bool is_there)
{
    const struct told *told = &record->told;
    int64_t took_ms = (told->at_us - record->submitted_us) / 1000;
    tally->submitted++;
    tally->slowest_ms = took_ms > tally->slowest_ms ? took_ms : tally->slowest_ms;
    tally->kept += told->err == PHI_OK;
    tally->refused += told->err == PHI_ERR_CODE_USED;
    tally->late += told->err == PHI_ERR_DEADLINE;
    tally->failed += told->err == PHI_ERR_STORE && !told->outcome_unknown;
    tally->unknown += told->outcome_unknown;
    tally->kept_though_unknown += told->outcome_unknown && is_there;
    if (!told->outcome_unknown && is_there != (told->err == PHI_OK))
        fail_msg("told %s, the row is %s", phi_err_name(told->err),
                 is_there ? "there" : "not there");
}

static void reconcile(const struct record *records, struct tally *tally)
{
    static bool is_there[WRITERS * PER_WRITER];
    struct phi_conn *conn = fixture_conn(store);
    struct phi_rows *rows = NULL;
    memset(is_there, 0, sizeof(is_there));
    /* both halves of each request: its guard's row and its item */
    assert_ok(phi_conn_exec(
        conn, "outage_rows",
        "SELECT coalesce(id - 1000000, holder::bigint), id IS NULL OR holder IS NULL"
        " FROM (SELECT * FROM items WHERE id BETWEEN 1000000 AND 9999999) AS i FULL JOIN"
        " (SELECT * FROM ledger WHERE serial LIKE 'o%') AS l ON id = holder::bigint + 1000000",
        NULL, 0, &rows, NULL));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        assert_false(phi_rows_bool(rows, i, 1));
        is_there[phi_rows_i64(rows, i, 0)] = true;
    }
    phi_rows_free(rows);
    phi_store_release(conn);
    for (int i = 0; i < WRITERS * PER_WRITER; i++) {
        if (records[i].is_submitted)
            tally_one(tally, &records[i], is_there[i]);
    }
}

static void kill_backends(int times)
{
    for (int i = 0; i < times; i++) {
        struct phi_conn *conn = NULL;
        if (phi_store_acquire(store, phi_deadline_in_ms(3000), &conn) == PHI_OK) {
            enum phi_err err = phi_conn_script(
                conn,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
                NULL);
            (void)err;
        }
        phi_store_release(conn);
        usleep(30000);
    }
}

static void disturb(void)
{
    for (int i = 0; i < 3; i++) {
        usleep(400000);
        fixture_control("stop immediate");
        fixture_control("start");
    }
    kill_backends(20);
    fixture_control("stop fast");
    usleep((DEADLINE_MS + 700) * 1000);
    fixture_control("start");
    usleep(300000);
    fixture_control("pause");
    usleep(1500000);
    fixture_control("resume");
    usleep(500000);
}

static void test_told_the_truth_through_outages(void **state)
{
    (void)state;
    static struct record records[WRITERS * PER_WRITER];
    struct writer writers[WRITERS];
    struct tally tally = {0};
    struct phi_lane *lanes[2] = {open_lane(store, "out-a", 0), open_lane(store, "out-b", 0)};
    atomic_store(&is_over, false);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] =
            (struct writer){.number = i, .lane = lanes[i % 2], .records = records + i * PER_WRITER};
        pthread_create(&writers[i].thread, NULL, write_many, &writers[i]);
    }
    disturb();
    atomic_store(&is_over, true);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
    for (int i = 0; i < WRITERS * PER_WRITER; i++) {
        if (records[i].is_submitted)
            wait_told(&records[i].told, 1, 15000);
    }
    assert_true(phi_lane_is_up(lanes[0]) && phi_lane_is_up(lanes[1]));
    assert_int_equal(phi_lane_depth(lanes[0]) + phi_lane_depth(lanes[1]), 0);
    reconcile(records, &tally);
    print_message("submitted %lld: kept %lld, refused %lld, late %lld, failed %lld, unknown %lld "
                  "(of these kept"
                  " %lld); slowest answer %lld ms\n",
                  (long long)tally.submitted, (long long)tally.kept, (long long)tally.refused,
                  (long long)tally.late, (long long)tally.failed, (long long)tally.unknown,
                  (long long)tally.kept_though_unknown, (long long)tally.slowest_ms);
    assert_true(tally.kept > 0 && tally.refused > 0 && tally.late > 0);
    assert_true(tally.slowest_ms < DEADLINE_MS + 6000);
    phi_lane_close(lanes[0]);
    phi_lane_close(lanes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_commit_is_settled),
        cmocka_unit_test(test_unknown_is_said_when_nothing_can_be_seen),
        cmocka_unit_test(test_opens_while_the_database_is_down),
        cmocka_unit_test(test_told_the_truth_through_outages),
    };
    return cmocka_run_group_tests_name("store_outage", tests, open_all, close_all);
}
