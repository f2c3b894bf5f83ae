#include "svc-declare/sources/intake.h"

#include "base/metrics.h"
#include "store/tables.h"
#include "svc-declare/people/keys.h"
#include "store/columns.h"
#include "svc-declare/sources/report.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_MAX_BYTES (16 * 1024 * 1024)
#define INTAKE_COLUMNS  11

static const enum phi_column intake_columns[INTAKE_COLUMNS] = {
    PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT,
    PHI_COLUMN_I64,  PHI_COLUMN_BYTES, PHI_COLUMN_BYTES, PHI_COLUMN_BYTES,
    PHI_COLUMN_I64,  PHI_COLUMN_I64,   PHI_COLUMN_I64};

static const char intake_insert[] =
    "INSERT INTO intake (region, source, institution, record_no, revision, content_digest, "
    "fact_id, subject, "
    "subject_key, observed_us, recorded_us) SELECT * FROM unnest($1::text[], $2::text[], "
    "$3::text[], "
    "$4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bigint[], $10::bigint[], "
    "$11::bigint[])";

/* For each line in order: the digest of its number and revision, the person of its number. */
static const char intake_find[] =
    "SELECT (SELECT i.content_digest FROM intake i WHERE i.region = $1 AND i.source = $2 AND "
    "i.institution = $3 AND i.record_no = w.record_no AND i.revision = w.revision), "
    "(SELECT i.subject FROM intake i WHERE i.region = $1 AND i.source = $2 AND i.institution = $3 "
    "AND "
    "i.record_no = w.record_no LIMIT 1) "
    "FROM unnest($4::text[], $5::bigint[]) WITH ORDINALITY AS w (record_no, revision, line) ORDER "
    "BY w.line";

struct intake *intake_new(const struct intake_from *from, const struct form_kind *kind,
                          const char *institution)
{
    struct intake *intake = calloc(1, sizeof(*intake));
    if (intake == NULL)
        return NULL;
    intake->from = *from;
    intake->kind = kind;
    intake->institution = institution;
    intake->arena = phi_arena_new(ARENA_MAX_BYTES);
    if (intake->arena != NULL)
        return intake;
    free(intake);
    return NULL;
}

void intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    phi_arena_free(intake->arena);
    free(intake);
}

static const char *region_of(const struct intake *intake)
{
    return phi_service_region(intake->from.service);
}

static enum phi_err read_fact(struct intake *intake, struct phi_view line, struct fact *fact,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct form_source form;
    const struct declare *declare = phi_service_state(intake->from.service);
    const struct fact_keys *keys = &declare->keys;
    int64_t now_us = intake->from.now_us;
    if (line.len > INTAKE_LINE_MAX_BYTES)
        return phi_error_set(error, PHI_ERR_BODY_TOO_LARGE, "$", "longer than %d bytes",
                             INTAKE_LINE_MAX_BYTES);
    PHI_GUARD(form_source_read(intake->kind, line, now_us, intake->arena, &form, error));
    *fact = (struct fact){
        .stream = intake->kind->stream,
        .institution = intake->institution,
        .record_no = form.record_no,
        .revision = form.revision,
        .observed_us = form.observed_us,
        .recorded_us = now_us,
        .content = form.content,
        .personal = form.personal,
    };
    PHI_GUARD(phi_subject_index(keys->index, &form.person, fact->subject));
    PHI_GUARD(fact_identify(keys, region_of(intake), intake->arena, fact));
out:
    return err;
}

enum phi_err intake_read(struct intake *intake, struct phi_view line)
{
    struct intake_line *out = &intake->lines[intake->count];
    if (intake->count == INTAKE_LINES_MAX)
        return PHI_ERR_INTERNAL;
    enum phi_err err = read_fact(intake, line, &out->fact, &out->error);
    if (phi_err_http_status(err) >= 500)
        return err;
    out->result = err == PHI_OK ? INTAKE_ACCEPTED : INTAKE_REJECTED;
    intake->count++;
    return PHI_OK;
}

/* One writer at a time for a source and institution, so that what was found stays true until the
 * commit. */
static enum phi_err lock(struct intake *intake, struct phi_conn *conn, struct phi_error *error)
{
    const struct phi_param params[] = {PHI_TEXT(intake->kind->stream),
                                       PHI_TEXT(intake->institution)};
    return phi_conn_exec(conn, "intake_lock",
                         "SELECT pg_advisory_xact_lock(hashtextextended("
                         "current_schema() || '.intake.' || $1 || '.' || $2, 0))",
                         params, 2, NULL, error);
}

/* Against what came earlier in the same transaction. */
static void decide_among(struct intake *intake, size_t line)
{
    struct intake_line *later = &intake->lines[line];
    for (size_t i = 0; i < line && later->result == INTAKE_ACCEPTED; i++) {
        const struct intake_line *earlier = &intake->lines[i];
        if (earlier->result != INTAKE_ACCEPTED ||
            strcmp(earlier->fact.record_no, later->fact.record_no) != 0)
            continue;
        bool is_same = earlier->fact.revision == later->fact.revision;
        intake_decide(later, phi_view_of(earlier->fact.digest, is_same ? PHI_SM3_LEN : 0),
                      phi_view_of(earlier->fact.subject, PHI_SUBJECT_LEN));
    }
}

static void decide_all(struct intake *intake, const struct phi_rows *rows)
{
    size_t row = 0;
    for (size_t i = 0; i < intake->count; i++) {
        if (intake->lines[i].result != INTAKE_ACCEPTED)
            continue;
        intake_decide(&intake->lines[i], phi_rows_bytes(rows, row, 0),
                      phi_rows_bytes(rows, row, 1));
        row++;
        decide_among(intake, i);
    }
}

static enum phi_err find(struct intake *intake, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns wanted;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_columns_init(&wanted, (enum phi_column[]){PHI_COLUMN_TEXT, PHI_COLUMN_I64}, 2));
    for (size_t i = 0; i < intake->count; i++) {
        const struct fact *fact = &intake->lines[i].fact;
        const struct phi_param row[] = {PHI_TEXT(fact->record_no), PHI_I64(fact->revision)};
        if (intake->lines[i].result == INTAKE_ACCEPTED)
            PHI_GUARD(phi_columns_add(&wanted, row));
    }
    const struct phi_param params[] = {PHI_TEXT(region_of(intake)), PHI_TEXT(intake->kind->stream),
                                       PHI_TEXT(intake->institution), PHI_ARRAY(wanted.arrays[0]),
                                       PHI_ARRAY(wanted.arrays[1])};
    PHI_GUARD(phi_conn_exec(conn, "intake_find", intake_find, params, 5, &rows, error));
    PHI_GUARD(phi_rows_count(rows) == phi_array_count(wanted.arrays[0]) ? PHI_OK
                                                                        : PHI_ERR_INTERNAL);
    decide_all(intake, rows);
out:
    phi_rows_free(rows);
    phi_columns_fini(&wanted);
    return err;
}

static enum phi_err add_intake(struct intake *intake, const struct fact *fact,
                               struct phi_columns *to)
{
    const struct phi_param row[INTAKE_COLUMNS] = {
        PHI_TEXT(region_of(intake)),
        PHI_TEXT(fact->stream),
        PHI_TEXT(fact->institution),
        PHI_TEXT(fact->record_no),
        PHI_I64(fact->revision),
        PHI_BYTES_OF(fact->digest, PHI_SM3_LEN),
        PHI_BYTES_OF(fact->id, PHI_FACT_ID_LEN),
        PHI_BYTES_OF(fact->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_I64(fact->observed_us),
        PHI_I64(fact->recorded_us),
    };
    return phi_columns_add(to, row);
}

static enum phi_err add_event(struct intake *intake, struct fact *fact, struct phi_event *event,
                              struct phi_columns *to)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = intake->from.service;
    const struct declare *declare = phi_service_state(service);
    struct phi_param row[PHI_OUTBOX_COLUMNS];
    PHI_GUARD(fact_complete(&declare->keys, phi_service_region(service),
                            phi_service_topic(service, fact->stream), intake->arena, fact, event));
    PHI_GUARD(phi_event_new_id(event));
    event->source = phi_service_source(service);
    event->request_id = intake->from.request_id;
    event->traceparent = intake->from.traceparent;
    PHI_GUARD(phi_event_to_row(event, intake->from.now_us, intake->arena, row));
    PHI_GUARD(phi_columns_add(to, row));
out:
    return err;
}

/* The data keys of the accepted lines' persons; events of those made now go first. */
static enum phi_err find_keys(struct intake *intake, struct phi_conn *conn, struct phi_columns *to,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct fact *facts[INTAKE_LINES_MAX];
    struct phi_param row[PHI_OUTBOX_COLUMNS];
    const struct keys_from from = {intake->from.service, intake->from.now_us,
                                   intake->from.request_id, intake->from.traceparent};
    size_t count = 0;
    for (size_t i = 0; i < intake->count; i++)
        if (intake->lines[i].result == INTAKE_ACCEPTED)
            facts[count++] = &intake->lines[i].fact;
    PHI_GUARD(keys_for_facts(&from, conn, intake->arena, facts, count, intake->events,
                             &intake->event_count, error));
    for (size_t i = 0; i < intake->event_count; i++) {
        PHI_GUARD(phi_event_to_row(&intake->events[i], from.now_us, intake->arena, row));
        PHI_GUARD(phi_columns_add(to, row));
    }
out:
    return err;
}

static enum phi_err write(struct intake *intake, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_columns lines = {0}, outbox = {0};
    PHI_GUARD(phi_columns_init(&lines, intake_columns, INTAKE_COLUMNS));
    PHI_GUARD(phi_columns_init(&outbox, phi_outbox_columns, PHI_OUTBOX_COLUMNS));
    PHI_GUARD(find_keys(intake, conn, &outbox, error));
    for (size_t i = 0; i < intake->count; i++) {
        struct fact *fact = &intake->lines[i].fact;
        if (intake->lines[i].result != INTAKE_ACCEPTED)
            continue;
        PHI_GUARD(add_intake(intake, fact, &lines));
        PHI_GUARD(add_event(intake, fact, &intake->events[intake->event_count], &outbox));
        intake->event_count++;
    }
    if (intake->event_count == 0)
        goto out;
    PHI_GUARD(phi_columns_write(&lines, conn, "intake_insert", intake_insert, error));
    PHI_GUARD(phi_columns_write(&outbox, conn, "intake_outbox", phi_outbox_insert, error));
out:
    phi_columns_fini(&lines);
    phi_columns_fini(&outbox);
    return err;
}

enum phi_err intake_settle(struct intake *intake, struct phi_conn *tx, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    intake->events = phi_arena_alloc(
        intake->arena, 2 * INTAKE_LINES_MAX * sizeof(*intake->events)); /* facts and keys */
    PHI_GUARD(intake->events == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(lock(intake, tx, error));
    PHI_GUARD(find(intake, tx, error));
    PHI_GUARD(write(intake, tx, error));
    PHI_GUARD(report_keep(intake, tx, error));
out:
    return err;
}

enum phi_err intake_store(struct intake *intake, struct phi_deadline deadline,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = intake->from.service;
    struct phi_conn *conn = NULL;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), deadline, &conn));
    PHI_GUARD(phi_conn_begin(conn, error));
    PHI_GUARD(intake_settle(intake, conn, error));
    PHI_GUARD(phi_conn_commit(conn, error));
    phi_relay_offer(phi_service_relay(service), intake->events, intake->event_count);
out:
    phi_store_release(conn);
    return err;
}

void intake_count(const struct intake *intake)
{
    const struct declare *declare = phi_service_state(intake->from.service);
    for (size_t i = 0; i < intake->count; i++)
        phi_counter_add(declare->lines[intake->lines[i].result], 1);
}
