#include "svc-directory/query/details.h"

#include "svc-directory/grading/grading.h"

#include <string.h>

#define DAY_US            (86400 * 1000000LL)
#define CONTENT_DEPTH_MAX 12

struct details {
    json_t *declarations;
    json_t *tests;
    json_t *reports;
    json_t *vaccination; /* the newest: facts come newest first */
    json_t *area_risk;   /* of the fact with the strictest */
    int64_t area_risk_max;
    size_t count;
    bool is_truncated;
};

static json_t *list_of(struct details *details, const char *source)
{
    if (strncmp(source, "declare.", 8) == 0)
        return details->declarations;
    return strcmp(source, "source.tests") == 0 ? details->tests : details->reports;
}

static json_t *shown(const struct phi_rows *rows, size_t i, json_t *content)
{
    char observed[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, GRADING_OBSERVED), observed);
    return json_pack("{s:s, s:s, s:s, s:O}", "source", phi_rows_text(rows, i, GRADING_SOURCE),
                     "institution", phi_rows_text(rows, i, GRADING_INSTITUTION), "observedAt",
                     observed, "content", content);
}

/* What is published about the places where the fact says the person was. */
static enum phi_err add_risk(struct details *details, const struct phi_rows *rows, size_t i,
                             json_t *fact)
{
    char until[PHI_RFC3339_MAX];
    const char *risk = grading_risk(rows, i);
    int64_t rank = phi_rows_i64(rows, i, GRADING_RISK);
    if (risk == NULL)
        return PHI_OK;
    phi_rfc3339_format(phi_rows_i64(rows, i, GRADING_RISK_AT), until);
    json_t *json = json_pack("{s:s, s:s}", "risk", risk, "until", until);
    if (rank > details->area_risk_max) {
        json_decref(details->area_risk);
        details->area_risk = json_incref(json);
        details->area_risk_max = rank;
    }
    return json_object_set_new(fact, "areaRisk", json) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static bool is_vaccination(const char *source, const json_t *content)
{
    const char *type = json_string_value(json_object_get(content, "recordType"));
    return strcmp(source, "source.health-records") == 0 && type != NULL &&
           strcmp(type, "vaccination") == 0;
}

/* A vaccination counts however long ago it was, within what the rules see. */
static enum phi_err add(struct details *details, const struct phi_rows *rows, size_t i,
                        int64_t since_us)
{
    enum phi_err err = PHI_OK;
    json_t *content = NULL, *fact = NULL;
    const char *source = phi_rows_text(rows, i, GRADING_SOURCE);
    bool is_recent = phi_rows_i64(rows, i, GRADING_OBSERVED) >= since_us;
    PHI_GUARD(phi_json_parse(phi_view_text(phi_rows_text(rows, i, GRADING_CONTENT)),
                             CONTENT_DEPTH_MAX, &content, NULL) == PHI_OK
                  ? PHI_OK
                  : PHI_ERR_DATA_BROKEN);
    fact = shown(rows, i, content);
    PHI_GUARD(fact == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (details->vaccination == NULL && is_vaccination(source, content))
        details->vaccination = json_incref(fact);
    if (!is_recent)
        goto out;
    PHI_GUARD(add_risk(details, rows, i, fact));
    details->is_truncated = details->count >= DETAILS_MAX;
    if (!details->is_truncated && json_array_append(list_of(details, source), fact) != 0)
        err = PHI_ERR_MEMORY;
    details->count += !details->is_truncated;
out:
    json_decref(fact);
    json_decref(content);
    return err;
}

static enum phi_err add_all(struct details *details, const struct phi_rows *rows, int64_t since_us)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        if (grading_counts(rows, i))
            PHI_GUARD(add(details, rows, i, since_us));
out:
    return err;
}

/* Takes the lists. */
static json_t *tell(struct details *details, int64_t since_us)
{
    char since[PHI_RFC3339_MAX];
    phi_rfc3339_format(since_us, since);
    json_t *vaccination = details->vaccination == NULL ? json_null() : details->vaccination;
    json_t *risk = details->area_risk == NULL ? json_null() : details->area_risk;
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b}", "since", since, "declarations",
                     details->declarations, "tests", details->tests, "reports", details->reports,
                     "vaccination", vaccination, "areaRisk", risk, "truncated",
                     details->is_truncated);
}

enum phi_err details_read(struct directory *directory, struct phi_conn *conn,
                          const uint8_t *subject, int64_t now_us, json_t **out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t days = phi_config_int(phi_service_config(directory->service), "PHI_DETAIL_DAYS");
    int64_t since_us = now_us - days * DAY_US;
    struct phi_rows *rows = NULL;
    struct details details = {
        .declarations = json_array(), .tests = json_array(), .reports = json_array()};
    struct phi_array *subjects = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(subjects == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_array_add(subjects, PHI_BYTES_OF(subject, PHI_SUBJECT_LEN)));
    PHI_GUARD(grading_facts(conn, subjects, now_us, INT64_MAX, &rows, error));
    PHI_GUARD(add_all(&details, rows, since_us));
    *out = tell(&details, since_us);
    memset(&details, 0, sizeof(details));
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    json_decref(details.declarations);
    json_decref(details.tests);
    json_decref(details.reports);
    json_decref(details.vaccination);
    json_decref(details.area_risk);
    phi_rows_free(rows);
    phi_array_free(subjects);
    return err;
}
