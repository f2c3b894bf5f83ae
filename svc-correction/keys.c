/* Data keys of persons, kept wrapped; and what was written before a key was destroyed goes. */
#include "svc-correction/texts.h"

#include "base/log.h"
#include "bus/consumer.h"
#include "bus/dlq.h"
#include "person/replay.h"
#include "svc-correction/batches/batches.h"
#include "svc-correction/flow/news.h"

#include <string.h>

#define GROUP     "svc-correction"
#define REPLAY_MS 3000
#define ARENA_MAX (32 * 1024 * 1024)

/* Once for each erasure, however often its record comes: what was filed since then stays. Text
 * under a later key of the person was written after it. */
#define IS_BEFORE(sealed)                                                                          \
    "(octet_length(" sealed ") > 4 AND ('x' || encode(substring(" sealed                           \
    " FOR 4), 'hex'))::bit(32)::bigint NOT BETWEEN n.version + 1 AND 65535)"
#define ERASURES                                                                                   \
    "n AS (INSERT INTO erasures (subject, version) SELECT DISTINCT k.subject, k.version - "        \
    "k.version % 2 FROM person_keys k WHERE k.subject = ANY ($1::bytea[]) ON CONFLICT DO NOTHING " \
    "RETURNING subject, version)"
#define STATEMENTS                                                                                 \
    "statements AS (UPDATE cases c SET statement_sealed = '' FROM n WHERE c.subject = n.subject "  \
    "AND " IS_BEFORE("c.statement_sealed") ")"
#define CHUNKS                                                                                     \
    "chunks AS (DELETE FROM attachment_chunks k USING attachments a, cases c, n WHERE c.subject "  \
    "= n.subject AND a.case_id = c.case_id AND k.attachment_id = a.attachment_id "                 \
    "AND " IS_BEFORE("k.sealed") ")"
#define EMPTIED(column)                                                                            \
    column "_sealed = CASE WHEN " IS_BEFORE("s." column "_sealed") " THEN '' "                     \
                                                                   "ELSE s." column "_sealed END"
static const char forget_sql[] =
    "WITH " ERASURES ", " STATEMENTS ", " CHUNKS
    " UPDATE steps s SET " EMPTIED("note") ", " EMPTIED(
        "content") " FROM cases c, n WHERE c.case_id = s.case_id AND c.subject = "
                   "n.subject";

static enum phi_err forget(struct phi_conn *tx, const struct phi_array *erased,
                           struct phi_error *error)
{
    const struct phi_param param = PHI_ARRAY(erased);
    if (phi_array_count(erased) == 0)
        return PHI_OK;
    return phi_conn_exec(tx, "texts_forget", forget_sql, &param, 1, NULL, error);
}

static enum phi_err take_keys(struct phi_service *service, const struct phi_batch *batch,
                              struct phi_conn *tx, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct correction *correction = phi_service_state(service);
    size_t dead = 0;
    struct phi_array *erased = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(erased == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_person_keys_take(tx, batch->msgs, batch->count, phi_service_region(service),
                                   correction->health_key, correction->dlq,
                                   phi_clock_now_us(phi_service_clock(service)), arena, erased,
                                   &dead, error));
    PHI_GUARD(forget(tx, erased, error));
out:
    phi_array_free(erased);
    return err;
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = context;
    struct phi_error error = {.code = PHI_OK};
    struct correction *correction = phi_service_state(service);
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    bool is_keys = strcmp(batch->topic, phi_service_topic(service, PHI_PERSON_STREAM)) == 0;
    phi_laid_clear(&correction->laid);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    bool is_batch = strcmp(batch->topic, phi_service_topic(service, BATCH_STREAM)) == 0;
    PHI_GUARD(is_keys    ? take_keys(service, batch, tx, arena, &error)
              : is_batch ? batch_take(service, batch, tx, arena, &error)
                         : news_take(service, batch, tx, arena, &error));
out:
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "batch_not_taken", PHI_L_DETAIL(&error));
    if (correction->laid.arena != arena)
        phi_arena_free(arena);
    return err;
}

static void committed(const struct phi_batch *batch, void *context)
{
    struct phi_service *service = context;
    struct correction *correction = phi_service_state(service);
    (void)batch;
    phi_laid_offer(&correction->laid, phi_service_relay(service));
    phi_relay_wake(phi_service_relay(service));
}

static enum phi_err open_replay(struct phi_service *service, struct correction *correction,
                                struct phi_error *error)
{
    const struct phi_person_replay_options options = {
        .bus = phi_service_bus(service),
        .topic = phi_service_topic(service, PHI_PERSON_STREAM),
        .region = phi_service_region(service),
        .store = phi_service_store(service),
        .health = correction->health_key};
    return phi_person_replay_open(&options, &correction->replay, error);
}

enum phi_err case_keys_start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct correction *correction = phi_service_state(service);
    const char *const topics[] = {
        phi_service_topic(service, PHI_PERSON_STREAM), phi_service_topic(service, NEWS_APPLIED),
        phi_service_topic(service, NEWS_REOPENED), phi_service_topic(service, BATCH_STREAM)};
    const struct phi_dlq_options dead = {.region = phi_service_region(service),
                                         .program = phi_service_program(service),
                                         .seal_key = correction->health_key};
    PHI_GUARD(phi_dlq_open(&dead, &correction->dlq, error));
    const struct phi_consumer_options options = {.bus = phi_service_bus(service),
                                                 .group = GROUP,
                                                 .topics = topics,
                                                 .topic_count = 4,
                                                 .store = phi_service_store(service),
                                                 .dlq = correction->dlq,
                                                 .handle = handle,
                                                 .committed = committed,
                                                 .context = service};
    PHI_GUARD(open_replay(service, correction, error));
    PHI_GUARD(phi_consumer_open(&options, &correction->consumer, error));
    (void)phi_person_replay_wait(correction->replay, phi_deadline_in_ms(REPLAY_MS));
out:
    return err;
}

void case_keys_stop(struct correction *correction, struct phi_deadline until)
{
    if (phi_consumer_close(correction->consumer, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "consumer_closed_late", PHI_L_WORD("rest", "comes_again"));
    correction->consumer = NULL;
}

void case_keys_close(struct correction *correction)
{
    phi_laid_clear(&correction->laid);
    phi_person_replay_close(correction->replay);
    phi_dlq_close(correction->dlq);
}
