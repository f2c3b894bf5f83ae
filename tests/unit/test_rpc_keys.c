#include "case.h"

#include "rpc/allow_list.h"

#include <string.h>

/* The key pair of ZeroMQ RFC 26 examples in libzmq's own tests. */
static const char z85_public[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
static const char z85_secret[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

static void the_halves_belong_together(void **state)
{
    (void)state;
    uint8_t public_key[32], secret_key[32], again[32];
    char text[PHI_CURVE_Z85_LEN + 1];
    assert_int_equal(phi_curve_parse(phi_view_text(z85_public), public_key), PHI_OK);
    assert_int_equal(phi_curve_parse(phi_view_text(z85_secret), secret_key), PHI_OK);
    assert_int_equal(phi_curve_public(secret_key, again), PHI_OK);
    assert_memory_equal(public_key, again, 32);
    phi_curve_z85_format(public_key, text);
    assert_string_equal(text, z85_public);
    assert_int_equal(phi_curve_keypair(public_key, secret_key), PHI_OK);
    assert_int_equal(phi_curve_public(secret_key, again), PHI_OK);
    assert_memory_equal(public_key, again, 32);
}

static void written_forms(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        size_t len;
        enum phi_err err;
    } cases[] = {
        {"hex", "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F", 64, PHI_OK},
        {"z85", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 40, PHI_OK},
        {"empty", "", 0, PHI_ERR_KEY},
        {"one short", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI", 39, PHI_ERR_KEY},
        {"41", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIDx", 41, PHI_ERR_KEY},
        {"not a z85 letter", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI~", 40, PHI_ERR_KEY},
        {"a zero inside", "Yne@$w-vo<fVvi]a<NY6\0001ed:M$fCG*[IaLV{hID", 40, PHI_ERR_KEY},
        {"high bytes", "\xff\xff\xff\xff\xff-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 40, PHI_ERR_KEY},
        {"a group over 32 bits", "#####w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", 40, PHI_ERR_KEY},
        {"not hex", "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 64,
         PHI_ERR_KEY},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        uint8_t key[32];
        uint8_t untouched[32];
        memset(key, 0xa5, sizeof(key));
        memset(untouched, 0xa5, sizeof(untouched));
        enum phi_err err = phi_curve_parse(phi_view_of(cases[i].text, cases[i].len), key);
        phi_check(cases[i].name, err == cases[i].err);
        phi_check(cases[i].name, err == PHI_OK || memcmp(key, untouched, 32) == 0);
    }
}

static struct phi_rpc_allowed row(uint8_t key, const char *program, uint32_t scopes)
{
    struct phi_rpc_allowed allowed = {.peer = {.platform = "320000", .scopes = scopes}};
    memset(allowed.public_key, key, sizeof(allowed.public_key));
    strncpy(allowed.peer.program, program, sizeof(allowed.peer.program) - 1);
    return allowed;
}

static void the_list_is_replaced_as_a_whole(void **state)
{
    (void)state;
    struct phi_rpc_peer peer;
    struct phi_rpc_allowed rows[] = {row(9, "svc-platform", 3), row(1, "svc-directory", 1)};
    struct phi_rpc_allow_list *allow = phi_rpc_allow_list_new();
    assert_false(phi_rpc_allow_list_find(allow, rows[0].public_key, &peer));
    assert_int_equal(phi_rpc_allow_list_swap(allow, rows, 2), PHI_OK);
    assert_true(phi_rpc_allow_list_find(allow, rows[0].public_key, &peer));
    assert_string_equal(peer.program, "svc-platform");
    assert_true(phi_rpc_allow_list_find(allow, rows[1].public_key, &peer));
    assert_int_equal(peer.scopes, 1);
    assert_int_equal(phi_rpc_allow_list_swap(allow, rows, 1), PHI_OK);
    assert_false(phi_rpc_allow_list_find(allow, rows[1].public_key, &peer));
    assert_int_equal(phi_rpc_allow_list_swap(allow, NULL, 0), PHI_OK);
    assert_false(phi_rpc_allow_list_find(allow, rows[0].public_key, &peer));
    phi_rpc_allow_list_free(allow);
    phi_rpc_allow_list_free(NULL);
}

/* A reader keeps the list it saw, and sees the next one at its next look. */
static void a_reader_sees_every_list(void **state)
{
    (void)state;
    struct phi_rpc_peer peer;
    struct phi_rpc_allowed rows[] = {row(9, "svc-platform", 3), row(1, "svc-directory", 1)};
    struct phi_rpc_allow_list *allow = phi_rpc_allow_list_new();
    struct phi_rpc_allow_reader reader = {.allow = allow};
    struct phi_rpc_allow_reader other = {.allow = allow};
    assert_false(phi_rpc_allow_reader_find(&reader, rows[0].public_key, &peer));
    assert_int_equal(phi_rpc_allow_list_swap(allow, rows, 2), PHI_OK);
    assert_true(phi_rpc_allow_reader_find(&reader, rows[0].public_key, &peer));
    assert_string_equal(peer.program, "svc-platform");
    assert_true(phi_rpc_allow_reader_find(&other, rows[1].public_key, &peer));
    assert_int_equal(phi_rpc_allow_list_swap(allow, rows + 1, 1), PHI_OK);
    assert_false(phi_rpc_allow_reader_find(&reader, rows[0].public_key, &peer));
    assert_true(phi_rpc_allow_reader_find(&reader, rows[1].public_key, &peer));
    phi_rpc_allow_reader_drop(&reader);
    phi_rpc_allow_reader_drop(&reader);
    phi_rpc_allow_list_free(allow);
    phi_rpc_allow_reader_drop(&other);
}

static void a_bad_list_changes_nothing(void **state)
{
    (void)state;
    struct phi_rpc_peer peer;
    struct phi_rpc_allowed good = row(1, "svc-directory", 1);
    struct phi_rpc_allowed twice[] = {row(2, "a", 1), row(3, "b", 1), row(2, "c", 1)};
    struct phi_rpc_allowed nameless = row(2, "", 1);
    struct phi_rpc_allowed endless = row(2, "a", 1);
    memset(endless.peer.program, 'x', sizeof(endless.peer.program));
    struct phi_rpc_allow_list *allow = phi_rpc_allow_list_new();
    assert_int_equal(phi_rpc_allow_list_swap(allow, &good, 1), PHI_OK);
    assert_int_equal(phi_rpc_allow_list_swap(allow, twice, 3), PHI_ERR_CONFIG);
    assert_int_equal(phi_rpc_allow_list_swap(allow, &nameless, 1), PHI_ERR_CONFIG);
    assert_int_equal(phi_rpc_allow_list_swap(allow, &endless, 1), PHI_ERR_CONFIG);
    assert_int_equal(phi_rpc_allow_list_swap(allow, &good, PHI_RPC_ALLOWED_MAX + 1),
                     PHI_ERR_CONFIG);
    assert_true(phi_rpc_allow_list_find(allow, good.public_key, &peer));
    phi_rpc_allow_list_free(allow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_halves_belong_together),
        cmocka_unit_test(written_forms),
        cmocka_unit_test(the_list_is_replaced_as_a_whole),
        cmocka_unit_test(a_reader_sees_every_list),
        cmocka_unit_test(a_bad_list_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
