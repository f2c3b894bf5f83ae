/* Sealed bytes: what was sealed comes back only under the same key, context and subject, unaltered.
 */
#include "vector_file.h"

#include "crypto/seal.h"

#define CONTEXT "codegen.consent_record"

static const uint8_t subject[PHI_SEAL_SUBJECT_LEN] = {1, 2, 3};
static const uint8_t data_key[32] = {9, 8, 7};

struct setting {
    struct phi_arena *arena;
    struct phi_seal_key *key;
    struct phi_view plain;
    struct phi_view sealed;
};

static int set_up(void **state)
{
    static struct setting setting;
    setting.arena = phi_arena_new(1024 * 1024);
    setting.plain = phi_view_text("张三|11010519491231002X|111|CHN|20261121080000");
    if (phi_seal_key_new(7, phi_view_of(data_key, sizeof(data_key)), &setting.key) != PHI_OK ||
        phi_seal(setting.key, CONTEXT, subject, setting.plain, setting.arena, &setting.sealed) !=
            PHI_OK)
        return -1;
    *state = &setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    phi_seal_key_free(setting->key);
    phi_arena_free(setting->arena);
    return 0;
}

static enum phi_err open_it(struct setting *s, const char *context, const uint8_t *whose,
                            struct phi_view sealed)
{
    struct phi_view plain;
    return phi_unseal(s->key, context, whose, sealed, s->arena, &plain);
}

static void comes_back(void **state)
{
    struct setting *s = *state;
    struct phi_view plain;
    uint32_t id = 0;
    assert_int_equal(s->sealed.len, s->plain.len + PHI_SEAL_OVERHEAD);
    assert_int_equal(phi_sealed_key_id(s->sealed, &id), PHI_OK);
    assert_int_equal(id, 7);
    assert_int_equal(phi_seal_key_id(s->key), 7);
    assert_int_equal(phi_unseal(s->key, CONTEXT, subject, s->sealed, s->arena, &plain), PHI_OK);
    assert_view(plain, s->plain);
}

static void nothing_comes_back_as_nothing(void **state)
{
    struct setting *s = *state;
    struct phi_view sealed;
    struct phi_view plain;
    assert_int_equal(phi_seal(s->key, CONTEXT, subject, phi_view_of(NULL, 0), s->arena, &sealed),
                     PHI_OK);
    assert_int_equal(sealed.len, PHI_SEAL_OVERHEAD);
    assert_int_equal(phi_unseal(s->key, CONTEXT, subject, sealed, s->arena, &plain), PHI_OK);
    assert_int_equal(plain.len, 0);
}

static void twice_is_not_the_same(void **state)
{
    struct setting *s = *state;
    struct phi_view again;
    assert_int_equal(phi_seal(s->key, CONTEXT, subject, s->plain, s->arena, &again), PHI_OK);
    assert_memory_not_equal(again.data, s->sealed.data, again.len);
}

static void any_altered_bit_is_noticed(void **state)
{
    struct setting *s = *state;
    uint8_t copy[256];
    assert_true(s->sealed.len <= sizeof(copy));
    for (size_t bit = 0; bit < 8 * s->sealed.len; bit++) {
        memcpy(copy, s->sealed.data, s->sealed.len);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_it(s, CONTEXT, subject, phi_view_of(copy, s->sealed.len)),
                         PHI_ERR_DATA_BROKEN);
    }
}

static void every_cut_is_noticed(void **state)
{
    struct setting *s = *state;
    for (size_t len = 0; len < s->sealed.len; len++)
        assert_int_equal(open_it(s, CONTEXT, subject, phi_view_of(s->sealed.data, len)),
                         PHI_ERR_DATA_BROKEN);
}

static void place_and_person_are_bound(void **state)
{
    struct setting *s = *state;
    static const uint8_t other[PHI_SEAL_SUBJECT_LEN] = {1, 2, 4};
    assert_int_equal(open_it(s, "codegen.consent_recor", subject, s->sealed), PHI_ERR_DATA_BROKEN);
    assert_int_equal(open_it(s, "declare.name", subject, s->sealed), PHI_ERR_DATA_BROKEN);
    assert_int_equal(open_it(s, CONTEXT, other, s->sealed), PHI_ERR_DATA_BROKEN);
}

static void another_key_does_not_open(void **state)
{
    struct setting *s = *state;
    struct phi_seal_key *other = NULL;
    struct phi_view plain;
    uint8_t bytes[32] = {9, 8, 6};
    assert_int_equal(phi_seal_key_new(7, phi_view_of(bytes, sizeof(bytes)), &other), PHI_OK);
    assert_int_equal(phi_unseal(other, CONTEXT, subject, s->sealed, s->arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    phi_seal_key_free(other);
    assert_int_equal(phi_seal_key_new(8, phi_view_of(data_key, sizeof(data_key)), &other), PHI_OK);
    assert_int_equal(phi_unseal(other, CONTEXT, subject, s->sealed, s->arena, &plain),
                     PHI_ERR_DATA_BROKEN);
    phi_seal_key_free(other);
}

static void data_keys_are_bounded(void **state)
{
    (void)state;
    struct phi_seal_key *key = NULL;
    uint8_t bytes[65] = {1};
    assert_int_equal(phi_seal_key_new(1, phi_view_of(bytes, 15), &key), PHI_ERR_KEY);
    assert_int_equal(phi_seal_key_new(1, phi_view_of(bytes, 65), &key), PHI_ERR_KEY);
    assert_null(key);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back),
        TEST(nothing_comes_back_as_nothing),
        TEST(twice_is_not_the_same),
        TEST(any_altered_bit_is_noticed),
        TEST(every_cut_is_noticed),
        TEST(place_and_person_are_bound),
        TEST(another_key_does_not_open),
        TEST(data_keys_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
