/* GET /v1/declarations/due: whether the person is to declare their health again, by the control
 * periods of where they live: what an app's reminder asks for its customer. */
#include "svc-declare/people/acting.h"

#include "base/file.h"

#include <stdio.h>

#define POLICY_MAX_BYTES 65536
#define ARENA_MAX_BYTES  (1024 * 1024)

enum phi_err declare_control_open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct declare *declare = phi_service_state(service);
    struct phi_error inner = {.code = PHI_OK};
    struct phi_view bytes = {0};
    const char *path = phi_config_text(phi_service_config(service), "PHI_CONTROL_FILE");
    declare->control_arena = phi_arena_new(ARENA_MAX_BYTES);
    PHI_GUARD(declare->control_arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (path == NULL || path[0] == '\0')
        return PHI_OK;
    err = phi_file_read(path, POLICY_MAX_BYTES, declare->control_arena, &bytes);
    if (err == PHI_OK)
        err = control_read(bytes, declare->control_arena, &declare->control, &inner);
    if (err != PHI_OK && err != PHI_ERR_MEMORY)
        err = phi_error_set(error, PHI_ERR_CONFIG, "PHI_CONTROL_FILE", "%s: %s", inner.place,
                            inner.text);
out:
    return err;
}

struct standing {
    char region[7]; /* as declared; empty: basic information was never declared */
    int64_t last_us;
};

/* The newest declaration of health as it was observed, whoever made it for the person. */
static enum phi_err find(struct phi_api_call *call, struct standing *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    uint8_t subject[PHI_SUBJECT_LEN];
    PHI_GUARD(phi_subject_index(declare_of(call)->keys.index, &phi_api_who(call)->person, subject));
    const struct phi_param param = PHI_BYTES_OF(subject, PHI_SUBJECT_LEN);
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(
        conn, "declaration_due",
        "SELECT coalesce((SELECT region FROM basic WHERE subject = $1), ''), coalesce((SELECT "
        "max(observed_us) FROM declarations WHERE subject = $1 AND source = 'declare.health'), 0)",
        &param, 1, &rows, error));
    snprintf(out->region, sizeof(out->region), "%s", phi_rows_text(rows, 0, 0));
    out->last_us = phi_rows_i64(rows, 0, 1);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static json_t *time_json(int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    if (time_us == 0)
        return json_null();
    phi_rfc3339_format(time_us, text);
    return json_string(text);
}

static json_t *period_json(const struct control_period *period)
{
    return json_pack("{s:s, s:o, s:o, s:I}", "region", period->region, "from",
                     time_json(period->from_us), "to", time_json(period->to_us), "everyHours",
                     (json_int_t)(period->every_us / (3600 * 1000000LL)));
}

enum phi_err declare_due(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct standing standing = {.last_us = 0};
    struct control_due due = {.is_due = false};
    PHI_GUARD(find(call, &standing, error));
    if (standing.region[0] == '\0')
        return phi_error_set(error, PHI_ERR_NO_BASIC, "Phi-Identity",
                             "where the person lives was never declared");
    const struct control_period *period =
        control_find(&declare_of(call)->control, standing.region, phi_api_now_us(call));
    if (period != NULL)
        due = control_judge(period, standing.last_us, phi_api_now_us(call));
    phi_api_data(call, json_pack("{s:b, s:o, s:o, s:o, s:o}", "due", due.is_due, "dueSince",
                                 time_json(due.is_due ? due.at_us : 0), "nextAt",
                                 time_json(due.is_due ? 0 : due.at_us), "lastAt",
                                 time_json(standing.last_us), "period",
                                 period == NULL ? json_null() : period_json(period)));
out:
    return err;
}
