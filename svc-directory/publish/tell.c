#include "svc-directory/publish/tell.h"

#include "base/time.h"
#include "bus/event_row.h"
#include "json/canonical.h"

#include <string.h>

/* What is told in one statement. */
struct letters {
    struct phi_event *events;
    uint64_t *versions;
    enum phi_err *errs;
    size_t count;
};

static enum phi_err letters_init(struct letters *out, size_t room, struct phi_arena *arena)
{
    *out = (struct letters){
        .events = phi_arena_alloc(arena, (room + 1) * sizeof(*out->events)),
        .versions = phi_arena_alloc(arena, (room + 1) * sizeof(*out->versions)),
        .errs = phi_arena_alloc(arena, (room + 1) * sizeof(*out->errs)),
    };
    bool is_there = out->events != NULL && out->versions != NULL && out->errs != NULL;
    return is_there ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err add(const struct tell *tell, struct letters *letters, struct phi_arena *arena,
                        const struct phi_event *of, json_t *json, int64_t version)
{
    enum phi_err err = PHI_OK;
    struct phi_event *event = &letters->events[letters->count];
    *event = *of;
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &event->value));
    event->source = tell->source;
    PHI_GUARD(phi_event_new_id(event));
    letters->versions[letters->count++] = (uint64_t)version;
out:
    return err;
}

static enum phi_err send(const struct tell *tell, const struct letters *letters,
                         struct phi_conn *tx, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    phi_signed_add_many(letters->events, letters->versions, letters->errs, letters->count,
                        &tell->signer, arena);
    for (size_t i = 0; i < letters->count; i++)
        PHI_GUARD(letters->errs[i]);
    PHI_GUARD(phi_event_put_all(tx, letters->events, letters->count, arena, NULL));
out:
    return err;
}

/* --- notices --- */

/* Which of the configured apps knows the people, and as whom. Each of `count` subjects is `stride`
 * bytes after the one before. */
static enum phi_err find_customers(const struct tell *tell, struct phi_conn *tx,
                                   const uint8_t *subject, size_t stride, size_t count,
                                   struct phi_rows **rows)
{
    enum phi_err err = PHI_OK;
    struct phi_array *apps = phi_array_new(PHI_COLUMN_TEXT);
    struct phi_array *subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(apps == NULL || subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(phi_array_add(subjects, PHI_BYTES_OF(subject + i * stride, PHI_SUBJECT_LEN)));
    for (size_t i = 0; i < tell->app_count; i++)
        PHI_GUARD(phi_array_add(apps, PHI_TEXT(tell->apps[i])));
    const struct phi_param params[] = {PHI_ARRAY(subjects), PHI_ARRAY(apps)};
    PHI_GUARD(phi_conn_exec(tx, "customers_of_subjects",
                            "SELECT s.n - 1, a.n - 1, c.customer FROM unnest($1::bytea[]) WITH "
                            "ORDINALITY AS s(subject, n) JOIN customers c ON c.subject = s.subject "
                            "JOIN unnest($2::text[]) WITH ORDINALITY AS a(app, n) ON a.app = c.app",
                            params, 2, rows, NULL));
out:
    phi_array_free(apps);
    phi_array_free(subjects);
    return err;
}

static enum phi_err add_notice(const struct tell *tell, struct letters *letters,
                               struct phi_arena *arena, const struct tell_change *change,
                               size_t app, struct phi_view customer)
{
    char person[2 * TELL_PERSON_LEN + 1], since[PHI_RFC3339_MAX], version[24];
    if (customer.len != TELL_PERSON_LEN)
        return PHI_ERR_DATA_BROKEN;
    phi_hex_encode(customer, person);
    phi_rfc3339_format(change->from_us, since);
    snprintf(version, sizeof(version), "%lld", (long long)change->version);
    struct phi_event event = {.topic = tell->topics[app],
                              .type = "cn.phi.notice",
                              .time_us = change->version,
                              .key = phi_arena_view(arena, customer)};
    return add(tell, letters, arena, &event,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "region", tell->region, "app",
                         tell->apps[app], "person", person, "version", version, "grade",
                         phi_grade_code(change->now), "before", phi_grade_code(change->before),
                         "since", since, "reasons", change->reasons),
               change->version);
}

enum phi_err tell_changes(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                          const struct tell_change *changes, size_t count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct letters letters;
    if (tell->app_count == 0 || count == 0)
        return PHI_OK;
    PHI_GUARD(find_customers(tell, tx, changes[0].subject, sizeof(changes[0]), count, &rows));
    PHI_GUARD(letters_init(&letters, phi_rows_count(rows), arena));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_notice(tell, &letters, arena, &changes[phi_rows_i64(rows, i, 0)],
                             (size_t)phi_rows_i64(rows, i, 1), phi_rows_bytes(rows, i, 2)));
    PHI_GUARD(send(tell, &letters, tx, arena));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err add_correction(const struct tell *tell, struct letters *letters,
                                   struct phi_arena *arena, const struct tell_correction *one,
                                   size_t app, struct phi_view customer, int64_t now_us)
{
    char person[2 * TELL_PERSON_LEN + 1], at[PHI_RFC3339_MAX], version[24];
    if (customer.len != TELL_PERSON_LEN)
        return PHI_ERR_DATA_BROKEN;
    phi_hex_encode(customer, person);
    phi_rfc3339_format(now_us, at);
    snprintf(version, sizeof(version), "%lld", (long long)one->version);
    struct phi_event event = {.topic = tell->topics[app],
                              .type = "cn.phi.notice.corrected",
                              .time_us = now_us,
                              .key = phi_arena_view(arena, customer)};
    return add(tell, letters, arena, &event,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "region", tell->region, "app",
                         tell->apps[app], "person", person, "version", version, "caseId",
                         one->case_id, "action", one->action, "correctedAt", at),
               one->version);
}

enum phi_err tell_corrections(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                              const struct tell_correction *list, size_t count, int64_t now_us)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct letters letters;
    if (tell->app_count == 0 || count == 0)
        return PHI_OK;
    PHI_GUARD(find_customers(tell, tx, list[0].subject, sizeof(list[0]), count, &rows));
    PHI_GUARD(letters_init(&letters, phi_rows_count(rows), arena));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_correction(tell, &letters, arena, &list[phi_rows_i64(rows, i, 0)],
                                 (size_t)phi_rows_i64(rows, i, 1), phi_rows_bytes(rows, i, 2),
                                 now_us));
    PHI_GUARD(send(tell, &letters, tx, arena));
out:
    phi_rows_free(rows);
    return err;
}

/* --- cases --- */

enum phi_err tell_reopened(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                           const struct tell_reopening *r)
{
    enum phi_err err = PHI_OK;
    struct letters letters;
    char subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX];
    if (tell->reopened_topic == NULL)
        return PHI_OK;
    PHI_GUARD(letters_init(&letters, 1, arena));
    phi_hex_encode(r->subject, subject);
    phi_rfc3339_format(r->now_us, at);
    const struct phi_event event = {.topic = tell->reopened_topic,
                                    .type = "cn.phi.correction.reopened",
                                    .time_us = r->now_us,
                                    .key = r->subject};
    json_t *fact =
        json_pack("{s:s, s:s, s:s, s:s}", "region", tell->region, "source", r->fact_source,
                  "institution", r->institution, "recordNo", r->record_no);
    PHI_GUARD(add(tell, &letters, arena, &event,
                  json_pack("{s:s, s:s, s:o, s:s}", "caseId", r->case_id, "subject", subject,
                            "fact", fact, "reopenedAt", at),
                  r->now_us));
    PHI_GUARD(send(tell, &letters, tx, arena));
out:
    return err;
}

static enum phi_err add_application(const struct tell *tell, struct letters *letters,
                                    struct phi_arena *arena, const struct tell_application *a)
{
    char subject[2 * PHI_SUBJECT_LEN + 1], at[PHI_RFC3339_MAX], version[24];
    phi_hex_encode(a->subject, subject);
    phi_rfc3339_format(a->now_us, at);
    snprintf(version, sizeof(version), "%lld", (long long)a->decision_version);
    const struct phi_event event = {.topic = tell->applied_topic,
                                    .type = "cn.phi.correction.applied",
                                    .time_us = a->now_us,
                                    .key = a->subject};
    json_t *fact =
        json_pack("{s:s, s:s, s:s, s:s}", "region", tell->region, "source", a->fact_source,
                  "institution", a->institution, "recordNo", a->record_no);
    return add(tell, letters, arena, &event,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s*}", "caseId", a->case_id, "subject",
                         subject, "decisionVersion", version, "appliedAt", at, "action", a->action,
                         "fact", fact, "waitsFor", a->waits ? "record" : NULL),
               a->now_us);
}

enum phi_err tell_applied(const struct tell *tell, struct phi_conn *tx, struct phi_arena *arena,
                          const struct tell_application *list, size_t count,
                          const struct phi_event **events)
{
    enum phi_err err = PHI_OK;
    struct letters letters;
    *events = NULL;
    if (tell->applied_topic == NULL)
        return PHI_OK;
    PHI_GUARD(letters_init(&letters, count, arena));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(add_application(tell, &letters, arena, &list[i]));
    PHI_GUARD(send(tell, &letters, tx, arena));
    *events = letters.events;
out:
    return err;
}
