#include "auth/record.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/key.h"
#include "json/json.h"
#include "phictl/code_input.h"
#include "phictl/code_judge.h"
#include "phictl/code_status.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX   (4 * 1024 * 1024)
#define LIST_ARENA (32 * 1024 * 1024)

/* What only the issuer can tell, whatever the list says. */
static const char *const unseen[] = {"sealed", "subject", "one-time use", "revocation"};

/* The signed list */

static enum phi_err pin(const char *given, struct phi_pinned_key *pinned,
                        struct phi_sm2_public **key, struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_public(given, xy, error));
    PHI_GUARD(phi_key_id_of(xy, pinned->key_serial));
    PHI_GUARD(phi_sm2_public_new(xy, key));
    pinned->key = *key;
out:
    return err;
}

static enum phi_err record_of(const json_t *data, struct phi_record *out, struct phi_error *error)
{
    const char *topic = json_string_value(json_object_get(data, "topic"));
    const char *key = json_string_value(json_object_get(data, "key"));
    const char *version = json_string_value(json_object_get(data, "version"));
    const char *serial = json_string_value(json_object_get(data, "keySerial"));
    const char *signature = json_string_value(json_object_get(data, "signature"));
    const char *value = json_string_value(json_object_get(data, "value"));
    int64_t number = 0;
    if (!topic || !key || !version || !serial || !signature || !value ||
        strcmp(topic, PHI_TRUST_TOPIC) != 0 || strcmp(key, PHI_TRUST_KEY) != 0 ||
        phi_text_to_i64(phi_view_text(version), 1, INT64_MAX, &number) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--trust-list",
                             "not a trust list as GET /v1/trust-list gives it");
    *out = (struct phi_record){.key = phi_view_text(key),
                               .version = (uint64_t)number,
                               .value = phi_view_text(value),
                               .key_serial = phi_view_text(serial),
                               .signature = phi_view_text(signature)};
    return PHI_OK;
}

static enum phi_err take_list(const json_t *file, const struct phi_pinned_key *pinned,
                              struct phi_arena *arena, struct phi_trust_list *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_record record = {.version = 0};
    const json_t *data = json_object_get(file, "data");
    PHI_GUARD(record_of(data != NULL ? data : file, &record, error));
    PHI_GUARD(phi_record_verify(PHI_TRUST_TOPIC, &record, pinned, 1, error));
    PHI_GUARD(phi_trust_decode(record.value, arena, out, error));
    if (out->version != record.version)
        err = phi_error_set(error, PHI_ERR_FIELD_VALUE, "--trust-list",
                            "the list's version is not the record's");
out:
    return err;
}

static enum phi_err read_list(const struct ctl_args *args, struct phi_arena *arena,
                              struct phi_trust_list *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_pinned_key pinned = {.key = NULL};
    struct phi_sm2_public *key = NULL;
    json_t *file = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    PHI_GUARD(pin(ctl_get(args, "trust-key"), &pinned, &key, error));
    PHI_GUARD(ctl_read_all(ctl_get(args, "trust-list"), LIST_MAX, &bytes, &len, error));
    file = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (file == NULL)
        PHI_GUARD(phi_error_set(error, PHI_ERR_JSON, "--trust-list", "not JSON"));
    PHI_GUARD(take_list(file, &pinned, arena, out, error));
out:
    json_decref(file);
    free(bytes);
    phi_sm2_public_free(key);
    return err;
}

/* What is said */

static void describe(const struct ctl_judgement *found, enum ctl_layer layer, char *out,
                     size_t size)
{
    char when[PHI_RFC3339_MAX];
    out[0] = '\0';
    if (layer == CTL_LAYER_FORM && found->error.place[0] != '\0')
        (void)snprintf(out, size, "%s: %s", found->error.place, found->error.text);
    if (layer == CTL_LAYER_PLATFORM)
        (void)snprintf(out, size, "%s %s", found->code.platform,
                       found->platform != NULL ? found->platform->name : "");
    if (layer == CTL_LAYER_SIGNATURE && found->key != NULL)
        (void)snprintf(out, size, "%s, key set %u, key %s", found->is_own ? "own form" : "opaque",
                       found->key->key_set_id, found->key->serial);
    if (layer == CTL_LAYER_DEADLINE) {
        phi_rfc3339_format(found->code.deadline_s * 1000000, when);
        (void)snprintf(out, size, "%s", when);
    }
}

static void print_text(const struct ctl_judgement *found, enum phi_err verdict)
{
    char detail[512];
    for (int i = 0; i < CTL_LAYER_COUNT; i++) {
        if (!found->is_reached[i])
            continue;
        describe(found, (enum ctl_layer)i, detail, sizeof(detail));
        (void)printf("%-13s %-15s %s\n", ctl_layer_name((enum ctl_layer)i),
                     phi_err_name(found->results[i]), detail);
    }
    for (size_t i = 0; i < CTL_COUNT(unseen); i++)
        (void)printf("%-13s not seen        only its issuer can tell\n", unseen[i]);
    (void)printf("%-13s %s %s %s\n", "verdict", phi_err_name(verdict), phi_err_return_code(verdict),
                 phi_err_text_zh(verdict));
}

static int print_json(const struct ctl_judgement *found, enum phi_err verdict)
{
    char detail[512];
    json_t *layers = json_object();
    json_t *not_seen = json_array();
    for (int i = 0; i < CTL_LAYER_COUNT; i++) {
        if (!found->is_reached[i])
            continue;
        describe(found, (enum ctl_layer)i, detail, sizeof(detail));
        (void)json_object_set_new(
            layers, ctl_layer_name((enum ctl_layer)i),
            json_pack("{s:s, s:s}", "result", phi_err_name(found->results[i]), "detail", detail));
    }
    for (size_t i = 0; i < CTL_COUNT(unseen); i++)
        (void)json_array_append_new(not_seen, json_string(unseen[i]));
    return ctl_print_json(json_pack("{s:s, s:s, s:s, s:o, s:o}", "verdict", phi_err_name(verdict),
                                    "resultCode", phi_err_return_code(verdict), "place",
                                    found->error.place, "layers", layers, "notSeen", not_seen));
}

static enum phi_err time_of(const struct ctl_args *args, int64_t *now_us, struct phi_error *error)
{
    *now_us = phi_clock_now_us(NULL);
    if (ctl_has(args, "at") &&
        phi_rfc3339_parse(phi_view_text(ctl_get(args, "at")), now_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--at", "not a time of RFC 3339");
    return PHI_OK;
}

static int run(const struct ctl_args *args)
{
    static struct ctl_judgement found;
    struct ctl_code code = {0};
    struct phi_trust_list list;
    struct phi_error error = {.code = PHI_OK};
    struct ctl_judge_input input = {.trust = &list};
    int status = CTL_FAILED;
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(time_of(args, &input.now_us, &error));
    PHI_GUARD(read_list(args, arena, &list, &error));
    PHI_GUARD(ctl_code_read(args->positional, &code, &error));
    input.given = code.given;
    input.is_text = code.is_text;
    ctl_code_judge(&input, &found);
    enum phi_err verdict = ctl_code_verdict(&found);
    if (ctl_has(args, "json"))
        status = print_json(&found, verdict);
    else
        print_text(&found, verdict);
    if (!ctl_has(args, "json") || status == CTL_OK)
        status = ctl_code_status(verdict);
out:
    ctl_code_free(&code);
    phi_arena_free(arena);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "trust-list",
     .value = "FILE",
     .is_required = true,
     .text = "the signed list: the answer of GET /v1/trust-list, or its data"},
    {.name = "trust-key",
     .value = "PEM|HEX",
     .variable = "PHI_TRUST_PUBLIC_FILE",
     .is_required = true,
     .text = "the public key that the list must be signed by"},
    {.name = "at", .value = "TIME", .text = "judge at this time (RFC 3339) instead of now"},
    CTL_JSON,
};

const struct ctl_command ctl_code_verify = {
    .group = "code",
    .verb = "verify",
    .about = "judge a health code by a trust list (exit: 3 no code, 4 platform, 5 signature, "
             "6 expired); " CTL_CODE_INPUT,
    .positional = "TEXT|FILE|-",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl curl http://127.0.0.1:8110/v1/trust-list > list.json; "
               "phictl code verify --trust-list list.json --trust-key trust.pub picture.png"};
