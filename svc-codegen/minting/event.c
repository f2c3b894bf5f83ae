#include "svc-codegen/minting/mint.h"

#include <string.h>

static const char *truth(int flag)
{
    return flag != 0 ? "true" : "false";
}

enum phi_err codegen_minted_event(struct phi_service *service, const struct recent_entry *code,
                                  struct phi_arena *arena, struct phi_event *out)
{
    enum phi_err err = PHI_OK;
    char serial[2 * PHI_SM3_LEN + 1], deadline[PHI_RFC3339_MAX], minted[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(code->serial_hmac, PHI_SM3_LEN), serial);
    phi_rfc3339_format(code->deadline_s * 1000000, deadline);
    phi_rfc3339_format(code->minted_us, minted);
    /* Canonical JSON as it stands: members in order, and words and times need no escapes. */
    const char *value = phi_arena_printf(
        arena,
        "{\"app\":\"%s\",\"deadline\":\"%s\",\"keySetId\":%u,\"mintedAt\":\"%s\",\"oneTime\":%s,"
        "\"paper\":%s,\"platform\":\"%s\",\"scene\":\"%s\",\"serialHmac\":\"%s\"}",
        code->app_id, deadline, (unsigned)code->key_set, minted,
        truth(code->flags & PHI_JKM1_ONE_TIME), truth(code->flags & PHI_JKM1_PAPER),
        phi_service_region(service), code->scene->scene, serial);
    PHI_GUARD(value == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = (struct phi_event){.topic = phi_service_topic(service, "code.minted"),
                              .type = "cn.phi.code.minted",
                              .time_us = code->minted_us,
                              .key = phi_view_of(code->serial_hmac, PHI_SUBJECT_LEN),
                              .value = phi_view_text(value)};
    memcpy(out->id, code->event_id, PHI_EVENT_ID_LEN);
out:
    return err;
}
