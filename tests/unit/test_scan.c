/* libphi_scan, by its own header only: every code of the vectors layer by layer, lists and filters
 * that are good and that are not. What signs here is the suite's; the library shares nothing of
 * it. */
#include "vector_file.h"

#include "codes/filter.h"
#include "codes/jkm1.h"
#include "crypto/key.h"
#include "json/canonical.h"

#include "phi_scan.h"

#include <dirent.h>

#define CASES_MIN 60
#define NOW       INT64_C(1795219200) /* the vectors' usual clock */

static struct phi_sm2_private *owner, *revoker;
static uint8_t owner_xy[PHI_SM2_PUBLIC_LEN], revoker_xy[PHI_SM2_PUBLIC_LEN];
static char revoker_serial[17];

static int set_up(void **state)
{
    (void)state;
    if (phi_sm2_private_generate(&owner) != PHI_OK || phi_sm2_private_generate(&revoker) != PHI_OK)
        return -1;
    phi_sm2_private_public(owner, owner_xy);
    phi_sm2_private_public(revoker, revoker_xy);
    return phi_key_id_of(revoker_xy, revoker_serial) != PHI_OK;
}

static int tear_down(void **state)
{
    (void)state;
    phi_sm2_private_free(owner);
    phi_sm2_private_free(revoker);
    return 0;
}

/* The answer of GET /v1/trust-list; `version` is what it says outside the value. */
static char *signed_list(const json_t *list, int64_t version, const struct phi_sm2_private *key)
{
    struct phi_view value;
    uint8_t sig[PHI_SM2_SIG_LEN];
    char base64[PHI_BASE64_LEN(PHI_SM2_SIG_LEN) + 1], number[24];
    assert_int_equal(phi_json_canonical(list, vector_arena, &value), PHI_OK);
    char *text = phi_arena_text(vector_arena, value);
    char *message = phi_arena_alloc(vector_arena, value.len + 100);
    snprintf(number, sizeof(number), "%lld", (long long)version);
    snprintf(message, value.len + 100, "phi.registry\ntrust-list\n%s\n%s", number, text);
    assert_int_equal(phi_sm2_sign(key, phi_view_text(message), sig), PHI_OK);
    phi_base64_encode(phi_view_of(sig, sizeof(sig)), base64);
    json_t *answer = json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s}}", "resultCode", "0000", "data",
                               "topic", "phi.registry", "key", "trust-list", "version", number,
                               "value", text, "signature", base64);
    char *out = json_dumps(answer, 0);
    json_decref(answer);
    return out;
}

static int load_list(struct phi_scan *scan, const json_t *list, const struct phi_sm2_private *key)
{
    char *json = signed_list(list, vector_int(list, "version"), key);
    int result = phi_scan_load_trust_list(scan, json, strlen(json), NOW);
    free(json);
    return result;
}

static struct phi_scan *scan_of(const json_t *list)
{
    struct phi_scan *scan = phi_scan_new(owner_xy);
    assert_non_null(scan);
    assert_int_equal(load_list(scan, list, owner), PHI_SCAN_GOOD);
    return scan;
}

/* The vectors' list with our key for revocations of 320000. */
static json_t *list_with_revoker(const json_t *file)
{
    char hex[2 * PHI_SM2_PUBLIC_LEN + 1];
    size_t i;
    json_t *platform, *list = json_deep_copy(json_object_get(file, "trustList"));
    phi_hex_encode(phi_view_of(revoker_xy, sizeof(revoker_xy)), hex);
    json_array_foreach(json_object_get(list, "platforms"), i, platform)
    {
        if (strcmp(vector_text(platform, "id"), "320000") == 0)
            json_array_append_new(json_object_get(platform, "keys"),
                                  json_pack("{s:s, s:s, s:s, s:s}", "use", "revocation", "serial",
                                            revoker_serial, "public", hex, "from",
                                            "2020-01-01T08:00:00+08:00"));
    }
    return list;
}

static int check(const struct phi_scan *scan, const json_t *file, int64_t now_s,
                 struct phi_scan_verdict *out)
{
    const json_t *layers = json_object_get(file, "layers");
    if (json_is_null(json_object_get(layers, "text"))) {
        struct phi_view bytes = vector_bytes(layers, "bytes");
        return phi_scan_check_bytes(scan, bytes.data, bytes.len, now_s, out, sizeof(*out));
    }
    struct phi_view text = vector_view(layers, "text");
    return phi_scan_check_text(scan, (const char *)text.data, text.len, now_s, out, sizeof(*out));
}

static void layer_is(const json_t *expect, const char *name, int found)
{
    const char *wanted = json_string_value(json_object_get(expect, name));
    if (strcmp(phi_scan_result_name(found), wanted ? wanted : "not_reached") != 0)
        fail_msg("%s: %s instead of %s", name, phi_scan_result_name(found),
                 wanted ? wanted : "not_reached");
}

static void check_case(const json_t *file)
{
    const json_t *expect = json_object_get(file, "expect");
    struct phi_scan_verdict found;
    if (json_is_null(json_object_get(expect, "verdict")))
        return;
    struct phi_scan *scan = scan_of(json_object_get(file, "trustList"));
    int result = check(scan, file, vector_int(file, "clockS"), &found);
    assert_int_equal(result, found.result);
    layer_is(expect, "text", found.text);
    layer_is(expect, "form", found.form);
    layer_is(expect, "platform", found.platform);
    layer_is(expect, "signature", found.signature);
    if (!json_is_null(json_object_get(expect, "place")))
        assert_string_equal(found.place, vector_text(expect, "place"));
    assert_int_equal(found.unseen & 15, 15);
    const char *sealed = json_string_value(json_object_get(expect, "sealed"));
    if (sealed == NULL || strcmp(sealed, "code_malformed") != 0) { /* that, no scanner can see */
        const char *verdict = vector_text(expect, "verdict");
        bool is_good = strcmp(verdict, "issuer") == 0 || strcmp(verdict, "ok") == 0;
        layer_is(expect, "deadline", found.deadline);
        assert_string_equal(phi_scan_result_name(result), is_good ? "ok" : verdict);
        assert_int_equal(found.revocation, is_good ? PHI_SCAN_UNSEEN : PHI_SCAN_NOT_REACHED);
    }
    phi_scan_free(scan);
}

static void every_case(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *folder = opendir(PHI_VECTORS "/codes");
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char path[300];
        if (strstr(entry->d_name, ".json") == NULL)
            continue;
        snprintf(path, sizeof(path), "codes/%s", entry->d_name);
        json_t *file = vector_open(path);
        vector_name(file);
        check_case(file);
        vector_close(file);
        count++;
    }
    closedir(folder);
    assert_true(count >= CASES_MIN);
}

static void lists_that_are_none(void **state)
{
    (void)state;
    json_t *file = vector_open("codes/good-pass.json");
    json_t *list = json_deep_copy(json_object_get(file, "trustList"));
    struct phi_scan *scan = phi_scan_new(owner_xy);
    struct phi_scan_verdict verdict;
    assert_int_equal(check(scan, file, NOW, &verdict), PHI_SCAN_NO_LIST);
    assert_int_equal(load_list(scan, list, revoker), PHI_SCAN_FORGED);
    assert_int_equal(phi_scan_load_trust_list(scan, "{}", 2, NOW), PHI_SCAN_FORM);
    assert_int_equal(phi_scan_load_trust_list(scan, "", 0, NOW), PHI_SCAN_FORM);
    assert_int_equal(phi_scan_load_trust_list(scan, "[1", 2, NOW), PHI_SCAN_FORM);
    char *json = signed_list(list, 77, owner); /* a version that is not the value's */
    assert_int_equal(phi_scan_load_trust_list(scan, json, strlen(json), NOW), PHI_SCAN_FORM);
    free(json);
    json_object_set_new(list, "version", json_integer(7));
    assert_int_equal(load_list(scan, list, owner), PHI_SCAN_GOOD);
    json_object_set_new(list, "version", json_integer(6));
    assert_int_equal(load_list(scan, list, owner), PHI_SCAN_OLDER);
    json_object_set_new(list, "version", json_integer(8));
    json_object_set_new(list, "platforms", json_integer(8));
    assert_int_equal(load_list(scan, list, owner), PHI_SCAN_FORM);
    assert_int_equal(check(scan, file, NOW, &verdict), PHI_SCAN_GOOD); /* the one before stays */
    phi_scan_free(scan);
    memset(owner_xy + 32, 1, 32);
    assert_null(phi_scan_new(owner_xy)); /* no point of the curve */
    phi_sm2_private_public(owner, owner_xy);
    json_decref(list);
    vector_close(file);
}

static struct phi_view filter_of(const uint8_t *id, uint64_t sequence, int64_t until_s,
                                 const struct phi_sm2_private *key)
{
    static const struct phi_filter_range range = {
        .platform = "320000", .key_set = 2, .from_s = 0, .until_s = INT64_MAX};
    struct phi_view bytes = {0};
    const struct phi_filter_contents contents = {.platform = "320000",
                                                 .sequence = sequence,
                                                 .issued_s = NOW - 60,
                                                 .not_after_s = until_s,
                                                 .ranges = &range,
                                                 .range_count = 1,
                                                 .ids = (const uint8_t(*)[16])id,
                                                 .id_count = 1};
    assert_int_equal(phi_filter_write(&contents, key, revoker_serial, vector_arena, &bytes),
                     PHI_OK);
    return bytes;
}

static int load(struct phi_scan *scan, struct phi_view bytes, const char *platform)
{
    return phi_scan_load_filter(scan, bytes.data, bytes.len, platform, NOW);
}

static void filters_that_are_none(struct phi_scan *scan, const uint8_t *id, struct phi_view good)
{
    uint8_t *bytes = malloc(good.len);
    assert_int_equal(load(scan, filter_of(id, 5, NOW + 60, owner), "320000"), PHI_SCAN_FORGED);
    assert_int_equal(load(scan, good, "330000"), PHI_SCAN_FORGED);
    assert_int_equal(load(scan, filter_of(id, 5, NOW - 1, revoker), "320000"), PHI_SCAN_OVER);
    for (size_t len = 0; len < good.len; len += len < 200 ? 1 : 997)
        assert_int_equal(load(scan, phi_view_of(good.data, len), "320000"), PHI_SCAN_FORM);
    for (size_t at = 0; at < good.len; at += at < 100 ? 1 : 331) {
        memcpy(bytes, good.data, good.len);
        bytes[at] ^= 1;
        assert_int_not_equal(load(scan, phi_view_of(bytes, good.len), "320000"), PHI_SCAN_GOOD);
    }
    free(bytes);
}

static void revoked_and_not(void **state)
{
    (void)state;
    json_t *file = vector_open("codes/good-pass.json");
    json_t *list = list_with_revoker(file);
    struct phi_scan *scan = phi_scan_new(owner_xy);
    struct phi_scan_verdict verdict;
    uint8_t other[16] = {1, 2, 3};
    const uint8_t *id = vector_bytes(json_object_get(file, "layers"), "revocationId").data;
    struct phi_view good = filter_of(id, 5, NOW + 60, revoker);
    assert_int_equal(load(scan, good, "320000"), PHI_SCAN_NO_LIST);
    assert_int_equal(load_list(scan, list, owner), PHI_SCAN_GOOD);
    filters_that_are_none(scan, id, good);
    assert_int_equal(check(scan, file, NOW, &verdict), PHI_SCAN_GOOD);
    assert_int_equal(load(scan, good, "320000"), PHI_SCAN_GOOD);
    assert_int_equal(check(scan, file, NOW, &verdict), PHI_SCAN_CODE_REVOKED);
    assert_int_equal(verdict.filter_age_s, 60);
    assert_false(verdict.unseen & PHI_SCAN_UNSEEN_REVOCATION);
    assert_int_equal(load(scan, filter_of(other, 4, NOW + 60, revoker), "320000"), PHI_SCAN_OLDER);
    assert_int_equal(load(scan, filter_of(other, 6, NOW + 60, revoker), "320000"), PHI_SCAN_GOOD);
    assert_int_equal(check(scan, file, NOW, &verdict), PHI_SCAN_GOOD);
    assert_int_equal(verdict.revocation, PHI_SCAN_GOOD);
    assert_int_equal(check(scan, file, NOW + 61, &verdict), PHI_SCAN_GOOD); /* filter too old */
    assert_int_equal(verdict.revocation, PHI_SCAN_UNSEEN);
    assert_true(verdict.unseen & PHI_SCAN_UNSEEN_REVOCATION);
    json_t *second = json_load_file(PHI_VECTORS "/codes/good-key-set-2.json", 0, NULL);
    assert_int_equal(check(scan, second, NOW, &verdict), PHI_SCAN_CODE_REVOKED);
    json_decref(second);
    phi_scan_free(scan);
    json_decref(list);
    vector_close(file);
}

static void clocks_that_are_off(void **state)
{
    (void)state;
    json_t *file = vector_open("codes/deadline-now.json");
    struct phi_scan *scan = scan_of(json_object_get(file, "trustList"));
    struct phi_scan_verdict verdict;
    int64_t now_s = vector_int(file, "clockS");
    assert_int_equal(check(scan, file, now_s, &verdict), PHI_SCAN_GOOD);
    int64_t deadline_s = verdict.deadline_s;
    assert_int_equal(check(scan, file, deadline_s + 1, &verdict), PHI_SCAN_CODE_EXPIRED);
    assert_int_equal(phi_scan_set_clock_skew(scan, 301), PHI_SCAN_ARGUMENT);
    assert_int_equal(phi_scan_set_clock_skew(scan, -1), PHI_SCAN_ARGUMENT);
    assert_int_equal(phi_scan_set_clock_skew(scan, 30), PHI_SCAN_GOOD);
    assert_int_equal(check(scan, file, deadline_s + 30, &verdict), PHI_SCAN_GOOD);
    assert_int_equal(check(scan, file, deadline_s + 31, &verdict), PHI_SCAN_CODE_EXPIRED);
    phi_scan_free(scan);
    vector_close(file);
}

/* A caller that was built with an older, shorter or with a longer verdict. */
static void verdicts_of_other_sizes(void **state)
{
    (void)state;
    json_t *file = vector_open("codes/good-pass.json");
    struct phi_scan *scan = scan_of(json_object_get(file, "trustList"));
    struct {
        struct phi_scan_verdict verdict;
        char more[16];
    } wide;
    struct phi_view text = vector_view(json_object_get(file, "layers"), "text");
    const char *at = (const char *)text.data;
    memset(&wide, 7, sizeof(wide));
    assert_int_equal(phi_scan_check_text(scan, at, text.len, NOW, &wide.verdict, 2 * sizeof(int)),
                     PHI_SCAN_GOOD);
    assert_int_equal(wide.verdict.form, 0x07070707);
    assert_int_equal(phi_scan_check_text(scan, at, text.len, NOW, &wide.verdict, sizeof(wide)),
                     PHI_SCAN_GOOD);
    assert_int_equal(wide.more[15], 0);
    assert_int_equal(phi_scan_check_text(scan, at, text.len, NOW, &wide.verdict, 1),
                     PHI_SCAN_ARGUMENT);
    assert_int_equal(phi_scan_check_text(NULL, at, text.len, NOW, &wide.verdict, sizeof(wide)),
                     PHI_SCAN_ARGUMENT);
    phi_scan_free(scan);
    vector_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case),
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(revoked_and_not),
        cmocka_unit_test(clocks_that_are_off),
        cmocka_unit_test(verdicts_of_other_sizes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
