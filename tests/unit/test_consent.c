/* The consent record (GB/T 38961 §4.2), against tests/vectors/consent/record.json. */
#include "vector_file.h"

#include "codes/consent.h"

static struct phi_person person_of(const json_t *c)
{
    const json_t *p = json_object_get(c, "person");
    return (struct phi_person){.name = vector_view(p, "name"),
                               .id_type = vector_view(p, "idType"),
                               .id_no = vector_view(p, "idNo"),
                               .country = vector_view(p, "country")};
}

static void records(void **state)
{
    (void)state;
    json_t *file = vector_open("consent/record.json");
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        struct phi_person person = person_of(c);
        struct phi_view record;
        uint8_t digest[PHI_SM3_LEN];
        assert_int_equal(phi_consent_format(&person, vector_int(c, "timeS"), vector_arena, &record),
                         PHI_OK);
        assert_view(record, vector_view(c, "record"));
        assert_int_equal(phi_consent_digest(record, digest), PHI_OK);
        assert_view(phi_view_of(digest, sizeof(digest)), vector_bytes(c, "digest"));
    }
    vector_close(file);
}

static void records_are_read_back(void **state)
{
    (void)state;
    json_t *file = vector_open("consent/record.json");
    VECTOR_EACH(file, "good", c)
    {
        struct phi_person person;
        struct phi_view again;
        int64_t time_s = 0;
        assert_int_equal(phi_consent_parse(vector_view(c, "record"), &person, &time_s), PHI_OK);
        assert_int_equal(time_s, vector_int(c, "timeS"));
        assert_int_equal(phi_consent_format(&person, time_s, vector_arena, &again), PHI_OK);
        assert_view(again, vector_view(c, "record"));
    }
    vector_close(file);
}

static void persons_that_give_no_record(void **state)
{
    (void)state;
    json_t *file = vector_open("consent/record.json");
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        struct phi_person person = person_of(c);
        struct phi_view record;
        assert_int_equal(phi_consent_format(&person, 0, vector_arena, &record),
                         PHI_ERR_FIELD_VALUE);
    }
    struct phi_person person = {.name = phi_view_text("\xe5\xbc"),
                                .id_type = phi_view_text("111"),
                                .id_no = phi_view_text("11010519491231002X"),
                                .country = phi_view_text("CHN")};
    struct phi_view record;
    assert_int_equal(phi_consent_format(&person, 0, vector_arena, &record), PHI_ERR_FIELD_VALUE);
    vector_close(file);
}

static void broken_records_are_refused(void **state)
{
    (void)state;
    json_t *file = vector_open("consent/record.json");
    VECTOR_EACH(file, "badRecord", c)
    {
        vector_name(c);
        struct phi_person person;
        int64_t time_s = 0;
        assert_int_equal(phi_consent_parse(vector_view(c, "record"), &person, &time_s),
                         PHI_ERR_DATA_BROKEN);
    }
    vector_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records),
        cmocka_unit_test(records_are_read_back),
        cmocka_unit_test(persons_that_give_no_record),
        cmocka_unit_test(broken_records_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
