/* The trust list's word on a certificate. */
#include "auth/certificate.h"
#include "case.h"

#include <string.h>

#define NOW 1000000

static const struct phi_trust_key keys[] = {
    {.use = PHI_TRUST_CODE, .xy = {1}, .from_us = 0, .to_us = INT64_MAX},
    {.use = PHI_TRUST_CODE, .xy = {2}, .from_us = 0, .to_us = NOW},
    {.use = PHI_TRUST_CODE, .xy = {3}, .from_us = NOW + 1, .to_us = INT64_MAX},
    {.use = PHI_TRUST_RECEIPT, .xy = {4}, .from_us = NOW, .to_us = NOW + 1},
    {.use = PHI_TRUST_RECEIPT, .xy = {2}, .from_us = 0, .to_us = INT64_MAX},
};
static const struct phi_trust_key others[] = {
    {.use = PHI_TRUST_CODE, .xy = {5}, .from_us = 0, .to_us = INT64_MAX}};
static const struct phi_trust_platform platforms[] = {
    {.id = "320000", .status = PHI_TRUST_ACTIVE, .keys = keys, .key_count = 5},
    {.id = "330000", .status = PHI_TRUST_SUSPENDED, .keys = others, .key_count = 1}};
static const struct phi_trust_list list = {.platforms = platforms, .platform_count = 2};

#define CODE    (1u << PHI_CERTIFICATE_CODE)
#define RECEIPT (1u << PHI_CERTIFICATE_RECEIPT)

static void each_key_by_use_time_and_platform(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t key;
        unsigned uses;
        bool is_ca;
        enum phi_certificate_status status;
    } cases[] = {
        {"in force", 1, CODE, false, PHI_CERTIFICATE_GOOD},
        {"for another use", 1, RECEIPT, false, PHI_CERTIFICATE_UNLISTED},
        {"over", 2, CODE, false, PHI_CERTIFICATE_REVOKED},
        {"over for one use, in force for the other", 2, CODE | RECEIPT, false,
         PHI_CERTIFICATE_GOOD},
        {"not yet", 3, CODE, false, PHI_CERTIFICATE_REVOKED},
        {"its only microsecond", 4, RECEIPT, false, PHI_CERTIFICATE_GOOD},
        {"its platform is suspended", 5, CODE, false, PHI_CERTIFICATE_SUSPENDED},
        {"nobody's", 6, CODE, false, PHI_CERTIFICATE_UNLISTED},
        {"a CA", 6, 0, true, PHI_CERTIFICATE_GOOD},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_trust_word word = {.list = &list, .now_us = NOW};
        const struct phi_certificate_info info = {
            .public_key = {cases[i].key}, .uses = cases[i].uses, .is_ca = cases[i].is_ca};
        phi_check(cases[i].name, phi_trust_certificate_status(&word, &info) == cases[i].status);
    }
}

static void every_use_of_the_list_is_one_of_certificates(void **state)
{
    (void)state;
    enum phi_certificate_use use;
    for (int i = 0; i < PHI_TRUST_USE_COUNT; i++)
        assert_int_equal(phi_certificate_use_parse(phi_trust_use_name((enum phi_trust_use)i), &use),
                         PHI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_by_use_time_and_platform),
        cmocka_unit_test(every_use_of_the_list_is_one_of_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
