#include "base/log.h"
#include "phictl/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command *const commands[] = {
    &ctl_key_new,
    &ctl_key_public,
    &ctl_key_curve,
    &ctl_key_store,
    &ctl_key_export,
    &ctl_key_distribute,
    &ctl_key_backup,
    &ctl_key_recover,
    &ctl_key_rotate,
    &ctl_key_archive,
    &ctl_key_destroy,
    &ctl_key_list,
    &ctl_key_status,
    &ctl_key_audit,
    &ctl_key_notice,
    &ctl_app_add,
    &ctl_app_suspend,
    &ctl_app_list,
    &ctl_app_publish,
    &ctl_app_import,
    &ctl_peer_add,
    &ctl_peer_list,
    &ctl_caller_restore,
    &ctl_provider_add,
    &ctl_provider_list,
    &ctl_staff_add,
    &ctl_staff_list,
    &ctl_platform_add,
    &ctl_platform_key,
    &ctl_platform_list,
    &ctl_platform_attest,
    &ctl_platform_apply,
    &ctl_platform_show,
    &ctl_platform_approve,
    &ctl_platform_refuse,
    &ctl_platform_suspend,
    &ctl_platform_resume,
    &ctl_platform_renew,
    &ctl_platform_replace,
    &ctl_platform_retire,
    &ctl_platform_hand_over,
    &ctl_platform_members,
    &ctl_platform_bus,
    &ctl_trust_fetch,
    &ctl_trust_show,
    &ctl_trust_verify,
    &ctl_curl,
    &ctl_code_decode,
    &ctl_code_verify,
    &ctl_code_mint,
    &ctl_code_trace,
    &ctl_cert_ca,
    &ctl_cert_request,
    &ctl_cert_issue,
    &ctl_cert_show,
    &ctl_cert_verify,
    &ctl_rules_eval,
    &ctl_rules_try,
    &ctl_rules_status,
    &ctl_rules_approve,
    &ctl_rules_publish,
    &ctl_rules_cancel,
    &ctl_rules_rollback,
    &ctl_rules_list,
    &ctl_rules_show,
    &ctl_tap,
    &ctl_case_verify,
    &ctl_case_report,
    &ctl_directory_diff,
    &ctl_directory_quality,
    &ctl_directory_ask,
    &ctl_directory_push,
    &ctl_directory_rebuild,
    &ctl_directory_statistics,
};

static void print_overview(FILE *to)
{
    (void)fprintf(to, "usage: phictl COMMAND [options]\nthe operators' command line\n\n");
    for (size_t i = 0; i < CTL_COUNT(commands); i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%s%s%s", commands[i]->group,
                       commands[i]->verb != NULL ? " " : "",
                       commands[i]->verb != NULL ? commands[i]->verb : "");
        (void)fprintf(to, "  %-16s %s\n", name, commands[i]->about);
    }
    (void)fprintf(
        to, "\nphictl COMMAND --help tells the options. Exit: 0 done, 1 not, 2 wrong usage.\n");
}

static bool is_named(const struct ctl_command *command, int argc, char **argv)
{
    if (argc < 2 || strcmp(command->group, argv[1]) != 0)
        return false;
    return command->verb == NULL || (argc > 2 && strcmp(command->verb, argv[2]) == 0);
}

int main(int argc, char **argv)
{
    phi_log_open("phictl", PHI_LOG_LOGFMT, PHI_LOG_ERROR, STDERR_FILENO);
    for (size_t i = 0; i < CTL_COUNT(commands); i++) {
        int words = commands[i]->verb == NULL ? 2 : 3;
        if (is_named(commands[i], argc, argv))
            return ctl_run(commands[i], argc - words, argv + words);
    }
    bool asked =
        argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[argc - 1], "--help") == 0 ||
                     strcmp(argv[1], "help") == 0);
    print_overview(asked ? stdout : stderr);
    return asked ? CTL_OK : CTL_USAGE;
}
