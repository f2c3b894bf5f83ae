/* A business route after GB/T 38963: the steps every one shares, in order, so that a program writes
 * only the middle one.
 *
 *   caller's signature → role → identity token → envelope → HANDLER → one group commit (nonce,
 * idempotency, the handler's rows, its outbox rows) → signed answer → events to the relay
 *
 *   static enum phi_err mint(struct phi_api_call *call, struct phi_error *error)
 *   {
 *       struct phi_json_at body = phi_api_body(call);
 *       …
 *       PHI_GUARD(phi_api_row(call, TABLE_CODES, params, 5));
 *       PHI_GUARD(phi_api_event(call, &event));
 *       phi_api_data(call, json_pack("{s:s}", "code", text));
 *   out:
 *       return err;
 *   }
 *
 * A handler runs on a worker thread and may block on the database or a neighbour within
 * phi_api_deadline. What it returns: PHI_OK (data and verdict as set), or an error, answered with
 * `error`'s place and text; then nothing of it is stored. Everything handed out lives until the
 * answer is sent.
 */
#ifndef PHI_SERVICE_API_H
#define PHI_SERVICE_API_H

#include "bus/event.h"
#include "http/http.h"
#include "json/json.h"
#include "service/service.h"

struct phi_api_call;

enum phi_api_identity {
    PHI_API_NOBODY,  /* the app alone; a token is ignored */
    PHI_API_CITIZEN, /* a citizen's token with a biometric factor */
    PHI_API_STAFF,   /* a staff token */
    PHI_API_EITHER,  /* one of the two */
};

enum phi_api_flag {
    PHI_API_CREATES = 1, /* idempotent for 24 h by (app, route, customNumber, bizSerialNum) */
    PHI_API_NDJSON =
        2,            /* body and answer are application/x-ndjson, up to 8 MiB; no JSON envelope */
    PHI_API_OPEN = 4, /* no signature needed, no nonce; the answer is not signed */
    PHI_API_TOGETHER =
        8, /* what has arrived of these routes, up to PHI_API_TOGETHER_MAX calls, goes through the
              steps together: signatures are checked and made in batches. For handlers that don't
              wait for a neighbour, as one call's wait is all calls' wait */
    PHI_API_FILE =
        16, /* POST: the body is one file, application/octet-stream of up to PHI_API_FILE_MAX bytes;
               the envelope is in the query. GET: the answer may be one (phi_api_file) */
};

#define PHI_API_TOGETHER_MAX 64
#define PHI_API_FILE_MAX     (4 * 1024 * 1024)

/* One of several calls that are handled together. */
struct phi_api_turn {
    struct phi_api_call *call;
    enum phi_err err; /* what a handler of one call returns */
    struct phi_error error;
};

struct phi_api_route {
    const char *method; /* "GET" or "POST" */
    const char *path;   /* "/v1/corrections/{id}" */
    const char *role;   /* what the app must be allowed to do; NULL for any registered app */
    enum phi_api_identity identity;
    unsigned flags;
    const char *const
        *fields; /* members of the body besides the envelope's, NULL-ended; others are refused */
    const char *const
        *queries; /* query parameters besides the envelope's, NULL-ended; others are refused */
    enum phi_err (*handle)(struct phi_api_call *call, struct phi_error *error);
    /* instead of `handle`, with PHI_API_TOGETHER: calls of this route, 1..64; `err` and `error`
     * come as PHI_OK and are each call's own outcome */
    void (*handle_many)(struct phi_api_turn *turns, size_t count);
};

/* Tables every program's lane has before its own: the program's first own table is PHI_API_OWN. */
enum phi_api_table { PHI_API_NONCES, PHI_API_IDEMPOTENCY, PHI_API_OUTBOX, PHI_API_OWN };

/* The call's circumstances. */
struct phi_service *phi_api_service(struct phi_api_call *call);
struct phi_http_request *phi_api_request(struct phi_api_call *call); /* params, query, headers */
struct phi_arena *phi_api_arena(struct phi_api_call *call);
struct phi_deadline phi_api_deadline(struct phi_api_call *call);
int64_t phi_api_now_us(struct phi_api_call *call); /* taken once a call */
const struct phi_registry_app *phi_api_app(struct phi_api_call *call);
const struct phi_identity *phi_api_who(struct phi_api_call *call); /* NULL for PHI_API_NOBODY */
struct phi_json_at phi_api_body(struct phi_api_call *call);        /* "$" */
struct phi_view phi_api_body_bytes(struct phi_api_call *call);     /* as sent */
const char *phi_api_customer(struct phi_api_call *call); /* customNumber, "" when a GET has none */
const char *phi_api_serial(struct phi_api_call *call);   /* bizSerialNum, likewise */
/* SM3 of the signed request, 32 bytes. PHI_ERR_CRYPTO. */
enum phi_err phi_api_digest(struct phi_api_call *call, uint8_t out[32]) PHI_MUST_USE;
/* What a business request is to a neighbour: repeats of one number of one app are one request,
 * whichever replica asks. The first 16 bytes of SM3(app ‖ customNumber ‖ bizSerialNum), with line
 * feeds between. */
enum phi_err phi_api_request_key(struct phi_api_call *call, uint8_t out[16]) PHI_MUST_USE;
/* The same of a part of the call that has a number of its own. */
enum phi_err phi_api_request_key_of(struct phi_api_call *call, const char *number,
                                    uint8_t out[16]) PHI_MUST_USE;
/* The person behind the call, the same through every repeat: SM3(issuer ‖ sub), 32 bytes. Not for
 * PHI_API_NOBODY. */
enum phi_err phi_api_who_digest(struct phi_api_call *call, uint8_t out[32]) PHI_MUST_USE;

/* What goes down with this call's commit. At most 64 rows and 24 events a call. Params are copied.
 */
enum phi_err phi_api_row(struct phi_api_call *call, int table, const struct phi_param *params,
                         size_t count) PHI_MUST_USE;
/* An outbox row on PHI_BUS, offered to the relay after the commit; id, time, source, trace and
 * request id are filled here where they are zero. Copied. */
enum phi_err phi_api_event(struct phi_api_call *call, struct phi_event *event) PHI_MUST_USE;

/* For handle_many: what is left to do for this call takes long (a picture); it is done alone, later
 * and by any worker, so that the others' answers don't wait for it. What `finish` returns is the
 * handler's outcome. */
void phi_api_finish_alone(struct phi_api_call *call,
                          enum phi_err (*finish)(struct phi_api_call *call, void *context,
                                                 struct phi_error *error),
                          void *context);

/* What came another way than by a request (a letter on a topic) and is done as one: `handle` runs
 * on the calling thread, as a route's handler would, for `who` and with `body`, and what it lays
 * down is one group commit, waited for until `deadline`. There is no request: handlers that look at
 * path, query or headers are not for it. */
struct phi_api_errand {
    struct phi_identity who;
    struct phi_json_at body;
    struct phi_deadline deadline;
    enum phi_err (*handle)(struct phi_api_call *call, void *context, struct phi_error *error);
    void *context;
};
/* `is_refused` says that it was the handler's word, and not the commit's. Blocks. */
enum phi_err phi_api_do(struct phi_service *service, const struct phi_api_errand *errand,
                        struct phi_arena *arena, bool *is_refused,
                        struct phi_error *error) PHI_MUST_USE;
/* What the handler has said so far (phi_api_data); NULL: nothing. */
const json_t *phi_api_said(const struct phi_api_call *call);

/* The answer's `data` (the reference is taken; NULL gives null) and, for a verdict about a code,
 * the 2xxx or 5004 that goes into resultCode with HTTP 200. */
void phi_api_data(struct phi_api_call *call, json_t *data);
/* The same as JSON text, which lives in the call's arena. */
void phi_api_data_text(struct phi_api_call *call, struct phi_view data);
void phi_api_verdict(struct phi_api_call *call, enum phi_err verdict);
/* The whole answer of another type than JSON ("text/csv; charset=utf-8"), built in the call's
 * arena. */
void phi_api_text(struct phi_api_call *call, const char *content_type, struct phi_view text);
/* The same of a file of that name (letters, digits, . _ -): to be saved, not shown by a browser. */
enum phi_err phi_api_file(struct phi_api_call *call, const char *content_type, const char *name,
                          struct phi_view bytes) PHI_MUST_USE;
/* The answer's ETag, in quotes; who sent it in If-None-Match gets 304 without a body. Copied. */
enum phi_err phi_api_etag(struct phi_api_call *call, const char *etag) PHI_MUST_USE;
/* NDJSON routes: the whole answer, built in the call's arena. */
void phi_api_lines(struct phi_api_call *call, struct phi_view lines);
/* Called on the lane's thread after the commit succeeded, before the answer: short and without
 * waits. */
void phi_api_after_commit(struct phi_api_call *call, void (*after)(struct phi_api_call *, void *),
                          void *context);

#endif
