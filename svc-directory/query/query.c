/* 健康信息查询 (GB/T 38963 6.4): a person scans a code; svc-verify's receipt is the entitlement;
 * the answer is masked name, grade, time, from our own entry and the nation's, the strictest of
 * both. */
#include "codes/region.h"
#include "svc-directory/query/query.h"

#include "base/text.h"

#include <string.h>

struct query {
    struct ask ask;
    struct phi_receipt receipt;
    struct person_entry entry;
    struct person_identity identity;
    enum phi_grade grade;
    bool is_asked_nation;
    const json_t *nation; /* entries; NULL: no answer */
};

static enum phi_err parse(struct phi_api_call *call, struct query *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const scopes[] = {"pass"};
    struct phi_json_at body = phi_api_body(call);
    size_t scope = 0;
    PHI_GUARD(phi_json_text(&body, "code", 1, PHI_JKM1_TEXT_MAX, &out->ask.code, error));
    PHI_GUARD(phi_json_enum_opt(&body, "scope", scopes, 1, 0, &scope, error));
    out->ask.operation = PHI_VERIFY_VERIFY;
    out->ask.scope = PHI_SCOPE_PASS;
out:
    return err;
}

static enum phi_err look_up(struct phi_api_call *call, struct query *q, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(person_entry_read(directory_of(call), conn, q->receipt.subject, phi_api_arena(call),
                                &q->entry, error));
    PHI_GUARD(person_identity_read(directory_of(call), conn, q->receipt.subject,
                                   phi_api_arena(call), &q->identity, error));
out:
    phi_store_release(conn);
    return err;
}

/* The nation's copy of our own entry is shown, and counts only where it is newer: what we publish
 * takes a moment to arrive. */
static bool is_known_better(struct phi_api_call *call, const struct query *q, const json_t *entry)
{
    int64_t version = 0;
    const char *region = json_string_value(json_object_get(entry, "region"));
    const char *text = json_string_value(json_object_get(entry, "version"));
    if (region == NULL || strcmp(region, phi_service_region(phi_api_service(call))) != 0 ||
        !q->entry.is_there)
        return false;
    return text != NULL && phi_text_to_i64(phi_view_text(text), 0, INT64_MAX, &version) == PHI_OK &&
           version <= q->entry.version;
}

static enum phi_grade grade_of(const json_t *entry)
{
    enum phi_grade grade = PHI_GRADE_GREY;
    const char *code = json_string_value(json_object_get(entry, "grade"));
    return code != NULL && phi_grade_from_code(phi_view_text(code), &grade) == PHI_OK
               ? grade
               : PHI_GRADE_GREY;
}

static json_t *local_entry(struct phi_api_call *call, const struct person_entry *entry)
{
    char version[24], updated[PHI_RFC3339_MAX];
    snprintf(version, sizeof(version), "%lld", (long long)entry->version);
    phi_rfc3339_format(entry->updated_us, updated);
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "region",
                     phi_service_region(phi_api_service(call)), "via", "local", "grade",
                     phi_grade_code(entry->grade), "reasons", person_reason_words(entry->reasons),
                     "version", version, "updatedAt", updated);
}

/* Only what this interface shows is passed on. */
static json_t *nation_entry(const json_t *entry)
{
    const char *region = json_string_value(json_object_get(entry, "region"));
    const char *version = json_string_value(json_object_get(entry, "version"));
    const char *updated = json_string_value(json_object_get(entry, "updatedAt"));
    json_t *reasons = json_object_get(entry, "reasons");
    if (region == NULL || version == NULL || updated == NULL || !json_is_array(reasons))
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:O, s:s, s:s}", "region", region, "via", PHI_REGION_NATION,
                     "grade", phi_grade_code(grade_of(entry)), "reasons", reasons, "version",
                     version, "updatedAt", updated);
}

static json_t *entries_of(struct phi_api_call *call, struct query *q)
{
    json_t *entries = json_array();
    q->grade = q->entry.grade;
    if (q->entry.is_there)
        json_array_append_new(entries, local_entry(call, &q->entry));
    for (size_t i = 0; i < json_array_size(q->nation); i++) {
        const json_t *entry = json_array_get(q->nation, i);
        json_t *shown = nation_entry(entry);
        if (shown == NULL)
            continue;
        if (!is_known_better(call, q, entry))
            q->grade = phi_grade_stricter(q->grade, grade_of(entry));
        json_array_append_new(entries, shown);
    }
    return entries;
}

/* What was not asked, and what did not answer. The home province of a person from elsewhere can't
 * be asked yet: the name stays unknown then. */
static enum phi_err add_silence(struct phi_api_call *call, const struct query *q, json_t *data)
{
    json_t *not_asked = json_array(), *unanswered = json_array();
    bool is_from_here = strcmp(q->receipt.issuer, phi_service_region(phi_api_service(call))) == 0;
    if (!is_from_here && !q->identity.is_there)
        json_array_append_new(not_asked, json_string(q->receipt.issuer));
    if (!q->is_asked_nation)
        json_array_append_new(not_asked, json_string(PHI_REGION_NATION));
    else if (q->nation == NULL)
        json_array_append_new(unanswered, json_string(PHI_REGION_NATION));
    bool is_added = json_object_set_new(data, "notAsked", not_asked) == 0;
    is_added = json_object_set_new(data, "unanswered", unanswered) == 0 && is_added;
    return is_added ? PHI_OK : PHI_ERR_MEMORY;
}

static json_t *holder_of(const struct person_identity *identity)
{
    return identity->is_there
               ? json_pack("{s:s, s:s}", "name", identity->name, "idNo", identity->id_no)
               : json_null();
}

static enum phi_err tell(struct phi_api_call *call, struct query *q)
{
    enum phi_err err = PHI_OK;
    char time[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_api_now_us(call), time);
    json_t *entries = entries_of(call, q);
    json_t *data = json_pack("{s:o, s:o, s:s, s:o}", "holder", holder_of(&q->identity), "grade",
                             person_grade_json(q->grade), "time", time, "entries", entries);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(add_silence(call, q, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

static enum phi_err answer(struct phi_api_call *call, struct query *q, struct phi_view receipt,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct nation *nation = NULL;
    PHI_GUARD(ask_check_receipt(call, &q->ask, receipt, &q->receipt, error));
    q->is_asked_nation = directory_of(call)->platform != NULL;
    if (q->is_asked_nation)
        nation = nation_ask(call, receipt, q->receipt.receipt_id);
    err = look_up(call, q, error);
    q->nation = nation_finish(directory_of(call), nation, phi_api_arena(call));
    PHI_GUARD(err);
    PHI_GUARD(tell(call, q));
out:
    return err;
}

enum phi_err directory_query(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct query query = {0};
    struct phi_verify_reply reply;
    PHI_GUARD(parse(call, &query, error));
    PHI_GUARD(challenge_issue(directory_of(call)->challenges,
                              phi_clock_now_us(phi_service_clock(phi_api_service(call))),
                              query.ask.challenge));
    PHI_GUARD(ask_verify(call, &query.ask, &reply, error));
    PHI_GUARD(reply.status == PHI_OK ? answer(call, &query, reply.receipt, error)
                                     : ask_tell_refusal(call, &reply, error));
out:
    return err;
}
