/* Shares of a key: any m of n give it back, fewer say nothing, a mistyped one is noticed. */
#include "case.h"

#include "crypto/random.h"
#include "crypto/share.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct phi_share about = {
    .use = "code", .set = 2, .kind = PHI_KEY_SM2, .key_id = "0123456789abcdef"};

static uint8_t secret[PHI_KEY_SECRET_MAX];

static void split(size_t len, uint8_t needed, uint8_t count, struct phi_share *out)
{
    assert_int_equal(phi_random_bytes(secret, len), PHI_OK);
    assert_int_equal(phi_share_split(phi_view_of(secret, len), needed, count, &about, out), PHI_OK);
}

static bool gives_it_back(const struct phi_share *shares, size_t count, size_t len)
{
    uint8_t joined[PHI_KEY_SECRET_MAX];
    size_t joined_len = 0;
    return phi_share_join(shares, count, joined, &joined_len, NULL) == PHI_OK &&
           joined_len == len && memcmp(joined, secret, len) == 0;
}

/* Every choice of m out of n. */
static void any_m_of_n_give_it_back(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t len;
        uint8_t needed;
        uint8_t count;
    } cases[] = {{"2 of 2", 16, 2, 2},
                 {"2 of 3", 32, 2, 3},
                 {"3 of 5", 32, 3, 5},
                 {"5 of 5", 64, 5, 5},
                 {"4 of 7", 17, 4, 7}};
    struct phi_share shares[7], some[7];
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        split(cases[i].len, cases[i].needed, cases[i].count, shares);
        for (unsigned choice = 0; choice < 1u << cases[i].count; choice++) {
            size_t count = 0;
            for (unsigned k = cases[i].count; k > 0; k--) {
                if (choice & 1u << (k - 1))
                    some[count++] = shares[k - 1];
            }
            bool is_enough = count >= cases[i].needed;
            phi_check(cases[i].name, gives_it_back(some, count, cases[i].len) == is_enough);
        }
    }
}

static void as_many_shares_as_there_are_places(void **state)
{
    (void)state;
    struct phi_share *shares = calloc(PHI_SHARES_MAX, sizeof(*shares));
    assert_non_null(shares);
    split(32, 200, PHI_SHARES_MAX, shares);
    assert_true(gives_it_back(shares + 55, 200, 32));
    free(shares);
}

/* With m − 1 shares in hand, every value of the missing one gives another secret, and every secret
 * comes up just once: what is in hand is as likely under each secret, so it says nothing. */
static void fewer_say_nothing(void **state)
{
    (void)state;
    struct phi_share shares[3];
    for (uint8_t needed = 2; needed <= 3; needed++) {
        split(16, needed, 3, shares);
        for (size_t at = 0; at < 16; at++) {
            bool seen[256] = {false};
            for (unsigned guess = 0; guess < 256; guess++) {
                uint8_t joined[PHI_KEY_SECRET_MAX];
                size_t len = 0;
                shares[needed - 1].bytes[at] = (uint8_t)guess;
                assert_int_equal(phi_share_join(shares, needed, joined, &len, NULL), PHI_OK);
                assert_false(seen[joined[at]]);
                seen[joined[at]] = true;
            }
        }
    }
}

/* Shares of the same key differ from back-up to back-up: the polynomial is drawn anew. */
static void two_backups_share_no_bytes(void **state)
{
    (void)state;
    struct phi_share one[2], other[2];
    split(64, 2, 2, one);
    assert_int_equal(phi_share_split(phi_view_of(secret, 64), 2, 2, &about, other), PHI_OK);
    assert_memory_not_equal(one[0].bytes, other[0].bytes, 64);
    assert_memory_not_equal(one[0].bytes, secret, 64);
    struct phi_share mixed[2] = {one[0], other[1]};
    assert_false(gives_it_back(mixed, 2, 64));
}

static void wrong_numbers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t needed;
        uint8_t count;
        size_t len;
    } cases[] = {{"one is no secret", 1, 3, 32},
                 {"none", 0, 3, 32},
                 {"more than there are", 4, 3, 32},
                 {"too short a key", 2, 3, 15},
                 {"too long", 2, 3, 65}};
    struct phi_share shares[4];
    uint8_t bytes[65] = {1};
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_share_split(phi_view_of(bytes, cases[i].len), cases[i].needed, cases[i].count,
                                  &about, shares) == PHI_ERR_FIELD_VALUE);
}

static void joining_is_checked(void **state)
{
    (void)state;
    struct phi_share shares[3], some[3];
    struct phi_error error = {0};
    uint8_t joined[PHI_KEY_SECRET_MAX];
    size_t len = 0;
    split(32, 2, 3, shares);
    assert_int_equal(phi_share_join(shares, 0, joined, &len, &error), PHI_ERR_KEY);
    assert_int_equal(phi_share_join(shares, 1, joined, &len, &error), PHI_ERR_KEY);
    some[0] = some[1] = shares[0];
    assert_int_equal(phi_share_join(some, 2, joined, &len, &error), PHI_ERR_KEY);
    some[1] = shares[1];
    some[1].key_id[0] = 'f';
    assert_int_equal(phi_share_join(some, 2, joined, &len, &error), PHI_ERR_KEY);
    assert_int_equal(len, 0);
}

static void text_comes_back(void **state)
{
    (void)state;
    struct phi_share shares[3], again;
    char text[PHI_SHARE_TEXT_MAX];
    split(32, 2, 3, shares);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(phi_share_format(&shares[i], text), PHI_OK);
        assert_int_equal(phi_share_parse(phi_view_text(text), &again, NULL), PHI_OK);
        assert_memory_equal(&again, &shares[i], sizeof(again));
    }
}

/* Every byte altered in three ways, every cut, and anything behind. */
static void altered_texts_are_refused(void **state)
{
    (void)state;
    struct phi_share shares[2], again;
    char text[PHI_SHARE_TEXT_MAX], wrong[PHI_SHARE_TEXT_MAX + 1];
    static const char flips[] = {1, 2, 32};
    split(32, 2, 2, shares);
    assert_int_equal(phi_share_format(&shares[0], text), PHI_OK);
    size_t len = strlen(text);
    for (size_t at = 0; at < len; at++) {
        for (size_t i = 0; i < sizeof(flips); i++) {
            memcpy(wrong, text, len + 1);
            wrong[at] ^= flips[i];
            assert_int_equal(phi_share_parse(phi_view_of(wrong, len), &again, NULL), PHI_ERR_KEY);
        }
        assert_int_equal(phi_share_parse(phi_view_of(text, at), &again, NULL), PHI_ERR_KEY);
    }
    memcpy(wrong, text, len + 1);
    wrong[len] = '\n';
    assert_int_equal(phi_share_parse(phi_view_of(wrong, len + 1), &again, NULL), PHI_ERR_KEY);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
#define HEAD "phi-share 1 use=code set=2 kind=sm2 key=0123456789abcdef split=0011223344556677 "
#define HEX  "000102030405060708090a0b0c0d0e0f\n"
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"nothing", ""},
        {"another file", "-----BEGIN PRIVATE KEY-----\n"},
        {"another version", "phi-share 2 use=code set=2\n"},
        {"no sum", HEAD "share=1 of=3 needed=2\n" HEX},
        {"a sum that is wrong", HEAD "share=1 of=3 needed=2\n" HEX "sum=0000000000000000\n"},
        {"share 0", HEAD "share=0 of=3 needed=2\n" HEX "sum=0000000000000000\n"},
        {"share past the last", HEAD "share=4 of=3 needed=2\n" HEX "sum=0000000000000000\n"},
        {"256 shares", HEAD "share=1 of=256 needed=2\n" HEX "sum=0000000000000000\n"},
        {"one needed", HEAD "share=1 of=3 needed=1\n" HEX "sum=0000000000000000\n"},
        {"short", HEAD "share=1 of=3 needed=2\n0001\nsum=0000000000000000\n"},
        {"odd", HEAD "share=1 of=3 needed=2\n0" HEX "sum=0000000000000000\n"},
    };
    struct phi_share share;
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  phi_share_parse(phi_view_text(cases[i].text), &share, NULL) == PHI_ERR_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_m_of_n_give_it_back),
        cmocka_unit_test(as_many_shares_as_there_are_places),
        cmocka_unit_test(fewer_say_nothing),
        cmocka_unit_test(two_backups_share_no_bytes),
        cmocka_unit_test(wrong_numbers_are_refused),
        cmocka_unit_test(joining_is_checked),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(altered_texts_are_refused),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
