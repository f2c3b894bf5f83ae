#include "base/text.h"
#include "base/time.h"
#include "crypto/key.h"
#include "json/json.h"
#include "phictl/code/filter.h"
#include "phictl/code/input.h"
#include "phictl/code/judge.h"
#include "phictl/code/status.h"
#include "phictl/commands.h"
#include "phictl/registry/trust_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ARENA (32 * 1024 * 1024)

/* What only the issuer can tell, whatever the list says; the last one as far as no filter does. */
static const char *const unseen[] = {"sealed", "subject", "one-time use", "revocation"};

/* What a filter says, once all else is good. */
struct revocation {
    bool has_filter;
    bool is_reached;
    enum phi_err result;
    struct phi_filter filter;
};

static size_t unseen_count(const struct revocation *revocation)
{
    return CTL_COUNT(unseen) - (revocation->has_filter ? 1 : 0);
}

static void judge_revocation(struct revocation *revocation, const struct ctl_judgement *found,
                             enum phi_err *verdict)
{
    bool is_good = *verdict == PHI_OK || *verdict == PHI_ERR_ISSUER;
    revocation->is_reached = revocation->has_filter && is_good;
    if (!revocation->is_reached)
        return;
    revocation->result = ctl_filter_judge(&revocation->filter, &found->code, found->is_own);
    if (revocation->result != PHI_OK)
        *verdict = revocation->result;
}

static void describe_filter(const struct revocation *revocation, char *out, size_t size)
{
    char when[PHI_RFC3339_MAX];
    phi_rfc3339_format(revocation->filter.issued_s * 1000000, when);
    (void)snprintf(out, size, "filter of %s, made %s", revocation->filter.platform, when);
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

static void print_text(const struct ctl_judgement *found, const struct revocation *revocation,
                       enum phi_err verdict)
{
    char detail[512];
    for (int i = 0; i < CTL_LAYER_COUNT; i++) {
        if (!found->is_reached[i])
            continue;
        describe(found, (enum ctl_layer)i, detail, sizeof(detail));
        (void)printf("%-13s %-15s %s\n", ctl_layer_name((enum ctl_layer)i),
                     phi_err_name(found->results[i]), detail);
    }
    if (revocation->is_reached) {
        describe_filter(revocation, detail, sizeof(detail));
        (void)printf("%-13s %-15s %s\n", "revocation", phi_err_name(revocation->result), detail);
    }
    for (size_t i = 0; i < unseen_count(revocation); i++)
        (void)printf("%-13s not seen        only its issuer can tell\n", unseen[i]);
    (void)printf("%-13s %s %s %s\n", "verdict", phi_err_name(verdict), phi_err_return_code(verdict),
                 phi_err_text_zh(verdict));
}

static int print_json(const struct ctl_judgement *found, const struct revocation *revocation,
                      enum phi_err verdict)
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
    if (revocation->is_reached) {
        describe_filter(revocation, detail, sizeof(detail));
        (void)json_object_set_new(
            layers, "revocation",
            json_pack("{s:s, s:s}", "result", phi_err_name(revocation->result), "detail", detail));
    }
    for (size_t i = 0; i < unseen_count(revocation); i++)
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
    struct revocation revocation = {.has_filter = ctl_has(args, "filter")};
    int status = CTL_FAILED;
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(time_of(args, &input.now_us, &error));
    PHI_GUARD(ctl_trust_list_read(args, arena, &list, &error));
    if (revocation.has_filter)
        PHI_GUARD(ctl_filter_read(args, &list, input.now_us, arena, &revocation.filter, &error));
    PHI_GUARD(ctl_code_read(args->positional, &code, &error));
    input.given = code.given;
    input.is_text = code.is_text;
    ctl_code_judge(&input, &found);
    enum phi_err verdict = ctl_code_verdict(&found);
    judge_revocation(&revocation, &found, &verdict);
    if (ctl_has(args, "json"))
        status = print_json(&found, &revocation, verdict);
    else
        print_text(&found, &revocation, verdict);
    if (!ctl_has(args, "json") || status == CTL_OK)
        status = ctl_code_status(verdict);
out:
    ctl_code_free(&code);
    phi_arena_free(arena);
    return err == PHI_OK ? status : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    CTL_TRUST_OPTIONS(true),
    CTL_FILTER_OPTION,
    {.name = "at", .value = "TIME", .text = "judge at this time (RFC 3339) instead of now"},
    CTL_JSON,
};

const struct ctl_command ctl_code_verify = {
    .group = "code",
    .verb = "verify",
    .about = "judge a health code by a trust list (exit: 3 no code, 4 platform, 5 signature, "
             "6 expired, 7 revoked); " CTL_CODE_INPUT,
    .positional = "TEXT|FILE|-",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run,
    .example = "phictl curl http://127.0.0.1:8110/v1/trust-list > list.json; "
               "phictl code verify --trust-list list.json --trust-key trust.pub picture.png"};
