/* phictl platform members, show, approve, refuse, suspend, resume, retire: what officers do. */
#include "phictl/platform/platform.h"

#include "phictl/commands.h"

#include <stdio.h>
#include <string.h>

static int decide(const struct ctl_args *args, const char *action)
{
    char path[64];
    snprintf(path, sizeof(path), "/v1/platforms/%.6s/decisions", ctl_get(args, "region"));
    return platform_send(
        args, "POST", path,
        json_pack("{s:s, s:s}", "action", action, "reason", ctl_get(args, "reason")));
}

static int run_approve(const struct ctl_args *args)
{
    return decide(args, ctl_has(args, "replacement") ? "replace" : "approve");
}

static int run_refuse(const struct ctl_args *args)
{
    return decide(args, ctl_has(args, "replacement") ? "reject" : "refuse");
}

static int run_suspend(const struct ctl_args *args)
{
    return decide(args, "suspend");
}

static int run_resume(const struct ctl_args *args)
{
    return decide(args, "resume");
}

static int run_retire(const struct ctl_args *args)
{
    return decide(args, "retire");
}

static int run_members(const struct ctl_args *args)
{
    return platform_send(args, "GET", "/v1/platforms", NULL);
}

static int run_show(const struct ctl_args *args)
{
    char path[64];
    snprintf(path, sizeof(path), "/v1/platforms/%.6s%s", ctl_get(args, "region"),
             ctl_has(args, "identity") ? "" : "/own");
    return platform_send(args, "GET", path, NULL);
}

#define REASON                                                                                     \
    {                                                                                              \
        .name = "reason", .value = "TEXT", .is_required = true, .text = "why, for the record"      \
    }
#define REPLACEMENT                                                                                \
    {                                                                                              \
        .name = "replacement", .text = "the replacement of keys that waits"                        \
    }

static const struct ctl_option list_options[] = {PLATFORM_URL, CTL_REQUEST_OPTIONS};
static const struct ctl_option show_options[] = {PLATFORM_URL, PLATFORM_REGION,
                                                 CTL_REQUEST_OPTIONS};
static const struct ctl_option decide_options[] = {PLATFORM_URL, PLATFORM_REGION, REASON,
                                                   CTL_REQUEST_OPTIONS};
static const struct ctl_option review_options[] = {PLATFORM_URL, PLATFORM_REGION, REASON,
                                                   REPLACEMENT, CTL_REQUEST_OPTIONS};

#define COMMAND(name, word, sentence, table, function)                                             \
    const struct ctl_command name = {.group = "platform",                                          \
                                     .verb = (word),                                               \
                                     .about = (sentence),                                          \
                                     .options = (table),                                           \
                                     .option_count = CTL_COUNT(table),                             \
                                     .run = (function)}

COMMAND(ctl_platform_members, "members", "list the platforms that applied or joined", list_options,
        run_members);
COMMAND(ctl_platform_show, "show", "show one: certificates, test report, every step", show_options,
        run_show);
COMMAND(ctl_platform_approve, "approve", "let a platform join; it takes officers of two units",
        review_options, run_approve);
COMMAND(ctl_platform_refuse, "refuse", "refuse an application, or a replacement", review_options,
        run_refuse);
COMMAND(ctl_platform_suspend, "suspend", "take a platform out of force at once", decide_options,
        run_suspend);
COMMAND(ctl_platform_resume, "resume", "put it into force again; officers of two units",
        decide_options, run_resume);
COMMAND(ctl_platform_retire, "retire", "end a platform for good; officers of two units",
        decide_options, run_retire);
