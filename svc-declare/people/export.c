/* POST /v1/me/export: the person's copy of what is kept here about them. Declarations and reports
 * come a page at a time, the newest first; what was erased is said to be. */
#include "svc-declare/people/own.h"

#define PAGE_MAX 50

struct page {
    int64_t before_us; /* what was recorded before */
    int64_t next_us;   /* where the next page begins; 0: there is none */
};

static const char *erased(enum phi_err err)
{
    return err == PHI_ERR_ERASED ? PHI_PERSON_ERASED_ZH : NULL;
}

/* What is sealed, opened for the person; in its place, when it was erased, a word. */
static enum phi_err open_text(struct phi_api_call *call, const struct phi_person_key *key,
                              const char *context, struct phi_view sealed, json_t **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view plain;
    struct phi_json_at root;
    err = phi_person_unseal(declare_of(call)->keys.health, key, context, sealed,
                            phi_api_arena(call), &plain);
    if (erased(err) != NULL) {
        *out = json_string(erased(err));
        return *out == NULL ? PHI_ERR_MEMORY : PHI_OK;
    }
    PHI_GUARD(err);
    PHI_GUARD(phi_json_read(plain, 8, phi_api_arena(call), &root, NULL));
    *out = json_incref((json_t *)(uintptr_t)root.value);
out:
    return err;
}

static enum phi_err add_basic(struct phi_api_call *call, struct phi_conn *conn,
                              const struct phi_person_key *key, json_t *data,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *text = NULL;
    char updated[PHI_RFC3339_MAX];
    const struct phi_param param = PHI_BYTES_OF(key->subject, PHI_SUBJECT_LEN);
    PHI_GUARD(phi_conn_exec(conn, "export_basic",
                            "SELECT sealed, updated_us FROM basic WHERE subject = $1", &param, 1,
                            &rows, error));
    if (phi_rows_count(rows) == 0)
        goto out;
    PHI_GUARD(open_text(call, key, BASIC_SEALED, phi_rows_bytes(rows, 0, 0), &text));
    phi_rfc3339_format(phi_rows_i64(rows, 0, 1), updated);
    json_object_set_new(data, "basic", text);
    json_object_set_new(data, "basicUpdatedAt", json_string(updated));
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err add_declaration(struct phi_api_call *call, const struct phi_person_key *key,
                                    const struct phi_rows *rows, size_t row, json_t *list)
{
    enum phi_err err = PHI_OK;
    json_t *text = NULL, *content = NULL;
    char id[2 * PHI_FACT_ID_LEN + 1], observed[PHI_RFC3339_MAX], recorded[PHI_RFC3339_MAX];
    const char *source = phi_rows_text(rows, row, 1);
    const char *context = phi_arena_printf(phi_api_arena(call), "%s.sealed", source);
    PHI_GUARD(context == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_parse(phi_view_text(phi_rows_text(rows, row, 2)), 8, &content, NULL));
    PHI_GUARD(open_text(call, key, context, phi_rows_bytes(rows, row, 3), &text));
    phi_hex_encode(phi_rows_bytes(rows, row, 0), id);
    phi_rfc3339_format(phi_rows_i64(rows, row, 4), observed);
    phi_rfc3339_format(phi_rows_i64(rows, row, 5), recorded);
    json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O}", "factId", id, "source", source,
                             "app", phi_rows_text(rows, row, 6), "observedAt", observed,
                             "recordedAt", recorded, "content", content, "personal", text);
    PHI_GUARD(json_array_append_new(list, line) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    json_decref(text);
    json_decref(content);
    return err;
}

static void turn(struct page *page, const struct phi_rows *rows, int column)
{
    size_t count = phi_rows_count(rows);
    page->next_us = count >= PAGE_MAX ? phi_rows_i64(rows, count - 1, (size_t)column) : 0;
}

static enum phi_err add_list(json_t *data, const char *name, json_t *list, const struct page *page)
{
    char next[PHI_RFC3339_MAX];
    phi_rfc3339_format(page->next_us, next);
    json_t *part = json_pack("{s:O, s:s?}", "items", list, "next", page->next_us ? next : NULL);
    return json_object_set_new(data, name, part) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err add_declarations(struct phi_api_call *call, struct phi_conn *conn,
                                     const struct phi_person_key *key, struct page *page,
                                     json_t *data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *list = json_array();
    const struct phi_param params[] = {PHI_BYTES_OF(key->subject, PHI_SUBJECT_LEN),
                                       PHI_I64(page->before_us), PHI_I64(PAGE_MAX)};
    PHI_GUARD(phi_json_keep(phi_api_arena(call), list));
    PHI_GUARD(phi_conn_exec(conn, "export_declarations",
                            "SELECT fact_id, source, content::text, sealed, observed_us, "
                            "recorded_us, institution FROM declarations WHERE subject = $1 AND "
                            "recorded_us < $2 ORDER BY recorded_us DESC FETCH FIRST "
                            "($3::bigint) ROWS WITH TIES",
                            params, 3, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_declaration(call, key, rows, i, list));
    turn(page, rows, 5);
    PHI_GUARD(add_list(data, "declarations", list, page));
out:
    phi_rows_free(rows);
    return err;
}

/* What institutions reported: kind, institution and times; the contents are told by the
 * institution, and their effect by the directory's explanation. */
static enum phi_err add_reports(struct phi_api_call *call, struct phi_conn *conn,
                                const uint8_t *subject, struct page *page, json_t *data,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    json_t *list = json_array();
    const struct phi_param params[] = {PHI_BYTES_OF(subject, PHI_SUBJECT_LEN),
                                       PHI_I64(page->before_us), PHI_I64(PAGE_MAX)};
    PHI_GUARD(phi_json_keep(phi_api_arena(call), list));
    PHI_GUARD(phi_conn_exec(conn, "export_reports",
                            "SELECT source, institution, observed_us, recorded_us FROM intake "
                            "WHERE subject = $1 AND recorded_us < $2 ORDER BY recorded_us DESC "
                            "FETCH FIRST ($3::bigint) ROWS WITH TIES",
                            params, 3, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        char observed[PHI_RFC3339_MAX], recorded[PHI_RFC3339_MAX];
        phi_rfc3339_format(phi_rows_i64(rows, i, 2), observed);
        phi_rfc3339_format(phi_rows_i64(rows, i, 3), recorded);
        json_t *line =
            json_pack("{s:s, s:s, s:s, s:s}", "source", phi_rows_text(rows, i, 0), "institution",
                      phi_rows_text(rows, i, 1), "observedAt", observed, "recordedAt", recorded);
        PHI_GUARD(json_array_append_new(list, line) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    turn(page, rows, 3);
    PHI_GUARD(add_list(data, "reports", list, page));
out:
    phi_rows_free(rows);
    return err;
}

/* What the other services keep about the person: each gives its own copy. */
static const struct {
    const char *service;
    const char *path;
} elsewhere[] = {{"svc-correction", "/v1/me/corrections"},
                 {"svc-directory", "/v1/health/explain"},
                 {"svc-verify", "/v1/codes/uses"},
                 {"svc-codegen", "/v1/codes/consent/looks"},
                 {"svc-platform", "/v1/disputes"}};

static enum phi_err add_elsewhere(json_t *data)
{
    json_t *list = json_array();
    enum phi_err err = json_object_set_new(data, "elsewhere", list) == 0 ? PHI_OK : PHI_ERR_MEMORY;
    for (size_t i = 0; err == PHI_OK && i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        json_t *one =
            json_pack("{s:s, s:s}", "service", elsewhere[i].service, "path", elsewhere[i].path);
        err = json_array_append_new(list, one) == 0 ? PHI_OK : PHI_ERR_MEMORY;
    }
    return err;
}

static enum phi_err gather(struct phi_api_call *call, struct phi_conn *conn, struct page *pages,
                           json_t *data, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_person_key key;
    json_t *consents = NULL, *documents = NULL, *looks = NULL;
    uint8_t subject[PHI_SUBJECT_LEN];
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, subject));
    PHI_GUARD(phi_person_keys_find(conn, subject, phi_api_arena(call), &key, error));
    PHI_GUARD(add_basic(call, conn, &key, data, error));
    PHI_GUARD(add_declarations(call, conn, &key, &pages[0], data, error));
    PHI_GUARD(add_reports(call, conn, subject, &pages[1], data, error));
    PHI_GUARD(consents_read(conn, subject, phi_api_arena(call), &consents, error));
    PHI_GUARD(documents_read(conn, declare_of(call)->keys.health, &key, phi_api_arena(call),
                             &documents, error));
    PHI_GUARD(looks_read(conn, subject, phi_api_arena(call), &looks, error));
    PHI_GUARD(add_elsewhere(data));
    bool is_set = json_object_set(data, "consents", consents) == 0 &&
                  json_object_set(data, "documents", documents) == 0 &&
                  json_object_set(data, "looks", looks) == 0;
    PHI_GUARD(is_set ? look_keep(call, subject, "copied", "self") : PHI_ERR_MEMORY);
out:
    return err;
}

enum phi_err declare_export(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    struct page pages[2] = {{0}, {0}};
    struct phi_conn *conn = NULL;
    json_t *data = json_object();
    PHI_GUARD(phi_json_keep(phi_api_arena(call), data));
    PHI_GUARD(
        phi_json_time_opt(&body, "declarationsBefore", INT64_MAX, &pages[0].before_us, error));
    PHI_GUARD(phi_json_time_opt(&body, "reportsBefore", INT64_MAX, &pages[1].before_us, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(gather(call, conn, pages, data, error));
    phi_api_data(call, json_incref(data));
out:
    phi_store_release(conn);
    return err;
}
