/* base/file: what is read is the file, up to its bound. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/phi-test-file-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 && write(fd, "0123456789", 10) == 10 && close(fd) == 0 ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void the_whole_file_up_to_its_bound(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *path;
        size_t max_bytes;
        enum phi_err err;
    } cases[] = {
        {"room to spare", path, 100, PHI_OK},
        {"just fits", path, 10, PHI_OK},
        {"one byte too long", path, 9, PHI_ERR_IO},
        {"not there", "/nonexistent/file", 100, PHI_ERR_IO},
        {"a folder", "/tmp", 100, PHI_ERR_IO},
        {"more than the arena", path, 1024 * 1024, PHI_ERR_MEMORY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_arena *arena = phi_arena_new(64 * 1024);
        struct phi_view out = phi_view_of(NULL, 0);
        enum phi_err err = phi_file_read(cases[i].path, cases[i].max_bytes, arena, &out);
        if (err != cases[i].err)
            fail_msg("%s: %s", cases[i].name, phi_err_name(err));
        if (err == PHI_OK)
            assert_true(phi_view_equal(out, phi_view_text("0123456789")));
        phi_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_whole_file_up_to_its_bound)};
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
