#include "svc-correction/matters/subjects.h"

#include "svc-correction/matters/outcome.h"

#include <string.h>

/* --- reading --- */

/* A record that ought to be there: of which source and institution, of which day. */
static enum phi_err read_missing(struct phi_api_call *call, struct case_fact *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"source", "institution", "date"};
    struct phi_json_at body = phi_api_body(call), missing;
    struct phi_json_date date;
    PHI_GUARD(phi_json_object(&body, "missing", &missing, error));
    PHI_GUARD(phi_json_only(&missing, members, 3, error));
    PHI_GUARD(phi_json_word(&missing, "source", CASE_WORD_MAX, &out->source, error));
    PHI_GUARD(phi_json_word(&missing, "institution", CASE_WORD_MAX, &out->institution, error));
    PHI_GUARD(phi_json_date(&missing, "date", &date, error));
    out->record_no = date.text;
    bool is_reported = strncmp(out->source, "source.", strlen("source.")) == 0;
    if (!is_reported || !matter_source_is_known(out->source))
        err = phi_json_refuse(&missing, "source", PHI_ERR_RULE, "there is no such source", error);
out:
    return err;
}

static enum phi_err read_identity(struct phi_api_call *call, struct case_fact *out,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"item"};
    struct phi_json_at body = phi_api_body(call), identity;
    size_t item = 0;
    PHI_GUARD(phi_json_object(&body, "identity", &identity, error));
    PHI_GUARD(phi_json_only(&identity, members, 1, error));
    PHI_GUARD(phi_json_enum(&identity, "item", matter_items, matter_items_count, &item, error));
    out->record_no = matter_items[item];
out:
    return err;
}

/* The member of another matter. */
static enum phi_err refuse_others(struct phi_api_call *call, enum matter_kind kind,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    for (int i = 0; i < MATTER_FILED; i++) {
        if (i == (int)kind || i == MATTER_GRADE)
            continue;
        PHI_GUARD(outcome_refuse_member(call, matter_names[i], "belongs to another matter", error));
    }
out:
    return err;
}

static enum phi_err read_kind(struct phi_api_call *call, struct case_now *out,
                              struct phi_error *error)
{
    struct case_fact *fact = &out->fact;
    *fact = (struct case_fact){.region = phi_service_region(phi_api_service(call)),
                               .source = matter_at(out->matter_kind)->source,
                               .institution = "",
                               .record_no = ""};
    switch (out->matter_kind) {
    case MATTER_FACT:
        return outcome_read_fact(call, "fact", fact, error);
    case MATTER_MISSING:
        return read_missing(call, fact, error);
    case MATTER_IDENTITY:
        return read_identity(call, fact, error);
    case MATTER_GRADE:
    case MATTER_BATCH:
    case MATTER_COUNT:
        break;
    }
    return PHI_OK;
}

enum phi_err subject_read(struct phi_api_call *call, struct case_now *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    size_t kind = 0;
    PHI_GUARD(phi_json_enum(&body, "matter", matter_names, MATTER_FILED, &kind, error));
    out->matter_kind = (enum matter_kind)kind;
    PHI_GUARD(read_kind(call, out, error));
    PHI_GUARD(refuse_others(call, out->matter_kind, error));
out:
    return err;
}

/* --- naming --- */

/* A record's has no kind: it is named as it always was. */
enum phi_err subject_name(struct case_now *now)
{
    const struct phi_view feed = phi_view_of("\n", 1);
    const char *kind = now->matter_kind == MATTER_FACT ? "" : matter_names[now->matter_kind];
    const struct phi_view parts[] = {phi_view_of(now->subject, PHI_SUBJECT_LEN),
                                     phi_view_text(now->fact.region),
                                     feed,
                                     phi_view_text(now->fact.source),
                                     feed,
                                     phi_view_text(now->fact.institution),
                                     feed,
                                     phi_view_text(now->fact.record_no),
                                     phi_view_of("\n", now->matter_kind == MATTER_FACT ? 0 : 1),
                                     phi_view_text(kind)};
    return phi_sm3_parts(parts, sizeof(parts) / sizeof(parts[0]), now->matter);
}

/* --- showing --- */

json_t *subject_show(enum matter_kind kind, const struct case_fact *fact)
{
    const char *name = matter_names[kind];
    switch (kind) {
    case MATTER_FACT:
        return json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "matter", name, "fact", "region",
                         fact->region, "source", fact->source, "institution", fact->institution,
                         "recordNo", fact->record_no);
    case MATTER_MISSING:
        return json_pack("{s:s, s:{s:s, s:s, s:s}}", "matter", name, "missing", "source",
                         fact->source, "institution", fact->institution, "date", fact->record_no);
    case MATTER_IDENTITY:
        return json_pack("{s:s, s:{s:s}}", "matter", name, "identity", "item", fact->record_no);
    case MATTER_BATCH:
        return json_pack("{s:s, s:{s:s, s:s, s:s}}", "matter", name, "batch", "region",
                         fact->region, "source", fact->source, "institution", fact->institution);
    case MATTER_GRADE:
    case MATTER_COUNT:
        break;
    }
    return json_pack("{s:s}", "matter", name);
}
