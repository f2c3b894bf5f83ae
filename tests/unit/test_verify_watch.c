/* Watching: bounds as data, the three measures, warnings once a minute, cuts until they are taken
 * back, and counting from many threads. */
#include "case.h"

#include "crypto/sm3.h"
#include "svc-verify/watch/watch.h"
#include "svc-verify/watch/policy.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_US INT64_C(60000000)
#define NOW_US    (29000000 * MINUTE_US)

static const char good[] =
    "{\"version\":1,\"rows\":["
    "{\"caller\":\"*\",\"perMinute\":{\"warn\":100,\"cut\":200},\"failedPercent\":{\"warn\":20,"
    "\"cut\":50,\"least\":10},\"subjectsPerMinute\":{\"warn\":40,\"cut\":80}},"
    "{\"caller\":\"/busy\",\"perMinute\":{\"warn\":100000,\"cut\":200000},\"failedPercent\":"
    "{\"warn\":100,\"cut\":100,\"least\":10},\"subjectsPerMinute\":{\"warn\":100000,\"cut\":"
    "100000}},"
    "{\"caller\":\"320000/svc-directory/one\",\"perMinute\":{\"warn\":1,\"cut\":1},"
    "\"failedPercent\":{\"warn\":100,\"cut\":100,\"least\":1},\"subjectsPerMinute\":{\"warn\":9,"
    "\"cut\":9}}]}";

static enum phi_err open_text(const char *text, struct watch **watch, struct phi_error *error)
{
    char path[] = "/tmp/phi-watch-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum phi_err err = watch_open(path, watch, error);
    unlink(path);
    return err;
}

static struct watch *open_good(void)
{
    struct watch *watch = NULL;
    struct phi_error error = {0};
    if (open_text(good, &watch, &error) != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    return watch;
}

/* What was told, one letter each: r f s for the measure, upper case for a cut. */
static void remember(void *context, const struct watch_finding *finding)
{
    static const char letters[2][WATCH_MEASURES + 1] = {"rfs", "RFS"};
    char *told = context;
    size_t len = strlen(told);
    assert_true(finding->value > finding->bound);
    told[len] = letters[finding->step][finding->measure];
    told[len + 1] = '\0';
    if (finding->step == WATCH_CUT)
        watch_cut(finding->caller);
}

static void subject_of(uint32_t number, uint8_t out[PHI_SM3_LEN])
{
    assert_int_equal(phi_sm3(phi_view_of(&number, sizeof(number)), out), PHI_OK);
}

static void note(struct watch_caller *caller, int64_t now_us, int good_count, int failed_count,
                 uint32_t subjects)
{
    uint8_t subject[PHI_SM3_LEN];
    for (int i = 0; i < good_count + failed_count; i++) {
        subject_of(subjects > 0 ? (uint32_t)i % subjects : 0, subject);
        watch_note(caller, now_us, i >= good_count, subjects > 0 ? subject : NULL);
    }
}

static void each_measure_has_its_bounds(void **state)
{
    static const struct {
        const char *app;
        int good, failed;
        uint32_t subjects;
        const char *told;
    } rows[] = {
        {"quiet", 99, 0, 1, ""},        {"warned", 101, 0, 1, "r"}, {"cut", 201, 0, 1, "rR"},
        {"few", 1, 8, 0, ""},           {"share", 8, 2, 0, ""},     {"fails", 6, 4, 0, "f"},
        {"fails-most", 4, 6, 0, "fF"},  {"people", 60, 0, 60, "s"}, {"crowd", 99, 0, 99, "sS"},
        {"busy", 5000, 5000, 5000, ""}, {"one", 2, 0, 1, "rR"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char told[32] = "";
        struct watch *watch = open_good();
        struct watch_caller *caller = watch_find(watch, "320000", "svc-directory", rows[i].app);
        note(caller, NOW_US, rows[i].good, rows[i].failed, rows[i].subjects);
        watch_judge(watch, NOW_US, remember, told);
        assert_string_equal(told, rows[i].told);
        assert_int_equal(watch_is_cut(caller), strpbrk(told, "RFS") != NULL);
        watch_close(watch);
    }
}

static void a_warning_comes_once_a_minute(void **state)
{
    (void)state;
    char told[32] = "";
    struct watch *watch = open_good();
    struct watch_caller *caller = watch_find(watch, "320000", "app", "a");
    note(caller, NOW_US, 150, 0, 1);
    watch_judge(watch, NOW_US, remember, told);
    watch_judge(watch, NOW_US + 1, remember, told);
    assert_string_equal(told, "r");
    watch_judge(watch, NOW_US + MINUTE_US, remember, told); /* nothing was asked in this one */
    assert_string_equal(told, "r");
    note(caller, NOW_US + MINUTE_US, 101, 0, 1); /* counted anew */
    watch_judge(watch, NOW_US + MINUTE_US, remember, told);
    assert_string_equal(told, "rr");
    assert_false(watch_is_cut(caller));
    watch_close(watch);
}

static void a_cut_lasts_until_it_is_taken_back(void **state)
{
    (void)state;
    char told[32] = "";
    struct watch *watch = open_good();
    struct watch_caller *caller = watch_find(watch, "320000", "app", "a");
    struct watch_caller *other = watch_find(watch, "330000", "app", "a");
    assert_ptr_not_equal(caller, other);
    assert_ptr_equal(caller, watch_find_name(watch, "320000/app/a"));
    note(caller, NOW_US, 201, 0, 1);
    watch_judge(watch, NOW_US, remember, told);
    assert_true(watch_is_cut(caller) && !watch_is_cut(other));
    watch_begin_cuts(watch);
    watch_confirm_cut(watch, "320000/app/a");
    watch_confirm_cut(watch, "330000/app/never-seen");
    watch_end_cuts(watch, NOW_US + 10 * MINUTE_US);
    assert_true(watch_is_cut(caller));
    assert_true(watch_is_cut(watch_find(watch, "330000", "app", "never-seen")));
    watch_begin_cuts(watch);
    watch_end_cuts(watch, NOW_US + 10 * MINUTE_US);
    assert_false(watch_is_cut(caller));
    /* restored, it isn't cut again for what the minute holds already */
    note(caller, NOW_US + 10 * MINUTE_US, 500, 0, 1);
    watch_judge(watch, NOW_US + 10 * MINUTE_US, remember, told);
    assert_false(watch_is_cut(caller));
    note(caller, NOW_US + 11 * MINUTE_US, 500, 0, 1);
    watch_judge(watch, NOW_US + 11 * MINUTE_US, remember, told);
    assert_true(watch_is_cut(caller));
    watch_close(watch);
}

struct crowd {
    struct watch *watch;
    uint32_t first;
};

static void *ask(void *context)
{
    struct crowd *crowd = context;
    uint8_t subject[PHI_SM3_LEN];
    char app[16];
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(app, sizeof(app), "app-%u", i % 50);
        subject_of(crowd->first + i, subject);
        watch_note(watch_find(crowd->watch, "320000", "p", app), NOW_US, i % 4 == 0, NULL);
        watch_note(watch_find(crowd->watch, "320000", "p", "busy"), NOW_US, false, subject);
    }
    return NULL;
}

static void see_totals(void *context, const struct watch_finding *finding)
{
    int64_t *seen = context;
    if (finding->measure == WATCH_RATE && finding->step == WATCH_WARN)
        seen[0] += finding->value;
}

static void many_threads_lose_nothing(void **state)
{
    (void)state;
    int64_t seen[1] = {0};
    pthread_t threads[4];
    struct crowd crowds[4];
    struct watch *watch = open_good();
    watch_note(watch_find(watch, "320000", "p", "first"), NOW_US, false, NULL);
    for (int i = 0; i < 4; i++) {
        crowds[i] = (struct crowd){watch, (uint32_t)i * 20000};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &crowds[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    watch_judge(watch, NOW_US, see_totals, seen);
    /* the 50 apps; what the first counts of a minute in two threads may lose is at most a few */
    assert_in_range(seen[0], 80000 - 200, 80000);
    watch_close(watch);
}

static void past_the_bound_callers_share_a_line(void **state)
{
    (void)state;
    char app[16];
    struct watch *watch = open_good();
    struct watch_caller *last = NULL;
    for (int i = 0; i < WATCH_CALLERS_MAX + 10; i++) {
        snprintf(app, sizeof(app), "a%d", i);
        last = watch_find(watch, "320000", "p", app);
    }
    assert_ptr_equal(last, watch_find_name(watch, "*"));
    assert_ptr_equal(watch_find(watch, "320000", "p", "a3"), watch_find_name(watch, "320000/p/a3"));
    assert_null(watch_find_name(watch, ""));
    watch_close(watch);
}

#define PAIR "{\"warn\":1,\"cut\":2}"
#define ROW(caller, more)                                                                          \
    "{\"caller\":\"" caller "\",\"perMinute\":" PAIR                                               \
    ",\"failedPercent\":{\"warn\":1,\"cut\":2,\"least\":1},\"subjectsPerMinute\":" more "}"

static void bounds_that_are_none_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "{}",
        "{\"version\":1,\"rows\":[]}",
        "{\"version\":1,\"rows\":[" ROW("/a", PAIR) "]}",
        "{\"version\":1,\"rows\":[" ROW("*", PAIR) "," ROW("*", PAIR) "]}",
        "{\"version\":1,\"rows\":[" ROW("*", "{\"warn\":2,\"cut\":1}") "]}",
        "{\"version\":1,\"rows\":[" ROW("*", "{\"warn\":2}") "]}",
        "{\"version\":1,\"rows\":[" ROW("*", "{\"warn\":-1,\"cut\":1}") "]}",
        "{\"version\":1,\"rows\":[" ROW("*", "{\"warn\":1,\"cut\":1,\"more\":1}") "]}",
        "{\"version\":0,\"rows\":[" ROW("*", PAIR) "]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct watch *watch = NULL;
        struct phi_error error = {0};
        assert_int_equal(open_text(rows[i], &watch, &error), PHI_ERR_CONFIG);
        assert_null(watch);
    }
    struct watch *watch = NULL;
    struct phi_error error = {0};
    assert_int_equal(watch_open("/nonexistent", &watch, &error), PHI_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_measure_has_its_bounds),
        cmocka_unit_test(a_warning_comes_once_a_minute),
        cmocka_unit_test(a_cut_lasts_until_it_is_taken_back),
        cmocka_unit_test(many_threads_lose_nothing),
        cmocka_unit_test(past_the_bound_callers_share_a_line),
        cmocka_unit_test(bounds_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
