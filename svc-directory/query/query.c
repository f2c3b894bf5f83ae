/* 健康信息查询 (GB/T 38963 6.4). A person scans a code: svc-verify's receipt is the entitlement, and
 * our own entry, the nation's and the home province's are asked together. Or a citizen asks about
 * themselves, without a code. */
#include "svc-directory/query/details.h"
#include "svc-directory/query/found.h"
#include "svc-directory/query/remote.h"

#include "base/metrics.h"
#include "service/neighbours.h"

#include <string.h>

struct query {
    struct ask ask;
    struct phi_receipt receipt;
    struct found found;
};

static enum phi_err parse(struct phi_api_call *call, struct query *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const names[] = {"pass", "medical", "self"};
    struct phi_json_at body = phi_api_body(call);
    size_t scope = 0;
    PHI_GUARD(phi_json_text_opt(&body, "code", 1, PHI_JKM1_TEXT_MAX, NULL, &out->ask.code, error));
    bool is_own = out->ask.code == NULL;
    PHI_GUARD(phi_json_enum_opt(&body, "scope", names, 3, is_own ? PHI_SCOPE_SELF : PHI_SCOPE_PASS,
                                &scope, error));
    if (is_own != (scope == PHI_SCOPE_SELF))
        PHI_GUARD(phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.scope",
                                "self without a code, pass or medical with one"));
    if (!phi_words_has(&phi_api_app(call)->scopes, names[scope]))
        PHI_GUARD(phi_error_set(error, PHI_ERR_FORBIDDEN, "$.scope", "not a scope of the app"));
    out->ask.operation = PHI_VERIFY_VERIFY;
    out->ask.scope = (enum phi_scope)scope;
out:
    return err;
}

static enum phi_err look_up(struct phi_api_call *call, const uint8_t *subject, bool shows_details,
                            struct found *found, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = directory_of(call);
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_conn *conn = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(directory->service), phi_api_deadline(call), &conn));
    PHI_GUARD(person_entry_read(directory, conn, subject, arena, &found->entry, error));
    PHI_GUARD(person_identity_read(directory, conn, subject, arena, &found->identity, error));
    if (shows_details) {
        PHI_GUARD(
            details_read(directory, conn, subject, phi_api_now_us(call), &found->details, error));
        PHI_GUARD(phi_json_keep(arena, found->details));
    }
out:
    phi_store_release(conn);
    return err;
}

static struct remote *ask_nation(struct phi_api_call *call, const struct phi_query_request *request,
                                 struct found *found)
{
    found->nation_asked = directory_of(call)->platform != NULL;
    return remote_ask(call, directory_of(call)->platform, request);
}

/* Whose code it is knows the person. */
static struct remote *ask_home(struct phi_api_call *call, const struct phi_query_request *request,
                               const char *issuer, struct found *found)
{
    struct directory *directory = directory_of(call);
    if (strcmp(issuer, phi_service_region(directory->service)) == 0)
        return NULL;
    struct remote *remote = remote_ask_home(call, issuer, request);
    found->home = issuer;
    found->home_asked = remote != NULL;
    return remote;
}

void query_metrics(struct directory *directory)
{
    static const char *const results[] = {"result=\"unanswered\"", "result=\"answered\""};
    static const char *const doors[] = {"result=\"refused\"", "result=\"answered\""};
    for (size_t i = 0; i < 2; i++) {
        directory->nation[i] =
            phi_counter_new("phi_directory_nation_asked_total", "nationwide queries", results[i]);
        directory->home[i] = phi_counter_new("phi_directory_home_asked_total",
                                             "queries to other provinces", results[i]);
        directory->asked[i] = phi_counter_new("phi_directory_answered_elsewhere_total",
                                              "queries of other provinces", doors[i]);
    }
}

static void count_asked(const struct directory *directory, const struct found *found)
{
    if (found->nation_asked)
        phi_counter_add(directory->nation[found->nation != NULL], 1);
    if (found->home_asked)
        phi_counter_add(directory->home[found->home_told != NULL], 1);
}

static enum phi_err gather(struct phi_api_call *call, struct query *q, struct phi_view receipt,
                           struct phi_error *error)
{
    struct phi_query_request request = {.operation = PHI_QUERY_QUERY, .receipt = receipt};
    memcpy(request.request_id, q->receipt.receipt_id, sizeof(request.request_id));
    struct remote *nation = ask_nation(call, &request, &q->found);
    struct remote *home = ask_home(call, &request, q->receipt.issuer, &q->found);
    enum phi_err err =
        look_up(call, q->receipt.subject, q->receipt.scope == PHI_SCOPE_MEDICAL, &q->found, error);
    q->found.nation = remote_finish(nation, phi_api_arena(call));
    q->found.home_told = remote_finish(home, phi_api_arena(call));
    count_asked(directory_of(call), &q->found);
    return err;
}

static enum phi_err tell(struct phi_api_call *call, const struct found *found)
{
    json_t *data = NULL;
    enum phi_err err = found_tell(call, found, &data);
    if (err == PHI_OK)
        phi_api_data(call, data);
    return err;
}

static enum phi_err answer(struct phi_api_call *call, struct query *q, struct phi_view receipt,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(ask_check_receipt(call, &q->ask, receipt, &q->receipt, error));
    PHI_GUARD(gather(call, q, receipt, error));
    PHI_GUARD(tell(call, &q->found));
out:
    return err;
}

static enum phi_err query_by_code(struct phi_api_call *call, struct query *query,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_verify_reply reply;
    PHI_GUARD(challenge_issue(directory_of(call)->challenges,
                              phi_clock_now_us(phi_service_clock(phi_api_service(call))),
                              query->ask.challenge));
    PHI_GUARD(ask_verify(call, &query->ask, &reply, error));
    PHI_GUARD(reply.status == PHI_OK ? answer(call, query, reply.receipt, error)
                                     : ask_tell_refusal(call, &reply, error));
out:
    return err;
}

/* Without a code there is no receipt, and without one the nation is not asked. */
static enum phi_err query_own(struct phi_api_call *call, struct query *query,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t subject[PHI_SUBJECT_LEN];
    PHI_GUARD(directory_subject(call, subject));
    PHI_GUARD(look_up(call, subject, true, &query->found, error));
    PHI_GUARD(tell(call, &query->found));
out:
    return err;
}

enum phi_err directory_query(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct query query = {0};
    PHI_GUARD(parse(call, &query, error));
    PHI_GUARD(query.ask.code == NULL ? query_own(call, &query, error)
                                     : query_by_code(call, &query, error));
out:
    return err;
}
