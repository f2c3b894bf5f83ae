#include "svc-declare/people/declaration.h"

#include "forms/form.h"
#include "base/mutant.h"
#include "codes/notice.h"

#include <string.h>

enum phi_err declaration_begin(struct phi_api_call *call, const char *stream,
                               struct declaration *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    memset(out, 0, sizeof(*out));
    out->call = call;
    out->stream = stream;
    PHI_GUARD(acting_read(call, &out->acting, error));
    memcpy(out->subject, out->acting.subject, PHI_SUBJECT_LEN);
    PHI_GUARD(form_person(&out->acting.person, phi_api_arena(call), &out->identity, error));
out:
    return err;
}

static enum phi_err number(struct declaration *d, const char *route, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    char *record_no = phi_arena_alloc(phi_api_arena(d->call), PHI_DECLARATION_RECORD_LEN + 1);
    PHI_GUARD(record_no == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(
        phi_declaration_record_no(phi_view_text(route), phi_view_text(phi_api_customer(d->call)),
                                  phi_view_text(phi_api_serial(d->call)), d->subject, record_no));
    fact->record_no = record_no;
out:
    return err;
}

/* As whom the app will be told of the person, when their grade changes. */
static enum phi_err name_customer(const struct declaration *d, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    uint8_t key[PHI_NOTICE_KEY_LEN], person[PHI_NOTICE_PERSON_LEN];
    PHI_GUARD(phi_notice_key(declare_of(d->call)->keys.bus, phi_view_text(fact->institution), key));
    PHI_GUARD(phi_notice_person(key, phi_view_text(phi_api_customer(d->call)), person));
    phi_hex_encode(phi_view_of(person, sizeof(person)), fact->customer);
out:
    phi_wipe(key, sizeof(key));
    return err;
}

enum phi_err declaration_add(struct declaration *d, const char *route, int64_t observed_us,
                             json_t *content, json_t *personal)
{
    enum phi_err err = PHI_OK;
    struct fact *fact = &d->facts[d->count];
    PHI_GUARD(d->count == DECLARATION_FACTS_MAX ? PHI_ERR_INTERNAL : PHI_OK);
    PHI_GUARD(json_object_update(personal, d->identity) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(acting_put(d->call, &d->acting, content, personal, NULL));
    *fact = (struct fact){
        .stream = d->stream,
        .institution = phi_api_app(d->call)->app_id,
        .revision = 1,
        .observed_us = observed_us,
        .recorded_us = phi_api_now_us(d->call),
        .content = content,
        .personal = personal,
    };
    memcpy(fact->subject, d->subject, PHI_SUBJECT_LEN);
    PHI_GUARD(number(d, route, fact));
    PHI_GUARD(name_customer(d, fact));
    PHI_GUARD(fact_identify(&declare_of(d->call)->keys,
                            phi_service_region(phi_api_service(d->call)), phi_api_arena(d->call),
                            fact));
    d->count++;
out:
    return err;
}

static enum phi_err compare(struct declaration *d, const struct phi_rows *rows,
                            struct phi_error *error)
{
    for (size_t row = 0; row < phi_rows_count(rows); row++) {
        for (size_t i = 0; i < d->count; i++) {
            const struct fact *fact = &d->facts[i];
            if (!phi_view_equal(phi_rows_bytes(rows, row, 0),
                                phi_view_of(fact->id, PHI_FACT_ID_LEN)))
                continue;
            if (!phi_view_equal(phi_rows_bytes(rows, row, 1),
                                phi_view_of(fact->digest, PHI_SM3_LEN)))
                return phi_error_set(error, PHI_ERR_CONFLICT, "$.bizSerialNum",
                                     "the same number was used for another declaration");
            d->is_kept[i] = true;
        }
    }
    return PHI_OK;
}

/* Some of a request kept and others not: it was another request then. */
static enum phi_err check_whole(const struct declaration *d, struct phi_error *error)
{
    for (size_t i = 1; i < d->count; i++)
        if (d->is_kept[i] != d->is_kept[0])
            return phi_error_set(error, PHI_ERR_CONFLICT, "$.bizSerialNum",
                                 "the same number was used for another declaration");
    return PHI_OK;
}

static enum phi_err find_kept(struct declaration *d, struct phi_conn *conn, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    struct phi_array *ids = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(ids == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < d->count; i++)
        PHI_GUARD(phi_array_add(ids, PHI_BYTES_OF(d->facts[i].id, PHI_FACT_ID_LEN)));
    const struct phi_param param = PHI_ARRAY(ids);
    PHI_GUARD(
        phi_conn_exec(conn, "declarations_find",
                      "SELECT fact_id, content_digest FROM declarations WHERE fact_id = ANY ($1)",
                      &param, 1, &rows, error));
    PHI_GUARD(compare(d, rows, error));
    PHI_GUARD(check_whole(d, error));
out:
    phi_rows_free(rows);
    phi_array_free(ids);
    return err;
}

static enum phi_err find_person(struct declaration *d, struct phi_conn *conn,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_BYTES_OF(d->subject, PHI_SUBJECT_LEN),
                                       PHI_TEXT(PURPOSE_CODE)};
    PHI_GUARD(phi_conn_exec(
        conn, "person_find",
        "SELECT EXISTS (SELECT 1 FROM consents WHERE subject = $1 AND purpose = $2 AND "
        "withdrawn_us IS NULL), (SELECT region FROM basic WHERE subject = $1)",
        params, 2, &rows, error));
    if (!phi_rows_bool(rows, 0, 0) && !PHI_MUTANT(without_consent))
        PHI_GUARD(phi_error_set(error, PHI_ERR_CONSENT, "Phi-Identity",
                                "the person has not consented to collection for " PURPOSE_CODE));
    d->has_basic = !phi_rows_is_null(rows, 0, 1);
    if (d->has_basic)
        d->basic_region =
            phi_arena_text(phi_api_arena(d->call), phi_view_text(phi_rows_text(rows, 0, 1)));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err declaration_check(struct declaration *d, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_store *store = phi_service_store(phi_api_service(d->call));
    PHI_GUARD(phi_store_acquire(store, phi_api_deadline(d->call), &conn));
    PHI_GUARD(find_person(d, conn, error));
    PHI_GUARD(find_kept(d, conn, error));
out:
    phi_store_release(conn);
    return err;
}

static enum phi_err keep_row(struct declaration *d, const struct fact *fact)
{
    const struct phi_param row[] = {
        PHI_BYTES_OF(fact->id, PHI_FACT_ID_LEN),
        PHI_BYTES_OF(fact->subject, PHI_SUBJECT_LEN),
        PHI_I64(PHI_SUBJECT_KEY_VERSION),
        PHI_TEXT(fact->stream),
        PHI_TEXT(fact->institution),
        PHI_TEXT(fact->record_no),
        PHI_I64(fact->revision),
        PHI_BYTES_OF(fact->digest, PHI_SM3_LEN),
        PHI_TEXT_VIEW(fact->content_bytes),
        PHI_BYTES(fact->sealed),
        PHI_I64(fact->observed_us),
        PHI_I64(fact->recorded_us),
    };
    return phi_api_row(d->call, TABLE_DECLARATIONS, row, sizeof(row) / sizeof(row[0]));
}

enum phi_err declaration_find_key(struct declaration *d, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_store *store = phi_service_store(phi_api_service(d->call));
    PHI_GUARD(phi_store_acquire(store, phi_api_deadline(d->call), &conn));
    PHI_GUARD(keys_for_person(d->call, conn, d->subject, &d->key, error));
out:
    phi_store_release(conn);
    return err;
}

enum phi_err declaration_keep(struct declaration *d)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(d->call);
    for (size_t i = 0; i < d->count; i++) {
        struct phi_event event;
        if (d->is_kept[i])
            continue;
        d->facts[i].key = &d->key;
        PHI_GUARD(fact_complete(&declare_of(d->call)->keys, phi_service_region(service),
                                phi_service_topic(service, d->stream), phi_api_arena(d->call),
                                &d->facts[i], &event));
        PHI_GUARD(keep_row(d, &d->facts[i]));
        PHI_GUARD(phi_api_event(d->call, &event));
    }
out:
    return err;
}
