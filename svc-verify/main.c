/* svc-verify: verification (3000) over HTTP and ZeroMQ, the one-time ledger, who used my code. */
#include "svc-verify/uses/restore.h"
#include "svc-verify/revoke/revoke.h"

#include "base/log.h"
#include "base/metrics.h"

#include <stdlib.h>

#define LATE_MAX 4096
#define ASKS_MAX 1024

extern const unsigned char phi_embed_openapi_json[];
extern const size_t phi_embed_openapi_json_len;
extern const unsigned char phi_embed__100_verify_sql[];
extern const unsigned char phi_embed__101_spans_sql[];
extern const unsigned char phi_embed__102_cuts_sql[];
extern const unsigned char phi_embed__103_revocations_sql[];

static const struct phi_config_row rows[] = {
    PHI_SERVICE_KEY_ROW("PHI_SEAL_KEY_FILE", "SM4 key that seals the subject in a code"),
    {.name = "PHI_KEY_SET",
     .type = PHI_CONFIG_INT,
     .fallback = "1",
     .min = 0,
     .max = 255,
     .unit = "",
     .text = "id of the key set that the seal key belongs to"},
    PHI_SERVICE_KEY_ROW("PHI_INDEX_KEY_FILE", "the national index key"),
    PHI_SERVICE_KEY_ROW("PHI_SERIAL_KEY_FILE",
                        "the province's key for code serials on topics and in tables"),
    PHI_SERVICE_KEY_ROW("PHI_RECEIPT_KEY_FILE", "SM2 key that signs receipts"),
    {.name = "PHI_RPC_BIND",
     .type = PHI_CONFIG_TEXT,
     .fallback = "tcp://127.0.0.1:5102",
     .min = 5,
     .max = 128,
     .unit = "",
     .text = "address of the verify RPC"},
    {.name = "PHI_RPC_CURVE_FILE",
     .type = PHI_CONFIG_SECRET,
     .min = 40,
     .max = 64,
     .unit = "",
     .text = "CURVE secret key of the verify RPC, Z85 or hex"},
    PHI_FORWARD_ROWS,
    {.name = "PHI_POLICY_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "bounds of watching the callers, JSON"},
    {.name = "PHI_USES_KEEP_DAYS",
     .type = PHI_CONFIG_INT,
     .fallback = "180",
     .min = 1,
     .max = 3650,
     .unit = "days",
     .text = "how long the holder can see who used a code; older weeks are dropped"},
    {.name = "PHI_VERIFY_LANES",
     .type = PHI_CONFIG_INT,
     .fallback = "1",
     .min = 1,
     .max = VERIFY_LANES_MAX,
     .unit = "",
     .text =
         "group commits of uses that may be under way at once, each on a connection of its own"},
    PHI_SERVICE_KEY_ROW("PHI_REVOCATION_KEY_FILE",
                        "SM2 key that signs revocations (code.revoked) and filters of them"),
    {.name = "PHI_REVOCATIONS_MAX",
     .type = PHI_CONFIG_INT,
     .fallback = "200000",
     .min = 1000,
     .max = 1000000,
     .unit = "",
     .text = "how many revocations are held in memory, of all platforms"},
    {.name = "PHI_FILTER_HOURS",
     .type = PHI_CONFIG_INT,
     .fallback = "24",
     .min = 1,
     .max = 168,
     .unit = "hours",
     .text = "how long a scanner may use a revocation filter"},
};

static const struct phi_migration migrations[] = {
    {100, "verify", (const char *)phi_embed__100_verify_sql},
    {101, "spans", (const char *)phi_embed__101_spans_sql},
    {102, "cuts", (const char *)phi_embed__102_cuts_sql},
    {103, "revocations", (const char *)phi_embed__103_revocations_sql},
};

static const char *const verify_fields[] = {"code", "operation", "challenge", "scope", NULL};
static const char *const batch_fields[] = {"items", NULL};
static const char *const uses_queries[] = {"limit", "before", "since", "until", "format", NULL};
static const char *const revoke_fields[] = {"code",         "serial",        "subject", "keySetId",
                                            "deadlineFrom", "deadlineUntil", NULL};

static const struct phi_api_route routes[] = {
    {.method = "POST",
     .path = "/v1/codes/verify",
     .role = "verify",
     .identity = PHI_API_CITIZEN,
     .fields = verify_fields,
     .handle = verify_http},
    {.method = "POST",
     .path = "/v1/codes/verify/batch",
     .role = "verify",
     .identity = PHI_API_CITIZEN,
     .fields = batch_fields,
     .handle = verify_http_many},
    {.method = "GET",
     .path = "/v1/codes/uses",
     .role = "uses",
     .identity = PHI_API_CITIZEN,
     .queries = uses_queries,
     .handle = verify_uses},
    {.method = "POST",
     .path = "/v1/codes/revoke",
     .role = "revoke",
     .identity = PHI_API_EITHER,
     .fields = revoke_fields,
     .handle = verify_revoke_post},
    {.method = "GET",
     .path = "/v1/codes/revocations",
     .identity = PHI_API_NOBODY,
     .flags = PHI_API_OPEN,
     .handle = verify_revoke_filter},
};

static enum phi_err open_codeside(struct phi_service *service, struct verify *verify,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service_key_set about[PHI_CODESIDE_SETS_MAX];
    struct phi_codeside_set sets[PHI_CODESIDE_SETS_MAX] = {{.id = 0}};
    size_t count = phi_service_key_sets(service, "PHI_SEAL_KEY_FILE", about, PHI_CODESIDE_SETS_MAX);
    for (size_t i = 0; i < count; i++) {
        sets[i].id = about[i].id;
        sets[i].from_us = about[i].from_us;
        sets[i].to_us = about[i].to_us;
        PHI_GUARD(phi_service_set_bytes(service, "PHI_SEAL_KEY_FILE", sets[i].id, sets[i].seal_key,
                                        sizeof(sets[i].seal_key), &sets[i].seal_uses, error));
    }
    PHI_GUARD(phi_codeside_new(phi_service_region(service), sets, count, NULL, &verify->codeside));
out:
    phi_wipe(sets, sizeof(sets));
    return err;
}

static enum phi_err open_keys(struct phi_service *service, struct verify *verify,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    PHI_GUARD(open_codeside(service, verify, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_INDEX_KEY_FILE", &verify->index_key, error));
    PHI_GUARD(phi_service_key_hmac(service, "PHI_SERIAL_KEY_FILE", &verify->serial_key, error));
    PHI_GUARD(phi_service_key_seal(service, "PHI_SERIAL_KEY_FILE", &verify->kept_key, error));
    PHI_GUARD(phi_service_key_sm2(service, "PHI_RECEIPT_KEY_FILE", &verify->receipt_key, error));
    phi_sm2_private_public(verify->receipt_key, xy);
    PHI_GUARD(phi_key_id_of(xy, verify->receipt_key_id));
out:
    return err;
}

static enum phi_err open(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct verify *verify = calloc(1, sizeof(*verify));
    PHI_GUARD(verify == NULL ? PHI_ERR_MEMORY : PHI_OK);
    verify->service = service;
    verify->region = phi_service_region(service);
    verify->topic = phi_service_topic(service, "code.verified");
    verify->source = phi_service_source(service);
    verify->clock = phi_service_clock(service);
    verify->uses_keep_us =
        phi_config_int(phi_service_config(service), "PHI_USES_KEEP_DAYS") * 86400 * 1000000;
    verify->trust = phi_service_trust(service);
    verify->allow = phi_rpc_allow_list_new();
    phi_service_set_state(service, verify);
    PHI_GUARD(verify->allow == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(open_keys(service, verify, error));
    const struct phi_forward_options forward = {.key = verify->receipt_key,
                                                .serves = PHI_RELAY_VERIFY};
    PHI_GUARD(phi_forward_open(service, &forward, &verify->forward, error));
    verify->verified[0] =
        phi_counter_new("phi_codes_verified_total", "verifications recorded", "result=\"refused\"");
    verify->verified[1] =
        phi_counter_new("phi_codes_verified_total", "verifications recorded", "result=\"good\"");
    verify->batches =
        phi_counter_new("phi_verify_batches_total", "batches of codes checked together", NULL);
    verify->batched = phi_counter_new("phi_verify_batched_total", "codes in these batches", NULL);
    verify->watched[WATCH_WARN] = phi_counter_new(
        "phi_callers_watched_total", "bounds that callers have passed", "step=\"warned\"");
    verify->watched[WATCH_CUT] = phi_counter_new("phi_callers_watched_total",
                                                 "bounds that callers have passed", "step=\"cut\"");
    PHI_GUARD(watch_open(phi_config_text(phi_service_config(service), "PHI_POLICY_FILE"),
                         &verify->watch, error));
    PHI_GUARD(verify_revoke_open(verify, error));
    PHI_GUARD(verify_lanes_open(verify, error));
    PHI_GUARD(verify_benches_open(verify));
    PHI_GUARD(verify_line_start(verify, &verify->late, verify_late_handle, LATE_MAX));
    PHI_GUARD(verify_line_start(verify, &verify->asks, verify_http_handle, ASKS_MAX));
out:
    return err;
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(verify_spans_start(phi_service_state(service), error));
    PHI_GUARD(verify_restore(service, error));
    PHI_GUARD(verify_watch_start(phi_service_state(service), error));
    PHI_GUARD(verify_revoke_start(phi_service_state(service)));
    PHI_GUARD(verify_rpc_open(phi_service_state(service), error));
out:
    return err;
}

static void stop(struct phi_service *service, struct phi_deadline until)
{
    struct verify *verify = phi_service_state(service);
    if (verify == NULL)
        return;
    verify_revoke_stop(verify);
    if (verify->rpc == NULL)
        return;
    phi_rpc_server_stop_accepting(verify->rpc);
    phi_rpc_server_close(verify->rpc, until);
    verify->rpc = NULL;
}

static void close(struct phi_service *service)
{
    struct verify *verify = phi_service_state(service);
    if (verify == NULL)
        return;
    atomic_store(&verify->is_drained, true);
    verify_spans_stop(verify);
    verify_revoke_stop(verify);
    verify_line_stop(&verify->asks);
    verify_lanes_close(verify);
    verify_routes_close(verify);
    verify_line_stop(&verify->late);
    phi_forward_close(verify->forward);
    verify_benches_close(verify);
    verify_watch_stop(verify);
    verify_revoke_close(verify);
    phi_rpc_allow_list_free(verify->allow);
    phi_codeside_free(verify->codeside);
    phi_hmac_key_free(verify->index_key);
    phi_hmac_key_free(verify->serial_key);
    phi_seal_key_free(verify->kept_key);
    phi_sm2_private_free(verify->receipt_key);
    phi_service_set_state(service, NULL);
    free(verify);
}

static void callers_changed(struct phi_service *service)
{
    struct verify *verify = phi_service_state(service);
    if (verify != NULL && phi_service_allow_peers(service, verify->allow) != PHI_OK)
        phi_log(PHI_LOG_ERROR, "allow_list_kept",
                PHI_L_WORD("why", "the_new_one_can_not_be_taken"));
}

static const char *unready(struct phi_service *service)
{
    return phi_trust_is_usable(phi_service_trust(service)) ? NULL : "trust-list";
}

static const struct phi_program program = {
    .name = "svc-verify",
    .about = "verifies health codes (GB/T 38961, service 3000 of GB/T 38963)",
    .schema = "verify",
    .http_port = "8102",
    .parts =
        PHI_PART_REGISTRY | PHI_PART_IDENTITY | PHI_PART_TRUST | PHI_PART_RELAY | PHI_PART_NATION,
    .rows = rows,
    .row_count = sizeof(rows) / sizeof(rows[0]),
    .migrations = migrations,
    .migration_count = 4,
    .tables = verify_tables,
    .table_count = VERIFY_TABLES,
    .routes = routes,
    .route_count = sizeof(routes) / sizeof(routes[0]),
    .linger_ms = 50, /* uses are spread over a topic's partitions, each with batches of its own */
    .openapi = phi_embed_openapi_json,
    .openapi_len = &phi_embed_openapi_json_len,
    .open = open,
    .start = start,
    .stop = stop,
    .close = close,
    .unready = unready,
    .callers_changed = callers_changed,
};

int main(int argc, char **argv)
{
    return phi_service_main(&program, argc, argv);
}
