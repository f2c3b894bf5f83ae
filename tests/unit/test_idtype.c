/* Identity documents (GB/T 38961 annex A, GB 11643), against tests/vectors/subject/idtype.json. */
#include "vector_file.h"

#include "codes/idtype.h"

static enum phi_err check(const json_t *c, struct phi_error *error)
{
    return phi_idtype_check(vector_text(c, "idType"), vector_view(c, "idNo"),
                            vector_text(c, "country"), error);
}

static void good_documents(void **state)
{
    (void)state;
    json_t *file = vector_open("subject/idtype.json");
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        assert_int_equal(check(c, NULL), PHI_OK);
        assert_true(phi_idtype_is_known(vector_text(c, "idType")));
    }
    vector_close(file);
}

static void bad_documents(void **state)
{
    (void)state;
    json_t *file = vector_open("subject/idtype.json");
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        struct phi_error error = {0};
        assert_int_equal(check(c, &error), PHI_ERR_FIELD_VALUE);
        assert_string_equal(error.place, vector_text(c, "place"));
        assert_int_equal(check(c, NULL), PHI_ERR_FIELD_VALUE);
    }
    vector_close(file);
}

/* Every single wrong digit of a resident id number is noticed: that is what the check digit is for.
 */
static void any_wrong_digit_is_noticed(void **state)
{
    (void)state;
    static const char good[] = "440524188001010014";
    for (size_t i = 0; i < 17; i++) {
        for (int digit = '0'; digit <= '9'; digit++) {
            char bad[19];
            memcpy(bad, good, sizeof(bad));
            bad[i] = (char)digit;
            enum phi_err expected = digit == good[i] ? PHI_OK : PHI_ERR_FIELD_VALUE;
            assert_int_equal(phi_idtype_check("111", phi_view_text(bad), "CHN", NULL), expected);
        }
    }
}

static void fifteen_become_eighteen(void **state)
{
    (void)state;
    uint8_t longer[18];
    assert_int_equal(phi_idtype_to_18(phi_view_text("110105491231002"), longer), PHI_OK);
    assert_memory_equal(longer, "11010519491231002X", 18);
    assert_int_equal(phi_idtype_to_18(phi_view_text("11010549123100"), longer),
                     PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_idtype_to_18(phi_view_text("11010549123100X"), longer),
                     PHI_ERR_FIELD_VALUE);
}

static void residence_cards_by_form(void **state)
{
    (void)state;
    assert_true(phi_idtype_is_residence_card(phi_view_text("USA110099120510")));
    assert_false(phi_idtype_is_residence_card(phi_view_text("H12345678")));
    assert_false(phi_idtype_is_residence_card(phi_view_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents),
        cmocka_unit_test(bad_documents),
        cmocka_unit_test(any_wrong_digit_is_noticed),
        cmocka_unit_test(fifteen_become_eighteen),
        cmocka_unit_test(residence_cards_by_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
