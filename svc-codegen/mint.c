/* 健康码制码 (GB/T 38963 6.6, service type 2000): consent record, code, record and event in one
 * commit. */
#include "svc-codegen/codegen.h"

#include "base/metrics.h"
#include "codes/consent.h"
#include "json/canonical.h"
#include "picture/picture.h"

#include <stdlib.h>
#include <string.h>

#define PICTURE_SCALE 8

static const char *const picture_formats[] = {"png", "svg"};
static const char *const picture_types[] = {"image/png", "image/svg+xml"};

struct mint_request {
    uint8_t application_id[APPLICATION_LEN];
    uint8_t challenge[CHALLENGE_LEN];
    bool wants_picture;
    size_t format; /* index into picture_formats */
};

struct mint_result {
    uint8_t subject[PHI_SUBJECT_LEN];
    const struct policy_scene *scene;
    struct phi_view consent; /* the record */
    struct phi_mint_input input;
    struct phi_minted code;
    uint8_t serial_hmac[PHI_SM3_LEN];
};

static enum phi_err parse(struct phi_api_call *call, struct mint_request *out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct phi_json_at picture;
    PHI_GUARD(phi_json_hex(&body, "applicationId", out->application_id, APPLICATION_LEN, error));
    PHI_GUARD(phi_json_hex(&body, "challenge", out->challenge, CHALLENGE_LEN, error));
    PHI_GUARD(phi_json_object_opt(&body, "picture", &picture, error));
    out->wants_picture = picture.value != NULL;
    if (!out->wants_picture)
        return PHI_OK;
    static const char *const members[] = {"format"};
    PHI_GUARD(phi_json_only(&picture, members, 1, error));
    PHI_GUARD(phi_json_enum(&picture, "format", picture_formats, 2, &out->format, error));
out:
    return err;
}

static bool is_in_force(const struct phi_rows *rows, int64_t now_us)
{
    bool is_used = phi_rows_bool(rows, 0, 5);
    return now_us <= phi_rows_i64(rows, 0, 4) && (is_used || now_us <= phi_rows_i64(rows, 0, 3));
}

static bool is_theirs(struct phi_api_call *call, const struct mint_request *request,
                      const uint8_t *subject, const struct phi_rows *rows)
{
    struct phi_view challenge = phi_rows_bytes(rows, 0, 2);
    return strcmp(phi_rows_text(rows, 0, 0), phi_api_app(call)->app_id) == 0 &&
           phi_view_equal(phi_rows_bytes(rows, 0, 1), phi_view_of(subject, PHI_SUBJECT_LEN)) &&
           challenge.len == CHALLENGE_LEN &&
           phi_equal_secret(challenge.data, request->challenge, CHALLENGE_LEN);
}

/* The first use within five minutes, later ones until the term ends; of the same app and person. */
static enum phi_err find_application(struct phi_api_call *call, const struct mint_request *request,
                                     struct mint_result *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(request->application_id, APPLICATION_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(
        phi_conn_exec(conn, "application_find",
                      "SELECT app_id, subject, challenge, usable_until_us, term_until_us, "
                      "EXISTS (SELECT 1 FROM codes c WHERE c.application_id = a.application_id), "
                      "scene FROM applications a WHERE application_id = $1",
                      &id, 1, &rows, error));
    bool is_there = phi_rows_count(rows) == 1 && is_theirs(call, request, out->subject, rows);
    if (!is_there || !is_in_force(rows, phi_api_now_us(call))) {
        err =
            phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                          is_there ? "its time is over" : "none of this app, person and challenge");
        goto out;
    }
    out->scene = policy_find(&codegen_of(call)->policy, phi_rows_text(rows, 0, 6));
    if (out->scene == NULL)
        err = phi_error_set(error, PHI_ERR_APPLICATION, "$.applicationId",
                            "its scene is no longer served");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err make_code(struct phi_api_call *call, struct mint_result *out)
{
    enum phi_err err = PHI_OK;
    struct codegen *codegen = codegen_of(call);
    int64_t now_s = phi_api_now_us(call) / 1000000;
    PHI_GUARD(
        phi_consent_format(&phi_api_who(call)->person, now_s, phi_api_arena(call), &out->consent));
    PHI_GUARD(phi_consent_digest(out->consent, out->input.consent_digest));
    memcpy(out->input.subject, out->subject, PHI_SUBJECT_LEN);
    out->input.deadline_s = now_s + out->scene->life_s;
    out->input.flags = (uint8_t)(PHI_JKM1_SCOPE_FLAGS(out->scene->scope) |
                                 (out->scene->is_one_time ? PHI_JKM1_ONE_TIME : 0));
    PHI_GUARD(phi_codeside_mint(codegen->codeside, &out->input, &out->code));
    const struct phi_view serial = phi_view_of(out->code.serial, PHI_JKM1_SERIAL_LEN);
    PHI_GUARD(phi_hmac_sm3(codegen->serial_key, &serial, 1, out->serial_hmac));
out:
    return err;
}

static enum phi_err keep(struct phi_api_call *call, const struct mint_request *request,
                         const struct mint_result *m)
{
    enum phi_err err = PHI_OK;
    struct phi_view sealed;
    PHI_GUARD(phi_seal(codegen_of(call)->store_key, "codes.consent_sealed", m->subject, m->consent,
                       phi_api_arena(call), &sealed));
    const struct phi_param row[] = {
        PHI_BYTES_OF(m->serial_hmac, PHI_SM3_LEN),
        PHI_BYTES_OF(request->application_id, APPLICATION_LEN),
        PHI_BYTES_OF(m->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_I64(m->code.key_set),
        PHI_TEXT(m->scene->scene),
        PHI_I64(m->input.deadline_s),
        PHI_BYTES_OF(m->input.consent_digest, PHI_SM3_LEN),
        PHI_BYTES(sealed),
        PHI_I64(phi_api_now_us(call)),
    };
    PHI_GUARD(phi_api_row(call, TABLE_CODES, row, sizeof(row) / sizeof(row[0])));
out:
    return err;
}

/* code.minted tells that a code came to be: neither whose nor which, but for who holds the serial's
 * key. */
static enum phi_err announce(struct phi_api_call *call, const struct mint_result *m)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    char serial[2 * PHI_SM3_LEN + 1], deadline[PHI_RFC3339_MAX], minted[PHI_RFC3339_MAX];
    struct phi_view value;
    phi_hex_encode(phi_view_of(m->serial_hmac, PHI_SM3_LEN), serial);
    phi_rfc3339_format(m->input.deadline_s * 1000000, deadline);
    phi_rfc3339_format(phi_api_now_us(call), minted);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:s, s:s, s:s}", "serialHmac", serial, "platform",
                  phi_service_region(service), "keySetId", (int)m->code.key_set, "scene",
                  m->scene->scene, "oneTime", m->scene->is_one_time, "paper", 0, "deadline",
                  deadline, "mintedAt", minted, "app", phi_api_app(call)->app_id);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &value));
    struct phi_event event = {.topic = phi_service_topic(service, "code.minted"),
                              .type = "cn.phi.code.minted",
                              .key = phi_view_of(m->serial_hmac, PHI_SUBJECT_LEN),
                              .value = value};
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

/* A neutral symbol: the code side knows nothing of health. */
static enum phi_err draw(struct phi_api_call *call, const struct mint_request *request,
                         const struct mint_result *m, json_t *data)
{
    enum phi_err err = PHI_OK;
    static const enum phi_picture_format formats[] = {PHI_PICTURE_PNG, PHI_PICTURE_SVG};
    const struct phi_picture picture = {.symbology = PHI_SYMBOL_QR,
                                        .text = phi_view_text(m->code.text),
                                        .format = formats[request->format],
                                        .scale = PICTURE_SCALE};
    struct phi_view bytes;
    PHI_GUARD(phi_picture_neutral(&picture, phi_api_arena(call), &bytes));
    char *base64 = phi_arena_alloc(phi_api_arena(call), PHI_BASE64_LEN(bytes.len) + 1);
    PHI_GUARD(base64 == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_base64_encode(bytes, base64);
    json_object_set_new(
        data, "picture",
        json_pack("{s:s, s:s}", "mediaType", picture_types[request->format], "base64", base64));
out:
    return err;
}

static enum phi_err tell(struct phi_api_call *call, const struct mint_request *request,
                         const struct mint_result *m)
{
    enum phi_err err = PHI_OK;
    char deadline[PHI_RFC3339_MAX], digest[2 * PHI_SM3_LEN + 1];
    phi_rfc3339_format(m->input.deadline_s * 1000000, deadline);
    phi_hex_encode(phi_view_of(m->input.consent_digest, PHI_SM3_LEN), digest);
    json_t *data =
        json_pack("{s:s, s:s, s:s, s:b, s:s}", "code", m->code.text, "deadline", deadline, "scene",
                  m->scene->scene, "oneTime", m->scene->is_one_time, "consentDigest", digest);
    PHI_GUARD(data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (request->wants_picture)
        PHI_GUARD(draw(call, request, m, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

static void count(struct phi_api_call *call, void *counter)
{
    (void)call;
    phi_counter_add(counter, 1);
}

enum phi_err codegen_mint(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct mint_request request = {0};
    struct mint_result minted = {0};
    PHI_GUARD(parse(call, &request, error));
    PHI_GUARD(codegen_subject(call, minted.subject));
    PHI_GUARD(find_application(call, &request, &minted, error));
    PHI_GUARD(make_code(call, &minted));
    PHI_GUARD(keep(call, &request, &minted));
    PHI_GUARD(announce(call, &minted));
    PHI_GUARD(tell(call, &request, &minted));
    phi_api_after_commit(call, count, codegen_of(call)->minted);
out:
    phi_wipe(&minted, sizeof(minted));
    return err;
}
