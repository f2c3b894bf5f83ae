/* One signed HTTP request and its checked answer.
 *
 *   struct ctl_request request = {
 *       .method = "POST", .url = url, .body = body, .app = "hz-app", .key = key};
 *   PHI_GUARD(ctl_request_send(&request, &answer, &error));
 *   ctl_answer_free(&answer);
 */
#ifndef PHI_PHICTL_REQUEST_H
#define PHI_PHICTL_REQUEST_H

#include "base/bytes.h"
#include "crypto/sm2.h"
#include "phictl/options.h"

#define CTL_BODY_MAX   (8 * 1024 * 1024)
#define CTL_ANSWER_MAX (64 * 1024 * 1024)

struct ctl_request {
    const char *method;
    const char *url;
    struct phi_view body;
    const char *content_type;
    const char *app;                         /* NULL: not signed */
    const struct phi_sm2_private *key;       /* with `app` */
    const char *identity;                    /* the token for Phi-Identity; NULL: none */
    const struct phi_sm2_public *answer_key; /* checks the answer's signature; NULL: not checked */
    const char *const *headers;              /* more lines "Name: value", NULL-ended; may be NULL */
    int64_t timeout_ms;
};

struct ctl_answer {
    int status;
    uint8_t *body;
    size_t len;
    char head[8192]; /* status line and headers, cut at this size */
};

/* PHI_ERR_NEIGHBOUR (no answer), PHI_ERR_FIELD_VALUE (URL), PHI_ERR_SIGNATURE, PHI_ERR_HEADER,
 * PHI_ERR_TIMESTAMP (the answer's signature: `answer` is filled then too), PHI_ERR_MEMORY. Blocks
 * up to timeout_ms. */
enum phi_err ctl_request_send(const struct ctl_request *request, struct ctl_answer *answer,
                              struct phi_error *error) PHI_MUST_USE;
void ctl_answer_free(struct ctl_answer *answer);

#endif
