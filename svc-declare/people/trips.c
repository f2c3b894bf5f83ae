/* 信息申报 of trips (GB/T 38963 6.3): one fact a trip, numbered within the request. */
#include "svc-declare/people/declaration.h"
#include "forms/form.h"

#include "base/metrics.h"

#define TRIPS_PATH "/v1/declarations/trips"

static enum phi_err add(struct declaration *d, const struct form_trips *form)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < form->count; i++) {
        const struct form_trip *trip = &form->items[i];
        const char *route = phi_arena_printf(phi_api_arena(d->call), TRIPS_PATH "#%zu", i + 1);
        PHI_GUARD(route == NULL ? PHI_ERR_MEMORY : PHI_OK);
        PHI_GUARD(declaration_add(d, route, trip->observed_us, trip->content, trip->personal));
    }
out:
    return err;
}

static enum phi_err tell(struct declaration *d)
{
    enum phi_err err = PHI_OK;
    json_t *ids = json_array();
    PHI_GUARD(phi_json_keep(phi_api_arena(d->call), ids));
    for (size_t i = 0; i < d->count; i++) {
        char id[2 * PHI_FACT_ID_LEN + 1];
        phi_hex_encode(phi_view_of(d->facts[i].id, PHI_FACT_ID_LEN), id);
        PHI_GUARD(json_array_append_new(ids, json_string(id)) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    phi_api_data(d->call, json_pack("{s:O}", "factIds", ids));
out:
    return err;
}

static void count(struct phi_api_call *call, void *trips)
{
    const size_t *count = trips;
    phi_counter_add(declare_of(call)->trips, *count);
}

enum phi_err declare_trips(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct form_trips form = {0};
    struct declaration d;
    PHI_GUARD(form_trips_read(&body, phi_api_now_us(call), phi_api_arena(call), &form, error));
    PHI_GUARD(declaration_begin(call, "declare.trip", &d, error));
    PHI_GUARD(add(&d, &form));
    PHI_GUARD(declaration_check(&d, error));
    PHI_GUARD(declaration_find_key(&d, error));
    PHI_GUARD(declaration_keep(&d));
    PHI_GUARD(tell(&d));
    size_t *trips = phi_arena_copy(phi_api_arena(call), &d.count, sizeof(d.count));
    PHI_GUARD(trips == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_api_after_commit(call, count, trips);
out:
    return err;
}
