/* One business call on its way; private to api*.c. */
#ifndef PHI_SERVICE_CALL_H
#define PHI_SERVICE_CALL_H

#include "auth/signature.h"
#include "crypto/sm3.h"
#include "service/parts.h"

#define PHI_API_EVENTS_MAX  24
#define PHI_API_HEADERS_MAX 7

struct phi_api_binding {
    struct phi_api *api;
    const struct phi_api_route *route;
};

struct phi_api {
    struct phi_service *service;
    struct phi_api_binding *bindings;
    struct phi_queue *late;
    pthread_t thread;
    bool has_thread;
};

/* An answer ready to go: made before the commit, so that the lane's thread never signs. */
struct phi_api_answer {
    int status;
    struct phi_view body;
    struct phi_answer_signature signature;
    bool is_signed;
};

struct phi_api_call {
    struct phi_service *service;
    struct phi_api *api;
    const struct phi_api_route *route;
    struct phi_http_request *request; /* NULL: an errand */
    struct phi_deadline deadline;     /* of an errand */
    struct phi_arena *arena;
    int64_t now_us;
    struct phi_signature_caller caller; /* app is NULL until the caller is known */
    struct phi_identity identity;
    bool has_identity;
    struct phi_json_at body; /* value is NULL without a JSON body */
    const char *customer;
    const char *serial;
    uint8_t
        body_digest[PHI_SM3_LEN]; /* of the body without timeStamp and of who stands behind it */
    bool has_body_digest; /* routes that create, once everything before the handler was right */
    struct phi_commit *commit;
    size_t row_count;
    struct phi_event *events; /* room for one, and from the second on for all */
    size_t event_count;
    json_t *data;
    struct phi_view data_text; /* instead of it */
    enum phi_err verdict;
    struct phi_view lines;
    const char *lines_type;
    const char *etag;        /* NULL: none */
    const char *disposition; /* of an answer that is a file; NULL: none */
    bool has_lines;
    void (*after)(struct phi_api_call *, void *);
    void *after_context;
    enum phi_err (*finish)(struct phi_api_call *, void *, struct phi_error *); /* alone, or NULL */
    void *finish_context;
    struct phi_api_answer answer;
    enum phi_err late_err; /* why the commit was refused */
    struct phi_error late_error;
    struct phi_view stored_digest; /* of the idempotency row that was there already */
    struct phi_view stored_answer;
    int stored_status;
    bool has_stored;
};

/* api.c: a call of a request, or NULL: then the request was answered. A refusal: the stored answer
 * of the same request, or the error's. */
struct phi_api_call *phi_api_call_new(struct phi_http_request *request);
void phi_api_end(struct phi_api_call *call, enum phi_err err, struct phi_error *error);
/* What is left once the call was checked, by its route's handler or by `finish`, to its end. */
void phi_api_run(struct phi_api_turn *turn);

/* api_many.c: requests of routes that go together. */
void phi_api_handle_many(struct phi_http_request **requests, size_t count);

/* api_check.c: everything before the handler; in two steps, the signatures and the rest. */
void phi_api_check_callers(struct phi_api_turn *turns, size_t count);
enum phi_err phi_api_check(struct phi_api_call *call, struct phi_error *error) PHI_MUST_USE;

/* api_answer.c: bodies of answers, from data, verdict and lines; and then their signatures. */
enum phi_err phi_api_prepare(struct phi_api_call *call) PHI_MUST_USE;
void phi_api_sign(struct phi_api_turn *turns, size_t count); /* of those without an error */
void phi_api_send(struct phi_api_call *call);                /* the prepared one */
void phi_api_refuse(struct phi_api_call *call, const struct phi_error *error);
/* The stored answer of the same request: PHI_ERR_CONFLICT when it was another request. Sends on
 * success. */
enum phi_err phi_api_send_stored(struct phi_api_call *call) PHI_MUST_USE;

/* api_commit.c: the one commit of a call, whose answer is prepared and signed. */
enum phi_err phi_api_commit(struct phi_api_call *call) PHI_MUST_USE; /* answers later, by itself */
/* After a refusal by the handler: was the same request answered before? Then that is the answer,
 * and true. */
bool phi_api_answer_again(struct phi_api_call *call);
enum phi_err phi_api_late_start(struct phi_api *api) PHI_MUST_USE;
void phi_api_late_stop(struct phi_api *api);

#endif
