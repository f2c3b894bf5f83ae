/* Masked names and numbers. */
#include "vector_file.h"

#include "codes/mask.h"

struct mask_case {
    const char *in;
    const char *out; /* NULL: refused */
};

static void run(const struct mask_case *cases, size_t count,
                enum phi_err (*mask)(struct phi_view, struct phi_arena *, struct phi_view *))
{
    struct phi_arena *arena = phi_arena_new(65536);
    for (size_t i = 0; i < count; i++) {
        struct phi_view out;
        enum phi_err err = mask(phi_view_text(cases[i].in), arena, &out);
        assert_int_equal(err, cases[i].out ? PHI_OK : PHI_ERR_FIELD_VALUE);
        if (cases[i].out)
            assert_view(out, phi_view_text(cases[i].out));
    }
    phi_arena_free(arena);
}

static void names(void **state)
{
    (void)state;
    static const struct mask_case cases[] = {
        {"张小三", "张*三"},
        {"张三", "张*"},
        {"张", "*"},
        {"欧阳小三", "欧**三"},
        {"阿不都·热合曼", "阿*****曼"},
        {"Amélie Le Gall-Dupont", "A********t"},
        {"𠮷田一", "𠮷*一"},
        {"", NULL},
        {"\xe5\xbc", NULL},
    };
    run(cases, sizeof(cases) / sizeof(cases[0]), phi_mask_name);
}

static void numbers(void **state)
{
    (void)state;
    static const struct mask_case cases[] = {
        {"320102199001011234", "3201**********1234"},
        {"110105491231002", "1101*******1002"},
        {"H12345678", "H1*****78"},
        {"E12345678", "E1*****78"},
        {"123456", "12**56"},
        {"12345", "1****"},
        {"1", "*"},
        {"", NULL},
        {"张", NULL},
        {"12 34", NULL},
    };
    run(cases, sizeof(cases) / sizeof(cases[0]), phi_mask_id_no);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
