/* What can be said of a health code from a trust list, layer by layer in the order of
 * docs/codes.md, each verdict by itself; a layer behind the first refusal is not reached.
 *
 *   struct ctl_judge_input input = {.given = text, .is_text = true, .trust = &list, .now_us = now};
 *   ctl_code_judge(&input, &found);
 *   if (ctl_code_verdict(&found) == PHI_ERR_CODE_EXPIRED) …
 *
 * Pure; any thread; nothing blocks.
 */
#ifndef PHI_PHICTL_CODE_JUDGE_H
#define PHI_PHICTL_CODE_JUDGE_H

#include "auth/trust.h"
#include "codes/jkm1.h"
#include "codeside/codeside.h"

enum ctl_layer {
    CTL_LAYER_TEXT,
    CTL_LAYER_FORM,
    CTL_LAYER_PLATFORM,
    CTL_LAYER_SIGNATURE,
    CTL_LAYER_SEALED,
    CTL_LAYER_DEADLINE,
    CTL_LAYER_COUNT
};
const char *ctl_layer_name(enum ctl_layer layer); /* "text"; static */

struct ctl_judge_input {
    struct phi_view given; /* text form or bytes; borrowed */
    bool is_text;
    const struct phi_trust_list *trust;  /* NULL: text, form and deadline only */
    const struct phi_codeside *codeside; /* unseals; NULL: the sealed layer is not judged */
    int64_t now_us;
};

struct ctl_judgement {
    bool is_reached[CTL_LAYER_COUNT];
    enum phi_err results[CTL_LAYER_COUNT]; /* of layers reached; sealed: PHI_ERR_ISSUER where
                                              another platform sealed it, which refuses nothing */
    struct phi_error error;                /* the form's place and text */
    struct phi_view bytes;                 /* decoded text, or what was given */
    struct phi_jkm1 code;                  /* when the form is good */
    const struct phi_trust_platform *platform;
    const struct phi_trust_key *key; /* what verified, or what should have: NULL for none */
    bool is_own;                     /* A is of our form and of a key set that the list knows */
    struct phi_codeside_content content;
    uint8_t buffer[PHI_JKM1_MAX];
};

/* `out` is the caller's and is not to be copied: its views point into it and into `input`. */
void ctl_code_judge(const struct ctl_judge_input *input, struct ctl_judgement *out);

/* The first refusal; PHI_ERR_ISSUER for a good code that only its issuer can unseal; PHI_OK. */
enum phi_err ctl_code_verdict(const struct ctl_judgement *judgement);

#endif
