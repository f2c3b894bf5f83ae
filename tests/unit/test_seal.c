/* Sealed bytes: what was sealed comes back only under the same key, context and subject, unaltered.
 */
#include "case.h"
#include "vector_file.h"

#include "base/metrics.h"
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

static int64_t walk_us;

static int64_t walk(void *context)
{
    (void)context;
    return walk_us;
}

/* Key 7, in time until 200, and key 8 from 100 on. */
static struct phi_seal_key *two_keys(struct phi_counter *uses)
{
    static const struct phi_clock walking = {.now_us = walk};
    struct phi_seal_key *chain = NULL;
    struct phi_seal_key *other = NULL;
    const uint8_t other_bytes[16] = {8};
    assert_int_equal(phi_seal_key_new(7, phi_view_of(data_key, sizeof(data_key)), &chain), PHI_OK);
    assert_int_equal(phi_seal_key_new(8, phi_view_of(other_bytes, 16), &other), PHI_OK);
    phi_seal_key_time(chain, INT64_MIN, 200);
    phi_seal_key_time(other, 100, INT64_MAX);
    phi_seal_key_count(other, uses);
    assert_int_equal(phi_seal_key_add(chain, other, &walking), PHI_OK);
    return chain;
}

static void the_newest_in_time_seals_and_all_in_time_unseal(void **state)
{
    struct setting *s = *state;
    static const struct {
        const char *name;
        int64_t now_us;
        uint32_t seals;
        enum phi_err old_opens;
        enum phi_err new_opens;
    } cases[] = {
        {"before the change", 99, 7, PHI_OK, PHI_ERR_DATA_BROKEN},
        {"at the change", 100, 8, PHI_OK, PHI_OK},
        {"the old one's last moment", 199, 8, PHI_OK, PHI_OK},
        {"the old one's time is over", 200, 8, PHI_ERR_DATA_BROKEN, PHI_OK},
    };
    struct phi_seal_key *chain = two_keys(NULL);
    struct phi_view old, new, now, plain;
    uint32_t id = 0;
    walk_us = 0;
    assert_int_equal(phi_seal(chain, CONTEXT, subject, s->plain, s->arena, &old), PHI_OK);
    walk_us = 300;
    assert_int_equal(phi_seal(chain, CONTEXT, subject, s->plain, s->arena, &new), PHI_OK);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        walk_us = cases[i].now_us;
        phi_check(cases[i].name,
                  phi_seal(chain, CONTEXT, subject, s->plain, s->arena, &now) == PHI_OK &&
                      phi_sealed_key_id(now, &id) == PHI_OK && id == cases[i].seals);
        phi_check(cases[i].name,
                  phi_unseal(chain, CONTEXT, subject, old, s->arena, &plain) == cases[i].old_opens);
        phi_check(cases[i].name,
                  phi_unseal(chain, CONTEXT, subject, new, s->arena, &plain) == cases[i].new_opens);
    }
    phi_seal_key_free(chain);
}

static void without_a_key_in_time_nothing_is_sealed(void **state)
{
    struct setting *s = *state;
    struct phi_view sealed;
    phi_seal_key_time(s->key, INT64_MAX, INT64_MAX);
    assert_int_equal(phi_seal(s->key, CONTEXT, subject, s->plain, s->arena, &sealed), PHI_ERR_KEY);
}

static void an_id_stands_once_in_a_chain(void **state)
{
    struct setting *s = *state;
    struct phi_seal_key *same = NULL;
    const uint8_t bytes[16] = {1};
    assert_int_equal(phi_seal_key_new(7, phi_view_of(bytes, 16), &same), PHI_OK);
    assert_int_equal(phi_seal_key_add(s->key, same, NULL), PHI_ERR_KEY);
    phi_seal_key_free(same);
}

static void uses_are_counted_by_key(void **state)
{
    struct setting *s = *state;
    struct phi_counter *uses =
        phi_counter_new("phi_key_uses_total", "uses", "use=\"store\",key=\"8\"");
    struct phi_seal_key *chain = two_keys(uses);
    struct phi_view sealed, plain;
    walk_us = 0;
    assert_int_equal(phi_seal(chain, CONTEXT, subject, s->plain, s->arena, &sealed), PHI_OK);
    assert_int_equal(phi_counter_value(uses), 0);
    walk_us = 150;
    assert_int_equal(phi_seal(chain, CONTEXT, subject, s->plain, s->arena, &sealed), PHI_OK);
    assert_int_equal(phi_unseal(chain, CONTEXT, subject, sealed, s->arena, &plain), PHI_OK);
    assert_int_equal(phi_counter_value(uses), 2);
    phi_seal_key_free(chain);
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
        TEST(the_newest_in_time_seals_and_all_in_time_unseal),
        TEST(without_a_key_in_time_nothing_is_sealed),
        TEST(an_id_stands_once_in_a_chain),
        TEST(uses_are_counted_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
