#include "svc-correction/relief/relief.h"

#include "json/canonical.h"
#include "svc-correction/matters/outcome.h"
#include "svc-correction/officer.h"

#include <stdio.h>
#include <string.h>

#define HOUR_US    (3600 * 1000000LL)
#define DEPTH_MAX  4
#define GRANTED    "relief-granted"
#define CONTENT_OF "SELECT step, actor, unit, content_sealed, at_us FROM steps WHERE case_id = $1 "

/* The last that was proposed or granted in a case. */
struct relief {
    bool is_there;
    bool is_granted;
    struct phi_view officer;
    const char *unit;
    const char *text; /* {"fact"?, "hours"}; NULL: gone with the person's key */
    int64_t at_us;
};

/* What a request says of it. */
struct wish {
    int64_t hours;
    struct case_fact fact;
    const char *text;
};

/* --- reading --- */

static enum phi_err take(struct phi_api_call *call, const struct phi_person_key *key,
                         const struct phi_rows *rows, struct relief *out)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    *out = (struct relief){.is_there = phi_rows_count(rows) > 0};
    if (!out->is_there)
        goto out;
    out->is_granted = strcmp(phi_rows_text(rows, 0, 0), GRANTED) == 0;
    out->officer = phi_arena_view(arena, phi_rows_bytes(rows, 0, 1));
    out->unit = phi_arena_text(arena, phi_view_text(phi_rows_text(rows, 0, 2)));
    out->text = case_open(call, key, CASE_CONTENT, phi_rows_bytes(rows, 0, 3));
    out->at_us = phi_rows_i64(rows, 0, 4);
    PHI_GUARD(out->unit == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

static enum phi_err find(struct phi_api_call *call, const struct case_now *now,
                         const struct phi_person_key *key, struct relief *out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(now->case_id, CASE_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "case_relief",
                            CONTENT_OF "AND step IN ('relief-proposed', '" GRANTED
                                       "') ORDER BY seq DESC LIMIT 1",
                            &id, 1, &rows, error));
    PHI_GUARD(take(call, key, rows, out));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err write_text(struct phi_api_call *call, int64_t hours,
                               const struct case_fact *fact, const char *until, const char **out)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    json_t *json = json_pack("{s:I, s:{s:s, s:s, s:s, s:s}, s:s*}", "hours", (json_int_t)hours,
                             "fact", "region", fact->region, "source", fact->source, "institution",
                             fact->institution, "recordNo", fact->record_no, "until", until);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    PHI_GUARD(phi_json_canonical(json, phi_api_arena(call), &bytes));
    *out = phi_arena_text(phi_api_arena(call), bytes);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

/* Only a record that is there can be set aside. */
static enum phi_err read_wish(struct phi_api_call *call, const struct case_now *now,
                              struct wish *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at body = phi_api_body(call);
    int64_t max = phi_config_int(phi_service_config(phi_api_service(call)), "PHI_RELIEF_MAX_H");
    PHI_GUARD(phi_json_int(&body, "hours", 1, max, &out->hours, error));
    out->fact = now->fact;
    if (now->matter_kind != MATTER_FACT && now->matter_kind != MATTER_GRADE)
        return phi_error_set(error, PHI_ERR_RULE, "id", "no record is in dispute");
    PHI_GUARD(
        now->matter_kind == MATTER_GRADE
            ? outcome_read_fact(call, "fact", &out->fact, error)
            : outcome_refuse_member(call, "fact", "the case says which record it is about", error));
    PHI_GUARD(write_text(call, out->hours, &out->fact, NULL, &out->text));
out:
    return err;
}

/* --- proposing and granting --- */

static void tell(struct phi_api_call *call, const struct case_now *now, int64_t until_us)
{
    char id[2 * CASE_LEN + 1], until[PHI_RFC3339_MAX];
    phi_hex_encode(phi_view_of(now->case_id, CASE_LEN), id);
    phi_rfc3339_format(until_us, until);
    phi_api_data(call, json_pack("{s:s, s:s, s:s, s:s*}", "caseId", id, "state",
                                 step_state_name(now->state), "stateZh", step_state_zh(now->state),
                                 "until", until_us == 0 ? NULL : until));
}

static enum phi_err check_first(const struct relief *relief, struct phi_error *error)
{
    return relief->is_there && relief->is_granted
               ? phi_error_set(error, PHI_ERR_STATE, "id", "the case has had its relief")
               : PHI_OK;
}

enum phi_err relief_propose(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct relief before;
    struct wish wish;
    struct case_deed deed = {.act = ACT_RELIEF_PROPOSE};
    PHI_GUARD(officer_read_note(call, &deed.note, error));
    PHI_GUARD(officer_find(call, &now, &key, error));
    PHI_GUARD(read_wish(call, &now, &wish, error));
    PHI_GUARD(find(call, &now, &key, &before, error));
    PHI_GUARD(check_first(&before, error));
    deed.content = wish.text;
    PHI_GUARD(case_do(call, &now, &key, &deed, error));
    tell(call, &now, 0);
out:
    return err;
}

static enum phi_err check_proposed(struct phi_api_call *call, const struct relief *relief,
                                   const struct wish *wish, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(check_first(relief, error));
    if (!relief->is_there)
        return phi_error_set(error, PHI_ERR_STATE, "id", "no relief is proposed");
    PHI_GUARD(officer_check_other(call, relief->officer, relief->unit, error));
    if (relief->text == NULL || strcmp(relief->text, wish->text) != 0)
        err = phi_error_set(error, PHI_ERR_RULE, "$.hours", "not what was proposed");
out:
    return err;
}

static enum phi_err grant(struct phi_api_call *call, struct case_now *now,
                          const struct phi_person_key *key, const struct wish *wish,
                          struct case_deed *deed, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char until[PHI_RFC3339_MAX];
    const struct outcome_relief relief = {.fact = wish->fact,
                                          .until_us = phi_api_now_us(call) + wish->hours * HOUR_US};
    phi_rfc3339_format(relief.until_us, until);
    PHI_GUARD(write_text(call, wish->hours, &wish->fact, until, &deed->content));
    PHI_GUARD(case_do(call, now, key, deed, error));
    PHI_GUARD(outcome_tell_relief(call, now, &relief));
    tell(call, now, relief.until_us);
out:
    return err;
}

enum phi_err relief_approve(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct case_now now;
    struct phi_person_key key;
    struct relief proposed;
    struct wish wish;
    struct case_deed deed = {.act = ACT_RELIEF_GRANT};
    PHI_GUARD(officer_read_note(call, &deed.note, error));
    PHI_GUARD(officer_find(call, &now, &key, error));
    PHI_GUARD(read_wish(call, &now, &wish, error));
    PHI_GUARD(find(call, &now, &key, &proposed, error));
    PHI_GUARD(check_proposed(call, &proposed, &wish, error));
    PHI_GUARD(grant(call, &now, &key, &wish, &deed, error));
out:
    return err;
}

/* --- ending --- */

static enum phi_err read_granted(struct phi_api_call *call, const char *text,
                                 struct case_fact *fact, int64_t *until_us)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root, at;
    PHI_GUARD(phi_json_read(phi_view_text(text), DEPTH_MAX, phi_api_arena(call), &root, NULL));
    PHI_GUARD(phi_json_object(&root, "fact", &at, NULL));
    PHI_GUARD(phi_json_word(&at, "region", 6, &fact->region, NULL));
    PHI_GUARD(phi_json_word(&at, "source", CASE_WORD_MAX, &fact->source, NULL));
    PHI_GUARD(phi_json_word(&at, "institution", CASE_WORD_MAX, &fact->institution, NULL));
    PHI_GUARD(phi_json_word(&at, "recordNo", CASE_WORD_MAX, &fact->record_no, NULL));
    PHI_GUARD(phi_json_time(&root, "until", until_us, NULL));
out:
    return err;
}

/* What is gone with the person's key is of a record of the case's own, or ends by the clock. */
enum phi_err relief_end(struct phi_api_call *call, const struct case_now *now,
                        const struct phi_person_key *key, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct relief granted;
    struct outcome_relief relief = {.fact = now->fact};
    int64_t until_us = INT64_MAX;
    PHI_GUARD(find(call, now, key, &granted, error));
    if (!granted.is_there || !granted.is_granted)
        goto out;
    if (granted.text != NULL && read_granted(call, granted.text, &relief.fact, &until_us) != PHI_OK)
        relief.fact = now->fact;
    if (until_us > phi_api_now_us(call))
        PHI_GUARD(outcome_tell_relief(call, now, &relief));
out:
    return err;
}
