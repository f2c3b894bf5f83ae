/* Fact ids, against tests/vectors/subject/fact_id.json. */
#include "vector_file.h"

#include "codes/factid.h"

static void ids(void **state)
{
    (void)state;
    json_t *file = vector_open("subject/fact_id.json");
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        uint8_t id[PHI_FACT_ID_LEN];
        assert_int_equal(phi_fact_id(vector_view(c, "region"), vector_view(c, "source"),
                                     vector_view(c, "institution"), vector_bytes(c, "recordNo"),
                                     (uint32_t)vector_int(c, "revision"), id),
                         PHI_OK);
        assert_view(phi_view_of(id, sizeof(id)), vector_bytes(c, "id"));
    }
    vector_close(file);
}

static void record_number_of_a_declaration(void **state)
{
    (void)state;
    json_t *file = vector_open("subject/fact_id.json");
    const json_t *d = json_object_get(file, "declaration");
    char record_no[PHI_DECLARATION_RECORD_LEN + 1];
    assert_int_equal(phi_declaration_record_no(vector_view(d, "route"),
                                               vector_view(d, "customNumber"),
                                               vector_view(d, "bizSerialNum"),
                                               vector_bytes(d, "subject").data, record_no),
                     PHI_OK);
    assert_view(phi_view_text(record_no), vector_view(d, "recordNo"));
    vector_close(file);
}

static void fields_past_their_length_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[65536];
    struct phi_view whole = phi_view_of(bytes, sizeof(bytes));
    struct phi_view most = phi_view_of(bytes, 65535);
    struct phi_view word = phi_view_text("a");
    char record_no[PHI_DECLARATION_RECORD_LEN + 1];
    uint8_t id[PHI_FACT_ID_LEN];
    assert_int_equal(phi_fact_id(word, word, word, most, 1, id), PHI_OK);
    assert_int_equal(phi_fact_id(word, word, word, whole, 1, id), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_fact_id(whole, word, word, word, 1, id), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_declaration_record_no(word, whole, word, bytes, record_no),
                     PHI_ERR_FIELD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(record_number_of_a_declaration),
        cmocka_unit_test(fields_past_their_length_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
