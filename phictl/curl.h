/* The options of a signed request, shared by the commands that send one. */
#ifndef PHI_PHICTL_CURL_H
#define PHI_PHICTL_CURL_H

#include "phictl/request.h"

#define CTL_REQUEST_OPTIONS                                                                        \
    {.name = "key",                                                                                \
     .value = "FILE",                                                                              \
     .text = "the app's SM2 key; without it the request is not signed"},                           \
        {.name = "password-file",                                                                  \
         .value = "FILE",                                                                          \
         .variable = "PHI_KEY_PASSWORD_FILE",                                                      \
         .text = "file (mode 0600) whose first line is the key's password"},                       \
        {.name = "app", .value = "ID", .text = "the app's id"},                                    \
        {.name = "identity",                                                                       \
         .value = "FILE",                                                                          \
         .text = "file whose first line is the identity token"},                                   \
        {.name = "answer-key",                                                                     \
         .value = "PEM|HEX",                                                                       \
         .text = "public key of the service: the answer's signature is checked"},                  \
    {                                                                                              \
        .name = "timeout", .value = "MS", .fallback = "15000", .text = "milliseconds, 1..600000"   \
    }

/* Sends with the options above and prints the answer: CTL_FAILED for no answer, a wrong signature,
 * a status of 400 or more. `out` NULL: stdout. `show_head`: status and headers on stderr. */
int ctl_send(const struct ctl_args *args, struct ctl_request *request, const char *out,
             bool show_head);

#endif
