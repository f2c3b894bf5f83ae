/* The rules' input document (rules/input.schema.json): {now, facts: [{source, institution,
 * observedAt, content, now}]}. Inside reduce only a fact is visible, so each carries now. */
#include "svc-directory/directory.h"

#include "codes/sources.h"

#include <math.h>
#include <string.h>

#define CONTENT_DEPTH_MAX 12

/* CertLogic compares integers only: degrees are told in tenths too. */
static enum phi_err add_tenths(json_t *content)
{
    const json_t *temperature = json_object_get(content, "temperature");
    if (!json_is_number(temperature))
        return PHI_OK;
    json_int_t tenths = (json_int_t)llround(json_number_value(temperature) * 10);
    return json_object_set_new(content, "temperatureTenths", json_integer(tenths)) == 0
               ? PHI_OK
               : PHI_ERR_MEMORY;
}

json_t *input_fact(const char *source, const char *institution, int64_t observed_us,
                   json_t *content, int64_t now_us)
{
    char observed[PHI_RFC3339_MAX], now[PHI_RFC3339_MAX];
    phi_rfc3339_format(observed_us, observed);
    phi_rfc3339_format(now_us, now);
    if (add_tenths(content) != PHI_OK) {
        json_decref(content);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:s}", "source", source, "institution", institution,
                     "observedAt", observed, "content", content, "now", now);
}

json_t *input_document(json_t *facts, int64_t now_us)
{
    char now[PHI_RFC3339_MAX];
    phi_rfc3339_format(now_us, now);
    return json_pack("{s:s, s:o}", "now", now, "facts", facts);
}

static enum phi_err add_row(json_t *facts, const struct phi_rows *rows, size_t row, int64_t now_us)
{
    json_t *content = NULL;
    const char *text = phi_rows_text(rows, row, GRADING_CONTENT);
    if (phi_json_parse(phi_view_text(text), CONTENT_DEPTH_MAX, &content, NULL) != PHI_OK)
        return PHI_ERR_DATA_BROKEN;
    json_t *fact = input_fact(phi_rows_text(rows, row, GRADING_SOURCE),
                              phi_rows_text(rows, row, GRADING_INSTITUTION),
                              phi_rows_i64(rows, row, GRADING_OBSERVED), content, now_us);
    return json_array_append_new(facts, fact) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err input_of_rows(const struct phi_rows *rows, size_t first, size_t last, int64_t now_us,
                           json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *facts = json_array();
    PHI_GUARD(facts == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = first; i < last; i++)
        PHI_GUARD(add_row(facts, rows, i, now_us));
    json_t *document = input_document(facts, now_us);
    facts = NULL;
    PHI_GUARD(document == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *out = document;
out:
    json_decref(facts);
    return err;
}

uint32_t input_source_bit(const char *source)
{
    return phi_source_bit(source);
}
