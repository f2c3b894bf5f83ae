/* Reading a directory entry (个人健康信息目录); its writer is codes/entry.c. */
#include "svc-platform/platform.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX    4
#define REVISION_MAX INT64_MAX

static enum phi_err read_reasons(const struct phi_json_at *root, struct phi_entry *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at reasons;
    PHI_GUARD(phi_json_array(root, "reasons", 0, PHI_ENTRY_REASONS_MAX, &reasons,
                             &out->reasons_count, error));
    for (size_t i = 0; i < out->reasons_count; i++) {
        struct phi_json_at at = phi_json_item(&reasons, i);
        const char *reason = NULL;
        PHI_GUARD(phi_json_as_word(&at, PHI_ENTRY_REASON_MAX, &reason, error));
        snprintf(out->reasons[i], sizeof(out->reasons[i]), "%s", reason);
    }
out:
    return err;
}

static enum phi_err read_grade(const struct phi_json_at *root, const char *field, bool required,
                               enum phi_grade *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *code = NULL;
    PHI_GUARD(required ? phi_json_word(root, field, 16, &code, error)
                       : phi_json_word_opt(root, field, 16, phi_grade_code(*out), &code, error));
    if (phi_grade_from_code(phi_view_text(code), out) != PHI_OK)
        err = phi_json_refuse(root, field, PHI_ERR_FIELD_VALUE, "not a grade", error);
out:
    return err;
}

static enum phi_err read_version(const struct phi_json_at *root, struct phi_entry *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *text = NULL;
    int64_t version = 0;
    PHI_GUARD(phi_json_word(root, "version", 20, &text, error));
    if (phi_text_to_i64(phi_view_text(text), 1, REVISION_MAX, &version) != PHI_OK)
        err = phi_json_refuse(root, "version", PHI_ERR_FIELD_VALUE, "not a version", error);
    out->version = (uint64_t)version;
out:
    return err;
}

enum phi_err platform_entry_read(struct phi_view json, struct phi_arena *arena,
                                 struct phi_entry *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"subject", "region",  "grade",    "reasons",
                                          "sources", "version", "from",     "updated",
                                          "until",   "then",    "withdrawn"};
    struct phi_json_at root;
    struct phi_entry entry = {0};
    const char *region = NULL;
    int64_t sources = 0;
    PHI_GUARD(phi_json_read(json, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_hex(&root, "subject", entry.subject, PHI_SUBJECT_LEN, error));
    PHI_GUARD(phi_json_word(&root, "region", 6, &region, error));
    snprintf(entry.region, sizeof(entry.region), "%s", region);
    PHI_GUARD(read_grade(&root, "grade", true, &entry.grade, error));
    entry.then = entry.grade;
    PHI_GUARD(read_grade(&root, "then", false, &entry.then, error));
    PHI_GUARD(read_reasons(&root, &entry, error));
    PHI_GUARD(phi_json_int(&root, "sources", 0, UINT32_MAX, &sources, error));
    entry.sources_mask = (uint32_t)sources;
    PHI_GUARD(read_version(&root, &entry, error));
    PHI_GUARD(phi_json_time(&root, "from", &entry.from_us, error));
    PHI_GUARD(phi_json_time(&root, "updated", &entry.updated_us, error));
    PHI_GUARD(phi_json_time_opt(&root, "until", PHI_ENTRY_NEVER_US, &entry.until_us, error));
    PHI_GUARD(phi_json_bool(&root, "withdrawn", &entry.is_withdrawn, error));
    *out = entry;
out:
    return err;
}
