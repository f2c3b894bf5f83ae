/* Grants over HTTP: registered by an officer, approved by another of another unit, ended by any. */
#include "svc-platform/grants/grants.h"

#include "codes/region.h"
#include "crypto/sm3.h"

#include <stdio.h>
#include <string.h>

#define TERM_MAX_US (366 * 86400 * 1000000LL)
#define PEOPLE_MAX  1000000
#define DAY_US      INT64_C(86400000000)

struct officer {
    uint8_t digest[PHI_SM3_LEN]; /* of issuer and account */
    const char *unit;
};

static enum phi_err officer_of(struct phi_api_call *call, struct officer *out,
                               struct phi_error *error)
{
    const struct phi_registry_staff *staff = phi_api_who(call)->staff;
    if (staff == NULL || !phi_words_has(&staff->roles, GRANT_ROLE))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "no officer of the nation's " GRANT_ROLE);
    out->unit = staff->unit;
    return phi_api_who_digest(call, out->digest);
}

/* Another account of another unit. */
static enum phi_err check_second(const struct grant *grant, const struct officer *officer,
                                 struct phi_error *error)
{
    if (phi_view_equal(grant->officer, phi_view_of(officer->digest, PHI_SM3_LEN)))
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "whoever registered it can't approve it");
    if (strcmp(grant->unit, officer->unit) == 0)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "Phi-Identity",
                             "the approval must come from another unit");
    return PHI_OK;
}

static enum phi_err tell(struct phi_api_call *call, const char *grant_id, const char *step,
                         const struct officer *officer)
{
    enum phi_err err = PHI_OK;
    char who[2 * PHI_SM3_LEN + 1];
    struct phi_event event;
    phi_hex_encode(phi_view_of(officer->digest, PHI_SM3_LEN), who);
    PHI_GUARD(grant_event(call, grant_id, step,
                          json_pack("{s:s, s:s}", "officer", who, "unit", officer->unit), &event));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

/* --- POST /v1/grants --- */

struct wish {
    const char *grant_id;
    const char *app;
    const char *purpose;
    const char *legal;
    char regions[GRANT_REGIONS_MAX * 7 + 1];
    const char *fields;
    int64_t people_max;
    int64_t until_us;
};

static bool is_id(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len <= GRANT_ID_MAX && name[0] != '-' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static enum phi_err read_regions(const struct phi_json_at *body, struct wish *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at list;
    size_t count = 0;
    char *at = out->regions;
    PHI_GUARD(phi_json_array(body, "regions", 1, GRANT_REGIONS_MAX, &list, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(&list, i);
        const char *region = NULL;
        PHI_GUARD(phi_json_as_word(&item, 6, &region, error));
        if (!phi_region_is_valid(phi_view_text(region)) || strstr(out->regions, region) != NULL)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, item.path,
                                 "no region, or there twice");
        at = stpcpy(stpcpy(at, i > 0 ? "," : ""), region);
    }
out:
    return err;
}

/* grade, and time if it is wanted: more than that no grant can give. */
static enum phi_err read_fields(const struct phi_json_at *body, struct wish *out,
                                struct phi_error *error)
{
    static const char *const names[] = {"grade", "time"};
    enum phi_err err = PHI_OK;
    struct phi_json_at list;
    size_t count = 0;
    PHI_GUARD(phi_json_array(body, "fields", 1, 2, &list, &count, error));
    for (size_t i = 0; i < count && i < 2; i++) {
        struct phi_json_at item = phi_json_item(&list, i);
        const char *name = NULL;
        PHI_GUARD(phi_json_as_word(&item, 16, &name, error));
        if (strcmp(name, names[i]) != 0)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, item.path, "grade, or grade and time");
    }
    out->fields = count == 2 ? "grade,time" : "grade";
out:
    return err;
}

/* An app that nobody may use is no institution's. */
static enum phi_err check_app(struct phi_api_call *call, const char *app_id,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_view *view = NULL;
    PHI_GUARD(
        phi_registry_hold(phi_service_registry(phi_api_service(call)), phi_api_arena(call), &view));
    const struct phi_registry_app *app = phi_registry_app(view, app_id);
    if (app == NULL || !phi_words_has(&app->roles, "grant"))
        return phi_error_set(error, PHI_ERR_RULE, "$.app", "no registered app with the role grant");
out:
    return err;
}

static enum phi_err read_wish(struct phi_api_call *call, struct wish *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    int64_t now_us = phi_api_now_us(call);
    PHI_GUARD(phi_json_word(&body, "grant", GRANT_ID_MAX, &out->grant_id, error));
    if (!is_id(out->grant_id))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.grant",
                             "not of small letters, digits and hyphens");
    PHI_GUARD(phi_json_word(&body, "app", PHI_APP_ID_MAX, &out->app, error));
    PHI_GUARD(phi_json_text(&body, "purpose", 1, 200, &out->purpose, error));
    PHI_GUARD(phi_json_text(&body, "legalReference", 1, 200, &out->legal, error));
    PHI_GUARD(read_regions(&body, out, error));
    PHI_GUARD(read_fields(&body, out, error));
    PHI_GUARD(phi_json_int(&body, "peoplePerDay", 1, PEOPLE_MAX, &out->people_max, error));
    PHI_GUARD(phi_json_time(&body, "until", &out->until_us, error));
    if (out->until_us <= now_us || out->until_us > now_us + TERM_MAX_US)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "$.until", "not within a year from now");
    PHI_GUARD(check_app(call, out->app, error));
out:
    return err;
}

enum phi_err grant_register(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct wish wish = {.grant_id = ""};
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(read_wish(call, &wish, error));
    const struct phi_param row[] = {
        PHI_TEXT(wish.grant_id),       PHI_TEXT(wish.app),
        PHI_TEXT(wish.purpose),        PHI_TEXT(wish.legal),
        PHI_TEXT(wish.regions),        PHI_TEXT(wish.fields),
        PHI_I64(wish.people_max),      PHI_I64(wish.until_us),
        PHI_I64(phi_api_now_us(call)), PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
        PHI_TEXT(officer.unit)};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + GRANT_TABLE_GRANTS, row, 11));
    PHI_GUARD(tell(call, wish.grant_id, "register", &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "grant", wish.grant_id, "state", "registered"));
out:
    return err;
}

/* --- GET /v1/grants/{id} --- */

static enum phi_err people_today(struct phi_api_call *call, const char *grant_id, int64_t *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(grant_id), PHI_I64(phi_api_now_us(call) / DAY_US)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "grant_today",
                            "SELECT people FROM grant_days WHERE grant_id = $1 AND day = $2",
                            params, 2, &rows, error));
    *out = phi_rows_count(rows) == 0 ? 0 : phi_rows_i64(rows, 0, 0);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err grant_show(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct grant grant = {.grant_id = ""};
    char until[PHI_RFC3339_MAX];
    int64_t today = 0;
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(grant_read(call, &grant, error));
    PHI_GUARD(people_today(call, grant.grant_id, &today, error));
    phi_rfc3339_format(grant.until_us, until);
    phi_api_data(call, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "grant",
                                 grant.grant_id, "state", grant.state, "app", grant.app, "purpose",
                                 grant.purpose, "legalReference", grant.legal, "regions",
                                 grant.regions, "fields", grant.shows_time ? "grade,time" : "grade",
                                 "peoplePerDay", (json_int_t)grant.people_max, "peopleToday",
                                 (json_int_t)today, "until", until));
out:
    return err;
}

/* --- POST /v1/grants/{id}/steps --- */

enum phi_err grant_step(struct phi_api_call *call, struct phi_error *error)
{
    static const char *const steps[] = {"approve", "end"};
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct grant grant = {.grant_id = ""};
    struct phi_json_at body = phi_api_body(call);
    size_t step = 0;
    PHI_GUARD(officer_of(call, &officer, error));
    PHI_GUARD(phi_json_enum(&body, "step", steps, 2, &step, error));
    PHI_GUARD(grant_read(call, &grant, error));
    if (strcmp(grant.state, "over") == 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_STATE, "grant", "the grant is over"));
    if (step == 0)
        PHI_GUARD(check_second(&grant, &officer, error));
    const struct phi_param params[] = {PHI_TEXT(grant.grant_id), PHI_TEXT(steps[step]),
                                       PHI_BYTES_OF(officer.digest, PHI_SM3_LEN),
                                       PHI_TEXT(officer.unit), PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, PHI_API_OWN + GRANT_TABLE_STEPS, params, 5));
    PHI_GUARD(tell(call, grant.grant_id, steps[step], &officer));
    phi_api_data(call, json_pack("{s:s, s:s}", "grant", grant.grant_id, "step", steps[step]));
out:
    return err;
}
