/* dispute.up of all provinces, each record signed by the correction key that the trust list gives
 * its province; and the clock that hands over again what was not answered. */
#include "svc-platform/appeals/appeals.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/event_row.h"
#include "bus/signed.h"
#include "codes/region.h"
#include "service/letter.h"

#include <stdlib.h>
#include <string.h>

#define TOPICS      "^phi\\.[0-9]{6}\\.dispute\\.up$"
#define GROUP       "svc-platform.disputes"
#define BATCH_MAX   32
#define RECORD_ROOM (4 * 1024 * 1024)
#define DEPTH_MAX   6
#define TICK_MS     200
#define EVERY_MS    1000
#define ACQUIRE_MS  2000
#define RESEND_MAX  100

struct disputes {
    struct platform *platform;
    struct phi_consumer *consumer;
    struct phi_counter *taken;
    struct phi_counter *resent;
    struct phi_counter *decisions_resent;
    pthread_t thread;
    bool has_thread;
    atomic_bool stopping;
};

/* --- what provinces say --- */

static const struct {
    const char *kind;
    enum phi_err (*take)(const struct dispute_news *news, struct phi_error *error);
} kinds[] = {{"state", dispute_take_state},
             {"not-taken", dispute_take_refusal},
             {"appeal", appeal_take},
             {"appeal-answer", appeal_take_answer}};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum phi_err take_kind(const struct dispute_news *news, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *kind = NULL;
    PHI_GUARD(phi_json_word(news->root, "kind", 32, &kind, error));
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kind, kinds[i].kind) == 0)
            return kinds[i].take(news, error);
    err = phi_json_refuse(news->root, "kind", PHI_ERR_FIELD_VALUE, "no such kind", error);
out:
    return err;
}

static enum phi_err verify(struct platform *platform, const struct phi_msg *msg, const char *region,
                           int64_t now_us, struct phi_error *error)
{
    uint64_t version = 0;
    struct phi_pinned_key pinned[PHI_LETTER_KEYS_MAX];
    const struct phi_trust_view *view = phi_trust_acquire(phi_service_trust(platform->service));
    size_t count =
        phi_letter_pin(phi_trust_platform(view, region), PHI_TRUST_CORRECTION, now_us, pinned);
    enum phi_err err = count == 0 ? phi_error_set(error, PHI_ERR_CODE_PLATFORM, "topic",
                                                  "no platform that says this")
                                  : phi_signed_verify(msg, pinned, count, &version, error);
    phi_trust_release(view);
    return err;
}

static enum phi_err take_msg(struct disputes *disputes, const struct phi_msg *msg,
                             struct phi_conn *tx, struct phi_arena *arena, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char region[PHI_REGION_LEN + 1] = {0};
    struct phi_json_at root;
    struct dispute_news news = {.tx = tx,
                                .arena = arena,
                                .root = &root,
                                .value = msg->value,
                                .region = region,
                                .now_us = phi_clock_now_us(NULL)};
    memcpy(region, msg->topic + strlen("phi."), PHI_REGION_LEN);
    PHI_GUARD(verify(disputes->platform, msg, region, news.now_us, error));
    PHI_GUARD(phi_json_read(msg->value, DEPTH_MAX, arena, &root, error));
    PHI_GUARD(take_kind(&news, error));
    phi_counter_add(disputes->taken, 1);
out:
    return err;
}

static bool is_poison(enum phi_err err)
{
    return err != PHI_OK && !phi_err_is_retryable(err) && err != PHI_ERR_MEMORY;
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct disputes *disputes = context;
    if (!phi_trust_is_usable(phi_service_trust(disputes->platform->service)))
        return PHI_ERR_NEIGHBOUR;
    for (size_t i = 0; i < batch->count && err == PHI_OK; i++) {
        struct phi_error error = {.code = PHI_OK};
        struct phi_arena *arena = phi_arena_new(RECORD_ROOM);
        err =
            arena == NULL ? PHI_ERR_MEMORY : take_msg(disputes, &batch->msgs[i], tx, arena, &error);
        if (is_poison(err)) {
            phi_log(PHI_LOG_WARN, "dispute_record_refused", PHI_L_DETAIL(&error));
            err = phi_dlq_put(disputes->platform->dlq, tx, &batch->msgs[i], err);
        }
        phi_arena_free(arena);
    }
    return err;
}

static void committed(const struct phi_batch *batch, void *context)
{
    struct disputes *disputes = context;
    (void)batch;
    phi_relay_wake(phi_service_relay(disputes->platform->service));
}

/* --- what they have not answered --- */

static enum phi_err hand_over(struct disputes *disputes, struct phi_conn *tx,
                              const struct phi_rows *rows, size_t i, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = disputes->platform->service;
    int64_t now_us = phi_clock_now_us(NULL);
    struct phi_arena *arena = phi_arena_new(RECORD_ROOM);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    struct phi_event event = {
        .topic = phi_arena_printf(arena, "phi.%s." DISPUTE_DOWN, phi_rows_text(rows, i, 0)),
        .type = "cn.phi.dispute.filed",
        .source = phi_service_source(service),
        .time_us = now_us,
        .value = phi_view_text(phi_rows_text(rows, i, 1))};
    PHI_GUARD(event.topic == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_service_sign_event(service, &event, (uint64_t)now_us, arena));
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_event_put(tx, &event, error));
out:
    phi_arena_free(arena);
    return err;
}

static enum phi_err resend(struct disputes *disputes, struct phi_conn *tx, size_t *count,
                           struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    int64_t now_us = phi_clock_now_us(NULL);
    int64_t every_s =
        phi_config_int(phi_service_config(disputes->platform->service), "PHI_DISPUTE_RESEND_S");
    const struct phi_param params[] = {PHI_I64(now_us), PHI_I64(now_us + every_s * 1000000),
                                       PHI_I64(RESEND_MAX)};
    PHI_GUARD(phi_conn_exec(tx, "disputes_resend",
                            "UPDATE disputes d SET next_us = $2 FROM (SELECT dispute_id FROM "
                            "disputes WHERE next_us <= $1 ORDER BY next_us LIMIT $3 FOR UPDATE "
                            "SKIP LOCKED) late WHERE d.dispute_id = late.dispute_id RETURNING "
                            "d.region, d.letter",
                            params, 3, &rows, error));
    *count = phi_rows_count(rows);
    for (size_t i = 0; i < *count; i++)
        PHI_GUARD(hand_over(disputes, tx, rows, i, error));
out:
    phi_rows_free(rows);
    return err;
}

static void look(struct disputes *disputes)
{
    enum phi_err err = PHI_OK;
    size_t count = 0, appeal_count = 0;
    struct phi_conn *conn = NULL;
    struct phi_error error = {.code = PHI_OK};
    struct phi_service *service = disputes->platform->service;
    PHI_GUARD(phi_store_acquire(phi_service_store(service), phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(phi_conn_begin(conn, &error));
    PHI_GUARD(resend(disputes, conn, &count, &error));
    PHI_GUARD(appeals_resend(disputes->platform, conn, &appeal_count, &error));
    PHI_GUARD(phi_conn_commit(conn, &error));
    phi_counter_add(disputes->resent, count);
    phi_counter_add(disputes->decisions_resent, appeal_count);
    if (count + appeal_count > 0)
        phi_relay_wake(phi_service_relay(service));
out:
    if (err != PHI_OK)
        phi_log(PHI_LOG_WARN, "disputes_not_handed_again", PHI_L_ERR(err));
    phi_store_release(conn);
}

static void *run(void *context)
{
    struct disputes *disputes = context;
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    struct phi_deadline next = phi_deadline_in_ms(EVERY_MS);
    while (!atomic_load(&disputes->stopping)) {
        nanosleep(&tick, NULL);
        if (!phi_deadline_is_past(next))
            continue;
        look(disputes);
        next = phi_deadline_in_ms(EVERY_MS);
    }
    return NULL;
}

/* --- both --- */

enum phi_err disputes_open(struct platform *platform, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const topics[] = {TOPICS};
    struct disputes *disputes = calloc(1, sizeof(*disputes));
    PHI_GUARD(disputes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    platform->disputes = disputes;
    disputes->platform = platform;
    disputes->taken =
        phi_counter_new("phi_disputes_told_total", "records of dispute.up taken", NULL);
    disputes->resent = phi_counter_new("phi_disputes_resent_total",
                                       "disputes handed over again, being unanswered", NULL);
    disputes->decisions_resent =
        phi_counter_new("phi_appeal_decisions_resent_total",
                        "decisions of appeals sent again, being unanswered", NULL);
    const struct phi_consumer_options options = {
        .bus = phi_service_platform_bus(platform->service),
        .group = GROUP,
        .topics = topics,
        .topic_count = 1,
        .store = phi_service_store(platform->service),
        .dlq = platform->dlq,
        .batch_max = BATCH_MAX,
        .session_ms = phi_config_int(phi_service_config(platform->service), "PHI_BUS_SESSION_MS"),
        .handle = handle,
        .committed = committed,
        .context = disputes};
    PHI_GUARD(phi_consumer_open(&options, &disputes->consumer, error));
    disputes->has_thread = pthread_create(&disputes->thread, NULL, run, disputes) == 0;
    PHI_GUARD(disputes->has_thread ? PHI_OK : PHI_ERR_INTERNAL);
out:
    return err;
}

void disputes_stop(struct platform *platform, struct phi_deadline until)
{
    struct disputes *disputes = platform->disputes;
    if (disputes == NULL)
        return;
    atomic_store(&disputes->stopping, true);
    if (disputes->has_thread)
        pthread_join(disputes->thread, NULL);
    if (phi_consumer_close(disputes->consumer, until) != PHI_OK)
        phi_log(PHI_LOG_WARN, "consumer_left_late", PHI_L_WORD("group", GROUP));
    free(disputes);
    platform->disputes = NULL;
}
