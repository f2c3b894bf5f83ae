#include "svc-codegen/mint.h"

#include "json/canonical.h"

#include <string.h>

enum phi_err codegen_minted_event(struct phi_service *service, const struct recent_entry *code,
                                  struct phi_arena *arena, struct phi_event *out)
{
    enum phi_err err = PHI_OK;
    char serial[2 * PHI_SM3_LEN + 1], deadline[PHI_RFC3339_MAX], minted[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(code->serial_hmac, PHI_SM3_LEN), serial);
    phi_rfc3339_format(code->deadline_s * 1000000, deadline);
    phi_rfc3339_format(code->minted_us, minted);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:s, s:s, s:s}", "serialHmac", serial, "platform",
                  phi_service_region(service), "keySetId", (int)code->key_set, "scene",
                  code->scene->scene, "oneTime", (code->flags & PHI_JKM1_ONE_TIME) != 0, "paper",
                  (code->flags & PHI_JKM1_PAPER) != 0, "deadline", deadline, "mintedAt", minted,
                  "app", code->app_id);
    PHI_GUARD(phi_json_keep(arena, json));
    *out = (struct phi_event){.topic = phi_service_topic(service, "code.minted"),
                              .type = "cn.phi.code.minted",
                              .time_us = code->minted_us,
                              .key = phi_view_of(code->serial_hmac, PHI_SUBJECT_LEN)};
    memcpy(out->id, code->event_id, PHI_EVENT_ID_LEN);
    PHI_GUARD(phi_json_canonical(json, arena, &out->value));
out:
    return err;
}
