/* The subject index, against tests/vectors/subject/index.json. */
#include "vector_file.h"

#include "codes/subject.h"

static struct phi_person person_of(const json_t *c)
{
    return (struct phi_person){.id_type = vector_view(c, "idType"),
                               .id_no = vector_view(c, "idNo"),
                               .country = vector_view(c, "country")};
}

static void indexes(void **state)
{
    (void)state;
    json_t *file = vector_open("subject/index.json");
    struct phi_hmac_key *key = NULL;
    int partitions = (int)vector_int(file, "partitions");
    assert_int_equal(phi_hmac_key_new(vector_bytes(file, "key"), &key), PHI_OK);
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        struct phi_person person = person_of(c);
        struct phi_view canonical;
        uint8_t subject[PHI_SUBJECT_LEN];
        assert_int_equal(phi_subject_canonical(&person, vector_arena, &canonical, NULL), PHI_OK);
        assert_view(canonical, vector_view(c, "canonical"));
        assert_int_equal(phi_subject_index(key, &person, subject), PHI_OK);
        assert_view(phi_view_of(subject, sizeof(subject)), vector_bytes(c, "subject"));
        assert_int_equal(phi_subject_bucket(subject), vector_int(c, "bucket"));
        assert_int_equal(phi_subject_partition(subject, partitions),
                         vector_int(c, "bucket") % partitions);
    }
    phi_hmac_key_free(key);
    vector_close(file);
}

static void broken_documents_have_no_index(void **state)
{
    (void)state;
    static const struct {
        const char *id_type;
        const char *id_no;
        const char *country;
        const char *place;
    } cases[] = {
        {"", "11010519491231002X", "CHN", "idType"},
        {"1111", "11010519491231002X", "CHN", "idType"},
        {"\xff\xff\xff", "11010519491231002X", "CHN", "idType"},
        {"111", "", "CHN", "idNo"},
        {"111", "\xc3\x28", "CHN", "idNo"},
        {"111", "110105194912310021", "CHN", "idNo"},
        {"999",
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAA",
         "CHN", "idNo"},
        {"111", "11010519491231002X", "", "country"},
        {"111", "11010519491231002X", "CHNA", "country"},
        {"999", "A|B", "CHN", "idNo"},
    };
    struct phi_arena *arena = phi_arena_new(65536);
    struct phi_hmac_key *key = NULL;
    assert_int_equal(phi_hmac_key_new(phi_view_text("k"), &key), PHI_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct phi_person person = {.id_type = phi_view_text(cases[i].id_type),
                                    .id_no = phi_view_text(cases[i].id_no),
                                    .country = phi_view_text(cases[i].country)};
        struct phi_error error = {0};
        struct phi_view canonical;
        uint8_t subject[PHI_SUBJECT_LEN];
        assert_int_equal(phi_subject_canonical(&person, arena, &canonical, &error),
                         PHI_ERR_FIELD_VALUE);
        assert_string_equal(error.place, cases[i].place);
        assert_int_equal(phi_subject_index(key, &person, subject), PHI_ERR_FIELD_VALUE);
    }
    phi_hmac_key_free(key);
    phi_arena_free(arena);
}

static void buckets_are_the_first_twelve_bits(void **state)
{
    (void)state;
    const uint8_t subject[PHI_SUBJECT_LEN] = {0xab, 0xcf, 0xff};
    assert_int_equal(phi_subject_bucket(subject), 0xabc);
    assert_int_equal(phi_subject_partition(subject, 1), 0);
    assert_int_equal(phi_subject_partition(subject, 7), 0xabc % 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexes),
        cmocka_unit_test(broken_documents_have_no_index),
        cmocka_unit_test(buckets_are_the_first_twelve_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
