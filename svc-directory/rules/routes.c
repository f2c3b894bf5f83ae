/* GET /v1/rules: what is in force and to come, for everybody; POST /v1/rules/rollback, for
 * officers. */
#include "svc-directory/rules/desk.h"

#include "json/canonical.h"

static json_t *set_json(const struct rules_force *force, bool is_in_force)
{
    char from[PHI_RFC3339_MAX];
    json_t *json = json_pack("{s:I, s:I, s:b, s:O}", "activation", (json_int_t)force->number,
                             "version", (json_int_t)force->rules->version, "inForce",
                             (int)is_in_force, "rules", force->rules->document);
    if (json == NULL || force->number == 0)
        return json;
    phi_rfc3339_format(force->from_us, from);
    json_object_set_new(json, "from", json_string(from));
    return json;
}

static enum phi_err sign(struct phi_api_call *call, json_t *data)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    uint8_t signature[PHI_SM2_SIG_LEN];
    char text[PHI_BASE64_LEN(PHI_SM2_SIG_LEN) + 1];
    const struct directory *directory = directory_of(call);
    PHI_GUARD(phi_json_canonical(data, phi_api_arena(call), &bytes));
    PHI_GUARD(phi_sm2_sign(directory->directory_key, bytes, signature));
    phi_base64_encode(phi_view_of(signature, sizeof(signature)), text);
    if (json_object_set_new(data, "keySerial", json_string(directory->directory_key_id)) != 0 ||
        json_object_set_new(data, "signature", json_string(text)) != 0)
        return PHI_ERR_MEMORY;
out:
    return err;
}

enum phi_err rules_route_list(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules_force *sets = phi_arena_alloc(phi_api_arena(call), RULES_SETS_MAX * sizeof(*sets));
    json_t *data =
        json_pack("{s:s, s:[]}", "region", phi_service_region(phi_api_service(call)), "sets");
    (void)error;
    PHI_GUARD(sets == NULL || data == NULL ? PHI_ERR_MEMORY : PHI_OK);
    size_t count =
        rules_book_list(directory_of(call)->book, phi_api_now_us(call), sets, RULES_SETS_MAX);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(
            json_array_append_new(json_object_get(data, "sets"), set_json(&sets[i], i == 0)) == 0
                ? PHI_OK
                : PHI_ERR_MEMORY);
    PHI_GUARD(sign(call, data));
    phi_api_data(call, data);
    data = NULL;
out:
    json_decref(data);
    return err;
}

/* --- POST /v1/rules/rollback --- */

/* What is to come is taken back first; without any it is what is in force. */
static enum phi_err read_target(struct phi_conn *conn, int64_t number, struct phi_rows **rows,
                                struct phi_error *error)
{
    const struct phi_param params[] = {PHI_I64(number)};
    return phi_conn_exec(conn, "rules_target",
                         "SELECT a.trial_id, a.back, t.version FROM rule_activations a LEFT JOIN "
                         "rule_trials t USING (trial_id) WHERE a.number = $1::bigint",
                         params, 1, rows, error);
}

static enum phi_err roll_back(struct phi_api_call *call, struct phi_conn *conn,
                              const struct officer *officer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules_standing standing = {.last = 0};
    struct phi_rows *rows = NULL;
    struct phi_param trial = PHI_NULL;
    PHI_GUARD(rules_standing_read(call, conn, &standing, error));
    if (standing.last == 0)
        return phi_error_set(error, PHI_ERR_STATE, "rules", "nothing to go back to");
    int64_t number = standing.last > standing.in_force ? standing.in_force : standing.back;
    PHI_GUARD(read_target(conn, number, &rows, error));
    int64_t back = phi_rows_count(rows) == 0 ? 0 : phi_rows_i64(rows, 0, 1);
    bool is_file = phi_rows_count(rows) == 0 || phi_rows_is_null(rows, 0, 0);
    int64_t version =
        is_file ? rules_book_first(directory_of(call)->book)->version : phi_rows_i64(rows, 0, 2);
    if (!is_file)
        trial = PHI_BYTES(phi_rows_bytes(rows, 0, 0));
    PHI_GUARD(rules_activate(call, &standing, trial, back, phi_api_now_us(call), officer));
    PHI_GUARD(rules_audit(call, "rollback", version, NULL, officer));
    phi_api_data(call, json_pack("{s:I, s:I}", "activation", (json_int_t)standing.last + 1,
                                 "version", (json_int_t)version));
out:
    phi_rows_free(rows);
    return err;
}

enum phi_err rules_route_rollback(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct officer officer = {.unit = ""};
    struct phi_conn *conn = NULL;
    PHI_GUARD(rules_officer_of(call, &officer, error));
    PHI_GUARD(rules_acquire(call, &conn));
    PHI_GUARD(roll_back(call, conn, &officer, error));
out:
    phi_store_release(conn);
    return err;
}
