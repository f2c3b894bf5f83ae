#include "case.h"
#include "failing_alloc.h"

#include "base/metrics.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The lines of the families whose names begin with `prefix`; the tests share one registry. */
static char *rendered(const char *prefix)
{
    size_t len = 0;
    char *text = phi_metrics_render(&len);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    char *kept = calloc(1, len + 1);
    assert_non_null(kept);
    size_t at = 0;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); rest != NULL; line = strsep(&rest, "\n")) {
        const char *name = line[0] == '#' ? line + 7 : line;
        if (strncmp(name, prefix, strlen(prefix)) == 0)
            at += (size_t)snprintf(kept + at, len + 1 - at, "%s\n", line);
    }
    free(text);
    return kept;
}

static void assert_rendered(const char *prefix, const char *expected)
{
    char *text = rendered(prefix);
    assert_string_equal(text, expected);
    free(text);
}

static void counters_and_gauges(void **state)
{
    (void)state;
    struct phi_counter *pass = phi_counter_new("a_minted_total", "codes minted", "scene=\"pass\"");
    struct phi_gauge *depth = phi_gauge_new("a_depth", "items waiting", NULL);
    struct phi_counter *medical =
        phi_counter_new("a_minted_total", "codes minted", "scene=\"medical\",paper=\"no\"");
    assert_rendered("a_", "# HELP a_minted_total codes minted\n"
                          "# TYPE a_minted_total counter\n"
                          "a_minted_total{scene=\"pass\"} 0\n"
                          "a_minted_total{scene=\"medical\",paper=\"no\"} 0\n"
                          "# HELP a_depth items waiting\n"
                          "# TYPE a_depth gauge\n"
                          "a_depth 0\n");
    phi_counter_add(pass, 1);
    phi_counter_add(pass, 41);
    phi_counter_add(medical, UINT64_C(1) << 40);
    phi_gauge_set(depth, -7);
    assert_true(phi_counter_value(pass) == 42);
    assert_rendered("a_", "# HELP a_minted_total codes minted\n"
                          "# TYPE a_minted_total counter\n"
                          "a_minted_total{scene=\"pass\"} 42\n"
                          "a_minted_total{scene=\"medical\",paper=\"no\"} 1099511627776\n"
                          "# HELP a_depth items waiting\n"
                          "# TYPE a_depth gauge\n"
                          "a_depth -7\n");
}

static void the_same_name_gives_the_same_object(void **state)
{
    (void)state;
    struct phi_counter *one = phi_counter_new("b_total", "b", NULL);
    assert_ptr_equal(one, phi_counter_new("b_total", "b", NULL));
    assert_ptr_equal(one, phi_counter_new("b_total", "said otherwise", ""));
    assert_ptr_not_equal(one, phi_counter_new("b_total", "b", "x=\"1\""));
}

static void histogram_buckets(void **state)
{
    (void)state;
    struct phi_histogram *seconds = phi_histogram_new("c_seconds", "time taken", "op=\"verify\"");
    static const int64_t observed_us[] = {-5, 0, 50, 51, 1000, 1001, 9999999, 10000000, 10000001};
    for (size_t i = 0; i < PHI_COUNT(observed_us); i++)
        phi_histogram_observe_us(seconds, observed_us[i]);
    assert_rendered("c_", "# HELP c_seconds time taken\n"
                          "# TYPE c_seconds histogram\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.00005\"} 3\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.0001\"} 4\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.00025\"} 4\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.0005\"} 4\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.001\"} 5\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.0025\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.005\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.01\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.025\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.05\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.1\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.25\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"0.5\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"1\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"2.5\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"5\"} 6\n"
                          "c_seconds_bucket{op=\"verify\",le=\"10\"} 8\n"
                          "c_seconds_bucket{op=\"verify\",le=\"+Inf\"} 9\n"
                          "c_seconds_sum{op=\"verify\"} 30.002102\n"
                          "c_seconds_count{op=\"verify\"} 9\n");
}

static void help_and_labels_are_escaped(void **state)
{
    (void)state;
    phi_counter_new("d_total", "a \\ and\nan end",
                    "path=\"C:\\\\x\",say=\"\\\"hi\\\"\",two=\"a\nb\"");
    assert_rendered("d_", "# HELP d_total a \\\\ and\\nan end\n"
                          "# TYPE d_total counter\n"
                          "d_total{path=\"C:\\\\x\",say=\"\\\"hi\\\"\",two=\"a\\nb\"} 0\n");
    phi_histogram_new("e_seconds", "", NULL);
    char *text = rendered("e_");
    assert_non_null(strstr(text, "# HELP e_seconds \n"));
    assert_non_null(strstr(text, "\ne_seconds_bucket{le=\"+Inf\"} 0\ne_seconds_sum 0\n"));
    free(text);
}

#define THREADS 4
#define ROUNDS  20000

static atomic_bool stop_reading;

static void *count_up(void *context)
{
    for (size_t i = 0; i < ROUNDS; i++)
        phi_counter_add(context, 1);
    return NULL;
}

static void *read_on(void *context)
{
    uint64_t last = 0;
    while (!atomic_load(&stop_reading)) {
        uint64_t value = phi_counter_value(context);
        if (value < last)
            return context;
        last = value;
    }
    return NULL;
}

static void threads_that_end_leave_their_counts(void **state)
{
    (void)state;
    struct phi_counter *counter = phi_counter_new("f_total", "f", NULL);
    pthread_t reader, threads[THREADS];
    assert_int_equal(pthread_create(&reader, NULL, read_on, counter), 0);
    for (size_t round = 1; round <= 5; round++) {
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, count_up, counter), 0);
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(phi_counter_value(counter) == round * THREADS * ROUNDS);
    }
    void *fell = NULL;
    atomic_store(&stop_reading, true);
    assert_int_equal(pthread_join(reader, &fell), 0);
    assert_null(fell);
}

static void *count_without_memory(void *context)
{
    phi_fail_alloc(1);
    phi_counter_add(context, 5);
    bool failed = phi_alloc_has_failed();
    phi_counter_add(context, 1);
    return failed ? context : NULL;
}

static void a_thread_without_memory_counts_too(void **state)
{
    (void)state;
    struct phi_counter *counter = phi_counter_new("g_total", "g", NULL);
    pthread_t thread;
    void *failed = NULL;
    assert_int_equal(pthread_create(&thread, NULL, count_without_memory, counter), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_ptr_equal(failed, counter);
    assert_true(phi_counter_value(counter) == 6);
}

static void bad_name(void)
{
    phi_counter_new("1_total", "", NULL);
}

static void bad_name_letter(void)
{
    phi_counter_new("a-total", "", NULL);
}

static void no_name(void)
{
    phi_counter_new("", "", NULL);
}

static void two_kinds(void)
{
    phi_counter_new("two_kinds", "", "x=\"1\"");
    phi_gauge_new("two_kinds", "", "x=\"2\"");
}

static void label_without_quotes(void)
{
    phi_counter_new("x_total", "", "a=b");
}

static void label_open(void)
{
    phi_counter_new("x_total", "", "a=\"b");
}

static void label_open_escape(void)
{
    phi_counter_new("x_total", "", "a=\"b\\");
}

static void label_bad_escape(void)
{
    phi_counter_new("x_total", "", "a=\"\\t\"");
}

static void label_trailing_comma(void)
{
    phi_counter_new("x_total", "", "a=\"b\",");
}

static void label_in_braces(void)
{
    phi_counter_new("x_total", "", "{a=\"b\"}");
}

static void one_too_many(void)
{
    for (size_t i = 0; i < 1025; i++) {
        char name[32];
        snprintf(name, sizeof(name), "many_%zu", i);
        phi_histogram_new(name, "", NULL);
    }
}

/* The process that does it stops. */
static bool aborts(void (*act)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(quiet, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void faults_of_ours_stop_the_process(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*act)(void);
    } cases[] = {
        {"name begins with a digit", bad_name},
        {"name with a dash", bad_name_letter},
        {"no name", no_name},
        {"one name of two kinds", two_kinds},
        {"label without quotes", label_without_quotes},
        {"label without an end", label_open},
        {"label ends in an escape", label_open_escape},
        {"label with an unknown escape", label_bad_escape},
        {"comma behind the last label", label_trailing_comma},
        {"labels in braces", label_in_braces},
        {"one metric too many", one_too_many},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name, aborts(cases[i].act));
}

/* In a process of its own, so that the registry of the others stays small. */
static void a_thousand_histograms(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct phi_histogram *last = NULL;
        for (size_t i = 0; i < 1000; i++) {
            char name[32];
            snprintf(name, sizeof(name), "fill_%zu", i);
            last = phi_histogram_new(name, "", NULL);
        }
        phi_histogram_observe_us(last, 20000000);
        size_t len = 0;
        const char *text = phi_metrics_render(&len);
        _exit(text != NULL && strstr(text, "\nfill_999_sum 20\n") != NULL ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges),
        cmocka_unit_test(the_same_name_gives_the_same_object),
        cmocka_unit_test(histogram_buckets),
        cmocka_unit_test(help_and_labels_are_escaped),
        cmocka_unit_test(threads_that_end_leave_their_counts),
        cmocka_unit_test(a_thread_without_memory_counts_too),
        cmocka_unit_test(faults_of_ours_stop_the_process),
        cmocka_unit_test(a_thousand_histograms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
