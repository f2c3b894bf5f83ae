/* Decisions that their province has not answered, sent again as they were: one that comes twice is
 * carried out once, and the answer to an earlier one is not taken for that to a later one. */
#include "svc-platform/appeals/appeals.h"

#include "bus/event_row.h"
#include "bus/signed.h"

#define AT_ONCE_MAX 100
#define LETTER_ROOM (256 * 1024)

static enum phi_err send(struct platform *platform, struct phi_conn *tx,
                         const struct phi_rows *rows, size_t i, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t now_us = phi_clock_now_us(NULL);
    const struct phi_signer signer = {.key_serial = platform->appeals->correction_serial,
                                      .key = platform->appeals->correction_key};
    struct phi_arena *arena = phi_arena_new(LETTER_ROOM);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_event event = {
        .topic = phi_arena_printf(arena, "phi.%s." DISPUTE_DOWN, phi_rows_text(rows, i, 0)),
        .type = "cn.phi.appeal.decided",
        .source = phi_service_source(platform->service),
        .time_us = now_us,
        .value = phi_view_text(phi_rows_text(rows, i, 1))};
    PHI_GUARD(event.topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)now_us, arena));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    phi_arena_free(arena);
    return err;
}

enum phi_err appeals_resend(struct platform *platform, struct phi_conn *tx, size_t *count,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(NULL);
    int64_t every_s = phi_config_int(phi_service_config(platform->service), "PHI_DISPUTE_RESEND_S");
    const struct phi_param params[] = {PHI_I64(now_us), PHI_I64(now_us + every_s * 1000000),
                                       PHI_I64(AT_ONCE_MAX)};
    *count = 0;
    if (platform->appeals == NULL)
        return PHI_OK;
    PHI_GUARD(phi_conn_exec(tx, "appeals_resend",
                            "UPDATE appeals a SET next_us = $2 FROM (SELECT region, case_id FROM "
                            "appeals WHERE next_us <= $1 ORDER BY next_us LIMIT $3 FOR UPDATE SKIP "
                            "LOCKED) late WHERE a.region = late.region AND a.case_id = "
                            "late.case_id RETURNING a.region, a.letter",
                            params, 3, &rows, error));
    *count = phi_rows_count(rows);
    for (size_t i = 0; i < *count; i++)
        PHI_GUARD(send(platform, tx, rows, i, error));
out:
    phi_rows_free(rows);
    return err;
}
