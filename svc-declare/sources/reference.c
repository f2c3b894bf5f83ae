#include "svc-declare/sources/reference.h"

#include "bus/event_row.h"
#include "bus/signed.h"
#include "json/canonical.h"

int64_t reference_version(int64_t last, int64_t now_us)
{
    return last >= now_us ? last + 1 : now_us;
}

enum phi_err reference_put(struct phi_service *service, struct phi_conn *tx, const char *stream,
                           const char *key, json_t *value, int64_t version, struct phi_arena *arena,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(service);
    const struct phi_signer signer = {.key_serial = declare->places_serial,
                                      .key = declare->places_key};
    struct phi_view bytes;
    PHI_GUARD(json_object_set_new(value, "version", json_integer(version)) == 0 ? PHI_OK
                                                                                : PHI_ERR_MEMORY);
    PHI_GUARD(phi_json_canonical(value, arena, &bytes));
    struct phi_event event = {.topic = phi_service_topic(service, stream),
                              .type = phi_arena_printf(arena, "cn.phi.%s", stream),
                              .source = phi_service_source(service),
                              .key = phi_view_text(key),
                              .value = bytes};
    PHI_GUARD(event.type == NULL ? PHI_ERR_MEMORY : PHI_OK);
    event.time_us = phi_clock_now_us(phi_service_clock(service));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)version, arena));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}
