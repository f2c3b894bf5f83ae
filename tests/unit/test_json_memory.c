/* Each allocation of the library fails once: an error comes back, nothing leaks (the sanitizer
 * looks). */
#include "json/canonical.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static long left = -1; /* allocations that succeed; negative: all */

static void *failing_malloc(size_t size)
{
    if (left == 0)
        return NULL;
    if (left > 0)
        left--;
    return malloc(size);
}

static const char body[] =
    "{\"name\":\"\\u5f20\\u4e09\",\"trips\":[{\"from\":\"a\",\"to\":1.5,\"n\":[1,2,3,4,5,6,"
    "7,8,9,10]},{\"ok\":true}],\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6}";

static void each_allocation_of_parse_fails(void **state)
{
    (void)state;
    json_set_alloc_funcs(failing_malloc, free);
    long n = 0;
    for (;; n++) {
        struct phi_error error = {.code = PHI_OK};
        json_t *value = NULL;
        left = n;
        enum phi_err err = phi_json_parse(phi_view_text(body), 8, &value, &error);
        left = -1;
        json_decref(value);
        if (err == PHI_OK)
            break;
        /* the library's lexer does not tell its own want of memory from a bad token */
        if (err != PHI_ERR_MEMORY && err != PHI_ERR_JSON)
            fail_msg("allocation %ld: %s, %s", n, phi_err_name(err), error.text);
        assert_null(value);
    }
    assert_true(n > 20);
}

static void keep_takes_null_for_out_of_memory(void **state)
{
    (void)state;
    struct phi_arena *arena = phi_arena_new(0);
    assert_int_equal(phi_json_keep(arena, NULL), PHI_ERR_MEMORY);
    struct phi_json_at root;
    struct phi_error error;
    enum phi_err err = phi_json_read(phi_view_text(body), 8, arena, &root, &error);
    assert_true(err == PHI_OK || err == PHI_ERR_MEMORY);
    phi_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_parse_fails),
        cmocka_unit_test(keep_takes_null_for_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
