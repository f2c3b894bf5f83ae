#include "phictl/code/input.h"
#include "phictl/code/judge.h"
#include "phictl/code/parts.h"
#include "phictl/code/status.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_text(const struct ctl_code *code, const struct ctl_judgement *found,
                       const struct ctl_parts *parts, enum phi_err verdict)
{
    (void)printf("%zu bytes, from %s\n", found->bytes.len, code->from);
    ctl_parts_print(parts);
    (void)printf("form: %s%s%s%s%s\n", phi_err_name(verdict), found->error.place[0] ? " at " : "",
                 found->error.place, found->error.text[0] ? ": " : "", found->error.text);
}

static int print_json(const struct ctl_code *code, const struct ctl_judgement *found,
                      const struct ctl_parts *parts, enum phi_err verdict)
{
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:o}", "from", code->from, "length",
                               (json_int_t)found->bytes.len, "form", phi_err_name(verdict), "place",
                               found->error.place, "parts", ctl_parts_json(parts));
    return ctl_print_json(object);
}

static int run(const struct ctl_args *args)
{
    static struct ctl_judgement found;
    struct ctl_code code = {0};
    struct ctl_parts parts = {.count = 0};
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = ctl_code_read(args->positional, &code, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    struct ctl_judge_input input = {.given = code.given, .is_text = code.is_text};
    ctl_code_judge(&input, &found);
    enum ctl_layer last = found.is_reached[CTL_LAYER_FORM] ? CTL_LAYER_FORM : CTL_LAYER_TEXT;
    enum phi_err verdict = found.results[last];
    if (last == CTL_LAYER_TEXT)
        (void)phi_error_set(&found.error, verdict, "text", "not base32 as docs/codes.md has it");
    else
        ctl_parts_of(found.bytes, &parts);
    int status = ctl_has(args, "json") ? print_json(&code, &found, &parts, verdict) : CTL_OK;
    if (!ctl_has(args, "json"))
        print_text(&code, &found, &parts, verdict);
    ctl_code_free(&code);
    return status != CTL_OK ? status : ctl_code_status(verdict);
}

static const struct ctl_option options[] = {CTL_JSON};

const struct ctl_command ctl_code_decode = {.group = "code",
                                            .verb = "decode",
                                            .about =
                                                "show each part of a health code; " CTL_CODE_INPUT,
                                            .positional = "TEXT|FILE|-",
                                            .options = options,
                                            .option_count = CTL_COUNT(options),
                                            .run = run,
                                            .example = "phictl code decode picture.png"};
