/* Every command, for main's table. */
#ifndef PHI_PHICTL_COMMANDS_H
#define PHI_PHICTL_COMMANDS_H

#include "phictl/options.h"

extern const struct ctl_command ctl_key_new;
extern const struct ctl_command ctl_key_public;
extern const struct ctl_command ctl_key_curve;
extern const struct ctl_command ctl_app_add;
extern const struct ctl_command ctl_app_suspend;
extern const struct ctl_command ctl_app_list;
extern const struct ctl_command ctl_app_publish;
extern const struct ctl_command ctl_app_import;
extern const struct ctl_command ctl_peer_add;
extern const struct ctl_command ctl_peer_list;
extern const struct ctl_command ctl_provider_add;
extern const struct ctl_command ctl_provider_list;
extern const struct ctl_command ctl_staff_add;
extern const struct ctl_command ctl_staff_list;
extern const struct ctl_command ctl_platform_add;
extern const struct ctl_command ctl_platform_list;
extern const struct ctl_command ctl_curl;
extern const struct ctl_command ctl_code_decode;

#endif
