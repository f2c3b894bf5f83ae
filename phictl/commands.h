/* Every command, for main's table. */
#ifndef PHI_PHICTL_COMMANDS_H
#define PHI_PHICTL_COMMANDS_H

#include "phictl/options.h"

extern const struct ctl_command ctl_key_new;
extern const struct ctl_command ctl_key_public;
extern const struct ctl_command ctl_key_curve;
extern const struct ctl_command ctl_key_store;
extern const struct ctl_command ctl_key_export;
extern const struct ctl_command ctl_key_distribute;
extern const struct ctl_command ctl_key_backup;
extern const struct ctl_command ctl_key_recover;
extern const struct ctl_command ctl_key_rotate;
extern const struct ctl_command ctl_key_archive;
extern const struct ctl_command ctl_key_destroy;
extern const struct ctl_command ctl_key_list;
extern const struct ctl_command ctl_key_status;
extern const struct ctl_command ctl_key_audit;
extern const struct ctl_command ctl_key_notice;
extern const struct ctl_command ctl_app_add;
extern const struct ctl_command ctl_app_suspend;
extern const struct ctl_command ctl_app_list;
extern const struct ctl_command ctl_app_publish;
extern const struct ctl_command ctl_app_import;
extern const struct ctl_command ctl_caller_restore;
extern const struct ctl_command ctl_peer_add;
extern const struct ctl_command ctl_peer_list;
extern const struct ctl_command ctl_provider_add;
extern const struct ctl_command ctl_provider_list;
extern const struct ctl_command ctl_staff_add;
extern const struct ctl_command ctl_staff_list;
extern const struct ctl_command ctl_platform_add;
extern const struct ctl_command ctl_platform_key;
extern const struct ctl_command ctl_platform_list;
extern const struct ctl_command ctl_platform_attest;
extern const struct ctl_command ctl_platform_apply;
extern const struct ctl_command ctl_platform_show;
extern const struct ctl_command ctl_platform_approve;
extern const struct ctl_command ctl_platform_refuse;
extern const struct ctl_command ctl_platform_suspend;
extern const struct ctl_command ctl_platform_resume;
extern const struct ctl_command ctl_platform_renew;
extern const struct ctl_command ctl_platform_replace;
extern const struct ctl_command ctl_platform_retire;
extern const struct ctl_command ctl_platform_hand_over;
extern const struct ctl_command ctl_platform_members;
extern const struct ctl_command ctl_platform_bus;
extern const struct ctl_command ctl_trust_fetch;
extern const struct ctl_command ctl_trust_show;
extern const struct ctl_command ctl_trust_verify;
extern const struct ctl_command ctl_curl;
extern const struct ctl_command ctl_code_decode;
extern const struct ctl_command ctl_code_verify;
extern const struct ctl_command ctl_code_mint;
extern const struct ctl_command ctl_code_trace;
extern const struct ctl_command ctl_cert_request;
extern const struct ctl_command ctl_cert_ca;
extern const struct ctl_command ctl_cert_issue;
extern const struct ctl_command ctl_cert_show;
extern const struct ctl_command ctl_cert_verify;
extern const struct ctl_command ctl_rules_eval;
extern const struct ctl_command ctl_rules_try;
extern const struct ctl_command ctl_rules_status;
extern const struct ctl_command ctl_rules_approve;
extern const struct ctl_command ctl_rules_publish;
extern const struct ctl_command ctl_rules_cancel;
extern const struct ctl_command ctl_rules_rollback;
extern const struct ctl_command ctl_rules_list;
extern const struct ctl_command ctl_rules_show;
extern const struct ctl_command ctl_case_verify;
extern const struct ctl_command ctl_case_report;
extern const struct ctl_command ctl_tap;
extern const struct ctl_command ctl_directory_diff;
extern const struct ctl_command ctl_directory_quality;
extern const struct ctl_command ctl_directory_ask;
extern const struct ctl_command ctl_directory_push;
extern const struct ctl_command ctl_directory_rebuild;
extern const struct ctl_command ctl_directory_statistics;

#endif
