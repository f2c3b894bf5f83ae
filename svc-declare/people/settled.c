#include "svc-declare/people/settled.h"

#include "bus/signed.h"
#include "json/canonical.h"

const char *const settled_words[SETTLED_KINDS] = {"consent", "consent-end", "basic", "link"};

const char *settled_base64(struct phi_arena *arena, struct phi_view bytes)
{
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(bytes.len) + 1);
    if (text != NULL)
        phi_base64_encode(bytes, text);
    return text;
}

static enum phi_err value_of(struct phi_api_call *call, const uint8_t *subject,
                             enum settled_kind kind, json_t *content, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    char hex[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(subject, PHI_SUBJECT_LEN), hex);
    phi_rfc3339_format(phi_api_now_us(call), at);
    json_t *json = json_pack("{s:s, s:s, s:i, s:s, s:s, s:O}", "region",
                             phi_service_region(phi_api_service(call)), "subject", hex,
                             "subjectKeyVersion", PHI_SUBJECT_KEY_VERSION, "at", at, "kind",
                             settled_words[kind], "content", content);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, out));
out:
    return err;
}

enum phi_err settled_tell(struct phi_api_call *call, const uint8_t *subject, enum settled_kind kind,
                          json_t *content)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {
        .topic = phi_service_topic(phi_api_service(call), SETTLED_STREAM),
        .type = "cn.phi." SETTLED_STREAM,
        .time_us = phi_api_now_us(call),
        .key = phi_view_of(subject, PHI_SUBJECT_LEN),
    };
    PHI_GUARD(phi_json_keep(phi_api_arena(call), content));
    PHI_GUARD(value_of(call, subject, kind, content, &event.value));
    PHI_GUARD(phi_mac_add(&event, declare_of(call)->keys.bus, phi_api_arena(call)));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err settled_end_consents(struct phi_api_call *call, const uint8_t *subject,
                                  const char *purpose)
{
    enum phi_err err = PHI_OK;
    const struct phi_param row[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN), PHI_TEXT(purpose),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_WITHDRAWALS, row, 3));
    PHI_GUARD(
        settled_tell(call, subject, SETTLED_CONSENT_END, json_pack("{s:s}", "purpose", purpose)));
out:
    return err;
}
