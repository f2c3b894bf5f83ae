/* Decisions about disputes: a retraction stands for a record and all its revisions, come or not. */
#include "svc-directory/facts/intake.h"

#include <stdlib.h>
#include <string.h>

static struct phi_view subject_view(const uint8_t *subject)
{
    return phi_view_of(subject, PHI_SUBJECT_LEN);
}

static int compare_named(const struct decision *a, const struct decision *b)
{
    int order = memcmp(a->subject, b->subject, PHI_SUBJECT_LEN);
    if (order == 0)
        order = strcmp(a->source, b->source);
    if (order == 0)
        order = strcmp(a->institution, b->institution);
    return order != 0 ? order : strcmp(a->record_no, b->record_no);
}

/* By what they name; of two on one record the higher version last. */
static int compare_decisions(const void *a, const void *b)
{
    const struct decision *left = a, *right = b;
    int order = compare_named(left, right);
    return order != 0 ? order : (left->version > right->version) - (left->version < right->version);
}

static enum phi_err add_decision(struct columns *columns, const struct intake *in,
                                 const struct decision *decision)
{
    const struct phi_param row[] = {
        PHI_BYTES(subject_view(decision->subject)),
        PHI_TEXT(phi_service_region(in->directory->service)),
        PHI_TEXT(decision->source),
        PHI_TEXT(decision->institution),
        PHI_TEXT(decision->record_no),
        PHI_I64(decision->version),
        PHI_TEXT(decision->case_id),
        PHI_I64(decision->decided_us),
        PHI_I64(in->now_us),
    };
    return columns_add(columns, row);
}

enum phi_err intake_decisions(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_BYTES, PHI_COLUMN_TEXT, PHI_COLUMN_TEXT,
                                            PHI_COLUMN_TEXT,  PHI_COLUMN_TEXT, PHI_COLUMN_I64,
                                            PHI_COLUMN_TEXT,  PHI_COLUMN_I64,  PHI_COLUMN_I64};
    struct columns columns;
    struct phi_rows *rows = NULL;
    if (in->decision_count == 0)
        return PHI_OK;
    qsort(in->decisions, in->decision_count, sizeof(*in->decisions), compare_decisions);
    PHI_GUARD(columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->decision_count; i++) {
        const struct decision *decision = &in->decisions[i];
        bool is_last = i + 1 == in->decision_count || compare_named(decision, decision + 1) != 0;
        if (is_last)
            PHI_GUARD(add_decision(&columns, in, decision));
    }
    PHI_GUARD(
        phi_conn_exec(in->tx, "retractions_upsert",
                      "INSERT INTO retractions AS r (subject, region, source, institution, "
                      "record_no, decision_version, "
                      "case_id, decided_us, known_us) SELECT * FROM unnest($1::bytea[], "
                      "$2::text[], $3::text[], $4::text[], "
                      "$5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[]) "
                      "ON CONFLICT (subject, region, source, institution, record_no) DO UPDATE SET "
                      "decision_version = EXCLUDED.decision_version, case_id = EXCLUDED.case_id, "
                      "decided_us = EXCLUDED.decided_us, known_us = EXCLUDED.known_us "
                      "WHERE r.decision_version < EXCLUDED.decision_version RETURNING 1",
                      columns.params, columns.count, &rows, &in->error));
    in->directory->tally[TALLY_RETRACTED] += phi_rows_count(rows);
    in->directory->tally[TALLY_RETRACTED_BEFORE] += in->decision_count - phi_rows_count(rows);
out:
    phi_rows_free(rows);
    columns_fini(&columns);
    return err;
}
