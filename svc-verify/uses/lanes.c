/* More than one group commit at a time: while one waits for its flush, or for the database's
 * processor, the next is under way. Once stays once, as between two replicas: the tables' keys
 * decide. */
#include "svc-verify/verify.h"

#include "store/outbox.h"
#include "store/tables.h"

#include <stdio.h>
#include <string.h>

/* The same tables in the same order as the service's own lane has. */
static struct phi_lane_table tables[PHI_API_OWN + VERIFY_TABLES] = {
    [PHI_API_NONCES] = PHI_LANE_NONCES,
    [PHI_API_IDEMPOTENCY] = PHI_LANE_IDEMPOTENCY,
    [PHI_API_OUTBOX] = PHI_LANE_OUTBOX,
};

enum phi_err verify_lanes_open(struct verify *verify, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = verify->service;
    size_t wanted = (size_t)phi_config_int(phi_service_config(service), "PHI_VERIFY_LANES");
    memcpy(tables + PHI_API_OWN, verify_tables, sizeof(struct phi_lane_table) * VERIFY_TABLES);
    verify->lanes[verify->lane_count++] = phi_service_lane(service);
    while (verify->lane_count < wanted) {
        char name[32];
        snprintf(name, sizeof(name), "uses%zu", verify->lane_count + 1);
        const struct phi_lane_options options = {
            .name = name, .tables = tables, .table_count = PHI_API_OWN + VERIFY_TABLES};
        PHI_GUARD(phi_lane_open(phi_service_store(service), &options,
                                &verify->lanes[verify->lane_count], error));
        verify->lane_count++;
    }
out:
    return err;
}

struct phi_lane *verify_lane(struct verify *verify)
{
    struct phi_lane *least = verify->lanes[0];
    for (size_t i = 1; i < verify->lane_count; i++) {
        struct phi_lane *lane = verify->lanes[i];
        if (phi_lane_is_up(lane) && phi_lane_depth(lane) < phi_lane_depth(least))
            least = lane;
    }
    return least;
}

/* The first is the service's, which closes it itself. */
void verify_lanes_close(struct verify *verify)
{
    while (verify->lane_count > 1)
        phi_lane_close(verify->lanes[--verify->lane_count]);
}
