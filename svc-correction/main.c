/* svc-correction: disputes of citizens about facts: file, see, decide. */
#include "svc-correction/texts.h"

#include "base/file.h"
#include "base/log.h"
#include "person/replay.h"
#include "svc-correction/appeals/appeals.h"
#include "svc-correction/batches/batches.h"
#include "svc-correction/copy/copy.h"
#include "svc-correction/entry/handed.h"
#include "svc-correction/daily/daily.h"
#include "svc-correction/restore/restore.h"
#include "svc-correction/attachments/attach.h"
#include "svc-correction/attachments/reencode.h"
#include "svc-correction/relief/relief.h"
#include "svc-correction/steps/calendar.h"

#include <stdlib.h>

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_correction_sql[];
extern const unsigned char phi_embed__120_person_keys_sql[];
extern const unsigned char phi_embed__121_erasures_sql[];
extern const unsigned char phi_embed__130_flow_sql[];
extern const unsigned char phi_embed__131_filers_sql[];
extern const unsigned char phi_embed__132_handed_sql[];
extern const unsigned char phi_embed__140_matters_sql[];
extern const unsigned char phi_embed__141_attachments_sql[];
extern const unsigned char phi_embed__142_batches_sql[];
extern const unsigned char phi_embed__150_anchors_sql[];
extern const unsigned char phi_embed__151_looks_sql[];
extern const unsigned char phi_embed__152_reports_sql[];
extern const unsigned char phi_embed__153_retention_sql[];
extern const unsigned char phi_embed__170_batches_sql[];
extern const unsigned char phi_embed_calendar_json[];
extern const size_t phi_embed_calendar_json_len;

struct correction *correction_of(struct phi_api_call *call)
{
    return phi_service_state(phi_api_service(call));
}

enum phi_err correction_subject(struct phi_api_call *call, uint8_t out[PHI_SUBJECT_LEN])
{
    return phi_subject_index(correction_of(call)->index_key, &phi_api_who(call)->person, out);
}

static const struct phi_config_row rows[] = {
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_HEALTH_KEY_FILE", "the health side's key for personal text"),
    PHI_SERVICE_KEY_ROW("PHI_CORRECTION_KEY_FILE",
                        "SM2 key that signs decisions (correction.decided)"),
    PHI_SERVICE_KEY_ROW("PHI_INTAKE_KEY_FILE",
                        "SM2 key that opens cases which the unified platform hands over; without "
                        "it none come"),
    {.name = "PHI_RELIEF_MAX_H",
     .type = PHI_CONFIG_INT,
     .fallback = "72",
     .min = 1,
     .max = RELIEF_HOURS_MAX,
     .unit = "h",
     .text = "the longest interim relief that two officers may give while a case runs"},
    {.name = "PHI_ANCHOR_TURN_S",
     .type = PHI_CONFIG_INT,
     .fallback = "86400",
     .min = 1,
     .max = 86400,
     .unit = "s",
     .text =
         "how often the heads of all cases' chains get a root on audit, from midnight in China; "
         "less than a day in tests"},
    {.name = "PHI_ANCHOR_AFTER_S",
     .type = PHI_CONFIG_INT,
     .fallback = "3600",
     .min = 1,
     .max = 86400,
     .unit = "s",
     .text = "how long after its end the root of a day is made: longer than a request may last"},
    {.name = "PHI_CASE_KEEP_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "1095",
     .min = 1,
     .max = 36500,
     .unit = "days",
     .text = "how long after its last step the data of a closed case is kept; its chain stays"},
    {.name = "PHI_CALENDAR_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text =
         "days off and weekends worked, JSON (docs/corrections.md); without it the suite's own"},
    {.name = "PHI_APPEAL_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "30",
     .min = 1,
     .max = 3660,
     .unit = "days",
     .text = "how long after its refusal a case may be appealed to the unified platform"},
    {.name = "PHI_MANDATE_MAX_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "366",
     .min = 1,
     .max = 3660,
     .unit = "days",
     .text = "longest mandate to file a case for somebody else"},
};

static const struct phi_migration migrations[] = {
    {100, "correction", (const char *)phi_embed__100_correction_sql},
    {120, "person_keys", (const char *)phi_embed__120_person_keys_sql},
    {121, "erasures", (const char *)phi_embed__121_erasures_sql},
    {130, "flow", (const char *)phi_embed__130_flow_sql},
    {131, "filers", (const char *)phi_embed__131_filers_sql},
    {132, "handed", (const char *)phi_embed__132_handed_sql},
    {140, "matters", (const char *)phi_embed__140_matters_sql},
    {141, "attachments", (const char *)phi_embed__141_attachments_sql},
    {142, "batches", (const char *)phi_embed__142_batches_sql},
    {150, "anchors", (const char *)phi_embed__150_anchors_sql},
    {151, "looks", (const char *)phi_embed__151_looks_sql},
    {152, "reports", (const char *)phi_embed__152_reports_sql},
    {153, "retention", (const char *)phi_embed__153_retention_sql},
    {170, "batches", (const char *)phi_embed__170_batches_sql},
};

const char *const case_file_fields[] = {"matter",    "fact",       "missing", "identity",
                                        "statement", "onBehalfOf", NULL};
static const char *const decide_fields[] = {"decision", "reason", "note", "fact", "record", NULL};
static const char *const relief_fields[] = {"hours", "fact", "note", NULL};
static const char *const ask_fields[] = {"question", NULL};
static const char *const give_fields[] = {"text", NULL};
static const char *const appeal_fields[] = {"statement", NULL};
static const char *const no_fields[] = {NULL};
static const char *const show_queries[] = {"day", NULL};
static const char *const attach_queries[] = {"type", NULL};
static const char *const list_queries[] = {"state", "limit", "before", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/corrections",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = case_file_fields,
     .handle = case_file},
    {.method = "GET",
     .path = "/v1/corrections",
     .role = "correct",
     .identity = PHI_API_EITHER,
     .queries = list_queries,
     .handle = case_list},
    {.method = "GET",
     .path = "/v1/corrections/{id}",
     .role = "correct",
     .identity = PHI_API_EITHER,
     .queries = show_queries,
     .handle = case_show},
    {.method = "GET",
     .path = "/v1/me/corrections",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .queries = copy_queries,
     .handle = case_copy},
    {.method = "POST",
     .path = "/v1/corrections/{id}/attachments",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES | PHI_API_FILE,
     .queries = attach_queries,
     .handle = attach_take},
    {.method = "GET",
     .path = "/v1/corrections/{id}/attachments/{number}",
     .role = "correct",
     .identity = PHI_API_EITHER,
     .flags = PHI_API_FILE,
     .handle = attach_give},
    {.method = "POST",
     .path = "/v1/corrections/{id}/evidence",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = give_fields,
     .handle = case_give},
    {.method = "POST",
     .path = "/v1/corrections/{id}/withdrawal",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = no_fields,
     .handle = case_withdraw},
    {.method = "POST",
     .path = "/v1/corrections/{id}/appeal",
     .role = "correct",
     .identity = PHI_API_CITIZEN,
     .flags = PHI_API_CREATES,
     .fields = appeal_fields,
     .handle = appeal_lodge},
    {.method = "POST",
     .path = "/v1/corrections/{id}/evidence-requests",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = ask_fields,
     .handle = case_ask},
    {.method = "GET",
     .path = "/v1/correction-batches/{id}",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .queries = show_queries,
     .handle = batch_show},
    {.method = "POST",
     .path = "/v1/corrections/{id}/relief",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = relief_fields,
     .handle = relief_propose},
    {.method = "POST",
     .path = "/v1/corrections/{id}/relief-approval",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = relief_fields,
     .handle = relief_approve},
    {.method = "POST",
     .path = "/v1/corrections/{id}/proposal",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = decide_fields,
     .handle = case_propose},
    {.method = "POST",
     .path = "/v1/corrections/{id}/decision",
     .role = "decide",
     .identity = PHI_API_STAFF,
     .flags = PHI_API_CREATES,
     .fields = decide_fields,
     .handle = case_decide},
};

static enum phi_err open_calendar(struct phi_service *service, struct correction *correction,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_error inner = {.code = PHI_OK};
    struct phi_view bytes;
    const char *path = phi_config_text(phi_service_config(service), "PHI_CALENDAR_FILE");
    if (path == NULL || path[0] == '\0')
        return calendar_read(phi_view_of(phi_embed_calendar_json, phi_embed_calendar_json_len),
                             &correction->calendar, error);
    struct phi_arena *arena = phi_arena_new(2 * CALENDAR_BYTES_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    if (phi_file_read(path, CALENDAR_BYTES_MAX, arena, &bytes) != PHI_OK)
        PHI_GUARD(phi_error_set(error, PHI_ERR_CONFIG, "PHI_CALENDAR_FILE", "can't be read"));
    if (calendar_read(bytes, &correction->calendar, &inner) != PHI_OK)
        err = phi_error_set(error, PHI_ERR_CONFIG, "PHI_CALENDAR_FILE", "%s: %s", inner.place,
                            inner.text);
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct correction *correction = calloc(1, sizeof(*correction));
    PHI_GUARD(correction == NULL ? PHI_ERR_MEMORY : PHI_OK);
    phi_service_set_state(service, correction);
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &correction->index_key, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_HEALTH_KEY_FILE", &correction->health_key, error));
    PHI_GUARD(phi_service_key_sm2(service, "PHI_CORRECTION_KEY_FILE", &correction->correction_key,
                                  error));
    phi_sm2_private_public(correction->correction_key, xy);
    PHI_GUARD(phi_key_id_of(xy, correction->correction_serial));
    PHI_GUARD(open_calendar(service, correction, error));
    PHI_GUARD(handed_open(service, &correction->handed, error));
    if (!reencode_program(correction->reencode, sizeof(correction->reencode))) {
        correction->reencode[0] = '\0';
        phi_log(PHI_LOG_WARN, "no_pictures", PHI_L_WORD("missing", "phi-reencode"));
    }
    phi_service_set_answer_seal(service, correction->health_key);
out:
    return err;
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct correction *correction = phi_service_state(service);
    if (correction == NULL)
        return;
    daily_stop(correction);
    case_clock_stop(correction);
    handed_stop(correction, until);
    case_keys_stop(correction, until);
}

/* Ready all the same: what names nobody is told, only texts have to wait. */
static const char *unready(struct phi_service *service)
{
    const struct correction *correction = phi_service_state(service);
    phi_service_set_degraded(service, "person-keys",
                             !phi_person_replay_is_done(correction->replay));
    return NULL;
}

static void close(struct phi_service *service)
{
    struct correction *correction = phi_service_state(service);
    if (correction == NULL)
        return;
    case_keys_close(correction);
    handed_close(correction->handed);
    calendar_free(correction->calendar);
    phi_hmac_key_free(correction->index_key);
    phi_seal_key_free(correction->health_key);
    phi_sm2_private_free(correction->correction_key);
    free(correction);
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(case_restore(service, error));
    PHI_GUARD(case_keys_start(service, error));
    PHI_GUARD(handed_start(service, error));
    PHI_GUARD(case_clock_start(service));
    PHI_GUARD(daily_start(service));
out:
    return err;
}

static const struct phi_program program = {
    .name = "svc-correction",
    .about = "disputes of citizens about facts (GB/T 38963 6.8)",
    .schema = "correction",
    .http_port = "8105",
    .linger_ms = 50, /* steps are spread over a topic's partitions, each with batches of its own */
    .parts =
        PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_TRUST | PHI_PART_RELAY | PHI_PART_NATION,
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .migrations = migrations,
    .migration_count = sizeof(migrations) / sizeof(migrations[0]),
    .tables = correction_tables,
    .table_count = CORRECTION_TABLES,
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .openapi = phi_embed_openapi_json,
    .openapi_len = &phi_embed_openapi_json_len,
    .open = open,
    .start = start,
    .stop = stop,
    .close = close,
    .unready = unready,
};

int main(int argc, char **argv)
{
    return phi_service_main(&program, argc, argv);
}
