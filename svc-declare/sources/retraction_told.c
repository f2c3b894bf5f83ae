#include "svc-declare/sources/retraction_told.h"

#include "bus/signed.h"
#include "json/canonical.h"

#define BATCH_STREAM "correction.batch"

struct texts {
    char id[2 * RETRACTION_ID_LEN + 1];
    char officer[2 * PHI_SM3_LEN + 1];
    char at[PHI_RFC3339_MAX];
    const char *unit;
};

static void write_texts(struct phi_api_call *call, const struct retraction_act *act,
                        struct texts *out)
{
    phi_hex_encode(phi_view_of(act->id, RETRACTION_ID_LEN), out->id);
    phi_hex_encode(phi_view_of(act->officer, PHI_SM3_LEN), out->officer);
    phi_rfc3339_format(phi_api_now_us(call), out->at);
    out->unit = phi_api_who(call)->staff->unit;
}

static enum phi_err fill(struct phi_api_call *call, const struct retraction_act *act, json_t *json,
                         struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    event->source = phi_service_source(phi_api_service(call));
    event->time_us = phi_api_now_us(call);
    event->key = phi_view_of(act->id, RETRACTION_ID_LEN);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &event->value));
    PHI_GUARD(phi_event_new_id(event));
out:
    return err;
}

static enum phi_err audit(struct phi_api_call *call, struct phi_conn *tx,
                          const struct retraction_act *act, const struct texts *texts,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_event event = {.topic = phi_service_topic(phi_api_service(call), "audit"),
                              .type = "cn.phi.audit.retraction"};
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "retractionId", texts->id,
                             "step", act->audited, "source", act->kind->stream, "institution",
                             act->institution, "records", (json_int_t)act->records, "officer",
                             texts->officer, "unit", texts->unit, "at", texts->at);
    PHI_GUARD(fill(call, act, json, &event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}

static enum phi_err tell_case(struct phi_api_call *call, struct phi_conn *tx,
                              const struct retraction_act *act, const struct texts *texts,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    const struct declare *declare = declare_of(call);
    const struct phi_signer signer = {.key_serial = declare->retraction_serial,
                                      .key = declare->retraction_key};
    struct phi_event event = {.topic = phi_service_topic(service, BATCH_STREAM),
                              .type = "cn.phi." BATCH_STREAM};
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s}", "batchId", texts->id,
                  "step", act->step, "region", phi_service_region(service), "source",
                  act->kind->stream, "institution", act->institution, "reason", act->reason,
                  "records", (json_int_t)act->records, "people", (json_int_t)act->people, "officer",
                  texts->officer, "unit", texts->unit, "at", texts->at);
    PHI_GUARD(fill(call, act, json, &event));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)phi_api_now_us(call), phi_api_arena(call)));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    return err;
}

enum phi_err retraction_tell(struct phi_api_call *call, struct phi_conn *tx,
                             const struct retraction_act *act, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct texts texts;
    write_texts(call, act, &texts);
    PHI_GUARD(audit(call, tx, act, &texts, error));
    PHI_GUARD(tell_case(call, tx, act, &texts, error));
out:
    return err;
}
