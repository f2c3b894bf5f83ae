/* Bytes for one recipient: only that key opens them, unaltered. */
#include "case.h"

#include "crypto/envelope.h"

#include <string.h>

struct setting {
    struct phi_sm2_private *key;
    struct phi_sm2_private *other;
    uint8_t sealed[PHI_ENVELOPE_MAX];
    size_t len;
};

static const char plain[] = "key seal 2 secret 0123456789abcdef live - - a.key\n00112233\n";

static int set_up(void **state)
{
    static struct setting s;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    if (phi_sm2_private_generate(&s.key) != PHI_OK || phi_sm2_private_generate(&s.other) != PHI_OK)
        return -1;
    phi_sm2_private_public(s.key, xy);
    *state = &s;
    return phi_envelope_seal(xy, phi_view_text(plain), s.sealed, sizeof(s.sealed), &s.len) == PHI_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct setting *s = *state;
    phi_sm2_private_free(s->key);
    phi_sm2_private_free(s->other);
    return 0;
}

static enum phi_err opened(const struct phi_sm2_private *key, const uint8_t *sealed, size_t len,
                           size_t room)
{
    uint8_t out[PHI_ENVELOPE_MAX];
    size_t out_len = 0;
    enum phi_err err = phi_envelope_open(key, phi_view_of(sealed, len), out, room, &out_len);
    if (err == PHI_OK)
        assert_memory_equal(out, plain, out_len);
    return err;
}

static void its_key_opens_it(void **state)
{
    struct setting *s = *state;
    assert_int_equal(opened(s->key, s->sealed, s->len, PHI_ENVELOPE_MAX), PHI_OK);
    assert_int_equal(opened(s->other, s->sealed, s->len, PHI_ENVELOPE_MAX), PHI_ERR_DATA_BROKEN);
    assert_int_equal(opened(s->key, s->sealed, s->len, 3), PHI_ERR_DATA_BROKEN);
}

static void altered_and_cut_ones_are_refused(void **state)
{
    struct setting *s = *state;
    for (size_t at = 0; at < s->len; at++) {
        s->sealed[at] ^= 1;
        assert_int_equal(opened(s->key, s->sealed, s->len, PHI_ENVELOPE_MAX), PHI_ERR_DATA_BROKEN);
        s->sealed[at] ^= 1;
        assert_int_equal(opened(s->key, s->sealed, at, PHI_ENVELOPE_MAX), PHI_ERR_DATA_BROKEN);
    }
}

static void bounds_are_kept(void **state)
{
    struct setting *s = *state;
    static uint8_t big[PHI_ENVELOPE_PLAIN_MAX + 1];
    static uint8_t out[PHI_ENVELOPE_MAX];
    static uint8_t nowhere[PHI_SM2_PUBLIC_LEN] = {1};
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    size_t len = 0;
    phi_sm2_private_public(s->key, xy);
    assert_int_equal(phi_envelope_seal(xy, phi_view_of(big, 0), out, sizeof(out), &len),
                     PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_envelope_seal(xy, phi_view_of(big, sizeof(big)), out, sizeof(out), &len),
                     PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_envelope_seal(nowhere, phi_view_of(big, 9), out, sizeof(out), &len),
                     PHI_ERR_KEY);
    assert_int_equal(
        phi_envelope_seal(xy, phi_view_of(big, sizeof(big) - 1), out, sizeof(out), &len), PHI_OK);
    assert_in_range(len, PHI_ENVELOPE_PLAIN_MAX, PHI_ENVELOPE_MAX);
    assert_int_equal(phi_envelope_open(s->key, phi_view_of(big, 0), out, sizeof(out), &len),
                     PHI_ERR_DATA_BROKEN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_key_opens_it),
        TEST(altered_and_cut_ones_are_refused),
        TEST(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
