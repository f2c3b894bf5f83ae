/* As whom an app is told of a person: the vector of docs/codes.md, made with gmssl. */
#include "case.h"

#include "codes/notice.h"

#include <string.h>

static void vector_of_the_document(void **state)
{
    (void)state;
    uint8_t secret[32], key[PHI_NOTICE_KEY_LEN], person[PHI_NOTICE_PERSON_LEN];
    char hex[2 * PHI_NOTICE_KEY_LEN + 1];
    struct phi_hmac_key *bus = NULL;
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    assert_int_equal(phi_hmac_key_new(phi_view_of(secret, sizeof(secret)), &bus), PHI_OK);
    assert_int_equal(phi_notice_key(bus, phi_view_text("citizen-app"), key), PHI_OK);
    phi_hex_encode(phi_view_of(key, sizeof(key)), hex);
    assert_string_equal(hex, "1dee31ffa4dc5a1ce459af0052a68526a73fc704f82576128703bbb2dd4c3828");
    assert_int_equal(phi_notice_person(key, phi_view_text("c-1"), person), PHI_OK);
    phi_hex_encode(phi_view_of(person, sizeof(person)), hex);
    assert_string_equal(hex, "d7b2d73b38ec523a9f90da4ff2d87159");
    /* another app knows the same number as somebody else */
    assert_int_equal(phi_notice_key(bus, phi_view_text("other-app"), key), PHI_OK);
    assert_int_equal(phi_notice_person(key, phi_view_text("c-1"), person), PHI_OK);
    phi_hex_encode(phi_view_of(person, sizeof(person)), hex);
    assert_string_not_equal(hex, "d7b2d73b38ec523a9f90da4ff2d87159");
    phi_hmac_key_free(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vector_of_the_document)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
