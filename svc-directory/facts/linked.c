#include "svc-directory/facts/linked.h"

#include <string.h>

enum phi_err linked_read(const struct phi_json_at *content, struct intake_link *out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const states[] = {"unlinked", "linked"};
    size_t state = 0;
    PHI_GUARD(phi_json_hex(content, "other", out->other, PHI_SUBJECT_LEN, error));
    PHI_GUARD(phi_json_enum(content, "state", states, 2, &state, error));
    out->is_linked = state == 1;
out:
    return err;
}

static bool is_links(const struct intake *in)
{
    return strcmp(in->stream, LINKED_STREAM) == 0;
}

static enum phi_err add_link(struct phi_columns *columns, const struct intake_item *item)
{
    const struct phi_param row[] = {
        PHI_I64(item->fact.revision),
        PHI_BOOL(item->link.is_linked),
        PHI_BYTES_OF(item->fact.subject, PHI_SUBJECT_LEN),
        PHI_BYTES_OF(item->link.other, PHI_SUBJECT_LEN),
        PHI_BYTES_OF(item->fact.record, PHI_FACT_ID_LEN),
    };
    return phi_columns_add(columns, row);
}

enum phi_err linked_insert(struct intake *in)
{
    enum phi_err err = PHI_OK;
    static const enum phi_column types[] = {PHI_COLUMN_I64, PHI_COLUMN_BOOL, PHI_COLUMN_BYTES,
                                            PHI_COLUMN_BYTES, PHI_COLUMN_BYTES};
    struct phi_columns columns = {0};
    if (!is_links(in))
        return PHI_OK;
    PHI_GUARD(phi_columns_init(&columns, types, sizeof(types) / sizeof(types[0])));
    for (size_t i = 0; i < in->count; i++)
        if (in->items[i].is_new)
            PHI_GUARD(add_link(&columns, &in->items[i]));
    if (phi_columns_rows(&columns) == 0)
        goto out;
    PHI_GUARD(phi_columns_write(&columns, in->tx, "links_insert",
                                "INSERT INTO links (revision, is_linked, subject, other, record) "
                                "SELECT * FROM unnest($1::bigint[], $2::boolean[], $3::bytea[], "
                                "$4::bytea[], $5::bytea[]) AS l(r, k, s, o, i) ORDER BY s, o, r ON "
                                "CONFLICT DO NOTHING",
                                &in->error));
out:
    phi_columns_fini(&columns);
    return err;
}

/* Everyone touched, and whom the batch's links name: also the others of a link that was dissolved.
 */
static enum phi_err collect(const struct intake *in, struct phi_array **touched,
                            struct phi_array **from)
{
    enum phi_err err = PHI_OK;
    *touched = phi_array_new(PHI_COLUMN_BYTES);
    *from = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(*touched == NULL || *from == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < in->touched_count; i++) {
        const struct phi_param subject = PHI_BYTES_OF(in->touched[i], PHI_SUBJECT_LEN);
        PHI_GUARD(phi_array_add(*touched, subject));
        PHI_GUARD(phi_array_add(*from, subject));
    }
    for (size_t i = 0; is_links(in) && i < in->count; i++)
        if (in->items[i].is_new)
            PHI_GUARD(phi_array_add(*from, PHI_BYTES_OF(in->items[i].link.other, PHI_SUBJECT_LEN)));
out:
    return err;
}

enum phi_err linked_mark(struct intake *in)
{
    enum phi_err err = PHI_OK;
    struct phi_array *touched = NULL, *from = NULL;
    PHI_GUARD(collect(in, &touched, &from));
    const struct phi_param params[] = {PHI_ARRAY(from), PHI_ARRAY(touched),
                                       PHI_I64(in->batch->partitions), PHI_I64(in->now_us)};
    PHI_GUARD(phi_conn_exec(
        in->tx, "due_of_linked",
        "INSERT INTO due (partition, after_us, subject) WITH RECURSIVE reach(member) AS (SELECT s "
        "FROM unnest($1::bytea[]) AS s UNION SELECT l.other FROM reach r JOIN linked l ON "
        "l.subject = r.member) SELECT " DUE_PARTITION(
            "member", "$3") ", $4::bigint, member FROM reach WHERE NOT member = ANY($2::bytea[])",
        params, 4, NULL, &in->error));
out:
    phi_array_free(touched);
    phi_array_free(from);
    return err;
}
