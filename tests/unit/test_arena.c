#include "case.h"
#include "failing_alloc.h"
#include "freed_marker.h"

#include "base/arena.h"

#include <string.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 16, 0, 33, 4096, 5000, 70000, 3, 200000, 1};
    struct phi_arena *arena = phi_arena_new(1 << 20);
    uint8_t *all[PHI_COUNT(sizes)];
    for (size_t i = 0; i < PHI_COUNT(sizes); i++) {
        all[i] = phi_arena_alloc(arena, sizes[i]);
        assert_non_null(all[i]);
        assert_int_equal((uintptr_t)all[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(all[i][j], 0);
        memset(all[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < PHI_COUNT(sizes); i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(all[i][j], i + 1);
    phi_arena_free(arena);
    phi_arena_free(NULL);
}

static void the_bound_holds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t bound, first, second;
        bool first_fits, second_fits;
    } cases[] = {
        {"nothing", 0, 0, 0, false, false},
        {"exactly", 64, 32, 32, true, true},
        {"one over", 64, 32, 33, true, false},
        {"rounded up", 64, 33, 17, true, false},
        {"all at once", 64, 64, 1, true, false},
        {"too much at once", 64, 65, 64, false, true},
        {"huge", 64, SIZE_MAX, SIZE_MAX - 8, false, false},
        {"bound not a multiple of the alignment", 70, 70, 64, false, true},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_arena *arena = phi_arena_new(cases[i].bound);
        phi_check(cases[i].name,
                  (phi_arena_alloc(arena, cases[i].first) != NULL) == cases[i].first_fits);
        phi_check(cases[i].name,
                  (phi_arena_alloc(arena, cases[i].second) != NULL) == cases[i].second_fits);
        phi_arena_free(arena);
    }
}

static void copies_are_copies(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1000);
    char source[] = "abc";
    char *copy = phi_arena_copy(arena, source, 4);
    char *text = phi_arena_text(arena, phi_view_of(source, 2));
    struct phi_view view = phi_arena_view(arena, phi_view_text(source));
    source[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_string_equal(text, "ab");
    assert_true(phi_view_equal(view, phi_view_text("abc")));
    assert_string_equal(phi_arena_text(arena, phi_view_of(NULL, 0)), "");
    assert_int_equal(phi_arena_view(arena, phi_view_of(NULL, 0)).len, 0);
    assert_string_equal(phi_arena_printf(arena, "%s-%d", "n", 12), "n-12");
    assert_null(phi_arena_printf(arena, "%2000d", 1));
    assert_null(phi_arena_copy(arena, source, 2000000));
    assert_null(phi_arena_text(arena, phi_view_of(source, SIZE_MAX)));
    struct phi_view failed = phi_arena_view(arena, phi_view_of(source, 2000000));
    assert_true(failed.data == NULL && failed.len == 0);
    phi_arena_free(arena);
}

static char dropped[64];

static void drop(void *object)
{
    strncat(dropped, object, 1);
}

static void drops_run_last_first(void **state)
{
    (void)state;
    char a[] = "a", b[] = "b", c[] = "c";
    struct phi_arena *arena = phi_arena_new(100);
    assert_int_equal(phi_arena_on_free(arena, drop, a), PHI_OK);
    assert_int_equal(phi_arena_on_free(arena, drop, b), PHI_OK);
    assert_int_equal(phi_arena_on_free(arena, drop, c), PHI_OK);
    assert_int_equal(phi_arena_on_free(arena, drop, c), PHI_ERR_MEMORY);
    assert_string_equal(dropped, "");
    phi_arena_free(arena);
    assert_string_equal(dropped, "cba");
}

static void memory_is_wiped(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(1 << 20);
    for (size_t i = 0; i < 1000; i++)
        assert_non_null(phi_arena_copy(arena, phi_marker, sizeof(phi_marker)));
    phi_marked_frees = 0;
    phi_arena_free(arena);
    assert_int_equal(phi_marked_frees, 0);
    /* and the look itself works; volatile, lest the compiler drop a block that nobody reads */
    char *volatile seen = malloc(sizeof(phi_marker));
    assert_non_null(seen);
    memcpy(seen, phi_marker, sizeof(phi_marker));
    free(seen);
    assert_int_equal(phi_marked_frees, 1);
}

/* What a request does, with each allocation failing once. */
static bool use_arena(struct phi_arena **out)
{
    static char object[] = "x";
    struct phi_arena *arena = phi_arena_new(1 << 20);
    *out = arena;
    if (arena == NULL)
        return false;
    bool done = phi_arena_alloc(arena, 10) != NULL;
    done = phi_arena_alloc(arena, 100000) != NULL && done;
    done = phi_arena_printf(arena, "%5000d", 1) != NULL && done;
    done = phi_arena_on_free(arena, drop, object) == PHI_OK && done;
    return phi_arena_view(arena, phi_view_of(phi_marker, 1)).len == 1 && done;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        struct phi_arena *arena = NULL;
        phi_fail_alloc(n);
        bool done = use_arena(&arena);
        bool failed = phi_alloc_has_failed();
        phi_arena_free(arena);
        assert_int_equal(done, !failed);
        if (!failed) {
            assert_true(n > 3);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(copies_are_copies),
        cmocka_unit_test(drops_run_last_first),
        cmocka_unit_test(memory_is_wiped),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
