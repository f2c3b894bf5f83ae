/* The telling of an approved retraction, a batch of records at a time. */
#include "svc-declare/sources/retraction.h"

#include "bus/event_row.h"
#include "bus/signed.h"
#include "json/canonical.h"
#include "store/tables.h"
#include "store/columns.h"

#include <inttypes.h>
#include <stdio.h>

#define ARENA_MAX  (8 * 1024 * 1024)
#define ACQUIRE_MS 2000
#define STREAM     "correction.decided"

struct work {
    struct phi_service *service;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
    struct phi_rows *act;     /* the retraction's row */
    struct phi_rows *records; /* record_no, subject, observed_us */
    struct phi_event *events;
    int64_t now_us;
};

enum { ACT_ID, ACT_SOURCE, ACT_INSTITUTION, ACT_REASON, ACT_APPROVED };

/* One replica at a time: a row that another works on is passed over. */
static enum phi_err find(struct work *w)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_conn_exec(w->tx, "retraction_next",
                            "SELECT retraction_id, source, institution, reason, approved_us FROM "
                            "retractions WHERE state = 'approved' ORDER BY approved_us LIMIT 1 FOR "
                            "UPDATE SKIP LOCKED",
                            NULL, 0, &w->act, w->error));
    if (phi_rows_count(w->act) == 0)
        return PHI_OK;
    const struct phi_param params[] = {PHI_BYTES(phi_rows_bytes(w->act, 0, ACT_ID)),
                                       PHI_I64(RETRACTION_BATCH)};
    PHI_GUARD(phi_conn_exec(w->tx, "retraction_batch",
                            "SELECT record_no, subject, observed_us FROM retraction_records WHERE "
                            "retraction_id = $1 AND NOT is_told ORDER BY record_no LIMIT $2",
                            params, 2, &w->records, w->error));
out:
    return err;
}

static enum phi_err value_of(const struct work *w, size_t i, struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    char id[64], subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX], version[24];
    char observed[PHI_RFC3339_MAX];
    bool is_known = !phi_rows_is_null(w->records, i, 2); /* of one approved since it is kept */
    int64_t approved_us = phi_rows_i64(w->act, 0, ACT_APPROVED);
    phi_hex_encode(phi_rows_bytes(w->act, 0, ACT_ID), id);
    phi_hex_encode(phi_rows_bytes(w->records, i, 1), subject);
    phi_rfc3339_format(approved_us, at);
    snprintf(version, sizeof(version), "%" PRId64, approved_us);
    phi_rfc3339_format(is_known ? phi_rows_i64(w->records, i, 2) : 0, observed);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:s*}", "caseId", id,
        "decisionVersion", version, "subject", subject, "action", "retract", "fact", "region",
        phi_service_region(w->service), "source", phi_rows_text(w->act, 0, ACT_SOURCE),
        "institution", phi_rows_text(w->act, 0, ACT_INSTITUTION), "recordNo",
        phi_rows_text(w->records, i, 0), "decidedAt", at, "reason",
        phi_rows_text(w->act, 0, ACT_REASON), "observedAt", is_known ? observed : NULL);
    PHI_GUARD(phi_json_keep(w->arena, json));
    PHI_GUARD(phi_json_canonical(json, w->arena, out));
out:
    return err;
}

static enum phi_err add_event(const struct work *w, size_t i, struct phi_columns *to)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(w->service);
    const struct phi_signer signer = {.key_serial = declare->retraction_serial,
                                      .key = declare->retraction_key};
    struct phi_param row[PHI_OUTBOX_COLUMNS];
    struct phi_event *event = &w->events[i];
    *event = (struct phi_event){.topic = phi_service_topic(w->service, STREAM),
                                .type = "cn.phi." STREAM,
                                .source = phi_service_source(w->service),
                                .time_us = w->now_us,
                                .key = phi_rows_bytes(w->records, i, 1)};
    PHI_GUARD(value_of(w, i, &event->value));
    PHI_GUARD(phi_event_new_id(event));
    PHI_GUARD(
        phi_signed_add(event, &signer, (uint64_t)phi_rows_i64(w->act, 0, ACT_APPROVED), w->arena));
    PHI_GUARD(phi_event_to_row(event, w->now_us, w->arena, row));
    PHI_GUARD(phi_columns_add(to, row));
out:
    return err;
}

/* The batch is told and marked, and the act is done when nothing is left. */
static enum phi_err mark(const struct work *w)
{
    enum phi_err err = PHI_OK;
    size_t count = phi_rows_count(w->records);
    const struct phi_param id = PHI_BYTES(phi_rows_bytes(w->act, 0, ACT_ID));
    if (count > 0) {
        const struct phi_param marks[] = {id, PHI_TEXT(phi_rows_text(w->records, count - 1, 0))};
        PHI_GUARD(phi_conn_exec(w->tx, "retraction_mark",
                                "UPDATE retraction_records SET is_told = true WHERE retraction_id "
                                "= $1 AND NOT is_told AND record_no <= $2",
                                marks, 2, NULL, w->error));
    }
    const struct phi_param progress[] = {id, PHI_I64(count), PHI_BOOL(count < RETRACTION_BATCH),
                                         PHI_I64(w->now_us)};
    PHI_GUARD(phi_conn_exec(w->tx, "retraction_progress",
                            "UPDATE retractions SET told = told + $2, state = CASE WHEN $3 THEN "
                            "'done' ELSE state END, finished_us = CASE WHEN $3 THEN $4::bigint END "
                            "WHERE retraction_id = $1",
                            progress, 4, NULL, w->error));
out:
    return err;
}

static enum phi_err tell(struct work *w)
{
    enum phi_err err = PHI_OK;
    struct phi_columns outbox = {0};
    size_t count = phi_rows_count(w->records);
    w->events = phi_arena_alloc(w->arena, (count + 1) * sizeof(*w->events));
    PHI_GUARD(w->events == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_columns_init(&outbox, phi_outbox_columns, PHI_OUTBOX_COLUMNS));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(add_event(w, i, &outbox));
    if (count > 0)
        PHI_GUARD(
            phi_columns_write(&outbox, w->tx, "retraction_outbox", phi_outbox_insert, w->error));
    PHI_GUARD(mark(w));
    PHI_GUARD(phi_conn_commit(w->tx, w->error));
    phi_relay_offer(phi_service_relay(w->service), w->events, count);
out:
    phi_columns_fini(&outbox);
    return err;
}

enum phi_err retraction_work(struct phi_service *service, bool *is_done, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct work w = {.service = service,
                     .error = error,
                     .arena = phi_arena_new(ARENA_MAX),
                     .now_us = phi_clock_now_us(phi_service_clock(service))};
    PHI_GUARD(w.arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &w.tx));
    PHI_GUARD(phi_conn_begin(w.tx, error));
    PHI_GUARD(find(&w));
    *is_done = phi_rows_count(w.act) == 0;
    if (!*is_done)
        PHI_GUARD(tell(&w));
out:
    phi_rows_free(w.records);
    phi_rows_free(w.act);
    phi_store_release(w.tx);
    phi_arena_free(w.arena);
    return err;
}
