#include "svc-platform/entries/quality.h"

#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_US INT64_C(86400000000)

void quality_begin(struct quality *quality, const struct phi_batch *batch)
{
    *quality = (struct quality){.batch = batch};
    memcpy(quality->region, batch->topic + strlen("phi."), 6);
}

static struct quality_reason *slot(struct quality *quality, enum phi_err reason)
{
    for (size_t i = 0; i < quality->reason_count; i++)
        if (quality->reasons[i].reason == reason)
            return &quality->reasons[i];
    if (quality->reason_count == QUALITY_REASONS)
        return &quality->reasons[QUALITY_REASONS - 1];
    struct quality_reason *fresh = &quality->reasons[quality->reason_count++];
    *fresh = (struct quality_reason){.reason = reason};
    return fresh;
}

void quality_refuse(struct quality *quality, const struct phi_msg *msg, enum phi_err reason,
                    const char *place)
{
    struct quality_reason *one = slot(quality, reason);
    bool is_ours = reason != PHI_ERR_FIELD_UNKNOWN && reason != PHI_ERR_JSON;
    one->count++;
    snprintf(one->example, sizeof(one->example), "partition %d offset %" PRId64 "%s%.60s",
             msg->partition, msg->offset, is_ours && place[0] != '\0' ? " at " : "",
             is_ours ? place : "");
}

static int64_t refused_of(const struct quality *quality)
{
    int64_t refused = 0;
    for (size_t i = 0; i < quality->reason_count; i++)
        refused += quality->reasons[i].count;
    return refused;
}

static enum phi_err store_batch(const struct quality *quality, int64_t now_us, struct phi_conn *tx)
{
    const struct phi_batch *batch = quality->batch;
    int64_t behind = batch->high > batch->next ? batch->high - batch->next : 0;
    const struct phi_param params[] = {PHI_TEXT(quality->region),
                                       PHI_I64(batch->partition),
                                       PHI_I64(now_us / DAY_US),
                                       PHI_I64(quality->taken),
                                       PHI_I64(quality->older),
                                       PHI_I64(refused_of(quality)),
                                       PHI_I64(behind),
                                       PHI_I64(batch->msgs[batch->count - 1].time_ms * 1000),
                                       PHI_I64(now_us)};
    return phi_conn_exec(
        tx, "intake_add",
        "INSERT INTO intake AS i (region, partition, day, taken, older, refused, behind, "
        "record_us, seen_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (region, "
        "partition, day) DO UPDATE SET taken = i.taken + excluded.taken, older = i.older + "
        "excluded.older, refused = i.refused + excluded.refused, behind = excluded.behind, "
        "record_us = excluded.record_us, seen_us = excluded.seen_us",
        params, 9, NULL, NULL);
}

static enum phi_err store_reason(const struct quality *quality, const struct quality_reason *one,
                                 int64_t now_us, struct phi_conn *tx)
{
    const struct phi_param params[] = {
        PHI_TEXT(quality->region), PHI_I64(now_us / DAY_US), PHI_TEXT(phi_err_name(one->reason)),
        PHI_I64(one->count),       PHI_I64(now_us),          PHI_TEXT(one->example)};
    return phi_conn_exec(tx, "refusal_add",
                         "INSERT INTO refusals AS r (region, day, reason, count, last_us, example) "
                         "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (region, day, reason) DO "
                         "UPDATE SET count = r.count + excluded.count, last_us = "
                         "excluded.last_us, example = excluded.example",
                         params, 6, NULL, NULL);
}

enum phi_err quality_store(const struct quality *quality, int64_t now_us, struct phi_conn *tx)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(store_batch(quality, now_us, tx));
    for (size_t i = 0; i < quality->reason_count; i++)
        PHI_GUARD(store_reason(quality, &quality->reasons[i], now_us, tx));
out:
    return err;
}

void quality_committed(const struct phi_batch *batch, int64_t now_us)
{
    char label[32];
    int64_t waited_us = now_us - batch->msgs[batch->count - 1].time_ms * 1000;
    snprintf(label, sizeof(label), "region=\"%.6s\"", batch->topic + strlen("phi."));
    phi_gauge_set(phi_gauge_new("phi_platform_directory_lag_seconds",
                                "age of the last entry taken when it was taken, by province",
                                label),
                  waited_us > 0 ? waited_us / 1000000 : 0);
}
