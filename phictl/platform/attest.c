/* phictl platform attest: a testing institution signs what the conformance checker found. */
#include "base/text.h"
#include "base/time.h"
#include "crypto/key.h"
#include "crypto/sm3.h"
#include "json/canonical.h"
#include "json/json.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdlib.h>
#include <string.h>

#define REPORT_MAX (64 * 1024 * 1024)
#define ARENA_MAX  (1024 * 1024)

static int64_t count_of(const json_t *report, const char *outcome)
{
    const json_t *count = json_object_get(json_object_get(report, "counts"), outcome);
    return json_is_integer(count) ? json_integer_value(count) : -1;
}

static enum phi_err counts(const json_t *report, json_t *into, struct phi_error *error)
{
    static const char *const outcomes[] = {"passed", "failed", "skipped"};
    for (size_t i = 0; i < CTL_COUNT(outcomes); i++) {
        int64_t count = count_of(report, outcomes[i]);
        if (count < 0)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--report",
                                 "not a report of tests/conformance/run --json");
        json_object_set_new(into, outcomes[i], json_integer(count));
    }
    return PHI_OK;
}

static enum phi_err statement_of(const struct ctl_args *args, struct phi_view bytes,
                                 const char *key_serial, json_t **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    char hex[2 * PHI_SM3_LEN + 1], now[PHI_RFC3339_MAX];
    json_t *report = json_loadb((const char *)bytes.data, bytes.len, 0, NULL);
    json_t *statement = NULL;
    if (report == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_JSON, "--report", "not JSON"));
    PHI_GUARD(phi_sm3(bytes, digest));
    phi_hex_encode(phi_view_of(digest, sizeof(digest)), hex);
    phi_rfc3339_format(phi_clock_now_us(NULL), now);
    statement = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "phi-test-report-1", "region",
                          ctl_get(args, "region"), "institution", ctl_get(args, "institution"),
                          "keySerial", key_serial, "testedAt", now, "reportDigest", hex);
    PHI_GUARD(statement == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(counts(report, statement, error));
    *out = json_incref(statement);
out:
    json_decref(statement);
    json_decref(report);
    return err;
}

/* What was signed, without the members that who reads it knows anyhow. */
static enum phi_err sign(json_t *statement, const struct phi_sm2_private *key,
                         struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    uint8_t signature[PHI_SM2_SIG_LEN];
    char text[PHI_BASE64_LEN(PHI_SM2_SIG_LEN) + 1];
    PHI_GUARD(phi_json_canonical(statement, arena, &bytes));
    PHI_GUARD(phi_sm2_sign(key, bytes, signature));
    phi_base64_encode(phi_view_of(signature, sizeof(signature)), text);
    json_object_set_new(statement, "signature", json_string(text));
    json_object_del(statement, "type");
    json_object_del(statement, "region");
out:
    return err;
}

static int run(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    uint8_t *report = NULL, xy[PHI_SM2_PUBLIC_LEN];
    char serial[PHI_KEY_ID_LEN + 1], *text = NULL;
    size_t len = 0;
    json_t *statement = NULL;
    struct phi_sm2_private *key = NULL;
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(ctl_read_key(args, "key", &key, &error));
    phi_sm2_private_public(key, xy);
    PHI_GUARD(phi_key_id_of(xy, serial));
    PHI_GUARD(ctl_read_all(ctl_get(args, "report"), REPORT_MAX, &report, &len, &error));
    PHI_GUARD(statement_of(args, phi_view_of(report, len), serial, &statement, &error));
    PHI_GUARD(sign(statement, key, arena));
    text = json_dumps(statement, JSON_INDENT(1));
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(ctl_write_new(ctl_get(args, "out"), 0644, text, &error));
out:
    free(text);
    free(report);
    json_decref(statement);
    phi_sm2_private_free(key);
    phi_arena_free(arena);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "report",
     .value = "FILE",
     .is_required = true,
     .text = "the report of tests/conformance/run --json"},
    {.name = "region",
     .value = "CODE",
     .is_required = true,
     .text = "the platform that was tested, six digits"},
    {.name = "institution",
     .value = "ID",
     .is_required = true,
     .text = "the testing institution: an app registered with the role testing"},
    {.name = "key", .value = "FILE", .is_required = true, .text = "its SM2 key"},
    CTL_PASSWORD,
    {.name = "out", .value = "FILE", .is_required = true, .text = "the statement to write"},
};

const struct ctl_command ctl_platform_attest = {
    .group = "platform",
    .verb = "attest",
    .about = "sign, as a testing institution, what the conformance checker found",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run};
