/* Certificates: what is made verifies for its use and in its time, and for nothing else. */
#include "case.h"
#include "crypto/certificate.h"

#include <stdlib.h>
#include <string.h>

#define NOW     1764000000
#define DAY     86400
#define USE(u)  (1u << PHI_CERTIFICATE_##u)
#define PEM_MAX PHI_CERTIFICATE_BYTES_MAX

/* Of another curve, made with openssl. */
static const char p256_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdDCCARmgAwIBAgIUDr5IQEgO4shDQf+ycgP0x9eZxrEwCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEcDI1NjAeFw0yNjExMjExNDUwNDVaFw0zNjExMTgxNDUwNDVa\n"
    "MA8xDTALBgNVBAMMBHAyNTYwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASnfJRa\n"
    "azt7ikqd92tgqj3Huzd2FGkkd2nacTgrnqwVucWP6DRX/x6lfJrXMi6KNKcGqIAJ\n"
    "cZfM0beoT5/rJeOLo1MwUTAdBgNVHQ4EFgQUoI6KETRef10TOuMuFUO5wNGqyCgw\n"
    "HwYDVR0jBBgwFoAUoI6KETRef10TOuMuFUO5wNGqyCgwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAKBggqhkjOPQQDAgNJADBGAiEAqYgiY2LpeeElBA5Xws7cSfTI0hDwf/P/jKdu\n"
    "cXNDDWcCIQCmnuroEqww9VT6VNfoh23EbVaSve2YIeSFcsNb+lGHsw==\n"
    "-----END CERTIFICATE-----\n";
static const char p256_request[] =
    "-----BEGIN CERTIFICATE REQUEST-----\n"
    "MIHIMHECAQAwDzENMAsGA1UEAwwEcDI1NjBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
    "A0IABKd8lFprO3uKSp33a2CqPce7N3YUaSR3adpxOCuerBW5xY/oNFf/HqV8mtcy\n"
    "Loo0pwaogAlxl8zRt6hPn+sl44ugADAKBggqhkjOPQQDAgNHADBEAiBKi3tnIYiE\n"
    "BXT14S31kab19tOseMDBWWAHhdImQXVD0QIgbc6jZGcosGTayga7EF2mPeaqramd\n"
    "cg9BKNuPhnb4AgU=\n"
    "-----END CERTIFICATE REQUEST-----\n";

static struct phi_sm2_private *root_key, *sub_key, *leaf_key;
static struct phi_certificate *root, *sub, *leaf;
static char root_pem[PEM_MAX], sub_pem[PEM_MAX], leaf_pem[PEM_MAX], sub_request[PEM_MAX],
    leaf_request[PEM_MAX];
static const struct phi_certificate_name root_name = {"统一平台", "root"};
static const struct phi_certificate_name sub_name = {"江苏省平台", "320000 CA"};
static const struct phi_certificate_name leaf_name = {"江苏省平台", "320000 code 1"};

static struct phi_certificate *read_pem(const char *pem)
{
    struct phi_certificate *out = NULL;
    assert_int_equal(phi_certificate_read(phi_view_text(pem), &out, NULL), PHI_OK);
    return out;
}

static struct phi_certificate_terms ca_terms(int path_len, unsigned uses)
{
    return (struct phi_certificate_terms){.is_ca = true,
                                          .path_len = path_len,
                                          .uses = uses,
                                          .from_s = NOW - 10 * DAY,
                                          .to_s = NOW + 100 * DAY};
}

static struct phi_certificate_terms leaf_terms(unsigned uses)
{
    return (struct phi_certificate_terms){
        .uses = uses, .from_s = NOW - DAY, .to_s = NOW + 10 * DAY};
}

static struct phi_certificate *issued(const struct phi_certificate *ca,
                                      const struct phi_sm2_private *key, const char *request,
                                      const struct phi_certificate_terms *terms)
{
    char pem[PEM_MAX];
    struct phi_error error;
    enum phi_err err =
        phi_certificate_issue(ca, key, phi_view_text(request), terms, pem, sizeof(pem), &error);
    if (err != PHI_OK)
        fail_msg("%s: %s", error.place, error.text);
    return read_pem(pem);
}

/* Another root of the same name and key, so that what it issues looks as the root's own. */
static struct phi_certificate *root_again(int path_len, unsigned uses)
{
    char pem[PEM_MAX];
    const struct phi_certificate_terms terms = ca_terms(path_len, uses);
    assert_int_equal(phi_certificate_root(root_key, &root_name, &terms, pem, sizeof(pem), NULL),
                     PHI_OK);
    return read_pem(pem);
}

static enum phi_err verify(const struct phi_certificate *what, const struct phi_certificate *other,
                           const struct phi_certificate *trusted, enum phi_certificate_use use,
                           int64_t now_s, struct phi_error *error)
{
    const struct phi_certificate_check check = {.use = use,
                                                .now_s = now_s,
                                                .roots = &trusted,
                                                .root_count = trusted != NULL,
                                                .others = &other,
                                                .other_count = other != NULL};
    return phi_certificate_verify(what, &check, error);
}

static void a_chain_holds_for_its_use_and_time(void **state)
{
    (void)state;
    struct phi_error error;
    static const struct {
        const char *name;
        enum phi_certificate_use use;
        int64_t now_s;
        bool has_sub;
        bool has_root;
        enum phi_err err;
    } cases[] = {
        {"now", PHI_CERTIFICATE_CODE, NOW, true, true, PHI_OK},
        {"first second", PHI_CERTIFICATE_CODE, NOW - DAY, true, true, PHI_OK},
        {"last second", PHI_CERTIFICATE_CODE, NOW + 10 * DAY, true, true, PHI_OK},
        {"a second early", PHI_CERTIFICATE_CODE, NOW - DAY - 1, true, true, PHI_ERR_KEY},
        {"a second late", PHI_CERTIFICATE_CODE, NOW + 10 * DAY + 1, true, true, PHI_ERR_KEY},
        {"after the CA too", PHI_CERTIFICATE_CODE, NOW + 101 * DAY, true, true, PHI_ERR_KEY},
        {"another use", PHI_CERTIFICATE_RECEIPT, NOW, true, true, PHI_ERR_KEY},
        {"for encryption", PHI_CERTIFICATE_ENCRYPTION, NOW, true, true, PHI_ERR_KEY},
        {"a CA is missing", PHI_CERTIFICATE_CODE, NOW, false, true, PHI_ERR_KEY},
        {"no root", PHI_CERTIFICATE_CODE, NOW, true, false, PHI_ERR_KEY},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++)
        phi_check(cases[i].name,
                  verify(leaf, cases[i].has_sub ? sub : NULL, cases[i].has_root ? root : NULL,
                         cases[i].use, cases[i].now_s, &error) == cases[i].err);
    assert_int_equal(verify(sub, NULL, root, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
    assert_int_equal(verify(leaf, root, sub, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
}

static void another_root_of_the_same_name_is_another(void **state)
{
    (void)state;
    char pem[PEM_MAX];
    struct phi_error error;
    struct phi_sm2_private *key = NULL;
    const struct phi_certificate_terms terms = ca_terms(1, 0);
    assert_int_equal(phi_sm2_private_generate(&key), PHI_OK);
    assert_int_equal(phi_certificate_root(key, &root_name, &terms, pem, sizeof(pem), &error),
                     PHI_OK);
    struct phi_certificate *other = read_pem(pem);
    assert_int_equal(verify(leaf, sub, other, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
    phi_certificate_free(other);
    phi_sm2_private_free(key);
}

static void a_path_longer_than_allowed(void **state)
{
    (void)state;
    struct phi_error error;
    char pem[PEM_MAX];
    struct phi_certificate *narrow = root_again(0, 0);
    const struct phi_certificate_terms terms = ca_terms(0, 0);
    assert_int_equal(verify(leaf, sub, narrow, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
    assert_string_equal(error.text, "path length constraint exceeded");
    assert_int_equal(phi_certificate_issue(narrow, root_key, phi_view_text(sub_request), &terms,
                                           pem, sizeof(pem), &error),
                     PHI_ERR_KEY);
    phi_certificate_free(narrow);
}

static void a_ca_limited_to_other_uses(void **state)
{
    (void)state;
    struct phi_error error;
    char pem[PEM_MAX];
    const struct phi_certificate_terms limited_terms = ca_terms(0, USE(RECEIPT) | USE(DIRECTORY));
    const struct phi_certificate_terms code = leaf_terms(USE(CODE)),
                                       receipt = leaf_terms(USE(RECEIPT));
    struct phi_certificate *limited = issued(root, root_key, sub_request, &limited_terms);
    assert_int_equal(verify(leaf, limited, root, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
    assert_string_equal(error.text, "a CA for other uses");
    assert_int_equal(phi_certificate_issue(limited, sub_key, phi_view_text(leaf_request), &code,
                                           pem, sizeof(pem), &error),
                     PHI_ERR_KEY);
    struct phi_certificate *fitting = issued(limited, sub_key, leaf_request, &receipt);
    assert_int_equal(verify(fitting, limited, root, PHI_CERTIFICATE_RECEIPT, NOW, &error), PHI_OK);
    phi_certificate_free(fitting);
    phi_certificate_free(limited);
}

/* The CA's key and name in a certificate that is none of a CA. */
static void a_leaf_certifies_nothing(void **state)
{
    (void)state;
    struct phi_error error;
    char pem[PEM_MAX];
    const struct phi_certificate_terms terms = leaf_terms(USE(CODE));
    struct phi_certificate *no_ca = issued(root, root_key, sub_request, &terms);
    assert_int_equal(verify(leaf, no_ca, root, PHI_CERTIFICATE_CODE, NOW, &error), PHI_ERR_KEY);
    assert_int_equal(phi_certificate_issue(no_ca, sub_key, phi_view_text(leaf_request), &terms, pem,
                                           sizeof(pem), &error),
                     PHI_ERR_KEY);
    assert_string_equal(error.text, "not a CA");
    phi_certificate_free(no_ca);
}

struct asked {
    enum phi_certificate_status of_leaf;
    enum phi_certificate_status of_ca;
    size_t count;
};

static enum phi_certificate_status answer(void *context, const struct phi_certificate_info *info)
{
    struct asked *asked = context;
    asked->count++;
    return info->is_ca ? asked->of_ca : asked->of_leaf;
}

static void the_list_has_the_last_word(void **state)
{
    (void)state;
    static const struct {
        enum phi_certificate_status of_leaf;
        enum phi_certificate_status of_ca;
        const char *text;
    } cases[] = {
        {PHI_CERTIFICATE_GOOD, PHI_CERTIFICATE_GOOD, NULL},
        {PHI_CERTIFICATE_REVOKED, PHI_CERTIFICATE_GOOD, "revoked"},
        {PHI_CERTIFICATE_SUSPENDED, PHI_CERTIFICATE_GOOD, "suspended"},
        {PHI_CERTIFICATE_UNLISTED, PHI_CERTIFICATE_GOOD, "not in the trust list"},
        {PHI_CERTIFICATE_GOOD, PHI_CERTIFICATE_REVOKED, "revoked"},
        {PHI_CERTIFICATE_GOOD, PHI_CERTIFICATE_UNLISTED, "not in the trust list"},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        struct phi_error error;
        struct asked asked = {cases[i].of_leaf, cases[i].of_ca, 0};
        const struct phi_certificate *roots[] = {root}, *others[] = {sub};
        const struct phi_certificate_check check = {.use = PHI_CERTIFICATE_CODE,
                                                    .now_s = NOW,
                                                    .roots = roots,
                                                    .root_count = 1,
                                                    .others = others,
                                                    .other_count = 1,
                                                    .status = answer,
                                                    .context = &asked};
        enum phi_err err = phi_certificate_verify(leaf, &check, &error);
        assert_int_equal(err, cases[i].text == NULL ? PHI_OK : PHI_ERR_KEY);
        if (cases[i].text != NULL)
            assert_string_equal(error.text, cases[i].text);
        else
            assert_int_equal(asked.count, 2);
    }
}

static void what_a_certificate_says(void **state)
{
    (void)state;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const struct phi_certificate_info *info = phi_certificate_info(leaf);
    phi_sm2_private_public(leaf_key, xy);
    assert_memory_equal(info->public_key, xy, sizeof(xy));
    assert_string_equal(info->subject, "CN=320000 code 1,O=江苏省平台,C=CN");
    assert_string_equal(info->issuer, "CN=320000 CA,O=江苏省平台,C=CN");
    assert_int_equal(strlen(info->serial), 32);
    assert_int_equal(info->from_s, NOW - DAY);
    assert_int_equal(info->to_s, NOW + 10 * DAY);
    assert_false(info->is_ca);
    assert_int_equal(info->uses, USE(CODE));
    info = phi_certificate_info(sub);
    assert_true(info->is_ca);
    assert_int_equal(info->path_len, 0);
    assert_int_equal(info->uses, 0);
    assert_int_equal(phi_certificate_info(root)->path_len, 1);
    assert_string_not_equal(info->serial, phi_certificate_info(root)->serial);
}

static void many_uses_in_one(void **state)
{
    (void)state;
    struct phi_error error;
    const struct phi_certificate_terms terms = leaf_terms(USE(ENCRYPTION) | USE(ANSWER));
    struct phi_certificate *both = issued(sub, sub_key, leaf_request, &terms);
    for (int use = PHI_CERTIFICATE_CODE; use < PHI_CERTIFICATE_USE_END; use++) {
        bool is_good = use == PHI_CERTIFICATE_ENCRYPTION || use == PHI_CERTIFICATE_ANSWER;
        assert_int_equal(verify(both, sub, root, (enum phi_certificate_use)use, NOW, &error),
                         is_good ? PHI_OK : PHI_ERR_KEY);
    }
    phi_certificate_free(both);
}

static void a_certificate_ends_with_its_ca(void **state)
{
    (void)state;
    struct phi_certificate_terms terms = leaf_terms(USE(CODE));
    terms.to_s = NOW + 1000 * DAY;
    struct phi_certificate *bounded = issued(sub, sub_key, leaf_request, &terms);
    assert_int_equal(phi_certificate_info(bounded)->to_s, NOW + 100 * DAY);
    phi_certificate_free(bounded);
}

static void terms_that_are_refused(void **state)
{
    (void)state;
    struct {
        const char *name;
        struct phi_certificate_terms terms;
        enum phi_err err;
    } cases[] = {
        {"no use", leaf_terms(0), PHI_ERR_FIELD_VALUE},
        {"a use beyond", leaf_terms(1u << PHI_CERTIFICATE_USE_END), PHI_ERR_FIELD_VALUE},
        {"use 0", leaf_terms(1), PHI_ERR_FIELD_VALUE},
        {"backwards", leaf_terms(USE(CODE)), PHI_ERR_FIELD_VALUE},
        {"before the CA", leaf_terms(USE(CODE)), PHI_ERR_KEY},
        {"after the CA", leaf_terms(USE(CODE)), PHI_ERR_KEY},
        {"a CA below path 0", ca_terms(0, 0), PHI_ERR_KEY},
        {"path -2", ca_terms(-2, 0), PHI_ERR_FIELD_VALUE},
    };
    cases[3].terms.to_s = cases[3].terms.from_s - 1;
    cases[4].terms.from_s = NOW - 11 * DAY;
    cases[5].terms.from_s = cases[5].terms.to_s = NOW + 101 * DAY;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        char pem[PEM_MAX];
        struct phi_error error;
        phi_check(cases[i].name,
                  phi_certificate_issue(sub, sub_key, phi_view_text(leaf_request), &cases[i].terms,
                                        pem, sizeof(pem), &error) == cases[i].err);
    }
    char pem[PEM_MAX];
    const struct phi_certificate_terms terms = leaf_terms(USE(CODE));
    assert_int_equal(phi_certificate_issue(sub, root_key, phi_view_text(leaf_request), &terms, pem,
                                           sizeof(pem), NULL),
                     PHI_ERR_KEY);
    assert_int_equal(
        phi_certificate_issue(sub, sub_key, phi_view_text(leaf_request), &terms, pem, 64, NULL),
        PHI_ERR_KEY);
}

static void names_that_are_refused(void **state)
{
    (void)state;
    char pem[PEM_MAX], long_name[66];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const struct phi_certificate_name names[] = {
        {"", "a"}, {"a", ""}, {"a", long_name}, {long_name, "a"}, {"a", "\xff\xfe"}};
    for (size_t i = 0; i < PHI_COUNT(names); i++)
        assert_int_equal(phi_certificate_request(leaf_key, &names[i], pem, sizeof(pem), NULL),
                         PHI_ERR_FIELD_VALUE);
}

/* Bytes of the PEM's body as DER. */
static size_t der_of(const char *pem, uint8_t *der)
{
    char body[PEM_MAX];
    size_t len = 0, got = 0;
    const char *at = strchr(pem, '\n') + 1;
    for (; *at != '-'; at++)
        if (*at != '\n')
            body[len++] = *at;
    body[len] = '\0';
    assert_int_equal(phi_base64_decode(phi_view_text(body), der, PEM_MAX, &got), PHI_OK);
    return got;
}

static void der_is_as_good_and_nothing_may_follow(void **state)
{
    (void)state;
    uint8_t der[PEM_MAX];
    size_t len = der_of(leaf_pem, der);
    struct phi_certificate *same = NULL;
    assert_int_equal(phi_certificate_read(phi_view_of(der, len), &same, NULL), PHI_OK);
    assert_string_equal(phi_certificate_info(same)->serial, phi_certificate_info(leaf)->serial);
    phi_certificate_free(same);
    same = NULL;
    der[len] = 0;
    assert_int_equal(phi_certificate_read(phi_view_of(der, len + 1), &same, NULL), PHI_ERR_KEY);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(phi_certificate_read(phi_view_of(der, cut), &same, NULL), PHI_ERR_KEY);
    assert_null(same);
}

/* One bit anywhere: not read, or not believed. */
static void a_changed_bit_is_seen(void **state)
{
    (void)state;
    uint8_t der[PEM_MAX];
    size_t len = der_of(leaf_pem, der);
    for (size_t at = 0; at < len; at++) {
        struct phi_certificate *changed = NULL;
        der[at] ^= (uint8_t)(1u << at % 8);
        if (phi_certificate_read(phi_view_of(der, len), &changed, NULL) == PHI_OK &&
            verify(changed, sub, root, PHI_CERTIFICATE_CODE, NOW, NULL) == PHI_OK)
            fail_msg("byte %zu", at);
        phi_certificate_free(changed);
        der[at] ^= (uint8_t)(1u << at % 8);
    }
}

static void what_is_not_read(void **state)
{
    (void)state;
    struct phi_certificate *none = NULL;
    struct phi_certificate_asked asked;
    struct phi_error error;
    const char *const broken[] = {"",
                                  "garbage",
                                  "-----BEGIN CERTIFICATE-----\n",
                                  leaf_request,
                                  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                  p256_certificate};
    for (size_t i = 0; i < PHI_COUNT(broken); i++)
        assert_int_equal(phi_certificate_read(phi_view_text(broken[i]), &none, &error),
                         PHI_ERR_KEY);
    assert_string_equal(error.text, "not signed with SM2 over SM3");
    assert_null(none);
    assert_int_equal(phi_certificate_request_read(phi_view_text(p256_request), &asked, &error),
                     PHI_ERR_KEY);
    assert_int_equal(phi_certificate_request_read(phi_view_text(leaf_pem), &asked, &error),
                     PHI_ERR_KEY);
}

static void a_request_proves_its_key(void **state)
{
    (void)state;
    uint8_t der[PEM_MAX], xy[PHI_SM2_PUBLIC_LEN];
    struct phi_certificate_asked asked;
    size_t len = der_of(leaf_request, der);
    assert_int_equal(phi_certificate_request_read(phi_view_of(der, len), &asked, NULL), PHI_OK);
    phi_sm2_private_public(leaf_key, xy);
    assert_memory_equal(asked.public_key, xy, sizeof(xy));
    assert_string_equal(asked.subject, "CN=320000 code 1,O=江苏省平台,C=CN");
    for (size_t at = 0; at < len; at++) {
        der[at] ^= 1;
        if (phi_certificate_request_read(phi_view_of(der, len), &asked, NULL) == PHI_OK)
            fail_msg("byte %zu", at);
        der[at] ^= 1;
    }
}

static void uses_have_names(void **state)
{
    (void)state;
    enum phi_certificate_use use;
    for (int i = PHI_CERTIFICATE_CODE; i < PHI_CERTIFICATE_USE_END; i++) {
        const char *name = phi_certificate_use_name((enum phi_certificate_use)i);
        assert_int_equal(phi_certificate_use_parse(name, &use), PHI_OK);
        assert_int_equal(use, i);
    }
    assert_int_equal(phi_certificate_use_parse("codes", &use), PHI_ERR_FIELD_VALUE);
    assert_int_equal(phi_certificate_use_parse("", &use), PHI_ERR_FIELD_VALUE);
}

static int make_chain(void **state)
{
    (void)state;
    struct phi_certificate_terms terms = ca_terms(1, 0);
    if (phi_sm2_private_generate(&root_key) != PHI_OK ||
        phi_sm2_private_generate(&sub_key) != PHI_OK ||
        phi_sm2_private_generate(&leaf_key) != PHI_OK ||
        phi_certificate_root(root_key, &root_name, &terms, root_pem, PEM_MAX, NULL) != PHI_OK ||
        phi_certificate_read(phi_view_text(root_pem), &root, NULL) != PHI_OK ||
        phi_certificate_request(sub_key, &sub_name, sub_request, PEM_MAX, NULL) != PHI_OK ||
        phi_certificate_request(leaf_key, &leaf_name, leaf_request, PEM_MAX, NULL) != PHI_OK)
        return -1;
    terms = ca_terms(0, 0);
    if (phi_certificate_issue(root, root_key, phi_view_text(sub_request), &terms, sub_pem, PEM_MAX,
                              NULL) != PHI_OK ||
        phi_certificate_read(phi_view_text(sub_pem), &sub, NULL) != PHI_OK)
        return -1;
    terms = leaf_terms(USE(CODE));
    if (phi_certificate_issue(sub, sub_key, phi_view_text(leaf_request), &terms, leaf_pem, PEM_MAX,
                              NULL) != PHI_OK)
        return -1;
    return phi_certificate_read(phi_view_text(leaf_pem), &leaf, NULL) == PHI_OK ? 0 : -1;
}

static int drop_chain(void **state)
{
    (void)state;
    phi_certificate_free(root);
    phi_certificate_free(sub);
    phi_certificate_free(leaf);
    phi_sm2_private_free(root_key);
    phi_sm2_private_free(sub_key);
    phi_sm2_private_free(leaf_key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_holds_for_its_use_and_time),
        cmocka_unit_test(another_root_of_the_same_name_is_another),
        cmocka_unit_test(a_path_longer_than_allowed),
        cmocka_unit_test(a_ca_limited_to_other_uses),
        cmocka_unit_test(a_leaf_certifies_nothing),
        cmocka_unit_test(the_list_has_the_last_word),
        cmocka_unit_test(what_a_certificate_says),
        cmocka_unit_test(many_uses_in_one),
        cmocka_unit_test(a_certificate_ends_with_its_ca),
        cmocka_unit_test(terms_that_are_refused),
        cmocka_unit_test(names_that_are_refused),
        cmocka_unit_test(der_is_as_good_and_nothing_may_follow),
        cmocka_unit_test(a_changed_bit_is_seen),
        cmocka_unit_test(what_is_not_read),
        cmocka_unit_test(a_request_proves_its_key),
        cmocka_unit_test(uses_have_names),
    };
    return cmocka_run_group_tests(tests, make_chain, drop_chain);
}
