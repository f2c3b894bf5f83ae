/* POST /v1/disputes: sealed to the province before anything is stored. */
#include "svc-platform/disputes/disputes.h"

#include "codes/region.h"
#include "crypto/random.h"
#include "crypto/sm3.h"
#include "json/canonical.h"
#include "service/letter.h"

#include <string.h>

struct filing {
    const char *region;
    struct phi_json_at dispute;
    const struct phi_trust_platform *province;
    uint8_t id[DISPUTE_LEN];
    uint8_t owner[PHI_SM3_LEN];
    const char *topic;
    struct phi_view letter;
};

/* --- where to --- */

static enum phi_err check_bus(struct phi_api_call *call, const char *region,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_TEXT(region)};
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "dispute_mode",
                            "SELECT 1 FROM members WHERE region = $1 AND mode <> 'bus'", params, 1,
                            &rows, error));
    if (phi_rows_count(rows) > 0)
        err = phi_error_set(error, PHI_ERR_STATE, "$.region",
                            "the province is not on the platform bus: file with the province");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err dispute_find_province(struct phi_api_call *call, const char *region,
                                   const struct phi_trust_platform **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_view *view = NULL;
    PHI_GUARD(phi_trust_hold(phi_service_trust(phi_api_service(call)), phi_api_arena(call), &view));
    const struct phi_trust_platform *platform = phi_trust_platform(view, region);
    bool is_nation = strcmp(region, PHI_REGION_NATION) == 0;
    if (platform == NULL || is_nation ||
        phi_letter_keys(platform, PHI_TRUST_FOR_CORRECTION, phi_api_now_us(call)) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "$.region", "no province that takes cases");
    if (platform->status != PHI_TRUST_ACTIVE)
        return phi_error_set(error, PHI_ERR_STATE, "$.region", "the province is suspended");
    PHI_GUARD(check_bus(call, region, error));
    *out = platform;
out:
    return err;
}

static enum phi_err parse(struct phi_api_call *call, struct filing *f, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_word(&body, "region", PHI_REGION_LEN, &f->region, error));
    if (!phi_region_is_valid(phi_view_text(f->region)))
        PHI_GUARD(phi_json_refuse(&body, "region", PHI_ERR_FIELD_VALUE, "not a region", error));
    PHI_GUARD(phi_json_object(&body, "dispute", &f->dispute, error));
out:
    return err;
}

/* --- the letter --- */

static enum phi_err write_plain(struct phi_api_call *call, const struct filing *f,
                                struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_person *p = &phi_api_who(call)->person;
    struct phi_view said;
    char who[2 * PHI_SM3_LEN + 1];
    json_t *dispute = json_deep_copy(f->dispute.value);
    phi_hex_encode(phi_view_of(f->owner, PHI_SM3_LEN), who);
    json_t *json = json_pack("{s:o, s:s, s:{s:s%, s:s%, s:s%, s:s%}}", "dispute", dispute, "who",
                             who, "person", "name", p->name.data, p->name.len, "idType",
                             p->id_type.data, p->id_type.len, "idNo", p->id_no.data, p->id_no.len,
                             "country", p->country.data, p->country.len);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(dispute, phi_api_arena(call), &said));
    if (said.len > DISPUTE_BYTES_MAX)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "$.dispute", "over 16 KiB");
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), out));
out:
    return err;
}

static enum phi_err write_letter(struct phi_api_call *call, struct filing *f,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    struct phi_view plain = phi_view_of(NULL, 0);
    char id[2 * DISPUTE_LEN + 1];
    phi_hex_encode(phi_view_of(f->id, DISPUTE_LEN), id);
    f->topic = phi_arena_printf(arena, "phi.%s." DISPUTE_DOWN, f->region);
    PHI_GUARD(f->topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_letter letter = {.topic = f->topic,
                                      .context = DISPUTE_DOWN,
                                      .member = "sealed",
                                      .holder = PHI_TRUST_FOR_CORRECTION};
    PHI_GUARD(write_plain(call, f, &plain, error));
    json_t *json = json_pack("{s:s, s:s}", "kind", "file", "disputeId", id);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(
        phi_letter_seal(&letter, f->province, phi_api_now_us(call), plain, arena, json, error));
    PHI_GUARD(phi_json_canonical(json, arena, &f->letter));
out:
    return err;
}

/* --- kept, and on its way --- */

static enum phi_err keep(struct phi_api_call *call, const struct filing *f)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    int64_t now_us = phi_api_now_us(call);
    int64_t resend_s = phi_config_int(phi_service_config(service), "PHI_DISPUTE_RESEND_S");
    const char *text = phi_arena_text(phi_api_arena(call), f->letter);
    struct phi_event event = {
        .topic = f->topic, .type = "cn.phi.dispute.filed", .value = f->letter};
    PHI_GUARD(text == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const struct phi_param row[] = {PHI_BYTES_OF(f->id, DISPUTE_LEN),
                                    PHI_BYTES_OF(f->owner, PHI_SM3_LEN),
                                    PHI_TEXT(f->region),
                                    PHI_I64(now_us),
                                    PHI_TEXT(text),
                                    PHI_I64(now_us + resend_s * 1000000)};
    PHI_GUARD(phi_api_row(call, TABLE_DISPUTES, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(phi_service_sign_event(service, &event, (uint64_t)now_us, phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err dispute_file(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct filing f = {.region = NULL};
    char id[2 * DISPUTE_LEN + 1];
    PHI_GUARD(parse(call, &f, error));
    PHI_GUARD(dispute_find_province(call, f.region, &f.province, error));
    PHI_GUARD(phi_uuid7(phi_api_now_us(call), f.id));
    PHI_GUARD(phi_api_who_digest(call, f.owner));
    PHI_GUARD(write_letter(call, &f, error));
    PHI_GUARD(keep(call, &f));
    phi_hex_encode(phi_view_of(f.id, DISPUTE_LEN), id);
    phi_api_data(call, json_pack("{s:s, s:s, s:s}", "disputeId", id, "region", f.region, "state",
                                 "accepted"));
out:
    return err;
}
