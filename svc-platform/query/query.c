/* 全国健康信息目录查询: the entries of every region about the subject of a receipt, and the
 * strictest. Regions whose platform is suspended are named and left out. */
#include "svc-platform/platform.h"

#include "codes/grade.h"
#include "service/receipts.h"

#include <stdio.h>
#include <string.h>

#define REGIONS_MAX 64

static enum phi_err check_receipt(struct platform *platform, struct phi_view bytes,
                                  const char *asking, struct phi_receipt *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_service_receipt_read(platform->service, bytes, out, error));
    bool is_for_them = out->has_subject &&
                       phi_receipt_has_audience(out, phi_service_region(platform->service)) &&
                       phi_receipt_has_audience(out, asking);
    if (!is_for_them)
        err = phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "not for this caller");
out:
    return err;
}

static enum phi_grade grade_at(const struct phi_rows *rows, size_t i, int64_t now_us)
{
    bool is_over = now_us > phi_rows_i64(rows, i, 5);
    return (enum phi_grade)phi_rows_i64(rows, i, is_over ? 6 : 2);
}

static json_t *reasons_of(const char *joined)
{
    json_t *list = json_array();
    while (*joined != '\0') {
        size_t len = strcspn(joined, ",");
        json_array_append_new(list, json_stringn(joined, len));
        joined += len + (joined[len] == ',');
    }
    return list;
}

static json_t *entry_of(const struct phi_rows *rows, size_t i, int64_t now_us)
{
    char from[PHI_RFC3339_MAX], updated[PHI_RFC3339_MAX], version[24];
    phi_rfc3339_format(phi_rows_i64(rows, i, 4), from);
    phi_rfc3339_format(phi_rows_i64(rows, i, 7), updated);
    snprintf(version, sizeof(version), "%lld", (long long)phi_rows_i64(rows, i, 1));
    return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "region", phi_rows_text(rows, i, 0),
                     "version", version, "grade", phi_grade_code(grade_at(rows, i, now_us)),
                     "reasons", reasons_of(phi_rows_text(rows, i, 3)), "from", from, "updatedAt",
                     updated);
}

/* Who reads the answer sees that a region is missing, and since when; not what it said. */
static json_t *left_out(const struct phi_rows *rows, size_t i, const char *state)
{
    char updated[PHI_RFC3339_MAX];
    phi_rfc3339_format(phi_rows_i64(rows, i, 7), updated);
    return json_pack("{s:s, s:s, s:s}", "region", phi_rows_text(rows, i, 0), "state", state,
                     "updatedAt", updated);
}

static enum phi_err answer_of(const struct phi_rows *rows, const struct phi_trust_view *trust,
                              int64_t now_us, json_t **out)
{
    json_t *entries = json_array(), *missing = json_array();
    enum phi_grade strictest = PHI_GRADE_GREY;
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        const char *state = platform_standing(trust, phi_rows_text(rows, i, 0));
        if (state != NULL) {
            json_array_append_new(missing, left_out(rows, i, state));
            continue;
        }
        strictest = phi_grade_stricter(strictest, grade_at(rows, i, now_us));
        json_array_append_new(entries, entry_of(rows, i, now_us));
    }
    *out = json_pack("{s:o, s:s, s:o}", "entries", entries, "strictest", phi_grade_code(strictest),
                     "leftOut", missing);
    return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

enum phi_err platform_query(struct platform *platform, struct phi_view receipt, const char *asking,
                            struct phi_deadline deadline, struct phi_arena *arena, json_t **out,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_trust_view *trust = NULL;
    struct phi_receipt checked;
    json_t *answer = NULL;
    PHI_GUARD(check_receipt(platform, receipt, asking, &checked, error));
    PHI_GUARD(phi_trust_hold(phi_service_trust(platform->service), arena, &trust));
    const struct phi_param params[] = {PHI_BYTES_OF(checked.subject, PHI_SUBJECT_LEN),
                                       PHI_I64(REGIONS_MAX)};
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service), deadline, &conn));
    PHI_GUARD(
        phi_conn_exec(conn, "entries_of_subject",
                      "SELECT region, version, grade, reasons, from_us, until_us, then_grade, "
                      "updated_us FROM entries WHERE subject = $1 AND NOT is_withdrawn "
                      "ORDER BY region LIMIT $2",
                      params, 2, &rows, error));
    PHI_GUARD(answer_of(rows, trust, phi_clock_now_us(NULL), &answer));
    PHI_GUARD(phi_json_keep(arena, answer));
    *out = answer;
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

enum phi_err platform_query_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t receipt[PHI_RECEIPT_MAX];
    size_t len = 0;
    json_t *answer = NULL;
    struct phi_json_at body = phi_api_body(call);
    PHI_GUARD(phi_json_base64(&body, "receipt", 1, sizeof(receipt), receipt, &len, error));
    PHI_GUARD(platform_query(phi_service_state(phi_api_service(call)), phi_view_of(receipt, len),
                             phi_api_app(call)->institution, phi_api_deadline(call),
                             phi_api_arena(call), &answer, error));
    phi_api_data(call, json_incref(answer));
out:
    return err;
}
