/* The minting policy: the file that is shipped, and each way in which one is wrong. */
#include "case.h"
#include "svc-codegen/policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD "{\"grantee\":\"g\",\"categories\":[\"c\"],\"operations\":[\"read\"]}"
#define SCENE_OF(scene, life, term, scope, once, more)                                             \
    "{\"scene\":" scene "," life ",\"termSeconds\":" term ",\"scope\":" scope                      \
    ",\"oneTime\":" once more "}"
#define SCENE(scene, life, term, scope, once)                                                      \
    SCENE_OF(scene, "\"lifeSeconds\":" life, term, scope, once, "")
#define PAPER(days) SCENE_OF("\"p\"", "\"paperDays\":" days, "60", "\"pass\"", "false", "")
#define MEDICAL(record)                                                                            \
    SCENE_OF("\"m\"", "\"lifeSeconds\":86400", "2592000", "\"medical\"", "true",                   \
             ",\"record\":" record)
#define GOOD SCENE("\"pass\"", "300", "86400", "\"pass\"", "false")
#define PROVINCE(region, version, ages)                                                            \
    "{\"region\":" region ",\"version\":" version ",\"controller\":\"k\",\"refreshSeconds\":10,"   \
    "\"ownAgeYears\":" ages ",\"mandateMaxDays\":366,\"applicationKeepDays\":90,"                  \
    "\"consentKeepDays\":1095,\"record\":" RECORD
#define FILE_OF(s) PROVINCE("\"320000\"", "1", "18") ",\"scenes\":[" s "]}"

static const struct {
    const char *name;
    const char *text;
    enum phi_err err;
    const char *place;
} cases[] = {
    {"one scene", FILE_OF(GOOD), PHI_OK, NULL},
    {"longest", FILE_OF(MEDICAL(RECORD)), PHI_OK, NULL},
    {"paper", FILE_OF(PAPER("{\"min\":1,\"max\":30,\"default\":7}")), PHI_OK, NULL},
    {"not JSON", "{", PHI_ERR_CONFIG, "$"},
    {"empty", "", PHI_ERR_CONFIG, "$"},
    {"no scenes", FILE_OF(""), PHI_ERR_CONFIG, "$.scenes"},
    {"another region", PROVINCE("\"310000\"", "1", "18") ",\"scenes\":[" GOOD "]}", PHI_ERR_CONFIG,
     "$.region"},
    {"version 0", PROVINCE("\"320000\"", "0", "18") ",\"scenes\":[" GOOD "]}", PHI_ERR_CONFIG,
     "$.version"},
    {"an age of none", PROVINCE("\"320000\"", "1", "121") ",\"scenes\":[" GOOD "]}", PHI_ERR_CONFIG,
     "$.ownAgeYears"},
    {"unknown member", PROVINCE("\"320000\"", "1", "18") ",\"scenes\":[" GOOD "],\"x\":1}",
     PHI_ERR_CONFIG, "$.x"},
    {"no controller", "{\"region\":\"320000\",\"version\":1}", PHI_ERR_CONFIG, "$.controller"},
    {"scene twice", FILE_OF(GOOD "," GOOD), PHI_ERR_CONFIG, "$.scenes[1].scene"},
    {"scene with a blank", FILE_OF(SCENE("\"a b\"", "1", "1", "\"pass\"", "true")), PHI_ERR_CONFIG,
     "$.scenes[0].scene"},
    {"no life", FILE_OF(SCENE("\"a\"", "0", "1", "\"pass\"", "true")), PHI_ERR_CONFIG,
     "$.scenes[0].lifeSeconds"},
    {"too long a life", FILE_OF(SCENE("\"a\"", "86401", "1", "\"pass\"", "true")), PHI_ERR_CONFIG,
     "$.scenes[0].lifeSeconds"},
    {"too long a term", FILE_OF(SCENE("\"a\"", "1", "2592001", "\"pass\"", "true")), PHI_ERR_CONFIG,
     "$.scenes[0].termSeconds"},
    {"a life with a fraction", FILE_OF(SCENE("\"a\"", "1.5", "1", "\"pass\"", "true")),
     PHI_ERR_CONFIG, "$.scenes[0].lifeSeconds"},
    {"paper of no day", FILE_OF(PAPER("{\"min\":0,\"max\":30}")), PHI_ERR_CONFIG,
     "$.scenes[0].paperDays.min"},
    {"paper of 31 days", FILE_OF(PAPER("{\"min\":1,\"max\":31}")), PHI_ERR_CONFIG,
     "$.scenes[0].paperDays.max"},
    {"paper the wrong way round", FILE_OF(PAPER("{\"min\":7,\"max\":6}")), PHI_ERR_CONFIG,
     "$.scenes[0].paperDays.max"},
    {"paper that lives longer unasked", FILE_OF(PAPER("{\"min\":1,\"max\":6,\"default\":7}")),
     PHI_ERR_CONFIG, "$.scenes[0].paperDays.default"},
    {"paper with seconds", FILE_OF(PAPER("{\"min\":1,\"max\":2,\"default\":1},\"lifeSeconds\":5")),
     PHI_ERR_CONFIG, "$.scenes[0].lifeSeconds"},
    {"unknown scope", FILE_OF(SCENE("\"a\"", "1", "1", "\"self\"", "true")), PHI_ERR_CONFIG,
     "$.scenes[0].scope"},
    {"one-time a text", FILE_OF(SCENE("\"a\"", "1", "1", "\"pass\"", "\"true\"")), PHI_ERR_CONFIG,
     "$.scenes[0].oneTime"},
    {"medical without a record", FILE_OF(SCENE("\"a\"", "1", "1", "\"medical\"", "true")),
     PHI_ERR_CONFIG, "$.scenes[0].record"},
    {"a record for nobody", FILE_OF(MEDICAL("{\"categories\":[\"c\"],\"operations\":[\"r\"]}")),
     PHI_ERR_CONFIG, "$.scenes[0].record.grantee"},
    {"a record of nothing",
     FILE_OF(MEDICAL("{\"grantee\":\"g\",\"categories\":[],\"operations\":[\"r\"]}")),
     PHI_ERR_CONFIG, "$.scenes[0].record.categories"},
};

static enum phi_err read_text(const char *text, struct policy *out, struct phi_error *error)
{
    char path[] = "/tmp/phi-policy.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    enum phi_err err = policy_read(path, "320000", out, error);
    unlink(path);
    return err;
}

static void files_have_their_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        static struct policy policy;
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err = read_text(cases[i].text, &policy, &error);
        if (err != cases[i].err)
            fail_msg("case \"%s\": %s at %s", cases[i].name, phi_err_name(err), error.place);
        if (err != PHI_OK && strcmp(error.place, cases[i].place) != 0)
            fail_msg("case \"%s\": at %s", cases[i].name, error.place);
    }
}

static void the_shipped_policy_is_read(void **state)
{
    (void)state;
    static struct policy policy;
    struct phi_error error;
    assert_int_equal(policy_read(POLICY_FOLDER "/320000.json", "320000", &policy, &error), PHI_OK);
    const struct policy_scene *brief = policy_find(&policy, "pass-brief");
    assert_non_null(brief);
    assert_int_equal(brief->life_s, 5);
    assert_int_equal(brief->scope, PHI_SCOPE_PASS);
    const struct policy_scene *medical = policy_find(&policy, "medical");
    assert_non_null(medical);
    assert_true(medical->is_one_time);
    assert_int_equal(medical->scope, PHI_SCOPE_MEDICAL);
    assert_true(medical->has_record);
    assert_string_equal(medical->record.operations[0], "read");
    const struct policy_scene *paper = policy_find(&policy, "paper");
    assert_non_null(paper);
    assert_int_equal(paper->paper_max_days, 30);
    assert_int_equal(paper->paper_default_days, 7);
    assert_int_equal(policy.refresh_s, 10);
    assert_int_equal(policy.own_age_years, 18);
    assert_null(policy_find(&policy, "none"));
    assert_null(policy_find(&policy, ""));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    static struct policy policy;
    struct phi_error error;
    char *long_text = malloc(64 * 1024 + 2);
    assert_non_null(long_text);
    memset(long_text, ' ', 64 * 1024 + 1);
    long_text[64 * 1024 + 1] = '\0';
    assert_int_equal(policy_read("/nonexistent", "320000", &policy, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "PHI_POLICY_FILE");
    assert_int_equal(read_text(long_text, &policy, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "PHI_POLICY_FILE");
    free(long_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_have_their_form),
        cmocka_unit_test(the_shipped_policy_is_read),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
