#include "forms/form.h"

#define NUMBER_MAX     32
#define SEAT_MAX       32
#define COMPANIONS_MAX 500
#define PURPOSE_MAX    200

static const char *const modes[] = {"train", "plane", "bus", "ship", "car", "taxi", "other"};

static enum phi_err read_times(const struct phi_json_at *at, int64_t now_us, struct form_trip *out,
                               struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t departed_us = 0, arrived_us = 0;
    PHI_GUARD(form_past(at, "departedAt", now_us, &departed_us, error));
    PHI_GUARD(form_past(at, "arrivedAt", now_us, &arrived_us, error));
    PHI_GUARD(form_order(at, "arrivedAt", departed_us, arrived_us, error));
    PHI_GUARD(form_put_time(out->content, "departedAt", departed_us));
    PHI_GUARD(form_put_time(out->content, "arrivedAt", arrived_us));
    out->observed_us = arrived_us;
out:
    return err;
}

static enum phi_err read_trip(const struct phi_json_at *at, int64_t now_us, struct phi_arena *arena,
                              struct form_trip *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"mode",       "number",     "seat",
                                          "fromRegion", "toRegion",   "departedAt",
                                          "arrivedAt",  "companions", "purpose"};
    const char *from = NULL, *to = NULL;
    PHI_GUARD(form_object(arena, &out->content));
    PHI_GUARD(form_object(arena, &out->personal));
    PHI_GUARD(phi_json_only(at, members, FORM_COUNT(members), error));
    PHI_GUARD(form_move_choice(at, "mode", modes, FORM_COUNT(modes), out->content, error));
    PHI_GUARD(form_region(at, "fromRegion", &from, error));
    PHI_GUARD(form_region(at, "toRegion", &to, error));
    PHI_GUARD(form_put_text(out->content, "fromRegion", from));
    PHI_GUARD(form_put_text(out->content, "toRegion", to));
    PHI_GUARD(read_times(at, now_us, out, error));
    PHI_GUARD(form_move_text(at, "number", NUMBER_MAX, out->personal, error));
    PHI_GUARD(form_move_text(at, "seat", SEAT_MAX, out->personal, error));
    PHI_GUARD(form_move_text(at, "companions", COMPANIONS_MAX, out->personal, error));
    PHI_GUARD(form_move_text(at, "purpose", PURPOSE_MAX, out->personal, error));
out:
    return err;
}

enum phi_err form_trips_read(const struct phi_json_at *body, int64_t now_us,
                             struct phi_arena *arena, struct form_trips *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at trips;
    size_t count = 0;
    PHI_GUARD(phi_json_array(body, "trips", 1, FORM_TRIPS_MAX, &trips, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at trip = phi_json_item(&trips, i);
        PHI_GUARD(read_trip(&trip, now_us, arena, &out->items[i], error));
    }
    out->count = count;
out:
    return err;
}
