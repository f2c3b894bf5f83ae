#include "svc-correction/entry/handed.h"

#include "auth/mandate.h"
#include "base/log.h"
#include "bus/consumer.h"
#include "bus/dlq.h"
#include "bus/signed.h"
#include "codes/region.h"
#include "person/replay.h"
#include "service/letter.h"
#include "svc-correction/appeals/appeals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP       "svc-correction.disputes." /* and the region: the bus is all provinces' */
#define BATCH_MAX   1 /* a filing waits for its own commit: nothing is locked meanwhile */
#define LETTER_ROOM (8 * 1024 * 1024)
#define DEPTH_MAX   12
#define KIND_MAX    32
#define FILE_MS     5000

struct handed {
    struct phi_sm2_private *key;
    struct phi_consumer *consumer;
    char group[sizeof(GROUP) + PHI_REGION_LEN];
};

struct reading {
    struct phi_service *service;
    const struct phi_msg *msg;
    struct phi_conn *tx;
    struct phi_arena *arena;
    struct phi_error *error;
    struct phi_json_at root; /* the record */
    struct phi_json_at said; /* what was sealed */
    uint8_t dispute_id[DISPUTE_LEN];
};

/* --- the letter --- */

static enum phi_err verify(const struct reading *r, enum phi_trust_use use)
{
    uint64_t version = 0;
    struct phi_pinned_key pinned[PHI_LETTER_KEYS_MAX];
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(r->service));
    size_t count = phi_letter_pin(phi_trust_platform(view, PHI_REGION_NATION), use,
                                  phi_clock_now_us(phi_service_clock(r->service)), pinned);
    enum phi_err err = phi_signed_verify(r->msg, pinned, count, &version, r->error);
    phi_trust_release(view);
    return err;
}

static enum phi_err unseal(struct reading *r)
{
    enum phi_err err = PHI_OK;
    const struct correction *correction = phi_service_state(r->service);
    const struct phi_letter letter = {
        .topic = r->msg->topic, .context = DISPUTE_DOWN, .member = "sealed"};
    struct phi_view plain;
    PHI_GUARD(
        phi_letter_open(&letter, &r->root, correction->handed->key, r->arena, &plain, r->error));
    PHI_GUARD(phi_json_read(plain, DEPTH_MAX, r->arena, &r->said, r->error));
out:
    return err;
}

/* --- filing --- */

/* In the filing's own commit: the number, and that the platform is to be told. */
static enum phi_err file(struct phi_api_call *call, void *context, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct reading *r = context;
    uint8_t *case_id = phi_arena_alloc(r->arena, CASE_LEN);
    PHI_GUARD(case_id == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(case_file_handed(call, r->dispute_id, error));
    const char *id = json_string_value(json_object_get(phi_api_said(call), "caseId"));
    PHI_GUARD(id == NULL ? PHI_ERR_INTERNAL : phi_hex_decode(phi_view_text(id), case_id, CASE_LEN));
    const struct phi_param row[] = {PHI_BYTES_OF(r->dispute_id, DISPUTE_LEN),
                                    PHI_BYTES_OF(case_id, CASE_LEN)};
    PHI_GUARD(phi_api_row(call, TABLE_HANDED, row, 2));
    PHI_GUARD(phi_api_row(call, TABLE_CASES_TOLD, &row[1], 1));
out:
    return err;
}

static enum phi_err read_filing(const struct reading *r, struct phi_api_errand *out)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at person, dispute;
    size_t count = 0;
    const char *who = NULL;
    while (case_file_fields[count] != NULL)
        count++;
    PHI_GUARD(phi_json_object(&r->said, "person", &person, r->error));
    PHI_GUARD(phi_mandate_read_person(&person, &out->who.person, r->error));
    PHI_GUARD(phi_json_word(&r->said, "who", 2 * PHI_SM3_LEN, &who, r->error));
    PHI_GUARD(phi_json_object(&r->said, "dispute", &dispute, r->error));
    out->body = phi_json_root(dispute.value); /* places as in a request to the province */
    PHI_GUARD(phi_json_only(&out->body, case_file_fields, count, r->error));
    out->who.issuer = PHI_REGION_NATION;
    out->who.sub = who;
    out->who.has_person = true;
out:
    return err;
}

/* The citizen is told by the platform what they would have been told here. */
static enum phi_err refuse(const struct reading *r, enum phi_err reason)
{
    enum phi_err err = PHI_OK;
    char id[2 * DISPUTE_LEN + 1];
    bool is_told = r->error->code == reason;
    phi_hex_encode(phi_view_of(r->dispute_id, DISPUTE_LEN), id);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "not-taken", "disputeId", id, "code",
                  phi_err_return_code(reason), "field", is_told ? r->error->place : "", "text",
                  is_told ? r->error->text : phi_err_text_en(reason));
    struct phi_error inner = {.code = PHI_OK};
    PHI_GUARD(phi_json_keep(r->arena, json));
    PHI_GUARD(handed_say(r->service, r->tx, "cn.phi.dispute.refused", json, r->arena, &inner));
out:
    return err;
}

/* Taken before: then the answer was lost, and is given again. */
static enum phi_err find(const struct reading *r, bool *is_there)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param id = PHI_BYTES_OF(r->dispute_id, DISPUTE_LEN);
    PHI_GUARD(phi_conn_exec(r->tx, "handed_find",
                            "UPDATE cases SET told_seq = 0 FROM handed h WHERE h.dispute_id = $1 "
                            "AND cases.case_id = h.case_id",
                            &id, 1, &rows, r->error));
    *is_there = phi_rows_affected(rows) > 0;
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err take_filing(struct reading *r)
{
    enum phi_err err = PHI_OK;
    bool is_there = false, is_refused = true;
    struct phi_api_errand errand = {
        .deadline = phi_deadline_in_ms(FILE_MS), .handle = file, .context = r};
    PHI_GUARD(phi_json_hex(&r->root, "disputeId", r->dispute_id, DISPUTE_LEN, r->error));
    PHI_GUARD(find(r, &is_there));
    if (is_there)
        goto out;
    err = unseal(r);
    if (err == PHI_OK)
        err = read_filing(r, &errand);
    if (err == PHI_OK)
        err = phi_api_do(r->service, &errand, r->arena, &is_refused, r->error);
    if (err == PHI_OK || phi_err_is_retryable(err) || err == PHI_ERR_MEMORY)
        goto out;
    err = is_refused ? refuse(r, err) : PHI_ERR_STORE;
out:
    return err;
}

static enum phi_err take_decision(const struct reading *r)
{
    const struct correction *correction = phi_service_state(r->service);
    const struct appeal_letter letter = {.service = r->service,
                                         .tx = r->tx,
                                         .arena = r->arena,
                                         .topic = r->msg->topic,
                                         .root = &r->root,
                                         .key = correction->handed->key};
    return appeal_take_decision(&letter, r->error);
}

/* --- the topic --- */

static enum phi_err take_letter(struct reading *r)
{
    enum phi_err err = PHI_OK;
    const char *kind = NULL;
    PHI_GUARD(phi_json_read(r->msg->value, DEPTH_MAX, r->arena, &r->root, r->error));
    PHI_GUARD(phi_json_word(&r->root, "kind", KIND_MAX, &kind, r->error));
    bool is_decision = strcmp(kind, "appeal-decided") == 0;
    if (!is_decision && strcmp(kind, "file") != 0)
        return phi_json_refuse(&r->root, "kind", PHI_ERR_FIELD_VALUE, "no such kind", r->error);
    PHI_GUARD(verify(r, is_decision ? PHI_TRUST_CORRECTION : PHI_TRUST_ANSWER));
    PHI_GUARD(is_decision ? take_decision(r) : take_filing(r));
out:
    return err;
}

static enum phi_err take_msg(struct phi_service *service, const struct phi_msg *msg,
                             struct phi_conn *tx)
{
    const struct correction *correction = phi_service_state(service);
    struct phi_error error = {.code = PHI_OK};
    struct reading r = {.service = service,
                        .msg = msg,
                        .tx = tx,
                        .arena = phi_arena_new(LETTER_ROOM),
                        .error = &error};
    if (r.arena == NULL)
        return PHI_ERR_MEMORY;
    enum phi_err err = take_letter(&r);
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "dispute_not_taken", PHI_L_DETAIL(&error));
    if (err != PHI_OK && !phi_err_is_retryable(err) && err != PHI_ERR_MEMORY)
        err = phi_dlq_put(correction->dlq, tx, msg, err);
    phi_arena_free(r.arena);
    return err;
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = context;
    const struct correction *correction = phi_service_state(service);
    if (!phi_trust_is_usable(phi_service_trust(service)) ||
        !phi_registry_is_usable(phi_service_registry(service)) ||
        !phi_person_replay_is_done(correction->replay))
        return PHI_ERR_NEIGHBOUR; /* the batch comes again */
    for (size_t i = 0; i < batch->count && err == PHI_OK; i++)
        err = take_msg(service, &batch->msgs[i], tx);
    return err;
}

static void committed(const struct phi_batch *batch, void *context)
{
    struct phi_service *service = context;
    (void)batch;
    phi_relay_wake(phi_service_relay(service));
}

enum phi_err handed_open(struct phi_service *service, struct handed **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char variable[] = "PHI_INTAKE_KEY_FILE";
    struct handed *handed = calloc(1, sizeof(*handed));
    PHI_GUARD(handed == NULL ? PHI_ERR_MEMORY : PHI_OK);
    err = phi_service_key_sm2(service, variable, &handed->key, error);
    if (err == PHI_ERR_CONFIG && phi_config_text(phi_service_config(service), variable) == NULL) {
        phi_log(PHI_LOG_INFO, "no_unified_entry", PHI_L_WORD("without", variable));
        handed_close(handed);
        return PHI_OK;
    }
    PHI_GUARD(err);
    snprintf(handed->group, sizeof(handed->group), GROUP "%s", phi_service_region(service));
    *out = handed;
    handed = NULL;
out:
    handed_close(handed);
    return err;
}

enum phi_err handed_start(struct phi_service *service, struct phi_error *error)
{
    const struct correction *correction = phi_service_state(service);
    const char *const topics[] = {phi_service_topic(service, DISPUTE_DOWN)};
    if (correction->handed == NULL)
        return PHI_OK;
    const struct phi_consumer_options options = {.bus = phi_service_platform_bus(service),
                                                 .group = correction->handed->group,
                                                 .topics = topics,
                                                 .topic_count = 1,
                                                 .store = phi_service_store(service),
                                                 .dlq = correction->dlq,
                                                 /* what was lost is sent again */
                                                 .restart_when_lost = true,
                                                 .batch_max = BATCH_MAX,
                                                 .handle = handle,
                                                 .committed = committed,
                                                 .context = service};
    return phi_consumer_open(&options, &correction->handed->consumer, error);
}

void handed_stop(struct correction *correction, struct phi_deadline until)
{
    if (correction->handed == NULL)
        return;
    if (phi_consumer_close(correction->handed->consumer, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "consumer_closed_late", PHI_L_WORD("rest", "comes_again"));
    correction->handed->consumer = NULL;
}

void handed_close(struct handed *handed)
{
    if (handed == NULL)
        return;
    phi_sm2_private_free(handed->key);
    free(handed);
}
