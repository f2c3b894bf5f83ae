#include "svc-platform/heal/ask.h"

#include "bus/event_row.h"
#include "codes/bucket.h"
#include "svc-platform/entries/quality.h"

#include <inttypes.h>
#include <stdio.h>

#define ASK_ARENA (16 * 1024)

static enum phi_err make(struct phi_service *service, const char *region, const char *json,
                         int64_t now_us, struct phi_arena *arena, struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    const char *topic = phi_arena_printf(arena, "phi.%s.directory.request", region);
    PHI_GUARD(topic == NULL || json == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *event = (struct phi_event){.topic = topic,
                                .type = "cn.phi.directory.request",
                                .source = phi_service_source(service),
                                .time_us = now_us,
                                .value = phi_view_text(json)};
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(phi_service_sign_event(service, event, (uint64_t)now_us, arena));
out:
    return err;
}

enum phi_err heal_ask_event(struct phi_service *service, const char *region, uint16_t bucket,
                            int64_t now_us, struct phi_arena *arena, struct phi_event *event)
{
    const char *json =
        phi_arena_printf(arena, "{\"bucket\":%u,\"region\":\"%s\",\"version\":\"%" PRId64 "\"}",
                         bucket, region, now_us);
    return make(service, region, json, now_us, arena, event);
}

enum phi_err heal_ask(struct phi_service *service, const char *region, uint16_t bucket,
                      int64_t now_us, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(ASK_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(heal_ask_event(service, region, bucket, now_us, arena, &event));
    PHI_GUARD(phi_event_put(tx, &event, NULL));
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err heal_ask_digests(struct phi_service *service, const char *region, uint16_t first,
                              uint16_t last, int64_t now_us, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    struct phi_arena *arena = phi_arena_new(ASK_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    const char *json =
        phi_arena_printf(arena,
                         "{\"digests\":true,\"first\":%u,\"last\":%u,\"region\":\"%s\","
                         "\"version\":\"%" PRId64 "\"}",
                         first, last, region, now_us);
    PHI_GUARD(make(service, region, json, now_us, arena, &event));
    PHI_GUARD(phi_event_put(tx, &event, NULL));
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err platform_heal_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    const char *region = NULL;
    int64_t bucket = 0;
    struct phi_event event;
    PHI_GUARD(quality_region(call, &region, error));
    PHI_GUARD(phi_json_int(&body, "bucket", 0, PHI_BUCKETS - 1, &bucket, error));
    PHI_GUARD(heal_ask_event(phi_api_service(call), region, (uint16_t)bucket, phi_api_now_us(call),
                             phi_api_arena(call), &event));
    PHI_GUARD(phi_api_event(call, &event));
    phi_api_data(call, json_pack("{s:s, s:I}", "region", region, "bucket", (json_int_t)bucket));
out:
    return err;
}
